//! What can be told of an artifact before anything of it is compiled or run.

use honey_plugin_pack::{Artifact, SectionError};

use crate::error::Problem;

/// The interface version that this host speaks.
pub const INTERFACE: &str = "0.1";

/// Features of a manifest's `must-understand` that this host knows.
const KNOWN_FEATURES: &[&str] = &[];

/// Reads and judges the artifact's description of itself.
pub(crate) fn read(bytes: &[u8]) -> Result<Artifact, Problem> {
    let stamp = Artifact::read_interface(bytes).map_err(problem)?;
    if stamp != INTERFACE {
        let found = honey_model::text::visible(&stamp, 40);
        return Err(Problem::Interface { found, supported: INTERFACE });
    }
    let artifact = Artifact::read(bytes).map_err(problem)?;
    if artifact.manifest.interface != stamp {
        return Err(Problem::Manifest(format!(
            "it names interface `{}`, the artifact is stamped `{stamp}`",
            honey_model::text::visible(&artifact.manifest.interface, 40)
        )));
    }
    let unknown: Vec<String> = artifact
        .manifest
        .must_understand
        .iter()
        .filter(|feature| !KNOWN_FEATURES.contains(&feature.as_str()))
        .map(|feature| honey_model::text::visible(feature, 60))
        .collect();
    if unknown.is_empty() { Ok(artifact) } else { Err(Problem::MustUnderstand(unknown)) }
}

fn problem(error: SectionError) -> Problem {
    let text = honey_model::text::visible(&error.to_string(), 400);
    match error {
        SectionError::NotWasm(why) => Problem::NotComponent(honey_model::text::visible(&why, 200)),
        SectionError::CoreModule => Problem::NotComponent("it is a core module".to_owned()),
        SectionError::Missing { name: "honey:interface" } => Problem::NoStamp,
        SectionError::Kinds(_) | SectionError::Missing { name: "honey:kinds" } => Problem::Kinds(text),
        _ => Problem::Manifest(text),
    }
}
