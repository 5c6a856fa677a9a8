//! A scripted cluster, and what is found wrong with it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use honey_model::{Active, Address, Alarm, Fault, FaultClass, Record, State};
use honey_ports::{
    CallContext, Progress,
    call::{Cancel, NoCheckpoint},
    cluster::{Cluster, Eviction, NodeStatus, ObjectName, Readiness},
};
use serde_json::{Value, json};

use super::{InstanceStatus, Names, RecordLine, Status, Unfinished, alarms, observe};

/// What a cluster answers; what no status asks for is refused.
#[derive(Clone, Default)]
struct Scripted {
    nodes: Vec<NodeStatus>,
    /// Objects of every kind, as a cluster has them.
    objects: Vec<Value>,
    /// Pods by the name of their workload.
    pods: BTreeMap<String, Vec<Value>>,
    /// What is not Ready, by name.
    readiness: BTreeMap<String, Readiness>,
    silent: bool,
}

impl Scripted {
    fn of(&self, kind: &str) -> Vec<Value> {
        self.objects.iter().filter(|object| object["kind"] == kind).cloned().collect()
    }
}

fn never() -> Fault {
    Fault::new(FaultClass::Unsupported, "HNY0001", "a status does not change anything")
}

#[async_trait]
impl Cluster for Scripted {
    async fn version(&self, _: &CallContext) -> Result<String, Fault> {
        Ok("v1".to_owned())
    }
    async fn get(&self, _: &CallContext, name: &ObjectName) -> Result<Option<Value>, Fault> {
        Ok(self.of(&name.kind).into_iter().find(|one| one["metadata"]["name"] == name.name.as_str()))
    }
    async fn list(
        &self,
        _: &CallContext,
        _: &str,
        kind: &str,
        namespace: Option<&str>,
        _: &str,
    ) -> Result<Vec<Value>, Fault> {
        assert_eq!(namespace, None, "singletons are looked for in every namespace");
        Ok(self.of(kind))
    }
    async fn dry_run(&self, _: &CallContext, _: &Value) -> Result<Option<Value>, Fault> {
        Err(never())
    }
    async fn apply(&self, _: &CallContext, _: &Value, _: bool) -> Result<Value, Fault> {
        Err(never())
    }
    async fn delete(&self, _: &CallContext, _: &ObjectName) -> Result<(), Fault> {
        Err(never())
    }
    async fn readiness(&self, _: &CallContext, name: &ObjectName) -> Result<Readiness, Fault> {
        Ok(self.readiness.get(&name.name).cloned().unwrap_or(Readiness::Ready))
    }
    async fn wait_ready(&self, _: &CallContext, _: &ObjectName, _: Duration) -> Result<(), Fault> {
        Err(never())
    }
    async fn scale(&self, _: &CallContext, _: &ObjectName, _: u32) -> Result<(), Fault> {
        Err(never())
    }
    async fn pods_of(&self, _: &CallContext, name: &ObjectName) -> Result<Vec<Value>, Fault> {
        Ok(self.pods.get(&name.name).cloned().unwrap_or_default())
    }
    async fn nodes(&self, _: &CallContext) -> Result<Vec<NodeStatus>, Fault> {
        if self.silent {
            std::future::pending::<()>().await;
        }
        Ok(self.nodes.clone())
    }
    async fn label_node(
        &self,
        _: &CallContext,
        _: &str,
        _: &[(String, Option<String>)],
    ) -> Result<(), Fault> {
        Err(never())
    }
    async fn cordon(&self, _: &CallContext, _: &str, _: bool) -> Result<(), Fault> {
        Err(never())
    }
    async fn evict(&self, _: &CallContext, _: &Value) -> Result<Eviction, Fault> {
        Err(never())
    }
    async fn forget_pod(&self, _: &CallContext, _: &Value) -> Result<(), Fault> {
        Err(never())
    }
}

fn node(name: &str) -> NodeStatus {
    NodeStatus {
        name: name.to_owned(),
        ready: true,
        version: "v1".to_owned(),
        addresses: Vec::new(),
        labels: BTreeMap::new(),
        unschedulable: false,
    }
}

fn object(kind: &str, name: &str, marked: bool, spec: Value) -> Value {
    let api_version = if kind.ends_with("Job") { "batch/v1" } else { "apps/v1" };
    let annotations = if marked { json!({ "honey.dev/singleton": "true" }) } else { json!({}) };
    json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": { "namespace": "shop", "name": name, "annotations": annotations },
        "spec": spec,
    })
}

fn ready_pod() -> Value {
    json!({
        "metadata": { "name": "p" },
        "status": { "phase": "Running", "conditions": [{ "type": "Ready", "status": "True" }] },
    })
}

