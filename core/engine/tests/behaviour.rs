//! Failures, limits, cancellation, a lost lock, and how often the disk is asked.
#![allow(
    clippy::unwrap_used,
    clippy::result_large_err,
    clippy::single_match_else,
    reason = "a test fails by panicking"
)]

mod support;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, atomic::Ordering},
};

use honey_engine::{Interruption, Stage, resume};
use honey_model::{FaultClass, State};
use honey_ports::call::Cancel;
use serde_json::json;
use support::{Books, MemoryJournal, Setup, WorldDriver, address, fault, plan, quiet, wanted};

fn books() -> Arc<Mutex<Books>> {
    Arc::default()
}

/// `w/a` ← `w/b` ← `w/c`, and `w/x` alone.
fn chain(books: &Arc<Mutex<Books>>) -> honey_plan::Plan {
    let desired = wanted(&[
        ("w/a", json!({}), &[]),
        ("w/b", json!({}), &["w/a"]),
        ("w/c", json!({}), &["w/b"]),
        ("w/x", json!({}), &[]),
    ]);
    plan(&desired, books, &State::empty("l"))
}

fn names(addresses: &[honey_model::Address]) -> Vec<&str> {
    let mut names: Vec<&str> = addresses.iter().map(honey_model::Address::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_failure_stops_its_dependents_only_and_stays_resumable() {
    let books = books();
    let hook = |at: &honey_model::Address, _: &honey_ports::CallContext, _: u32| {
        if at.as_str() == "w/b" { Err(fault(FaultClass::Quota)) } else { Ok(()) }
    };
    let mut setup = Setup::new(chain(&books), WorldDriver::new(&books, Box::new(hook)));
    let outcome = setup.run().await.unwrap();
    assert_eq!(names(&outcome.done), ["w/a", "w/x"]);
    assert_eq!(outcome.failed, [(address("w/b"), fault(FaultClass::Quota))]);
    assert_eq!(outcome.skipped, [(address("w/c"), address("w/b"))]);
    assert_eq!(outcome.interrupted, None);
    assert_eq!(
        setup.store.saved.lock().unwrap().as_ref().unwrap().resources.len(),
        2,
        "saved as far as it went"
    );
    let ledger = resume::read(&setup.records()).unwrap();
    assert!(!ledger.is_sealed());
    assert_eq!(ledger.progress(&address("w/b")).unwrap().stage, Stage::Failed);

    setup.replay = setup.records();
    setup.state = outcome.state;
    setup.driver = WorldDriver::new(&books, quiet());
    let outcome = setup.run().await.unwrap();
    assert!(outcome.is_complete());
    assert_eq!(names(&outcome.done), ["w/b", "w/c"], "what was done is not done again");
    assert_eq!(outcome.state.resources.len(), 4);
}

#[tokio::test]
async fn what_passes_is_tried_again_with_its_checkpoint_and_what_does_not_is_not() {
    for (class, calls, completes) in [(FaultClass::Transient, 3, true), (FaultClass::Conflict, 1, false)] {
        let books = books();
        let hook = move |at: &honey_model::Address, _: &honey_ports::CallContext, call: u32| {
            if at.as_str() == "w/a" && call < 3 { Err(fault(class)) } else { Ok(()) }
        };
        let setup = Setup::new(chain(&books), WorldDriver::new(&books, Box::new(hook)));
        let outcome = setup.run().await.unwrap();
        assert_eq!(outcome.is_complete(), completes);
        let books = books.lock().unwrap();
        assert_eq!(books.calls.iter().filter(|at| **at == address("w/a")).count(), calls);
        assert_eq!(books.operation_ids[&address("w/a")].len(), 1, "the vendor can tell a repetition");
    }
}

#[tokio::test]
async fn a_panic_is_a_failure_of_its_operation() {
    let books = books();
    let hook = |at: &honey_model::Address, _: &honey_ports::CallContext, _: u32| {
        assert!(at.as_str() != "w/a", "a defect");
        Ok(())
    };
    let setup = Setup::new(chain(&books), WorldDriver::new(&books, Box::new(hook)));
    let outcome = setup.run().await.unwrap();
    assert_eq!(outcome.failed[0].1.code, "HNY0305");
    assert_eq!(names(&outcome.done), ["w/x"]);
}

#[tokio::test]
async fn the_operator_stops_it_and_nothing_new_begins() {
    let books = books();
    let cancel = Cancel::default();
    let stop = cancel.clone();
    let hook = move |at: &honey_model::Address, _: &honey_ports::CallContext, _: u32| {
        if at.as_str() == "w/b" {
            stop.cancel();
            return Err(fault(FaultClass::Canceled));
        }
        Ok(())
    };
    let mut setup = Setup::new(chain(&books), WorldDriver::new(&books, Box::new(hook)));
    setup.cancel = cancel;
    let outcome = setup.run().await.unwrap();
    assert_eq!(outcome.interrupted, Some(Interruption::Canceled));
    assert!(outcome.failed.is_empty(), "stopped is not failed");
    assert!(!books.lock().unwrap().calls.contains(&address("w/c")));
    assert!(setup.store.saved.lock().unwrap().is_some());
    setup.replay = setup.records();
    setup.state = outcome.state;
    setup.cancel = Cancel::default();
    setup.driver = WorldDriver::new(&books, quiet());
    assert!(setup.run().await.unwrap().is_complete());
}

#[tokio::test]
async fn without_the_lock_nothing_begins_and_the_state_is_not_written() {
    let books = books();
    let setup = Setup::new(chain(&books), WorldDriver::new(&books, quiet()));
    setup.lock.lost.store(true, Ordering::SeqCst);
    let outcome = setup.run().await.unwrap();
    assert!(matches!(outcome.interrupted, Some(Interruption::LockLost(_))));
    assert!(books.lock().unwrap().calls.is_empty());
    assert!(setup.store.saved.lock().unwrap().is_none());
}

#[tokio::test]
async fn a_full_disk_stops_it_before_anything_that_is_not_recorded() {
    for room in 0..12 {
        let books = books();
        let mut setup = Setup::new(chain(&books), WorldDriver::new(&books, quiet()));
        setup.journal = MemoryJournal { room: Some(room), full_is_fault: true, ..MemoryJournal::default() };
        let outcome = setup.run().await.unwrap();
        assert!(!outcome.is_complete(), "12 records are not all of them");
        let recorded = setup.records();
        for called in &books.lock().unwrap().calls {
            let intent = |record: &serde_json::Value| {
                record["record"] == "intent" && record["address"] == called.as_str()
            };
            assert!(recorded.iter().any(intent), "{called} has its intent on the disk");
        }
    }
}

#[tokio::test]
async fn limits_hold_per_driver_host_and_over_all() {
    let things: Vec<(String, serde_json::Value)> =
        (0..40).map(|at| (format!("w/n{at:02}"), json!({}))).collect();
    let things: Vec<(&str, serde_json::Value, &[&str])> =
        things.iter().map(|(name, value)| (name.as_str(), value.clone(), &[] as &[&str])).collect();
    let limits = |change: &dyn Fn(&mut honey_engine::Limits)| {
        let mut limits = honey_engine::Limits { parallel: 7, ..honey_engine::Limits::default() };
        change(&mut limits);
        limits
    };
    let host: honey_engine::limits::HostOf = Arc::new(|op| Some(op.address.name()[2..].to_owned()));
    let cases = [
        (limits(&|_| {}), 7),
        (limits(&|limits| limits.per_driver = BTreeMap::from([("world".to_owned(), 3)])), 3),
        (limits(&|limits| limits.host_of = Arc::new(|_| Some("one".to_owned()))), 1),
        (
            limits(&|limits| {
                limits.host_of = Arc::clone(&host);
                limits.per_host = 1;
            }),
            7,
        ),
        (limits(&|limits| limits.weightless = Arc::new(|_| true)), 40),
    ];
    for (limits, most) in cases {
        let books = books();
        let mut setup =
            Setup::new(plan(&wanted(&things), &books, &State::empty("l")), WorldDriver::new(&books, quiet()));
        setup.limits = limits;
        assert!(setup.run().await.unwrap().is_complete());
        assert_eq!(setup.driver.most.load(Ordering::SeqCst), most);
        assert_eq!(books.lock().unwrap().objects.len(), 40);
    }
}

#[tokio::test]
async fn many_operations_share_few_appends() {
    let things: Vec<String> = (0..2000).map(|at| format!("w/n{at:04}")).collect();
    let things: Vec<(&str, serde_json::Value, &[&str])> =
        things.iter().map(|name| (name.as_str(), json!({}), &[] as &[&str])).collect();
    let books = books();
    let mut setup =
        Setup::new(plan(&wanted(&things), &books, &State::empty("l")), WorldDriver::new(&books, quiet()));
    setup.limits.weightless = Arc::new(|_| true);
    assert!(setup.run().await.unwrap().is_complete());
    let appends = setup.journal.appends.load(Ordering::SeqCst);
    assert!(appends < 60, "{appends} appends for 2000 operations");
}

#[tokio::test]
async fn another_plan_or_a_finished_run_is_not_resumed() {
    let books = books();
    let mut setup = Setup::new(chain(&books), WorldDriver::new(&books, quiet()));
    assert!(setup.run().await.unwrap().is_complete());
    setup.replay = setup.records();
    assert_eq!(setup.run().await.unwrap_err().code, "HNY0307");
    let empty = Arc::default();
    setup.plan = Arc::new(plan(&wanted(&[("w/q", json!({}), &[])]), &empty, &State::empty("l")));
    assert_eq!(setup.run().await.unwrap_err().code, "HNY0307");
}
