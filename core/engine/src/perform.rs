//! One operation: the calls to its driver, and what is recorded of it.

use std::{sync::Arc, time::Duration};

use honey_model::{Fault, FaultClass, Record, value};
use honey_plan::{Action, Operation, Plan};
use honey_ports::{Applied, ApplyAction, ApplyRequest, CallContext, Driver, Progress, Secrets, call::Cancel};
use serde_json::Value;
use tokio::{sync::Mutex, time::Instant};

use crate::{
    record::Entry,
    recorder::{Checkpoints, Recorder},
    retry::Retry,
};

/// Everything one operation needs; owned, so that it runs on any thread.
pub(crate) struct Work {
    pub(crate) plan: Arc<Plan>,
    pub(crate) at: u32,
    pub(crate) driver: Option<Arc<dyn Driver>>,
    /// References filled in.
    pub(crate) desired: Option<Value>,
    pub(crate) operation_id: String,
    pub(crate) owner: String,
    pub(crate) deadline: Duration,
    pub(crate) retry: Retry,
    pub(crate) cancel: Cancel,
    pub(crate) progress: Progress,
    pub(crate) recorder: Recorder,
    pub(crate) secrets: Option<Arc<dyn Secrets>>,
    /// The last checkpoint, after a crash or a failure.
    pub(crate) checkpoint: Option<(String, Value)>,
    /// The first half of a replacement is done already.
    pub(crate) deleted: bool,
}

impl Work {
    fn operation(&self) -> &Operation {
        &self.plan.operations[self.at as usize]
    }

    /// Does it. The record to keep, or none when the object is gone.
    pub(crate) async fn perform(mut self) -> Result<Option<Record>, Fault> {
        if let (Some(secrets), Some(desired)) = (&self.secrets, &mut self.desired) {
            fingerprint_secrets(secrets.as_ref(), desired).await?;
        }
        let end = Instant::now() + self.deadline;
        let last = Arc::new(Mutex::new(self.checkpoint.take()));
        match self.operation().action {
            Action::Forget => Ok(None),
            Action::Delete => {
                let left = self.call(ApplyAction::Delete, "", end, &last).await?;
                self.gone(left)?;
                Ok(None)
            }
            Action::Create => self.make(ApplyAction::Create, "", end, &last).await,
            Action::Adopt => self.make(ApplyAction::Adopt, "", end, &last).await,
            Action::Update => self.make(ApplyAction::Update, "", end, &last).await,
            Action::Replace => {
                if !self.deleted {
                    let left = self.call(ApplyAction::Delete, "-delete", end, &last).await?;
                    self.gone(left)?;
                    self.recorder
                        .append([Entry::Deleted { address: self.operation().address.clone() }])
                        .await?;
                    *last.lock().await = None;
                }
                self.make(ApplyAction::Create, "-create", end, &last).await
            }
        }
    }

    async fn make(
        &self,
        action: ApplyAction,
        half: &str,
        end: Instant,
        last: &Arc<Mutex<Option<(String, Value)>>>,
    ) -> Result<Option<Record>, Fault> {
        let operation = self.operation();
        let Some(found) = self.call(action, half, end, last).await? else {
            let message = format!("`{}` made {} and left nothing there", operation.driver, operation.address);
            return Err(Fault::new(FaultClass::Internal, "HNY0306", message));
        };
        Ok(Some(Record {
            kind: operation.kind.clone(),
            driver: operation.driver.clone(),
            id: found.id,
            schema_version: operation.schema_version,
            attributes: self.desired.clone().unwrap_or_default(),
            outputs: found.outputs,
            dependencies: operation.dependencies.clone(),
            protect: operation.protect,
            keep: operation.keep,
        }))
    }

    fn gone(&self, left: Applied) -> Result<(), Fault> {
        let operation = self.operation();
        if left.is_none() {
            return Ok(());
        }
        let message = format!("`{}` deleted {} and it is still there", operation.driver, operation.address);
        Err(Fault::new(FaultClass::Internal, "HNY0306", message))
    }

    async fn call(
        &self,
        action: ApplyAction,
        half: &str,
        end: Instant,
        last: &Arc<Mutex<Option<(String, Value)>>>,
    ) -> Result<Applied, Fault> {
        let operation = self.operation();
        let Some(driver) = &self.driver else {
            let message = format!("no driver `{}` is there for {}", operation.driver, operation.address);
            return Err(Fault::new(FaultClass::Unsupported, "HNY0301", message));
        };
        let checkpoint = Arc::new(Checkpoints {
            recorder: self.recorder.clone(),
            address: operation.address.clone(),
            last: Arc::clone(last),
        });
        let removing = action == ApplyAction::Delete;
        let half_of_replace = operation.action == Action::Replace;
        let once = || async {
            let context = CallContext {
                operation_id: format!("{}{half}", self.operation_id),
                owner: self.owner.clone(),
                address: operation.address.clone(),
                deadline: end.saturating_duration_since(Instant::now()),
                cancel: self.cancel.clone(),
                progress: self.progress.clone(),
                checkpoint: checkpoint.clone(),
            };
            let resume = last.lock().await.clone();
            // The new object of a replacement has no id before it is made.
            let planned = operation.id.as_deref().filter(|_| removing || !half_of_replace);
            let noted = resume.as_ref().map(|(id, _)| id.as_str()).filter(|id| !id.is_empty());
            let request = ApplyRequest {
                kind: &operation.kind,
                action,
                id: if removing { planned } else { noted.or(planned) },
                prior: operation.prior.as_ref().filter(|_| removing || !half_of_replace),
                desired: self.desired.as_ref().filter(|_| !removing),
                resume: resume.as_ref().map(|(_, progress)| progress),
            };
            driver.apply(&context, request).await
        };
        self.retry.run(end, &self.cancel, once).await
    }
}

/// Writes today's fingerprint beside each secret's name, so that what is
/// recorded says which value was applied, also for secrets that this run made.
async fn fingerprint_secrets(secrets: &dyn Secrets, desired: &mut Value) -> Result<(), Fault> {
    let mut names = Vec::new();
    secret_names(desired, &mut names);
    if names.is_empty() {
        return Ok(());
    }
    let key = secrets.fingerprint_key().await?;
    let mut known = std::collections::BTreeMap::new();
    for name in names {
        let Ok(checked) = honey_model::SecretName::new(&name) else { continue };
        if secrets.exists(&checked).await {
            known.insert(name, secrets.get(&checked).await?.fingerprint(&key));
        }
    }
    set_fingerprints(desired, &known);
    Ok(())
}

fn secret_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(_) if value::as_secret(value).is_some() => {
            names.extend(value::as_secret(value).map(str::to_owned));
        }
        Value::Object(fields) => fields.values().for_each(|inner| secret_names(inner, names)),
        Value::Array(items) => items.iter().for_each(|inner| secret_names(inner, names)),
        _ => {}
    }
}

fn set_fingerprints(value: &mut Value, known: &std::collections::BTreeMap<String, String>) {
    if let Some(fingerprint) = value::as_secret(value).and_then(|name| known.get(name)) {
        if let Value::Object(fields) = value {
            fields.insert("fingerprint".to_owned(), Value::String(fingerprint.clone()));
        }
        return;
    }
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|inner| set_fingerprints(inner, known)),
        Value::Array(items) => items.iter_mut().for_each(|inner| set_fingerprints(inner, known)),
        _ => {}
    }
}
