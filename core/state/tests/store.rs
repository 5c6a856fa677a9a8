//! State and lock over a local directory and over a store that swaps conditionally.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use honey_model::State;
use honey_ports::{Event, Progress, store::StateStore};
use honey_state::{Options, Store};
use object_store::memory::InMemory;
use serde_json::json;

fn local(folder: &Path) -> Store {
    Store::local(folder, Options::new("ann@here")).unwrap()
}

#[tokio::test]
async fn saves_only_over_what_was_loaded_and_keeps_earlier_versions() {
    let folder = tempfile::tempdir().unwrap();
    let memory: Arc<dyn object_store::ObjectStore> = Arc::new(InMemory::new());
    let remote = || Store::on(Arc::clone(&memory), "memory", &folder.path().join("r"), keeping(3)).unwrap();
    let here = || Store::local(&folder.path().join("s"), keeping(3)).unwrap();
    for (one, other) in [(remote(), remote()), (here(), here())] {
        assert_eq!(one.load().await.unwrap(), None);
        let mut state = State::empty("l");
        one.save(&mut state).await.unwrap();
        assert_eq!(state.serial, 1);
        let mut stale = other.load().await.unwrap().unwrap();
        one.save(&mut state).await.unwrap();
        assert_eq!(other.save(&mut stale).await.unwrap_err().code, "HNY0703");
        assert_eq!(stale.serial, 1, "nothing was written");
        let mut foreign = State { serial: 2, ..State::empty("another") };
        assert_eq!(other.save(&mut foreign).await.unwrap_err().code, "HNY0703");
        for _ in 0..5 {
            one.save(&mut state).await.unwrap();
        }
        assert_eq!(other.load().await.unwrap().unwrap(), state);
    }
    let mut kept: Vec<_> = std::fs::read_dir(folder.path().join("s/versions"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    kept.sort();
    assert_eq!(kept, ["state-0000000004.json", "state-0000000005.json", "state-0000000006.json"]);
    let mode = |path: &str| std::fs::metadata(folder.path().join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("s"), mode("s/versions"), mode("s/runs")), (0o700, 0o700, 0o700));
    assert_eq!((mode("s/state.json"), mode("s/versions/state-0000000006.json")), (0o600, 0o600));
}

fn keeping(keep: usize) -> Options {
    Options { keep, ..Options::new("ann@here") }
}

#[tokio::test]
async fn a_newer_or_damaged_state_is_refused_and_the_last_good_one_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(folder.path());
    let mut state = State::empty("l");
    store.save(&mut state).await.unwrap();
    store.save(&mut state).await.unwrap();
    let path = folder.path().join("state.json");
    let good = std::fs::read(&path).unwrap();
    for at in (0..good.len()).filter(|at| good[*at].is_ascii_alphanumeric()) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        std::fs::write(&path, &bad).unwrap();
        let fault = store.load().await.unwrap_err();
        assert!(["HNY0701", "HNY0702"].contains(&fault.code.as_str()), "byte {at}");
        if fault.code == "HNY0702" {
            assert!(fault.help.unwrap().contains("state-0000000001.json"));
        }
        assert!(store.save(&mut state).await.is_err(), "a damaged state is not written over");
    }
    std::fs::write(&path, r#"{"format":2,"something":"new"}"#).unwrap();
    assert_eq!(store.load().await.unwrap_err().code, "HNY0701");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_gets_the_lock_and_the_others_are_told_who() {
    let folder = tempfile::tempdir().unwrap();
    let memory: Arc<dyn object_store::ObjectStore> = Arc::new(InMemory::new());
    for remote in [false, true] {
        let tries = (0..12).map(|at| {
            let options = Options::new(format!("user-{at}@here"));
            let store = if remote {
                Store::on(Arc::clone(&memory), "memory", folder.path(), options).unwrap()
            } else {
                Store::local(folder.path(), options).unwrap()
            };
            tokio::spawn(async move { store.lock("apply").await })
        });
        let results = futures::future::join_all(tries).await;
        let (held, refused): (Vec<_>, Vec<_>) =
            results.into_iter().map(Result::unwrap).partition(Result::is_ok);
        assert_eq!(held.len(), 1);
        for fault in refused.into_iter().filter_map(Result::err) {
            assert_eq!(fault.code, "HNY0704");
            assert!(
                fault.message.contains("@here") && fault.message.contains("`apply`"),
                "{}",
                fault.message
            );
        }
        let lock = held.into_iter().next().unwrap().ok().unwrap();
        lock.still_held().await.unwrap();
        lock.release().await.unwrap();
        assert!(lock.still_held().await.is_err());
    }
}

#[tokio::test]
async fn a_holder_that_is_gone_is_taken_over_and_one_that_lives_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let clock = Arc::new(AtomicU64::new(1_000_000));
    let options = |who: &str, pid: u32| {
        let (told, clock) = (Arc::clone(&told), Arc::clone(&clock));
        let sink = move |event| {
            if let Event::Notice { message } = event {
                told.lock().unwrap().push(message);
            }
        };
        Options {
            pid,
            lease: Duration::from_mins(1),
            now: Arc::new(move || clock.load(Ordering::SeqCst)),
            progress: Progress::new(sink),
            ..Options::new(who)
        }
    };
    let store = |who: &str, pid| Store::local(folder.path(), options(who, pid)).unwrap();
    // No process has this id: pid_max is at most 2^22.
    let dead = store("ann@here", 1 << 23).lock("apply").await.unwrap();
    let other_host = store("bob@there", std::process::id());
    assert_eq!(
        other_host.lock("plan").await.err().unwrap().code,
        "HNY0704",
        "its process cannot be asked from there"
    );
    let second = store("cid@here", std::process::id()).lock("apply").await.unwrap();
    assert!(told.lock().unwrap()[0].contains("ann@here"), "said so");
    assert_eq!(dead.still_held().await.unwrap_err().code, "HNY0705");
    drop(dead);
    second.still_held().await.unwrap();
    assert!(store("ann@here", std::process::id()).lock("apply").await.is_err(), "a living holder keeps it");
    clock.fetch_add(61_000, Ordering::SeqCst);
    assert_eq!(second.still_held().await.unwrap_err().code, "HNY0705", "its lease ran out");
    let third = other_host.lock("apply").await.unwrap();
    assert!(told.lock().unwrap()[1].contains("no sign of life"));
    drop(third);
    assert_eq!(other_host.lock_holder().await.unwrap(), None, "dropping gives it back");
}

