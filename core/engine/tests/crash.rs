//! Killed after every record, a run converges when it is resumed, and nothing
//! is made twice.
#![allow(
    clippy::unwrap_used,
    clippy::result_large_err,
    clippy::single_match_else,
    reason = "a test fails by panicking"
)]

mod support;

use std::sync::{Arc, Mutex};

use honey_engine::{Entry, Stage, resume};
use honey_model::{State, value};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{Books, MemoryJournal, Setup, WorldDriver, address, plan, quiet, wanted};

fn reference(name: &str) -> Value {
    value::reference(&address(name), "/id")
}

/// Runs until the journal has so many records, then drops everything in flight.
async fn killed(setup: &mut Setup, room: usize) -> bool {
    setup.journal = MemoryJournal { room: Some(room), ..MemoryJournal::default() };
    setup.journal.records.lock().unwrap().extend(setup.replay.iter().cloned());
    let died = Arc::clone(&setup.journal.died);
    tokio::select! {
        outcome = setup.run() => { assert!(outcome.unwrap().is_complete()); false }
        () = died.notified() => true,
    }
}

/// Goes on from the records until it is through.
async fn resumed(setup: &mut Setup) -> State {
    let records = setup.records();
    let ledger = resume::read(&records).unwrap();
    setup.state = resume::state(&setup.plan, setup.store.saved.lock().unwrap().clone(), &ledger).unwrap();
    setup.replay.clone_from(&records);
    setup.journal = MemoryJournal::default();
    setup.journal.records.lock().unwrap().extend(records);
    let outcome = setup.run().await.unwrap();
    assert!(outcome.is_complete(), "{outcome:?}");
    let ledger = resume::read(&setup.records()).unwrap();
    assert!(ledger.is_sealed());
    assert!(ledger.operations().values().all(|progress| progress.stage == Stage::Done));
    outcome.state
}

/// A first world, then a second plan over it that creates, updates, replaces and deletes.
async fn second_plan() -> (Arc<Mutex<Books>>, State, honey_model::Desired) {
    let books = Arc::new(Mutex::new(Books::default()));
    let first = wanted(&[
        ("w/a", json!({"region": 1}), &[]),
        ("w/b", json!({"n": 1}), &[]),
        ("w/old", json!({}), &[]),
        ("w/user", json!({}), &["w/old"]),
    ]);
    let setup = Setup::new(plan(&first, &books, &State::empty("l")), WorldDriver::new(&books, quiet()));
    let outcome = setup.run().await.unwrap();
    assert!(outcome.is_complete());
    let second = wanted(&[
        ("w/a", json!({"region": 2}), &[]),
        ("w/b", json!({"n": 2, "a": reference("w/a")}), &[]),
        ("w/c", json!({"b": reference("w/b"), "a": reference("w/a")}), &[]),
        ("w/d", json!({}), &["w/c"]),
    ]);
    (books, outcome.state, second)
}

#[tokio::test]
async fn killed_after_every_record_it_converges_without_doubles() {
    let mut room = 0;
    loop {
        let (books, state, desired) = second_plan().await;
        let mut setup = Setup::new(plan(&desired, &books, &state), WorldDriver::new(&books, quiet()));
        setup.state = state.clone();
        *setup.store.saved.lock().unwrap() = Some(state);
        let died = killed(&mut setup, room).await;
        if !died {
            assert!(room > 15, "every record was a place to die at");
            return;
        }
        let state = resumed(&mut setup).await;
        let kept = books.lock().unwrap();
        assert_eq!(kept.objects.len(), 4, "after {room} records");
        for (name, count) in [("w/a", 2), ("w/b", 1), ("w/c", 1), ("w/d", 1)] {
            assert_eq!(kept.created[&address(name)], count, "{name} after {room} records");
        }
        assert_eq!(kept.objects[&address("w/c")].attributes, json!({"a": "a-2", "b": "b-1"}));
        assert_eq!(state.resources.len(), 4);
        assert_eq!(state.resources[&address("w/a")].id, "a-2");
        drop(kept);
        assert!(plan(&desired, &books, &state).is_empty());
        room += 1;
    }
}

#[tokio::test]
async fn a_checkpoint_reaches_the_resumed_call_under_the_same_operation_id() {
    let books = Arc::new(Mutex::new(Books::default()));
    let desired = wanted(&[("w/a", json!({}), &[])]);
    let mut setup = Setup::new(plan(&desired, &books, &State::empty("l")), WorldDriver::new(&books, quiet()));
    // Begun, Intent, Checkpoint, and no more.
    assert!(killed(&mut setup, 3).await);
    let ledger = resume::read(&setup.records()).unwrap();
    let progress = ledger.progress(&address("w/a")).unwrap();
    assert_eq!(
        (progress.stage, &progress.checkpoint),
        (Stage::Running, &Some(("a-1".into(), json!({"made": "a-1"}))))
    );
    resumed(&mut setup).await;
    let books = books.lock().unwrap();
    assert_eq!(books.resumed_with, [(address("w/a"), json!({"made": "a-1"}))]);
    assert_eq!(books.operation_ids[&address("w/a")].len(), 1);
    assert_eq!(books.created[&address("w/a")], 1);
}

