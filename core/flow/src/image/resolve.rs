//! Asks registries what images are, each image once for a run: a tag that moves
//! while a plan is applied must not make the same run see two images.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use honey_model::{Address, Digest, Fault, FaultClass, ImageReference, image::Host};
use tokio::sync::Mutex;

use crate::{Session, phase::prepare::capability};

/// What an image came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Resolved {
    /// By digest, with what its registry says about it.
    Pinned { image: String, warnings: Vec<String> },
    /// No registry of the configuration has this host.
    NoRegistry { host: String },
    /// Its registry has no such image.
    Missing(Box<Fault>),
}

/// What was asked in this run.
#[derive(Default)]
pub(crate) struct Cache(Mutex<BTreeMap<(String, String), Resolved>>);

/// By the text of each reference. Texts that are none, and such that are exact
/// already, are left out.
pub(crate) async fn resolve(
    session: &Session,
    texts: impl IntoIterator<Item = &str>,
) -> Result<BTreeMap<String, Resolved>, Fault> {
    let wanted: BTreeMap<&str, ImageReference> = texts
        .into_iter()
        .filter_map(|text| Some((text, ImageReference::parse(text).ok()?)))
        .filter(|(_, reference)| reference.digest().is_none())
        .collect();
    let key = |reference: &ImageReference| (reference.name(), reference.version().to_owned());
    let mut known = session.images.0.lock().await;
    let new: BTreeSet<&ImageReference> =
        wanted.values().filter(|reference| !known.contains_key(&key(reference))).collect();
    // Two spellings of one image are one question.
    let new: BTreeMap<(String, String), ImageReference> =
        new.into_iter().map(|reference| (key(reference), reference.clone())).collect();
    let asked: Vec<((String, String), Resolved)> = stream::iter(new)
        .map(|(key, reference)| async move { Ok::<_, Fault>((key, ask(session, &reference).await?)) })
        .buffer_unordered(session.config.limits.per_plugin.max(1))
        .try_collect()
        .await?;
    known.extend(asked);
    let answer = |(text, reference): (&str, ImageReference)| {
        Some((text.to_owned(), known.get(&key(&reference))?.clone()))
    };
    Ok(wanted.into_iter().filter_map(answer).collect())
}

async fn ask(session: &Session, reference: &ImageReference) -> Result<Resolved, Fault> {
    let of_host = |host: &str| Host::parse(host).is_ok_and(|host| host == *reference.host());
    let Some(registry) = session.config.registries.values().find(|registry| of_host(&registry.host)) else {
        return Ok(Resolved::NoRegistry { host: reference.host().to_string() });
    };
    let plugin = capability(session, &registry.plugin)?;
    let text = reference.to_string();
    let address = Address::of(&["shared", "image", Digest::of_bytes(text.as_bytes()).short()]);
    let found = match plugin.resolve_image(&session.reading(&address), &text).await {
        Ok(found) => found,
        Err(fault) if fault.class == FaultClass::NotFound => return Ok(Resolved::Missing(Box::new(fault))),
        Err(fault) => return Err(fault),
    };
    let image = reference.at_digest(&found.digest).map_err(|error| {
        let text = format!("the registry's answer for `{text}` is no digest: {error}");
        Fault::new(FaultClass::Malformed, "HNY0682", text)
    })?;
    Ok(Resolved::Pinned { image: image.to_string(), warnings: found.warnings })
}
