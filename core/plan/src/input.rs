//! What a plan is computed from.

use honey_model::{Address, Desired, KindSchema, Observed, State};

use crate::Purpose;

/// Finds the schema of a driver's kind.
pub type Schemas<'a> = &'a (dyn Fn(&str, &str) -> Option<&'a KindSchema> + 'a);

/// What the operator decided for this plan.
#[derive(Clone, Debug)]
pub struct Options {
    /// The instance that the plan is for.
    pub instance: String,
    /// What the plan is for.
    pub purpose: Purpose,
    /// Protected or data-holding resources that may be deleted or replaced.
    pub allow_destroy: Vec<Address>,
    /// Resources that are made anew though nothing about them changed.
    pub replace: Vec<Address>,
    /// Stamped into the plan; apply insists on the same one.
    pub honey_version: String,
}

/// Everything a plan depends on.
pub struct Input<'a> {
    /// What is wanted, values normalised by the drivers.
    pub desired: &'a Desired,
    /// What was found: every wanted address and every recorded one in scope.
    pub observed: &'a Observed,
    /// What was recorded.
    pub state: &'a State,
    /// The kinds.
    pub schemas: Schemas<'a>,
    /// The operator's decisions.
    pub options: Options,
}
