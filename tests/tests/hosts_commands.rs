//! What honey's commands do to one machine, on real ones: a tunnel through a
//! real sshd, a restart by a real init, and the steps around etcd's data with
//! a stand-in for k3s that only writes down how it was called.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{sync::Arc, time::Duration};

use honey_boxes::{Boxes, Image, Options, TestBox};
use honey_model::Address;
use honey_ports::{
    CallContext, Progress,
    call::{Cancel, NoCheckpoint},
    etcd::EtcdStep,
    host::{HostTarget, Hosts as _, Step},
};
use honey_ssh::{SshHosts, SshOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Stage {
    boxes: Boxes,
    hosts: SshHosts,
    _known: tempfile::TempDir,
}

impl Stage {
    fn up(count: usize) -> Self {
        let boxes = Boxes::up(count, &Options { image: Image::Prepared, ..Options::default() }).unwrap();
        let known = tempfile::tempdir().unwrap();
        let mut options = SshOptions::new(known.path());
        options.config_file = Some(boxes.ssh_config());
        options.connect_timeout = Duration::from_secs(10);
        Self { hosts: SshHosts::new(options), boxes, _known: known }
    }

    fn target(&self, index: usize) -> HostTarget {
        HostTarget {
            address: self.boxes[index].name().to_owned(),
            port: None,
            user: None,
            identity: None,
            host_keys: Vec::new(),
        }
    }

    async fn run(&self, index: usize, step: Step) -> Result<bool, honey_model::Fault> {
        let host = self.hosts.connect(&context(), &self.target(index)).await?;
        Ok(!host.run(&context(), &[step]).await?.changed.is_empty())
    }
}

fn context() -> CallContext {
    CallContext {
        operation_id: "test".into(),
        owner: "test-boxes".into(),
        address: Address::new("test/host/box").unwrap(),
        deadline: Duration::from_mins(3),
        cancel: Cancel::default(),
        progress: Progress::silent(),
        checkpoint: Arc::new(NoCheckpoint),
    }
}

/// Something on a port of the box's loopback only, that answers with a name.
fn serve(one: &TestBox, port: u16) {
    let name = one.name();
    one.must(&format!(
        "printf '#!/bin/sh\\nread line; echo {name} heard $line\\n' >/usr/local/bin/answer && chmod 755 /usr/local/bin/answer && \
         printf '[Socket]\\nListenStream=127.0.0.1:{port}\\nAccept=yes\\n' >/etc/systemd/system/answer.socket && \
         printf '[Service]\\nExecStart=/usr/local/bin/answer\\nStandardInput=socket\\n' >/etc/systemd/system/answer@.service && \
         systemctl daemon-reload && systemctl start answer.socket"
    ))
    .unwrap();
}

async fn say(address: std::net::SocketAddr) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    stream.write_all(b"hello\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_leads_to_a_closed_port_and_falls_over_between_machines() {
    let stage = Stage::up(2);
    for one in [&stage.boxes[0], &stage.boxes[1]] {
        serve(one, 6443);
        let address = format!("{}:6443", one.ipv4());
        let refused = tokio::net::TcpStream::connect(address).await;
        assert!(refused.is_err(), "the port is closed to the world");
    }
    let targets = [stage.target(0), stage.target(1)];
    let tunnel = stage.hosts.tunnel(&context(), &targets, 0, 6443).await.unwrap();
    assert_eq!(say(tunnel.address).await, "box-1 heard hello\n");
    // Nothing listens on the first one any more, then it is gone altogether.
    stage.boxes[0].must("systemctl stop answer.socket").unwrap();
    assert_eq!(say(tunnel.address).await, "box-2 heard hello\n");
    stage.boxes[0].must("systemctl start answer.socket").unwrap();
    stage.boxes[1].power_off().unwrap();
    assert_eq!(say(tunnel.address).await, "box-1 heard hello\n");
    let taken = stage.hosts.tunnel(&context(), &targets[..1], tunnel.address.port(), 6443).await;
    assert_eq!(taken.err().unwrap().code, "HNY0540");
    let address = tunnel.address;
    drop(tunnel);
    while tokio::net::TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_answered_first_and_seen_afterwards() {
    let stage = Stage::up(1);
    let host = stage.hosts.connect(&context(), &stage.target(0)).await.unwrap();
    let before = host.facts(&context(), &[]).await.unwrap().boot;
    assert!(!before.is_empty());
    assert_eq!(host.facts(&context(), &[]).await.unwrap().boot, before);
    assert!(stage.run(0, Step::Reboot).await.unwrap());
    // Gone, back, and another run; what is in between are failures to connect.
    let patience = std::time::Instant::now();
    loop {
        let seen = match stage.hosts.connect(&context(), &stage.target(0)).await {
            Ok(host) => host.facts(&context(), &[]).await,
            Err(fault) => Err(fault),
        };
        if seen.is_ok_and(|facts| facts.boot != before) {
            break;
        }
        assert!(patience.elapsed() < Duration::from_mins(4), "the box did not come back");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Writes down how it was called; as a service it leaves a container behind, as k3s does.
const K3S: &str = r#"#!/bin/bash
case "$1 $2" in
--version*) echo "k3s version v1.34.6+k3s1 (stand-in)" ;;
'etcd-snapshot save')
    [ ! -e /var/tmp/refuse ] || { echo "level=fatal msg=\"K10abcdef0123456789abcdef::server:canary refused\""; exit 1; }
    echo snapshot >"/var/lib/rancher/k3s/server/db/snapshots/$4-$(uname -n)-$(date +%s%N)" ;;
server*)
    case "$*" in
    *--cluster-reset*)
        printf '%s\n' "$@" >/var/tmp/reset
        cp "$3" /var/tmp/reset-config
        exit 0 ;;
    esac
    cat /etc/rancher/k3s/config.yaml.d/*.yaml >/var/tmp/started-with 2>/dev/null || :
    setsid bash -c 'exec -a containerd-shim-runc-v2 bash -c "sleep 7777 & wait" x -address /run/k3s/containerd/containerd.sock' &
    exec sleep infinity ;;
esac
"#;

fn install(one: &TestBox) {
    one.write("/usr/local/bin/k3s", K3S.as_bytes()).unwrap();
    one.must(
        "chmod 755 /usr/local/bin/k3s && mkdir -p /etc/rancher/k3s /var/lib/rancher/k3s/server/db/etcd /var/lib/rancher/k3s/server/db/snapshots && \
         echo data >/var/lib/rancher/k3s/server/db/etcd/data && \
         printf 'server: \"https://box-9:6443\"\\ntoken: \"t\"\\nnode-ip: \"1.2.3.4\"\\n' >/etc/rancher/k3s/config.yaml && \
         printf '[Service]\\nType=exec\\nKillMode=process\\nExecStart=/usr/local/bin/k3s server\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/k3s.service && \
         systemctl daemon-reload",
    )
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn snapshots_resets_and_fresh_joins_are_k3s_own_commands() {
    let stage = Stage::up(1);
    let one = &stage.boxes[0];
    install(one);
    let etcd = |step: EtcdStep| stage.run(0, Step::Etcd(step));
    let host = stage.hosts.connect(&context(), &stage.target(0)).await.unwrap();

    // A snapshot needs a running k3s; its list does not.
    let save = || EtcdStep::Save { name: "kept".into() };
    assert_eq!(etcd(save()).await.unwrap_err().code, "HNY0541");
    assert!(host.etcd_snapshots(&context()).await.unwrap().is_empty());
    assert!(etcd(EtcdStep::Start { quarantined: false }).await.unwrap());
    assert!(!etcd(EtcdStep::Start { quarantined: false }).await.unwrap(), "it runs already");
    assert!(etcd(save()).await.unwrap());
    let listed = host.etcd_snapshots(&context()).await.unwrap();
    assert!(
        listed.len() == 1 && listed[0].name.starts_with("kept-box-1-") && listed[0].bytes == 9,
        "{listed:?}"
    );
    one.must("touch /var/tmp/refuse").unwrap();
    let refused = etcd(save()).await.unwrap_err();
    assert!(refused.message.contains("refused") && !refused.message.contains("canary"), "{refused:?}");

    // k3s runs: nothing is reset, nothing is set aside.
    let restore = || EtcdStep::Restore { snapshot: listed[0].name.clone() };
    let aside = |run: &str| EtcdStep::SetAside { run: run.into() };
    for step in [restore(), aside("run-1")] {
        let refused = etcd(step).await.unwrap_err();
        assert!(refused.code == "HNY0541" && refused.message.contains("stopped first"), "{refused:?}");
    }
    // Its containers outlive the service; a stop ends them too.
    one.must("pgrep -f '^sleep 7777'").unwrap();
    assert!(etcd(EtcdStep::Stop).await.unwrap());
    assert!(!one.shell("pgrep -f '[s]leep 7777|[c]ontainerd-shim'").unwrap().ok(), "containers are gone");
    assert!(!etcd(EtcdStep::Stop).await.unwrap(), "it is stopped already");

    // The reset: the snapshot's path, and a configuration without a server to join.
    let missing = etcd(EtcdStep::Restore { snapshot: "other".into() }).await.unwrap_err();
    assert!(missing.message.contains("no snapshot other"), "{missing:?}");
    assert!(etcd(restore()).await.unwrap());
    let called = one.must("cat /var/tmp/reset").unwrap();
    let path =
        format!("--cluster-reset-restore-path=/var/lib/rancher/k3s/server/db/snapshots/{}", listed[0].name);
    assert!(called.contains("\n--cluster-reset\n") && called.contains(&path), "{called}");
    let config = one.must("cat /var/tmp/reset-config").unwrap();
    assert!(
        !config.contains("server:") && config.contains("token: \"t\"") && config.contains("node-ip"),
        "{config}"
    );
    assert!(one.must("cat /etc/rancher/k3s/config.yaml").unwrap().contains("server:"), "its own stays");

    // The API alone, then open.
    assert!(etcd(EtcdStep::Start { quarantined: true }).await.unwrap());
    assert!(one.must("cat /var/tmp/started-with").unwrap().contains("disable-agent: true"));
    assert!(!etcd(EtcdStep::Start { quarantined: true }).await.unwrap());
    assert!(etcd(EtcdStep::Start { quarantined: false }).await.unwrap());
    assert_eq!(one.must("cat /var/tmp/started-with").unwrap(), "");

    // Set aside once for a run: what a server joined with afterwards stays.
    etcd(EtcdStep::Stop).await.unwrap();
    assert!(etcd(aside("run-1")).await.unwrap());
    one.must("test ! -e /var/lib/rancher/k3s/server/db/etcd && test -e /var/lib/rancher/k3s/server/db/etcd-before-restore/data")
        .unwrap();
    assert_eq!(host.etcd_snapshots(&context()).await.unwrap().len(), 1, "snapshots stay");
    one.must("mkdir /var/lib/rancher/k3s/server/db/etcd").unwrap();
    assert!(!etcd(aside("run-1")).await.unwrap());
    one.must("test -d /var/lib/rancher/k3s/server/db/etcd").unwrap();
    assert!(etcd(aside("run-2")).await.unwrap());
    let hostile = etcd(EtcdStep::Restore { snapshot: "../../etc/passwd".into() }).await.unwrap_err();
    assert_eq!(hostile.code, "HNY0519");
}
