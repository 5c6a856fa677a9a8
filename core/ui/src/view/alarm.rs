//! What is wrong, in sentences: what, where, and the next step where there is one.

use honey_model::{Alarm, text::visible};
use serde::Serialize;

/// An alarm with its sentence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// As data.
    #[serde(flatten)]
    pub alarm: Alarm,
    /// For people.
    pub text: String,
}

impl From<Alarm> for Line {
    fn from(alarm: Alarm) -> Self {
        let text = sentence(&alarm);
        Self { alarm, text }
    }
}

/// One line without a period. Text from outside is bounded and escaped.
pub fn sentence(alarm: &Alarm) -> String {
    match alarm {
        Alarm::RunUnfinished { run, command } => {
            format!("the run {} was not finished: `{}` goes on", name(run), visible(command, 200))
        }
        Alarm::CutoverWithoutRun { from, to } => format!(
            "the state is in the middle of a cutover from {} to {}, and its run is gone: no singleton may start",
            name(from),
            name(to)
        ),
        Alarm::ClusterUnreachable { instance, why } => format!(
            "{0}: the cluster does not answer: {1}; `honey node list --provider {0}` shows its servers",
            name(instance),
            visible(why, 300)
        ),
        Alarm::HalfBuilt { instance, machines } => format!(
            "{0} is half-built: {machines} machines and no cluster; `honey apply --provider {0}` goes on",
            name(instance)
        ),
        Alarm::NodesMissing { instance, nodes, servers } => format!(
            "{0} is half-built: {nodes} nodes for {servers} servers; `honey apply --provider {0}` brings the \
             others in",
            name(instance)
        ),
        Alarm::NodeNotReady { instance, node } => format!(
            "{0}: node {1} is not Ready; `honey node list --provider {0}` shows more",
            name(instance),
            name(node)
        ),
        Alarm::NodeCordoned { instance, node } => format!(
            "{0}: node {1} is cordoned; `honey node uncordon {1} --provider {0}` lets it take pods again",
            name(instance),
            name(node)
        ),
        Alarm::SingletonTwice { singleton, namespace, instances, active } => {
            let others = instances.iter().filter(|one| Some(*one) != active.as_ref());
            let stop: Vec<String> =
                others.map(|one| format!("`honey apply --provider {}`", name(one))).collect();
            format!(
                "{} runs more than once: on {}; {}: {} sets it to 0",
                singleton_name(singleton, namespace),
                list(instances, " and on "),
                may_run(active.as_deref()),
                stop.join(" and ")
            )
        }
        Alarm::SingletonElsewhere { singleton, namespace, instance, wanted, pods, active } => format!(
            "{} runs on {1} ({wanted} wanted, {pods} pods); {2}: `honey apply --provider {1}` sets it to 0",
            singleton_name(singleton, namespace),
            name(instance),
            may_run(active.as_deref())
        ),
        Alarm::SingletonDown { singleton, namespace, instance, wanted, why } => {
            let because = match (wanted, why.is_empty()) {
                (0, _) => {
                    format!("it is stopped there; `honey apply --provider {}` starts it", name(instance))
                }
                (_, false) => visible(why, 300),
                (_, true) => "no pod of it is Ready".to_owned(),
            };
            format!(
                "{} does not run on the active instance {}: {because}",
                singleton_name(singleton, namespace),
                name(instance)
            )
        }
        Alarm::WorkloadFailed { instance, workload, why } => {
            format!("{}: {} failed: {}", name(instance), visible(workload, 120), visible(why, 300))
        }
        Alarm::NameElsewhere { name: full, record_type, recorded, values, leads_to, expected } => {
            let leads_to = leads_to.as_deref().map_or_else(|| "no machine of ours".to_owned(), name);
            let step = match (recorded, expected.as_slice()) {
                (false, _) => "; honey did not make it: remove it where it was made".to_owned(),
                (true, [only]) => {
                    format!("; `honey plan --provider {}` shows what would move it", name(only))
                }
                (true, _) => String::new(),
            };
            format!(
                "{} {} leads to {leads_to} ({}), not to {}{step}",
                visible(full, 120),
                visible(record_type, 10),
                list(values, ", "),
                list(expected, " or ")
            )
        }
        Alarm::NameGone { name: full, record_type } => format!(
            "{} {} leads nowhere: the record is gone; `honey apply` makes it again",
            visible(full, 120),
            visible(record_type, 10)
        ),
        Alarm::NamesUnknown { why } => format!(
            "nobody could say where the names lead, they are shown as recorded: {}",
            visible(why, 300)
        ),
    }
}

fn name(text: &str) -> String {
    visible(text, 80)
}

fn singleton_name(singleton: &str, namespace: &str) -> String {
    format!("the singleton {} (namespace {})", visible(singleton, 120), visible(namespace, 60))
}

fn may_run(active: Option<&str>) -> String {
    match active {
        Some(active) => format!("only {}, the active instance, may run it", name(active)),
        None => "no instance may run it now".to_owned(),
    }
}

fn list(all: &[String], between: &str) -> String {
    all.iter().map(|one| name(one)).collect::<Vec<_>>().join(between)
}
