//! Facts of a host over ssh, for providers without an API.

use crate::{
    bindings::honey::plugin::{
        ssh_facts::{Host, Target},
        types::Fault as GuestFault,
    },
    call::CallState,
};

impl Host for CallState {
    async fn read(&mut self, target: Target) -> wasmtime::Result<Result<String, GuestFault>> {
        let refused = |class: &str, message: String| GuestFault {
            class: class.to_owned(),
            code: "host::ssh-facts".to_owned(),
            message,
            help: None,
            retry_after_ms: None,
            vendor: None,
            diagnostics: Vec::new(),
        };
        let Some(reader) = self.plugin.services.ssh_facts.clone().filter(|_| self.plugin.effective.ssh)
        else {
            return Ok(Err(refused("forbidden", "host facts over ssh are not granted".to_owned())));
        };
        let Target { address, port, user, identity } = target;
        let text = [address.as_str(), user.as_str(), identity.as_deref().unwrap_or_default()];
        if text
            .iter()
            .any(|text| text.starts_with('-') || text.len() > 500 || text.chars().any(char::is_control))
        {
            return Ok(Err(refused("invalid", "an address, user or key file that cannot be one".to_owned())));
        }
        Ok(match reader.facts(&address, port, &user, identity.as_deref()).await {
            Ok(facts) => Ok(facts.to_string()),
            Err(fault) => {
                let mut told =
                    refused(fault.class.as_str(), honey_model::text::visible(&fault.to_string(), 500));
                told.help = fault.help;
                Err(told)
            }
        })
    }
}
