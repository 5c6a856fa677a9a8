//! `image-resolver` against scripted answers.
#![allow(clippy::result_large_err, reason = "as in the plugin")]

use honey_plugin_gitea::{Gitea, manifest};
use honey_sdk::{
    Fault, Value,
    capability::{ImageResolver, Resolved},
    json,
    testing::{MockHost, configure},
};

const BASE: &str = "https://git.example.com";
const IMAGE: &str = "git.example.com/admin/api:1";
const HEAD: &str = "/v2/admin/api/manifests/1";
const OCI: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn host(settings: Value) -> MockHost {
    let host = MockHost::new(BASE, "honeydue-hetzner", "hetzner/image/api");
    configure::<Gitea>(settings).expect("settings");
    host
}

fn resolve(host: &MockHost, reference: &str) -> Result<Resolved, Fault> {
    honey_sdk::current::<Gitea>().expect("configured").resolve(host.context(), reference)
}

fn challenge(host: &MockHost, realm: &str) {
    let header = format!(r#"Bearer realm="{realm}",service="container_registry",scope="*""#);
    let body = json!({"errors": [{"code": "UNAUTHORIZED", "message": ""}]}).to_string().into_bytes();
    host.expect("GET", "/v2/").reply_raw(401, &[("www-authenticate", &header)], body);
}

fn signed_in() -> MockHost {
    let host = host(json!({}));
    host.secret("password", "canary-password");
    challenge(&host, "https://git.example.com/v2/token");
    host.expect("GET", "/v2/token?service=container_registry&scope=%2A")
        .header("authorization", "Basic base64(admin:{{password}})")
        .reply(200, json!({"token": "canary-jwt"}));
    host
}

fn head(host: &MockHost, target: &str, media_type: &str, digest: &str) {
    host.expect("HEAD", target)
        .header("authorization", "Bearer {{registry.user-admin}}")
        .header("accept", manifest::ACCEPT)
        .reply_raw(200, &[("content-type", media_type), ("docker-content-digest", digest)], Vec::new());
}

#[test]
fn a_tag_becomes_a_digest_and_the_sign_in_is_kept() {
    let host = signed_in();
    let digest = manifest::digest(b"a manifest");
    head(&host, HEAD, OCI, &digest);
    let resolved = resolve(&host, IMAGE).expect("resolved");
    assert_eq!((resolved.digest, resolved.media_type.as_str()), (digest.clone(), OCI));
    assert_eq!(host.secret_value("registry.user-admin").as_deref(), Some("canary-jwt"));
    head(&host, "/v2/admin/web/manifests/2", OCI, &digest);
    resolve(&host, "git.example.com/admin/web:2").expect("one call");
}

#[test]
fn an_index_tells_its_platforms() {
    let body =
        json!({"schemaVersion": 2, "manifests": [{"platform": {"os": "linux", "architecture": "amd64"}}]})
            .to_string();
    let digest = manifest::digest(body.as_bytes());
    let host = signed_in();
    head(&host, HEAD, INDEX, &digest);
    host.expect("GET", &format!("/v2/admin/api/manifests/{digest}")).reply_raw(
        200,
        &[],
        body.clone().into_bytes(),
    );
    assert_eq!(resolve(&host, IMAGE).expect("resolved").platforms, ["linux/amd64"]);

    head(&host, HEAD, INDEX, &digest);
    let elsewhere = [("location", "https://objects.example.net/x")];
    host.expect("GET", &format!("/v2/admin/api/manifests/{digest}")).reply_raw(307, &elsewhere, Vec::new());
    assert_eq!(resolve(&host, IMAGE).expect("resolved").warnings.len(), 1);

    head(&host, HEAD, INDEX, &digest);
    host.expect("GET", &format!("/v2/admin/api/manifests/{digest}")).reply_raw(200, &[], b"{}".to_vec());
    assert_eq!(resolve(&host, IMAGE).expect_err("changed on the way").code, "gitea::digest-mismatch");
}

#[test]
fn without_the_header_the_bytes_decide() {
    let host = signed_in();
    host.expect("HEAD", HEAD).reply_raw(405, &[], Vec::new());
    host.expect("GET", HEAD).reply_raw(200, &[("content-type", OCI)], b"the bytes".to_vec());
    assert_eq!(resolve(&host, IMAGE).expect("resolved").digest, manifest::digest(b"the bytes"));
}

#[test]
fn a_digest_that_no_tag_names_is_a_warning() {
    let wanted = manifest::digest(b"old");
    for (named_by_tag, warnings) in [(true, 0), (false, 1)] {
        let host = signed_in();
        head(&host, &format!("/v2/admin/api/manifests/{wanted}"), OCI, &wanted);
        host.expect("GET", "/v2/admin/api/tags/list?n=100")
            .reply(200, json!({"name": "admin/api", "tags": ["latest", wanted]}));
        let latest = if named_by_tag { wanted.clone() } else { manifest::digest(b"new") };
        head(&host, "/v2/admin/api/manifests/latest", OCI, &latest);
        let resolved = resolve(&host, &format!("git.example.com/admin/api@{wanted}")).expect("resolved");
        assert_eq!(resolved.warnings.len(), warnings, "{:?}", resolved.warnings);
    }
}

#[test]
fn what_is_not_there_is_said_plainly() {
    for (status, class, code) in [(404, "not-found", "gitea::no-such-image"), (401, "auth", "gitea::401")] {
        let host = signed_in();
        host.expect("HEAD", HEAD).reply_raw(status, &[], Vec::new());
        let fault = resolve(&host, IMAGE).expect_err("not there");
        assert_eq!((fault.class.as_str(), fault.code.as_str()), (class, code));
        assert!(fault.message.contains("admin/api"), "{}", fault.message);
    }
    let host = host(json!({}));
    assert_eq!(
        resolve(&host, "https://git.example.com/admin/api:1").expect_err("no reference").code,
        "gitea::reference"
    );
}

#[test]
fn a_token_that_ran_out_is_renewed_once() {
    let host = signed_in();
    let digest = manifest::digest(b"a manifest");
    head(&host, HEAD, OCI, &digest);
    resolve(&host, IMAGE).expect("resolved");
    host.expect("HEAD", HEAD).reply_raw(401, &[], Vec::new());
    challenge(&host, "https://git.example.com/v2/token");
    host.expect("GET", "/v2/token?service=container_registry&scope=%2A")
        .reply(200, json!({"token": "canary-jwt-2"}));
    head(&host, HEAD, OCI, &digest);
    resolve(&host, IMAGE).expect("resolved again");
}

#[test]
fn credentials_go_to_the_registry_itself_only() {
    for realm in [
        "https://evil.example.org/v2/token",
        "http://git.example.com/v2/token",
        "https://git.example.com@evil.org/t",
        "x",
    ] {
        let host = host(json!({}));
        host.secret("password", "canary");
        challenge(&host, realm);
        let fault = resolve(&host, IMAGE).expect_err(realm);
        assert_eq!((fault.class.as_str(), fault.code.as_str()), ("forbidden", "gitea::foreign-realm"));
    }
}

#[test]
fn a_public_registry_is_read_without_a_password() {
    let host = host(json!({"endpoint": BASE, "username": "robot"}));
    challenge(&host, "https://git.example.com/v2/token");
    host.expect("GET", "/v2/token?service=container_registry&scope=%2A")
        .reply(200, json!({"token": "anonymous"}));
    host.expect("HEAD", HEAD).header("authorization", "Bearer {{registry.anonymous}}").reply_raw(
        200,
        &[("docker-content-digest", &manifest::digest(b"x"))],
        Vec::new(),
    );
    resolve(&host, IMAGE).expect("resolved");
}
