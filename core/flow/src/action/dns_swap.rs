//! `honey dns swap`: the names alone. Says when singletons stay behind.

use honey_model::Active;
use serde::Serialize;

use super::cutover::DnsMove;
use crate::{
    FlowError, Session,
    action::cutover::{names, swap_names, verify_names},
};

/// What a swap of the names means.
#[derive(Clone, Debug, Serialize)]
pub struct DnsSwap {
    /// Whose addresses the names have now.
    pub from: String,
    /// Whose they will have.
    pub to: String,
    /// The transaction.
    #[serde(flatten)]
    pub dns: DnsMove,
    /// The active instance, where it is another than the target: its
    /// singletons stay where they are.
    pub left_behind: Option<String>,
}

/// Looks and plans.
pub async fn prepare(session: &Session, to: &str) -> Result<DnsSwap, FlowError> {
    let state = session.state().await?;
    let active = match &state.active {
        Active::Instance { name, .. } => Some(name.clone()),
        Active::Moving { from, .. } => Some(from.clone()),
        Active::Nobody => None,
    };
    let others = session.config.instances.keys().filter(|name| *name != to);
    // The names may stand on any instance: take the one whose addresses they hold.
    let mut last = None;
    for from in active.iter().filter(|name| *name != to).chain(others).map(String::as_str) {
        match names(session, &state, from, to).await {
            Ok(Some(dns)) => {
                let left_behind = active.clone().filter(|name| name != to);
                return Ok(DnsSwap { from: from.to_owned(), to: to.to_owned(), dns, left_behind });
            }
            Ok(None) => break,
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        let text = "the configuration has no names to move";
        FlowError::refused(honey_model::Diagnostic::error("HNY0822", text).with_help("add `[dns]`"))
    }))
}

/// Swaps and reads again.
pub async fn run(session: &Session, swap: &DnsSwap) -> Result<(), FlowError> {
    let lock = session.ports.store.lock("dns swap").await?;
    let result = async {
        swap_names(session, &swap.dns).await?;
        verify_names(session, &swap.dns).await
    }
    .await;
    lock.release().await?;
    Ok(result?)
}
