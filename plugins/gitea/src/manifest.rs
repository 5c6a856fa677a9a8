//! Manifests and indexes of images: what honey reads of them. Pure.

use std::fmt::Write as _;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// Everything a registry may hold for a tag. Gitea answers with what was
/// stored and does not choose by it; other registries do.
pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, \
    application/vnd.docker.distribution.manifest.list.v2+json, \
    application/vnd.oci.image.manifest.v1+json, \
    application/vnd.docker.distribution.manifest.v2+json";

/// An index: one manifest a platform.
#[derive(Debug, Deserialize)]
struct Index {
    #[serde(default)]
    manifests: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
struct Entry {
    #[serde(default)]
    platform: Option<Platform>,
}

#[derive(Debug, Deserialize)]
struct Platform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
}

/// Whether a manifest of this media type lists platforms.
pub fn is_index(media_type: &str) -> bool {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    matches!(
        bare,
        "application/vnd.oci.image.index.v1+json"
            | "application/vnd.docker.distribution.manifest.list.v2+json"
    )
}

/// `linux/amd64` …, sorted; attestations (`unknown/unknown`) are none.
pub fn platforms(body: &[u8]) -> Result<Vec<String>, serde_json::Error> {
    let index: Index = serde_json::from_slice(body)?;
    let mut platforms: Vec<String> = index
        .manifests
        .into_iter()
        .filter_map(|entry| entry.platform)
        .filter(|platform| !platform.os.is_empty() && platform.os != "unknown")
        .map(|platform| match platform.variant.filter(|variant| !variant.is_empty()) {
            Some(variant) => format!("{}/{}/{variant}", platform.os, platform.architecture),
            None => format!("{}/{}", platform.os, platform.architecture),
        })
        .collect();
    platforms.sort();
    platforms.dedup();
    Ok(platforms)
}

/// The digest of exact bytes.
pub fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{digest, is_index, platforms};

    #[test]
    fn an_index_lists_platforms_without_attestations() {
        let body = br#"{"schemaVersion": 2, "manifests": [
            {"digest": "sha256:1", "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}},
            {"digest": "sha256:2", "platform": {"os": "linux", "architecture": "amd64"}},
            {"digest": "sha256:3", "platform": {"os": "unknown", "architecture": "unknown"}},
            {"digest": "sha256:4"}]}"#;
        assert_eq!(platforms(body).expect("an index"), ["linux/amd64", "linux/arm64/v8"]);
        assert!(platforms(b"<html>").is_err());
    }

    #[test]
    fn media_types_may_have_parameters() {
        assert!(is_index("application/vnd.oci.image.index.v1+json; charset=utf-8"));
        assert!(!is_index("application/vnd.oci.image.manifest.v1+json"));
    }

    #[test]
    fn the_digest_is_that_of_the_bytes() {
        assert_eq!(digest(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
