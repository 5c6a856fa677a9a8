//! The three custom sections by which an artifact describes itself.

use honey_model::KindSchema;
use wasmparser::{Encoding, Parser, Payload};

use crate::{Manifest, ManifestError};

/// Interface version, e.g. `0.1`.
pub const INTERFACE: &str = "honey:interface";
/// The text of plugin.toml.
pub const MANIFEST: &str = "honey:manifest";
/// JSON array of kind schemas.
pub const KINDS: &str = "honey:kinds";
/// All of them.
pub const NAMES: [&str; 3] = [INTERFACE, MANIFEST, KINDS];

/// No section of a plugin is larger.
const LIMIT: usize = 1 << 20;

/// What is wrong with an artifact's description of itself.
#[derive(Debug, thiserror::Error)]
pub enum SectionError {
    /// Not WebAssembly, or damaged.
    #[error("the bytes are not a WebAssembly component: {0}")]
    NotWasm(String),
    /// A core module where a component is needed.
    #[error("this is a core WebAssembly module, not a component")]
    CoreModule,
    /// A section is not there.
    #[error("the section `{name}` is missing")]
    Missing {
        /// Which.
        name: &'static str,
    },
    /// A section is there twice with different contents.
    #[error("the section `{name}` is there more than once")]
    Doubled {
        /// Which.
        name: &'static str,
    },
    /// A section is too large or not text.
    #[error("the section `{name}` {why}")]
    Unreadable {
        /// Which.
        name: &'static str,
        /// What is wrong.
        why: &'static str,
    },
    /// The manifest is wrong.
    #[error("manifest: {0}")]
    Manifest(#[from] ManifestError),
    /// The kinds are wrong.
    #[error("kinds: {0}")]
    Kinds(String),
}

/// Sections found at the top level and inside nested modules.
pub(crate) struct Collected {
    pub(crate) top: Vec<(&'static str, Vec<u8>)>,
    pub(crate) nested: Vec<(&'static str, Vec<u8>)>,
}

/// Collects the honey sections of a module or component. The sections of a
/// core module count as nested.
pub(crate) fn collect(bytes: &[u8]) -> Result<Collected, SectionError> {
    let mut collected = Collected { top: Vec::new(), nested: Vec::new() };
    let mut depth = 0_usize;
    let mut outer = None;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| SectionError::NotWasm(error.to_string()))? {
            Payload::Version { encoding, .. } => {
                outer.get_or_insert(encoding);
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::CustomSection(section) => {
                let Some(name) = NAMES.into_iter().find(|known| *known == section.name()) else { continue };
                let place = if depth <= 1 && outer == Some(Encoding::Component) {
                    &mut collected.top
                } else {
                    &mut collected.nested
                };
                match place.iter().find(|(known, _)| *known == name) {
                    Some((_, earlier)) if earlier != section.data() => {
                        return Err(SectionError::Doubled { name });
                    }
                    Some(_) => {}
                    None => place.push((name, section.data().to_vec())),
                }
            }
            _ => {}
        }
    }
    Ok(collected)
}

/// What an artifact says of itself, before anything of it runs.
#[derive(Clone, Debug)]
pub struct Artifact {
    /// The interface version as stamped, e.g. `0.1`.
    pub interface: String,
    /// What it asks for.
    pub manifest: Manifest,
    /// The kinds it implements.
    pub kinds: Vec<KindSchema>,
}

impl Artifact {
    /// Reads only the stamp: what must be known before the rest can be understood.
    pub fn read_interface(bytes: &[u8]) -> Result<String, SectionError> {
        let top = top_level(bytes)?;
        text(&top, INTERFACE).map(|stamp| stamp.trim_matches(['\0', ' ', '\n']).to_owned())
    }

