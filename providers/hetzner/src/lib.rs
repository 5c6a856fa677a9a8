//! Hetzner Cloud: servers, ssh keys, firewalls, placement groups, networks, addresses.
//! Here only what the plugin consists of.
#![allow(
    clippy::result_large_err,
    reason = "the interface's own type of failure, and a plugin fails once a call"
)]

use honey_sdk::{Fault, Kinds, Plugin};
use serde::Deserialize;

mod api;
mod capability;
mod kind;

use kind::labelled::Of;

/// This plugin.
pub struct Hetzner {
    api: api::Api,
}

/// The plugin's section of the configuration.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Another base URL than the vendor's.
    endpoint: Option<String>,
}

impl Plugin for Hetzner {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        Ok(Self { api: api::Api::new(settings.endpoint.as_deref()) })
    }

    fn kinds() -> Kinds<Self> {
        Kinds::new()
            .with::<kind::machine::Machine>()
            .with::<Of<kind::ssh_key::SshKey>>()
            .with::<Of<kind::firewall::Firewall>>()
            .with::<Of<kind::placement_group::PlacementGroup>>()
            .with::<Of<kind::network::Network>>()
            .with::<Of<kind::primary_ip::PrimaryIp>>()
    }
}

honey_sdk::export_plugin!(Hetzner: power, reinstall, prices);
