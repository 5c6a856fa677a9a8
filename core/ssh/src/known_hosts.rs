//! Which host key a host may show: the ones a provider told us, else the one
//! recorded on first use. A changed key is never accepted.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose};
use honey_model::{Fault, FaultClass, text::visible};
use sha2::{Digest as _, Sha256};

use crate::{fault, target::Resolved};

/// What ssh is told about a host's key.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    /// Files that ssh looks into, the first is written to.
    pub(crate) files: Vec<PathBuf>,
    /// Whether an unknown key is refused.
    pub(crate) strict: bool,
}

impl Policy {
    /// Only these keys. The file lives in the connection's private folder.
    pub(crate) fn pinned(folder: &Path, keys: &[String]) -> Result<Self, Fault> {
        let mut text = String::new();
        for key in keys {
            let Some((kind, blob)) = split(key) else {
                return Err(Fault::new(
                    FaultClass::Invalid,
                    fault::INVALID_VALUE,
                    format!("`{}` is not a public host key", visible(key, 80)),
                ));
            };
            // The file belongs to one host only, so the name does not matter.
            let _ = writeln!(text, "* {kind} {blob}");
        }
        let path = folder.join("known_hosts");
        write_private(&path, text.as_bytes()).map_err(|error| local(&path, &error))?;
        Ok(Self { files: vec![path], strict: true })
    }

    /// Honey's own record of this host, then the operator's where those count.
    pub(crate) fn recorded(record: &Path, operators: bool) -> Result<Self, Fault> {
        if let Some(folder) = record.parent() {
            fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|error| local(folder, &error))?;
        }
        // ssh would make it readable for all.
        fs::OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(record)
            .map_err(|error| local(record, &error))?;
        let mut files = vec![record.to_owned()];
        if let Some(home) = std::env::home_dir().filter(|_| operators) {
            files.push(home.join(".ssh/known_hosts"));
        }
        Ok(Self { files, strict: false })
    }

    /// For `-o UserKnownHostsFile=`; names are quoted, as ssh splits at spaces.
    pub(crate) fn option(&self) -> String {
        let quoted: Vec<String> = self.files.iter().map(|path| format!("\"{}\"", path.display())).collect();
        format!("UserKnownHostsFile={}", quoted.join(" "))
    }

    /// The key with this fingerprint, as `type base64`.
    pub(crate) fn find(&self, fingerprint: &str) -> Option<String> {
        self.files.iter().find_map(|path| {
            let text = fs::read_to_string(path).ok()?;
            text.lines().find_map(|line| {
                let key = line.split_once(' ')?.1;
                let (kind, blob) = split(key)?;
                (fingerprint_of(blob)? == fingerprint).then(|| format!("{kind} {blob}"))
            })
        })
    }
}

/// The file that records a host's key, one file per host, so that forgetting a
/// machine that is gone is removing a file.
pub(crate) fn record_of(folder: &Path, resolved: &Resolved) -> PathBuf {
    let name: String = resolved
        .hostname
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .collect();
    folder.join(format!("host-{name}-{}", resolved.port))
}

/// `SHA256:…` and the type, as ssh's log names the key that a host showed.
pub(crate) fn shown_in(log: &str) -> Option<(String, String)> {
    let rest = log.split("Server host key: ").nth(1)?;
    let mut words = rest.split_whitespace();
    Some((words.next()?.to_owned(), words.next()?.to_owned()))
}

fn split(key: &str) -> Option<(&str, &str)> {
    let mut words = key.split_whitespace();
    let (kind, blob) = (words.next()?, words.next()?);
    let known = kind.starts_with("ssh-") || kind.starts_with("ecdsa-sha2-") || kind.starts_with("sk-");
    (known && general_purpose::STANDARD.decode(blob).is_ok()).then_some((kind, blob))
}

fn fingerprint_of(blob: &str) -> Option<String> {
    let bytes = general_purpose::STANDARD.decode(blob).ok()?;
    Some(format!("SHA256:{}", general_purpose::STANDARD_NO_PAD.encode(Sha256::digest(bytes))))
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?.write_all(bytes)
}

fn local(path: &Path, error: &std::io::Error) -> Fault {
    Fault::new(FaultClass::Internal, fault::CLIENT, format!("{} cannot be written: {error}", path.display()))
        .with_help("honey keeps host keys and control sockets in folders of its own")
}