/// A cluster whose worker is wanted and there this often.
fn cluster(replicas: u64, pods: usize) -> Scripted {
    Scripted {
        nodes: vec![node("node-1")],
        objects: vec![
            object("Deployment", "worker", true, json!({ "replicas": replicas })),
            object("Deployment", "api", false, json!({ "replicas": 2 })),
        ],
        pods: BTreeMap::from([("worker".to_owned(), vec![ready_pod(); pods])]),
        ..Scripted::default()
    }
}

fn record(kind: &str, attributes: Value, outputs: Value) -> Record {
    Record {
        kind: kind.to_owned(),
        driver: "honey".to_owned(),
        id: "1".to_owned(),
        schema_version: 1,
        attributes,
        outputs,
        dependencies: Vec::new(),
        protect: false,
        keep: false,
    }
}

/// A state with these instances built: one server each, a worker and an api.
fn state(active: Active, instances: &[&str]) -> State {
    let mut state = State { active, ..State::empty("shop") };
    for (index, name) in instances.iter().enumerate() {
        let mut add = |segments: &[&str], record: Record| {
            let address = [&[*name], segments].concat();
            state.resources.insert(Address::of(&address), record);
        };
        let outputs =
            json!({ "ipv4": format!("192.0.2.{}", index + 1), "ipv6": format!("2001:db8::{}", index + 1) });
        add(&["machine", "node-1"], record("machine", json!({}), outputs));
        add(&["k3s-server", "node-1"], record("k3s-server", json!({}), json!({})));
        add(&["kubeconfig", "admin"], record("kubeconfig", json!({}), json!({})));
        for (workload, singleton) in [("worker", true), ("api", false)] {
            let live = object("Deployment", workload, singleton, json!({}));
            let attributes = json!({ "object": live, "singleton": singleton });
            add(&["kube", "shop", "Deployment", workload], record("kube-object", attributes, json!({})));
        }
    }
    state
}

fn active(name: &str) -> Active {
    Active::Instance { name: name.to_owned(), epoch: 1 }
}

fn context() -> CallContext {
    CallContext {
        operation_id: "test".to_owned(),
        owner: String::new(),
        address: Address::of(&["north", "kubeconfig", "admin"]),
        deadline: Duration::from_secs(5),
        cancel: Cancel::default(),
        progress: Progress::silent(),
        checkpoint: Arc::new(NoCheckpoint),
    }
}

/// A status of clusters as they answer.
async fn status(state: &State, clusters: &[(&str, Scripted)]) -> Status {
    let mut instances = BTreeMap::new();
    for (name, cluster) in clusters {
        let mut found = observe::recorded(state, name, 1);
        let answer = observe::ask(cluster, &context(), state, name, &mut found).await;
        found.unreachable = answer.err();
        instances.insert((*name).to_owned(), found);
    }
    Status { active: state.active.clone(), instances, ..Status::default() }
}

/// What is wrong, each by its word and what it is about.
async fn wrong(state: &State, clusters: &[(&str, Scripted)]) -> Vec<String> {
    words(&alarms::of(&status(state, clusters).await))
}

fn words(found: &[Alarm]) -> Vec<String> {
    let word = |alarm: &Alarm| {
        let all = serde_json::to_value(alarm).unwrap();
        let about = ["instance", "node", "singleton", "workload", "name", "instances", "run"];
        let about =
            about.iter().filter_map(|key| all.get(key)).map(|value| value.to_string().replace('"', ""));
        format!("{} {}", all["alarm"].as_str().unwrap(), about.collect::<Vec<_>>().join(" "))
    };
    found.iter().map(word).collect()
}

#[tokio::test]
async fn a_standby_at_rest_and_an_instance_that_was_never_built_are_no_alarm() {
    let two = state(active("north"), &["north", "south"]);
    let mut seen = status(&two, &[("north", cluster(1, 1)), ("south", cluster(0, 0))]).await;
    seen.instances.insert("west".to_owned(), observe::recorded(&two, "west", 3));
    assert_eq!(alarms::of(&seen), []);
}

