//! Guests that misbehave: each is caught by an error that names it, and the
//! host goes on.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

#[path = "hostile/support.rs"]
mod support;

use std::sync::Arc;

use honey_model::{Digest, Fault, FaultClass, Severity};
use honey_plugin_host::{Grant, Plugin, PluginSource, PluginSpec};
use honey_ports::{ApplyAction, ApplyRequest, Driver, Target, capability::Capabilities};
use serde_json::{Value, json};
use support::{Notebook, World, artifact, manifest};

fn target() -> Target<'static> {
    Target { kind: "thing", id: None, desired: None }
}

async fn check(plugin: &Plugin) -> Result<Value, Fault> {
    plugin.check("thing", &json!({"name": "one"})).await.map(|checked| checked.desired)
}

/// The fault has this code and class and names plugin and version.
fn caught(fault: &Fault, code: &str, class: FaultClass) {
    assert_eq!((fault.code.as_str(), fault.class), (code, class), "{fault}");
    assert!(fault.message.contains("hostile@6.6.6"), "{fault}");
    assert!(honey_model::codes::page(&fault.code).is_some(), "{code} has a page");
}

#[tokio::test(flavor = "multi_thread")]
async fn running_guests_are_stopped_and_named_while_others_go_on() {
    let world = World::new();
    let good = world.behaving("well").await;
    for (what, code, class, word) in [
        ("loop", "HNY0412", FaultClass::Internal, "computed"),
        ("memory", "HNY0413", FaultClass::Internal, "80 MiB"),
        ("trap", "HNY0415", FaultClass::Internal, "about to fall"),
        ("malformed", "HNY0416", FaultClass::Malformed, "not JSON"),
        ("not-an-object", "HNY0416", FaultClass::Malformed, "object"),
        ("deep", "HNY0416", FaultClass::Malformed, "recursion"),
        ("huge", "HNY0417", FaultClass::Malformed, "4194304"),
    ] {
        let bad = world.behaving(what).await;
        let (bad, well) = tokio::join!(check(&bad), check(&good));
        let fault = bad.unwrap_err();
        caught(&fault, code, class);
        assert!(fault.message.contains(word), "{fault}");
        assert!(!fault.message.contains('\u{1b}'), "{fault:?}");
        assert_eq!(well.unwrap(), json!({"name": "one"}), "beside {what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_sleeps_forever_ends_at_its_time_out() {
    let world = World::new();
    let grant = Grant { settings: json!({"do": "sleep"}), timeout_seconds: Some(1), ..Grant::default() };
    let plugin = world.load_bytes(artifact(&manifest(""), "0.1"), grant).await.unwrap();
    caught(&check(&plugin).await.unwrap_err(), "HNY0414", FaultClass::Timeout);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_ends_when_the_operator_stops() {
    let world = World::new();
    let plugin = world.behaving("well").await;
    let context = world.context();
    context.cancel.cancel();
    caught(&plugin.read(&context, target()).await.unwrap_err(), "HNY0421", FaultClass::Canceled);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_log_lines_is_cut() {
    let world = World::new();
    check(&*world.behaving("flood").await).await.unwrap();
    let lines = world.said.lock().unwrap().iter().filter(|line| line.contains("hostile@6.6.6")).count();
    assert!((100..300).contains(&lines), "{lines}");
    assert!(world.said().contains("left out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_cannot_speak_in_honeys_name() {
    let world = World::new();
    let fault = check(&*world.behaving("impostor").await).await.unwrap_err();
    assert_eq!((fault.code.as_str(), fault.class), ("hostile::HNY0001", FaultClass::Internal));
    assert_eq!(fault.origin, "hostile@6.6.6");
    assert!(fault.message.len() < 10_000 && !fault.message.contains('\u{1b}'));
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_settings_are_told_in_the_guests_words() {
    let world = World::new();
    let fault = check(&*world.behaving("refuse").await).await.unwrap_err();
    caught(&fault, "HNY0418", FaultClass::Invalid);
    assert!(fault.message.contains("`endpoint` is no URL"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_sees_the_memory_of_another_except_through_the_cache() {
    let world = World::new();
    let plugin = world.behaving("count").await;
    assert_eq!(check(&plugin).await.unwrap(), json!({"count": 1}));
    assert_eq!(check(&plugin).await.unwrap(), json!({"count": 2}));
    assert_eq!(
        check(&*world.behaving("count").await).await.unwrap(),
        json!({"count": 1}),
        "another plugin's cache"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn desired_values_are_looked_at_before_the_guest_is() {
    let world = World::new();
    let plugin = world.behaving("loop").await;
    let checked = plugin.check("thing", &json!({"sise": "big"})).await.unwrap();
    let told: Vec<String> =
        checked.diagnostics.iter().map(|one| format!("{} {:?}", one.summary, one.help)).collect();
    assert!(checked.diagnostics.iter().all(|one| one.severity == Severity::Error));
    assert!(told.iter().any(|text| text.contains("needs `name`")), "{told:?}");
    assert!(told.iter().any(|text| text.contains("no `sise`") && text.contains("`size`")), "{told:?}");
    let fault = plugin.check("castle", &json!({})).await.unwrap_err();
    caught(&fault, "HNY0422", FaultClass::Invalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_capability_is_a_fault_not_a_crash() {
    let world = World::new();
    let plugin = world.behaving("well").await;
    assert!(!plugin.supports("power"));
    caught(&plugin.power(&world.context(), "x").await.unwrap_err(), "HNY0420", FaultClass::Unsupported);
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_work_is_checkpointed_and_called_again() {
    let world = World::new();
    let plugin = world.behaving("well").await;
    let notebook = Arc::new(Notebook::default());
    let mut context = world.context();
    context.checkpoint = notebook.clone();
    let desired = json!({"name": "one"});
    let request = |resume| ApplyRequest {
        kind: "thing",
        action: ApplyAction::Create,
        id: None,
        prior: None,
        desired: Some(&desired),
        resume,
    };
    let made = plugin.apply(&context, request(None)).await.unwrap().unwrap();
    assert_eq!(made.attributes, json!({"owner": "honeydue-lab", "address": "lab/thing/one", "round": 3}));
    let noted: Vec<(String, Value)> = std::mem::take(&mut *notebook.0.lock().unwrap());
    let wanted: Vec<(String, Value)> =
        [0, 1, 2, 3].map(|round| ("vendor-7".to_owned(), json!(round))).to_vec();
    assert_eq!(noted, wanted);

    let resumed = json!(2);
    plugin.apply(&context, request(Some(&resumed))).await.unwrap();
    assert_eq!(notebook.0.lock().unwrap().len(), 1, "it goes on where it was");

    for (what, word) in [("no-id", "id is empty"), ("nothing", "no object")] {
        let plugin = world.behaving(what).await;
        let fault = plugin.apply(&context, request(None)).await.unwrap_err();
        caught(&fault, "HNY0416", FaultClass::Malformed);
        assert!(fault.message.contains(word), "{fault}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn artifacts_that_are_not_what_they_should_be_are_refused_before_anything_runs() {
    let world = World::new();
    let good = artifact(&manifest(""), "0.1");
    let replaced = |from: &str, to: &str| {
        let (from, to) = (from.as_bytes(), to.as_bytes());
        let mut bytes = good.clone();
        let places: Vec<usize> = (0..good.len()).filter(|at| good[*at..].starts_with(from)).collect();
        assert!(!places.is_empty());
        for at in places {
            bytes[at..at + from.len()].copy_from_slice(to);
        }
        bytes
    };
    let mut cut = good.clone();
    cut.truncate(good.len() / 2);
    let secret = "[secrets.token]\nhosts = [\"api.example.com\"]\n";
    for (bytes, code, word) in [
        (b"#!/bin/sh\n".to_vec(), "HNY0402", "magic"),
        (Vec::new(), "HNY0402", "magic"),
        (vec![0, b'a', b's', b'm', 1, 0, 0, 0], "HNY0402", "core module"),
        (cut, "HNY0402", "component"),
        (replaced("honey:interface", "honey:Interface"), "HNY0403", "interface"),
        (artifact(&manifest(""), "9.1"), "HNY0404", "9.1"),
        (artifact(&manifest("must-understand = [\"wormholes\"]\n"), "0.1"), "HNY0405", "wormholes"),
        (artifact(&manifest("capabilities = [\"power\"]\n"), "0.1"), "HNY0406", "power"),
        (replaced("id = \"hostile\"", "id = \"another\""), "HNY0406", "another"),
        (artifact(&manifest(secret), "0.1"), "HNY0409", "plugins.hostile.secrets"),
        (artifact(&manifest("ssh-facts = true\n"), "0.1"), "HNY0409", "ssh = true"),
        (artifact(&manifest("[egress]\nhosts = []\n"), "0.1"), "HNY0410", "honey:plugin/http"),
        (replaced("honey:plugin/http@0.1.0", "honey:plugin/root@0.1.0"), "HNY0410", "honey:plugin/root"),
    ] {
        let error = world.load_bytes(bytes, Grant::default()).await.unwrap_err();
        assert_eq!(error.problem.code(), code, "{error}");
        assert!(error.to_string().contains(word) && error.to_string().contains("hostile"), "{error}");
    }
    let grant = Grant {
        egress: Some(vec!["https://other.example.com".into(), "https://api.example.com".into()]),
        ..Grant::default()
    };
    world.load_bytes(good.clone(), grant).await.unwrap();
    let source = PluginSource::Bytes(good.into());
    let expected = Some(Digest::of_bytes(b"another"));
    let spec = PluginSpec { id: "hostile".to_owned(), source, grant: Grant::default(), expected };
    assert_eq!(world.host.load(spec).await.unwrap_err().problem.code(), "HNY0408");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_cache_is_compiled_anew() {
    let world = World::new();
    let plugin = world.behaving("well").await;
    check(&plugin).await.unwrap();
    let files: Vec<_> =
        std::fs::read_dir(world.cache()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    std::fs::write(&files[0], b"not machine code").unwrap();
    check(&*world.behaving("well").await).await.unwrap();
    let compiled = world.said().matches("compiling plugin hostile@6.6.6").count();
    assert_eq!(compiled, 2);
    check(&*world.behaving("well").await).await.unwrap();
    assert_eq!(world.said().matches("compiling plugin").count(), 2, "mended");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_calls_of_one_plugin_run_side_by_side() {
    let world = World::new();
    let plugin = world.behaving("well").await;
    let calls = (0..200).map(|_| check(&plugin));
    for answer in futures::future::join_all(calls).await {
        assert_eq!(answer.unwrap(), json!({"name": "one"}));
    }
}
