//! Compiled plugins on disk. A file is machine code: it is run only when it is
//! ours alone and its own digest holds; anything else is compiled anew.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    hash::{DefaultHasher, Hash, Hasher},
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use honey_model::Digest;
use sha2::{Digest as _, Sha256};
use wasmtime::{Engine, component::Component};

const DIGEST: usize = 32;

/// A directory of compiled plugins.
pub(crate) struct Cache {
    directory: PathBuf,
}

impl Cache {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// The name says: this artifact, compiled by this runtime with this configuration.
    fn path(&self, engine: &Engine, digest: &Digest) -> PathBuf {
        let mut hasher = DefaultHasher::new();
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let artifact = digest.as_str().trim_start_matches("sha256:");
        self.directory.join(format!("{artifact}-{:016x}.compiled", hasher.finish()))
    }

    /// The compiled plugin, if it is there, ours and whole.
    pub(crate) fn load(&self, engine: &Engine, digest: &Digest) -> Option<Component> {
        let path = self.path(engine, digest);
        let bytes = read_own(&path)
            .inspect_err(|error| {
                if error.kind() != std::io::ErrorKind::NotFound {
                    tracing::warn!("{}: {error}; compiling anew", path.display());
                }
            })
            .ok()?;
        let (sum, code) = bytes.split_first_chunk::<DIGEST>()?;
        if Sha256::digest(code).as_slice() != sum {
            tracing::warn!("{}: damaged; compiling anew", path.display());
            return None;
        }
        #[expect(unsafe_code, reason = "the file is ours alone, and its digest holds: we wrote these bytes")]
        // SAFETY: `code` was made by `Component::serialize` in `store`: the file
        // belongs to this user, nobody else can write it or its directory, and
        // its digest holds. Another runtime's output is refused by wasmtime itself.
        let component = unsafe { Component::deserialize(engine, code) };
        component.inspect_err(|error| tracing::warn!("{}: {error:#}; compiling anew", path.display())).ok()
    }

    /// Keeps a compiled plugin. Failing to is no reason to stop.
    pub(crate) fn store(&self, engine: &Engine, digest: &Digest, component: &Component) {
        let path = self.path(engine, digest);
        if let Err(error) =
            component.serialize().map_err(std::io::Error::other).and_then(|code| self.write(&path, &code))
        {
            tracing::warn!("{}: {error}; the plugin will be compiled again next time", path.display());
        }
    }

    fn write(&self, path: &Path, code: &[u8]) -> std::io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory)?;
        check_own(&self.directory.metadata()?)?;
        let mut file = tempfile::Builder::new().prefix(".compiling").tempfile_in(&self.directory)?;
        file.write_all(&Sha256::digest(code))?;
        file.write_all(code)?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    }
}

fn read_own(path: &Path) -> std::io::Result<Vec<u8>> {
    let parent = path.parent().ok_or_else(|| std::io::Error::other("no directory"))?;
    let mut file: File = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    check_own(&parent.metadata()?)?;
    let metadata = file.metadata()?;
    check_own(&metadata)?;
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn check_own(metadata: &std::fs::Metadata) -> std::io::Result<()> {
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(std::io::Error::other("it belongs to another user"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(std::io::Error::other("others may write it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::Cache;
    use crate::engine::Runtime;
    use honey_model::Digest;
    use wasmtime::component::Component;

    #[test]
    fn only_whole_files_that_nobody_else_can_write_are_run() {
        let engine = Runtime::new().unwrap().engine;
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::new(folder.path().join("plugins"));
        let bytes = wasm_component();
        let digest = Digest::of_bytes(&bytes);
        assert!(cache.load(&engine, &digest).is_none(), "nothing there yet");
        cache.store(&engine, &digest, &Component::from_binary(&engine, &bytes).unwrap());
        assert!(cache.load(&engine, &digest).is_some());

        let path = cache.path(&engine, &digest);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        *bad.last_mut().unwrap() ^= 1;
        std::fs::write(&path, &bad).unwrap();
        assert!(cache.load(&engine, &digest).is_none(), "damaged");
        std::fs::write(&path, &good).unwrap();
        assert!(cache.load(&engine, &digest).is_some());

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o620)).unwrap();
        assert!(cache.load(&engine, &digest).is_none(), "group may write");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let directory = path.parent().unwrap();
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o777)).unwrap();
        assert!(cache.load(&engine, &digest).is_none(), "anyone may replace it");
    }

    fn wasm_component() -> Vec<u8> {
        vec![0, b'a', b's', b'm', 0x0d, 0, 1, 0]
    }
}
