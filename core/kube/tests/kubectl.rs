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

/// A lab and a kubeconfig for it; `None` where there is no kubectl.
async fn served() -> Option<(SimulatedCluster, tempfile::TempDir, std::path::PathBuf)> {
    if Command::new("kubectl").arg("version").arg("--client").output().await.is_err() {
        println!("kubectl is not installed: not compared");
        return None;
    }
    let lab = SimulatedCluster::create(&ClusterOptions { pace: 60.0, ..ClusterOptions::default() }).unwrap();
    lab.add_node("node-1", &[Ipv4Addr::LOCALHOST.into()], &[]);
    let at = lab.serve_on((Ipv4Addr::LOCALHOST, 0).into(), &[]).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("kubeconfig");
    std::fs::write(&config, lab.kubeconfig_yaml(&format!("https://{at}"))).unwrap();
    Some((lab, home, config))
}

#[tokio::test]
async fn kubectl_is_named_as_the_manager_of_what_it_changes() {
    let Some((lab, _home, config)) = served().await else { return };
    let deployment = |replicas: u32, more: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: default}}\nspec:\n  replicas: {replicas}\n{more}  \
            selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    spec: {{containers: [{{name: web, image: web:1}}]}}\n"
        )
    };
    let apply = ["apply", "--server-side", "--validate=false", "--field-manager=honey", "-f", "-"];
    let forced = [&apply[..], &["--force-conflicts"]].concat();
    for (arguments, input, succeeds, expected) in [
        (apply.to_vec(), deployment(1, ""), true, "serverside-applied"),
        (
            apply.to_vec(),
            deployment(1, "  replica: 2\n"),
            false,
            "failed to create typed patch object (default/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema",
        ),
        (vec!["scale", "deployment/web", "--replicas=3"], String::new(), true, "scaled"),
        (
            apply.to_vec(),
            deployment(1, ""),
            false,
            "conflict with \"kubectl\" with subresource \"scale\" using apps/v1: .spec.replicas",
        ),
        (vec!["set", "image", "deployment/web", "web=web:2"], String::new(), true, "image updated"),
        (
            apply.to_vec(),
            deployment(3, ""),
            false,
            "conflict with \"kubectl-set\" using apps/v1: .spec.template.spec.containers[name=\"web\"].image",
        ),
        (
            vec!["patch", "deployment/web", "-p", r#"{"spec": {"replica": 3, "minReadySeconds": 1}}"#],
            String::new(),
            true,
            "Warning: unknown field \"spec.replica\"",
        ),
        (
            apply.to_vec(),
            deployment(3, "  minReadySeconds: 2\n"),
            false,
            "conflicts with \"kubectl-patch\" using apps/v1:\n- .spec.minReadySeconds",
        ),
        (forced.clone(), deployment(2, ""), true, "serverside-applied"),
        (
            vec![
                "get",
                "deployment/web",
                "-o",
                "jsonpath={.spec.replicas} {.spec.template.spec.containers[0].image}",
            ],
            String::new(),
            true,
            "2 web:1",
        ),
    ] {
        let ran = tokio::time::timeout(Duration::from_secs(90), kubectl(&config, &arguments, &input)).await;
        let (succeeded, text) = ran.unwrap();
        assert!(succeeded == succeeds && text.contains(expected), "kubectl {arguments:?}: {text}");
    }
    let all = lab.objects("apps", "deployments");
    let web = all.iter().find(|found| found["metadata"]["name"] == "web").unwrap();
    let mut managers: Vec<&str> = web["metadata"]["managedFields"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|entry| entry["manager"].as_str())
        .collect();
    managers.sort_unstable();
    assert_eq!(
        managers,
        ["honey", "k3s", "kubectl-patch"],
        "what scaled and what set the image own nothing any more"
    );
}

#[tokio::test]
async fn kubectl_understands_the_simulated_api() {
    let Some((_lab, _home, config)) = served().await else { return };
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
