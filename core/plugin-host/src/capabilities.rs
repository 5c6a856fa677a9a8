//! A plugin's optional abilities: exports that are there or not.

use async_trait::async_trait;
use honey_model::{Fault, text::visible};
use honey_plugin_pack::Manifest;
use honey_ports::{
    CallContext,
    capability::{
        Capabilities, EdgeRanges, LoginStarted, PowerState, Price, RecordSet, RecordSwap, RecordSwapper,
        ResolvedImage, SwapError,
    },
};
use serde_json::Value;
use tokio::time::timeout_at;
use wasmtime::component::{Component, InstancePre};

use crate::{
    bindings::exports::honey::plugin as exports,
    call::{CallState, Session},
    convert,
    error::Problem,
    plugin::{Abilities, Plugin},
};

/// All optional interfaces.
const NAMES: [&str; 7] =
    ["power", "reinstall", "record-swap", "edge-ranges", "image-resolver", "prices", "login"];

macro_rules! find {
    ($component:expr, $pre:expr, $($field:ident = $name:literal),*) => {
        Abilities { $($field: match $component.get_export_index(None, concat!("honey:plugin/", $name, "@0.1.0")) {
            Some(_) => Some(exports::$field::GuestIndices::new($pre)?),
            None => None,
        }),* }
    };
}

impl Abilities {
    /// Looks at the component's exports; nothing runs.
    pub(crate) fn find(component: &Component, pre: &InstancePre<CallState>) -> wasmtime::Result<Self> {
        Ok(find!(
            component,
            pre,
            power = "power",
            reinstall = "reinstall",
            record_swap = "record-swap",
            edge_ranges = "edge-ranges",
            image_resolver = "image-resolver",
            prices = "prices",
            login = "login"
        ))
    }

    /// What the manifest promises must be exported.
    pub(crate) fn match_manifest(&self, manifest: &Manifest) -> Result<(), Problem> {
        match manifest.capabilities.iter().find(|name| !self.has(name)) {
            None => Ok(()),
            Some(name) => Err(Problem::Manifest(format!(
                "it promises the capability `{}`, which the plugin does not export",
                visible(name, 60)
            ))),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        match name {
            "power" => self.power.is_some(),
            "reinstall" => self.reinstall.is_some(),
            "record-swap" => self.record_swap.is_some(),
            "edge-ranges" => self.edge_ranges.is_some(),
            "image-resolver" => self.image_resolver.is_some(),
            "prices" => self.prices.is_some(),
            "login" => self.login.is_some(),
            _ => false,
        }
    }
}

/// Opens a session, finds the interface, calls it, and gives the guest's answer back.
macro_rules! ask {
    ($plugin:expr, $context:expr, $field:ident, $name:literal, |$guest:ident, $store:ident, $operation:ident| $call:expr) => {{
        let Some(indices) = &$plugin.abilities.$field else { return Err($plugin.unsupported($name).into()) };
        let deadline = $plugin.deadline($context);
        let mut session = Session::open($plugin, $context, deadline).await?;
        let $guest = session.load(indices)?;
        let $operation = session.operation()?;
        let $store = &mut session.store;
        let outcome = timeout_at(deadline, $call).await;
        session.settle(outcome)?
    }};
}

impl Plugin {
    fn unsupported(&self, name: &str) -> Fault {
        Fault::from(Problem::Unsupported(name.to_owned()).of(&self.core.origin))
    }

    fn told<T>(&self, answer: Result<T, crate::bindings::honey::plugin::types::Fault>) -> Result<T, Fault> {
        answer.map_err(|fault| convert::fault(&self.core, fault))
    }

    /// The names of the abilities it has.
    pub fn capabilities(&self) -> Vec<&'static str> {
        NAMES.into_iter().filter(|name| self.abilities.has(name)).collect()
    }
}

fn record_set(given: exports::record_swap::RecordSet) -> RecordSet {
    let mut values: Vec<String> = given.values.iter().map(|value| visible(value, 4096)).collect();
    values.sort();
    RecordSet {
        name: visible(&given.name, 260).trim_end_matches('.').to_lowercase(),
        record_type: visible(&given.type_, 20),
        values,
        proxied: given.proxied,
        ttl: given.ttl,
    }
}

#[async_trait]
impl RecordSwapper for Plugin {
    async fn current(
        &self,
        context: &CallContext,
        zone: &str,
        wanted: &[(String, String)],
    ) -> Result<Vec<RecordSet>, Fault> {
        let answer = ask!(self, context, record_swap, "record-swap", |guest, store, operation| guest
            .call_current(store, operation, zone, wanted));
        let sets: Vec<RecordSet> = self.told(answer)?.into_iter().map(record_set).collect();
        if sets.len() != wanted.len() {
            let why = format!("{} record sets where {} were asked for", sets.len(), wanted.len());
            return Err(convert::malformed(&self.core, &why));
        }
        Ok(sets)
    }

