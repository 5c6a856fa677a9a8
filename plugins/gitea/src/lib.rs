//! Gitea for honey: access tokens, and digests of images in its registry. What
//! its API says is in `api`, what the registry says in `registry`, `challenge`,
//! `manifest` and `reference`.
#![allow(clippy::result_large_err, reason = "a fault carries what an operator needs and is made seldom")]

pub mod api;
pub mod capability;
pub mod challenge;
pub mod kind;
pub mod manifest;
pub mod reference;
pub mod registry;

use honey_sdk::{Fault, Kinds, Plugin, once::Told};
use serde::Deserialize;

use crate::{api::Api, challenge::origin};

/// The plugin.
pub struct Gitea {
    /// The server's own API.
    pub(crate) api: Api,
    /// Origin of the server, where it is not that of the image's host.
    pub(crate) origin: Option<String>,
    /// Who asks the registry, where it is not the owner of the image.
    pub(crate) username: Option<String>,
}

/// The plugin's settings.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Base of the server: `https://git.example.com`.
    pub endpoint: Option<String>,
    /// The account that asks the registry.
    pub username: Option<String>,
}

impl Plugin for Gitea {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        let origin = match settings.endpoint.as_deref() {
            Some(endpoint) => Some(origin(endpoint).ok_or_else(|| {
                Fault::invalid("gitea::endpoint", format!("`{endpoint}` is not the address of a server"))
                    .with_help("write e.g. https://git.example.com")
            })?),
            None => None,
        };
        Ok(Self { api: Api::new(settings.endpoint), origin, username: settings.username })
    }

    fn kinds() -> Kinds<Self> {
        Kinds::new().with::<Told<kind::RegistryToken>>()
    }
}

honey_sdk::export_plugin!(Gitea: image_resolver);
