//! The plugin as a whole: it loads, and reaches nothing but honey.

use crate::{Law, report::Book, trial::Trial};

/// Loads it and hands it its settings.
pub(crate) async fn loads(trial: &Trial, book: &mut Book) -> bool {
    let plugin = match trial.plugin().await {
        Ok(plugin) => plugin,
        Err(error) => return book.judge(Law::Loads, "", Some(error.to_string())),
    };
    // Settings are refused with the first call.
    if let Some(kind) = plugin.kinds().first().map(|kind| kind.kind.clone())
        && let Err(fault) = trial.read(&kind, crate::trial::ONE, None, None).await
        && fault.code == "HNY0418"
    {
        return book.judge(Law::Loads, "", Some(fault.to_string()));
    }
    book.judge(Law::Loads, "", None)
}

/// After everything was tried: what was reached?
pub(crate) fn reached_nothing_else(trial: &Trial, book: &mut Book) {
    let reached = trial.reached();
    let wrong = (!reached.is_empty()).then(|| format!("it reached {}", reached.join(", ")));
    book.judge(Law::NoAmbientAuthority, "", wrong);
}
