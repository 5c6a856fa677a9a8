//! A k3s binary from the operator's machine: checked here, sent in parts,
//! skipped when the host has it already.

use std::{fs::File, io::Read as _, path::Path};

use honey_model::{Fault, FaultClass, Secret};
use honey_ports::host::{K3sBinary, Step};
use sha2::{Digest as _, Sha256};

use crate::{
    fault,
    script::{self, SentBinary},
};

/// Bytes in one call, and in one script.
const PART: usize = 256 << 10;
const BATCH: usize = 8 << 20;

/// The local file that a list of steps needs on the host.
pub(crate) fn wanted(steps: &[Step]) -> Option<(&str, Option<&str>)> {
    steps.iter().find_map(|step| match step {
        Step::K3s { binary: K3sBinary::Local { path, sha256 }, .. } => {
            Some((path.as_str(), sha256.as_deref()))
        }
        _ => None,
    })
}

/// Digest of the file; the pinned one must match.
pub(crate) fn check(path: &str, pinned: Option<&str>) -> Result<SentBinary, Fault> {
    let mut file = open(path)?;
    let (mut hash, mut buffer) = (Sha256::new(), vec![0; PART]);
    loop {
        match file.read(&mut buffer).map_err(|error| unreadable(path, &error))? {
            0 => break,
            count => hash.update(&buffer[..count]),
        }
    }
    let sha256 = hex::encode(hash.finalize());
    match pinned.map(|text| text.trim_start_matches("sha256:")) {
        Some(pinned) if pinned != sha256 => Err(Fault::new(
            FaultClass::Forbidden,
            fault::CHECKSUM,
            format!("{path} has sha256 {sha256}, the configuration pins {pinned}"),
        )
        .with_help("nothing was sent; pin the digest of the file that you have checked")),
        _ => Ok(SentBinary { sha256 }),
    }
}

/// Scripts that put the file on the host, one after another.
pub(crate) struct Parts {
    file: File,
    path: String,
    offset: u64,
}

impl Parts {
    /// Begins at the start of the file.
    pub(crate) fn of(path: &str) -> Result<Self, Fault> {
        Ok(Self { file: open(path)?, path: path.to_owned(), offset: 0 })
    }

    /// The next script, `None` after the last.
    pub(crate) fn next(&mut self) -> Result<Option<Secret>, Fault> {
        let mut batch = Vec::with_capacity(BATCH);
        let limit = u64::try_from(BATCH).unwrap_or(u64::MAX);
        self.file
            .by_ref()
            .take(limit)
            .read_to_end(&mut batch)
            .map_err(|error| unreadable(&self.path, &error))?;
        if batch.is_empty() {
            return Ok(None);
        }
        let mut parts = Vec::new();
        for part in batch.chunks(PART) {
            parts.push((self.offset, part));
            self.offset += part.len() as u64;
        }
        Ok(Some(script::parts(script::SENT_BINARY, parts)))
    }
}

fn open(path: &str) -> Result<File, Fault> {
    File::open(Path::new(path)).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &str, error: &std::io::Error) -> Fault {
    Fault::new(FaultClass::Invalid, fault::INVALID_VALUE, format!("{path} cannot be read: {error}"))
        .with_help("give the path of a k3s binary on this machine")
}
