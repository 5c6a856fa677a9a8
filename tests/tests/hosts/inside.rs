//! What can go wrong on a host while honey works on it: told by code, and done
//! with by a resume once the cause is gone.

use honey_boxes::Options;
use honey_tests::hosts::{Stage, until};

/// A bare machine: packages are really installed.
fn bare() -> Stage {
    Stage::up(1, 0, &Options { disk_bytes: 1 << 30, ..Options::default() })
}

#[test]
fn a_full_disk_is_named_and_resumed_from() {
    let stage = bare();
    let server = stage.server(1);
    server.shell("fallocate -l 1G /var/filler || dd if=/dev/zero of=/var/filler bs=1M; df -h /").unwrap();
    let stopped = stage.honey(&["apply", "--yes"]).ends(4);
    assert!(stopped.stderr.contains("HNY0512"), "{}", stopped.seen());
    server.must("rm /var/filler").unwrap();
    stage.honey(&["apply", "--resume"]).done();
    stage.honey(&["plan", "--detailed-exitcode"]).done();
}

#[test]
fn a_held_package_lock_is_waited_for() {
    let stage = bare();
    let server = stage.server(1);
    let hold = "import fcntl,signal; f=open('/var/lib/dpkg/lock-frontend','w'); fcntl.lockf(f,fcntl.LOCK_EX); signal.pause()";
    server.must(&format!("systemd-run --quiet --unit=holder python3 -c \"{hold}\"")).unwrap();
    until("it is held", || {
        server.shell("fuser -s /var/lib/dpkg/lock-frontend || grep -q :$(stat -c %i /var/lib/dpkg/lock-frontend) /proc/locks").unwrap().ok()
    });
    let apply = stage.begin(&["apply", "--yes"]);
    // honey works on the host now, and installs nothing as long as the lock is held.
    until("honey waits", || {
        server.shell("test -e /run/honey.lock/pid && test -s /var/lib/honey/packages").unwrap().ok()
    });
    assert!(!server.shell("dpkg -s fail2ban").unwrap().ok());
    server.must("systemctl stop holder").unwrap();
    apply.end().done();
    server.must("dpkg -s fail2ban").unwrap();
}

#[test]
fn packages_that_fail_half_way_are_finished_by_a_resume() {
    let stage = bare();
    let server = stage.server(1);
    // Unpacked, and then its own script fails: what a broken maintainer script leaves.
    server.must("dpkg-divert --quiet --local --rename --add /usr/sbin/update-rc.d").unwrap();
    server.write("/usr/sbin/update-rc.d", "#!/bin/sh\necho \"not today\" >&2\nexit 1\n").unwrap();
    let stopped = stage.honey(&["apply", "--yes"]).ends(4);
    assert!(stopped.stderr.contains("HNY0513"), "{}", stopped.seen());
    assert!(!server.must("dpkg --audit").unwrap().is_empty(), "something is left half-way");
    server
        .must(
            "rm /usr/sbin/update-rc.d && dpkg-divert --quiet --local --rename --remove /usr/sbin/update-rc.d",
        )
        .unwrap();
    stage.honey(&["apply", "--resume"]).done();
    assert!(server.must("dpkg --audit").unwrap().is_empty());
    stage.honey(&["plan", "--detailed-exitcode"]).done();
}

#[test]
fn a_power_cut_in_the_middle_of_a_step_is_gone_on_from() {
    let stage = bare();
    let server = stage.server(1);
    let apply = stage.begin(&["apply", "--yes"]);
    until("packages are being unpacked", || server.shell("pgrep -x dpkg").unwrap().ok());
    server.reboot().unwrap();
    let ended = apply.end();
    // A short cut is waited out; a longer one stops the run, which can be resumed.
    if ended.code != 0 {
        assert!(ended.code == 4 && ended.stderr.contains("HNY"), "{}", ended.seen());
        stage.honey(&["apply", "--resume"]).done();
    }
    assert!(server.must("dpkg --audit").unwrap().is_empty());
    stage.honey(&["plan", "--detailed-exitcode"]).done();
}
