//! `host`: what every machine gets before anything runs on it (runbook 6.2):
//! packages and their services, kernel settings, swap, a clock that is kept,
//! a name, ssh hardening.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use honey_model::{Digest, Fault, FaultClass, Found, KindSchema, Ownership};
use honey_ports::{
    Applied, ApplyAction, ApplyRequest, CallContext, Target,
    host::{Content, Facts, HostTarget, Step},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Kind, clock,
    connect::{Connections, JAIL_PATH, Machine, SSHD_PATH, SYSCTL_PATH, SshSettings, UPGRADES_PATH},
    locator, typed,
};
use crate::phase::wait::pause;

/// Releases honey knows how to prepare.
const SUPPORTED: &[(&str, &[&str])] =
    &[("debian", &["12", "13"]), ("ubuntu", &["22.04", "24.04", "25.04", "25.10", "26.04"])];

pub(super) struct Baseline(pub(super) Arc<Connections>);

#[derive(Deserialize)]
struct Desired {
    machine: Option<Machine>,
    #[serde(default)]
    ssh: SshSettings,
    packages: Vec<String>,
    #[serde(default)]
    sysctl: BTreeMap<String, String>,
    #[serde(default)]
    swap_bytes: u64,
    #[serde(default)]
    harden_ssh: bool,
    /// Services that must run and start by themselves.
    #[serde(default)]
    services: Vec<String>,
    /// Security updates without anybody asking.
    #[serde(default)]
    automatic_upgrades: bool,
    #[serde(default)]
    time_sync: bool,
    /// The name to give; as it is where none.
    hostname: Option<String>,
}

impl Desired {
    fn target(&self) -> Option<HostTarget> {
        self.machine.as_ref().and_then(|machine| machine.target(&self.ssh))
    }

    fn guards_logins(&self) -> bool {
        self.services.iter().any(|name| name == "fail2ban")
    }

    fn sysctl_file(&self) -> String {
        self.sysctl.iter().fold(String::new(), |text, (key, value)| text + key + " = " + value + "\n")
    }
}

const HARDENED_SSH: &str =
    "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n";
/// What `dpkg-reconfigure unattended-upgrades` writes, with the timer's lists refreshed.
const AUTOMATIC_UPGRADES: &str =
    "APT::Periodic::Update-Package-Lists \"1\";\nAPT::Periodic::Unattended-Upgrade \"1\";\n";
/// Without a log file of logins fail2ban ends at once: the journal is everywhere.
const JAIL: &str = "[sshd]\nenabled = true\nbackend = systemd\n";
/// How long a clock that has just got its daemon may take to step.
const CLOCK_LIMIT: Duration = Duration::from_secs(45);
const POLL: Duration = Duration::from_secs(1);
/// Brought where no other daemon keeps the clock.
const TIME_PACKAGE: &str = "systemd-timesyncd";

#[async_trait]
impl Kind for Baseline {
    fn schema(&self) -> KindSchema {
        let unordered = honey_model::Field { unordered: true, ..Default::default() };
        KindSchema {
            kind: "host".to_owned(),
            version: 1,
            description: "Packages and settings of a machine".to_owned(),
            fields: [
                ("machine".to_owned(), locator("The machine's outputs")),
                ("ssh".to_owned(), locator("How to reach it")),
                ("packages".to_owned(), unordered.clone()),
                ("services".to_owned(), unordered),
            ]
            .into(),
            ..KindSchema::default()
        }
    }

    async fn read(&self, context: &CallContext, target: &Target<'_>) -> Result<Option<Found>, Fault> {
        let Some(raw) = target.desired else { return Ok(None) };
        let desired: Desired = typed(Some(raw))?;
        let Some(host) = desired.target() else { return Ok(None) };
        let facts = self.0.facts(context, &host).await?;
        supported(&facts)?;
        let here = desired.packages.iter().any(|name| facts.packages.contains_key(name));
        // A machine without one single package of ours was never prepared.
        Ok((here || desired.packages.is_empty()).then(|| found(&host, raw, &desired, &facts)))
    }

    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        if request.action == ApplyAction::Delete {
            return Ok(None);
        }
        let desired: Desired = typed(request.desired)?;
        let host = desired.target().ok_or_else(no_address)?;
        let before = self.0.facts(context, &host).await?;
        supported(&before)?;
        let name = desired.hostname.as_deref().filter(|name| *name != before.hostname);
        if let Some(name) = name {
            may_be_renamed(&before, name)?;
        }
        self.0.run(context, &host, &steps(&desired, &before)).await?;
        let mut after = self.0.fresh_facts(context, &host).await?;
        // Only a daemon that has just come needs a moment.
        let started = tokio::time::Instant::now();
        while desired.time_sync
            && !before.time_sync
            && clock::is_off(&after)
            && started.elapsed() < CLOCK_LIMIT
        {
            pause(context, "waiting for the time daemon to set the clock", POLL).await?;
            after = self.0.fresh_facts(context, &host).await?;
        }
        clock::refuse(&host.address, &after)?;
        let raw = request.desired.unwrap_or(&Value::Null);
        Ok(Some(found(&host, raw, &desired, &after)))
    }
}

