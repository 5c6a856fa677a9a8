//! What a plugin can do beside resources. The core asks for the capability,
//! never for the vendor.

use async_trait::async_trait;
use honey_model::Fault;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::CallContext;

/// A record set of a zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Full name, lower case, no trailing dot.
    pub name: String,
    /// `A`, `AAAA` …
    #[serde(rename = "type")]
    pub record_type: String,
    /// Sorted.
    pub values: Vec<String>,
    /// Whether the vendor's edge stands in front.
    pub proxied: bool,
    /// Seconds; 1 where the vendor chooses.
    pub ttl: u32,
}

/// One wanted change with the values it expects to replace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSwap {
    /// Full name.
    pub name: String,
    /// `A`, `AAAA` …
    #[serde(rename = "type")]
    pub record_type: String,
    /// Values that must stand there now (or the new ones already).
    pub expect: Vec<String>,
    /// Values that shall stand there.
    pub set: Vec<String>,
}

/// How a swap ended without being done.
#[derive(Debug, thiserror::Error)]
pub enum SwapError {
    /// The zone holds something else. Nothing was changed.
    #[error("{} {} now holds {:?}", .0.record_type, .0.name, .0.values)]
    Moved(RecordSet),
    /// The call failed.
    #[error(transparent)]
    Failed(#[from] Fault),
}

/// Changes several record sets of a zone at once, or none.
#[async_trait]
pub trait RecordSwapper: Send + Sync {
    /// Current sets, in the order asked. A set that does not exist comes back with no values.
    async fn current(
        &self,
        context: &CallContext,
        zone: &str,
        wanted: &[(String, String)],
    ) -> Result<Vec<RecordSet>, Fault>;
    /// One transaction. Already as wanted counts as done.
    async fn swap(
        &self,
        context: &CallContext,
        zone: &str,
        swaps: &[RecordSwap],
    ) -> Result<Vec<RecordSet>, SwapError>;
}

/// Addresses from which an edge connects to origins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeRanges {
    /// CIDRs.
    pub ipv4: Vec<String>,
    /// CIDRs.
    pub ipv6: Vec<String>,
}

/// An image reference made exact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedImage {
    /// `sha256:…`
    pub digest: String,
    /// Of the manifest.
    pub media_type: String,
    /// `linux/amd64` …
    pub platforms: Vec<String>,
    /// Worth knowing, e.g. that retention may remove it.
    pub warnings: Vec<String>,
}

/// What something costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Millionths of the currency's unit.
    pub amount_micros: u64,
    /// ISO 4217.
    pub currency: String,
    /// `month`, `hour` …
    pub per: String,
    /// What it leaves out.
    pub note: String,
}

/// Power state as the vendor reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PowerState {
    /// Running.
    On,
    /// Off.
    Off,
    /// On the way.
    Changing,
}

/// How a credential request began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginStarted {
    /// The page the operator confirms on.
    pub url: String,
    /// What will be granted.
    pub note: String,
}

/// Optional abilities of one plugin. `supports` answers without running it;
/// calling what it does not support is a fault of class `unsupported`.
#[async_trait]
pub trait Capabilities: RecordSwapper {
    /// `power`, `reinstall`, `record-swap`, `edge-ranges`, `image-resolver`, `prices`, `login`.
    fn supports(&self, capability: &str) -> bool;
    /// Ranges of the edge.
    async fn edge_ranges(&self, context: &CallContext) -> Result<EdgeRanges, Fault>;
    /// Tag to digest.
    async fn resolve_image(&self, context: &CallContext, reference: &str) -> Result<ResolvedImage, Fault>;
    /// What a desired object costs; `None` where the vendor publishes nothing.
    async fn price(&self, context: &CallContext, kind: &str, desired: &Value)
    -> Result<Option<Price>, Fault>;
    /// Power state.
    async fn power(&self, context: &CallContext, id: &str) -> Result<PowerState, Fault>;
    /// Switches; returns the state as read again afterwards.
    async fn set_power(&self, context: &CallContext, id: &str, on: bool) -> Result<PowerState, Fault>;
    /// Restarts.
    async fn reboot(&self, context: &CallContext, id: &str) -> Result<(), Fault>;
    /// Fresh operating system.
    async fn reinstall(&self, context: &CallContext, id: &str, options: &Value) -> Result<(), Fault>;
    /// Begins a credential request.
    async fn start_login(&self, context: &CallContext) -> Result<LoginStarted, Fault>;
    /// Whether it is confirmed.
    async fn login_finished(&self, context: &CallContext) -> Result<bool, Fault>;
}
