//! Jobs that change data which all instances share, like migrations: they
//! belong to the active instance, and what one instance has done another does
//! not do again. Pure.

use std::collections::{BTreeMap, BTreeSet};

use honey_catalogue::RenderedObject;
use honey_model::{Active, Address, Diagnostic, ImageReference, Record, Severity, State, text::visible};
use honey_plan::Plan;
use serde_json::{Value, json};

use crate::image::place::places;

/// Marks an object that exists on the active instance only.
const MARK: &str = "honey.dev/active-only";

/// Group, kind, namespace (empty for none) and name.
pub(crate) type Identity = (String, String, String, String);

/// What an object is, whatever version of its API it is written in.
pub(crate) fn identity(object: &Value) -> Identity {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let version = text("/apiVersion");
    let group = version.rsplit_once('/').map_or("", |(group, _)| group).to_owned();
    (group, text("/kind"), text("/metadata/namespace"), text("/metadata/name"))
}

/// What an instance gets of them.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Sorted {
    /// Recorded, not wanted here, and left alone: they say what was done.
    pub(crate) kept: BTreeSet<Address>,
    /// Worth knowing.
    pub(crate) notes: Vec<Diagnostic>,
}

/// Takes out of `objects` what is not for this instance to run.
pub(crate) fn sort(
    objects: &mut Vec<RenderedObject>,
    instance: &str,
    active: &Active,
    state: &State,
) -> Sorted {
    let mut sorted = Sorted::default();
    let recorded: BTreeMap<Identity, (&Address, &Value)> = recorded(state)
        .filter(|(address, _)| address.scope() == instance)
        .map(|(address, object)| (identity(object), (address, object)))
        .collect();
    let leads = active.may_run_singletons(instance);
    let others =
        state.resources.iter().any(|(address, record)| is_object(record) && address.scope() != instance);
    objects.retain(|entry| {
        if !is_marked(&entry.object) {
            return true;
        }
        let own = recorded.get(&identity(&entry.object));
        let job = is_job(&entry.object);
        if leads && own.is_some_and(|(_, object)| same_work(object, &entry.object)) {
            return true;
        }
        if leads && !(job && done_elsewhere(state, instance, &entry.object)) {
            if others && job {
                sorted.notes.push(will_run(instance, &entry.object));
            }
            return true;
        }
        if job {
            sorted.kept.extend(own.map(|(address, _)| (*address).clone()));
        }
        false
    });
    sorted
}

/// What a plan removes that the instances which stay must not do again. None
/// where no instance stays: then the shared data may go with it.
pub(crate) fn done_by_removed(state: &State, plan: &Plan) -> Option<BTreeMap<Address, Value>> {
    let stays =
        state.resources.iter().any(|(address, record)| is_object(record) && address.scope() != plan.instance);
    let removed: BTreeSet<&Address> = plan.operations.iter().map(|operation| &operation.address).collect();
    stays.then(|| {
        let gone = recorded(state).filter(|(address, object)| {
            removed.contains(address) && is_marked(object) && is_job(object) && is_exact(object)
        });
        gone.map(|(address, object)| (address.clone(), object.clone())).collect()
    })
}

fn will_run(instance: &str, object: &Value) -> Diagnostic {
    let name = visible(object["metadata"]["name"].as_str().unwrap_or("?"), 100);
    let text = format!(
        "Job/{name} runs on `{instance}`, the active instance: no instance is recorded to have completed it with this image and command"
    );
    Diagnostic::new(Severity::Note, "HNY0686", text).at("stack")
}

fn is_object(record: &Record) -> bool {
    record.kind == "kube-object"
}

fn recorded(state: &State) -> impl Iterator<Item = (&Address, &Value)> {
    let objects = state.resources.iter().filter(|(_, record)| is_object(record));
    objects.filter_map(|(address, record)| Some((address, record.attributes.get("object")?)))
}

fn is_marked(object: &Value) -> bool {
    let mark = &object["metadata"]["annotations"][MARK];
    mark == "true" || *mark == json!(true)
}

