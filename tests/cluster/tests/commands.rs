//! The commands for when things break (runbook 8), on one real cluster after
//! another's hands: its kubeconfig lost, a machine drained, restarted, dead,
//! quorum lost, another release of k3s. A worker writes down every moment that
//! it runs, all the time: never are there two. The feature `drill` adds three
//! steps that take a minute or two of waiting each.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]
#![allow(clippy::print_stdout, reason = "how long each step took")]

#[path = "commands/etcd.rs"]
mod etcd;
#[path = "commands/kubeconfig.rs"]
mod kubeconfig;
#[path = "commands/node.rs"]
mod node;
#[path = "commands/release.rs"]
mod release;

use honey_cluster_tests::{
    Operator, Stage,
    cluster::{members, nodes},
    stage::until,
};

#[test]
fn what_breaks_is_mended_by_one_command_each() {
    let (stage, log) = Stage::with_worker(3);
    let operator = &stage.operator;
    operator.honey(&["apply", "--yes"]).code(0);
    until("the worker runs", || if log.grows() { Ok(()) } else { Err(format!("{:?}", log.lives())) });
    assert_eq!(log.never_two(), 1);

    step("kubeconfig pulled and merged", || kubeconfig::pulled_and_merged(&stage));
    step("nodes listed", || node::listed(&stage));
    step("a node drained", || node::drained(&stage, &log));
    drill("a node restarted", || node::restarted(&stage, &log));
    step("a snapshot kept and found", || etcd::kept_and_found(&stage));
    step("quorum lost with two machines", || etcd::quorum_lost_with_two_machines(&stage, &log));
    drill("data lost on two servers", || etcd::data_lost_on_two_servers(&stage, &log));
    step("led around a dead server", || kubeconfig::led_around_a_dead_server(&stage));
    drill("a server replaced", || node::replaced(&stage, &log, 1));
    step("an emptied server built again", || node::built_again(&stage, &log));
    step("another release of k3s", || release::upgraded(&stage, &log));
    step("through ssh", || kubeconfig::through_ssh(&stage));
    operator.honey(&["plan", "--detailed-exitcode"]).code(0);
    println!("{} lives of the worker, never two at once", log.never_two());
}

/// Plays a step; tells how long it took.
fn step(name: &str, play: impl FnOnce()) {
    let started = std::time::Instant::now();
    play();
    println!("{:>5.0} s  {name}", started.elapsed().as_secs_f64());
}

/// A step that only the drill plays.
fn drill(name: &str, play: impl FnOnce()) {
    if cfg!(feature = "drill") { step(name, play) } else { println!("not played without the drill: {name}") }
}

/// Three Ready nodes that vote, by kubectl and by etcd itself.
#[track_caller]
fn whole(stage: &Stage) {
    until("three Ready nodes that vote", || {
        // The server that kubectl asks may be the one that comes back.
        let ran = stage.operator.kubectl(&["get", "--raw", "/readyz", "--request-timeout=5s"]);
        if ran.code != 0 {
            return Err(ran.said());
        }
        let list = nodes(&stage.operator);
        let ready = list.iter().filter(|node| node.ready && node.voter).count();
        if ready == 3 && list.len() == 3 { Ok(()) } else { Err(format!("{list:?}")) }
    });
    let members = members(stage.server(1));
    assert!(members.len() == 3 && members.iter().all(|member| !member.learner), "{members:#?}");
}

/// Where the worker's pod is, as `server-N`'s number.
fn home_of_the_worker(operator: &Operator) -> usize {
    let mut home = String::new();
    until("the worker has a node", || {
        let path = "jsonpath={.items[0].spec.nodeName}";
        let ran = operator.kubectl(&["-n", "shop", "get", "pods", "-l", "app=worker", "-o", path]);
        ran.stdout.trim().clone_into(&mut home);
        if home.is_empty() { Err(ran.said()) } else { Ok(()) }
    });
    home.trim_start_matches("box-").parse().unwrap_or_else(|_| panic!("`{home}`"))
}

/// Nothing but k3s and the machine's own system is left of a disk.
fn empty_disk(stage: &Stage, number: usize) {
    let server = stage.server(number);
    for path in ["var/lib/rancher", "etc/rancher", "usr/local/bin/k3s", "etc/systemd/system/k3s.service"] {
        let path = server.root().join(path);
        let gone = if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        gone.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
