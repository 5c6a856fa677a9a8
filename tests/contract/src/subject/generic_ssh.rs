//! Machines without a vendor: looked at by ssh.

use serde_json::{Value, json};

use super::{Subject, never, no_failure, no_task, plain};
use crate::scenario::{Act, Expect, Scenario, Secrets, Step, few, few_but};

/// See the module.
pub(super) const SUBJECT: Subject = Subject {
    plugin: "generic-ssh",
    vendor: "",
    folders: &["generic-ssh"],
    base: "",
    base_in_endpoint: false,
    settings: &[],
    secrets: &[],
    lab: plain,
    scenarios,
    refusal: |_| None,
    failure: no_failure,
    task: no_task,
    only_reads: never,
    absorbs: |_, _, _, _| false,
    locked: (423, ""),
    limited: (&[], ""),
    arrives: &[],
};

fn scenarios() -> Vec<Scenario> {
    let at = ("machine", "box");
    let wanted = json!({"name": "box", "address": "203.0.113.7", "port": 22, "user": "root"});
    let renamed = json!({"name": "box", "address": "203.0.113.7", "port": 22, "user": "debian"});
    let moved = json!({"name": "box", "address": "203.0.113.8", "port": 22, "user": "root"});
    let step = |name, act, desired: &Value, expect| Step::new(name, act, at, desired.clone(), expect);
    vec![Scenario {
        secrets: Secrets::All,
        name: "box",
        steps: vec![
            step("look for", Act::Find, &wanted, Expect::Found),
            step("create", Act::Create, &wanted, Expect::Settled),
            step("found again", Act::Create, &wanted, Expect::Same),
            step("adopt", Act::Adopt, &wanted, Expect::Same),
            step("read", Act::Read, &wanted, Expect::Settled),
            step("update", Act::Update, &renamed, Expect::Same),
            step("another address", Act::Replace, &moved, Expect::New),
            step("delete", Act::Delete, &Value::Null, Expect::Nothing),
            step("delete what is gone", Act::Delete, &Value::Null, Expect::Nothing),
        ],
        fewest: vec![
            few("look for", 1, "one look"),
            few("create", 2, "a look before, and one that tells what is there"),
            few_but(
                "found again",
                1,
                1,
                "a look before, and one that tells what is there; the first would do, a change looks again directly before",
            ),
            few("adopt", 1, "one look"),
            few("read", 1, "one look"),
            few("update", 1, "one look"),
            few("another address", 2, "a look before, and one that tells what is there"),
        ],
    }]
}
