//! Files that only the operator may read, replaced whole or not at all.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// Replaces a file atomically, mode 0600; its folder is made where it is
/// missing, for the operator alone. A link is followed: what it leads to is replaced.
/// The owner stays.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let half = beside(&path, &format!("honey-{}", std::process::id()));
    let write = || -> io::Result<()> {
        let _ = fs::remove_file(&half);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&half)?;
        file.write_all(bytes)?;
        if let Ok(before) = fs::metadata(&path) {
            // With sudo the file stays its owner's. Who may not give it away owns it.
            let _ = std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()));
        }
        file.sync_all()?;
        fs::rename(&half, &path)?;
        fs::File::open(folder)?.sync_all()
    };
    write().inspect_err(|_| drop(fs::remove_file(&half)))
}

/// Keeps a file as it is under the first free name `FILE.backup-N`, mode 0600;
/// `None` where there is nothing to keep.
pub(crate) fn back_up(path: &Path) -> io::Result<Option<PathBuf>> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    for number in 1.. {
        let kept = beside(&path, &format!("backup-{number}"));
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&kept) {
            Ok(mut file) => {
                file.write_all(&bytes)?;
                file.sync_all()?;
                return Ok(Some(kept));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A lock beside a file, as kubectl takes it: `FILE.lock`, made by one only.
pub(crate) struct FileLock(PathBuf);

impl FileLock {
    /// Fails where somebody holds it.
    pub(crate) fn take(path: &Path) -> io::Result<Self> {
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        let lock = beside(&path, "lock");
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&lock).map(|_| Self(lock))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// `FILE.word` beside a file.
fn beside(path: &Path, word: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(word);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::{FileLock, back_up, replace};

    #[test]
    fn a_file_is_replaced_for_its_owner_alone_and_links_are_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("below/real"), folder.path().join("link"));
        replace(&real, b"one").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o644)).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"two").unwrap();
        assert_eq!(fs::read(&real).unwrap(), b"two");
        assert!(link.is_symlink());
        assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path().join("below")).unwrap().count(), 1, "nothing half is left");
    }

    #[test]
    fn backups_never_overwrite_one_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        assert!(back_up(&file).unwrap().is_none());
        replace(&file, b"one").unwrap();
        let first = back_up(&file).unwrap().unwrap();
        replace(&file, b"two").unwrap();
        let second = back_up(&file).unwrap().unwrap();
        assert_eq!((fs::read(first).unwrap(), fs::read(second).unwrap()), (b"one".into(), b"two".into()));
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        let held = FileLock::take(&file).unwrap();
        assert!(FileLock::take(&file).is_err());
        drop(held);
        assert!(FileLock::take(&file).is_ok());
    }
}