#[tokio::test]
async fn singletons_are_counted_by_asking_the_clusters() {
    let two = state(active("north"), &["north", "south"]);
    let both = wrong(&two, &[("north", cluster(1, 1)), ("south", cluster(1, 1))]).await;
    assert_eq!(both, ["singleton-twice Deployment/worker [north,south]"]);
    // 0 are wanted, and one is still there.
    let ending = wrong(&two, &[("north", cluster(1, 1)), ("south", cluster(0, 1))]).await;
    assert_eq!(ending, ["singleton-twice Deployment/worker [north,south]"]);
    let elsewhere = wrong(&two, &[("north", cluster(0, 0)), ("south", cluster(1, 0))]).await;
    assert_eq!(
        elsewhere,
        ["singleton-down north Deployment/worker", "singleton-elsewhere south Deployment/worker"]
    );
    let nobody = state(Active::Nobody, &["north"]);
    assert_eq!(
        wrong(&nobody, &[("north", cluster(1, 1))]).await,
        ["singleton-elsewhere north Deployment/worker"]
    );
    // The source of a cutover runs it until it is stopped there; the target must not.
    let moving = Active::Moving { from: "north".into(), to: "south".into(), epoch: 2 };
    let mut seen = status(
        &state(moving.clone(), &["north", "south"]),
        &[("north", cluster(1, 1)), ("south", cluster(0, 0))],
    )
    .await;
    seen.unfinished = Some(Unfinished { run: "cutover-1".into(), command: None, at_work: true });
    assert_eq!(alarms::of(&seen), []);
    let early =
        wrong(&state(moving, &["north", "south"]), &[("north", cluster(0, 0)), ("south", cluster(1, 0))])
            .await;
    assert_eq!(early, ["cutover-without-run ", "singleton-elsewhere south Deployment/worker"]);
}

#[tokio::test]
async fn a_singleton_that_is_not_ready_on_the_active_instance_is_one_alarm() {
    let one = state(active("north"), &["north"]);
    let mut crashing = cluster(1, 0);
    let why = Readiness::Failed { message: "CrashLoopBackOff".to_owned() };
    crashing.readiness.insert("worker".to_owned(), why);
    crashing.pods.insert("worker".to_owned(), vec![json!({ "status": { "phase": "Running" } })]);
    assert_eq!(wrong(&one, &[("north", crashing)]).await, ["singleton-down north Deployment/worker"]);
    let mut failed = cluster(1, 1);
    failed.readiness.insert("api".to_owned(), Readiness::Failed { message: "no image".to_owned() });
    assert_eq!(wrong(&one, &[("north", failed)]).await, ["workload-failed north Deployment/api"]);
    let mut waiting = cluster(1, 1);
    waiting.readiness.insert("api".to_owned(), Readiness::Progressing { message: "1 of 2".to_owned() });
    assert_eq!(wrong(&one, &[("north", waiting)]).await, [""; 0]);
    let mut gone = cluster(1, 1);
    gone.objects.remove(0);
    gone.pods.clear();
    assert_eq!(wrong(&one, &[("north", gone)]).await, ["singleton-down north Deployment/worker"]);
}

#[tokio::test]
async fn every_kind_that_carries_the_mark_counts_recorded_or_not() {
    let two = state(active("north"), &["north", "south"]);
    for (kind, running, at_rest) in [
        ("StatefulSet", json!({ "replicas": 1 }), json!({ "replicas": 0 })),
        // What it does not say is 1.
        ("Deployment", json!({}), json!({ "replicas": 0 })),
        ("CronJob", json!({}), json!({ "suspend": true })),
    ] {
        let with = |spec: &Value| {
            let mut cluster = cluster(0, 0);
            cluster.objects.push(object(kind, "more", true, spec.clone()));
            cluster
        };
        let mut north = with(&running);
        north.objects[0]["spec"]["replicas"] = json!(1);
        north.pods.insert("worker".to_owned(), vec![ready_pod()]);
        north.pods.insert("more".to_owned(), vec![ready_pod()]);
        let quiet = wrong(&two, &[("north", north.clone()), ("south", with(&at_rest))]).await;
        assert_eq!(quiet, [""; 0], "{kind}");
        let twice = wrong(&two, &[("north", north), ("south", with(&running))]).await;
        assert_eq!(twice, [format!("singleton-twice {kind}/more [north,south]")]);
    }
    // A mark on the pods alone, and a Job of a suspended CronJob that still works.
    let mut south = cluster(0, 0);
    let mut cron = object("CronJob", "nightly", false, json!({ "suspend": true }));
    cron["spec"]["jobTemplate"] = json!({ "metadata": { "annotations": { "honey.dev/singleton": "true" } } });
    let mut job = object("Job", "nightly-1", true, json!({}));
    job["metadata"]["ownerReferences"] = json!([{ "kind": "CronJob", "name": "nightly" }]);
    job["status"] = json!({ "active": 1 });
    south.objects.extend([cron, job]);
    let late = wrong(&two, &[("north", cluster(1, 1)), ("south", south)]).await;
    assert_eq!(late, ["singleton-elsewhere south CronJob/nightly"]);
    // A pod whose workload was taken away from over it; one that has ended, and one of a workload, are none.
    let mut south = cluster(0, 0);
    for (name, phase, owners) in [
        ("left-behind", "Running", json!([])),
        ("ended", "Succeeded", json!([])),
        ("worker-1", "Running", json!([{ "kind": "ReplicaSet", "name": "worker-abc" }])),
    ] {
        let mut pod = object("Pod", name, true, json!({}));
        pod["apiVersion"] = json!("v1");
        pod["metadata"]["ownerReferences"] = owners;
        pod["status"] = json!({ "phase": phase });
        south.objects.push(pod);
    }
    let orphan = wrong(&two, &[("north", cluster(1, 1)), ("south", south)]).await;
    assert_eq!(orphan, ["singleton-elsewhere south Pod/left-behind"]);
}

