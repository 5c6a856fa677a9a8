//! honey.lock: which artifact each plugin is, by digest.

use std::{collections::BTreeMap, path::Path};

use honey_model::Digest;
use serde::{Deserialize, Serialize};

use crate::{Plugin, PluginError, error::Problem};

/// The pinned plugins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    /// Format.
    pub version: u32,
    /// By id.
    #[serde(default)]
    pub plugins: BTreeMap<String, LockedPlugin>,
}

/// One pinned plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPlugin {
    /// Its version.
    pub version: String,
    /// `sha256:…` of the artifact; the same on every platform.
    pub digest: Digest,
    /// Interface version.
    pub interface: String,
    /// Digest of what its manifest asks for: an update that asks for more shows here.
    pub asks: Digest,
}

impl Default for LockFile {
    fn default() -> Self {
        Self { version: 1, plugins: BTreeMap::new() }
    }
}

impl LockFile {
    /// Reads it; an absent file is an empty one.
    pub fn read(path: &Path) -> Result<Self, PluginError> {
        let wrong = |why: String| Problem::Lock(format!("{}: {why}", path.display())).of("*");
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text).map_err(wrong),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let lock: Self = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        if lock.version == 1 { Ok(lock) } else { Err(format!("format {} is not known", lock.version)) }
    }

    /// Writes it, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), PluginError> {
        let wrong = |why: String| Problem::Lock(format!("{}: {why}", path.display())).of("*");
        let text = toml::to_string(self).map_err(|error| wrong(error.to_string()))?;
        let text = format!("# Written by `honey plugin lock`. Keep it under version control.\n{text}");
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        tempfile::NamedTempFile::new_in(folder)
            .and_then(|mut file| {
                use std::{io::Write as _, os::unix::fs::PermissionsExt as _};
                file.write_all(text.as_bytes())?;
                file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
                file.as_file().sync_all()?;
                file.persist(path).map(|_| ()).map_err(|error| error.error)
            })
            .map_err(|error| wrong(error.to_string()))
    }

    /// The pinned digest, for [`crate::PluginSpec::expected`].
    pub fn expected(&self, id: &str) -> Option<&Digest> {
        self.plugins.get(id).map(|locked| &locked.digest)
    }

    /// Pins a loaded plugin. True when something changed.
    pub fn pin(&mut self, plugin: &Plugin) -> bool {
        let manifest = plugin.manifest();
        let asks = serde_json::json!({
            "egress": manifest.egress, "secrets": manifest.secrets, "captures": manifest.captures,
            "ssh": manifest.ssh_facts, "limits": manifest.limits,
        });
        let locked = LockedPlugin {
            version: manifest.version.clone(),
            digest: plugin.digest().clone(),
            interface: manifest.interface.clone(),
            asks: Digest::of_json(&asks),
        };
        let earlier = self.plugins.insert(plugin.id().to_owned(), locked.clone());
        earlier != Some(locked)
    }
}

#[cfg(test)]
mod tests {
    use super::{LockFile, LockedPlugin};
    use honey_model::Digest;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("honey.lock");
        assert_eq!(LockFile::read(&path).unwrap(), LockFile::default());
        let mut lock = LockFile::default();
        let digest = Digest::of_bytes(b"x");
        let plugin = LockedPlugin {
            version: "0.1.0".to_owned(),
            digest: digest.clone(),
            interface: "0.1".to_owned(),
            asks: digest.clone(),
        };
        lock.plugins.insert("neon".to_owned(), plugin);
        lock.write(&path).unwrap();
        assert_eq!(LockFile::read(&path).unwrap(), lock);
        assert_eq!(lock.expected("neon"), Some(&digest));
    }

    #[test]
    fn a_lock_of_another_format_is_refused_by_name() {
        for bad in ["version = 2", "version = 1\nextra = 1", "plugins = {}", "="] {
            assert!(LockFile::parse(bad).is_err(), "{bad}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("honey.lock");
        std::fs::write(&path, "version = 2").unwrap();
        let error = LockFile::read(&path).unwrap_err();
        assert!(error.to_string().contains("honey.lock"), "{error}");
    }
}
