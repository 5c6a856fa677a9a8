//! What a plan does in each situation, and what it refuses.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use honey_model::{Address, Fault, FaultClass, Found, Observation, Ownership, State, value};
use honey_plan::{Action, Purpose, file, moved, stale};
use serde_json::{Value, json};
use support::{World, actions, address, desired, options, plan, plan_with, resource};

/// A world in which these were made.
fn made(resources: Vec<honey_model::Resource>) -> (World, State) {
    let (mut world, mut state) = (World::default(), State::empty("l"));
    let wanted = desired(resources);
    let first = plan(&wanted, &world, &state).unwrap();
    world.apply(&first, &mut state);
    (world, state)
}

fn codes(result: Result<honey_plan::Plan, Vec<honey_model::Diagnostic>>) -> Vec<String> {
    result.unwrap_err().into_iter().map(|diagnostic| diagnostic.code).collect()
}

/// The changes when `found` is there and `wanted` is wanted.
fn changes(found: Value, wanted: Value) -> Vec<honey_plan::FieldChange> {
    let (mut world, state) = made(vec![resource("w/a", found.clone())]);
    world.objects.get_mut(&address("w/a")).unwrap().attributes = found;
    let made = plan(&desired([resource("w/a", wanted)]), &world, &state).unwrap();
    made.operations.into_iter().flat_map(|operation| operation.changes).collect()
}

#[test]
fn only_what_the_configuration_names_is_compared() {
    let found = json!({"n": 1.0, "values": ["b", "a"], "image": "old", "deep": {"x": 1, "y": 2}, "size": "s", "more": 1});
    let same = json!({"n": 1, "values": ["a", "b"], "image": "new", "deep": {"y": 2}, "size": null});
    assert_eq!(changes(found.clone(), same), []);
    let other = changes(found, json!({"deep": {"y": 3, "z": 1}, "values": ["a", "c"]}));
    let paths: Vec<&str> = other.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["/deep/y", "/deep/z", "/values"]);
    assert_eq!(other[0].before, Some(json!(2)));
    assert_eq!(other[1].before, None);
}

#[test]
fn unordered_objects_are_matched_one_to_one() {
    let found = json!({"values": [{"p": 1, "vendor": true}, {"p": 2}]});
    assert_eq!(changes(found.clone(), json!({"values": [{"p": 2}, {"p": 1}]})), []);
    assert_eq!(changes(found, json!({"values": [{"p": 2}, {"p": 2}]})).len(), 1);
}

#[test]
fn sensitive_values_and_secrets_are_masked() {
    let wanted = json!({"token": "canary-1", "key": value::secret("k", Some("hmac:canary-2"))});
    let shown = changes(json!({"token": "canary-3", "key": "hmac:canary-4"}), wanted);
    let first = shown.iter().find(|change| change.path == "/token").unwrap();
    assert_eq!((&first.before, &first.after), (&Some(json!("****")), &Some(json!("****"))));
    let key = shown.iter().find(|change| change.path == "/key").unwrap();
    assert_eq!(key.after, Some(json!("****")));
}

#[test]
fn a_secret_is_compared_by_fingerprint_where_anyone_knows_it() {
    let with = |fingerprint| json!({"k": value::secret("k", fingerprint)});
    assert_eq!(changes(with(Some("hmac:1")), with(Some("hmac:1"))), []);
    assert_eq!(changes(with(Some("hmac:1")), with(Some("hmac:2"))).len(), 1);
    assert_eq!(changes(with(None), with(Some("hmac:2"))), [], "applied when its value was not known");
    // The vendor does not tell it back: the record answers.
    let (mut world, state) = made(vec![resource("w/a", with(Some("hmac:1")))]);
    world.objects.get_mut(&address("w/a")).unwrap().attributes = json!({});
    assert!(plan(&desired([resource("w/a", with(Some("hmac:1")))]), &world, &state).unwrap().is_empty());
    assert!(!plan(&desired([resource("w/a", with(Some("hmac:2")))]), &world, &state).unwrap().is_empty());
}

#[test]
fn a_replacement_reaches_what_refers_to_it() {
    let a = |region: u32| resource("w/a", json!({"region": region}));
    let refer = |field: &str| json!({field: value::reference(&address("w/a"), "/id")});
    let all = |region| vec![a(region), resource("w/b", refer("uses")), resource("w/c", refer("region"))];
    let (mut world, mut state) = made(all(1));
    let made = plan(&desired(all(2)), &world, &state).unwrap();
    assert_eq!(actions(&made), ["replace w/a", "update w/b", "replace w/c"]);
    assert_eq!(made.operations[0].reasons, ["region changes: a thing cannot move"]);
    assert_eq!(made.operations[1].changes[0].known_after, Some(address("w/a")));
    assert_eq!(made.operations[1].after, [address("w/a")]);
    world.apply(&made, &mut state);
    assert!(plan(&desired(all(2)), &world, &state).unwrap().is_empty());
}

