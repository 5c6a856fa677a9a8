//! What exists and who is active, over all instances.

use std::fmt::Write as _;

use honey_model::text::visible;
use serde::Serialize;

use super::alarm::Line;
use crate::{Role, Theme, table};

/// One machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Where it is reached.
    pub address: String,
    /// Its Kubernetes node is Ready; none where nobody could ask.
    pub ready: Option<bool>,
    /// Its node takes no new pods.
    pub cordoned: bool,
    /// Its k3s release.
    pub version: String,
}

/// One workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Pods that are ready.
    pub ready: u32,
    /// Pods that are wanted.
    pub wanted: u32,
    /// Run by the active cluster only.
    pub singleton: bool,
}

/// One instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its provider plugin.
    pub plugin: String,
    /// `active`, `standby`, `moving` or `not built`.
    pub role: String,
    /// Machines.
    pub machines: Vec<Machine>,
    /// Workloads.
    pub workloads: Vec<Workload>,
    /// What workloads wait for. What has to be looked at is an alarm.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<String>,
}

/// One public name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Name {
    /// Full name.
    pub name: String,
    /// `A`, `AAAA` …
    #[serde(rename = "type")]
    pub record_type: String,
    /// Where it points.
    pub values: Vec<String>,
    /// The instance with these addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Status {
    /// The project.
    pub project: String,
    /// Serial of the state.
    pub serial: u64,
    /// What is wrong.
    pub alarms: Vec<Line>,
    /// Instances.
    pub instances: Vec<Instance>,
    /// Public names.
    pub names: Vec<Name>,
    /// Who holds the lock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lock: Option<String>,
    /// A run that is not finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfinished: Option<String>,
    /// The command that finishes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume: Option<String>,
    /// Whether somebody is at work on it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub at_work: bool,
}

impl Status {
    /// For people.
    pub fn human(&self, theme: &Theme) -> String {
        let mut text = String::new();
        let _ = writeln!(text, "{}", theme.paint(Role::Strong, &self.first_line()));
        for alarm in &self.alarms {
            let _ = writeln!(text, "{} {}", theme.paint(Role::Bad, "✗"), alarm.text);
        }
        for instance in &self.instances {
            let role = match instance.role.as_str() {
                "active" => Role::Good,
                "standby" => Role::Change,
                _ => Role::Dim,
            };
            let shown = theme.paint(role, &instance.role);
            let _ = writeln!(
                text,
                "\n{} ({}): {shown}",
                visible(&instance.name, 60),
                visible(&instance.plugin, 60)
            );
            let machines = instance.machines.iter().map(|machine| {
                let ready = match machine.ready {
                    Some(true) => "ready",
                    Some(false) => "NOT READY",
                    None => "unknown",
                };
                let ready = if machine.cordoned { format!("{ready}, cordoned") } else { ready.to_owned() };
                vec![
                    visible(&machine.name, 60),
                    visible(&machine.address, 60),
                    ready,
                    visible(&machine.version, 40),
                ]
            });
            text.push_str(&table::columns(&machines.collect::<Vec<_>>(), 2, theme));
            let workloads = instance.workloads.iter().map(|workload| {
                let singleton = if workload.singleton { "singleton" } else { "" };
                vec![
                    visible(&workload.name, 60),
                    format!("{}/{}", workload.ready, workload.wanted),
                    singleton.to_owned(),
                ]
            });
            text.push_str(&table::columns(&workloads.collect::<Vec<_>>(), 2, theme));
            for waiting in &instance.waiting {
                let _ = writeln!(text, "  {} {}", theme.paint(Role::Dim, "·"), visible(waiting, 300));
            }
        }
        if !self.names.is_empty() {
            let _ = writeln!(text, "\n{}", theme.paint(Role::Strong, "dns"));
            let names = self.names.iter().map(|name| {
                let instance = name.instance.as_deref().unwrap_or("no instance of ours");
                vec![
                    visible(&name.name, 80),
                    name.record_type.clone(),
                    format!("→ {instance}"),
                    visible(&name.values.join(" "), 200),
                ]
            });
            text.push_str(&table::columns(&names.collect::<Vec<_>>(), 2, theme));
        }
        if let Some(lock) = &self.lock {
            let _ = writeln!(text, "\nlocked by {}", visible(lock, 200));
        }
        // One that nobody is at work on is an alarm.
        if let Some(run) = self.unfinished.as_ref().filter(|_| self.at_work) {
            let _ = writeln!(text, "the run {} is at work", visible(run, 80));
        }
        text
    }

    /// The project, and what each instance is to it.
    fn first_line(&self) -> String {
        let roles = self.instances.iter();
        let roles = roles.map(|instance| format!("{} is {}", visible(&instance.name, 60), instance.role));
        let project = visible(&self.project, 60);
        match roles.collect::<Vec<_>>().join(", ") {
            roles if roles.is_empty() => project,
            roles => format!("{project}: {roles}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use honey_model::Alarm;

    use super::{Instance, Machine, Status, Workload};
    use crate::Theme;

    fn status() -> Status {
        let machine = |name: &str, ready: bool, cordoned: bool| Machine {
            name: name.to_owned(),
            address: "192.0.2.7".to_owned(),
            ready: Some(ready),
            cordoned,
            version: "v1".to_owned(),
        };
        let instance = |name: &str, role: &str| Instance {
            name: name.to_owned(),
            plugin: "metal".to_owned(),
            role: role.to_owned(),
            machines: vec![machine("node-1", true, true), machine("node-2", false, false)],
            workloads: vec![Workload {
                name: "Deployment/worker".to_owned(),
                ready: 1,
                wanted: 1,
                singleton: true,
            }],
            waiting: vec!["Deployment/api: 1 of 2 pods are available".to_owned()],
        };
        let alarms = vec![
            Alarm::NodeCordoned { instance: "north".to_owned(), node: "shop-north-node-1".to_owned() },
            Alarm::SingletonTwice {
                singleton: "Deployment/worker".to_owned(),
                namespace: "shop".to_owned(),
                instances: vec!["north".to_owned(), "south".to_owned()],
                active: Some("north".to_owned()),
            },
            Alarm::NameElsewhere {
                name: "api.example.com\u{1b}[2J".to_owned(),
                record_type: "AAAA".to_owned(),
                recorded: false,
                values: vec!["2001:db8::9".to_owned()],
                leads_to: None,
                expected: vec!["north".to_owned()],
            },
        ];
        Status {
            project: "shop".to_owned(),
            alarms: alarms.into_iter().map(Into::into).collect(),
            instances: vec![instance("north", "active"), instance("south", "standby")],
            ..Status::default()
        }
    }

    #[test]
    fn the_first_line_says_who_is_what_and_the_alarms_come_next() {
        insta::assert_snapshot!(status().human(&Theme::plain()));
    }

    #[test]
    fn an_alarm_is_data_with_its_sentence() {
        let document = serde_json::to_value(status()).unwrap();
        let first = &document["alarms"][0];
        assert_eq!(
            (first["alarm"].as_str(), first["node"].as_str()),
            (Some("node-cordoned"), Some("shop-north-node-1"))
        );
        assert!(
            first["text"]
                .as_str()
                .unwrap()
                .contains("honey node uncordon shop-north-node-1 --provider north")
        );
        assert_eq!(document["alarms"][1]["instances"], serde_json::json!(["north", "south"]));
    }
}
