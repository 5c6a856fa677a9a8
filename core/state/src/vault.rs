//! Secrets by name: the operator's own sources, and a private folder for what
//! honey generates or plugins are handed.

use std::{
    collections::BTreeMap,
    fmt,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use honey_model::{Diagnostic, Fault, FaultClass, Secret, SecretName};
use honey_ports::Secrets;
use tokio::sync::Mutex;

use crate::{
    durable::{blocking, failed, private_directory, read, sync_directory, write_private},
    random, source,
};

/// Reads a variable of the operator's environment.
pub type Environment = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// Where one of the operator's secrets comes from. What is read is text unless
/// `raw`: see `source`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An environment variable.
    Env {
        /// Its name.
        variable: String,
        /// Byte for byte.
        raw: bool,
    },
    /// A file.
    File {
        /// Where it is.
        path: PathBuf,
        /// Byte for byte.
        raw: bool,
    },
    /// So many letters and digits, made on first use and kept.
    Generate(usize),
}

/// The operator's secrets.
#[derive(Clone)]
pub struct Sources {
    /// By name.
    pub named: BTreeMap<SecretName, Source>,
    /// How environment variables are read.
    pub environment: Environment,
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("named", &self.named).finish_non_exhaustive()
    }
}

/// The secrets of one project.
#[derive(Debug)]
pub struct Vault {
    folder: PathBuf,
    sources: Sources,
    /// One writer at a time, so that a secret is generated once.
    making: Mutex<()>,
}

const KEY: &str = ".fingerprint-key";

impl Vault {
    /// Opens the folder, made (mode 0700) where it is missing.
    pub fn open(folder: &Path, sources: Sources) -> Result<Self, Fault> {
        private_directory(folder)?;
        Ok(Self { folder: folder.to_owned(), sources, making: Mutex::new(()) })
    }

    /// Secret files that others may read, and a folder that is open.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let files = self.sources.named.iter().filter_map(|(name, source)| match source {
            Source::File { path, .. } => Some((format!("secret `{name}`"), path.clone())),
            Source::Env { .. } | Source::Generate(_) => None,
        });
        let kept = ("the folder of secrets".to_owned(), self.folder.clone());
        files
            .chain([kept])
            .filter(|(_, path)| {
                std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
            })
            .map(|(what, path)| {
                let mode = if path.is_dir() { "0700" } else { "0600" };
                Diagnostic::warning("HNY0711", format!("{what}: others may read {}", path.display()))
                    .with_help(format!("chmod {mode} {}", path.display()))
            })
            .collect()
    }

    fn kept(&self, name: &SecretName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    async fn read_kept(&self, path: PathBuf) -> Result<Option<Secret>, Fault> {
        blocking(move || Ok(read(&path)?.map(Secret::new))).await
    }

    async fn generate(&self, name: &SecretName, length: usize) -> Result<Secret, Fault> {
        let _making = self.making.lock().await;
        let path = self.kept(name);
        if let Some(secret) = self.read_kept(path.clone()).await? {
            return Ok(secret);
        }
        let secret = Secret::new(letters_and_digits(length)?);
        let kept = secret.clone();
        blocking(move || write_private(&path, kept.expose())).await?;
        Ok(secret)
    }

    /// A source's value, where it has one now. Changes nothing.
    async fn look(&self, name: &SecretName) -> Result<Option<Secret>, Fault> {
        match self.sources.named.get(name) {
            Some(Source::Env { variable, raw }) => match (self.sources.environment)(variable) {
                Some(bytes) => source::checked(name, bytes, *raw, &format!("variable {variable}")).map(Some),
                None => Ok(None),
            },
            Some(Source::File { path, raw }) => {
                let (name, path, raw) = (name.clone(), path.clone(), *raw);
                blocking(move || source::file(&name, &path, raw)).await
            }
            Some(Source::Generate(_)) | None => self.read_kept(self.kept(name)).await,
        }
    }

    fn missing(&self, name: &SecretName) -> Fault {
        let (place, help) = match self.sources.named.get(name) {
            Some(Source::Env { variable, .. }) => {
                (format!("environment variable {variable} is not set"), format!("set {variable}"))
            }
            Some(Source::File { path, .. }) => (
                format!("there is no file {}", path.display()),
                format!("put it into {} (mode 0600)", path.display()),
            ),
            Some(Source::Generate(_)) | None => (
                format!("it is not under [secrets] and not in {}", self.folder.display()),
                format!("add `{name}` under [secrets], or apply what makes it first"),
            ),
        };
        Fault::new(FaultClass::NotFound, "HNY0709", format!("secret `{name}` is missing: {place}"))
            .with_help(help)
    }

    fn refuse_operators(&self, name: &SecretName) -> Result<(), Fault> {
        if self.sources.named.contains_key(name) {
            let message = format!("secret `{name}` is the operator's own and is never written");
            return Err(Fault::new(FaultClass::Forbidden, "HNY0710", message));
        }
        Ok(())
    }
}

