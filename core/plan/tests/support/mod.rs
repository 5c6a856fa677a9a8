//! A little world in memory: what plans are made from and applied to in tests.
#![allow(dead_code, reason = "each test uses its part")]

use std::collections::BTreeMap;

use honey_model::{
    Address, Desired, Found, KindSchema, Lifecycle, Observation, Observed, Ownership, Record, Resource,
    State, value,
};
use honey_plan::{Action, Input, Options, Plan, Purpose, lint::lint};
use serde_json::{Value, json};

pub(crate) fn address(text: &str) -> Address {
    Address::new(text).unwrap()
}

pub(crate) fn schema() -> KindSchema {
    serde_json::from_value(json!({
        "kind": "thing",
        "version": 3,
        "fields": {
            "region": { "immutable": "a thing cannot move" },
            "image": { "create-only": true },
            "values": { "unordered": true },
            "token": { "sensitive": true },
            "size": { "vendor-default": true },
            "whole": { "complete": true },
        },
    }))
    .unwrap()
}

pub(crate) fn data_schema() -> KindSchema {
    KindSchema { kind: "data".to_owned(), version: 1, holds_data: true, ..KindSchema::default() }
}

pub(crate) fn resource(text: &str, desired: Value) -> Resource {
    Resource {
        address: address(text),
        kind: "thing".to_owned(),
        driver: "test".to_owned(),
        desired,
        after: Vec::new(),
        lifecycle: Lifecycle::default(),
        origin: format!("things.{text}"),
    }
}

pub(crate) fn desired(resources: impl IntoIterator<Item = Resource>) -> Desired {
    let mut desired = Desired { scopes: vec!["w".to_owned()], ..Desired::default() };
    for resource in resources {
        desired.add(resource).unwrap();
    }
    desired
}

/// Objects by address, as a vendor keeps them.
#[derive(Clone, Debug, Default)]
pub(crate) struct World {
    pub(crate) objects: BTreeMap<Address, Found>,
    pub(crate) made: u32,
}

impl World {
    pub(crate) fn observe(&self, desired: &Desired, state: &State) -> Observed {
        let mut observed = Observed::default();
        for address in desired.resources.keys().chain(state.resources.keys()) {
            let seen = self.objects.get(address).cloned().map(Box::new);
            observed.resources.insert(address.clone(), seen.map_or(Observation::Absent, Observation::Found));
        }
        observed
    }

    /// Does what the plan says, in its order.
    pub(crate) fn apply(&mut self, plan: &Plan, state: &mut State) {
        for operation in &plan.operations {
            match operation.action {
                Action::Forget => drop(state.resources.remove(&operation.address)),
                Action::Delete => {
                    self.objects.remove(&operation.address).expect("deletes what exists");
                    state.resources.remove(&operation.address);
                }
                Action::Create | Action::Replace | Action::Update | Action::Adopt => {
                    let outputs = |other: &Address| self.objects.get(other).map(|found| &found.outputs);
                    let resolved = value::resolve(operation.desired.as_ref().unwrap(), &outputs);
                    assert!(resolved.is_complete(), "{} starts before what it needs", operation.address);
                    let fresh = matches!(operation.action, Action::Create | Action::Replace);
                    if fresh {
                        self.made += 1;
                    }
                    let id = if fresh {
                        format!("id-{}", self.made)
                    } else {
                        self.objects[&operation.address].id.clone()
                    };
                    let mut outputs = resolved.value.clone();
                    outputs["id"] = json!(id);
                    let found =
                        Found::new(id.clone(), resolved.value.clone(), outputs.clone(), Ownership::Ours);
                    self.objects.insert(operation.address.clone(), found);
                    let record = Record {
                        kind: operation.kind.clone(),
                        driver: operation.driver.clone(),
                        id,
                        schema_version: operation.schema_version,
                        attributes: resolved.value,
                        outputs,
                        dependencies: operation.dependencies.clone(),
                        protect: operation.protect,
                        keep: operation.keep,
                    };
                    state.resources.insert(operation.address.clone(), record);
                }
            }
        }
        state.serial += 1;
    }
}

pub(crate) fn options(purpose: Purpose) -> Options {
    Options {
        instance: "w".to_owned(),
        purpose,
        allow_destroy: Vec::new(),
        replace: Vec::new(),
        honey_version: "0.1.0".to_owned(),
    }
}

pub(crate) fn plan_with(
    desired: &Desired,
    observed: &Observed,
    state: &State,
    options: Options,
) -> Result<Plan, Vec<honey_model::Diagnostic>> {
    let (thing, data) = (schema(), data_schema());
    let find = |driver: &str, kind: &str| match (driver, kind) {
        ("test", "thing") => Some(&thing),
        ("test", "data") => Some(&data),
        _ => None,
    };
    let plan = honey_plan::plan(&Input { desired, observed, state, schemas: &find, options });
    if let Ok(plan) = &plan {
        assert_eq!(lint(plan), []);
    }
    plan
}

pub(crate) fn plan(
    desired: &Desired,
    world: &World,
    state: &State,
) -> Result<Plan, Vec<honey_model::Diagnostic>> {
    plan_with(desired, &world.observe(desired, state), state, options(Purpose::Apply))
}

pub(crate) fn actions(plan: &Plan) -> Vec<String> {
    plan.operations.iter().map(|op| format!("{} {}", honey_plan::why::verb(op.action), op.address)).collect()
}
