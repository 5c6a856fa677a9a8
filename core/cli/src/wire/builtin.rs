//! Plugins that come inside the binary.

include!(concat!(env!("OUT_DIR"), "/builtin.rs"));

/// The artifact of a plugin that comes with honey.
pub(super) fn artifact(id: &str) -> Option<&'static [u8]> {
    BUILTIN.iter().find(|(name, _)| *name == id).map(|(_, bytes)| *bytes)
}

/// Their ids.
pub(super) fn ids() -> impl Iterator<Item = &'static str> {
    BUILTIN.iter().map(|(name, _)| *name)
}