fn is_job(object: &Value) -> bool {
    object["kind"] == "Job"
        && object["apiVersion"].as_str().is_some_and(|version| version.starts_with("batch/"))
}

/// A record is written when the Job is complete, not before.
fn done_elsewhere(state: &State, instance: &str, object: &Value) -> bool {
    let wanted = identity(object);
    let others = recorded(state).filter(|(address, _)| address.scope() != instance).map(|(_, done)| done);
    let mut all = others.chain(state.completed.values());
    all.any(|done| identity(done) == wanted && is_exact(done) && same_work(done, object))
}

/// Whether every image is by digest: what a tag named then, nobody knows.
fn is_exact(object: &Value) -> bool {
    places(object)
        .iter()
        .all(|place| ImageReference::parse(&place.text).is_ok_and(|reference| reference.digest().is_some()))
}

/// The same images with the same commands.
fn same_work(one: &Value, other: &Value) -> bool {
    let work = |object: &Value| -> Vec<Value> {
        let pod = &object["spec"]["template"]["spec"];
        let lists = ["initContainers", "containers"].iter().flat_map(|list| pod[*list].as_array());
        let fields = |container: &Value| {
            json!([container["name"], container["image"], container["command"], container["args"]])
        };
        lists.flatten().map(fields).collect()
    };
    work(one) == work(other)
}

#[cfg(test)]
mod tests {
    use super::{Sorted, done_by_removed, sort};
    use honey_catalogue::RenderedObject;
    use honey_model::{Active, Address, Digest, Record, State};
    use honey_plan::{Action, Operation, Plan, Purpose};
    use serde_json::{Value, json};

