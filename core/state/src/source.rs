//! The operator's own secrets as they are read: bounded, and checked to be text
//! unless every byte counts. Values stand in no message.

use std::{fs::File, io::Read as _, path::Path};

use honey_model::{Fault, FaultClass, Secret, SecretName};

/// A Kubernetes Secret holds no more.
const SIZE_LIMIT: u64 = 1 << 20;
/// What some editors put in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// The same in the encodings that are no text here.
const OTHER_MARKS: [&[u8]; 2] = [b"\xff\xfe", b"\xfe\xff"];

/// A file's secret; none where there is no file.
pub(crate) fn file(name: &SecretName, path: &Path, raw: bool) -> Result<Option<Secret>, Fault> {
    let unreadable = |why: String| {
        let text = format!("secret `{name}` cannot be read from {}: {why}", path.display());
        Fault::new(FaultClass::Invalid, "HNY0123", text)
            .with_help("name a file with the secret in it that this user may read (mode 0600)")
    };
    // Asked first: opening a pipe would wait for its writer.
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    if metadata.is_dir() {
        return Err(unreadable("it is a directory".to_owned()));
    }
    if !metadata.is_file() {
        return Err(unreadable("it is no regular file".to_owned()));
    }
    if metadata.len() > SIZE_LIMIT {
        return Err(unreadable("it is larger than 1 MiB".to_owned()));
    }
    // Sized beforehand: growing would leave copies behind that nobody wipes.
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1);
    let opened = File::open(path).map_err(|error| unreadable(error.to_string()))?;
    opened.take(SIZE_LIMIT + 1).read_to_end(&mut bytes).map_err(|error| unreadable(error.to_string()))?;
    let secret = checked(name, bytes, raw, &path.display().to_string())?;
    Ok(Some(if raw { secret } else { without_line_end(&secret) }))
}

/// Bytes from a place as a secret: not empty, and text unless `raw`.
pub(crate) fn checked(name: &SecretName, bytes: Vec<u8>, raw: bool, place: &str) -> Result<Secret, Fault> {
    let secret = Secret::new(bytes);
    let bytes = secret.expose();
    let blank = if raw { bytes.is_empty() } else { bytes.iter().all(u8::is_ascii_whitespace) };
    if blank {
        let text = format!("secret `{name}` is empty: {place} holds nothing");
        let help = if raw {
            "write the secret into it"
        } else {
            "write the secret into it; `raw = true` takes white space as it is"
        };
        return Err(Fault::new(FaultClass::Invalid, "HNY0121", text).with_help(help));
    }
    if raw {
        return Ok(secret);
    }
    let why = if bytes.starts_with(BYTE_ORDER_MARK) {
        format!("{place} begins with a byte order mark")
    } else if OTHER_MARKS.iter().any(|mark| bytes.starts_with(mark)) {
        format!("{place} is UTF-16")
    } else if let Err(error) = std::str::from_utf8(bytes) {
        format!("byte {} of {place} is not UTF-8", error.valid_up_to() + 1)
    } else {
        return Ok(secret);
    };
    Err(not_text(name, &why)
        .with_help("save it as UTF-8 without a byte order mark, or keep it byte for byte with `raw = true`"))
}

/// A secret that is no text.
pub(crate) fn not_text(name: &SecretName, why: &str) -> Fault {
    Fault::new(FaultClass::Invalid, "HNY0122", format!("secret `{name}` is not text: {why}"))
}

/// Editors end a file with a line end; nobody means it.
fn without_line_end(secret: &Secret) -> Secret {
    let bytes = secret.expose();
    let bytes = bytes.strip_suffix(b"\r\n").or_else(|| bytes.strip_suffix(b"\n")).unwrap_or(bytes);
    Secret::new(bytes)
}
