//! Lists that are longer than a page.

use honey_model::Fault;

use crate::{Law, laws::Case, trial::ONE};

/// Puts the example's object behind two pages of others.
pub(crate) async fn look(case: &mut Case<'_>) -> Result<(), Fault> {
    if !case.applies(Law::FindsBehindPages) {
        return Ok(());
    }
    if case.trial.gate().rest().is_none() {
        case.skip(Law::FindsBehindPages, "this vendor's lists are filled by its own simulation");
        return Ok(());
    }
    let ours = case.ensure().await?;
    let marks = [ONE.to_owned(), format!("kit/{}", case.kind()), format!("kit__{}", case.kind())];
    let crowd = case.trial.gate().rest().map_or(0, |rest| rest.crowd(&marks));
    if crowd == 0 {
        case.skip(Law::FindsBehindPages, "no collection of conformance.toml has `page`");
        return Ok(());
    }
    let wrong = match case.read(None).await {
        Ok(Some(found)) if found.id == ours.id => None,
        Ok(Some(found)) => Some(format!("behind {crowd} others it finds `{}`, not `{}`", found.id, ours.id)),
        Ok(None) => Some(format!("behind {crowd} others it is not found")),
        Err(fault) => Some(fault.to_string()),
    };
    case.judge(Law::FindsBehindPages, wrong);
    case.renew().await
}
