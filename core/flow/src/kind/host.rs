//! `host`: what every machine gets before anything runs on it (runbook 6.2):
//! packages, kernel settings, swap, ssh hardening.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use honey_model::{Digest, Fault, FaultClass, Found, KindSchema, Ownership};
use honey_ports::{
    Applied, ApplyAction, ApplyRequest, CallContext, Target,
    host::{Content, Facts, HostTarget, Step},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Kind,
    connect::{Connections, Machine, SSHD_PATH, SYSCTL_PATH, SshSettings},
    locator, typed,
};

/// Packages with a service that must run, not only be there.
const SERVICES: &[(&str, &str)] =
    &[("fail2ban", "fail2ban"), ("unattended-upgrades", "unattended-upgrades"), ("open-iscsi", "iscsid")];
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
}

impl Desired {
    fn target(&self) -> Option<HostTarget> {
        self.machine.as_ref().and_then(|machine| machine.target(&self.ssh))
    }

    fn sysctl_file(&self) -> String {
        self.sysctl.iter().fold(String::new(), |text, (key, value)| text + key + " = " + value + "\n")
    }
}

const HARDENED_SSH: &str =
    "PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n";

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
                ("packages".to_owned(), unordered),
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
        let mut steps = vec![Step::Packages { names: desired.packages.clone(), refresh: true }];
        if !desired.sysctl.is_empty() {
            steps.push(file(SYSCTL_PATH, desired.sysctl_file()));
            steps.push(Step::Sysctl);
        }
        steps.push(Step::Swap { bytes: desired.swap_bytes });
        if desired.harden_ssh {
            steps.push(file(SSHD_PATH, HARDENED_SSH.to_owned()));
            steps.push(Step::Service { name: "ssh".to_owned() });
        }
        let wanted =
            SERVICES.iter().filter(|(package, _)| desired.packages.iter().any(|name| name == package));
        steps.extend(wanted.map(|(_, service)| Step::Service { name: (*service).to_owned() }));
        self.0.run(context, &host, &steps).await?;
        let after = self.0.fresh_facts(context, &host).await?;
        let raw = request.desired.unwrap_or(&Value::Null);
        Ok(Some(found(&host, raw, &desired, &after)))
    }
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
    if !desired.sysctl.is_empty() && !holds(SYSCTL_PATH, &desired.sysctl_file()) {
        attributes["sysctl"] = json!(facts.sysctl);
    }
    if desired.harden_ssh {
        attributes["harden_ssh"] = json!(holds(SSHD_PATH, HARDENED_SSH));
    }
    Found {
        id: target.address.clone(),
        attributes,
        outputs: json!({ "hostname": facts.hostname, "os": format!("{} {}", facts.os_id, facts.os_version) }),
        ownership: Ownership::Ours,
    }
}
