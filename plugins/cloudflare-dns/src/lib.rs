//! Cloudflare for honey: record sets, zone settings, certificates for the origin,
//! the swap of live traffic, and the ranges of the edge. What Cloudflare's API says is in `api` and
//! `record`; `batch` turns found records into wanted ones.
#![allow(clippy::result_large_err, reason = "a fault carries what an operator needs and is made seldom")]

pub mod api;
pub mod batch;
pub mod capability;
pub mod kind;
pub mod record;

use honey_sdk::{Fault, Kinds, Plugin};
use serde::Deserialize;

use crate::api::Api;

/// The plugin.
pub struct CloudflareDns {
    /// The vendor.
    pub(crate) api: Api,
}

/// The plugin's settings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Base of the API, where it is not Cloudflare's own.
    pub endpoint: Option<String>,
}

impl Plugin for CloudflareDns {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        Ok(Self { api: Api::new(settings.endpoint.as_deref()) })
    }

    fn kinds() -> Kinds<Self> {
        Kinds::new().with::<kind::RecordSet>().with::<kind::ZoneSettings>().with::<kind::OriginCertificate>()
    }
}

honey_sdk::export_plugin!(CloudflareDns: record_swap, edge_ranges);
