//! Before anything moves: is the target fit, is the world as recorded? Reads
//! only. Its result is a scorecard and, where that is clean, the plan.

use std::collections::BTreeMap;

use honey_model::{Active, Address, Diagnostic, Fault, Record, State};
use honey_ports::{
    capability::RecordSwap,
    cluster::{Cluster, ObjectName, Readiness},
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{CUTOVER_VERSION, CutoverPlan, DnsMove, Singleton, steps::left};
use crate::{
    FlowError, Session,
    action::status::{connect, workload},
    image::place::places,
    phase::{prepare::capability, strays},
    singleton,
};

/// One thing that was checked.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// What.
    pub check: String,
    /// Whether it holds.
    pub holds: bool,
    /// What was found.
    pub detail: String,
}

/// Everything that was checked.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Scorecard {
    /// In the order of the checks.
    pub findings: Vec<Finding>,
    /// Worth knowing, and never in the way: what is to be moved may be urgent.
    pub warnings: Vec<Diagnostic>,
}

impl Scorecard {
    fn add(&mut self, check: &str, result: Result<String, String>) {
        let holds = result.is_ok();
        let detail = result.unwrap_or_else(|problem| problem);
        self.findings.push(Finding { check: check.to_owned(), holds, detail });
    }

    /// Whether everything holds.
    pub fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.holds)
    }
}

/// Checks and plans.
pub async fn prepare(session: &Session, to: &str) -> Result<(CutoverPlan, Scorecard), FlowError> {
    let state = session.state().await?;
    let from = source(session, &state, to)?;
    let plugins = session.config.dns.iter().map(|dns| dns.plugin.as_str()).collect();
    crate::phase::secrets::check_plugins(session, &plugins).await?;
    let mut score = Scorecard::default();
    let singletons = singletons(&state, &from, to)?;
    let source = connect(session, &from).await;
    let target = connect(session, to).await;
    score.add("source answers", answers(session, &from, source.as_deref()).await);
    score.add("target answers", answers(session, to, target.as_deref()).await);
    if let Ok(target) = &target {
        score.add("target's nodes are ready", nodes(session, &state, to, target.as_ref()).await);
        score.add("target's workloads are ready", workloads(session, &state, to, target.as_ref()).await);
        score
            .add("target's singletons are at rest", at_rest(session, to, target.as_ref(), &singletons).await);
    }
    score.add("both run the same images", same_images(&state, &from, to));
    let dns = match dns(session, &state, &from, to).await {
        Ok(dns) => {
            let text = dns.as_ref().map_or("no names are managed".to_owned(), |dns| {
                format!("{} record sets of {} hold what is expected", dns.swaps.len(), dns.zone)
            });
            score.add("names point to the source", Ok(text));
            dns
        }
        Err(problem) => {
            score.add("names point to the source", Err(problem.to_string()));
            None
        }
    };
    if let Some(config) = session.config.dns.as_ref().filter(|_| dns.is_some()) {
        score.warnings.extend(elsewhere(session, config).await);
    }
    let plan = CutoverPlan {
        version: CUTOVER_VERSION,
        from,
        to: to.to_owned(),
        epoch: state.active.epoch() + 1,
        lineage: state.lineage.clone(),
        singletons,
        dns,
    };
    Ok((plan, score))
}

fn source(session: &Session, state: &State, to: &str) -> Result<String, FlowError> {
    let refuse = |code: &str, text: String, help: &str| {
        Err(FlowError::refused(Diagnostic::error(code, text).with_help(help)))
    };
    if !session.config.instances.contains_key(to) {
        return refuse(
            "HNY0180",
            format!("there is no instance `{to}`"),
            "see [instances] in the configuration",
        );
    }
    let built = state.resources.keys().any(|address| address.scope() == to);
    match &state.active {
        Active::Nobody => {
            refuse("HNY0810", "no instance is active yet".to_owned(), "build one first: `honey apply`")
        }
        Active::Moving { from, to, .. } => refuse(
            "HNY0811",
            format!("a cutover from `{from}` to `{to}` is under way"),
            "go on with `honey cutover --resume`, or go back with `honey cutover --abort`",
        ),
        Active::Instance { name, .. } if name == to => {
            refuse("HNY0812", format!("`{to}` is the active instance already"), "nothing to do")
        }
        Active::Instance { .. } if !built => refuse(
            "HNY0813",
            format!("`{to}` was never built"),
            "build it as a standby first: `honey apply --provider NAME`",
        ),
        Active::Instance { name, .. } => Ok(name.clone()),
    }
}

