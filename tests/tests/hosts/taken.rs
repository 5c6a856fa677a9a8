//! Hosts that no server is made of: somebody else's k3s, an agent, a name that
//! another host has, a clock from another time. Each is told by its code, and
//! done with once the cause is gone.

use honey_boxes::{Image, Options, TestBox};
use honey_tests::hosts::Stage;

fn stage(servers: usize) -> Stage {
    Stage::up(servers, 0, &Options { image: Image::Prepared, ..Options::default() })
}

fn call(host: &TestBox, name: &str) {
    host.must(&format!("hostname {name} && echo {name} >/etc/hostname")).unwrap();
}

#[test]
fn two_hosts_of_one_name_are_refused_until_one_has_another() {
    let stage = stage(3);
    for number in [1, 3] {
        call(stage.server(number), "twin");
    }
    let refused = stage.honey(&["plan"]);
    assert_ne!(refused.code, 0);
    assert!(refused.stderr.contains("HNY0590") && refused.stderr.contains("twin"), "{}", refused.seen());
    assert!(!stage.server(1).shell("test -e /etc/rancher").unwrap().ok(), "nothing was begun");

    // honey may name them itself; a node keeps its name from then on.
    stage.configure("cluster.host", "set-hostname = true");
    stage.honey(&["apply", "--yes"]).done();
    for number in 1..=3 {
        let name = stage.server(number).must("uname -n; cat /etc/hostname").unwrap();
        assert!(name.lines().all(|line| line == format!("boxed-home-node-{number}")), "{name}");
    }
    stage.honey(&["plan", "--detailed-exitcode"]).done();
    call(stage.server(2), "other");
    let refused = stage.honey(&["apply", "--yes"]);
    assert!(refused.code != 0 && refused.stderr.contains("HNY0589"), "{}", refused.seen());
    call(stage.server(2), "boxed-home-node-2");
    stage.finish().done();
    stage.honey(&["plan", "--detailed-exitcode"]).done();
}

#[test]
fn a_clock_that_is_off_by_an_hour_is_refused_until_it_is_right() {
    let stage = stage(1);
    let server = stage.server(1);
    server.write("/usr/local/bin/date", "#!/bin/sh\nexec faketime -f -1h /usr/bin/date \"$@\"\n").unwrap();
    server.must("chmod 755 /usr/local/bin/date").unwrap();
    let refused = stage.honey(&["apply", "--yes"]).ends(4);
    assert!(refused.stderr.contains("HNY0593") && refused.stderr.contains("behind"), "{}", refused.seen());
    assert!(!server.shell("test -e /etc/rancher").unwrap().ok(), "no k3s before its clock is right");
    server.must("rm /usr/local/bin/date").unwrap();
    stage.honey(&["apply", "--resume"]).done();
    stage.honey(&["plan", "--detailed-exitcode"]).done();
}

#[test]
fn a_k3s_or_an_agent_of_somebody_else_is_left_alone() {
    let stage = stage(1);
    let server = stage.server(1);
    server.write("/etc/systemd/system/k3s-agent.service", "[Service]\nExecStart=/bin/sleep 1000\n").unwrap();
    let refused = stage.honey(&["apply", "--yes"]);
    assert!(refused.code != 0 && refused.stderr.contains("HNY0204"), "{}", refused.seen());
    assert!(refused.stderr.contains("k3s-agent-uninstall.sh"), "{}", refused.seen());
    server.must("rm /etc/systemd/system/k3s-agent.service").unwrap();

    let data = "/var/lib/rancher/k3s/server/db/etcd/member/theirs";
    server.must(&format!("mkdir -p {} && echo data >{data}", data.rsplit_once('/').unwrap().0)).unwrap();
    let refused = stage.honey(&["apply", "--yes"]);
    assert!(refused.code != 0 && refused.stderr.contains("HNY0204"), "{}", refused.seen());
    assert!(refused.stderr.contains("that honey did not set up"), "{}", refused.seen());
    assert_eq!(server.must(&format!("cat {data}")).unwrap().trim(), "data");
    server.must("rm -r /var/lib/rancher").unwrap();
    stage.honey(&["apply", "--yes"]).done();
    stage.honey(&["plan", "--detailed-exitcode"]).done();

    // What honey made is known by its mark, also when its records are gone.
    std::fs::remove_file(stage.folder().join(".honey/state.json")).unwrap();
    stage.honey(&["apply", "--yes"]).done();
    stage.honey(&["plan", "--detailed-exitcode"]).done();
}

#[test]
fn machines_keep_their_places() {
    let stage = stage(3);
    stage.honey(&["apply", "--yes"]).done();
    let text = std::fs::read_to_string(stage.folder().join("honey.toml")).unwrap();
    let listed = |number: usize| format!("{{ address = \"{}\" }}", stage.server(number).ipv4());
    let all = [listed(1), listed(2), listed(3)].join(", ");
    assert!(text.contains(&all));
    // Two go, and the one that is left would take the first one's place.
    stage.write("honey.toml", &text.replace(&all, &listed(2)).replace("servers = 3", "servers = 1"));
    let refused = stage.honey(&["plan"]);
    assert!(refused.code != 0 && refused.stderr.contains("HNY0207"), "{}", refused.seen());
    stage.write("honey.toml", &text);
    stage.honey(&["plan", "--detailed-exitcode"]).done();
}
