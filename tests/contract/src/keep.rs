//! Secrets of a rehearsal: in memory, gone with it.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use honey_model::{Fault, FaultClass, Secret, SecretName};
use honey_ports::Secrets;

/// All secrets by name.
#[derive(Default)]
pub struct Keep(Mutex<BTreeMap<String, Secret>>);

impl Keep {
    /// Puts one in, as the operator would.
    pub fn give(&self, name: &str, value: &str) {
        self.open().insert(name.to_owned(), Secret::new(value.as_bytes()));
    }

    /// Names that a plugin was handed, sorted.
    pub fn handed(&self, plugin: &str) -> Vec<String> {
        let prefix = format!("{plugin}.");
        self.open().keys().filter(|name| name.starts_with(&prefix)).cloned().collect()
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Secrets for Keep {
    async fn get(&self, name: &SecretName) -> Result<Secret, Fault> {
        self.open().get(&name.to_string()).cloned().ok_or_else(|| {
            Fault::new(
                FaultClass::NotFound,
                "HNY0001",
                format!("there is no secret `{name}` in this rehearsal"),
            )
        })
    }

    async fn exists(&self, name: &SecretName) -> bool {
        self.open().contains_key(&name.to_string())
    }

    async fn put(&self, name: &SecretName, value: &Secret) -> Result<(), Fault> {
        self.open().insert(name.to_string(), value.clone());
        Ok(())
    }

    async fn forget(&self, name: &SecretName) -> Result<(), Fault> {
        self.open().remove(&name.to_string());
        Ok(())
    }

    async fn stored(&self, prefix: &str) -> Vec<SecretName> {
        self.open()
            .keys()
            .filter(|name| name.starts_with(prefix))
            .filter_map(|name| SecretName::new(name).ok())
            .collect()
    }

    async fn fingerprint_key(&self) -> Result<Secret, Fault> {
        Ok(Secret::new(*b"a rehearsal's key"))
    }
}
