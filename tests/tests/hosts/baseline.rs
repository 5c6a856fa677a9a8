//! The baseline on machines as a vendor hands them out.

use honey_boxes::{Image, Options, System};
use honey_tests::hosts::Stage;

#[test]
fn releases_are_told_apart_by_their_own_words() {
    let stage =
        Stage::up(1, 0, &Options { image: Image::Prepared, system: System::Fedora42, ..Options::default() });
    let refused = stage.honey(&["apply", "--yes"]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("HNY0580") && refused.stderr.contains("fedora"), "{}", refused.seen());
    for system in
        [System::Debian12, System::Debian13, System::Ubuntu2204, System::Ubuntu2404, System::Ubuntu2604]
    {
        stage.server(1).write("/etc/os-release", system.os_release()).unwrap();
        let known = stage.honey(&["plan"]);
        assert_eq!(known.code, 0, "{system:?}: {}", known.seen());
    }
}

#[test]
fn a_run_with_nothing_to_do_costs_one_round_trip_a_host() {
    let stage = Stage::up(3, 0, &Options { image: Image::Prepared, ..Options::default() });
    stage.honey(&["apply", "--yes"]).done();
    for command in [&["plan", "--detailed-exitcode"][..], &["apply", "--yes"]] {
        let before = [1, 2, 3].map(|number| stage.round_trips(number));
        stage.honey(command).done();
        assert_eq!(
            [1, 2, 3].map(|number| stage.round_trips(number)),
            before.map(|trips| trips + 1),
            "{command:?}"
        );
    }
}
