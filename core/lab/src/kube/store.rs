//! The objects of one simulated cluster, their versions and the log that watches read.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::{
    controllers::Runtime,
    defaults,
    faults::Faults,
    immutable,
    observer::Observer,
    ownership::{self, Writer},
    resource::{self, ResourceType},
    status::Refusal,
    validation, write,
};

/// How many changes a watch can go back.
const LOG_LENGTH: usize = 20_000;

/// Where an object stands. All versions of a group share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) group: String,
    pub(super) plural: String,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    /// In a group, by plural name; an empty namespace for cluster-scoped kinds.
    pub(super) fn new(group: &str, plural: &str, namespace: &str, name: &str) -> Self {
        Self { group: group.into(), plural: plural.into(), namespace: namespace.into(), name: name.into() }
    }
}

/// What happened to an object.
#[derive(Clone)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) key: Key,
    pub(super) before: Option<Value>,
    pub(super) after: Option<Value>,
    /// The last state of a deleted object, under the version of its deletion.
    pub(super) last: Option<Value>,
}

/// How a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeState {
    /// Works.
    Up,
    /// Without power: nothing runs there.
    Off,
    /// Runs its containers but cannot be reached.
    Partitioned,
}

/// One simulated cluster.
pub(super) struct State {
    pub(super) name: String,
    pub(super) kubernetes: String,
    seed: u64,
    version: u64,
    ids: u64,
    addresses: u32,
    pub(super) objects: BTreeMap<Key, Value>,
    pub(super) log: VecDeque<Change>,
    pub(super) types: Vec<ResourceType>,
    pub(super) faults: Faults,
    pub(super) observer: Observer,
    pub(super) nodes: BTreeMap<String, NodeState>,
    /// Whether enough etcd members run.
    pub(super) quorum: bool,
    /// Whether controllers and scheduler run.
    pub(super) controllers: bool,
    pub(super) pods: BTreeMap<String, Runtime>,
    /// When a controller first saw something, by its own key (simulated seconds).
    pub(super) timers: BTreeMap<String, f64>,
    started: Instant,
    pace: f64,
    changed: watch::Sender<u64>,
}

impl State {
    /// An empty cluster.
    pub(super) fn new(name: &str, kubernetes: &str, seed: u64, pace: f64) -> Self {
        Self {
            name: name.to_owned(),
            kubernetes: kubernetes.to_owned(),
            seed,
            version: 1,
            ids: 0,
            addresses: 0,
            objects: BTreeMap::new(),
            log: VecDeque::new(),
            types: resource::built_in(),
            faults: Faults::default(),
            observer: Observer::default(),
            nodes: BTreeMap::new(),
            quorum: true,
            controllers: true,
            pods: BTreeMap::new(),
            timers: BTreeMap::new(),
            started: Instant::now(),
            pace,
            changed: watch::channel(1).0,
        }
    }

    /// Simulated seconds since the cluster was made.
    pub(super) fn now(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * self.pace
    }

    /// The newest version.
    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Learns of new versions.
    pub(super) fn subscribe(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Wakes watches without a change.
    pub(super) fn wake(&self) {
        self.changed.send_modify(|_| {});
    }

    /// A random-looking text that the seed and the order of calls decide.
    pub(super) fn random(&mut self, length: usize) -> String {
        self.ids += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.name.as_bytes());
        hash.update(self.ids.to_be_bytes());
        hash.finalize().iter().cycle().take(length).map(|byte| letter(*byte)).collect()
    }

