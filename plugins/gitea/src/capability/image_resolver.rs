//! `image-resolver`: a tag to the digest of the manifest it names now.

use honey_sdk::{
    Context, Fault,
    capability::{ImageResolver, Resolved},
};

use crate::{
    Gitea,
    manifest::{digest, is_index, platforms},
    reference::{Reference, is_digest},
    registry::Registry,
};

/// Tags that are compared with a digest before honey gives up saying that none names it.
const TAGS_COMPARED: usize = 25;

impl ImageResolver for Gitea {
    fn resolve(&self, ctx: Context, reference: &str) -> Result<Resolved, Fault> {
        let reference = Reference::parse(reference).map_err(|why| Fault::invalid("gitea::reference", why))?;
        let registry = Registry::new(self.origin.as_deref(), self.username.as_deref(), &reference);
        let mut resolved = manifest(&registry, &reference)?;
        if is_index(&resolved.media_type) && resolved.platforms.is_empty() {
            // By digest: the tag may move between two calls.
            let reply = registry.manifest("GET", &resolved.digest)?;
            if (300..400).contains(&reply.status) {
                resolved
                    .warnings
                    .push("its platforms are not known: the registry keeps the index elsewhere".to_owned());
            } else {
                let reply = registry.accepted(reply)?;
                same_bytes(&resolved.digest, reply.bytes())?;
                resolved.platforms = platforms(reply.bytes())?;
            }
        }
        if reference.is_by_digest() {
            ctx.check_canceled()?;
            let words = match tagged(&registry, &resolved.digest)? {
                Some(true) => None,
                Some(false) => Some("no tag names it"),
                None => Some("it has too many tags to tell whether one names this digest"),
            };
            if let Some(words) = words {
                resolved.warnings.push(format!(
                    "{}: {words}; a clean-up rule of the registry may remove it",
                    resolved.digest
                ));
            }
        }
        Ok(resolved)
    }
}

/// Digest and media type, by headers where the registry tells them, else from the bytes.
fn manifest(registry: &Registry<'_>, reference: &Reference) -> Result<Resolved, Fault> {
    let reply = registry.manifest("HEAD", reference.version())?;
    if reply.status != 405 {
        let reply = registry.accepted(reply)?;
        if let Some(told) = reply.header("docker-content-digest").filter(|told| is_digest(told)) {
            if reference.is_by_digest() && told != reference.version() {
                return Err(mismatch(reference.version(), told));
            }
            let media_type = reply.header("content-type").unwrap_or_default().to_owned();
            return Ok(Resolved {
                digest: told.to_owned(),
                media_type,
                platforms: Vec::new(),
                warnings: Vec::new(),
            });
        }
    }
    let reply = registry.accepted(registry.manifest("GET", reference.version())?)?;
    let found = digest(reply.bytes());
    if reference.is_by_digest() {
        same_bytes(reference.version(), reply.bytes())?;
    }
    let media_type = reply.header("content-type").unwrap_or_default().to_owned();
    let platforms = if is_index(&media_type) { platforms(reply.bytes())? } else { Vec::new() };
    Ok(Resolved { digest: found, media_type, platforms, warnings: Vec::new() })
}

fn same_bytes(wanted: &str, bytes: &[u8]) -> Result<(), Fault> {
    let found = digest(bytes);
    if found == wanted { Ok(()) } else { Err(mismatch(wanted, &found)) }
}

fn mismatch(wanted: &str, found: &str) -> Fault {
    Fault::new("malformed", "gitea::digest-mismatch", format!("the registry handed out {found} for {wanted}"))
        .with_help("something between honey and the registry changes what it says; do not deploy from it")
}

/// Whether a tag names this digest; none where there are too many tags to ask.
fn tagged(registry: &Registry<'_>, wanted: &str) -> Result<Option<bool>, Fault> {
    let tags = registry.tags()?;
    // Gitea lists digests as versions, too.
    let tags: Vec<&String> = tags.iter().filter(|tag| !is_digest(tag)).collect();
    if tags.len() > TAGS_COMPARED {
        return Ok(None);
    }
    for tag in tags {
        let reply = registry.manifest("HEAD", tag)?;
        if reply.header("docker-content-digest") == Some(wanted) {
            return Ok(Some(true));
        }
    }
    Ok(Some(false))
}
