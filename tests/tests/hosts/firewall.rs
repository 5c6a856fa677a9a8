//! The firewall, by real packets: who reaches what, and that nobody is locked out.

use std::{sync::Arc, time::Duration};

use honey_boxes::{Image, Options, TestBox};
use honey_model::Address;
use honey_ports::{
    CallContext, Progress,
    call::{Cancel, NoCheckpoint},
    host::{FirewallRule, HostTarget, Hosts as _, Step},
};
use honey_ssh::{SshHosts, SshOptions};
use honey_tests::hosts::{Stage, until};

fn prepared() -> Options {
    Options { image: Image::Prepared, ..Options::default() }
}

/// Something that listens on both kinds of address.
fn listen(server: &TestBox, port: u16) {
    let unit = format!("listen-{port}");
    server
        .must(&format!("systemd-run --quiet --unit={unit} python3 -m http.server --bind :: {port}"))
        .unwrap();
    until("it listens", || server.shell(&format!("nc -z 127.0.0.1 {port}")).unwrap().ok());
}

fn reaches(from: &TestBox, address: &str, port: u16) -> bool {
    from.exec(&["nc", "-z", "-w2", address, &port.to_string()]).unwrap().ok()
}

#[test]
fn peers_reach_what_strangers_do_not() {
    let stage = Stage::up(3, 1, &prepared());
    let (server, peer, stranger) = (stage.server(1), stage.server(2), stage.server(4));
    let ports = [80, 443, 6443, 2379, 2380, 10250, 9999];
    for port in ports {
        listen(server, port);
        assert!(
            reaches(stranger, server.ipv4(), port) && reaches(stranger, server.ipv6(), port),
            "{port} before"
        );
    }
    stage.honey(&["apply", "--yes"]);
    let status = server.must("ufw status verbose").unwrap();
    assert!(
        status.contains("Status: active") && status.contains("deny (incoming), allow (outgoing)"),
        "{status}"
    );

    for port in [22, 80, 443, 6443] {
        for from in [peer, stranger] {
            assert!(
                reaches(from, server.ipv4(), port) && reaches(from, server.ipv6(), port),
                "{port} is for everyone"
            );
        }
    }
    for port in [2379, 2380, 10250] {
        assert!(reaches(peer, server.ipv4(), port), "{port} is for peers");
        assert!(
            !reaches(stranger, server.ipv4(), port) && !reaches(stranger, server.ipv6(), port),
            "{port}: a stranger"
        );
    }
    assert!(
        !reaches(peer, server.ipv4(), 9999) && !reaches(stranger, server.ipv6(), 9999),
        "what nobody named is closed"
    );

    // Datagrams: who listens writes down what arrives.
    for (port, unit) in [(8472, "vxlan"), (51820, "wireguard")] {
        server.write(&format!("/root/{unit}.py"), CATCH).unwrap();
        server.must(&format!("systemd-run --quiet --unit={unit} python3 /root/{unit}.py {port}")).unwrap();
        until("it listens", || server.shell(&format!("ss -Hlun sport = :{port} | grep -q .")).unwrap().ok());
        let send = |from: &TestBox, word: &str| {
            from.must(&format!("echo {word} | nc -u -w1 {} {port}", server.ipv4())).unwrap();
        };
        // The stranger first: what a peer sends later would come after it.
        send(stranger, "stranger");
        send(peer, "peer");
        until("it arrives", || {
            server.read(&format!("/run/caught-{port}")).unwrap().is_some_and(|text| !text.is_empty())
        });
        assert_eq!(server.read(&format!("/run/caught-{port}")).unwrap().unwrap(), b"peer\n", "{port}");
    }
}

/// Writes datagrams of a port down.
const CATCH: &str = "import socket, sys
port = int(sys.argv[1])
there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
there.bind(('0.0.0.0', port))
with open(f'/run/caught-{port}', 'ab', buffering=0) as file:
    while True:
        file.write(there.recv(99))
";

