//! What every call to the outside carries.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use honey_model::{Address, Fault};
use serde_json::Value;
use tokio::sync::Notify;

use crate::Progress;

/// Where a running operation leaves what it needs after a crash.
#[async_trait]
pub trait Checkpoint: Send + Sync {
    /// Durable before it returns.
    async fn save(&self, id: &str, progress: &Value) -> Result<(), Fault>;
}

/// A checkpoint that forgets: for reads, which change nothing.
pub struct NoCheckpoint;

#[async_trait]
impl Checkpoint for NoCheckpoint {
    async fn save(&self, _id: &str, _progress: &Value) -> Result<(), Fault> {
        Ok(())
    }
}

/// Tells running work that the operator wants to stop. Cheap to clone.
#[derive(Clone, Default)]
pub struct Cancel(Arc<(AtomicBool, Notify)>);

impl Cancel {
    /// Asks everything that holds this to finish or record what it is doing.
    pub fn cancel(&self) {
        self.0.0.store(true, Ordering::SeqCst);
        self.0.1.notify_waiters();
    }

    /// Whether somebody asked.
    pub fn is_canceled(&self) -> bool {
        self.0.0.load(Ordering::SeqCst)
    }

    /// Ends when somebody asks; at once when somebody did.
    pub async fn canceled(&self) {
        loop {
            let notified = self.0.1.notified();
            if self.is_canceled() {
                return;
            }
            notified.await;
        }
    }
}

/// What every call to the outside carries.
#[derive(Clone)]
pub struct CallContext {
    /// Stable across retries, resumes and crashes.
    pub operation_id: String,
    /// The owner mark on what honey makes: `<project>-<scope>`, e.g. `honeydue-ovh`.
    pub owner: String,
    /// Which resource this is about.
    pub address: Address,
    /// The whole time this call may take, retries included.
    pub deadline: Duration,
    /// The operator's wish to stop.
    pub cancel: Cancel,
    /// Who is told what goes on.
    pub progress: Progress,
    /// Where to leave what a crash must not lose.
    pub checkpoint: Arc<dyn Checkpoint>,
}
