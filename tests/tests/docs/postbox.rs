//! The vendor of PLUGIN-GUIDE.md: mailboxes that take a moment to be ready.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::{get, post},
};
use serde_json::{Value, json};

/// The mailboxes, and how often a password was told.
#[derive(Default)]
pub(crate) struct Books {
    /// By id.
    pub(crate) mailboxes: BTreeMap<String, Value>,
    /// How many were ever made.
    pub(crate) made: usize,
}

type Shared = Arc<Mutex<Books>>;
type Answer = (StatusCode, Json<Value>);

/// Serves it on loopback.
pub(crate) async fn serve() -> (SocketAddr, Shared) {
    let books = Shared::default();
    let routes = Router::new()
        .route("/v1/mailboxes", get(list).post(create))
        .route("/v1/mailboxes/{id}", get(read).patch(change).delete(delete))
        .route("/v1/mailboxes/{id}/password", post(password))
        .with_state(books.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, books)
}

fn with(books: &Shared, headers: &HeaderMap, answer: impl FnOnce(&mut Books) -> Answer) -> Answer {
    match headers.get("authorization").and_then(|value| value.to_str().ok()) {
        Some("Bearer t-1") => answer(&mut books.lock().unwrap_or_else(PoisonError::into_inner)),
        _ => refused(StatusCode::UNAUTHORIZED, "NO_SUCH_ACCOUNT"),
    }
}

fn refused(status: StatusCode, code: &str) -> Answer {
    (status, Json(json!({"error": {"code": code, "message": "no"}})))
}

fn told(found: Option<&Value>) -> Answer {
    found.map_or_else(
        || refused(StatusCode::NOT_FOUND, "NO_SUCH_MAILBOX"),
        |found| (StatusCode::OK, Json(found.clone())),
    )
}

async fn list(State(books): State<Shared>, headers: HeaderMap) -> Answer {
    with(&books, &headers, |books| {
        let items: Vec<&Value> = books.mailboxes.values().collect();
        (StatusCode::OK, Json(json!({"items": items, "next": null})))
    })
}

async fn create(State(books): State<Shared>, headers: HeaderMap, Json(mut body): Json<Value>) -> Answer {
    with(&books, &headers, |books| {
        if books.mailboxes.values().any(|other| other["name"] == body["name"]) {
            return refused(StatusCode::CONFLICT, "NAME_TAKEN");
        }
        books.made += 1;
        let id = format!("m{}", books.made);
        body["id"] = json!(id);
        body["state"] = json!("creating");
        body["address"] = json!(format!("{}@postbox.example", body["name"].as_str().unwrap_or_default()));
        books.mailboxes.insert(id, body.clone());
        body["password"] = json!("canary-of-a-password");
        (StatusCode::ACCEPTED, Json(body))
    })
}

async fn read(State(books): State<Shared>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    with(&books, &headers, |books| {
        let answer = told(books.mailboxes.get(&id));
        if let Some(found) = books.mailboxes.get_mut(&id) {
            found["state"] = json!("ready");
        }
        answer
    })
}

async fn change(
    State(books): State<Shared>,
    headers: HeaderMap,
    Path(id): Path<String>,
    Json(body): Json<Value>,
) -> Answer {
    with(&books, &headers, |books| {
        if let Some(found) = books.mailboxes.get_mut(&id) {
            for (name, value) in body.as_object().into_iter().flatten() {
                found[name] = value.clone();
            }
        }
        told(books.mailboxes.get(&id))
    })
}

async fn password(State(books): State<Shared>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    with(&books, &headers, |books| {
        let mut answer = books.mailboxes.get(&id).cloned();
        if let Some(found) = &mut answer {
            found["password"] = json!("canary-of-another-password");
        }
        told(answer.as_ref())
    })
}

async fn delete(State(books): State<Shared>, headers: HeaderMap, Path(id): Path<String>) -> Answer {
    with(&books, &headers, |books| {
        books.mailboxes.remove(&id);
        (StatusCode::NO_CONTENT, Json(Value::Null))
    })
}
