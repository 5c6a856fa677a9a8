//! Images as manifests: exact bytes, found by digest or tag.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::random::Random;

/// Media type of an index.
pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Media type of a manifest.
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// One image name with everything under it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Image {
    /// Digest by tag.
    pub(super) tags: BTreeMap<String, String>,
    /// Media type and bytes by digest.
    pub(super) manifests: BTreeMap<String, (String, Bytes)>,
    /// Blobs by digest.
    pub(super) blobs: BTreeMap<String, Bytes>,
}

/// The digest of some bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

impl Image {
    fn put(&mut self, media: &str, body: &Value) -> Value {
        let bytes = Bytes::from(body.to_string());
        let name = digest(&bytes);
        let size = bytes.len();
        self.manifests.insert(name.clone(), (media.to_owned(), bytes));
        json!({"mediaType": media, "digest": name, "size": size})
    }

    fn blob(&mut self, media: &str, bytes: Bytes) -> Value {
        let name = digest(&bytes);
        let size = bytes.len();
        self.blobs.insert(name.clone(), bytes);
        json!({"mediaType": media, "digest": name, "size": size})
    }

    /// Adds a multi-architecture image under a tag; its digest.
    pub(super) fn push(&mut self, tag: &str, content: &str) -> String {
        let mut entries = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let config = json!({
                "architecture": architecture,
                "os": "linux",
                "config": {"Env": [format!("CONTENT={content}")]},
                "rootfs": {"type": "layers", "diff_ids": []},
            });
            let config = self.blob("application/vnd.oci.image.config.v1+json", config.to_string().into());
            let layer = self.blob(
                "application/vnd.oci.image.layer.v1.tar+gzip",
                format!("layer of {content} for {architecture}").into(),
            );
            let manifest = json!({
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": config,
                "layers": [layer],
            });
            let mut entry = self.put(MANIFEST, &manifest);
            entry["platform"] = json!({"architecture": architecture, "os": "linux"});
            entries.push(entry);
        }
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        let entry = self.put(INDEX, &index);
        let name = entry["digest"].as_str().unwrap_or_default().to_owned();
        self.tags.insert(tag.to_owned(), name.clone());
        name
    }
}

/// The images of the stack with two older versions each.
pub(super) fn stock(owner: &str, random: &Random) -> BTreeMap<String, Image> {
    ["api", "web", "admin", "worker"]
        .iter()
        .map(|part| {
            let mut image = Image::default();
            for version in ["1.4.0", "1.5.0"] {
                image.push(version, &format!("{part} {version} {}", random.hex(8)));
            }
            image.push("latest", &format!("{part} latest {}", random.hex(8)));
            (format!("{owner}/honeydue-{part}"), image)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_of_the_exact_bytes() {
        let images = stock("admin", &Random::new(1, "images"));
        assert_eq!(images.len(), 4);
        for image in images.values() {
            assert_eq!(image.tags.len(), 3);
            for (name, (_, bytes)) in &image.manifests {
                assert_eq!(*name, digest(bytes));
            }
        }
    }
}
