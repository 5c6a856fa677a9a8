//! A plugin that keeps every law, or breaks the one that its settings name:
//! `{"break": "check-is-pure"}`. Each is the mistake that an author would make.
#![allow(
    clippy::result_large_err,
    reason = "the interface's own type of failure, and a plugin fails once a call"
)]

mod api;
mod item;

use honey_sdk::{Fault, Kinds, Plugin};
use serde::Deserialize;

/// This plugin.
pub struct Broken {
    api: api::Api,
    law: String,
}

impl Broken {
    /// Whether this is the law to break.
    fn breaks(&self, law: &str) -> bool {
        self.law == law
    }
}

/// Where the vendor is, and what to do wrong.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    endpoint: String,
    r#break: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self { endpoint: "https://api.broken.example/v1".to_owned(), r#break: String::new() }
    }
}

impl Plugin for Broken {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, Fault> {
        if settings.r#break == "loads" {
            return Err(Fault::invalid("broken::settings", "these settings are refused"));
        }
        Ok(Self { api: api::Api::new(settings.endpoint, &settings.r#break), law: settings.r#break })
    }

    fn kinds() -> Kinds<Self> {
        Kinds::new().with::<item::Item>()
    }
}

honey_sdk::export_plugin!(Broken);