    /// A UID.
    pub(super) fn uid(&mut self) -> String {
        self.ids += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.name.as_bytes());
        hash.update(b"uid");
        hash.update(self.ids.to_be_bytes());
        let text = hex::encode(&hash.finalize()[..16]);
        format!("{}-{}-4{}-a{}-{}", &text[..8], &text[8..12], &text[13..16], &text[17..20], &text[20..32])
    }

    /// A free cluster address.
    pub(super) fn cluster_address(&mut self) -> String {
        self.addresses += 1;
        let number = self.addresses + 9;
        format!("10.43.{}.{}", number / 250, number % 250 + 1)
    }

    /// The kind behind a path.
    pub(super) fn find_type(&self, group: &str, version: &str, plural: &str) -> Option<&ResourceType> {
        self.types.iter().find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
    }

    /// All objects of a plural, in a namespace or everywhere.
    pub(super) fn list<'a>(
        &'a self,
        group: &'a str,
        plural: &'a str,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a Key, &'a Value)> {
        self.objects.iter().filter(move |(key, _)| {
            key.group == group
                && key.plural == plural
                && namespace.is_none_or(|wanted| key.namespace == wanted)
        })
    }

    /// Copies of all objects of a plural.
    pub(super) fn all(&self, group: &str, plural: &str) -> Vec<(Key, Value)> {
        self.list(group, plural, None).map(|(key, object)| (key.clone(), object.clone())).collect()
    }

    /// One object.
    pub(super) fn get(&self, group: &str, plural: &str, namespace: &str, name: &str) -> Option<&Value> {
        self.objects.get(&Key::new(group, plural, namespace, name))
    }

    /// Fills in, checks and stores what a client wrote. Nothing is stored on a
    /// dry run, nor when nothing but bookkeeping changed.
    pub(super) fn commit(
        &mut self,
        kind: &ResourceType,
        key: &Key,
        mut object: Value,
        dry: bool,
    ) -> Result<Value, Refusal> {
        let before = self.objects.get(key).cloned();
        object["apiVersion"] = json!(kind.api_version());
        object["kind"] = json!(kind.kind);
        if let Some(before) = &before {
            for field in [
                "uid",
                "creationTimestamp",
                "generation",
                "resourceVersion",
                "deletionTimestamp",
                "deletionGracePeriodSeconds",
            ] {
                match before["metadata"].get(field) {
                    Some(value) => object["metadata"][field] = value.clone(),
                    None => {
                        if let Some(metadata) = object["metadata"].as_object_mut() {
                            metadata.remove(field);
                        }
                    }
                }
            }
        } else {
            self.admit(kind, key)?;
            object["metadata"]["uid"] = json!(self.uid());
            object["metadata"]["creationTimestamp"] = json!(now_text());
            if kind.namespaced {
                object["metadata"]["namespace"] = json!(key.namespace);
            }
        }
        if kind.built_in() {
            let mut address = || self.cluster_address();
            defaults::fill(&mut object, before.as_ref(), &mut address);
        }
        validation::check(kind, &object)?;
        if let Some(before) = &before {
            immutable::check(self, kind, before, &object)?;
        }
        match &before {
            Some(before) if same(before, &object) => return Ok(before.clone()),
            Some(before) if generated(kind, before) != generated(kind, &object) => {
                let generation = before["metadata"]["generation"].as_u64().unwrap_or(0);
                if generation > 0 {
                    object["metadata"]["generation"] = json!(generation + 1);
                }
            }
            None if object.get("spec").is_some() && has_generation(kind) => {
                object["metadata"]["generation"] = json!(1);
            }
            _ => {}
        }
        if dry {
            if before.is_none() {
                object["metadata"]["resourceVersion"] = json!("0");
            }
            return Ok(object);
        }
        Ok(self.put(key, object))
    }

    /// Whether an object may be made: its namespace exists and stays.
    fn admit(&self, kind: &ResourceType, key: &Key) -> Result<(), Refusal> {
        if !kind.namespaced {
            return Ok(());
        }
        let Some(namespace) = self.get("", "namespaces", "", &key.namespace) else {
            let message = format!("namespaces \"{}\" not found", key.namespace);
            let mut refusal = Refusal::new(404, "NotFound", message);
            refusal.body["details"] = json!({"name": key.namespace, "kind": "namespaces"});
            return Err(refusal);
        };
        if namespace["metadata"].get("deletionTimestamp").is_some() {
            let message = format!(
                "{} is forbidden: unable to create new content in namespace {} because it is being terminated",
                kind.named(&key.name),
                key.namespace
            );
            let mut refusal = Refusal::new(403, "Forbidden", message);
            refusal.body["details"] = json!({"name": key.name, "kind": kind.plural, "causes": [{"reason": "NamespaceTerminating", "message": format!("namespace {} is being terminated", key.namespace), "field": "metadata.namespace"}]});
            return Err(refusal);
        }
        Ok(())
    }

    /// Stores under a new version.
    pub(super) fn put(&mut self, key: &Key, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let before = self.objects.insert(key.clone(), object.clone());
        self.record(Change {
            version: self.version,
            key: key.clone(),
            before,
            after: Some(object.clone()),
            last: None,
        });
        if key.plural == "customresourcedefinitions" {
            self.learn();
        }
        object
    }

    /// Stores a changed copy when it differs.
    pub(super) fn change(&mut self, key: &Key, edit: impl FnOnce(&mut Value)) {
        let Some(before) = self.objects.get(key) else { return };
        let mut object = before.clone();
        edit(&mut object);
        if object != *before {
            self.put(key, object);
        }
    }

    /// Removes for good.
    pub(super) fn remove(&mut self, key: &Key) {
        let Some(before) = self.objects.remove(key) else { return };
        self.version += 1;
        let mut last = before.clone();
        last["metadata"]["resourceVersion"] = json!(self.version.to_string());
        self.record(Change {
            version: self.version,
            key: key.clone(),
            before: Some(before),
            after: None,
            last: Some(last),
        });
        if key.plural == "customresourcedefinitions" {
            self.learn();
        }
        if key.plural == "nodes" {
            self.node_removed(&key.name);
        }
    }

    /// A node that is gone takes the pods that were bound to it along.
    fn node_removed(&mut self, name: &str) {
        self.nodes.remove(name);
        super::controllers::power_off(self, name);
        let bound: Vec<Key> = self
            .list("", "pods", None)
            .filter(|(_, pod)| pod["spec"]["nodeName"] == json!(name))
            .map(|(key, _)| key.clone())
            .collect();
        for key in &bound {
            self.remove(key);
        }
    }

    fn record(&mut self, change: Change) {
        self.log.push_back(change);
        if self.log.len() > LOG_LENGTH {
            self.log.pop_front();
        }
        let version = self.version;
        self.changed.send_modify(|seen| *seen = version);
    }

    /// Serves the kinds that are defined now.
    fn learn(&mut self) {
        let mut types = resource::built_in();
        for (_, definition) in self.list("apiextensions.k8s.io", "customresourcedefinitions", None) {
            types.extend(resource::defined(definition));
        }
        self.types = types;
    }

    /// Makes an object as k3s and its controllers do, who own its fields then.
    pub(super) fn make(&mut self, object: Value) -> Option<Key> {
        let (api_version, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
        let kind =
            self.types.iter().find(|known| known.kind == kind && known.api_version() == api_version)?.clone();
        let namespace = if kind.namespaced { object["metadata"]["namespace"].as_str()? } else { "" };
        let key = Key::new(&kind.group, &kind.plural, namespace, object["metadata"]["name"].as_str()?);
        let mut object = object;
        if let Err(why) = write::read_as(&kind, &mut object) {
            tracing::warn!(%why, kind = kind.kind, name = key.name, "a controller of the lab made a wrong object");
            return None;
        }
        // Nobody applies an event.
        if kind.plural != "events" {
            let time = now_text();
            let writer =
                Writer { manager: "k3s", time: &time, subresource: None, schema: kind.schema.root() };
            ownership::book(self.objects.get(&key), &mut object, &writer);
        }
        self.commit(&kind, &key, object, false).ok()?;
        Some(key)
    }

    /// Records an event about an object; the same event again only counts up.
    pub(super) fn event(&mut self, about: &Value, severity: &str, reason: &str, message: &str) {
        let namespace = about["metadata"]["namespace"].as_str().unwrap_or("default").to_owned();
        let (uid, name) =
            (about["metadata"]["uid"].clone(), about["metadata"]["name"].as_str().unwrap_or_default());
        let known = self
            .list("", "events", Some(&namespace))
            .find(|(_, event)| {
                event["involvedObject"]["uid"] == uid
                    && event["reason"] == reason
                    && event["message"] == message
            })
            .map(|(key, _)| key.clone());
        if known.is_some() {
            return;
        }
        let name = format!("{name}.{}", self.random(16));
        let time = now_text();
        self.make(json!({
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": about["apiVersion"], "kind": about["kind"], "name": about["metadata"]["name"],
                "namespace": about["metadata"]["namespace"], "uid": uid,
            },
            "type": severity, "reason": reason, "message": message, "count": 1,
            "firstTimestamp": time, "lastTimestamp": time, "source": {"component": "lab"},
        }));
    }
}

