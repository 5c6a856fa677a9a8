//! The ports that a plugin under test is given: secrets, checkpoints, events.
//! Each keeps what comes out of the plugin, and each is a place to die at.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use honey_model::{Fault, FaultClass, Secret, SecretName};
use honey_ports::{Checkpoint, Event, Progress, Secrets};
use serde_json::Value;

use crate::death::Death;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything that came out of the plugin, with where it was seen.
#[derive(Default)]
pub(crate) struct Transcript(Mutex<Vec<(&'static str, String)>>);

impl Transcript {
    pub(crate) fn note(&self, place: &'static str, text: impl Into<String>) {
        lock(&self.0).push((place, text.into()));
    }

    /// Where one of the needles was seen.
    pub(crate) fn find(&self, needles: &[String]) -> Option<&'static str> {
        let all = lock(&self.0);
        all.iter()
            .find(|(_, text)| needles.iter().any(|needle| text.contains(needle)))
            .map(|(place, _)| *place)
    }

    pub(crate) fn clear(&self) {
        lock(&self.0).clear();
    }
}

/// Tells the transcript what a plugin tells.
pub(crate) fn listener(transcript: &Arc<Transcript>) -> Progress {
    let transcript = transcript.clone();
    Progress::new(move |event| {
        let (place, text) = match event {
            Event::Log { message, .. } => ("a log line", message),
            Event::OperationProgress { message, .. } => ("a progress line", message),
            _ => return,
        };
        transcript.note(place, text);
    })
}

/// Secrets in memory: the operator's and the captured ones.
pub(crate) struct Vault {
    values: Mutex<BTreeMap<String, Vec<u8>>>,
    death: Arc<Death>,
}

impl Vault {
    pub(crate) fn new(death: Arc<Death>) -> Self {
        Self { values: Mutex::default(), death }
    }

    pub(crate) fn give(&self, name: &str, value: &str) {
        lock(&self.values).insert(name.to_owned(), value.as_bytes().to_vec());
    }

    /// All values: none of them may be seen anywhere.
    pub(crate) fn values(&self) -> Vec<String> {
        lock(&self.values).values().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// Forgets what plugins were handed.
    pub(crate) fn forget_captured(&self, operator: &[String]) {
        lock(&self.values).retain(|name, _| operator.contains(name));
    }
}

#[async_trait]
impl Secrets for Vault {
    async fn get(&self, name: &SecretName) -> Result<Secret, Fault> {
        let found = lock(&self.values).get(name.as_str()).cloned();
        found.map(Secret::new).ok_or_else(|| {
            Fault::new(FaultClass::NotFound, "HNY0701", format!("there is no secret `{name}`"))
        })
    }

    async fn exists(&self, name: &SecretName) -> bool {
        lock(&self.values).contains_key(name.as_str())
    }

    async fn put(&self, name: &SecretName, value: &Secret) -> Result<(), Fault> {
        self.death.pass(|| "before a secret is stored".to_owned()).await;
        lock(&self.values).insert(name.to_string(), value.expose().to_vec());
        self.death.pass(|| "after a secret is stored".to_owned()).await;
        Ok(())
    }

    async fn forget(&self, name: &SecretName) -> Result<(), Fault> {
        self.death.pass(|| "before a secret is forgotten".to_owned()).await;
        lock(&self.values).remove(name.as_str());
        Ok(())
    }

    async fn stored(&self, prefix: &str) -> Vec<SecretName> {
        let all = lock(&self.values);
        all.keys()
            .filter(|name| name.starts_with(prefix))
            .filter_map(|name| SecretName::new(name).ok())
            .collect()
    }

    async fn fingerprint_key(&self) -> Result<Secret, Fault> {
        Ok(Secret::new("conformance"))
    }
}

/// The last checkpoint of an operation.
pub(crate) struct Notebook {
    last: Mutex<Option<Value>>,
    death: Arc<Death>,
    transcript: Arc<Transcript>,
}

impl Notebook {
    pub(crate) fn new(death: Arc<Death>, transcript: Arc<Transcript>) -> Self {
        Self { last: Mutex::default(), death, transcript }
    }

    pub(crate) fn last(&self) -> Option<Value> {
        lock(&self.last).clone()
    }
}

#[async_trait]
impl Checkpoint for Notebook {
    async fn save(&self, id: &str, progress: &Value) -> Result<(), Fault> {
        self.transcript.note("a checkpoint", format!("{id} {progress}"));
        self.death.pass(|| "before a checkpoint is saved".to_owned()).await;
        *lock(&self.last) = Some(progress.clone());
        self.death.pass(|| "after a checkpoint is saved".to_owned()).await;
        Ok(())
    }
}
