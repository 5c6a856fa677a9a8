//! etcd and the API server on loopback, and kwok for nodes and pods that exist
//! in the API only: no box, no container, thousands of objects.
//!
//! `KUBEBUILDER_ASSETS` (setup-envtest) may name a folder with another `etcd`
//! and `kube-apiserver`; else the parts behind the stand-in are taken.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use honey_model::Secret;
use tempfile::TempDir;

use crate::stage::until;

/// Runs until dropped.
pub struct Loopback {
    folder: TempDir,
    url: String,
    running: Vec<Child>,
}

impl Drop for Loopback {
    fn drop(&mut self) {
        for child in self.running.iter_mut().rev() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

const TOKEN: &str = "administrator-of-the-test";

impl Loopback {
    /// Starts it and waits until it answers.
    ///
    /// # Panics
    /// When a program cannot be started or the API does not come up.
    pub fn start() -> Self {
        let parts = honey_k3s_parts::ensure().expect("the parts of a control plane");
        let named = std::env::var_os("KUBEBUILDER_ASSETS").filter(|path| !path.is_empty()).map(PathBuf::from);
        let assets = named.unwrap_or_else(|| parts.clone());
        let folder = tempfile::tempdir().expect("a folder");
        let [client, peer, api] = free_ports();
        let below = folder.path().to_owned();
        let path = |name: &str| below.join(name).display().to_string();
        let (store, voters) = (format!("http://127.0.0.1:{client}"), format!("http://127.0.0.1:{peer}"));
        fs::write(path("tokens"), format!("{TOKEN},admin,admin,system:masters\n")).expect("a file");
        let key = ["genpkey", "-quiet", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"];
        let made = Command::new("openssl").args(key).arg(path("key")).status().expect("openssl starts");
        assert!(made.success(), "openssl makes a key");
        let url = format!("https://127.0.0.1:{api}");
        let mut loopback = Self { url, running: Vec::new(), folder };
        loopback.run(
            &assets.join("etcd"),
            &[
                format!("--data-dir={}", path("etcd")),
                format!("--listen-client-urls={store}"),
                format!("--advertise-client-urls={store}"),
                format!("--listen-peer-urls={voters}"),
                format!("--initial-advertise-peer-urls={voters}"),
                format!("--initial-cluster=default={voters}"),
                "--unsafe-no-fsync".to_owned(),
            ],
        );
        loopback.run(
            &assets.join("kube-apiserver"),
            &[
                format!("--etcd-servers={store}"),
                "--bind-address=127.0.0.1".to_owned(),
                "--advertise-address=127.0.0.1".to_owned(),
                format!("--secure-port={api}"),
                format!("--cert-dir={}", path("certificates")),
                format!("--token-auth-file={}", path("tokens")),
                "--authorization-mode=RBAC".to_owned(),
                "--service-cluster-ip-range=10.43.0.0/16".to_owned(),
                "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
                format!("--service-account-key-file={}", path("key")),
                format!("--service-account-signing-key-file={}", path("key")),
                // Pods come without anybody who would make accounts for them.
                "--disable-admission-plugins=ServiceAccount".to_owned(),
                "--endpoint-reconciler-type=none".to_owned(),
            ],
        );
        let own = path("kubeconfig");
        until("the API answers", || {
            let authority =
                fs::read(path("certificates/apiserver.crt")).map_err(|error| error.to_string())?;
            fs::write(&own, loopback.text(&authority)).map_err(|error| error.to_string())?;
            let ran = loopback.kubectl_of(&parts, &["get", "--raw", "/readyz"]);
            if ran.as_deref() == Ok("ok") { Ok(()) } else { Err(format!("{ran:?}")) }
        });
        loopback
    }

    /// Lets kwok play kubelet for every node from now on.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn simulate(&mut self) {
        let parts = honey_k3s_parts::ensure().expect("the parts of a control plane");
        let own = self.folder.path().join("kubeconfig").display().to_string();
        self.run(&parts.join("kwok"), &[format!("--kubeconfig={own}"), "--manage-all-nodes=true".to_owned()]);
    }

    fn run(&mut self, program: &Path, arguments: &[String]) {
        let name = program.file_name().expect("a name").to_string_lossy().into_owned();
        let log = fs::File::create(self.folder.path().join(format!("{name}.log"))).expect("a file");
        let child = Command::new(program)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        self.running.push(child);
    }

    fn text(&self, authority: &[u8]) -> String {
        use base64::Engine as _;
        let authority = base64::engine::general_purpose::STANDARD.encode(authority);
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters:\n- name: c\n  cluster:\n    server: {}\n    \
             certificate-authority-data: {authority}\ncontexts:\n- name: c\n  context: {{cluster: c, user: u}}\nusers:\n\
             - name: u\n  user: {{token: {TOKEN}}}\n",
            self.url
        )
    }

    /// The administrator's way in.
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn kubeconfig(&self) -> Secret {
        Secret::new(fs::read(self.folder.path().join("kubeconfig")).expect("a kubeconfig"))
    }

    /// What the real kubectl says; its error where it fails.
    ///
    /// # Errors
    /// When it ends badly.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        self.kubectl_of(&honey_k3s_parts::ensure().expect("the parts"), arguments)
    }

    fn kubectl_of(&self, parts: &Path, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new(parts.join("kubectl"))
            .arg("--kubeconfig")
            .arg(self.folder.path().join("kubeconfig"))
            .arg("--cache-dir")
            .arg(self.folder.path().join("cache"))
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("kubectl runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

/// Ports that nobody listens on now.
fn free_ports() -> [u16; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind(("127.0.0.1", 0)).expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("an address").port())
}