    fn job(image: &str) -> Value {
        json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "migrate", "namespace": "n", "annotations": {"honey.dev/active-only": "true"}},
            "spec": {"template": {"spec": {"containers": [{"name": "m", "image": image, "command": ["up"]}]}}}})
    }

    fn digest(letter: &str) -> String {
        format!("r.io/api@sha256:{}", letter.repeat(64))
    }

    fn rendered(object: Value) -> Vec<RenderedObject> {
        vec![RenderedObject {
            phase: "p".into(),
            phase_order: 0,
            order: 0,
            gate: false,
            file: "f".into(),
            line: None,
            object,
        }]
    }

    fn record(object: Value) -> Record {
        Record {
            kind: "kube-object".into(),
            driver: "honey".into(),
            id: "x".into(),
            schema_version: 1,
            attributes: json!({"object": object}),
            outputs: json!({}),
            dependencies: Vec::new(),
            protect: false,
            keep: false,
        }
    }

    fn at(scope: &str) -> Address {
        Address::of(&[scope, "kube", "n", "Job", "migrate"])
    }

    fn state(records: &[(&str, Value)]) -> State {
        let mut state = State::empty("l");
        for (scope, object) in records {
            state.resources.insert(at(scope), record(object.clone()));
        }
        state
    }

    fn active(name: &str) -> Active {
        Active::Instance { name: name.into(), epoch: 1 }
    }

    /// Whether it is wanted, and what was found.
    fn sorted(object: Value, instance: &str, who: &Active, state: &State) -> (bool, Sorted) {
        let mut objects = rendered(object);
        let sorted = sort(&mut objects, instance, who, state);
        (!objects.is_empty(), sorted)
    }

    #[test]
    fn it_belongs_to_the_active_instance() {
        let nothing = state(&[]);
        assert_eq!(sorted(job(&digest("a")), "a", &active("a"), &nothing), (true, Sorted::default()));
        assert_eq!(sorted(job(&digest("a")), "b", &active("a"), &nothing), (false, Sorted::default()));
        assert_eq!(sorted(job(&digest("a")), "b", &Active::Nobody, &nothing).0, false);
        let moving = Active::Moving { from: "a".into(), to: "b".into(), epoch: 2 };
        assert!(["a", "b"].iter().all(|one| !sorted(job(&digest("a")), one, &moving, &nothing).0));
        let mut plain = job(&digest("a"));
        plain["metadata"]["annotations"] = json!({});
        assert!(sorted(plain, "b", &active("a"), &nothing).0, "what is not marked runs everywhere");
    }

    #[test]
    fn what_a_standby_did_in_its_active_days_stays_recorded() {
        let (wanted, found) =
            sorted(job(&digest("a")), "a", &active("b"), &state(&[("a", job(&digest("a")))]));
        assert!(!wanted);
        assert_eq!(found.kept, [at("a")].into());
    }

    #[test]
    fn the_new_active_instance_does_not_do_it_again() {
        let done = state(&[("a", job(&digest("a")))]);
        assert_eq!(sorted(job(&digest("a")), "b", &active("b"), &done), (false, Sorted::default()));
        let (wanted, found) = sorted(job(&digest("b")), "b", &active("b"), &done);
        assert!(wanted, "another image");
        assert_eq!(found.notes.len(), 1);
        let mut command = job(&digest("a"));
        command["spec"]["template"]["spec"]["containers"][0]["command"] = json!(["down"]);
        assert!(sorted(command, "b", &active("b"), &done).0, "another command");
        let tag = state(&[("a", job("r.io/api:1"))]);
        assert!(sorted(job("r.io/api:1"), "b", &active("b"), &tag).0, "a tag may have moved");
        let both = state(&[("a", job(&digest("b"))), ("b", job(&digest("a")))]);
        let (wanted, found) = sorted(job(&digest("b")), "b", &active("b"), &both);
        assert!(!wanted && found.kept == [at("b")].into(), "the other one was ahead: {found:?}");
        let own = state(&[("a", job(&digest("a"))), ("b", job(&digest("a")))]);
        assert!(sorted(job(&digest("a")), "b", &active("b"), &own).0, "its own stays wanted");
    }

    #[test]
    fn an_active_only_schedule_leaves_with_the_role() {
        let mut schedule = job(&digest("a"));
        schedule["kind"] = json!("CronJob");
        let done = state(&[("a", schedule.clone())]);
        let (wanted, found) = sorted(schedule.clone(), "a", &active("b"), &done);
        assert!(!wanted && found.kept.is_empty(), "recorded and not wanted: it is removed");
        assert!(sorted(schedule, "b", &active("b"), &done).0);
    }

    fn removal(instance: &str) -> Plan {
        let operation = Operation {
            address: at(instance),
            kind: "kube-object".into(),
            driver: "honey".into(),
            action: Action::Forget,
            id: None,
            prior: None,
            desired: None,
            schema_version: 1,
            changes: Vec::new(),
            reasons: Vec::new(),
            after: Vec::new(),
            dependencies: Vec::new(),
            wave: 0,
            protect: false,
            keep: false,
        };
        Plan {
            version: 1,
            honey: "0".into(),
            purpose: Purpose::Destroy,
            instance: instance.into(),
            configuration: Digest::of_bytes(b""),
            lineage: "l".into(),
            serial: 0,
            active: Active::Nobody,
            operations: vec![operation],
            unchanged: Vec::new(),
            world: std::collections::BTreeMap::new(),
            diagnostics: Vec::new(),
            ahead_of_active: false,
        }
    }

    #[test]
    fn what_a_removed_instance_did_is_remembered_while_another_stays() {
        let mut done = state(&[("a", job(&digest("a")))]);
        assert_eq!(done_by_removed(&done, &removal("a")), None, "nobody stays");
        let mut other = job(&digest("a"));
        other["kind"] = json!("ConfigMap");
        done.resources.insert(Address::of(&["b", "kube", "n", "ConfigMap", "c"]), record(other));
        let completed = done_by_removed(&done, &removal("a")).unwrap();
        assert_eq!(completed.keys().collect::<Vec<_>>(), [&at("a")]);
        done.resources.remove(&at("a"));
        done.completed = completed;
        assert!(!sorted(job(&digest("a")), "b", &active("b"), &done).0);
        assert!(sorted(job(&digest("b")), "b", &active("b"), &done).0);
    }
}
