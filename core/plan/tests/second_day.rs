//! The day after the first apply: a secret is rotated, a value is overwritten,
//! a field is taken out, an object is written in another way, data would go.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use honey_model::{State, value};
use honey_plan::{Action, Purpose};
use serde_json::{Value, json};
use support::{World, actions, address, desired, options, plan, plan_with, resource};

/// `whole` of the tests' schema is told back whole by its driver.
fn changed(found: Value, wanted: Value) -> Vec<(String, Option<Value>, Option<Value>)> {
    let (mut world, mut state) = (World::default(), State::empty("l"));
    let first = plan(&desired([resource("w/a", wanted.clone())]), &world, &state).unwrap();
    world.apply(&first, &mut state);
    world.objects.get_mut(&address("w/a")).unwrap().attributes = found;
    let made = plan(&desired([resource("w/a", wanted)]), &world, &state).unwrap();
    let changes = made.operations.into_iter().flat_map(|operation| operation.changes);
    changes.map(|change| (change.path, change.before, change.after)).collect()
}

#[test]
fn a_secret_that_is_told_back_is_compared_whatever_the_record_says() {
    let secret = || value::secret("k", None);
    let url = || json!({"$concat": ["postgres://u:", secret(), "@h/db"]});
    let wanted = json!({"whole": {"alone": secret(), "url": url()}});
    assert_eq!(changed(wanted.clone(), wanted.clone()), []);
    let paths = |found: Value| -> Vec<String> {
        changed(found, wanted.clone()).into_iter().map(|(path, ..)| path).collect()
    };
    // A digest of other bytes: rotated, or overwritten by somebody.
    assert_eq!(paths(json!({"whole": {"alone": "hmac:1", "url": url()}})), ["/whole/alone"]);
    assert_eq!(paths(json!({"whole": {"alone": secret(), "url": "hmac:1"}})), ["/whole/url"]);
    // A key that is gone, and one that nobody wants.
    assert_eq!(paths(json!({"whole": {"url": url()}})), ["/whole/alone"]);
    assert_eq!(
        paths(json!({"whole": {"alone": secret(), "url": url(), "extra": "hmac:2"}})),
        ["/whole/extra"]
    );
}

#[test]
fn a_digest_that_was_found_answers_before_the_record_for_any_field() {
    let wanted =
        json!({"key": value::secret("k", None), "text": {"$concat": ["a", value::secret("k", None)]}});
    let paths: Vec<String> = changed(json!({"key": "hmac:1", "text": "hmac:2"}), wanted.clone())
        .into_iter()
        .map(|(path, ..)| path)
        .collect();
    assert_eq!(paths, ["/key", "/text"]);
    assert_eq!(changed(json!({}), wanted), [], "a vendor that does not tell it back is no difference");
}

#[test]
fn a_field_that_is_taken_out_is_a_change_of_its_own() {
    let wanted = json!({"whole": {"data": {"stays": 1}, "list": [{"name": "a", "limits": {"cpu": 1}}]}});
    let mut found = wanted.clone();
    found["whole"]["data"]["goes"] = json!(2);
    assert_eq!(changed(found, wanted.clone()), [("/whole/data/goes".to_owned(), Some(json!(2)), None)]);
    let mut found = wanted.clone();
    found["whole"]["list"][0]["limits"]["memory"] = json!(2);
    let changes = changed(found, wanted.clone());
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].0, "/whole/list");
    let mut found = wanted.clone();
    found["more"] = json!(1);
    assert_eq!(changed(found, wanted), [], "other fields are told as their vendor likes");
}

#[test]
fn what_cannot_be_changed_is_replaced_and_says_why() {
    let (mut world, mut state) = (World::default(), State::empty("l"));
    let wanted = desired([resource("w/a", json!({"n": 1}))]);
    world.apply(&plan(&wanted, &world, &state).unwrap(), &mut state);
    world.objects.get_mut(&address("w/a")).unwrap().replace = Some("it failed".to_owned());
    let made = plan(&wanted, &world, &state).unwrap();
    assert_eq!(actions(&made), ["replace w/a"]);
    assert_eq!(made.operations[0].reasons, ["it failed"]);
}

#[test]
fn an_object_with_two_addresses_is_never_deleted_under_the_old_one() {
    let (mut world, mut state) = (World::default(), State::empty("l"));
    world.apply(&plan(&desired([resource("w/old", json!({}))]), &world, &state).unwrap(), &mut state);
    let found = world.objects[&address("w/old")].clone();
    world.objects.insert(address("w/new"), found);
    let made = plan(&desired([resource("w/new", json!({}))]), &world, &state).unwrap();
    assert_eq!(actions(&made), ["adopt w/new", "forget w/old"]);
    assert_eq!(made.operations[1].reasons, ["the same object is w/new now"]);
}

#[test]
fn data_goes_only_by_name_and_the_plan_says_that_it_is_lost() {
    let (mut world, mut state) = (World::default(), State::empty("l"));
    world.apply(&plan(&desired([resource("w/a", json!({}))]), &world, &state).unwrap(), &mut state);
    let nothing = desired([]);
    let free = plan(&nothing, &world, &state).unwrap();
    assert_eq!(actions(&free), ["delete w/a"]);
    world.objects.get_mut(&address("w/a")).unwrap().data = Some("the files of the volume".to_owned());
    let refused = plan(&nothing, &world, &state).unwrap_err();
    assert_eq!(refused[0].code, "HNY0207");
    assert!(refused[0].summary.contains("the files of the volume"), "{}", refused[0].summary);
    assert!(refused[0].help.as_ref().unwrap().contains("--allow-destroy w/a"));
    let mut named = options(Purpose::Apply);
    named.allow_destroy = vec![address("w/a")];
    let made = plan_with(&nothing, &world.observe(&nothing, &state), &state, named).unwrap();
    assert_eq!(made.operations[0].action, Action::Delete);
    assert!(made.operations[0].reasons.contains(&"data is lost: the files of the volume".to_owned()));
}

#[test]
fn what_did_its_work_and_went_by_itself_is_not_made_again() {
    let job = |n: u32| {
        let mut job = resource("w/a", json!({"n": n}));
        job.lifecycle.once = true;
        desired([job])
    };
    let (mut world, mut state) = (World::default(), State::empty("l"));
    world.apply(&plan(&job(1), &world, &state).unwrap(), &mut state);
    world.objects.clear();
    assert!(plan(&job(1), &world, &state).unwrap().is_empty());
    assert_eq!(
        actions(&plan(&job(2), &world, &state).unwrap()),
        ["create w/a"],
        "a changed one is a new one"
    );
    state.resources.clear();
    assert_eq!(actions(&plan(&job(1), &world, &state).unwrap()), ["create w/a"]);
}
