//! The commands for when things break (runbook 8), on one real cluster after
//! another's hands: its kubeconfig lost, a machine drained, restarted, dead,
//! quorum lost, another release of k3s. A worker writes down every moment that
//! it runs, all the time: never are there two. The feature `drill` adds three
//! steps that take minutes of waiting each.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

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

    let steps: [(&str, bool, &dyn Fn()); 11] = [
        ("kubeconfig pulled and merged", false, &|| kubeconfig::pulled_and_merged(&stage)),
        ("nodes listed", false, &|| node::listed(&stage)),
        ("a node drained", false, &|| node::drained(&stage, &log)),
        ("a node restarted", true, &|| node::restarted(&stage, &log)),
        ("a snapshot kept and found", false, &|| etcd::kept_and_found(&stage)),
        ("quorum lost with two machines", false, &|| etcd::quorum_lost_with_two_machines(&stage, &log)),
        ("data lost on two servers", true, &|| etcd::data_lost_on_two_servers(&stage, &log)),
        ("led around a dead server", false, &|| kubeconfig::led_around_a_dead_server(&stage)),
        ("a server replaced", true, &|| node::replaced(&stage, &log, 1)),
        ("another release of k3s", false, &|| release::upgraded(&stage, &log)),
        ("through ssh", false, &|| kubeconfig::through_ssh(&stage)),
    ];
    for (step, of_the_drill, play) in steps {
        if of_the_drill && !cfg!(feature = "drill") {
            continue;
        }
        let started = std::time::Instant::now();
        play();
        println!("{:>5.0} s  {step}", started.elapsed().as_secs_f64());
    }
    operator.honey(&["plan", "--detailed-exitcode"]).code(0);
    println!("{} lives of the worker, never two at once", log.never_two());
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
