//! Machines that exist already and have no vendor API: honey reaches them by
//! ssh, looks, and never makes or deletes one.
#![allow(
    clippy::result_large_err,
    reason = "the interface's own type of failure, and a plugin fails once a call"
)]

use honey_sdk::{Fault, Kinds, Plugin};
use serde::Deserialize;

mod kind;

/// This plugin.
pub struct GenericSsh;

/// It has no settings.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

impl Plugin for GenericSsh {
    type Settings = Settings;

    fn configure(_settings: Settings) -> Result<Self, Fault> {
        Ok(Self)
    }

    fn kinds() -> Kinds<Self> {
        Kinds::new().with::<kind::machine::Machine>()
    }
}

honey_sdk::export_plugin!(GenericSsh);
