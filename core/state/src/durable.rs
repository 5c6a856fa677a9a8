//! Files that survive a crash and that nobody else may read.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};

use honey_model::{Fault, FaultClass};

/// Makes a directory (and its parents) with mode 0700.
pub(crate) fn private_directory(path: &Path) -> Result<(), Fault> {
    let make = || -> io::Result<()> {
        if path.is_dir() {
            return Ok(());
        }
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        path.parent().map_or(Ok(()), sync_directory)
    };
    make().map_err(|error| failed("make the directory", path, &error))
}

/// What was created, renamed or removed in it is on the disk.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path)?.sync_all()
}

/// Replaces a file as a whole, mode 0600, durable when it returns.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let write = || -> io::Result<()> {
        let folder = path.parent().unwrap_or_else(|| Path::new("."));
        let mut file = tempfile::Builder::new()
            .prefix(".writing-")
            .permissions(Permissions::from_mode(0o600))
            .tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        sync_directory(folder)
    };
    write().map_err(|error| failed("write", path, &error))
}

/// Reads a file; none where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path, &error)),
    }
}

/// A fault that names the path and what the operating system said.
pub(crate) fn failed(what: &str, path: &Path, error: &io::Error) -> Fault {
    let help = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk; nothing is lost",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only; nothing is lost",
        io::ErrorKind::PermissionDenied => "check the permissions; nothing is lost",
        _ => "check the disk and the path; nothing is lost",
    };
    Fault::new(FaultClass::Internal, "HNY0708", format!("could not {what} {}: {error}", path.display()))
        .with_help(help)
}

/// Runs file work where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(Fault::new(FaultClass::Internal, "HNY0001", format!("file work ended early: {error}")))
        }
    }
}
