//! The simulated Backblaze B2 over plain HTTP.

mod common;

use base64::Engine as _;
use common::{in_order, lab, send};
use honey_lab::{Effect, FaultRule, Lab};
use serde_json::{Value, json};

async fn authorize(lab: &Lab, id: &str, secret: &str) -> (u16, Value) {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
    let url = format!("{}/b2api/v4/b2_authorize_account", lab.endpoint("b2"));
    let answer = send("GET", &url, &format!("Basic {pair}"), None).await.expect("answer");
    (answer.status, answer.json)
}

async fn call(session: &Value, operation: &str, mut body: Value) -> (u16, Value) {
    let api = session["apiInfo"]["storageApi"]["apiUrl"].as_str().expect("url");
    let token = session["authorizationToken"].as_str().expect("token");
    if operation != "delete_key" {
        body["accountId"] = session["accountId"].clone();
    }
    let url = format!("{api}/b2api/v4/b2_{operation}");
    let answer = send("POST", &url, token, Some(body)).await.expect("answer");
    (answer.status, answer.json)
}

#[tokio::test]
async fn buckets_and_keys() {
    let lab = lab().await;
    let (id, secret) = (lab.secret("b2", "key-id"), lab.secret("b2", "application-key"));
    let (status, master) = authorize(&lab, id, secret).await;
    assert_eq!(status, 200, "{master}");
    let wish = json!({"bucketName": "honeydue-prod", "bucketType": "allPrivate"});
    let (status, bucket) = call(&master, "create_bucket", wish.clone()).await;
    assert_eq!(status, 200, "{bucket}");
    let (status, twin) = call(&master, "create_bucket", wish).await;
    assert_eq!((status, &twin["code"]), (400, &json!("duplicate_bucket_name")));
    let stale = json!({"bucketId": bucket["bucketId"], "ifRevisionIs": 99, "bucketInfo": {}});
    assert_eq!(call(&master, "update_bucket", stale).await.0, 409);
    let wish = json!({"keyName": "honeydue-app", "capabilities": ["listBuckets", "readFiles"], "bucketIds": [bucket["bucketId"]]});
    let (status, key) = call(&master, "create_key", wish).await;
    assert_eq!(status, 200, "{key}");
    let text = |key: &Value, name: &str| key[name].as_str().expect("text").to_owned();
    let (status, small) =
        authorize(&lab, &text(&key, "applicationKeyId"), &text(&key, "applicationKey")).await;
    assert_eq!(
        (status, &small["apiInfo"]["storageApi"]["allowed"]["buckets"][0]["name"]),
        (200, &json!("honeydue-prod"))
    );
    assert_eq!(call(&small, "list_buckets", json!({})).await.0, 401);
    let named = call(&small, "list_buckets", json!({"bucketName": "honeydue-prod"})).await;
    assert_eq!(named.0, 200);
    let (status, refused) = call(&small, "list_keys", json!({})).await;
    assert_eq!((status, &refused["code"]), (401, &json!("unauthorized")));
    let (_, keys) = call(&master, "list_keys", json!({})).await;
    assert_eq!(
        (keys["keys"].as_array().map(Vec::len), &keys["nextApplicationKeyId"]),
        (Some(1), &Value::Null)
    );
    assert!(keys["keys"][0].get("applicationKey").is_none());
    let gone = json!({"applicationKeyId": key["applicationKeyId"]});
    assert_eq!(call(&master, "delete_key", gone).await.0, 200);
    let gone = json!({"bucketId": bucket["bucketId"]});
    assert_eq!(call(&master, "delete_bucket", gone).await.0, 200);
    in_order(&lab);
}

#[tokio::test]
async fn names_tokens_and_expiry() {
    let lab = lab().await;
    let (id, secret) = (lab.secret("b2", "key-id"), lab.secret("b2", "application-key"));
    assert_eq!(authorize(&lab, id, "wrong").await.1["code"], "unauthorized");
    let (_, master) = authorize(&lab, id, secret).await;
    for name in ["b2-mine", "short", "taken"] {
        let wish = json!({"bucketName": name, "bucketType": "allPrivate"});
        assert_eq!(call(&master, "create_bucket", wish).await.0, 400, "{name}");
    }
    let expired = Effect::Status {
        status: 401,
        code: Some("expired_auth_token".into()),
        message: None,
        retry_after: honey_lab::RetryAfter::Absent,
    };
    lab.inject(FaultRule::new("b2", expired).path("list_buckets"));
    for _ in 0..2 {
        let (status, refused) = call(&master, "list_buckets", json!({})).await;
        assert_eq!((status, &refused["code"]), (401, &json!("expired_auth_token")));
    }
    let (_, again) = authorize(&lab, id, secret).await;
    assert_eq!(call(&again, "list_buckets", json!({})).await.0, 200);
}
