//! The simulated Gitea over plain HTTP.

mod common;

use base64::Engine as _;
use common::{in_order, lab, send};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

fn basic(user: &str, password: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {pair}")
}

#[tokio::test]
async fn a_token_opens_the_registry() {
    let lab = lab().await;
    let origin = lab.endpoint("gitea");
    let admin = basic("admin", lab.secret("gitea", "password"));
    let tokens = format!("{origin}/api/v1/users/admin/tokens");
    let wish = json!({"name": "pull", "scopes": ["read:package"]});
    let made = send("POST", &tokens, &admin, Some(wish.clone())).await.expect("answer");
    assert_eq!(made.status, 201, "{}", made.text);
    let secret = made.json["sha1"].as_str().expect("secret").to_owned();
    assert_eq!(send("POST", &tokens, &admin, Some(wish.clone())).await.expect("answer").status, 400);
    let by_token = format!("token {secret}");
    let refused = send("GET", &tokens, &by_token, None).await.expect("answer");
    assert_eq!((refused.status, &refused.json["message"]), (401, &json!("auth required")));
    let list = send("GET", &tokens, &admin, None).await.expect("answer");
    assert_eq!((list.header("x-total-count"), &list.json[0]["sha1"]), ("1", &json!("")));

    let manifest = format!("{origin}/v2/admin/honeydue-api/manifests/latest");
    let closed = send("HEAD", &manifest, "", None).await.expect("answer");
    assert_eq!(closed.status, 401);
    assert!(closed.header("www-authenticate").starts_with(&format!("Bearer realm=\"{origin}/v2/token\"")));
    let door =
        format!("{origin}/v2/token?service=container_registry&scope=repository:admin/honeydue-api:pull");
    let key = send("GET", &door, &basic("admin", &secret), None).await.expect("answer");
    let bearer = format!("Bearer {}", key.json["token"].as_str().expect("token"));
    let index = send("GET", &manifest, &bearer, None).await.expect("answer");
    assert_eq!(index.header("content-type"), "application/vnd.oci.image.index.v1+json");
    let digest = format!("sha256:{}", hex::encode(Sha256::digest(index.text.as_bytes())));
    assert_eq!(index.header("docker-content-digest"), digest);
    let head = send("HEAD", &manifest, &bearer, None).await.expect("answer");
    assert_eq!((head.status, head.header("docker-content-digest")), (200, digest.as_str()));
    assert_eq!(index.json["manifests"].as_array().map(Vec::len), Some(2));
    let exact = format!("{origin}/v2/admin/honeydue-api/manifests/{digest}");
    assert_eq!(send("GET", &exact, &bearer, None).await.expect("answer").text, index.text);
    let tags = format!("{origin}/v2/admin/honeydue-api/tags/list?n=2");
    let tags = send("GET", &tags, &bearer, None).await.expect("answer");
    assert_eq!(tags.json["tags"], json!(["1.4.0", "1.5.0"]));
    assert!(tags.header("link").contains("rel=\"next\""));
    in_order(&lab);

    let missing = format!("{origin}/v2/admin/honeydue-api/manifests/nope");
    let missing = send("GET", &missing, &bearer, None).await.expect("answer");
    assert_eq!((missing.status, &missing.json["errors"][0]["code"]), (404, &json!("MANIFEST_UNKNOWN")));
    let odd = send("GET", &format!("{origin}/v2/Admin/X/manifests/a"), &bearer, None).await.expect("answer");
    assert_eq!(odd.json["errors"][0]["code"], "NAME_INVALID");
    let gone = send("DELETE", &format!("{tokens}/pull"), &admin, None).await.expect("answer");
    assert_eq!(gone.status, 204);
    let after = send("GET", &door, &basic("admin", &secret), None).await.expect("answer");
    assert_eq!(after.status, 401);
}

#[tokio::test]
async fn packages_and_scopes() {
    let lab = lab().await;
    let origin = lab.endpoint("gitea");
    let admin = basic("admin", lab.secret("gitea", "password"));
    let packages = format!("{origin}/api/v1/packages/admin?type=container&limit=5");
    let list = send("GET", &packages, &admin, None).await.expect("answer");
    assert_eq!((list.status, list.header("x-total-count")), (200, "12"));
    assert_eq!(list.json[0]["repository"], Value::Null);
    let tokens = format!("{origin}/api/v1/users/admin/tokens");
    let bare = send("POST", &tokens, &admin, Some(json!({"name": "x"}))).await.expect("answer");
    assert_eq!((bare.status, &bare.json["message"]), (400, &json!("access token must have a scope")));
    let user = json!({"name": "user", "scopes": ["read:user"]});
    let user = send("POST", &tokens, &admin, Some(user)).await.expect("answer");
    let token = format!("token {}", user.json["sha1"].as_str().expect("secret"));
    assert_eq!(send("GET", &packages, &token, None).await.expect("answer").status, 403);
    assert_eq!(send("GET", &packages, "", None).await.expect("answer").status, 401);
}
