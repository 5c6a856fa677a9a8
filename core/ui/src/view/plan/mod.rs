//! A plan: what will be done, field by field, and why.

mod created;
mod human;
mod json;

use honey_plan::{Action, Plan};
use serde::Serialize;

pub use human::{human, summary};
pub use json::document;

/// The driver of the kinds that honey brings itself.
const HONEY: &str = "honey";

/// What is known beside the plan itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Estimate {
    /// `3 x cx22: 11.97 EUR per month`, one line for each thing that costs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<String>,
    /// Vendor calls that applying will take at least.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vendor_calls: Option<u64>,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detail {
    /// Every field of what is created, not only one line.
    pub all_fields: bool,
    /// What stays as it is, by address.
    pub unchanged: bool,
}

/// How many operations of each action.
pub fn counts(plan: &Plan) -> [(Action, usize); 6] {
    let all =
        [Action::Create, Action::Adopt, Action::Update, Action::Replace, Action::Delete, Action::Forget];
    all.map(|action| (action, plan.operations.iter().filter(|operation| operation.action == action).count()))
}

/// The word for an action.
pub fn word(action: Action) -> &'static str {
    match action {
        Action::Create => "create",
        Action::Adopt => "adopt",
        Action::Update => "update",
        Action::Replace => "replace",
        Action::Delete => "delete",
        Action::Forget => "forget",
    }
}
