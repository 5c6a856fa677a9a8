//! Names, labels and annotations.

use serde_json::Value;

use super::{super::resource::ResourceType, Causes};

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SERVICE: &str = "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";
const QUALIFIED: &str = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE: &str = "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
/// Bytes of all annotations together.
const ANNOTATIONS: usize = 256 * 1024;

/// A part between dots, of at most 63 characters.
pub(super) fn label(name: &str) -> bool {
    let edge =
        |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    name.len() <= 63
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && edge(name.as_bytes().first())
        && edge(name.as_bytes().last())
}

fn subdomain(name: &str) -> bool {
    // The parts have no length of their own here.
    let part = |part: &str| {
        let bytes = part.as_bytes();
        let edge =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(part)
}

fn word(text: &str) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && edge(bytes.first())
        && edge(bytes.last())
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

fn qualified(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => subdomain(prefix) && word(name),
        None => word(key),
    }
}

/// Name, labels and annotations of an object.
pub(super) fn metadata(kind: &ResourceType, object: &Value, causes: &mut Causes) {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let built_in = kind.built_in();
    let wrong = match kind.kind.as_str() {
        // Part of a path, and nothing more.
        _ if kind.group == "rbac.authorization.k8s.io" => {
            let bad = matches!(name, "" | "." | "..") || name.contains(['/', '%']);
            bad.then_some("may not be '.', '..' or contain '/' or '%'")
        }
        "Namespace" if built_in => (!label(name)).then_some(LABEL),
        "Service" if built_in => {
            let letter = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
            (!label(name) || !letter).then_some(SERVICE)
        }
        _ => (!subdomain(name)).then_some(SUBDOMAIN),
    };
    if let Some(why) = wrong {
        causes.push(("metadata.name".into(), format!("Invalid value: {name:?}: {why}")));
    }
    labels(&object["metadata"]["labels"], "metadata.labels", causes);
    let mut total = 0;
    for (key, value) in object["metadata"]["annotations"].as_object().into_iter().flatten() {
        total += key.len() + value.as_str().map_or(0, str::len);
        if !qualified(&key.to_lowercase()) {
            causes.push(("metadata.annotations".into(), format!("Invalid value: {key:?}: {QUALIFIED}")));
        }
    }
    if total > ANNOTATIONS {
        causes.push((
            "metadata.annotations".into(),
            format!("Too long: may not be more than {ANNOTATIONS} bytes"),
        ));
    }
}

/// Keys and values of labels.
pub(super) fn labels(labels: &Value, path: &str, causes: &mut Causes) {
    for (key, value) in labels.as_object().into_iter().flatten() {
        if !qualified(key) {
            causes.push((path.into(), format!("Invalid value: {key:?}: {QUALIFIED}")));
        }
        let text = value.as_str().unwrap_or_default();
        if !text.is_empty() && !word(text) {
            let why = if text.len() > 63 { "must be no more than 63 bytes" } else { VALUE };
            causes.push((path.into(), format!("Invalid value: {text:?}: {why}")));
        }
    }
}

/// What a name of a container or a volume has to be.
pub(super) fn label_fault(name: &str) -> Option<String> {
    (!name.is_empty() && !label(name)).then(|| format!("Invalid value: {name:?}: {LABEL}"))
}
