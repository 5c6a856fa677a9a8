//! The operator's way into a cluster: pulled, merged, lost and found, through ssh.

use std::{fs, os::unix::fs::PermissionsExt as _};

use honey_model::{Address, Secret};
use honey_ports::{
    CallContext, Progress,
    call::{Cancel, NoCheckpoint},
    cluster::{Clusters as _, NodeStatus},
};
use honey_tests::scene::Scene;

/// The nodes that a kubeconfig leads to, asked as any client would.
fn nodes(scene: &Scene, kubeconfig: &str) -> Vec<NodeStatus> {
    let context = CallContext {
        operation_id: "test".into(),
        owner: String::new(),
        address: Address::new("test/kubeconfig/any").unwrap(),
        deadline: std::time::Duration::from_secs(20),
        cancel: Cancel::default(),
        progress: Progress::silent(),
        checkpoint: std::sync::Arc::new(NoCheckpoint),
    };
    scene.block_on(async {
        let cluster = honey_kube::KubeClusters.connect(&Secret::new(kubeconfig)).await.unwrap();
        cluster.nodes(&context).await.unwrap()
    })
}

fn is_private(scene: &Scene, name: &str) -> bool {
    fs::metadata(scene.folder().join(name)).unwrap().permissions().mode() & 0o777 == 0o600
}

#[test]
fn it_is_pulled_from_whichever_server_answers_also_when_everything_here_is_lost() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();

    let told = scene.honey(&["kubeconfig"]).done();
    assert!(told.stdout.contains(".honey/kubeconfig/hetzner.yaml"), "{}", told.seen());
    assert!(is_private(&scene, ".honey/kubeconfig/hetzner.yaml"));
    let pulled = scene.read(".honey/kubeconfig/hetzner.yaml");
    assert!(pulled.contains("current-context: honeydue-hetzner") && !pulled.contains("127.0.0.1:"));
    assert_eq!(nodes(&scene, &pulled).len(), 3);
    let printed = scene.honey(&["kubeconfig", "--output", "-"]).done();
    assert_eq!(printed.stdout.trim_end(), pulled.trim_end());

    // The first server is off, honey's own copy and the state are gone.
    let machines: Vec<_> =
        scene.lab().world().machines().into_iter().filter(|machine| machine.vendor == "hetzner").collect();
    let first = machines.iter().find(|machine| machine.name.ends_with("node-1")).unwrap();
    scene.block_on(scene.lab().world().power_machine(&first.id, false)).unwrap();
    fs::remove_file(scene.folder().join(".honey/secrets/honey.hetzner.kubeconfig")).unwrap();
    let state = scene.read(".honey/state.json");
    fs::remove_file(scene.folder().join(".honey/state.json")).unwrap();
    let found = scene.honey(&["kubeconfig", "--output", "found", "--json"]).done().json();
    assert_eq!(found["pulled_from"], "node-2", "{found}");
    let second = machines.iter().find(|machine| machine.name.ends_with("node-2")).unwrap();
    assert_eq!(found["server"], format!("https://{}:6443", second.ipv4), "{found}");
    assert_eq!(found["silent"][0][0], "node-1", "{found}");
    assert_eq!(nodes(&scene, &scene.read("found")).len(), 3);
    assert!(is_private(&scene, ".honey/secrets/honey.hetzner.kubeconfig"), "honey's own copy is back");
    scene.write(".honey/state.json", state);

    // Nobody answers any more: honey's own copy has to do, and it says so.
    for machine in &machines {
        scene.block_on(scene.lab().world().power_machine(&machine.id, false)).unwrap();
    }
    let own = scene.honey(&["kubeconfig", "--output", "own"]).done();
    assert!(own.stderr.contains("HNY0596"), "{}", own.seen());
    fs::remove_file(scene.folder().join(".honey/secrets/honey.hetzner.kubeconfig")).unwrap();
    let none = scene.honey(&["kubeconfig", "--output", "none"]).ends(1);
    assert!(none.stderr.contains("HNY0594") && !scene.folder().join("none").exists(), "{}", none.seen());
}