/// Whether objects of a kind count the changes of their specification.
fn has_generation(kind: &ResourceType) -> bool {
    let without = [
        "HorizontalPodAutoscaler",
        "Lease",
        "LimitRange",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "ResourceQuota",
        "Service",
    ];
    !kind.built_in() || !without.contains(&kind.kind.as_str())
}

/// What a generation counts: everything but metadata and status; annotations too for a Deployment.
fn generated(kind: &ResourceType, object: &Value) -> Value {
    let mut counted = object.clone();
    if let Some(map) = counted.as_object_mut() {
        map.remove("status");
        map.remove("metadata");
        if kind.kind == "Deployment" && kind.built_in() {
            map.insert("annotations".to_owned(), object["metadata"]["annotations"].clone());
        }
    }
    counted
}

/// Equal but for the time in `managedFields`.
fn same(before: &Value, after: &Value) -> bool {
    let strip = |object: &Value| {
        let mut object = object.clone();
        for entry in object["metadata"]["managedFields"].as_array_mut().into_iter().flatten() {
            entry["time"] = Value::Null;
        }
        object
    };
    strip(before) == strip(after)
}

fn letter(byte: u8) -> char {
    const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    char::from(LETTERS[usize::from(byte) % LETTERS.len()])
}

/// Now, as the API writes times.
pub(super) fn now_text() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
