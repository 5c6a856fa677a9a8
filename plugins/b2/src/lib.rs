//! Backblaze B2 for honey: buckets and application keys. What the native API
//! says is in `wire` and `api`.
#![allow(clippy::result_large_err, reason = "a fault carries what an operator needs and is made seldom")]

pub mod api;
pub mod kind;
pub mod wire;

use honey_sdk::{Fault, Kinds, Plugin, once::Told};
use serde::Deserialize;

use crate::api::Api;

/// The plugin.
pub struct B2 {
    /// The vendor.
    pub(crate) api: Api,
}

/// The plugin's settings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where to authorize, where it is not Backblaze's own.
    pub endpoint: Option<String>,
}

impl Plugin for B2 {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        Ok(Self { api: Api::new(settings.endpoint.as_deref()) })
    }

    fn kinds() -> Kinds<Self> {
        Kinds::new().with::<kind::Bucket>().with::<Told<kind::BucketKey>>()
    }
}

honey_sdk::export_plugin!(B2);
