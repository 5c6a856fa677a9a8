//! `honey kubeconfig`: pulled, merged, led around a dead server, through ssh.

use std::{fs, io::Read as _, os::unix::fs::MetadataExt as _, path::Path, process::Command};

use honey_cluster_tests::{Operator, Stage, stage::until};

use crate::whole;

const OWN: &str = "apiVersion: v1\nkind: Config\ncurrent-context: elsewhere\nclusters:\n- name: elsewhere\n  cluster: {server: \"https://127.0.0.1:1\"}\ncontexts:\n- name: elsewhere\n  context: {cluster: elsewhere, user: me}\nusers:\n- name: me\n  user: {token: mine}\n";

fn private(path: &Path) -> bool {
    fs::metadata(path).unwrap().mode() & 0o777 == 0o600
}

/// Asks the API by a file as any operator would, with the context named after the cluster.
fn answers(operator: &Operator, file: &Path) -> bool {
    let arguments = ["--context", "honeydue-home", "get", "nodes", "-o", "name", "--request-timeout=10s"];
    operator.kubectl_by(file, &arguments).stdout.lines().count() == 3
}

pub(crate) fn pulled_and_merged(stage: &Stage) {
    let operator = &stage.operator;
    let file = operator.project().join(".honey/kubeconfig/home.yaml");
    // honey's own copy is lost.
    fs::remove_file(operator.kubeconfig("home")).unwrap();
    let told = operator.document(&["kubeconfig"]);
    assert_eq!(
        (&told["pulled_from"], &told["context"]),
        (&"node-1".into(), &"honeydue-home".into()),
        "{told}"
    );
    assert!(private(&file) && private(&operator.kubeconfig("home")) && answers(operator, &file));

    // Who reads it at any moment reads one whole file: it is replaced, never written into.
    let mut open = fs::File::open(&file).unwrap();
    let before = fs::metadata(&file).unwrap().ino();
    operator.honey(&["kubeconfig"]).code(0);
    assert_ne!(fs::metadata(&file).unwrap().ino(), before);
    let mut text = String::new();
    open.read_to_string(&mut text).unwrap();
    assert_eq!(text, fs::read_to_string(&file).unwrap());
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing else is left there");

    // Into the operator's own, which is kept; the second time nothing is new.
    operator.write("project/own", OWN);
    let own = operator.project().join("own");
    operator.honey(&["kubeconfig", "--merge", "own"]).code(0);
    let merged = fs::read_to_string(&own).unwrap();
    assert!(
        merged.contains("current-context: elsewhere") && merged.contains("token: mine"),
        "another's stays"
    );
    assert!(private(&own) && answers(operator, &own));
    let backup = operator.project().join("own.backup-1");
    assert!(private(&backup) && fs::read_to_string(&backup).unwrap() == OWN);
    let again = operator.document(&["kubeconfig", "--merge", "own"]);
    assert_eq!(again["merged"]["changed"], false, "{again}");
    assert!(fs::read_to_string(&own).unwrap() == merged && !operator.project().join("own.backup-2").exists());
}

/// The first server has no power, for a while.
pub(crate) fn led_around_a_dead_server(stage: &Stage) {
    let operator = &stage.operator;
    stage.server(1).power_off().unwrap();
    let told = operator.document(&["kubeconfig"]);
    assert_eq!(told["pulled_from"], "node-2", "{told}");
    let second = format!("https://{}:6443", stage.server(2).ipv4());
    assert_eq!(told["server"], second.as_str(), "{told}");
    assert!(answers(operator, &operator.project().join(".honey/kubeconfig/home.yaml")));
    // honey's own way around it.
    let listed = operator.document(&["node", "list"]);
    assert_eq!(listed["nodes"].as_array().unwrap().len(), 3, "{listed}");
    stage.server(1).power_on().unwrap();
    whole(stage);
}

/// 6443 is closed to all but the servers.
pub(crate) fn through_ssh(stage: &Stage) {
    let operator = &stage.operator;
    operator.edit("[cluster.k3s]", "[cluster.firewall]\napi = \"tunnel\"\n\n[cluster.k3s]");
    operator.honey(&["apply", "--yes"]).code(0);
    for server in stage.boxes.iter() {
        let address = format!("{}:6443", server.ipv4()).parse().unwrap();
        let patience = std::time::Duration::from_secs(2);
        assert!(std::net::TcpStream::connect_timeout(&address, patience).is_err(), "{address} is open");
    }
    assert!(!answers(operator, &operator.project().join(".honey/kubeconfig/home.yaml")));
    // honey finds its way by itself, and kubectl for as long as the tunnel runs.
    let listed = operator.document(&["node", "list"]);
    assert_eq!(listed["voters"], 3, "{listed}");
    let file = operator.project().join("way");
    let mut running = operator.begin(&["kubeconfig", "--tunnel", "--output", "way"]);
    until("the tunnel is open", || {
        assert!(running.try_wait().unwrap().is_none(), "it ended by itself");
        if file.exists() { Ok(()) } else { Err("no file yet".to_owned()) }
    });
    assert!(private(&file) && answers(operator, &file));
    let ended = Command::new("kill").args(["-INT", &running.id().to_string()]).status().unwrap();
    assert!(ended.success());
    let ended = Operator::end(running).code(0);
    assert!(ended.said().contains("the tunnel is closed") && !file.exists(), "{}", ended.said());
}
