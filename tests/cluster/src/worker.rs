//! An application whose worker must never run twice, and the log that would
//! show it: its pod writes time, cluster and name into a file that all machines
//! share, for as long as it lives, also while it is told to end.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::operator::Operator;

/// Where every box sees the log's folder.
pub(crate) const FOLDER: &str = "/var/lib/worker-log";

const CATALOGUE: &str = r#"name = "shop"
description = "A worker that must never run twice, and a front end"

[parameters.namespace]
type = "string"
description = "Namespace of everything"

[parameters.cluster_label]
type = "string"
description = "Which cluster writes"

[parameters.singleton_replicas]
type = "integer"
minimum = 0
maximum = 1
description = "Replicas of the worker"

[[phases]]
name = "namespaces"
files = ["namespace.yaml"]
gate = true

[[phases]]
name = "workloads"
files = ["worker.yaml", "web.yaml"]
gate = true
"#;

const NAMESPACE: &str = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {{ namespace | yaml }}\n";

const WORKER: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: worker
  namespace: {{ namespace | yaml }}
  annotations: { honey.dev/singleton: "true" }
spec:
  replicas: {{ singleton_replicas }}
  strategy: { type: Recreate }
  selector: { matchLabels: { app: worker } }
  template:
    metadata:
      labels: { app: worker }
      annotations: { honey.dev/singleton: "true" }
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: worker
          image: docker.io/library/answer:1
          imagePullPolicy: Never
          command: ["/answer", "tick", "/log/ticks", {{ cluster_label | yaml }}]
          volumeMounts:
            - { name: log, mountPath: /log }
      volumes:
        - name: log
          hostPath: { path: /var/lib/worker-log, type: Directory }
"#;

const WEB: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: {{ namespace | yaml }}
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - { name: web, image: "docker.io/library/answer:1", imagePullPolicy: Never }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: web
  namespace: {{ namespace | yaml }}
spec:
  minAvailable: 1
  selector: { matchLabels: { app: web } }
"#;

/// The life of one pod, as its own writing tells: nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Life {
    /// Of which cluster.
    pub cluster: String,
    /// The pod.
    pub pod: String,
    /// Its first moment.
    pub first: u128,
    /// Its last one.
    pub last: u128,
}

/// The log of the worker.
pub struct WorkerLog(TempDir);

impl WorkerLog {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    /// The folder, for boxes to show.
    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> PathBuf {
        self.folder().join("ticks")
    }

    /// Every pod that ever ran, by its first moment.
    ///
    /// # Panics
    /// When a line is no line of a worker.
    pub fn lives(&self) -> Vec<Life> {
        let text = fs::read_to_string(self.file()).unwrap_or_default();
        let mut lives: BTreeMap<(String, String), (u128, u128)> = BTreeMap::new();
        // The last line may be being written.
        for line in text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')) {
            let words: Vec<&str> = line.split(' ').collect();
            let [at, cluster, pod] = words[..] else { panic!("`{line}`") };
            let at: u128 = at.parse().unwrap_or_else(|_| panic!("`{line}`"));
            let life = lives.entry((cluster.to_owned(), pod.to_owned())).or_insert((at, at));
            *life = (life.0.min(at), life.1.max(at));
        }
        let mut lives: Vec<Life> = lives
            .into_iter()
            .map(|((cluster, pod), (first, last))| Life { cluster, pod, first, last })
            .collect();
        lives.sort_by_key(|life| life.first);
        lives
    }

    /// Nobody ran while another did; gives back how many pods there were.
    ///
    /// # Panics
    /// When two ran at any instant.
    #[track_caller]
    pub fn never_two(&self) -> usize {
        let lives = self.lives();
        for pair in lives.windows(2) {
            assert!(pair[0].last < pair[1].first, "two ran at once: {pair:#?}");
        }
        lives.len()
    }

    /// Whether somebody writes now.
    pub fn grows(&self) -> bool {
        let length = || fs::metadata(self.file()).map_or(0, |about| about.len());
        let before = length();
        std::thread::sleep(std::time::Duration::from_millis(500));
        length() > before
    }
}

/// Puts the application into the operator's project.
pub(crate) fn configure(operator: &Operator) {
    for (name, content) in [
        ("catalogue.toml", CATALOGUE),
        ("namespace.yaml", NAMESPACE),
        ("worker.yaml", WORKER),
        ("web.yaml", WEB),
    ] {
        operator.write(&format!("project/shop/{name}"), content);
    }
    operator.edit(
        "[plugins.generic-ssh]",
        "[stack]\nsource = \"shop\"\nnamespace = \"shop\"\n\n[plugins.generic-ssh]",
    );
}
