//! The lab's control API over HTTP, for a lab that runs as a process.
//!
//! | Request | Body | Answer |
//! |---|---|---|
//! | `POST /faults` | one [`FaultRule`] or a list of them | 204 |
//! | `GET /faults` | | `[{"rule": …, "seen": n}]` |
//! | `DELETE /faults` | | 204, the script is empty |
//! | `POST /jobs` | `{"job": start of a name, or "image": part of one, "times": n, "log": …}` | `{"clusters": n}`: the next n pods of these Jobs fail, in every cluster that exists |
//! | `GET /books` | | `{"now_ms", "calls", "objects", "workers", "violations", "overlap_ms", "gap_ms"}` |
//! | `GET /world` | | `{"seed", "subnet", "now_ms", "machines"}` |
//! | `POST /stop` | | 204, then the lab ends |

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::vendor::fault::{FaultRule, Script};
use crate::world::World;

#[derive(Clone)]
struct Held {
    world: Arc<World>,
    script: Arc<Script>,
    stop: Arc<watch::Sender<bool>>,
}

/// The control API on a port; dropping it closes it.
pub(crate) struct Control {
    address: SocketAddr,
    task: JoinHandle<()>,
    stop: Arc<watch::Sender<bool>>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Control {
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends when `/stop` was asked for.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop.subscribe();
        let _ = stop.wait_for(|stopped| *stopped).await;
    }
}

/// Serves the control API on an ephemeral port.
pub(crate) async fn serve(world: Arc<World>, script: Arc<Script>) -> std::io::Result<Control> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let stop = Arc::new(watch::channel(false).0);
    let router = Router::new()
        .route("/faults", post(inject).get(faults).delete(clear))
        .route("/jobs", post(jobs))
        .route("/books", get(books))
        .route("/world", get(look))
        .route("/stop", post(end))
        .with_state(Held { world, script, stop: stop.clone() });
    let task = tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    Ok(Control { address, task, stop })
}

async fn inject(State(held): State<Held>, Json(body): Json<Value>) -> Result<StatusCode, String> {
    let list = if body.is_array() { body } else { json!([body]) };
    let rules: Vec<FaultRule> = serde_json::from_value(list).map_err(|error| error.to_string())?;
    for rule in rules {
        held.script.add(rule);
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn faults(State(held): State<Held>) -> Json<Value> {
    let rules: Vec<Value> =
        held.script.rules().into_iter().map(|(rule, seen)| json!({"rule": rule, "seen": seen})).collect();
    Json(json!(rules))
}

async fn clear(State(held): State<Held>) -> StatusCode {
    held.script.clear();
    StatusCode::NO_CONTENT
}

async fn jobs(
    State(held): State<Held>,
    Json(body): Json<Value>,
) -> Result<Json<Value>, (StatusCode, String)> {
    let told = held.world.clusters().call(&held.world, "", "fail-jobs", body).await;
    told.map(Json).map_err(|why| (StatusCode::BAD_REQUEST, why))
}

async fn books(State(held): State<Held>) -> Json<Value> {
    let now = held.world.clock.now_ms();
    let mut whole = serde_json::to_value(held.world.books.snapshot()).unwrap_or_default();
    whole["now_ms"] = json!(now);
    whole["overlap_ms"] = json!(held.world.books.overlap_ms(now));
    whole["gap_ms"] = json!(held.world.books.gap_ms(now));
    Json(whole)
}

async fn look(State(held): State<Held>) -> Json<Value> {
    Json(json!({
        "seed": held.world.seed,
        "subnet": held.world.subnet(),
        "now_ms": held.world.clock.now_ms(),
        "machines": held.world.machines(),
    }))
}

async fn end(State(held): State<Held>) -> StatusCode {
    held.stop.send_replace(true);
    StatusCode::NO_CONTENT
}
