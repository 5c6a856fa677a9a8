//! Optional abilities. A plugin implements the trait and writes the macro of
//! the same name; only then its component exports the interface.

use serde_json::Value;

use crate::{
    Context, Exported, Fault, Plugin,
    bindings::{self, honey::plugin::operation},
    current, tree,
};

pub use bindings::{
    edge_ranges::exports::honey::plugin::edge_ranges::Ranges,
    image_resolver::exports::honey::plugin::image_resolver::Resolved,
    login::exports::honey::plugin::login::Started,
    power::exports::honey::plugin::power::PowerState,
    prices::exports::honey::plugin::prices::Cost,
    record_swap::exports::honey::plugin::record_swap::{RecordSet, Replacement, SwapError},
};

/// Power of a machine.
pub trait Power: Plugin {
    /// As the vendor reports it.
    fn get(&self, ctx: Context, id: &str) -> Result<PowerState, Fault>;
    /// Returns when the vendor confirms it. Idempotent.
    fn set(&self, ctx: Context, id: &str, on: bool) -> Result<PowerState, Fault>;
    /// Restarts.
    fn reboot(&self, ctx: Context, id: &str) -> Result<(), Fault>;
}

/// A fresh operating system on a machine that stays ours.
pub trait Reinstall: Plugin {
    /// Destroys its disk.
    fn reinstall(&self, ctx: Context, id: &str, options: Value) -> Result<(), Fault>;
}

/// Changes several record sets of one zone at once, or none of them.
pub trait RecordSwap: Plugin {
    /// Current sets for the names and types, in that order.
    fn current(&self, ctx: Context, zone: &str, wanted: &[(String, String)])
    -> Result<Vec<RecordSet>, Fault>;
    /// One transaction. Already as wanted counts as done.
    fn swap(&self, ctx: Context, zone: &str, swaps: &[Replacement]) -> Result<Vec<RecordSet>, SwapError>;
}

impl From<Fault> for SwapError {
    fn from(fault: Fault) -> Self {
        Self::Failed(fault)
    }
}

/// Address ranges from which the vendor's edge connects.
pub trait EdgeRanges: Plugin {
    /// All of them.
    fn edge_ranges(&self, ctx: Context) -> Result<Ranges, Fault>;
}

/// Image reference to digest.
pub trait ImageResolver: Plugin {
    /// `reference` is `host/owner/name:tag`.
    fn resolve(&self, ctx: Context, reference: &str) -> Result<Resolved, Fault>;
}

/// What a desired object costs.
pub trait Prices: Plugin {
    /// `None` where the vendor publishes nothing.
    fn price(&self, ctx: Context, kind: &str, desired: Value) -> Result<Option<Cost>, Fault>;
}

/// A credential that an operator confirms on a page.
pub trait Login: Plugin {
    /// Begins; secrets of the reply are captured.
    fn start(&self, ctx: Context) -> Result<Started, Fault>;
    /// True once the credential works.
    fn finished(&self, ctx: Context) -> Result<bool, Fault>;
}

fn parse(text: &str) -> Result<Value, Fault> {
    tree::parse(text.as_bytes()).ok_or_else(|| Fault::internal("a value from the host is not JSON"))
}

impl<P: Power> bindings::power::exports::honey::plugin::power::Guest for Exported<P> {
    fn get(ctx: &operation::Context, id: String) -> Result<PowerState, Fault> {
        current::<P>()?.get(Context(ctx), &id)
    }
    fn set(ctx: &operation::Context, id: String, on: bool) -> Result<PowerState, Fault> {
        current::<P>()?.set(Context(ctx), &id, on)
    }
    fn reboot(ctx: &operation::Context, id: String) -> Result<(), Fault> {
        current::<P>()?.reboot(Context(ctx), &id)
    }
}

impl<P: Reinstall> bindings::reinstall::exports::honey::plugin::reinstall::Guest for Exported<P> {
    fn reinstall(ctx: &operation::Context, id: String, options: String) -> Result<(), Fault> {
        current::<P>()?.reinstall(Context(ctx), &id, parse(&options)?)
    }
}

impl<P: RecordSwap> bindings::record_swap::exports::honey::plugin::record_swap::Guest for Exported<P> {
    fn current(
        ctx: &operation::Context,
        zone: String,
        wanted: Vec<(String, String)>,
    ) -> Result<Vec<RecordSet>, Fault> {
        current::<P>()?.current(Context(ctx), &zone, &wanted)
    }
    fn swap(
        ctx: &operation::Context,
        zone: String,
        swaps: Vec<Replacement>,
    ) -> Result<Vec<RecordSet>, SwapError> {
        current::<P>()?.swap(Context(ctx), &zone, &swaps)
    }
}

impl<P: EdgeRanges> bindings::edge_ranges::exports::honey::plugin::edge_ranges::Guest for Exported<P> {
    fn edge_ranges(ctx: &operation::Context) -> Result<Ranges, Fault> {
        current::<P>()?.edge_ranges(Context(ctx))
    }
}

impl<P: ImageResolver> bindings::image_resolver::exports::honey::plugin::image_resolver::Guest
    for Exported<P>
{
    fn resolve(ctx: &operation::Context, reference: String) -> Result<Resolved, Fault> {
        current::<P>()?.resolve(Context(ctx), &reference)
    }
}

impl<P: Prices> bindings::prices::exports::honey::plugin::prices::Guest for Exported<P> {
    fn price(ctx: &operation::Context, kind: String, desired: String) -> Result<Option<Cost>, Fault> {
        current::<P>()?.price(Context(ctx), &kind, parse(&desired)?)
    }
}

impl<P: Login> bindings::login::exports::honey::plugin::login::Guest for Exported<P> {
    fn start(ctx: &operation::Context) -> Result<Started, Fault> {
        current::<P>()?.start(Context(ctx))
    }
    fn finished(ctx: &operation::Context) -> Result<bool, Fault> {
        current::<P>()?.finished(Context(ctx))
    }
}