#[tokio::test]
async fn a_run_may_be_killed_again_while_it_is_resumed() {
    let (books, state, desired) = second_plan().await;
    let mut setup = Setup::new(plan(&desired, &books, &state), WorldDriver::new(&books, quiet()));
    setup.state = state;
    let mut room = 1;
    while killed(&mut setup, room).await {
        setup.replay = setup.records();
        assert!(room < 500, "every resume gets further");
        room = setup.replay.len() + 8;
    }
    assert_eq!(books.lock().unwrap().objects.len(), 4);
    assert!(
        books
            .lock()
            .unwrap()
            .created
            .iter()
            .all(|(at, count)| *count == 1 + u32::from(*at == address("w/a")))
    );
}

#[test]
fn records_that_cannot_have_happened_are_refused() {
    let books = Arc::new(Mutex::new(Books::default()));
    let plan = plan(&wanted(&[("w/a", json!({}), &[])]), &books, &State::empty("l"));
    let digest = honey_plan::file::digest(&plan);
    let begun = Entry::Begun { format: 1, digest, plan: Box::new(plan) };
    let intent = |name: &str| Entry::Intent {
        address: address(name),
        action: honey_plan::Action::Create,
        operation_id: "o".into(),
    };
    let done = |name: &str| Entry::Done { address: address(name), result: None };
    let illegal: Vec<Vec<Entry>> = vec![
        vec![intent("w/a")],
        vec![Entry::Resumed],
        vec![begun.clone(), begun.clone()],
        vec![begun.clone(), intent("w/b")],
        vec![begun.clone(), done("w/a")],
        vec![begun.clone(), intent("w/a"), intent("w/a")],
        vec![begun.clone(), intent("w/a"), done("w/a"), done("w/a")],
        vec![begun.clone(), intent("w/a"), done("w/a"), intent("w/a")],
        vec![begun.clone(), intent("w/a"), Entry::Resumed, done("w/a")],
        vec![begun.clone(), Entry::Sealed],
        vec![begun.clone(), intent("w/a"), done("w/a"), Entry::Sealed, Entry::Resumed],
    ];
    for entries in illegal {
        let last = entries.len();
        let records: Vec<Value> = entries.iter().map(Entry::to_value).collect();
        let fault = resume::read(&records).unwrap_err();
        assert_eq!(fault.code, "HNY0303");
        assert!(fault.message.contains(&format!("record {last} ")), "{}", fault.message);
    }
    let legal = [begun, intent("w/a"), Entry::Resumed, intent("w/a"), done("w/a"), Entry::Sealed];
    assert!(resume::read(&legal.iter().map(Entry::to_value).collect::<Vec<_>>()).unwrap().is_sealed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn random_graphs_with_failures_and_kills_converge(
        edges in proptest::collection::vec(proptest::collection::vec(any::<prop::sample::Index>(), 0..3), 1..14),
        failing in proptest::collection::vec(any::<bool>(), 14),
        room in 0..60_usize,
    ) {
        let names: Vec<String> = (0..edges.len()).map(|at| format!("w/n{at}")).collect();
        let things: Vec<(&str, Value, Vec<&str>)> = edges.iter().enumerate().map(|(at, edges)| {
            let after: Vec<&str> = edges.iter().filter(|_| at > 0).map(|edge| names[edge.index(at.max(1))].as_str()).collect();
            let refers: Vec<Value> = after.iter().map(|name| reference(name)).collect();
            (names[at].as_str(), json!({ "uses": refers }), after)
        }).collect();
        let things: Vec<(&str, Value, &[&str])> = things.iter().map(|(name, value, after)| (*name, value.clone(), after.as_slice())).collect();
        let desired = wanted(&things);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let books = Arc::new(Mutex::new(Books::default()));
            let made = plan(&desired, &books, &State::empty("l"));
            let bad: Vec<_> = names.iter().zip(&failing).filter(|(_, bad)| **bad).map(|(name, _)| address(name)).collect();
            let fails = bad.clone();
            let flaky = WorldDriver::new(&books, Box::new(move |at, _, _| {
                if fails.contains(at) { Err(support::fault(honey_model::FaultClass::Invalid)) } else { Ok(()) }
            }));
            let mut setup = Setup::new(made, flaky);
            setup.journal = MemoryJournal { room: Some(room), ..MemoryJournal::default() };
            let died = Arc::clone(&setup.journal.died);
            let outcome = tokio::select! {
                outcome = setup.run() => Some(outcome.unwrap()),
                () = died.notified() => None,
            };
            if let Some(outcome) = outcome {
                prop_assert_eq!(outcome.done.len() + outcome.failed.len() + outcome.skipped.len(), names.len());
                for (skipped, because) in &outcome.skipped {
                    prop_assert!(outcome.failed.iter().any(|(at, _)| at == because));
                    prop_assert!(!books.lock().unwrap().calls.contains(skipped));
                }
                if outcome.is_complete() {
                    return Ok(());
                }
            }
            setup.driver = WorldDriver::new(&books, quiet());
            let state = resumed(&mut setup).await;
            prop_assert_eq!(state.resources.len(), names.len());
            let books = books.lock().unwrap();
            prop_assert!(books.created.values().all(|count| *count == 1));
            Ok(())
        })?;
    }
}