    async fn swap(
        &self,
        context: &CallContext,
        zone: &str,
        swaps: &[RecordSwap],
    ) -> Result<Vec<RecordSet>, SwapError> {
        let given: Vec<exports::record_swap::Replacement> = swaps
            .iter()
            .map(|swap| exports::record_swap::Replacement {
                name: swap.name.clone(),
                type_: swap.record_type.clone(),
                expect: swap.expect.clone(),
                set: swap.set.clone(),
            })
            .collect();
        let answer = ask!(self, context, record_swap, "record-swap", |guest, store, operation| guest
            .call_swap(store, operation, zone, &given));
        match answer {
            Ok(sets) => Ok(sets.into_iter().map(record_set).collect()),
            Err(exports::record_swap::SwapError::Moved(set)) => Err(SwapError::Moved(record_set(set))),
            Err(exports::record_swap::SwapError::Failed(fault)) => {
                Err(SwapError::Failed(convert::fault(&self.core, fault)))
            }
        }
    }
}

#[async_trait]
impl Capabilities for Plugin {
    fn supports(&self, capability: &str) -> bool {
        self.abilities.has(capability)
    }

    async fn edge_ranges(&self, context: &CallContext) -> Result<EdgeRanges, Fault> {
        let answer = ask!(self, context, edge_ranges, "edge-ranges", |guest, store, operation| guest
            .call_edge_ranges(store, operation));
        let ranges = self.told(answer)?;
        let shown = |all: Vec<String>| all.iter().map(|one| visible(one, 64)).collect();
        Ok(EdgeRanges { ipv4: shown(ranges.ipv4), ipv6: shown(ranges.ipv6) })
    }

    async fn resolve_image(&self, context: &CallContext, reference: &str) -> Result<ResolvedImage, Fault> {
        let answer = ask!(self, context, image_resolver, "image-resolver", |guest, store, operation| guest
            .call_resolve(store, operation, reference));
        let resolved = self.told(answer)?;
        let hex = resolved.digest.strip_prefix("sha256:").unwrap_or_default();
        if hex.len() != 64 || !hex.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')) {
            return Err(convert::malformed(
                &self.core,
                "an image digest that is not `sha256:` and 64 hex digits",
            ));
        }
        let shown = |all: Vec<String>| all.iter().map(|one| visible(one, 300)).collect();
        Ok(ResolvedImage {
            digest: resolved.digest,
            media_type: visible(&resolved.media_type, 200),
            platforms: shown(resolved.platforms),
            warnings: shown(resolved.warnings),
        })
    }

    async fn price(
        &self,
        context: &CallContext,
        kind: &str,
        desired: &Value,
    ) -> Result<Option<Price>, Fault> {
        let given = desired.to_string();
        let answer = ask!(self, context, prices, "prices", |guest, store, operation| guest
            .call_price(store, operation, kind, &given));
        Ok(self.told(answer)?.map(|cost| Price {
            amount_micros: cost.amount_micros,
            currency: visible(&cost.currency, 10),
            per: visible(&cost.per, 20),
            note: visible(&cost.note, 300),
        }))
    }

    async fn power(&self, context: &CallContext, id: &str) -> Result<PowerState, Fault> {
        let answer = ask!(self, context, power, "power", |guest, store, operation| guest
            .call_get(store, operation, id));
        self.told(answer).map(power_state)
    }

    async fn set_power(&self, context: &CallContext, id: &str, on: bool) -> Result<PowerState, Fault> {
        let answer = ask!(self, context, power, "power", |guest, store, operation| guest
            .call_set(store, operation, id, on));
        self.told(answer).map(power_state)
    }

    async fn reboot(&self, context: &CallContext, id: &str) -> Result<(), Fault> {
        let answer = ask!(self, context, power, "power", |guest, store, operation| guest
            .call_reboot(store, operation, id));
        self.told(answer)
    }

    async fn reinstall(&self, context: &CallContext, id: &str, options: &Value) -> Result<(), Fault> {
        let given = options.to_string();
        let answer = ask!(self, context, reinstall, "reinstall", |guest, store, operation| guest
            .call_reinstall(store, operation, id, &given));
        self.told(answer)
    }

    async fn start_login(&self, context: &CallContext) -> Result<LoginStarted, Fault> {
        let answer =
            ask!(self, context, login, "login", |guest, store, operation| guest.call_start(store, operation));
        let started = self.told(answer)?;
        Ok(LoginStarted { url: visible(&started.url, 2000), note: visible(&started.note, 1000) })
    }

    async fn login_finished(&self, context: &CallContext) -> Result<bool, Fault> {
        let answer = ask!(self, context, login, "login", |guest, store, operation| guest
            .call_finished(store, operation));
        self.told(answer)
    }
}

fn power_state(given: exports::power::PowerState) -> PowerState {
    match given {
        exports::power::PowerState::On => PowerState::On,
        exports::power::PowerState::Off => PowerState::Off,
        exports::power::PowerState::Changing => PowerState::Changing,
    }
}