#[test]
fn order_holds_through_what_stays_as_it_is() {
    let chain = |n: u32| {
        let mut b = resource("w/b", json!({}));
        b.after.push(address("w/a"));
        let mut c = resource("w/c", json!({"n": n}));
        c.after.push(address("w/b"));
        vec![resource("w/a", json!({"n": n})), b, c]
    };
    let (world, state) = made(chain(1));
    let made = plan(&desired(chain(2)), &world, &state).unwrap();
    assert_eq!(actions(&made), ["update w/a", "update w/c"]);
    assert_eq!(made.operations[1].after, [address("w/a")]);
}

#[test]
fn what_is_gone_is_made_again_and_what_is_not_wanted_goes() {
    let mut kept = resource("w/kept", json!({}));
    kept.lifecycle.keep = true;
    let mut user = resource("w/user", json!({}));
    user.after.push(address("w/old"));
    let (mut world, state) = made(vec![
        resource("w/a", json!({})),
        resource("w/old", json!({})),
        user,
        kept,
        resource("w/x", json!({})),
    ]);
    world.objects.remove(&address("w/a"));
    world.objects.remove(&address("w/x"));
    let made = plan(&desired([resource("w/a", json!({}))]), &world, &state).unwrap();
    assert_eq!(
        actions(&made),
        ["create w/a", "forget w/kept", "delete w/user", "forget w/x", "delete w/old"]
    );
    assert!(made.operations[0].reasons[0].contains("but gone"));
}

#[test]
fn only_our_own_or_what_is_to_be_adopted_is_touched() {
    let mut world = World::default();
    let mut found = |ownership| {
        let found = Found::new("7", json!({"n": 1}), json!({"owner": "acme"}), ownership);
        world.objects.insert(address("w/a"), found);
        world.clone()
    };
    let (foreign, unmarked, ours) =
        (found(Ownership::Foreign), found(Ownership::Unmarked), found(Ownership::Ours));
    let state = State::empty("l");
    let one = resource("w/a", json!({"n": 1}));
    let refused = plan(&desired([one.clone()]), &foreign, &state).unwrap_err();
    assert_eq!(refused[0].code, "HNY0204");
    assert!(refused[0].summary.contains("acme"));
    assert_eq!(codes(plan(&desired([one.clone()]), &unmarked, &state)), ["HNY0205"]);
    let mut adopted = one.clone();
    adopted.lifecycle.adopt = true;
    for (world, resource) in [(&unmarked, adopted), (&ours, one)] {
        let made = plan(&desired([resource]), world, &state).unwrap();
        assert_eq!((made.operations[0].action, made.operations[0].id.as_deref()), (Action::Adopt, Some("7")));
    }
}

#[test]
fn data_and_protected_things_go_only_when_named() {
    let mut data = resource("w/data", json!({}));
    data.kind = "data".into();
    let mut guarded = resource("w/guarded", json!({"region": 1}));
    guarded.lifecycle.protect = true;
    let mut base = resource("w/base", json!({}));
    base.kind = "thing".into();
    guarded.after.push(address("w/base"));
    let (world, state) = made(vec![data.clone(), guarded.clone(), base]);
    let none = desired([]);
    assert_eq!(codes(plan(&none, &world, &state)), ["HNY0207", "HNY0207"]);
    let mut named = options(Purpose::Apply);
    named.allow_destroy = vec![address("w/data"), address("w/guarded")];
    let observed = world.observe(&none, &state);
    assert_eq!(plan_with(&none, &observed, &state, named.clone()).unwrap().operations.len(), 3);
    let destroyed = plan_with(&none, &observed, &state, options(Purpose::Destroy)).unwrap();
    assert!(destroyed.is_empty(), "what stays keeps what it stands on: {:?}", actions(&destroyed));
    assert_eq!(destroyed.diagnostics.len(), 3);
    named.purpose = Purpose::Destroy;
    assert_eq!(
        actions(&plan_with(&none, &observed, &state, named).unwrap()),
        ["delete w/data", "delete w/guarded", "delete w/base"]
    );
}

#[test]
fn every_failed_look_is_listed_and_no_plan_is_made() {
    let wanted =
        desired([resource("w/a", json!({})), resource("w/b", json!({})), resource("w/c", json!({}))]);
    let mut observed = World::default().observe(&wanted, &State::empty("l"));
    let failed = || Observation::Failed(Box::new(Fault::new(FaultClass::Auth, "x::auth", "no token")));
    observed.resources.insert(address("w/a"), failed());
    observed.resources.insert(address("w/c"), failed());
    observed.resources.remove(&address("w/b"));
    let result = plan_with(&wanted, &observed, &State::empty("l"), options(Purpose::Apply));
    let findings = result.unwrap_err();
    let codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes, ["HNY0206", "HNY0209"], "the same failure is told once");
    assert!(findings[0].summary.contains("w/a") && findings[0].summary.contains("w/c"), "{findings:?}");
}

