//! After apply: look again and plan again. Nothing may be left to do.

use crate::{
    FlowError, Session,
    action::plan::{Wish, plan},
};

/// What the second look found.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Verified {
    /// Resources that are as wanted.
    pub as_wanted: usize,
}

/// Looks again, with what the applied plan was made with; a difference is an error that names each address.
pub async fn verify(session: &Session, instance: &str, wish: &Wish) -> Result<Verified, FlowError> {
    let planned = plan(session, instance, wish).await?;
    if planned.plan.is_empty() {
        return Ok(Verified { as_wanted: planned.plan.unchanged.len() });
    }
    let left = planned.plan.operations.iter().map(|operation| {
        let reason = operation.reasons.first().map_or("", String::as_str);
        format!("{} still needs {:?}: {reason}", operation.address, operation.action)
    });
    Err(FlowError::Unverified(left.collect()))
}
