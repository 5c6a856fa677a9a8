//! Neon for honey: a PostgreSQL project with its branch, compute, role and
//! database, and further branches. What Neon's API says is in `wire` and `api`.
#![allow(clippy::result_large_err, reason = "a fault carries what an operator needs and is made seldom")]

pub mod api;
pub mod kind;
pub mod wire;

use honey_sdk::{Fault, Kinds, Plugin};
use serde::Deserialize;

use crate::api::Api;

/// The plugin.
pub struct Neon {
    /// The vendor.
    pub(crate) api: Api,
}

/// The plugin's settings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Base of the API, where it is not Neon's own.
    pub endpoint: Option<String>,
    /// Needed with a key of an organization.
    pub org_id: Option<String>,
}

impl Plugin for Neon {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        Ok(Self { api: Api::new(settings.endpoint.as_deref(), settings.org_id) })
    }

    fn kinds() -> Kinds<Self> {
        Kinds::new().with::<kind::Database>().with::<kind::Branch>()
    }
}

honey_sdk::export_plugin!(Neon);