#[tokio::test]
async fn a_lock_is_broken_by_its_id_only() {
    let folder = tempfile::tempdir().unwrap();
    let store = local(folder.path());
    let lock = store.lock("apply").await.unwrap();
    assert_eq!(store.break_lock("somebody").await.unwrap_err().code, "HNY0706");
    let id = store.lock_holder().await.unwrap().unwrap().id;
    store.break_lock(&id).await.unwrap();
    assert_eq!(lock.still_held().await.unwrap_err().code, "HNY0705");
    let next = store.lock("plan").await.unwrap();
    drop(lock);
    next.still_held().await.unwrap();
}

#[tokio::test]
async fn the_newest_unfinished_run_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::local(folder.path(), keeping(1)).unwrap();
    assert_eq!(store.unsealed().await.unwrap(), None);
    for run in ["1", "2", "3"] {
        let journal = store.create_journal(run).await.unwrap();
        journal.append(&[json!({"record": "begun"})]).await.unwrap();
        if run != "2" {
            journal.append(&[json!({"record": "sealed"})]).await.unwrap();
        }
    }
    store.create_journal("empty").await.unwrap();
    assert_eq!(store.unsealed().await.unwrap().as_deref(), Some("2"), "an empty one never began");
    let (_, records) = store.open_journal("2").await.unwrap();
    assert_eq!(records, [json!({"record": "begun"})]);
    assert_eq!(store.open_journal("nope").await.err().unwrap().code, "HNY0712");
    assert_eq!(store.open_journal("../2").await.err().unwrap().code, "HNY0712");
    store.abandon("2").await.unwrap();
    assert_eq!(store.unsealed().await.unwrap(), None, "set aside, not resumed");
    assert!(folder.path().join("runs/2.abandoned").exists(), "and still there to read");
    assert!(!folder.path().join("runs/1.journal").exists(), "finished ones beyond the number to keep go");
    let mode = std::fs::metadata(folder.path().join("runs/2.abandoned")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}
