//! A plan: what will be done, field by field, and why.

mod created;
mod fold;
mod human;
mod json;
mod leaf;
mod lines;
mod merge_key;
mod path;
mod rows;
mod secret;
mod value;

use honey_model::Active;
use honey_plan::{Action, Plan};
use serde::Serialize;

use super::role::InstanceRole;

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
    /// Who counts as active while this plan is applied; none: who the plan says is.
    #[serde(skip)]
    pub effective: Option<Active>,
}

impl Estimate {
    /// The role of the plan's instance.
    pub fn role(&self, plan: &Plan) -> InstanceRole {
        InstanceRole::of(&plan.instance, &plan.active, self.effective.as_ref().unwrap_or(&plan.active))
    }
}

/// How much is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Detail {
    /// Every object and every field; nothing is folded or cut.
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
