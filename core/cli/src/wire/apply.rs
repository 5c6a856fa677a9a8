//! `honey apply`.

use std::path::Path;

use honey_flow::{
    FlowError,
    action::{
        apply::{Applied, abandon, check_saved, lock, resume, run},
        plan::{Wish, plan as make},
    },
};
use honey_model::{Diagnostic, State};
use honey_plan::Plan;
use honey_ui::view::{
    apply::{Exists, Show, Summary},
    role::InstanceRole,
};

use super::{Scope, plan::instance, ports::Wired, with_session};
use crate::{
    command::apply::Arguments,
    context::Context,
    failure::{Exit, Failure},
};

/// No plan file is larger.
const PLAN_LIMIT: u64 = 256 << 20;

pub(crate) fn apply(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let saved = arguments.plan.as_deref().map(read).transpose()?;
    let provider = saved.as_ref().map(|plan| plan.instance.as_str()).filter(|name| !name.is_empty());
    let provider = provider.or(arguments.provider.as_deref()).map(str::to_owned);
    let scope = match arguments.resume || arguments.abandon {
        true => Scope::Unfinished,
        false => Scope::One(provider.as_deref()),
    };
    with_session(context, scope, Show::Events, async |wired| {
        if arguments.resume {
            let result = resume(&wired.session).await;
            return conclude(context, wired, result).await;
        }
        if arguments.abandon {
            let run = abandon(&wired.session).await?;
            let text = format!(
                "the run {run} is abandoned; what it did is recorded, `honey plan` shows what is left"
            );
            context.output.show(|_| text.clone(), &serde_json::json!({ "abandoned": run }))?;
            return Ok(Exit::Done);
        }
        let lock = lock(&wired.session, "apply").await?;
        let result = locked(context, wired, arguments, saved, lock.as_ref()).await;
        let released = lock.release().await;
        let exit = result?;
        released?;
        Ok(exit)
    })
}

async fn locked(
    context: &Context,
    wired: &Wired,
    arguments: &Arguments,
    saved: Option<Plan>,
    lock: &dyn honey_ports::store::Lock,
) -> Result<Exit, Failure> {
    let (plan, observed) = match saved {
        // A file that was read and approved needs no second question.
        Some(plan) => {
            let observed = check_saved(&wired.session, &plan).await?;
            (plan, observed)
        }
        None => {
            let instance = instance(wired)?;
            let wish = Wish {
                allow_destroy: arguments.allow_destroy.clone(),
                ahead_of_active: arguments.ahead_of_active,
                ..Wish::default()
            };
            let planned = make(&wired.session, &instance, &wish).await?;
            wired.view.clear();
            if !context.output.json {
                super::plan::show(context, wired, &planned, super::plan::detail(arguments.full)).await?;
            }
            if planned.plan.is_empty() {
                return finish(context, wired, &planned.plan, "done").await;
            }
            Context::confirm("Apply this plan?", arguments.yes)?;
            (planned.plan, planned.observed)
        }
    };
    let result = run(&wired.session, lock, plan, &observed).await;
    conclude(context, wired, result).await
}

async fn finish(context: &Context, wired: &Wired, plan: &Plan, result: &str) -> Result<Exit, Failure> {
    let state = wired.session.state().await?;
    let mut summary = summary(&state, &plan.instance, result).with_record(wired.view.finish());
    summary.vendor_calls = wired.vendor_calls();
    if context.output.json {
        context.output.document(&summary)?;
    }
    Ok(Exit::Done)
}

/// Tells how it ended, whatever the end.
pub(super) async fn conclude(
    context: &Context,
    wired: &Wired,
    result: Result<Applied, FlowError>,
) -> Result<Exit, Failure> {
    let record = wired.view.finish();
    let state = wired.session.state().await?;
    let (word, instance, next) = match &result {
        Ok(applied) => ("done", applied.instance.clone(), None),
        Err(FlowError::Stopped(applied)) => {
            ("stopped", applied.instance.clone(), Some("honey apply --resume"))
        }
        Err(FlowError::Interrupted) => ("stopped", chosen(wired), Some("honey apply --resume")),
        Err(FlowError::Unverified(_)) => ("unverified", chosen(wired), Some("honey plan")),
        Err(_) => return Err(result.err().map_or(Failure::Shown(Exit::Failed), Failure::from)),
    };
    let mut summary = summary(&state, &instance, word).with_record(record);
    summary.done_before = match &result {
        Ok(applied) => applied.earlier.clone(),
        Err(FlowError::Stopped(applied)) => applied.earlier.clone(),
        Err(_) => std::collections::BTreeMap::new(),
    };
    summary.vendor_calls = wired.vendor_calls();
    summary.next = next.map(str::to_owned);
    let failure = result.err().map(Failure::from);
    if let (true, Some(Failure::Diagnostics(exit, findings))) = (context.output.json, &failure) {
        summary.diagnostics.clone_from(findings);
        context.output.document(&summary)?;
        return Err(Failure::Shown(*exit));
    }
    context.output.show(|theme| summary.human(theme), &summary)?;
    failure.map_or(Ok(Exit::Done), Err)
}

fn chosen(wired: &Wired) -> String {
    wired.loaded.instance.clone().unwrap_or_default()
}

/// What exists and is worth a line: what a vendor holds, and the cluster's servers.
fn summary(state: &State, instance: &str, result: &str) -> Summary {
    let worth = |kind: &str| {
        !matches!(kind, "kube-object" | "kube-secret" | "host" | "host-firewall" | "node-label" | "value")
    };
    let mine = |scope: &str| scope == instance || matches!(scope, "shared" | "dns");
    let exists =
        state.resources.iter().filter(|(address, record)| mine(address.scope()) && worth(&record.kind));
    let detail = |record: &honey_model::Record| {
        let outputs = &record.outputs;
        let first = ["ipv4", "node_name", "pooled_host", "endpoint", "context"]
            .iter()
            .find_map(|name| outputs[name].as_str());
        first.unwrap_or_default().to_owned()
    };
    Summary {
        instance: instance.to_owned(),
        role: InstanceRole::of(instance, &state.active, &state.active),
        result: result.to_owned(),
        exists: exists
            .map(|(address, record)| Exists {
                address: address.clone(),
                kind: record.kind.clone(),
                id: record.id.clone(),
                detail: detail(record),
            })
            .collect(),
        ..Summary::default()
    }
}

fn read(path: &Path) -> Result<Plan, Failure> {
    let unreadable = |why: String| {
        let text = format!("the plan file `{}` cannot be read: {why}", path.display());
        Failure::usage(Diagnostic::error("HNY0281", text).with_help("make one with `honey plan -o FILE`"))
    };
    let size = std::fs::metadata(path).map_err(|error| unreadable(error.to_string()))?.len();
    if size > PLAN_LIMIT {
        return Err(unreadable(format!("{size} bytes are more than a plan can have")));
    }
    let bytes = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    honey_plan::file::read(&bytes, env!("CARGO_PKG_VERSION"))
        .map_err(|finding| Failure::Diagnostics(Exit::Failed, vec![finding]))
}
