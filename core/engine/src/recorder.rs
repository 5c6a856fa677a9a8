//! The one place that appends to the journal, with group commit.
//!
//! Everything that asks while an append is on its way to the disk shares the
//! next one: the number of syncs follows the disk, not the number of records.

use std::sync::Arc;

use async_trait::async_trait;
use honey_model::{Address, Fault, FaultClass};
use honey_ports::{Checkpoint, store::Journal};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::record::Entry;

/// At most so many waiting requests share one append.
const SHARED: usize = 4096;

struct Request {
    records: Vec<Value>,
    answer: oneshot::Sender<Result<(), Fault>>,
}

/// Appends records; a handle that is cheap to clone.
#[derive(Clone)]
pub(crate) struct Recorder(mpsc::UnboundedSender<Request>);

impl Recorder {
    /// Starts the writer. It ends when the last handle is gone.
    pub(crate) fn start(journal: Box<dyn Journal>) -> Self {
        let (sender, mut requests) = mpsc::unbounded_channel::<Request>();
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            while requests.recv_many(&mut waiting, SHARED).await > 0 {
                let mut records = Vec::new();
                let mut answers = Vec::with_capacity(waiting.len());
                for request in waiting.drain(..) {
                    records.extend(request.records);
                    answers.push(request.answer);
                }
                let result = journal.append(&records).await;
                for answer in answers {
                    // Nobody listens any more when the run was dropped.
                    let _ = answer.send(result.clone());
                }
            }
        });
        Self(sender)
    }

    /// Durable when it returns.
    pub(crate) async fn append(&self, entries: impl IntoIterator<Item = Entry>) -> Result<(), Fault> {
        let gone = || Fault::new(FaultClass::Internal, "HNY0310", "the journal's writer ended");
        let (answer, answered) = oneshot::channel();
        let records = entries.into_iter().map(|entry| entry.to_value()).collect();
        self.0.send(Request { records, answer }).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

/// Where one operation leaves its checkpoints, and where its next attempt finds them.
pub(crate) struct Checkpoints {
    pub(crate) recorder: Recorder,
    pub(crate) address: Address,
    pub(crate) last: Arc<Mutex<Option<(String, Value)>>>,
}

#[async_trait]
impl Checkpoint for Checkpoints {
    async fn save(&self, id: &str, progress: &Value) -> Result<(), Fault> {
        let entry = Entry::Checkpoint {
            address: self.address.clone(),
            id: id.to_owned(),
            progress: progress.clone(),
        };
        self.recorder.append([entry]).await?;
        *self.last.lock().await = Some((id.to_owned(), progress.clone()));
        Ok(())
    }
}
