//! What is wrong, from all that was seen. Pure. A cause stands before what
//! follows from it, and what only follows from it is left out: of a cluster that
//! does not answer nothing else is said.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use honey_model::{Active, Alarm};
use honey_ports::cluster::Readiness;

use super::{InstanceStatus, RecordLine, SingletonStatus, Status};

/// Everything that somebody has to look at.
pub(super) fn of(status: &Status) -> Vec<Alarm> {
    let mut alarms = Vec::new();
    runs(status, &mut alarms);
    for (name, instance) in &status.instances {
        cluster(name, instance, &mut alarms);
    }
    singletons(status, &mut alarms);
    for (name, instance) in &status.instances {
        workloads(name, instance, &mut alarms);
    }
    names(status, &mut alarms);
    alarms
}

fn runs(status: &Status, alarms: &mut Vec<Alarm>) {
    match (&status.unfinished, &status.active) {
        // No command while somebody is at work on it: then it is as it should be.
        (Some(unfinished), _) => {
            if let Some(command) = unfinished.command.clone() {
                alarms.push(Alarm::RunUnfinished { run: unfinished.run.clone(), command });
            }
        }
        (None, Active::Moving { from, to, .. }) => {
            alarms.push(Alarm::CutoverWithoutRun { from: from.clone(), to: to.clone() });
        }
        (None, _) => {}
    }
}

fn cluster(name: &str, found: &InstanceStatus, alarms: &mut Vec<Alarm>) {
    let instance = || name.to_owned();
    if !found.joined {
        if !found.machines.is_empty() {
            alarms.push(Alarm::HalfBuilt { instance: instance(), machines: found.machines.len() });
        }
        return;
    }
    if let Some(fault) = &found.unreachable {
        alarms.push(Alarm::ClusterUnreachable { instance: instance(), why: fault.to_string() });
        return;
    }
    if found.nodes.len() < found.servers {
        let (nodes, servers) = (found.nodes.len(), found.servers);
        alarms.push(Alarm::NodesMissing { instance: instance(), nodes, servers });
    }
    for node in &found.nodes {
        if !node.ready {
            alarms.push(Alarm::NodeNotReady { instance: instance(), node: node.name.clone() });
        }
        if node.unschedulable {
            alarms.push(Alarm::NodeCordoned { instance: instance(), node: node.name.clone() });
        }
    }
}

/// Where each singleton runs, by namespace and name.
fn singletons(status: &Status, alarms: &mut Vec<Alarm>) {
    let mut all: BTreeMap<(&str, &str), BTreeMap<&str, &SingletonStatus>> = BTreeMap::new();
    for (instance, found) in &status.instances {
        for singleton in &found.singletons {
            let key = (singleton.namespace.as_str(), singleton.name.as_str());
            all.entry(key).or_default().insert(instance, singleton);
        }
    }
    let active = match &status.active {
        Active::Instance { name, .. } => Some(name.clone()),
        Active::Nobody | Active::Moving { .. } => None,
    };
    for ((namespace, singleton), places) in all {
        let (singleton, namespace) = (singleton.to_owned(), namespace.to_owned());
        let running: Vec<&str> =
            places.iter().filter(|(_, found)| found.runs()).map(|(name, _)| *name).collect();
        if running.len() > 1 {
            let instances = running.into_iter().map(str::to_owned).collect();
            let active = active.clone();
            alarms.push(Alarm::SingletonTwice { singleton, namespace, instances, active });
            continue;
        }
        for (instance, found) in places {
            let instance = instance.to_owned();
            let (singleton, namespace) = (singleton.clone(), namespace.clone());
            if found.runs() && !may_run(&status.active, &instance) {
                let (wanted, pods, active) = (found.wanted, found.pods, active.clone());
                alarms.push(Alarm::SingletonElsewhere {
                    singleton,
                    namespace,
                    instance,
                    wanted,
                    pods,
                    active,
                });
            } else if active.as_ref() == Some(&instance) && found.is_down() {
                let why = match &found.readiness {
                    Readiness::Progressing { message } | Readiness::Failed { message } => message.clone(),
                    Readiness::Ready => String::new(),
                };
                let wanted = found.wanted;
                alarms.push(Alarm::SingletonDown { singleton, namespace, instance, wanted, why });
            }
        }
    }
}

/// The source of a cutover runs its singletons until they are stopped there.
fn may_run(active: &Active, instance: &str) -> bool {
    match active {
        Active::Nobody => false,
        Active::Instance { name, .. } => name == instance,
        Active::Moving { from, .. } => from == instance,
    }
}

fn workloads(name: &str, found: &InstanceStatus, alarms: &mut Vec<Alarm>) {
    if found.unreachable.is_some() {
        return;
    }
    for workload in &found.workloads {
        let Readiness::Failed { message } = &workload.readiness else { continue };
        let known = alarms.iter().any(|alarm| {
            matches!(alarm, Alarm::SingletonDown { singleton, namespace, instance, .. }
                if *singleton == workload.name && *namespace == workload.namespace && instance == name)
        });
        if !known {
            alarms.push(Alarm::WorkloadFailed {
                instance: name.to_owned(),
                workload: workload.name.clone(),
                why: message.clone(),
            });
        }
    }
}

fn names(status: &Status, alarms: &mut Vec<Alarm>) {
    if let Some(fault) = &status.names.unknown {
        alarms.push(Alarm::NamesUnknown { why: fault.to_string() });
        return;
    }
    let expected: Vec<String> = match &status.active {
        Active::Nobody => return,
        Active::Instance { name, .. } => vec![name.clone()],
        Active::Moving { from, to, .. } => vec![from.clone(), to.clone()],
    };
    for record in &status.names.records {
        name(status, record, &expected, alarms);
    }
}

fn name(status: &Status, record: &RecordLine, expected: &[String], alarms: &mut Vec<Alarm>) {
    if record.values.is_empty() {
        let (name, record_type) = (record.name.clone(), record.record_type.clone());
        alarms.push(Alarm::NameGone { name, record_type });
        return;
    }
    let mut elsewhere: BTreeMap<Option<&str>, BTreeSet<&String>> = BTreeMap::new();
    for value in &record.values {
        let owner = status.owner(value);
        if owner.is_none_or(|owner| !expected.iter().any(|name| name == owner)) {
            elsewhere.entry(owner).or_default().insert(value);
        }
    }
    for (leads_to, values) in elsewhere {
        alarms.push(Alarm::NameElsewhere {
            name: record.name.clone(),
            record_type: record.record_type.clone(),
            recorded: record.recorded,
            values: values.into_iter().cloned().collect(),
            leads_to: leads_to.map(str::to_owned),
            expected: expected.to_vec(),
        });
    }
}

impl Status {
    /// The instance with a machine of this address.
    pub fn owner(&self, address: &str) -> Option<&str> {
        let is = |known: &Option<String>| known.as_deref().is_some_and(|known| same(known, address));
        let has = |found: &InstanceStatus| {
            found.machines.values().any(|machine| is(&machine.ipv4) || is(&machine.ipv6))
        };
        self.instances.iter().find(|(_, found)| has(found)).map(|(name, _)| name.as_str())
    }
}

/// One address can be written in several ways.
fn same(one: &str, other: &str) -> bool {
    match (one.parse::<IpAddr>(), other.parse::<IpAddr>()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
