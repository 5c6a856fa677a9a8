//! OVHcloud virtual private servers: adopted by their service name, or ordered
//! with explicit consent. Here only what the plugin consists of.
#![allow(
    clippy::result_large_err,
    reason = "the interface's own type of failure, and a plugin fails once a call"
)]

use honey_sdk::{Fault, Kinds, Plugin};
use serde::Deserialize;

mod api;
mod capability;
mod kind;
mod order;
mod service;

/// This plugin.
pub struct Ovh {
    api: api::Api,
}

/// The plugin's section of the configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `us`, `eu` or `ca`: accounts and keys belong to one of them.
    site: Option<String>,
    /// Another base URL than the site's.
    endpoint: Option<String>,
    /// Another place than the site's where service accounts fetch their tokens.
    token_endpoint: Option<String>,
}

impl Plugin for Ovh {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        let Settings { site, endpoint, token_endpoint } = settings;
        Ok(Self { api: api::Api::new(site.as_deref(), endpoint.as_deref(), token_endpoint.as_deref())? })
    }

    fn kinds() -> Kinds<Self> {
        Kinds::new().with::<kind::machine::Machine>().with::<kind::ssh_key::SshKey>()
    }
}

honey_sdk::export_plugin!(Ovh: power, reinstall, prices, login);