#[test]
fn references_must_lead_somewhere() {
    let to = |to: &str, output: &str| resource("w/b", json!({"r": value::reference(&address(to), output)}));
    let (world, state) = made(vec![resource("w/a", json!({}))]);
    let with_a = |b| desired([resource("w/a", json!({})), b]);
    assert_eq!(codes(plan(&with_a(to("w/nowhere", "/id")), &world, &state)), ["HNY0202"]);
    assert_eq!(codes(plan(&with_a(to("w/a", "/nothing")), &world, &state)), ["HNY0203"]);
    assert_eq!(
        codes(plan(&desired([to("w/a", "/id")]), &world, &state)),
        ["HNY0202"],
        "it is about to be deleted"
    );
    assert!(plan(&with_a(to("w/a", "/id")), &world, &state).is_ok());
}

#[test]
fn a_saved_plan_is_these_bytes_and_no_others() {
    let made =
        plan(&desired([resource("w/a", json!({"n": 1}))]), &World::default(), &State::empty("l")).unwrap();
    let bytes = file::write(&made);
    assert_eq!(file::read(&bytes, "0.1.0").unwrap(), made);
    assert_eq!(file::read(&bytes, "0.2.0").unwrap_err().code, "HNY0211");
    for at in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        let refused = file::read(&altered, "0.1.0").expect_err("every byte counts");
        assert!(["HNY0210", "HNY0211"].contains(&refused.code.as_str()), "byte {at}: {}", refused.code);
        assert!(file::read(&bytes[..at], "0.1.0").is_err(), "cut at {at}");
    }
}

#[test]
fn what_moved_is_named_and_what_moved_to_its_place_is_not() {
    let (world, state) = made(vec![resource("w/a", json!({"n": 1})), resource("w/b", json!({"n": 1}))]);
    let wanted = desired([resource("w/a", json!({"n": 2})), resource("w/b", json!({"n": 1}))]);
    let made = plan(&wanted, &world, &state).unwrap();
    assert_eq!(moved(&made, &world.observe(&wanted, &state), &state), []);
    stale::same_state(&made, &state).unwrap();
    let change = |name: &str, n: u32| {
        let mut world = world.clone();
        world.objects.get_mut(&address(name)).unwrap().attributes = json!({"n": n});
        let names: Vec<Address> = moved(&made, &world.observe(&wanted, &state), &state)
            .into_iter()
            .map(|moved| moved.address)
            .collect();
        names
    };
    assert_eq!(change("w/a", 2), [], "already as the plan wants it");
    assert_eq!(change("w/a", 3), [address("w/a")]);
    assert_eq!(change("w/b", 3), [address("w/b")]);
    let mut later = state.clone();
    later.serial += 1;
    assert_eq!(stale::same_state(&made, &later).unwrap_err().code, "HNY0212");
}

#[test]
fn why_tells_reasons_and_neighbours() {
    let mut b = resource("w/b", json!({"r": value::reference(&address("w/a"), "/id")}));
    b.after.push(address("w/z"));
    let wanted = desired([resource("w/a", json!({})), b, resource("w/z", json!({}))]);
    let made = plan(&wanted, &World::default(), &State::empty("l")).unwrap();
    insta::assert_snapshot!(honey_plan::why(&made, &wanted, &address("w/b")).unwrap(), @r"
    w/b (thing): create
      because: does not exist yet
      changes: r: (none) → (known after w/a)
      configured at: things.w/b
      needs: w/a (create)
      needs: w/z (create)
    ");
    insta::assert_snapshot!(honey_plan::why(&made, &wanted, &address("w/a")).unwrap(), @r"
    w/a (thing): create
      because: does not exist yet
      configured at: things.w/a
      needed by: w/b (create)
    ");
    assert!(honey_plan::why(&made, &wanted, &address("w/q")).is_err());
}

#[test]
fn a_big_plan_costs_memory_and_time_in_proportion() {
    // Not timed here (`xtask bench` is): a quadratic planner would not end in a test's patience.
    let many = (0..20_000).map(|at| {
        let mut one = resource(&format!("w/thing/{at:05}"), json!({"n": at}));
        if at > 0 {
            one.after.push(address(&format!("w/thing/{:05}", at / 2)));
        }
        one
    });
    let wanted = desired(many);
    let made = plan(&wanted, &World::default(), &State::empty("l")).unwrap();
    assert_eq!(made.operations.len(), 20_000);
}
