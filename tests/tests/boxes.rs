//! The lab's boxes through the real ssh client and honey's own host code: the
//! same scripts that a real host runs.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{os::unix::fs::PermissionsExt as _, sync::Arc, time::Duration};

use honey_lab::{
    Lab, LabOptions,
    box_host::{BoxFault, Boxes},
    world::{Machine, NewMachine, SSH_PORT, World},
};
use honey_model::{Address, Secret};
use honey_ports::{
    CallContext, Progress,
    call::{Cancel, NoCheckpoint},
    host::{Content, FirewallRule, Host, HostTarget, Hosts as _, K3sBinary, K3sRole, Step},
};
use honey_ssh::{SshHosts, SshOptions};

struct Rehearsal {
    folder: tempfile::TempDir,
    lab: Lab,
    hosts: SshHosts,
}

impl Rehearsal {
    async fn new(seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lab = Lab::start(LabOptions { seed, time_scale: 0.1, ..LabOptions::default() }).await.unwrap();
        let identity = folder.path().join("identity");
        std::fs::write(&identity, &lab.credentials().private_key).unwrap();
        std::fs::set_permissions(&identity, std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut options = SshOptions::new(folder.path().join("known"));
        options.connect_timeout = Duration::from_secs(5);
        Self { folder, lab, hosts: SshHosts::new(options) }
    }

    fn world(&self) -> &Arc<World> {
        self.lab.world()
    }

    fn boxes(&self) -> &Boxes {
        self.lab.boxes()
    }

    fn keys(&self) -> Vec<String> {
        vec![self.lab.credentials().public_key.clone()]
    }

    async fn machine(&self, vendor: &str, number: usize) -> Machine {
        let new = NewMachine {
            vendor: vendor.into(),
            id: format!("box-{number}"),
            name: format!("honeydue-{vendor}-node-{number}"),
            service: None,
            user: if vendor == "ovh" { "ubuntu".into() } else { "root".into() },
            authorized_keys: self.keys(),
            image: "ubuntu-24.04".into(),
            power: true,
        };
        let address = self.world().reserve_address().unwrap();
        self.world().create_machine(new, address).await.unwrap()
    }

    fn target(&self, machine: &Machine) -> HostTarget {
        HostTarget {
            address: machine.ipv4.to_string(),
            port: Some(SSH_PORT),
            user: Some(machine.user.clone()),
            identity: Some(self.folder.path().join("identity").display().to_string()),
            host_keys: Vec::new(),
        }
    }

    async fn host(&self, machine: &Machine) -> Arc<dyn Host> {
        self.hosts.connect(&context(), &self.target(machine)).await.unwrap()
    }
}

fn context() -> CallContext {
    CallContext {
        operation_id: "test".into(),
        owner: "test-lab".into(),
        address: Address::new("test/host/node-1").unwrap(),
        deadline: Duration::from_mins(1),
        cancel: Cancel::default(),
        progress: Progress::silent(),
        checkpoint: Arc::new(NoCheckpoint),
    }
}

fn config(text: String) -> Step {
    Step::File {
        path: "/etc/rancher/k3s/config.yaml".into(),
        mode: 0o600,
        content: Content::Secret(Secret::new(text)),
    }
}

fn k3s() -> Step {
    Step::K3s {
        version: "v1.34.6+k3s1".into(),
        binary: K3sBinary::Installer { url: "https://get.k3s.io".into(), sha256: None },
        role: K3sRole::Server,
    }
}

fn rule(port: &str, from: &str) -> FirewallRule {
    FirewallRule { port: port.into(), protocol: "tcp".into(), from: from.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_baseline_is_applied_once_and_then_found() {
    let lab = Rehearsal::new(11).await;
    let machine = lab.machine("ovh", 1).await;
    let host = lab.host(&machine).await;
    assert_eq!(host.host_key(), lab.boxes().host_key(lab.world(), &machine.id));
    let fresh = host.facts(&context(), &[]).await.unwrap();
    assert!(fresh.os_id == "ubuntu" && fresh.sudo && !fresh.firewall.active && fresh.k3s.version.is_empty());

    let names = ["fail2ban", "unattended-upgrades", "open-iscsi", "curl", "ufw"].map(str::to_owned).to_vec();
    let sysctl = "/etc/sysctl.d/90-honey.conf";
    let steps = [
        Step::Packages { names, refresh: true },
        Step::File {
            path: sysctl.into(),
            mode: 0o644,
            content: Content::Plain("vm.swappiness = 10\n".into()),
        },
        Step::Sysctl,
        Step::Service { name: "iscsid".into() },
        Step::Hostname { name: "node-1".into() },
        Step::Swap { bytes: 1 << 30 },
        Step::Firewall {
            rules: vec![rule("443", "any"), rule("2379:2380", "192.0.2.1/32")],
            ssh_port: SSH_PORT,
            confirm_within_seconds: 60,
        },
    ];
    assert_eq!(host.run(&context(), &steps).await.unwrap().changed, [0, 1, 2, 3, 4, 5, 6]);
    assert!(host.facts(&context(), &[]).await.unwrap().firewall.armed);
    host.confirm_firewall(&context()).await.unwrap();
    assert!(
        host.run(&context(), &steps).await.unwrap().changed.is_empty(),
        "the second time nothing changes"
    );

    let facts = host.facts(&context(), &[sysctl.to_owned()]).await.unwrap();
    assert!(facts.packages.contains_key("open-iscsi") && facts.services["iscsid"] == "active");
    assert!(facts.hostname == "node-1" && facts.sysctl["vm.swappiness"] == "10" && facts.files.len() == 1);
    assert!(facts.firewall.active && !facts.firewall.armed);
    assert_eq!(
        facts.firewall.rules,
        [rule("2222", "any"), rule("2379:2380", "192.0.2.1"), rule("443", "any")]
    );
    let before = lab.boxes().commands(&machine.id).len();
    for _ in 0..3 {
        assert_eq!(host.facts(&context(), &[sysctl.to_owned()]).await.unwrap().files, facts.files);
    }
    let commands = lab.boxes().commands(&machine.id);
    assert_eq!(commands.len(), before + 1, "looks share a shell, also in the lab");
    assert!(commands.iter().all(|command| command.starts_with("sudo -n sh -s ")), "{commands:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_join_one_after_another() {
    let lab = Rehearsal::new(12).await;
    let (mut hosts, mut machines) = (Vec::new(), Vec::new());
    for number in 1..=3 {
        let machine = lab.machine("hetzner", number).await;
        hosts.push(lab.host(&machine).await);
        machines.push(machine);
    }
    let first = machines[0].ipv4;
    let init = config(format!("cluster-init: true\ntls-san: [{first}]\nwrite-kubeconfig-mode: \"0600\"\n"));
    assert_eq!(hosts[0].run(&context(), &[init.clone(), k3s()]).await.unwrap().changed, [0, 1]);
    assert!(hosts[0].run(&context(), &[init, k3s()]).await.unwrap().changed.is_empty());
    let facts = hosts[0].facts(&context(), &[]).await.unwrap().k3s;
    assert!(
        facts.running
            && facts.ready
            && facts.etcd_voter
            && facts.has_etcd_data
            && facts.version == "v1.34.6+k3s1"
    );
    let token =
        hosts[0].read(&context(), "/var/lib/rancher/k3s/server/node-token", 4096).await.unwrap().unwrap();
    let token = token.expose_str().unwrap().trim().to_owned();
    assert!(token.starts_with("K10") && token.contains("::server:"));
    assert!(token.contains(facts.cluster_ca.trim_start_matches("sha256:")), "the token names the authority");

    let wrong = config(format!("server: https://{first}:6443\ntoken: K10{}::server:x\n", "0".repeat(64)));
    let fault = hosts[1].run(&context(), &[wrong, k3s()]).await.unwrap_err();
    assert!(fault.code == "HNY0514" && fault.message.contains("token CA hash"), "{fault}");
    assert!(!fault.to_string().contains(&"0".repeat(64)));

    let join = || config(format!("server: https://{first}:6443\ntoken: {token}\n"));
    hosts[1].run(&context(), &[join(), k3s()]).await.unwrap();
    // The second one still learns: a third one is too early.
    loop {
        match hosts[2].run(&context(), &[join(), k3s()]).await {
            Ok(_) => break,
            Err(fault) => assert!(fault.message.contains("too many learner"), "{fault}"),
        }
    }
    let authorities: std::collections::BTreeSet<String> = futures::future::join_all(
        hosts.iter().map(async |host| host.facts(&context(), &[]).await.unwrap().k3s.cluster_ca),
    )
    .await
    .into_iter()
    .collect();
    assert_eq!(authorities.len(), 1);
    let cluster = lab.boxes().clusters().of(&machines[2].id).await.unwrap();
    assert_eq!(
        cluster.nodes(),
        ["honeydue-hetzner-node-1", "honeydue-hetzner-node-2", "honeydue-hetzner-node-3"]
    );
    let kubeconfig = hosts[0].read(&context(), "/etc/rancher/k3s/k3s.yaml", 65536).await.unwrap().unwrap();
    assert!(kubeconfig.expose_str().unwrap().contains("server: https://127.0.0.1:6443"));
    assert!(tokio::net::TcpStream::connect((machines[1].ipv4, 6443)).await.is_ok());

    assert_eq!(hosts[2].run(&context(), &[Step::K3sUninstall]).await.unwrap().changed, [0]);
    assert!(hosts[2].run(&context(), &[Step::K3sUninstall]).await.unwrap().changed.is_empty());
    let gone = hosts[2].facts(&context(), &[]).await.unwrap().k3s;
    assert!(!gone.running && !gone.has_etcd_data && gone.cluster_ca.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_by_script_end_in_their_codes_and_pass() {
    let lab = Rehearsal::new(13).await;
    let machine = lab.machine("ovh", 1).await;
    let id = machine.id.as_str();
    let host = lab.host(&machine).await;
    let names = vec!["fail2ban".to_owned()];
    let work = [Step::Packages { names, refresh: false }, k3s()];
    let code = async || host.run(&context(), &work).await.unwrap_err().code;

    lab.boxes().inject(id, BoxFault::AptFails { times: 1 });
    assert_eq!(code().await, "HNY0513");
    lab.boxes().inject(id, BoxFault::DiskFull { full: true });
    assert_eq!(code().await, "HNY0512");
    lab.boxes().inject(id, BoxFault::DiskFull { full: false });
    lab.boxes().inject(id, BoxFault::SudoPassword { wanted: true });
    assert_eq!(code().await, "HNY0507");
    lab.boxes().inject(id, BoxFault::SudoPassword { wanted: false });
    lab.boxes()
        .inject(id, BoxFault::K3sFails { times: 1, message: "level=fatal msg=\"boom \u{1b}[2J\"".into() });
    let fault = host.run(&context(), &work).await.unwrap_err();
    assert!(
        fault.code == "HNY0514" && fault.message.contains("boom") && !fault.message.contains('\u{1b}'),
        "{fault}"
    );
    lab.boxes().inject(id, BoxFault::CutBeforeStep { step: 1 });
    assert_eq!(code().await, "HNY0508");
    lab.boxes().inject(id, BoxFault::RebootBeforeStep { step: 1, ms: 100 });
    assert_eq!(code().await, "HNY0508");
    loop {
        match host.run(&context(), &work).await {
            Ok(_) => break,
            Err(fault) => assert!(fault.class.retriable(), "{fault}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    lab.boxes().inject(id, BoxFault::HostileOutput { times: 1 });
    assert!(host.run(&context(), &work).await.unwrap().changed.is_empty(), "marked lines alone count");

    // A rule set that locks everyone out takes itself back.
    let closed = Step::Firewall {
        rules: vec![rule("2222", "192.0.2.9")],
        ssh_port: SSH_PORT,
        confirm_within_seconds: 1,
    };
    host.run(&context(), &[closed]).await.unwrap();
    let fault = host.confirm_firewall(&context()).await.unwrap_err();
    assert_eq!(fault.code, "HNY0502", "{fault}");
    let fault = host.confirm_firewall(&context()).await.unwrap_err();
    assert_eq!(fault.code, "HNY0516", "{fault}");
    assert!(!host.facts(&context(), &[]).await.unwrap().firewall.active);

    // A reinstalled machine has another key; honey refuses it until told.
    lab.world().reinstall_machine(id, "debian-12", lab.keys()).await.unwrap();
    lab.hosts.close().await;
    let target = lab.target(&machine);
    assert_eq!(lab.hosts.connect(&context(), &target).await.map(|_| ()).unwrap_err().code, "HNY0505");
    lab.hosts.forget(&target).await.unwrap();
    let host = lab.hosts.connect(&context(), &target).await.unwrap();
    assert_eq!(host.facts(&context(), &[]).await.unwrap().os_id, "debian");
}
