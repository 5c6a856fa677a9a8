//! `honey status`.

use honey_flow::action::status::{InstanceStatus, WorkloadStatus, status as look};
use honey_ports::cluster::Readiness;
use honey_ui::view::{
    apply::Show,
    status::{Instance, Machine, Name, Status, Workload},
};

use super::with_session;
use crate::{
    command::status::Arguments,
    context::Context,
    failure::{Exit, Failure},
};

pub(crate) fn status(context: &Context, _arguments: &Arguments) -> Result<Exit, Failure> {
    with_session(context, None, Show::Nothing, async |wired| {
        let found = look(&wired.session).await?;
        let state = wired.session.state().await?;
        let plugin = |name: &str| {
            wired.session.config.instances.get(name).map_or_else(|| "?".to_owned(), |one| one.plugin.clone())
        };
        let instances: Vec<Instance> =
            found.instances.iter().map(|(name, one)| instance(name, plugin(name), one)).collect();
        let owner_of = |values: &[String]| {
            let has_all = |one: &&Instance| {
                !values.is_empty()
                    && values.iter().all(|value| one.machines.iter().any(|machine| machine.address == *value))
            };
            instances.iter().find(has_all).map(|one| one.name.clone())
        };
        let names = found.dns.iter().map(|(name, values)| Name {
            name: name.clone(),
            record_type: "A".to_owned(),
            values: values.clone(),
            instance: owner_of(values),
        });
        let shown = Status {
            project: found.project.clone(),
            serial: state.serial,
            names: names.collect(),
            lock: found.locked_by.clone(),
            unfinished: found.unfinished.clone(),
            resume: found.unfinished_command.clone(),
            instances,
        };
        context.output.show(|theme| shown.human(theme), &shown)?;
        Ok(Exit::Done)
    })
}

fn instance(name: &str, plugin: String, found: &InstanceStatus) -> Instance {
    let machine = |(address, ip): (&String, &String)| {
        let node = found.nodes.iter().find(|node| node.addresses.contains(ip));
        Machine {
            name: address.rsplit('/').next().unwrap_or(address).to_owned(),
            address: ip.clone(),
            ready: node.map(|node| node.ready),
            version: node.map(|node| node.version.clone()).unwrap_or_default(),
        }
    };
    let problem = |one: &WorkloadStatus| match &one.readiness {
        Readiness::Ready => None,
        Readiness::Progressing { message } | Readiness::Failed { message } => {
            Some(format!("{}: {message}", one.name))
        }
    };
    let mut problems: Vec<String> = found.unreachable.iter().map(ToString::to_string).collect();
    problems.extend(found.workloads.iter().filter_map(problem));
    let role = match found.role.as_str() {
        "absent" => "not built",
        "in a cutover" => "moving",
        other => other,
    };
    Instance {
        name: name.to_owned(),
        plugin,
        role: role.to_owned(),
        machines: found.machines.iter().map(machine).collect(),
        workloads: found.workloads.iter().map(workload).collect(),
        problems,
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