/// Records that stay where they are when the names move.
async fn elsewhere(session: &Session, dns: &honey_config::schema::Dns) -> Vec<Diagnostic> {
    match strays::ask(session, dns).await {
        Ok(strays) => strays.iter().map(strays::Stray::diagnostic).collect(),
        Err(fault) => {
            let text = format!("whether other records lead elsewhere could not be asked: {fault}");
            vec![Diagnostic::warning("HNY0192", text).at("dns.names")]
        }
    }
}

/// Recorded singletons of the source with their counterparts on the target.
fn singletons(state: &State, from: &str, to: &str) -> Result<Vec<Singleton>, FlowError> {
    let mut found = Vec::new();
    for (address, record) in state.resources.iter().filter(|(address, _)| address.scope() == from) {
        let Some(name) = singleton_of(address, record) else { continue };
        let twin = counterpart(address, to).and_then(|twin| state.resources.get(&twin));
        let Some(twin) = twin else {
            let text = format!("`{to}` has no {} {}", name.kind, name.name);
            let help = format!("bring it in step first: `honey apply --provider {to}`");
            return Err(FlowError::refused(Diagnostic::error("HNY0814", text).with_help(help)));
        };
        let source = record.attributes["object"].clone();
        let replicas = match name.kind.as_str() {
            // A schedule that is suspended where it is active stays so.
            "CronJob" => u64::from(singleton::runs(&source)),
            _ => source.pointer("/spec/replicas").and_then(Value::as_u64).unwrap_or(1).max(1),
        };
        found.push(Singleton { name, replicas, source, target: twin.attributes["object"].clone() });
    }
    Ok(found)
}

/// A recorded workload that only the active instance runs; schedules too.
fn singleton_of(address: &Address, record: &Record) -> Option<ObjectName> {
    if let Some((name, singleton)) = workload(address, record) {
        return singleton.then_some(name);
    }
    let object = record.attributes.get("object").filter(|_| record.kind == "kube-object")?;
    let schedule = object["kind"] == "CronJob" && record.attributes["singleton"] == json!(true);
    schedule.then(|| ObjectName {
        api_version: object["apiVersion"].as_str().unwrap_or("batch/v1").to_owned(),
        kind: "CronJob".to_owned(),
        namespace: object["metadata"]["namespace"].as_str().map(str::to_owned),
        name: address.name().to_owned(),
    })
}

/// The same resource on another instance.
fn counterpart(address: &Address, instance: &str) -> Option<Address> {
    let rest = address.as_str().split_once('/')?.1;
    Address::new(&format!("{instance}/{rest}")).ok()
}

async fn answers(
    session: &Session,
    instance: &str,
    cluster: Result<&dyn Cluster, &Fault>,
) -> Result<String, String> {
    let cluster = cluster.map_err(ToString::to_string)?;
    let context = session.reading(&Address::of(&[instance, "kubeconfig", "admin"]));
    cluster.version(&context).await.map_err(|fault| fault.to_string())
}

async fn nodes(
    session: &Session,
    state: &State,
    instance: &str,
    cluster: &dyn Cluster,
) -> Result<String, String> {
    let context = session.reading(&Address::of(&[instance, "kubeconfig", "admin"]));
    let nodes = cluster.nodes(&context).await.map_err(|fault| fault.to_string())?;
    let is_server =
        |(address, record): &(&Address, &Record)| address.scope() == instance && record.kind == "k3s-server";
    let expected = state.resources.iter().filter(is_server).count();
    let ready = nodes.iter().filter(|node| node.ready && !node.unschedulable).count();
    let text = format!("{ready} of {expected} nodes are ready");
    if ready >= expected && expected > 0 { Ok(text) } else { Err(text) }
}

async fn workloads(
    session: &Session,
    state: &State,
    instance: &str,
    cluster: &dyn Cluster,
) -> Result<String, String> {
    let mut ready = 0;
    for (address, record) in state.resources.iter().filter(|(address, _)| address.scope() == instance) {
        let Some((name, singleton)) = workload(address, record) else { continue };
        let context = session.reading(address);
        match cluster.readiness(&context, &name).await.map_err(|fault| fault.to_string())? {
            Readiness::Ready => ready += 1,
            // At rest it has nothing to be ready with.
            _ if singleton => ready += 1,
            Readiness::Progressing { message } | Readiness::Failed { message } => {
                return Err(format!("{} {}: {message}", name.kind, name.name));
            }
        }
    }
    // A check must not pass by finding nothing.
    if ready == 0 { Err("no workload is recorded".to_owned()) } else { Ok(format!("{ready} workloads")) }
}