fn steps(desired: &Desired, before: &Facts) -> Vec<Step> {
    let mut names = desired.packages.clone();
    let daemon = before.packages.contains_key("chrony") || before.packages.contains_key(TIME_PACKAGE);
    if desired.time_sync && !before.time_sync && !daemon {
        names.push(TIME_PACKAGE.to_owned());
    }
    let mut steps = vec![Step::Packages { names, refresh: true }];
    if desired.automatic_upgrades {
        steps.push(file(UPGRADES_PATH, AUTOMATIC_UPGRADES.to_owned()));
    }
    if desired.guards_logins() {
        steps.push(file(JAIL_PATH, JAIL.to_owned()));
    }
    if !desired.sysctl.is_empty() {
        steps.push(file(SYSCTL_PATH, desired.sysctl_file()));
        steps.push(Step::Sysctl);
    }
    steps.push(Step::Swap { bytes: desired.swap_bytes });
    if let Some(name) = &desired.hostname {
        steps.push(Step::Hostname { name: name.clone() });
    }
    if desired.harden_ssh {
        steps.push(file(SSHD_PATH, HARDENED_SSH.to_owned()));
        steps.push(Step::Service { name: "ssh".to_owned() });
    }
    steps.extend(desired.services.iter().map(|name| Step::Service { name: name.clone() }));
    if desired.time_sync {
        steps.push(Step::TimeSync);
    }
    steps
}

fn file(path: &str, content: String) -> Step {
    Step::File { path: path.to_owned(), mode: 0o644, content: Content::Plain(content) }
}

fn supported(facts: &Facts) -> Result<(), Fault> {
    let known = SUPPORTED.iter().find(|(id, _)| *id == facts.os_id);
    if known.is_some_and(|(_, versions)| versions.contains(&facts.os_version.as_str())) {
        return Ok(());
    }
    let found = format!("{} {}", facts.os_id, facts.os_version);
    Err(Fault::new(FaultClass::Unsupported, "HNY0580", format!("honey does not know how to prepare {found}"))
        .with_help("Debian 12 and 13 and Ubuntu 22.04 to 26.04 are supported; reinstall the machine with one of them"))
}

/// A node is called by its host's name: another one would be another node.
fn may_be_renamed(facts: &Facts, name: &str) -> Result<(), Fault> {
    if !facts.k3s.has_etcd_data && facts.k3s.role.is_empty() {
        return Ok(());
    }
    let text = format!("the host is called {} and is a node of a cluster by that name", facts.hostname);
    Err(Fault::new(FaultClass::Conflict, "HNY0589", text).with_help(format!(
        "leave it as it is (`set-hostname = false`), or take it out of the cluster first and call it {name} then"
    )))
}

pub(super) fn no_address() -> Fault {
    Fault::new(FaultClass::Invalid, "HNY0581", "the machine has no address to reach it by")
}

/// Observed attributes in the shape of the desired ones.
fn found(target: &HostTarget, raw: &Value, desired: &Desired, facts: &Facts) -> Found {
    let mut attributes = raw.clone();
    let packages: Vec<&String> =
        desired.packages.iter().filter(|name| facts.packages.contains_key(*name)).collect();
    attributes["packages"] = json!(packages);
    let holds = |path: &str, content: &str| {
        facts.files.get(path).is_some_and(|digest| digest == Digest::of_bytes(content.as_bytes()).as_str())
    };
    let live = |(key, wanted): (&String, &String)| {
        facts.sysctl.get(key).is_none_or(|value| value.split_whitespace().eq(wanted.split_whitespace()))
    };
    let kept = desired.sysctl.is_empty() || holds(SYSCTL_PATH, &desired.sysctl_file());
    if !kept || !desired.sysctl.iter().all(live) {
        attributes["sysctl"] = json!(facts.sysctl);
    }
    if desired.harden_ssh {
        attributes["harden_ssh"] = json!(holds(SSHD_PATH, HARDENED_SSH));
    }
    if desired.automatic_upgrades {
        attributes["automatic_upgrades"] = json!(holds(UPGRADES_PATH, AUTOMATIC_UPGRADES));
    }
    let guarded = !desired.guards_logins() || holds(JAIL_PATH, JAIL);
    let runs = |name: &&String| {
        facts.services.get(*name).is_some_and(|word| word == "active") && (guarded || *name != "fail2ban")
    };
    attributes["services"] = json!(desired.services.iter().filter(runs).collect::<Vec<_>>());
    attributes["swap_bytes"] = json!(facts.swap_bytes);
    if desired.time_sync {
        attributes["time_sync"] = json!(facts.time_sync);
    }
    if desired.hostname.is_some() {
        attributes["hostname"] = json!(facts.hostname);
    }
    Found::new(
        target.address.clone(),
        attributes,
        json!({ "hostname": facts.hostname, "os": format!("{} {}", facts.os_id, facts.os_version) }),
        Ownership::Ours,
    )
}
