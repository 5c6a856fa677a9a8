//! kubectl, where there is one, against the lab's API: what rehearses with honey
//! has to make sense to other clients too.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{net::Ipv4Addr, process::Stdio, time::Duration};

use honey_lab::kube::{ClusterOptions, SimulatedCluster};
use tokio::{io::AsyncWriteExt, process::Command};

async fn kubectl(kubeconfig: &std::path::Path, arguments: &[&str], input: &str) -> (bool, String) {
    let mut child = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .arg("--cache-dir")
        .arg(kubeconfig.with_extension("cache"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    let output = child.wait_with_output().await.unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn kubectl_understands_the_simulated_api() {
    if Command::new("kubectl").arg("version").arg("--client").output().await.is_err() {
        println!("kubectl is not installed: not compared");
        return;
    }
    let lab = SimulatedCluster::create(&ClusterOptions { pace: 60.0, ..ClusterOptions::default() }).unwrap();
    lab.add_node("node-1", &[Ipv4Addr::LOCALHOST.into()], &[]);
    let at = lab.serve_on((Ipv4Addr::LOCALHOST, 0).into(), &[]).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("kubeconfig");
    std::fs::write(&config, lab.kubeconfig_yaml(&format!("https://{at}"))).unwrap();
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: default}\nspec:\n  replicas: 2\n  \
        selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: [{name: web, image: example/web}]}\n";
    for (arguments, input, expected) in [
        (vec!["version", "-o", "json"], "", "v1.34.6+k3s1"),
        (vec!["get", "nodes"], "", "node-1"),
        (vec!["api-resources", "--api-group=traefik.io"], "", "middlewares"),
        (
            vec!["apply", "--server-side", "--validate=false", "-f", "-"],
            deployment,
            "deployment.apps/web serverside-applied",
        ),
        (vec!["wait", "--for=condition=Available", "deployment/web", "--timeout=60s"], "", "condition met"),
        (vec!["rollout", "status", "deployment/web", "--timeout=60s"], "", "successfully rolled out"),
        (vec!["get", "pods", "-l", "app=web", "-o", "name"], "", "pod/web-"),
        (vec!["logs", "deployment/web"], "", "started"),
        (vec!["scale", "deployment/web", "--replicas=1"], "", "scaled"),
        (vec!["label", "node", "node-1", "honeydue/redis=true"], "", "labeled"),
        (vec!["rollout", "restart", "deployment/web"], "", "restarted"),
        (
            vec!["create", "--validate=false", "-f", "-"],
            "apiVersion: v1\nkind: Namespace\nmetadata: {name: honeydue}\n",
            "namespace/honeydue created",
        ),
        (vec!["delete", "deployment", "web", "--timeout=60s"], "", "deleted"),
        (vec!["delete", "namespace", "honeydue", "--timeout=60s"], "", "deleted"),
    ] {
        let ran = tokio::time::timeout(Duration::from_secs(90), kubectl(&config, &arguments, input)).await;
        let (succeeded, text) = ran.unwrap();
        assert!(succeeded && text.contains(expected), "kubectl {arguments:?}: {text}");
    }
}
