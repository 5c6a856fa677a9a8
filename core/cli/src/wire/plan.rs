//! `honey plan`.

use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

use honey_flow::action::plan::{Planned, Wish, plan as make};
use honey_ui::view::{
    apply::Show,
    plan::{Detail, Estimate, document, human},
};

use super::{Scope, with_session};
use crate::{
    command::plan::Arguments,
    context::Context,
    failure::{Exit, Failure},
};

pub(crate) fn plan(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    with_session(context, Scope::One(arguments.provider.as_deref()), Show::Events, async |wired| {
        let instance = instance(wired)?;
        let warned = warn_of_unfinished(context, wired).await?;
        let wish = Wish {
            allow_destroy: arguments.allow_destroy.clone(),
            ahead_of_active: arguments.ahead_of_active,
            ..Wish::default()
        };
        let planned = make(&wired.session, &instance, &wish).await?;
        wired.view.clear();
        if !warned {
            // A run that began while this plan looked has made things under its eyes.
            warn_of_unfinished(context, wired).await?;
        }
        if let Some(address) = &arguments.why {
            let text = honey_plan::why(&planned.plan, &planned.desired, address)
                .map_err(|finding| Failure::Diagnostics(Exit::Usage, vec![finding]))?;
            context.output.show(|_| text.clone(), &serde_json::json!({ "address": address, "why": text }))?;
            return Ok(Exit::Done);
        }
        show(context, wired, &planned, detail(arguments.full)).await?;
        if let Some(path) = &arguments.output {
            write(path, &honey_plan::file::write(&planned.plan))?;
            context.output.message(&format!(
                "written to {}; `honey apply {}` does exactly this",
                path.display(),
                path.display()
            ));
        }
        let pending = arguments.detailed_exitcode && !planned.plan.is_empty();
        Ok(if pending { Exit::Pending } else { Exit::Done })
    })
}

/// What an unfinished run made is not in the state yet: a plan beside it can
/// take that for somebody else's. Says whether there is one.
async fn warn_of_unfinished(context: &Context, wired: &super::ports::Wired) -> Result<bool, Failure> {
    let store = &wired.session.ports.store;
    let Some(run) = store.unsealed().await? else { return Ok(false) };
    let warning = |why: &str| {
        honey_model::Diagnostic::warning(
            "HNY0383",
            format!("the run `{run}` {why}; this plan does not know what it made"),
        )
    };
    let warning = match store.lock_holder().await? {
        Some(_) => warning("is at work").with_help("plan again when it has ended"),
        None => {
            let command = honey_flow::action::chore::resume_with(&wired.session, &run).await;
            warning("was not finished").with_help(format!("go on with it first: `{command}`"))
        }
    };
    context.output.warnings(&[warning], &Context::reader());
    Ok(true)
}

/// The instance that is meant; a configuration of values and shared things
/// only needs none.
pub(super) fn instance(wired: &super::ports::Wired) -> Result<String, Failure> {
    if wired.loaded.config.instances.is_empty() {
        return Ok(String::new());
    }
    Context::chosen(&wired.loaded)
}

/// As much as `--full` asks for.
pub(super) fn detail(full: bool) -> Detail {
    Detail { all_fields: full, unchanged: full }
}

pub(super) async fn show(
    context: &Context,
    wired: &super::ports::Wired,
    planned: &Planned,
    detail: Detail,
) -> Result<(), Failure> {
    let mut estimate = estimate(wired, planned).await;
    if planned.plan.purpose == honey_plan::Purpose::Apply {
        let session = &wired.session;
        estimate.effective = Some(session.effective_active(&planned.plan.active, &planned.plan.instance));
    }
    if context.output.json {
        let mut shown = document(&planned.plan, &estimate);
        shown["looked_up_with"] = serde_json::json!({ "vendor_calls": wired.vendor_calls() });
        context.output.document(&shown)?;
        return Ok(());
    }
    context.output.warnings(&planned.plan.diagnostics, &Context::reader());
    context.output.data(&human(&planned.plan, &estimate, detail, &context.output.stdout))?;
    Ok(())
}

/// What is made will cost, where a vendor says so.
async fn estimate(wired: &super::ports::Wired, planned: &Planned) -> Estimate {
    let costs = honey_flow::phase::estimate::costs(&wired.session, &planned.plan).await;
    let line = |cost: &honey_flow::phase::estimate::Cost| {
        let total = cost.price.amount_micros.saturating_mul(cost.count);
        let note = honey_model::text::visible(&cost.price.note, 200);
        let (whole, cents) = (total / 1_000_000, total % 1_000_000 / 10_000);
        let (currency, per) = (&cost.price.currency, &cost.price.per);
        let note = if note.is_empty() { String::new() } else { format!(" ({note})") };
        format!("{} x {}: {whole}.{cents:02} {currency} per {per}{note}", cost.count, cost.what)
    };
    Estimate { prices: costs.iter().map(line).collect(), ..Estimate::default() }
}

/// A plan may tell of the operator's world: only the operator reads it.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}
