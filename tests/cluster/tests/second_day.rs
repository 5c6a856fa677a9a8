//! The day after the first apply, on a real cluster: secrets rotate, somebody
//! uses kubectl, a field is taken out, a migration fails, a Job changes, a new
//! tag is deployed. Each time the plan tells it, apply does it, the next plan is
//! empty and kubectl agrees. The tests are named after the runbook's gotchas
//! where one is played.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]
#![allow(clippy::print_stdout, reason = "how long each step took")]

#[path = "second_day/drift.rs"]
mod drift;
#[path = "second_day/jobs.rs"]
mod jobs;
#[path = "second_day/secrets.rs"]
mod secrets;
#[path = "second_day/stack.rs"]
mod stack;

use honey_boxes::Image;
use honey_cluster_tests::{Operator, Stage};
use serde_json::Value;

#[test]
fn the_second_day() {
    let stage = Stage::with(1, Image::Cluster);
    let operator = &stage.operator;
    stack::configure(operator);
    operator.honey(&["apply", "--yes"]).code(0);
    settled(operator);

    step("a secret is rotated", || secrets::rotated(operator));
    step("9.4: a token is overwritten by a placeholder", || secrets::overwritten_by_a_placeholder(operator));
    step("keys of a secret come and go", || secrets::keys_come_and_go(operator));
    step("kubectl scale, set image and patch", || drift::by_kubectl(operator));
    step("an object is deleted", || drift::deleted(operator));
    step("an autoscaler's replicas stay its own", || drift::autoscaled(operator));
    step("fields are taken out", || drift::taken_out(operator));
    step("9.1: accounts come before what runs as them", || drift::accounts_first(operator));
    step("a migration fails and is fixed", || jobs::failed_and_fixed(&stage));
    step("a Job changes", || jobs::changed(operator));
    step("another tag", || stack::another_tag(operator));
    step("data goes only by name", || stack::data_goes_only_by_name(operator));
}

/// Plays a step; tells how long it took.
fn step(name: &str, play: impl FnOnce()) {
    let started = std::time::Instant::now();
    play();
    println!("{:>5.0} s  {name}", started.elapsed().as_secs_f64());
}

/// The operations of a plan: action and address without the instance.
#[track_caller]
fn planned(operator: &Operator) -> Vec<String> {
    let document = operator.document(&["plan"]);
    let line = |operation: &Value| {
        let address = operation["address"].as_str().unwrap().trim_start_matches("home/kube/");
        format!("{} {address}", operation["action"].as_str().unwrap())
    };
    document["operations"].as_array().unwrap().iter().map(line).collect()
}

/// Nothing is left to do.
#[track_caller]
fn settled(operator: &Operator) {
    operator.honey(&["plan", "--detailed-exitcode"]).code(0);
}

/// The plan says just this, apply does it, and nothing is left.
#[track_caller]
fn applies(operator: &Operator, expected: &[&str]) {
    assert_eq!(planned(operator), expected);
    operator.honey(&["apply", "--yes"]).code(0);
    settled(operator);
}

/// What kubectl says of an object of the shop.
#[track_caller]
fn kubectl(operator: &Operator, arguments: &[&str]) -> String {
    operator.kubectl(&[&["-n", "shop"], arguments].concat()).code(0).stdout
}

/// One field of an object, as kubectl shows it.
#[track_caller]
fn field(operator: &Operator, object: &str, path: &str) -> String {
    kubectl(operator, &["get", object, "-o", &format!("jsonpath={{{path}}}")])
}
