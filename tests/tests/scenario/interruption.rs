//! Runs that end early or meet each other.

use std::path::PathBuf;

use honey_lab::{Effect, FaultRule};
use honey_tests::scene::Scene;

/// The unfinished run's journal.
fn journal(scene: &Scene) -> PathBuf {
    let runs = scene.folder().join(".honey/runs");
    let mut journals = std::fs::read_dir(runs).unwrap().map(|entry| entry.unwrap().path());
    journals.find(|path| path.extension().is_some_and(|extension| extension == "journal")).unwrap()
}

/// Whether a run's first record, which holds its whole plan, stands on the disk.
fn begun(scene: &Scene) -> bool {
    let runs = std::fs::read_dir(scene.folder().join(".honey/runs")).unwrap();
    let journals = runs.flatten().filter(|entry| entry.file_name().to_string_lossy().ends_with(".journal"));
    journals.flat_map(|entry| std::fs::read(entry.path())).any(|bytes| bytes.contains(&b'\n'))
}

#[test]
fn ctrl_c_ends_with_what_is_in_flight_recorded_and_resume_goes_on() {
    let scene = Scene::start();
    let apply = scene.begin(&["apply", "--yes"]);
    scene.until("a server is made", || scene.lab().books().created("hetzner", "server") > 0);
    apply.signal("INT");
    let stopped = apply.end().ends(4);
    assert!(stopped.seen().contains("honey apply --resume"), "{}", stopped.seen());
    let status = scene.honey(&["status"]).ends(1);
    assert!(status.seen().contains("apply-"), "the unfinished run is shown: {}", status.seen());

    for refused in
        [&["apply", "--yes"][..], &["destroy", "--provider", "hetzner", "--confirm", "honeydue-hetzner"]]
    {
        let refused = scene.honey(refused).ends(1);
        assert!(refused.stderr.contains("HNY0383"), "{}", refused.seen());
    }
    let refused = scene.honey(&["apply", "--yes"]);
    scene.settings().bind(|| insta::assert_snapshot!("unfinished-run", refused.outcome()));

    let resumed = scene.honey(&["apply", "--resume", "--json"]).done().json();
    let count = |of: &str| resumed[of]["create"].as_u64().unwrap_or_default();
    assert!(count("operations") > 0 && count("done_before") > 0, "{resumed}");
    assert_eq!(count("operations") + count("done_before"), 88, "{resumed}");
    assert_eq!(resumed["role"], "active");
    assert_eq!(scene.lab().books().created("hetzner", "server"), 3);
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    let nothing = scene.honey(&["apply", "--resume"]).ends(1);
    scene.settings().bind(|| insta::assert_snapshot!("nothing-to-resume", nothing.outcome()));
    scene.books_are_clean();
}

#[test]
fn a_journal_cut_in_the_middle_of_a_record_is_gone_on_with() {
    let scene = Scene::start();
    let apply = scene.begin(&["apply", "--yes"]);
    scene.until("a server is made", || scene.lab().books().created("hetzner", "server") > 0);
    apply.signal("KILL");
    assert_eq!(apply.end().code, -1);
    let path = journal(&scene);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 7]).unwrap();

    let resumed = scene.honey(&["apply", "--resume"]).done();
    assert!(resumed.seen().contains("cut short"), "{}", resumed.seen());
    assert_eq!(scene.lab().books().created("hetzner", "server"), 3);
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

#[test]
fn a_journal_damaged_in_its_middle_is_not_guessed_at() {
    let scene = Scene::start();
    // This vendor takes no marks: whose a project is, only the operator can say.
    scene.edit("kind = \"database\"\nprotect = true", "kind = \"database\"\nprotect = true\nadopt = true");
    let apply = scene.begin(&["apply", "--yes"]);
    scene.until("a server is made", || scene.lab().books().created("hetzner", "server") > 0);
    apply.signal("INT");
    apply.end().ends(4);
    let path = journal(&scene);
    let mut bytes = std::fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let made = scene.lab().books().objects().len();
    let refused = scene.honey(&["apply", "--resume"]).ends(1);
    scene.settings().bind(|| insta::assert_snapshot!("journal-damaged", refused.outcome()));
    assert_eq!(scene.lab().books().objects().len(), made, "nothing was done");

    scene.honey(&["apply", "--abandon"]).done();
    scene.honey(&["apply", "--yes"]).done();
    assert_eq!(
        scene.lab().books().created("hetzner", "server"),
        3,
        "what was made before is found by its marks"
    );
    scene.books_are_clean();
}

#[test]
fn the_second_honey_is_told_who_holds_the_lock() {
    let scene = Scene::start();
    scene
        .lab()
        .inject(FaultRule::new("hetzner", Effect::Slow { ms: 25_000 }).method("POST").path("/ssh_keys"));
    let first = scene.begin(&["apply", "--yes"]);
    let lock = scene.folder().join(".honey/lock.json");
    scene.until("the first holds the lock", || lock.is_file());
    let second = scene.honey(&["apply", "--yes"]).ends(1);
    scene.settings().bind(|| insta::assert_snapshot!("locked", second.outcome()));
    scene.until("its run has begun", || begun(&scene));
    let beside = scene.honey(&["plan"]);
    assert!(beside.stderr.contains("is at work"), "{}", beside.seen());
    scene.lab().clear_faults();
    first.end().done();
    assert!(!lock.exists(), "given back");
    scene.books_are_clean();
}
