//! Secrets by name.

use async_trait::async_trait;
use honey_model::{Fault, Secret, SecretName};

/// The operator's secrets (environment, files) and those that plugins were handed.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The value; a missing secret is a fault that names it and says where it was looked for.
    async fn get(&self, name: &SecretName) -> Result<Secret, Fault>;
    /// Whether it can be read where it is needed: a fault says what is wrong with one of the operator's own,
    /// missing, empty, unreadable, no text. One that is made later, or handed to a plugin, is no fault. With
    /// `as_text` bytes that are no text are one too. Makes nothing.
    async fn check(&self, name: &SecretName, as_text: bool) -> Result<(), Fault> {
        let _ = (name, as_text);
        Ok(())
    }
    /// Whether it exists.
    async fn exists(&self, name: &SecretName) -> bool;
    /// Stores durably (0600) before it returns. Only names that are not the operator's own.
    async fn put(&self, name: &SecretName, value: &Secret) -> Result<(), Fault>;
    /// Forgets a stored one.
    async fn forget(&self, name: &SecretName) -> Result<(), Fault>;
    /// Names of stored secrets that begin so: what a plugin was handed carries
    /// its id in front.
    async fn stored(&self, prefix: &str) -> Vec<SecretName> {
        let _ = prefix;
        Vec::new()
    }
    /// The project's private key for fingerprints, made on first use.
    async fn fingerprint_key(&self) -> Result<Secret, Fault>;
}
