//! What a hostile guest can do with HTTP and secrets: nothing it is not granted,
//! and it never sees a secret's bytes.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "hostile/support.rs"]
mod support;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, response::IntoResponse};
use honey_plugin_host::{Grant, Plugin};
use honey_ports::{Driver, Target};
use serde_json::{Value, json};
use support::{CANARY, World, artifact, manifest};

/// Requests that reached the server.
type Seen = Arc<Mutex<Vec<(String, HeaderMap, Bytes)>>>;

/// A server that answers by path.
async fn server() -> (String, Seen) {
    let seen = Seen::default();
    let failures = Arc::new(AtomicUsize::new(0));
    let answer = move |State(seen): State<Seen>, uri: axum::http::Uri, headers: HeaderMap, body: Bytes| {
        let failures = failures.clone();
        async move {
            seen.lock().unwrap().push((uri.path().to_owned(), headers.clone(), body.clone()));
            let told = |name: &str| {
                headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
            };
            match uri.path() {
                "/echo" => {
                    let echo = json!({"auth": told("authorization"), "basic": told("x-basic"), "body": String::from_utf8_lossy(&body)});
                    ([("x-echo", told("authorization"))], echo.to_string()).into_response()
                }
                "/redirect" => (axum::http::StatusCode::FOUND, [("location", "http://127.0.0.1:1/elsewhere")]).into_response(),
                "/secret" => json!({"id": 7, "inner": {"password": "fresh-password-1"}, "uri": "postgres://u:fresh-password-1@h"}).to_string().into_response(),
                "/unavailable" if failures.fetch_add(1, Ordering::SeqCst) < 2 => axum::http::StatusCode::SERVICE_UNAVAILABLE.into_response(),
                "/large" => vec![b'x'; 9 << 20].into_response(),
                _ => "ok".into_response(),
            }
        }
    };
    let router = Router::new().fallback(answer).with_state(seen.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (origin, seen)
}

/// A plugin that sends one request, granted `origin` and the secret `token`.
async fn plugin(world: &World, origin: &str, settings: Value) -> Arc<Plugin> {
    let manifest = manifest(
        "[secrets.token]\nhosts = [\"api.example.com\"]\n[secrets.signing]\nhosts = []\nsign = true\nrequired = false\n\
         [captures]\nnames = [\"*.password\"]\n",
    );
    let grant = Grant {
        egress: Some(vec![origin.to_owned()]),
        secrets: BTreeMap::from([
            ("token".to_owned(), "mine".to_owned()),
            ("signing".to_owned(), "mine".to_owned()),
        ]),
        settings,
        ..Grant::default()
    };
    world.load_bytes(artifact(&manifest, "0.1"), grant).await.unwrap()
}

async fn fetch(world: &World, origin: &str, settings: Value) -> Value {
    let plugin = plugin(world, origin, settings).await;
    let target = Target { kind: "thing", id: None, desired: None };
    plugin.read(&world.context(), target).await.unwrap().unwrap().attributes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_gets_the_secret_and_the_guest_does_not() {
    let (origin, seen) = server().await;
    let world = World::new();
    let url = format!("{origin}/echo");
    let told = fetch(&world, &origin, json!({"url": url, "secret": "token"})).await;
    let requests = seen.lock().unwrap().clone();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].1["authorization"], format!("Bearer {CANARY}"));
    assert_ne!(requests[0].1["host"], "forged");
    assert_eq!(told["status"], 200, "{told}");
    let everything = format!("{told} {}", world.said());
    assert!(everything.contains("****"), "{everything}");
    for piece in ["canary", "7f3a", "Y2FuYXJ5", "dXNlcjpj"] {
        assert!(!everything.contains(piece), "{piece} in {everything}");
    }
    assert_eq!(world.host.calls()[0].count, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_not_sent() {
    let (origin, seen) = server().await;
    let (other, others) = server().await;
    let world = World::new();
    for (settings, word) in [
        (json!({"url": other}), "not granted"),
        (json!({"url": "https://api.example.com/"}), "not granted"),
        (json!({"url": origin.replace("http://", "http://u:p@")}), "names a user"),
        (json!({"url": "http://169.254.169.254/latest/meta-data"}), "not granted"),
        (json!({"url": origin, "secret": "mine"}), "not granted"),
        (json!({"url": origin, "secret": "other.password"}), "no secret"),
        (json!({"url": origin, "capture": "/x", "into": "elsewhere"}), "names no such secret"),
    ] {
        let told = fetch(&world, &origin, settings.clone()).await;
        let error = told["error"].as_str().unwrap_or_default();
        assert!(error.contains("Denied") && error.contains(word), "{settings}: {told}");
    }
    assert!(seen.lock().unwrap().is_empty() && others.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_handed_over_and_never_followed() {
    let (origin, seen) = server().await;
    let world = World::new();
    let told = fetch(&world, &origin, json!({"url": format!("{origin}/redirect"), "secret": "token"})).await;
    assert_eq!(told["status"], 302);
    assert_eq!(seen.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_a_reply_is_stored_and_the_guest_gets_null() {
    let (origin, _) = server().await;
    let world = World::new();
    let settings =
        json!({"url": format!("{origin}/secret"), "capture": "/inner/password", "into": "app.password"});
    let told = fetch(&world, &origin, settings).await;
    let body: Value = serde_json::from_str(told["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({"id": 7, "inner": {"password": null}, "uri": "postgres://u:****@h"}));
    assert_eq!(world.vault.0.lock().unwrap()["hostile.app.password"], b"fresh-password-1");
    assert!(!world.said().contains("fresh-password"));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_idempotent_requests_are_sent_again() {
    let (origin, seen) = server().await;
    let world = World::new();
    let url = format!("{origin}/unavailable");
    assert_eq!(fetch(&world, &origin, json!({"url": url})).await["status"], 503);
    assert_eq!(seen.lock().unwrap().len(), 1);
    assert_eq!(fetch(&world, &origin, json!({"url": url, "idempotent": true})).await["status"], 200);
    assert_eq!(seen.lock().unwrap().len(), 3);
    let counted: u64 = world.host.calls().iter().map(|call| call.count).sum();
    assert_eq!(counted, 3, "retries are calls too");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_without_end_and_a_closed_port_are_errors() {
    let (origin, _) = server().await;
    let world = World::new();
    let told = fetch(&world, &origin, json!({"url": format!("{origin}/large")})).await;
    assert!(told["error"].as_str().unwrap_or_default().contains("TooLarge"), "{told}");
    let closed = "http://127.0.0.1:1";
    let told = fetch(&world, closed, json!({"url": closed})).await;
    assert!(told["error"].as_str().unwrap_or_default().contains("Connect"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn digests_need_the_manifests_word() {
    let (origin, _) = server().await;
    let world = World::new();
    let digest = async |name: &str| {
        let plugin = plugin(&world, &origin, json!({"do": "digest", "secret": name})).await;
        plugin.check("thing", &json!({"name": "one"})).await.unwrap().desired["digest"].to_string()
    };
    assert!(digest("token").await.contains("sign = true"));
    assert!(digest("nothing").await.contains("NotGranted"));
    let told = digest("signing").await;
    assert!(told.contains("Ok(") && !told.contains("canary"), "{told}");
}