#[test]
fn it_is_merged_into_the_operators_own_file_which_is_kept() {
    let scene = Scene::start();
    scene.honey(&["apply", "--yes"]).done();
    scene.write(
        "mine",
        "apiVersion: v1\nkind: Config\ncurrent-context: work\nclusters:\n- name: work\n  cluster: {server: 'https://work'}\ncontexts:\n- name: work\n  context: {cluster: work, user: me}\nusers:\n- name: me\n  user: {token: canary}\n",
    );
    let merged = scene.honey(&["kubeconfig", "--merge", "mine", "--json"]).done().json();
    assert_eq!(merged["merged"]["changed"], true, "{merged}");
    let mine = scene.read("mine");
    assert!(mine.contains("current-context: work") && mine.contains("canary"), "{mine}");
    assert!(mine.contains("name: honeydue-hetzner"), "{mine}");
    assert!(scene.read("mine.backup-1").contains("token: canary") && is_private(&scene, "mine"));
    assert!(!scene.folder().join(".honey/kubeconfig/hetzner.yaml").exists(), "only what was asked for");
    let again = scene.honey(&["kubeconfig", "--merge", "mine"]).done();
    assert!(again.stdout.contains("has it already"), "{}", again.seen());
    assert!(!scene.folder().join("mine.backup-2").exists());

    // The usual place, from nothing.
    scene.honey(&["kubeconfig", "--merge"]).done();
    let usual = scene.read(".kube/config");
    assert_eq!(nodes(&scene, &usual).len(), 3);

    scene.write("mine.lock", "");
    let locked = scene.honey(&["kubeconfig", "--merge", "mine"]).ends(1);
    assert!(locked.stderr.contains("HNY0912"), "{}", locked.seen());
    scene.write("list", "- canary");
    let list = scene.honey(&["kubeconfig", "--merge", "list"]);
    assert!(
        list.code != 0 && list.stderr.contains("HNY0595") && !list.stderr.contains("canary"),
        "{}",
        list.seen()
    );
    let unknown = scene.honey(&["kubeconfig", "--server", "node-9"]).ends(2);
    assert!(unknown.stderr.contains("HNY0913") && unknown.stderr.contains("node-3"), "{}", unknown.seen());
    let both = scene.honey(&["kubeconfig", "--output", "-", "--json"]).ends(2);
    assert!(both.seen().contains("HNY0911"), "{}", both.seen());
}

#[test]
fn a_closed_api_is_reached_through_ssh_by_honey_and_by_others() {
    let scene = Scene::start();
    scene.edit("web = \"everyone\"", "web = \"everyone\"\napi = \"tunnel\"");
    scene.honey(&["apply", "--yes"]).done();
    scene.honey(&["plan", "--detailed-exitcode"]).done();
    let machines = scene.lab().world().machines();
    let second = machines.iter().find(|machine| machine.name.ends_with("node-2")).unwrap();
    let (filters, rules) = scene.lab().boxes().firewall(&second.id).unwrap();
    let open: Vec<&String> = rules.iter().filter(|rule| rule.starts_with("6443/")).collect();
    assert!(filters && open.len() == 2 && open.iter().all(|rule| !rule.ends_with("/any")), "{rules:?}");
    let status = scene.honey(&["status"]).done();
    assert!(status.stdout.contains("ready"), "{}", status.seen());

    let tunnel = scene.begin(&["kubeconfig", "--tunnel", "--output", "through"]);
    scene.until("the tunnel is open", || scene.folder().join("through").exists());
    let through = scene.read("through");
    assert!(through.contains("server: https://127.0.0.1:"), "{through}");
    assert_eq!(nodes(&scene, &through).len(), 3);
    // The server that it goes through dies: the next connection goes through another.
    let first = machines.iter().find(|machine| machine.name.ends_with("node-1")).unwrap();
    scene.block_on(scene.lab().world().power_machine(&first.id, false)).unwrap();
    assert_eq!(nodes(&scene, &through).len(), 3);
    tunnel.signal("INT");
    let closed = tunnel.end().done();
    assert!(closed.stderr.contains("the tunnel is closed"), "{}", closed.seen());
    assert!(!scene.folder().join("through").exists(), "what leads nowhere is gone");
}
