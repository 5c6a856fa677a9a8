//! Renders the application stack for one instance.

use honey_model::Active;

use crate::{FlowError, Session, lower::StackObjects, phase::prepare::Prepared};

/// The stack's objects, phase by phase; none where there is no stack.
pub async fn render(
    _session: &Session,
    _prepared: &Prepared,
    _instance: &str,
    _active: &Active,
) -> Result<Option<StackObjects>, FlowError> {
    Ok(None)
}
