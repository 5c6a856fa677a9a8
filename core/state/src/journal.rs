//! The journal of a run: an append-only local file.
//!
//! One line per record: length, checksum, JSON. An append is one write and one
//! sync, however many records it has. A line that a crash cut short is the end
//! of the journal; any other damage is named and nothing is guessed.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use honey_model::{Fault, FaultClass};
use honey_ports::store::Journal;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::durable::{blocking, failed, sync_directory};

/// `llllllll cccccccccccccccc ` in front of each record's JSON.
const HEAD: usize = 8 + 1 + 16 + 1;

/// An open journal.
pub struct FileJournal(Arc<Mutex<Inner>>);

struct Inner {
    path: PathBuf,
    file: File,
    length: u64,
    /// Set when the disk may hold less than was written: nothing is appended any more.
    broken: bool,
}

impl FileJournal {
    /// Begins a journal; the file must not exist. One that a crash ended before
    /// its first record was whole never began, and is begun anew.
    pub fn create(path: &Path) -> Result<Self, Fault> {
        let create = || -> io::Result<File> {
            if std::fs::read(path)
                .is_ok_and(|bytes| parse(&bytes).is_ok_and(|(records, _)| records.is_empty()))
            {
                std::fs::remove_file(path)?;
            }
            let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
            file.sync_all()?;
            sync_directory(path.parent().unwrap_or_else(|| Path::new(".")))?;
            Ok(file)
        };
        let file = create().map_err(|error| failed("begin the journal", path, &error))?;
        Ok(Self::with(path, file, 0))
    }

    /// Opens one to go on. Says whether a torn last record was cut off.
    pub fn open(path: &Path) -> Result<(Self, Vec<Value>, bool), Fault> {
        let bytes = std::fs::read(path).map_err(|error| failed("read the journal", path, &error))?;
        let (records, good) = parse(&bytes).map_err(|damage| damage.fault(path))?;
        let torn = good < bytes.len();
        let open = || -> io::Result<File> {
            let file = OpenOptions::new().append(true).open(path)?;
            if torn {
                file.set_len(good as u64)?;
                file.sync_all()?;
            }
            Ok(file)
        };
        let file = open().map_err(|error| failed("open the journal", path, &error))?;
        Ok((Self::with(path, file, good as u64), records, torn))
    }

    fn with(path: &Path, file: File, length: u64) -> Self {
        Self(Arc::new(Mutex::new(Inner { path: path.to_owned(), file, length, broken: false })))
    }
}

impl Inner {
    fn append(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        if self.broken {
            let message =
                format!("the journal {} failed before and takes no more records", self.path.display());
            return Err(Fault::new(FaultClass::Internal, "HNY0708", message));
        }
        if let Err(error) = self.file.write_all(bytes) {
            // Half a record must not stand before the next one.
            self.broken = self.file.set_len(self.length).and_then(|()| self.file.sync_all()).is_err();
            return Err(failed("append to the journal", &self.path, &error));
        }
        if let Err(error) = self.file.sync_data() {
            // After a failed sync nobody knows what the disk holds.
            self.broken = true;
            return Err(failed("make the journal durable", &self.path, &error));
        }
        self.length += bytes.len() as u64;
        Ok(())
    }
}

#[async_trait]
impl Journal for FileJournal {
    async fn append(&self, records: &[Value]) -> Result<(), Fault> {
        if records.is_empty() {
            return Ok(());
        }
        let bytes = encode(records);
        let inner = Arc::clone(&self.0);
        blocking(move || {
            let mut inner = inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            inner.append(&bytes)
        })
        .await
    }
}

/// The lines of some records.
pub(crate) fn encode(records: &[Value]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(records.len() * 256);
    for record in records {
        let start = bytes.len();
        bytes.extend_from_slice(&[b' '; HEAD]);
        // Writing JSON into memory cannot fail.
        let _ = serde_json::to_writer(&mut bytes, record);
        let head = head(&bytes[start + HEAD..]);
        bytes[start..start + HEAD].copy_from_slice(head.as_bytes());
        bytes.push(b'\n');
    }
    bytes
}

fn head(json: &[u8]) -> String {
    let sum = Sha256::digest(json);
    format!("{:08x} {} ", json.len(), hex::encode(&sum[..8]))
}

/// What is wrong with a journal.
pub(crate) struct Damage {
    /// From 1.
    record: usize,
}

impl Damage {
    fn fault(&self, path: &Path) -> Fault {
        let message = format!("record {} of the journal {} is damaged", self.record, path.display());
        Fault::new(FaultClass::Malformed, "HNY0707", message)
            .with_help("`honey apply --abandon` sets it aside; the next plan finds what exists by its marks")
    }
}

/// All whole records, and where they end. A last record without its end, or
/// one that the disk never got (zeros), is torn; anything else is damage.
pub(crate) fn parse(bytes: &[u8]) -> Result<(Vec<Value>, usize), Damage> {
    let mut records = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        if let Some((record, next)) = record_at(bytes, at) {
            records.push(record);
            at = next;
            continue;
        }
        let rest = &bytes[at..];
        let torn = !rest.contains(&b'\n') || rest.contains(&0);
        let later = rest
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .any(|(offset, _)| record_at(bytes, at + offset + 1).is_some());
        if torn && !later {
            break;
        }
        return Err(Damage { record: records.len() + 1 });
    }
    Ok((records, at))
}

fn record_at(bytes: &[u8], at: usize) -> Option<(Value, usize)> {
    let line = bytes.get(at..)?;
    let head_text = std::str::from_utf8(line.get(..HEAD)?).ok()?;
    let length = usize::from_str_radix(head_text.get(..8)?, 16).ok()?;
    let json = line.get(HEAD..HEAD.checked_add(length)?)?;
    let whole = line.get(HEAD + length) == Some(&b'\n') && head(json) == head_text;
    let record = whole.then(|| serde_json::from_slice(json).ok()).flatten()?;
    Some((record, at + HEAD + length + 1))
}

/// Whether the journal's last record is the seal, and whether it has any.
pub(crate) fn is_sealed(path: &Path) -> Result<Option<bool>, Fault> {
    use std::io::{Read, Seek, SeekFrom};
    const TAIL: u64 = 4096;
    let tail = || -> io::Result<(Vec<u8>, u64)> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok((bytes, length))
    };
    let (bytes, length) = tail().map_err(|error| failed("read the journal", path, &error))?;
    if !bytes.contains(&b'\n') {
        // The first record holds the whole plan: a crash may have cut it short after any length.
        let whole = if length < TAIL {
            bytes
        } else {
            std::fs::read(path).map_err(|error| failed("read the journal", path, &error))?
        };
        return Ok(whole.contains(&b'\n').then_some(false));
    }
    let body = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let start = body.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let last = record_at(&bytes, start).map(|(record, _)| record);
    let sealed = last.is_some_and(|record| record.get("record").and_then(Value::as_str) == Some("sealed"));
    Ok(Some(sealed))
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