async fn at_rest(
    session: &Session,
    instance: &str,
    cluster: &dyn Cluster,
    singletons: &[Singleton],
) -> Result<String, String> {
    let context = session.reading(&Address::of(&[instance, "kubeconfig", "admin"]));
    for singleton in singletons {
        let pods = left(cluster, &context, &singleton.name).await.map_err(|fault| fault.to_string())?;
        if !pods.is_empty() {
            return Err(format!("{} has {} pods on the target", singleton.name.name, pods.len()));
        }
    }
    Ok(format!("{} singletons", singletons.len()))
}

fn images_of(state: &State, instance: &str) -> BTreeMap<String, Vec<String>> {
    let mut images = BTreeMap::new();
    for (address, record) in state.resources.iter().filter(|(address, _)| address.scope() == instance) {
        if workload(address, record).is_none() {
            continue;
        }
        let used = places(&record.attributes["object"]).into_iter().map(|place| place.text);
        let rest = address.as_str().split_once('/').map_or("", |(_, rest)| rest);
        images.insert(rest.to_owned(), used.collect());
    }
    images
}

fn same_images(state: &State, from: &str, to: &str) -> Result<String, String> {
    let (source, target) = (images_of(state, from), images_of(state, to));
    let different: Vec<&str> = source
        .iter()
        .filter(|(name, images)| target.get(*name) != Some(images))
        .map(|(name, _)| name.as_str())
        .collect();
    if different.is_empty() {
        Ok(format!("{} workloads", source.len()))
    } else {
        Err(format!(
            "{} differ; bring the target in step: `honey apply --provider {to}`",
            different.join(", ")
        ))
    }
}

/// Which record sets move from which addresses to which.
pub(crate) async fn dns(
    session: &Session,
    state: &State,
    from: &str,
    to: &str,
) -> Result<Option<DnsMove>, FlowError> {
    let Some(dns) = &session.config.dns else { return Ok(None) };
    let families: &[(&str, &str)] =
        if dns.ipv6 { &[("A", "ipv4"), ("AAAA", "ipv6")] } else { &[("A", "ipv4")] };
    let mut swaps = Vec::new();
    for name in &dns.names {
        for (record_type, field) in families {
            swaps.push(RecordSwap {
                name: crate::lower::full_name(name, &dns.zone),
                record_type: (*record_type).to_owned(),
                expect: addresses(state, from, field),
                set: addresses(state, to, field),
            });
        }
    }
    if swaps.iter().any(|swap| swap.set.is_empty()) {
        let text = format!("no addresses of `{to}` are recorded");
        return Err(FlowError::refused(
            Diagnostic::error("HNY0815", text).with_help("apply the target first"),
        ));
    }
    let plugin = capability(session, &dns.plugin)?;
    let wanted: Vec<(String, String)> =
        swaps.iter().map(|swap| (swap.name.clone(), swap.record_type.clone())).collect();
    let context = session.reading(&Address::of(&["dns", "swap"]));
    for (swap, current) in swaps.iter().zip(plugin.current(&context, &dns.zone, &wanted).await?) {
        let mut held = current.values.clone();
        held.sort();
        if held != swap.expect && held != swap.set {
            let text = format!(
                "{} {} holds {held:?}, not the source's {:?}",
                swap.record_type, swap.name, swap.expect
            );
            let help =
                "somebody else changed it; `honey plan` shows the difference, `honey apply` puts it right";
            return Err(FlowError::refused(Diagnostic::error("HNY0816", text).with_help(help)));
        }
    }
    Ok(Some(DnsMove { plugin: dns.plugin.clone(), zone: dns.zone.clone(), swaps }))
}

/// An instance's machine addresses, sorted.
fn addresses(state: &State, instance: &str, field: &str) -> Vec<String> {
    let is_machine =
        |(address, record): &(&Address, &Record)| address.scope() == instance && record.kind == "machine";
    let machines = state.resources.iter().filter(is_machine);
    let mut all: Vec<String> =
        machines.filter_map(|(_, record)| record.outputs.get(field)?.as_str().map(str::to_owned)).collect();
    all.sort();
    all
}

/// The object with another count: 0 is at rest.
pub(super) fn with_replicas(object: &Value, replicas: u64) -> Value {
    let mut object = object.clone();
    match replicas {
        0 => singleton::stop(&mut object),
        _ => singleton::start(&mut object, replicas),
    }
    object
}