#[async_trait]
impl Secrets for Vault {
    async fn stored(&self, prefix: &str) -> Vec<SecretName> {
        let Ok(mut entries) = tokio::fs::read_dir(&self.folder).await else { return Vec::new() };
        let mut names = Vec::new();
        while let Ok(Some(entry)) = entries.next_entry().await {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(prefix) {
                names.extend(SecretName::new(&name));
            }
        }
        names
    }

    async fn get(&self, name: &SecretName) -> Result<Secret, Fault> {
        if let Some(secret) = self.look(name).await? {
            return Ok(secret);
        }
        match self.sources.named.get(name) {
            Some(Source::Generate(length)) => self.generate(name, *length).await,
            _ => Err(self.missing(name)),
        }
    }

    async fn check(&self, name: &SecretName, as_text: bool) -> Result<(), Fault> {
        match (self.sources.named.get(name), self.look(name).await?) {
            (Some(Source::Env { .. } | Source::File { .. }), None) => Err(self.missing(name)),
            (Some(_), Some(secret)) if as_text && secret.expose_str().is_none() => {
                Err(source::not_text(name, "where it is used only text can be")
                    .with_help("use another secret there; this one is kept byte for byte"))
            }
            // What honey or a plugin makes may be made later in the same run.
            _ => Ok(()),
        }
    }

    async fn exists(&self, name: &SecretName) -> bool {
        matches!(self.look(name).await, Ok(Some(_)))
    }

    async fn put(&self, name: &SecretName, value: &Secret) -> Result<(), Fault> {
        self.refuse_operators(name)?;
        let _making = self.making.lock().await;
        let (path, value) = (self.kept(name), value.clone());
        blocking(move || write_private(&path, value.expose())).await
    }

    async fn forget(&self, name: &SecretName) -> Result<(), Fault> {
        if !matches!(self.sources.named.get(name), Some(Source::Generate(_))) {
            self.refuse_operators(name)?;
        }
        let _making = self.making.lock().await;
        let (path, folder) = (self.kept(name), self.folder.clone());
        blocking(move || match std::fs::remove_file(&path) {
            Ok(()) => sync_directory(&folder).map_err(|error| failed("write", &folder, &error)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed("remove", &path, &error)),
        })
        .await
    }

    async fn fingerprint_key(&self) -> Result<Secret, Fault> {
        let path = self.folder.join(KEY);
        let _making = self.making.lock().await;
        if let Some(key) = self.read_kept(path.clone()).await? {
            return Ok(key);
        }
        let key = Secret::new(random::token(32)?);
        let kept = key.clone();
        blocking(move || write_private(&path, kept.expose())).await?;
        Ok(key)
    }
}

/// Every character equally likely: bytes that would favour some are thrown away.
fn letters_and_digits(length: usize) -> Result<Vec<u8>, Fault> {
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut text = Vec::with_capacity(length);
    while text.len() < length {
        let fair = random::bytes(length)?.into_iter().filter(|byte| usize::from(*byte) < ALPHABET.len() * 4);
        text.extend(fair.map(|byte| ALPHABET[usize::from(byte) % ALPHABET.len()]));
    }
    text.truncate(length);
    Ok(text)
}