fn context() -> CallContext {
    CallContext {
        operation_id: "test".into(),
        owner: "test".into(),
        address: Address::new("test/host/node-1").unwrap(),
        deadline: Duration::from_mins(4),
        cancel: Cancel::default(),
        progress: Progress::silent(),
        checkpoint: Arc::new(NoCheckpoint),
    }
}

#[test]
fn rules_that_lock_the_operator_out_take_themselves_back() {
    let stage = Stage::up(1, 1, &prepared());
    let (server, stranger) = (stage.server(1), stage.server(2));
    let mut options = SshOptions::new(stage.folder().join("known"));
    options.config_file = Some(stage.boxes.ssh_config());
    options.connect_timeout = Duration::from_secs(3);
    let target =
        HostTarget { address: "box-1".into(), port: None, user: None, identity: None, host_keys: Vec::new() };
    let rule = |from: &str| FirewallRule { port: "22".into(), protocol: "tcp".into(), from: from.into() };
    let firewall = |from: &str, seconds: u32| Step::Firewall {
        rules: vec![rule(from)],
        ssh_port: 22,
        confirm_within_seconds: seconds,
    };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let hosts = SshHosts::new(options);
        let host = hosts.connect(&context(), &target).await.unwrap();
        // Good rules first, confirmed: what is gone back to.
        host.run(&context(), &[firewall("any", 60)]).await.unwrap();
        host.confirm_firewall(&context()).await.unwrap();
        assert!(reaches(stranger, server.ipv4(), 22));

        host.run(&context(), &[firewall(stranger.ipv4(), 8)]).await.unwrap();
        let fault = host.confirm_firewall(&context()).await.unwrap_err();
        assert_eq!(fault.code, "HNY0502", "a new connection is locked out: {fault}");
        until("the old rules are back", || {
            reaches(server, server.ipv4(), 22) && stage.boxes.ssh("box-1", "true").unwrap().ok()
        });
        assert!(server.must("ufw status").unwrap().contains("Status: active"), "the rules before, not none");
        let fault = host.confirm_firewall(&context()).await.unwrap_err();
        assert_eq!(fault.code, "HNY0516", "{fault}");

        // A power cut while they wait: the boot brings the old ones back.
        host.run(&context(), &[firewall(stranger.ipv4(), 600)]).await.unwrap();
        assert!(!stage.boxes.ssh("box-1", "true").unwrap().ok());
        server.reboot().unwrap();
        until("the old rules are back", || stage.boxes.ssh("box-1", "true").unwrap().ok());
    });
}