#[tokio::test]
async fn nodes_are_cordoned_not_ready_or_missing() {
    let one = state(active("north"), &["north"]);
    let mut cordoned = cluster(1, 1);
    cordoned.nodes[0].unschedulable = true;
    assert_eq!(wrong(&one, &[("north", cordoned)]).await, ["node-cordoned north node-1"]);
    let mut down = cluster(1, 1);
    down.nodes[0].ready = false;
    assert_eq!(wrong(&one, &[("north", down)]).await, ["node-not-ready north node-1"]);
    let mut gone = cluster(1, 1);
    gone.nodes.clear();
    assert_eq!(wrong(&one, &[("north", gone)]).await, ["nodes-missing north"]);
    assert_eq!(observe::recorded(&one, "north", 3).servers, 3, "what is configured counts too");
    let mut half = state(active("north"), &["north"]);
    half.resources.retain(|_, record| record.kind == "machine");
    let seen = InstanceStatus { ..observe::recorded(&half, "north", 1) };
    let seen = Status { instances: BTreeMap::from([("north".to_owned(), seen)]), ..Status::default() };
    assert_eq!(words(&alarms::of(&seen)), ["half-built north"]);
}

#[tokio::test(start_paused = true)]
async fn an_api_that_does_not_answer_ends_the_wait_and_hides_no_other() {
    let two = state(active("north"), &["north", "south"]);
    let silent = Scripted { silent: true, ..Scripted::default() };
    let found = wrong(&two, &[("north", silent), ("south", cluster(1, 1))]).await;
    assert_eq!(found, ["cluster-unreachable north", "singleton-elsewhere south Deployment/worker"]);
}

#[test]
fn names_have_to_lead_to_the_active_instance() {
    let two = state(active("north"), &["north", "south"]);
    let instances = ["north", "south"].map(|name| {
        let found = InstanceStatus { joined: false, ..observe::recorded(&two, name, 1) };
        (name.to_owned(), InstanceStatus { machines: found.machines, ..InstanceStatus::default() })
    });
    let seen = |active: Active, record_type: &str, values: &[&str], recorded: bool| {
        let record = RecordLine {
            name: "api.example.com".to_owned(),
            record_type: record_type.to_owned(),
            values: values.iter().map(ToString::to_string).collect(),
            recorded,
        };
        let mut status = Status {
            active,
            instances: BTreeMap::from(instances.clone()),
            names: Names { records: vec![record], unknown: None },
            ..Status::default()
        };
        // Only the names are looked at here.
        status.instances.values_mut().for_each(|found| found.joined = true);
        status.instances.values_mut().for_each(|found| found.servers = 0);
        alarms::of(&status)
    };
    assert_eq!(seen(active("north"), "A", &["192.0.2.1"], true), []);
    assert_eq!(
        seen(active("north"), "AAAA", &["2001:0db8:0::1"], true),
        [],
        "one address, written otherwise"
    );
    let leads_to = |found: &[Alarm]| match found {
        [Alarm::NameElsewhere { leads_to, values, .. }] => (leads_to.clone(), values.clone()),
        other => panic!("{other:?}"),
    };
    let moved = seen(active("north"), "A", &["192.0.2.1", "192.0.2.2"], true);
    assert_eq!(leads_to(&moved), (Some("south".to_owned()), vec!["192.0.2.2".to_owned()]));
    let stray = seen(active("north"), "AAAA", &["2001:db8::77"], false);
    assert_eq!(leads_to(&stray), (None, vec!["2001:db8::77".to_owned()]));
    assert_eq!(words(&seen(active("north"), "A", &[], true)), ["name-gone api.example.com"]);
    let moving = Active::Moving { from: "north".into(), to: "south".into(), epoch: 2 };
    assert_eq!(words(&seen(moving, "A", &["192.0.2.2"], true)), ["cutover-without-run "]);
}

#[test]
fn an_unfinished_run_is_an_alarm_unless_somebody_is_at_work_on_it() {
    let seen = |at_work: bool| Status {
        unfinished: Some(Unfinished {
            run: "apply-000001".to_owned(),
            command: (!at_work).then(|| "honey apply --resume".to_owned()),
            at_work,
        }),
        ..Status::default()
    };
    assert_eq!(alarms::of(&seen(true)), []);
    assert_eq!(words(&alarms::of(&seen(false))), ["run-unfinished apply-000001"]);
    let blind = Names { unknown: Some(never()), ..Names::default() };
    assert_eq!(words(&alarms::of(&Status { names: blind, ..Status::default() })), ["names-unknown "]);
}
