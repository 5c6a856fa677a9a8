//! `honey status`.

use honey_flow::action::status::{InstanceStatus, Status as Seen, WorkloadStatus, status as look};
use honey_ports::cluster::Readiness;
use honey_ui::view::{
    apply::Show,
    status::{Instance, Machine, Name, Status, Workload},
};

use super::{Scope, with_session};
use crate::{
    command::status::Arguments,
    context::Context,
    failure::{Exit, Failure},
};

pub(crate) fn status(context: &Context, _arguments: &Arguments) -> Result<Exit, Failure> {
    with_session(context, Scope::Project, Show::Nothing, async |wired| {
        let servers = |name: &str| {
            wired.session.config.instances.get(name)?;
            Some(wired.loaded.for_instance(name).ok()?.config.cluster.servers)
        };
        let found = look(&wired.session, servers).await?;
        let plugin = |name: &str| {
            wired.session.config.instances.get(name).map_or_else(|| "?".to_owned(), |one| one.plugin.clone())
        };
        let shown = shown(&found, plugin);
        context.output.show(|theme| shown.human(theme), &shown)?;
        Ok(if shown.alarms.is_empty() { Exit::Done } else { Exit::Failed })
    })
}

fn shown(found: &Seen, plugin: impl Fn(&str) -> String) -> Status {
    let names = found.names.records.iter().map(|record| Name {
        name: record.name.clone(),
        record_type: record.record_type.clone(),
        values: record.values.clone(),
        instance: owner(found, &record.values),
    });
    let unfinished = found.unfinished.as_ref();
    Status {
        project: found.project.clone(),
        serial: found.serial,
        alarms: found.alarms.iter().cloned().map(Into::into).collect(),
        instances: found.instances.iter().map(|(name, one)| instance(name, plugin(name), one)).collect(),
        names: names.collect(),
        lock: found.locked_by.clone(),
        unfinished: unfinished.map(|unfinished| unfinished.run.clone()),
        resume: unfinished.and_then(|unfinished| unfinished.command.clone()),
        at_work: unfinished.is_some_and(|unfinished| unfinished.at_work),
    }
}

/// The instance that all of these addresses belong to.
fn owner(found: &Seen, values: &[String]) -> Option<String> {
    let first = found.owner(values.first()?)?;
    values.iter().all(|value| found.owner(value) == Some(first)).then(|| first.to_owned())
}

fn instance(name: &str, plugin: String, found: &InstanceStatus) -> Instance {
    let machine = |(address, line): (&String, &honey_flow::action::status::MachineLine)| {
        let own = || [&line.ipv4, &line.ipv6].into_iter().flatten();
        let is_its = |known: &String| own().any(|own| own == known);
        let node = found.nodes.iter().find(|node| node.addresses.iter().any(is_its));
        Machine {
            name: address.rsplit('/').next().unwrap_or(address).to_owned(),
            address: own().next().cloned().unwrap_or_else(|| "?".to_owned()),
            ready: node.map(|node| node.ready),
            cordoned: node.is_some_and(|node| node.unschedulable),
            version: node.map(|node| node.version.clone()).unwrap_or_default(),
        }
    };
    let waiting = |one: &WorkloadStatus| match &one.readiness {
        Readiness::Progressing { message } => Some(format!("{}: {message}", one.name)),
        Readiness::Ready | Readiness::Failed { .. } => None,
    };
    Instance {
        name: name.to_owned(),
        plugin,
        role: found.role.word().to_owned(),
        machines: found.machines.iter().map(machine).collect(),
        workloads: found.workloads.iter().map(workload).collect(),
        waiting: found.workloads.iter().filter_map(waiting).collect(),
    }
}

fn workload(found: &WorkloadStatus) -> Workload {
    let wanted = u32::try_from(found.replicas).unwrap_or(u32::MAX);
    Workload {
        name: found.name.clone(),
        ready: if found.readiness == Readiness::Ready { wanted } else { 0 },
        wanted,
        singleton: found.singleton,
    }
}