#[test]
fn what_was_changed_by_hand_is_seen_and_mended() {
    let stage = Stage::up(1, 0, &prepared());
    let server = stage.server(1);
    stage.honey(&["apply", "--yes"]).done();
    stage.honey(&["plan", "--detailed-exitcode"]).done();
    // The tool itself agrees with what was written in its place.
    let written = server.must("cat /etc/ufw/user.rules /etc/ufw/user6.rules").unwrap();
    server.must("ufw allow 9999/tcp && ufw delete allow 9999/tcp").unwrap();
    assert_eq!(server.must("cat /etc/ufw/user.rules /etc/ufw/user6.rules").unwrap(), written);
    stage.honey(&["plan", "--detailed-exitcode"]).done();

    let rules = |program: &str| server.must(&format!("{program} -S")).unwrap();
    let whole = |rules: &str| {
        let mut lines: Vec<String> =
            rules.lines().filter(|line| line.contains("user-input")).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let before = (whole(&rules("iptables")), whole(&rules("ip6tables")));
    for by_hand in [
        "ufw allow 9999/tcp",
        "ufw deny from 203.0.113.9",
        "ufw delete allow 80/tcp",
        "ufw route allow in on lo out on lo",
        "ufw default allow incoming",
        "ufw disable",
        "iptables -D ufw-user-input -p tcp --dport 80 -j ACCEPT",
        "ip6tables -D ufw6-user-input -p tcp --dport 443 -j ACCEPT",
        "iptables -I ufw-user-input -p tcp --dport 9999 -j ACCEPT",
        "iptables -D INPUT -j ufw-before-input && iptables -P INPUT ACCEPT",
        "ip6tables -P INPUT ACCEPT",
        "iptables -P INPUT ACCEPT && iptables -F && iptables -X",
        "sed -i s/^IPV6=.*/IPV6=no/ /etc/default/ufw",
        "sed -i /443/d /etc/ufw/user.rules",
        "rm /etc/ufw/user6.rules",
    ] {
        server.must(by_hand).unwrap();
        let seen = stage.honey(&["plan", "--detailed-exitcode"]);
        assert!(seen.code == 3 && seen.stdout.contains("host-firewall"), "{by_hand}: {}", seen.seen());
        stage.honey(&["apply", "--yes"]).done();
        assert_eq!((whole(&rules("iptables")), whole(&rules("ip6tables"))), before, "{by_hand}");
        let status = server.must("ufw status verbose").unwrap();
        assert!(
            status.contains("deny (incoming), allow (outgoing)") && !status.contains("9999"),
            "{by_hand}: {status}"
        );
        assert!(
            server.must("grep -c ENABLED=yes /etc/ufw/ufw.conf").is_ok(),
            "{by_hand}: it is on after a restart"
        );
    }
}

#[test]
fn an_operator_who_dies_in_the_middle_is_not_locked_out() {
    let stage = Stage::up(1, 0, &prepared());
    let server = stage.server(1);
    let apply = stage.begin(&["apply", "--yes"]);
    until("rules wait for a confirmation", || {
        server.read("/var/lib/honey/firewall/armed").unwrap().is_some()
    });
    apply.signal("KILL");
    apply.end();
    // Either the confirmation was on its way already, or the timer takes the rules back.
    until("nothing waits any more", || server.read("/var/lib/honey/firewall/armed").unwrap().is_none());
    let confirmed = server.read("/var/lib/honey/firewall/confirmed").unwrap().is_some();
    let wanted = if confirmed { "Status: active" } else { "Status: inactive" };
    until("the firewall is as that says", || server.must("ufw status").unwrap().contains(wanted));
    assert!(stage.boxes.ssh("box-1", "true").unwrap().ok());
    stage.honey(&["apply", "--resume"]).done();
    assert!(server.must("ufw status").unwrap().contains("Status: active"));
    stage.honey(&["plan", "--detailed-exitcode"]).done();
}

/// Only the operator's ssh configuration knows the port: the host tells it.
#[test]
fn the_port_of_an_alias_is_the_one_that_stays_open() {
    let stage = Stage::up(1, 1, &prepared());
    let (server, stranger) = (stage.server(1), stage.server(2));
    server.write("/etc/ssh/sshd_config.d/10-port.conf", "Port 2222\n").unwrap();
    server.must("systemctl restart ssh").unwrap();
    listen(server, 22);
    let config = stage.folder().join("ssh_config");
    stage.write(
        "ssh_config",
        &format!(
            "Host vps\n  HostName {}\n  Port 2222\n  User ubuntu\n  IdentityFile {}\n",
            server.ipv4(),
            stage.boxes.identity().display()
        ),
    );
    stage.write("bin/ssh", &format!("#!/bin/sh\nexec /usr/bin/ssh -F {} \"$@\"\n", config.display()));
    let before = std::fs::read_to_string(stage.folder().join("honey.toml")).unwrap();
    let lines: Vec<String> = before
        .lines()
        .filter(|line| !line.starts_with("ssh = {"))
        .map(|line| line.replace(server.ipv4(), "vps"))
        .collect();
    stage.write("honey.toml", &(lines.join("\n") + "\n"));

    stage.honey(&["apply", "--yes"]).done();
    assert!(reaches(stranger, server.ipv4(), 2222) && reaches(stranger, server.ipv6(), 2222));
    assert!(!reaches(stranger, server.ipv4(), 22), "22 is another's there");
    stage.honey(&["plan", "--detailed-exitcode"]).done();
}
