//! The stack of the test: something of each kind that a second day touches.

use honey_cluster_tests::Operator;

use crate::{applies, field, kubectl, planned, settled};

const CATALOGUE: &str = r#"name = "shop"
description = "Something of each kind that a second day touches"

[[phases]]
name = "namespaces"
files = ["namespace.yaml"]
gate = true

[[phases]]
name = "accounts"
files = ["accounts.yaml"]

[[phases]]
name = "settings"
files = ["settings.yaml"]
secrets = true
gate = true

[[phases]]
name = "migration"
files = ["migration.yaml"]
gate = true

[[phases]]
name = "workloads"
files = ["workloads.yaml"]
"#;

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";

const ACCOUNTS: &str = "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: web, namespace: shop }\n";

const SETTINGS: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: { name: settings, namespace: shop }
data:
  LEVEL: info
  GOES: "1"
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: files, namespace: shop }
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: by-hand
  resources: { requests: { storage: 1Mi } }
"#;

const MIGRATION: &str = r#"apiVersion: batch/v1
kind: Job
metadata: { name: migrate, namespace: shop }
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: migrate
          image: docker.io/library/answer:1
          imagePullPolicy: Never
          command: ["/answer", "need", "/answer"]
"#;

const WORKLOADS: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  replicas: 1
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      serviceAccountName: web
      terminationGracePeriodSeconds: 1
      containers:
        - name: web
          image: docker.io/library/answer:1
          imagePullPolicy: Never
          env:
            - { name: STAYS, value: "1" }
            - { name: GOES, value: "1" }
            - name: PASSWORD
              valueFrom: { secretKeyRef: { name: app, key: PASSWORD } }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: other, namespace: shop }
spec:
  replicas: 1
  selector: { matchLabels: { app: other } }
  template:
    metadata: { labels: { app: other } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: other
          image: docker.io/library/answer:1
          imagePullPolicy: Never
          envFrom: [{ configMapRef: { name: settings } }]
"#;

/// Puts the stack into the operator's project: one server is enough for it.
pub(crate) fn configure(operator: &Operator) {
    for (name, content) in [
        ("catalogue.toml", CATALOGUE),
        ("namespace.yaml", NAMESPACE),
        ("accounts.yaml", ACCOUNTS),
        ("settings.yaml", SETTINGS),
        ("migration.yaml", MIGRATION),
        ("workloads.yaml", WORKLOADS),
    ] {
        operator.write(&format!("project/shop/{name}"), content);
    }
    operator.write("project/secrets/password", "first");
    operator.write("project/secrets/token", "token-1");
    operator.edit("servers = 3", "servers = 1");
    operator.edit("    { address = \"server-2\", user = \"ubuntu\" },\n", "");
    operator.edit("    { address = \"server-3\", user = \"ubuntu\" },\n", "");
    operator.edit(
        "[plugins.generic-ssh]",
        r#"[stack]
source = "shop"
namespace = "shop"

[stack.secrets.app.data]
PASSWORD = "${secret:password}"
URL = "postgres://shop:${secret:password}@db/shop"
TOKEN = "${secret:token}"

[secrets]
password = { file = "secrets/password" }
token = { file = "secrets/token" }

[plugins.generic-ssh]"#,
    );
}

/// Replaces a text in a file of the stack.
#[track_caller]
pub(crate) fn edit(operator: &Operator, file: &str, from: &str, to: &str) {
    let path = operator.project().join("shop").join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no `{from}`");
    std::fs::write(&path, text.replace(from, to)).unwrap();
}

/// A redeploy is one line, and the new pods run the new tag.
pub(crate) fn another_tag(operator: &Operator) {
    edit(
        operator,
        "workloads.yaml",
        "name: other\n          image: docker.io/library/answer:1",
        "name: other\n          image: docker.io/library/answer:2",
    );
    applies(operator, &["update shop/Deployment/other"]);
    let images = kubectl(
        operator,
        &["get", "pods", "-l", "app=other", "-o", "jsonpath={.items[*].spec.containers[0].image}"],
    );
    assert!(images.contains("answer:2"), "{images}");
}

/// A volume claim that is not wanted any more goes only when it is named.
pub(crate) fn data_goes_only_by_name(operator: &Operator) {
    let path = operator.project().join("shop/settings.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.split("---").next().unwrap()).unwrap();
    let refused = operator.honey(&["plan"]);
    assert!(
        refused.code != 0
            && refused.said().contains("--allow-destroy home/kube/shop/PersistentVolumeClaim/files"),
        "{}",
        refused.said()
    );
    operator.honey(&["apply", "--yes"]).code(refused.code);
    assert_eq!(field(operator, "pvc/files", ".metadata.name"), "files");
    let named = ["--allow-destroy", "home/kube/shop/PersistentVolumeClaim/files"];
    let plan = operator.honey(&[&["plan"], &named[..]].concat()).code(0);
    assert!(plan.said().contains("data is lost"), "{}", plan.said());
    operator.honey(&[&["apply", "--yes"], &named[..]].concat()).code(0);
    assert_eq!(planned(operator), [""; 0]);
    settled(operator);
    let gone = operator.kubectl(&["-n", "shop", "get", "pvc", "files"]);
    assert!(gone.code != 0 && gone.said().contains("NotFound"), "{}", gone.said());
}
