//! A compiled guest becomes an artifact.
//!
//! Takes a core module (target wasm32-unknown-unknown, the interface embedded
//! by wit-bindgen) or a ready component (target wasm32-wasip2) and gives back a
//! component whose honey sections stand at the top level.

use wasm_encoder::{ComponentSection, CustomSection, Module, RawSection};
use wasmparser::{BinaryReader, Parser, Payload};
use wit_component::ComponentEncoder;

use crate::sections::{self, Artifact, SectionError};

/// Why a compiled guest cannot become an artifact.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// Not WebAssembly, or damaged.
    #[error("these bytes are not WebAssembly: {0}")]
    NotWasm(#[from] wasmparser::BinaryReaderError),
    /// The guest cannot be wrapped: usually an import that is not in the interface.
    #[error("the module cannot become a component: {0}")]
    Encode(String),
    /// The honey sections are absent, doubled or wrong.
    #[error(transparent)]
    Section(#[from] SectionError),
}

/// Turns a compiled guest into an artifact, validated, its honey sections at the top level.
pub fn componentize(guest: &[u8]) -> Result<Vec<u8>, PackError> {
    componentize_with(guest, &[])
}

/// The same for a guest whose compiler puts no custom sections in: `sections`
/// (names of [`crate::sections`] with their text) stand in for those it lacks.
pub fn componentize_with(guest: &[u8], sections: &[(&'static str, String)]) -> Result<Vec<u8>, PackError> {
    let mut found = sections::collect(guest)?;
    for (name, text) in sections {
        if !found.top.iter().chain(&found.nested).any(|(known, _)| known == name) {
            found.nested.push((name, text.clone().into_bytes()));
        }
    }
    let mut component = if Parser::is_component(guest) {
        guest.to_vec()
    } else {
        let module = without_honey_sections(guest)?;
        ComponentEncoder::default()
            .module(&module)
            .map_err(|error| PackError::Encode(format!("{error:#}")))?
            .validate(true)
            .encode()
            .map_err(|error| PackError::Encode(format!("{error:#}")))
            .and_then(|component| without_names(&component))?
    };
    for (name, bytes) in &found.nested {
        if !found.top.iter().any(|(known, _)| known == name) {
            let data = if *name == sections::KINDS { compact(bytes) } else { bytes.clone() };
            CustomSection { name: (*name).into(), data: data.into() }.append_to_component(&mut component);
        }
    }
    Artifact::read(&component)?;
    Ok(component)
}

/// JSON without the blanks that are for people. What is no JSON is refused later, by name.
fn compact(json: &[u8]) -> Vec<u8> {
    serde_json::from_slice::<serde_json::Value>(json)
        .map_or_else(|_| json.to_vec(), |value| value.to_string().into_bytes())
}

/// The component without the names of its parts, which only a debugger reads.
fn without_names(component: &[u8]) -> Result<Vec<u8>, PackError> {
    const HEADER: usize = 8;
    const CUSTOM: u8 = 0;
    let mut kept = component.get(..HEADER).unwrap_or_default().to_vec();
    let mut rest = component.get(HEADER..).unwrap_or_default();
    while !rest.is_empty() {
        let mut reader = BinaryReader::new(rest, 0);
        let id = reader.read_u8()?;
        let size = reader.read_var_u32()? as usize;
        let name = reader.read_bytes(size)?;
        let is_names = id == CUSTOM && BinaryReader::new(name, 0).read_string()? == "component-name";
        let (section, further) = rest.split_at(rest.len() - reader.bytes_remaining());
        if !is_names {
            kept.extend_from_slice(section);
        }
        rest = further;
    }
    Ok(kept)
}

/// The module with the honey sections left out: they move to the outside.
fn without_honey_sections(guest: &[u8]) -> Result<Vec<u8>, PackError> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(guest) {
        let payload = payload?;
        if let Payload::CustomSection(section) = &payload
            && sections::NAMES.contains(&section.name())
        {
            continue;
        }
        if let Some((id, range)) = payload.as_section() {
            let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
                return Err(PackError::Encode("a section lies outside the module".to_owned()));
            };
            let data = guest.get(start..end).unwrap_or_default();
            module.section(&RawSection { id, data });
        }
    }
    Ok(module.finish())
}

#[cfg(test)]
mod tests {
    use super::{PackError, componentize};
    use crate::sections::SectionError;

    #[test]
    fn bytes_that_are_not_wasm_are_refused() {
        assert!(matches!(componentize(b"MZ\x90"), Err(PackError::NotWasm(_) | PackError::Section(_))));
    }

    #[test]
    fn a_component_without_stamp_is_refused_by_name() {
        let component = wasm_encoder::Component::new().finish();
        let error = componentize(&component).unwrap_err();
        assert!(
            matches!(&error, PackError::Section(SectionError::Missing { name: "honey:interface" })),
            "{error}"
        );
    }
}
