//! The state folder when it is not what honey left.

use std::{os::unix::fs::PermissionsExt, process::Command};

use honey_tests::scene::{Ran, Scene, honey};

use crate::told;

#[test]
fn a_state_of_a_newer_version_or_a_damaged_one_is_left_alone() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    let good = scene.read(".honey/state.json");
    let cases = [
        ("state-newer", good.replacen("\"format\":1", "\"format\":2", 1)),
        ("state-damaged", good.replacen("cx22", "cx23", 1)),
        ("state-cut", good[..good.len() / 2].to_owned()),
    ];
    for (name, bad) in cases {
        assert_ne!(bad, good);
        scene.write(".honey/state.json", &bad);
        for command in [&["plan"][..], &["apply", "--yes"], &["status"]] {
            let refused = scene.honey(command);
            if command == ["plan"] {
                told(&scene, name, &refused);
            }
            assert_eq!(refused.code, 1, "{name}: {}", refused.seen());
        }
        assert_eq!(scene.read(".honey/state.json"), bad, "left as it is");
    }
    scene.write(".honey/state.json", good);
    scene.honey(&["plan", "--detailed-exitcode"]).done();
}

#[test]
fn a_state_folder_that_cannot_be_written_stops_before_anything_is_made() {
    let scene = Scene::start();
    scene.write(".honey", "not a folder");
    let refused = scene.honey(&["apply", "--yes"]);
    told(&scene, "state-folder-is-a-file", &refused);
    assert_eq!(refused.code, 1, "{}", refused.seen());
    std::fs::remove_file(scene.folder().join(".honey")).unwrap();

    scene.honey(&["plan"]).done();
    let read_only = |mode| {
        for folder in [".honey/runs", ".honey/versions", ".honey"] {
            std::fs::set_permissions(scene.folder().join(folder), PermissionsExt::from_mode(mode)).unwrap();
        }
    };
    read_only(0o500);
    // Root may write anywhere, unless it gives that right up.
    let refused = through(&scene, "setpriv", &["--bounding-set=-all"], &["apply", "--yes"]);
    read_only(0o700);
    told(&scene, "state-folder-read-only", &refused);
    assert_eq!(refused.code, 1, "{}", refused.seen());
    assert_eq!(scene.lab().books().created("hetzner", "ssh-key"), 0);
    scene.honey(&["apply", "--yes"]).done();
}

/// Files stop growing at a limit, as on a disk that is full.
#[test]
fn a_disk_that_fills_up_in_the_middle_loses_nothing() {
    let scene = Scene::start();
    scene.honey(&["plan"]).done();
    let script = "trap '' XFSZ; ulimit -f $1; shift; exec \"$@\"";
    let full = through(&scene, "bash", &["-c", script, "bash", "300"], &["apply", "--yes"]);
    told(&scene, "disk-full", &full);
    assert_eq!(full.code, 4, "{}", full.seen());
    let made = scene.lab().books().created("hetzner", "server");

    let resume = scene.honey(&["apply", "--resume"]);
    if resume.code != 0 {
        assert_eq!(made, 0, "what was made is known: {}", resume.seen());
        scene.honey(&["apply", "--yes"]).done();
    }
    assert_eq!(scene.lab().books().created("hetzner", "server"), 3);
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    scene.books_are_clean();
}

/// Runs `honey` by another program that changes its surroundings.
fn through(scene: &Scene, program: &str, before: &[&str], arguments: &[&str]) -> Ran {
    let plain = scene.command(arguments);
    let mut command = Command::new(program);
    command.args(before).arg(honey()).args(arguments).current_dir(scene.folder()).env_clear();
    command
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(std::process::Stdio::null());
    Ran::of(command.output().unwrap_or_else(|error| panic!("{program}: {error}")), arguments)
}
