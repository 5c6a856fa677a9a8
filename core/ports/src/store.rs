//! What must survive a crash: state, journal, lock.

use async_trait::async_trait;
use honey_model::{Fault, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHolder {
    /// Random, names this hold.
    pub id: String,
    /// `user@host`
    pub who: String,
    /// Process id.
    pub pid: u32,
    /// The command.
    pub command: String,
    /// Milliseconds since 1970.
    pub since_ms: u64,
    /// Last sign of life, milliseconds since 1970.
    pub heartbeat_ms: u64,
}

/// A held lock. Released by `release`; after a crash it expires.
#[async_trait]
pub trait Lock: Send + Sync {
    /// Whether it is still ours; checked before every operation.
    async fn still_held(&self) -> Result<(), Fault>;
    /// Gives it back.
    async fn release(&self) -> Result<(), Fault>;
}

/// State with its lock and journals.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// The state; `None` before the first write. A newer format is a fault.
    async fn load(&self) -> Result<Option<State>, Fault>;
    /// Writes `state` with its serial one higher, atomically, only over the
    /// serial it was loaded with. Previous versions are kept.
    async fn save(&self, state: &mut State) -> Result<(), Fault>;
    /// Takes the lock; a fault names who holds it.
    async fn lock(&self, command: &str) -> Result<Box<dyn Lock>, Fault>;
    /// Who holds it.
    async fn lock_holder(&self) -> Result<Option<LockHolder>, Fault>;
    /// Whether somebody holds it who is not provably gone: what a dead process left behind does not count.
    async fn at_work(&self) -> Result<bool, Fault> {
        Ok(self.lock_holder().await?.is_some())
    }
    /// Breaks it, when `id` is still the holder's.
    async fn break_lock(&self, id: &str) -> Result<(), Fault>;
    /// Begins a journal.
    async fn create_journal(&self, run: &str) -> Result<Box<dyn Journal>, Fault>;
    /// Opens one to go on; a torn last record is cut off, anything else wrong is a fault.
    async fn open_journal(&self, run: &str) -> Result<(Box<dyn Journal>, Vec<Value>), Fault>;
    /// The newest run whose journal is not sealed.
    async fn unsealed(&self) -> Result<Option<String>, Fault>;
    /// Sets an unsealed run aside for good: it is kept for reading and never resumed.
    async fn abandon(&self, run: &str) -> Result<(), Fault> {
        let message = format!("this store cannot set run `{run}` aside");
        Err(Fault::new(honey_model::FaultClass::Unsupported, "HNY0712", message))
    }
}

/// An append-only list of JSON records.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Durable before it returns. Several records make one write and one sync.
    async fn append(&self, records: &[Value]) -> Result<(), Fault>;
}
