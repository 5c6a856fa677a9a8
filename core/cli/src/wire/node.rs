//! `honey node list|drain|uncordon|reboot|replace`.

use honey_flow::action::{
    apply::{lock, run as apply_plan},
    node::{
        drain::{self, drain},
        list::{Line, list},
        pods::Consent,
        reboot::{self, reboot},
        replace,
        uncordon::uncordon,
    },
    plan::{Wish, plan as make},
};
use honey_ui::view::{
    apply::Show,
    node::{Node, Nodes},
    plan::Detail,
};

use super::{Scope, apply, ports::Wired, with_session};
use crate::{
    command::node::{Drain, Leaving, List, Reboot, Replace, Uncordon},
    context::Context,
    failure::{Exit, Failure},
};

pub(crate) fn node_list(context: &Context, arguments: &List) -> Result<Exit, Failure> {
    with_session(context, Scope::One(arguments.provider.as_deref()), Show::Nothing, async |wired| {
        let instance = Context::chosen(&wired.loaded)?;
        let listed = list(&wired.session, &instance).await?;
        let shown = Nodes {
            instance,
            nodes: listed.nodes.into_iter().map(line).collect(),
            voters: listed.voters,
            needed: listed.needed,
            unreachable: listed.unreachable.map(|fault| fault.to_string()),
        };
        context.output.show(|theme| shown.human(theme), &shown)?;
        Ok(Exit::Done)
    })
}

fn line(line: Line) -> Node {
    Node {
        name: line.name,
        node: line.node,
        address: line.address,
        ready: line.ready,
        closed: line.closed,
        voter: line.voter,
        version: line.version,
        pods: line.pods,
    }
}

fn wish(leaving: &Leaving) -> drain::Wish {
    drain::Wish {
        consent: Consent {
            delete_emptydir_data: leaving.delete_emptydir_data,
            delete_unmanaged: leaving.delete_unmanaged,
        },
        limit: leaving.timeout,
        allow_quorum_loss: leaving.allow_quorum_loss,
    }
}

pub(crate) fn node_drain(context: &Context, arguments: &Drain) -> Result<Exit, Failure> {
    let leaving = &arguments.leaving;
    with_session(context, Scope::One(leaving.provider.as_deref()), Show::Events, async |wired| {
        let instance = Context::chosen(&wired.loaded)?;
        let drained = drain(&wired.session, &instance, &arguments.node, wish(leaving)).await?;
        wired.view.clear();
        let text = || {
            let mut text = format!("{} is drained: {} pods went", drained.node, drained.evicted.len());
            if !drained.singletons.is_empty() {
                text.push_str(&format!("\nmoved, never two at once: {}", drained.singletons.join(", ")));
            }
            if !drained.waiting.is_empty() {
                text.push_str(&format!("\nwait for a node: {}", drained.waiting.join("; ")));
            }
            text + &format!(
                "\n`honey node uncordon {} --provider {instance}` lets it take pods again",
                drained.node
            )
        };
        context.output.show(|_| text(), &drained)?;
        Ok(Exit::Done)
    })
}

pub(crate) fn node_uncordon(context: &Context, arguments: &Uncordon) -> Result<Exit, Failure> {
    with_session(context, Scope::One(arguments.provider.as_deref()), Show::Events, async |wired| {
        let instance = Context::chosen(&wired.loaded)?;
        let opened = uncordon(&wired.session, &instance, &arguments.node).await?;
        wired.view.clear();
        let word = if opened.changed { "takes pods again" } else { "took pods already" };
        context.output.show(|_| format!("{} {word}", opened.node), &opened)?;
        Ok(Exit::Done)
    })
}

pub(crate) fn node_reboot(context: &Context, arguments: &Reboot) -> Result<Exit, Failure> {
    let leaving = &arguments.leaving;
    with_session(context, Scope::One(leaving.provider.as_deref()), Show::Events, async |wired| {
        let instance = Context::chosen(&wired.loaded)?;
        Context::confirm(&format!("Drain and restart `{}`?", arguments.node), arguments.yes)?;
        let wish =
            reboot::Wish { drain: wish(leaving), back_within: arguments.back_within, hard: arguments.hard };
        let done = reboot(&wired.session, &instance, &arguments.node, wish).await?;
        wired.view.clear();
        context.output.show(|_| format!("{} is back (restarted by {})", done.node, done.by), &done)?;
        Ok(Exit::Done)
    })
}

pub(crate) fn node_replace(context: &Context, arguments: &Replace) -> Result<Exit, Failure> {
    with_session(context, Scope::One(arguments.provider.as_deref()), Show::Events, async |wired| {
        let instance = Context::chosen(&wired.loaded)?;
        let wish = replace::Wish { alive: arguments.alive, machine_is_off: arguments.machine_is_off };
        let mut previews = Vec::new();
        for node in &arguments.nodes {
            previews.push(replace::prepare(&wired.session, &instance, node, wish).await?);
        }
        let names: Vec<String> = previews.iter().map(|preview| preview.node.clone()).collect();
        let names = names.join(",");
        wired.view.clear();
        if !context.output.json {
            for preview in &previews {
                context.output.message(&told(preview));
            }
        }
        let question = format!("This removes `{names}` for good. To go on, once more:");
        Context::confirm_name(&question, &names, arguments.confirm.as_deref())?;
        let mut anew = Vec::new();
        for preview in &previews {
            let removed = replace::remove(&wired.session, &instance, &preview.node, wish).await?;
            wired.view.clear();
            if !context.output.json {
                context
                    .output
                    .message(&format!("{} is out of the cluster: {}", removed.node, removed.fenced));
            }
            match removed.replace {
                Some(machine) => anew.push(machine),
                None => drop(replace::reinstall(&wired.session, &instance, &removed.node).await?),
            }
        }
        put_in(context, wired, &instance, anew).await
    })
}

fn told(preview: &replace::Preview) -> String {
    let (members, left) = preview.members;
    let machine = match preview.machine_stays {
        true => "its machine stays: it is emptied, or reinstalled where it does not answer",
        false => "its machine is deleted and a new one made",
    };
    format!(
        "{}: its node and its etcd member are removed ({left} of {members} members work without it);\n{machine}; \
         then it joins again",
        preview.node
    )
}

/// The new machine and its joining: a plan like any other, approved with the name above.
async fn put_in(
    context: &Context,
    wired: &Wired,
    instance: &str,
    replace: Vec<honey_model::Address>,
) -> Result<Exit, Failure> {
    let lock = lock(&wired.session, "node replace").await?;
    let result = async {
        let wish = Wish { replace, ..Wish::default() };
        let planned = make(&wired.session, instance, &wish).await?;
        wired.view.clear();
        if !context.output.json {
            // Few operations, and no flag that would show more: nothing is left out.
            let detail = Detail { all_fields: true, unchanged: false };
            super::plan::show(context, wired, &planned, detail).await?;
        }
        let result = apply_plan(&wired.session, lock.as_ref(), planned.plan, &planned.observed).await;
        apply::conclude(context, wired, result).await
    }
    .await;
    lock.release().await?;
    result
}
