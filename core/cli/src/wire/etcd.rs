//! `honey etcd snapshot|list|restore`.

use honey_flow::action::etcd::{
    restore::{prepare, run},
    snapshot::{Held, list, save},
};
use honey_model::Diagnostic;
use honey_ui::view::{
    apply::Show,
    etcd::{Restore as Shown, Snapshot as Line, Snapshots},
};
use serde_json::json;

use super::{Scope, with_session};
use crate::{
    command::etcd::{List, Restore, Snapshot},
    context::Context,
    failure::{Exit, Failure},
};

fn line(held: &Held) -> Line {
    Line {
        server: held.server.clone(),
        name: held.snapshot.name.clone(),
        bytes: held.snapshot.bytes,
        made: held.snapshot.made,
        age_seconds: held.age_seconds,
    }
}

pub(crate) fn etcd_snapshot(context: &Context, arguments: &Snapshot) -> Result<Exit, Failure> {
    with_session(context, Scope::One(arguments.provider.as_deref()), Show::Events, async |wired| {
        let instance = Context::chosen(&wired.loaded)?;
        let held = save(&wired.session, &instance, &arguments.name, arguments.server.as_deref()).await?;
        wired.view.clear();
        let line = line(&held);
        context.output.show(|_| format!("{} on {}", line.name, line.server), &line)?;
        Ok(Exit::Done)
    })
}

pub(crate) fn etcd_list(context: &Context, arguments: &List) -> Result<Exit, Failure> {
    with_session(context, Scope::One(arguments.provider.as_deref()), Show::Nothing, async |wired| {
        let instance = Context::chosen(&wired.loaded)?;
        let listed = list(&wired.session, &instance).await?;
        let silent = listed.silent.iter().map(|(server, fault)| {
            Diagnostic::warning("HNY0596", format!("{server} was not asked: {fault}"))
        });
        context.output.warnings(&silent.collect::<Vec<_>>(), &Context::reader());
        if listed.snapshots.is_empty()
            && let Some((_, fault)) = listed.silent.into_iter().next()
        {
            return Err(fault.into());
        }
        let shown = Snapshots { instance, snapshots: listed.snapshots.iter().map(line).collect() };
        context.output.show(|theme| shown.human(theme), &shown)?;
        Ok(Exit::Done)
    })
}

pub(crate) fn etcd_restore(context: &Context, arguments: &Restore) -> Result<Exit, Failure> {
    with_session(context, Scope::One(arguments.provider.as_deref()), Show::Events, async |wired| {
        let instance = Context::chosen(&wired.loaded)?;
        let preview = prepare(&wired.session, &instance, &arguments.snapshot, &arguments.without).await?;
        let cluster = format!("{}-{instance}", wired.session.config.project.name);
        let plan = &preview.plan;
        let shown = Shown {
            cluster: cluster.clone(),
            snapshot: plan.snapshot.clone(),
            age_seconds: preview.age_seconds,
            server: plan.server.clone(),
            rejoin: plan.rejoin.clone(),
            without: plan.without.clone(),
            holds_singletons: preview.holds_singletons,
        };
        wired.view.clear();
        if arguments.plan_only {
            context.output.show(|theme| shown.human(theme), &shown)?;
            return Ok(Exit::Done);
        }
        if !context.output.json {
            context.output.message(&shown.human(&context.output.stderr));
        }
        let question = format!("This sets the cluster `{cluster}` back. Its name, to go on:");
        Context::confirm_name(&question, &cluster, arguments.confirm.as_deref())?;
        let restored = run(&wired.session, plan).await?;
        wired.view.clear();
        let next = format!("honey apply --provider {instance}");
        let mut document = serde_json::to_value(&restored).unwrap_or_default();
        document["next"] = json!(next);
        let text = || {
            let held = match restored.held.is_empty() {
                true => String::new(),
                false => format!("\nheld back: {}", restored.held.join(", ")),
            };
            format!(
                "{cluster} is back at {}: {} etcd voters{held}\n`{next}` brings what changed since in again",
                restored.plan.snapshot, restored.voters
            )
        };
        context.output.show(|_| text(), &document)?;
        Ok(Exit::Done)
    })
}