    /// Reads all three sections at the top level of a component.
    pub fn read(bytes: &[u8]) -> Result<Self, SectionError> {
        let top = top_level(bytes)?;
        let interface = text(&top, INTERFACE)?.trim_matches(['\0', ' ', '\n']).to_owned();
        let manifest = Manifest::parse(text(&top, MANIFEST)?)?;
        let kinds = parse_kinds(text(&top, KINDS)?)?;
        Ok(Self { interface, manifest, kinds })
    }
}

fn top_level(bytes: &[u8]) -> Result<Vec<(&'static str, Vec<u8>)>, SectionError> {
    if Parser::is_core_wasm(bytes) {
        return Err(SectionError::CoreModule);
    }
    if !Parser::is_component(bytes) {
        return Err(SectionError::NotWasm("the magic number is not that of a component".to_owned()));
    }
    collect(bytes).map(|collected| collected.top)
}

fn text<'a>(top: &'a [(&'static str, Vec<u8>)], name: &'static str) -> Result<&'a str, SectionError> {
    let (_, bytes) = top.iter().find(|(known, _)| *known == name).ok_or(SectionError::Missing { name })?;
    if bytes.len() > LIMIT {
        return Err(SectionError::Unreadable { name, why: "is larger than 1 MiB" });
    }
    std::str::from_utf8(bytes).map_err(|_| SectionError::Unreadable { name, why: "is not UTF-8" })
}

fn parse_kinds(text: &str) -> Result<Vec<KindSchema>, SectionError> {
    let kinds: Vec<KindSchema> =
        serde_json::from_str(text).map_err(|error| SectionError::Kinds(error.to_string()))?;
    for (index, kind) in kinds.iter().enumerate() {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if kind.kind.is_empty() || kind.kind.len() > 60 || !kind.kind.chars().all(plain) {
            return Err(SectionError::Kinds(format!("entry {index}: a kind is named with a-z, 0-9 and `-`")));
        }
        if kind.version == 0 {
            return Err(SectionError::Kinds(format!("`{}`: versions start at 1", kind.kind)));
        }
        if kinds[..index].iter().any(|earlier| earlier.kind == kind.kind) {
            return Err(SectionError::Kinds(format!("`{}` is there twice", kind.kind)));
        }
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::{Artifact, INTERFACE, KINDS, MANIFEST, SectionError};
    use wasm_encoder::{Component, CustomSection, Module, ModuleSection};

    fn section<'a>(name: &'a str, data: &'a str) -> CustomSection<'a> {
        CustomSection { name: name.into(), data: data.as_bytes().into() }
    }

    const PLUGIN: &str = "id = \"x\"\nversion = \"1.0.0\"\nrole = \"provider\"\ninterface = \"0.1\"\n";

    #[test]
    fn sections_of_nested_modules_do_not_count() {
        let mut inner = Module::new();
        inner.section(&section(INTERFACE, "0.1"));
        let mut outer = Component::new();
        outer.section(&ModuleSection(&inner));
        let missing = Artifact::read_interface(&outer.finish());
        assert!(matches!(missing, Err(SectionError::Missing { name: INTERFACE })), "{missing:?}");
    }

    #[test]
    fn a_whole_artifact_is_read_and_a_doubled_section_is_not() {
        let mut outer = Component::new();
        outer.section(&section(INTERFACE, "0.1"));
        outer.section(&section(MANIFEST, PLUGIN));
        outer.section(&section(KINDS, r#"[{"kind":"machine","version":1}]"#));
        let mut bytes = outer.finish();
        let artifact = Artifact::read(&bytes).unwrap();
        assert_eq!((artifact.interface.as_str(), artifact.kinds[0].kind.as_str()), ("0.1", "machine"));
        wasm_encoder::ComponentSection::append_to_component(&section(INTERFACE, "9.9"), &mut bytes);
        assert!(matches!(Artifact::read(&bytes), Err(SectionError::Doubled { name: INTERFACE })));
    }

    #[test]
    fn kinds_are_named_plainly_and_once() {
        for bad in [
            r#"[{"kind":"A b","version":1}]"#,
            r#"[{"kind":"a","version":0}]"#,
            r#"[{"kind":"a","version":1},{"kind":"a","version":1}]"#,
            "{}",
        ] {
            assert!(matches!(super::parse_kinds(bad), Err(SectionError::Kinds(_))), "{bad}");
        }
    }
}
