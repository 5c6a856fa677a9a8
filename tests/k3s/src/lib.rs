//! Builds what stands for k3s in tests, once, into a cache outside the checkout.
//!
//! The Go module around this crate has four programs:
//!
//! | | |
//! |---|---|
//! | `parts` | etcd, kube-apiserver, kube-controller-manager, kube-scheduler, kubelet, kube-proxy, kubectl and kwok in one file, told apart by its name |
//! | `k3s` | the stand-in: k3s's flags, files, refusals and join protocol around those parts |
//! | `mirror` | the installer and releases over HTTPS, under the names that k3s has them |
//! | `answer` | what pods run; packed into image archives |
//!
//! This is not k3s: `cmd/k3s` says what is missing. The cache is
//! `$XDG_CACHE_HOME/honey/k3s`, else `~/.cache/honey/k3s`; its entries are named
//! by the digest of the module's sources.

use std::{
    fs::{self, File},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use sha2::{Digest as _, Sha256};

/// The release of Kubernetes behind every version that a stand-in claims.
pub const KUBERNETES: &str = "v1.34.2";

/// The installer for the stand-in, told by its variables where to find one.
pub const INSTALLER: &str = include_str!("../cmd/mirror/install.sh");

/// Names under which `parts` is a program of its own.
pub const PARTS: &[&str] = &[
    "etcd",
    "etcdctl",
    "etcdutl",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
    "kwok",
];

/// Why there are no parts.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No Go, or a tool that ended badly.
    #[error("{0}")]
    Tool(String),
    /// A file could not be read or written.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: String,
        /// Why not.
        error: std::io::Error,
    },
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Failure + use<'_> {
    move |error| Failure::File { path: path.display().to_string(), error }
}

/// The folder with the programs and images; built now where it is not there
/// yet. Several at once wait for each other.
///
/// # Errors
/// When Go is missing or a build fails; what was begun is made anew the next time.
pub fn ensure() -> Result<PathBuf, Failure> {
    let cache = cache();
    fs::create_dir_all(&cache).map_err(file(&cache))?;
    let folder = cache.join(recipe()?);
    let lock = cache.join("lock");
    let held = File::create(&lock).map_err(file(&lock))?;
    held.lock().map_err(file(&lock))?;
    if !folder.is_dir() {
        let draft = folder.with_extension("draft");
        let _ = fs::remove_dir_all(&draft);
        build(&draft)?;
        fs::rename(&draft, &folder).map_err(file(&folder))?;
    }
    Ok(folder)
}

/// Whether the parts are there already.
pub fn is_made() -> bool {
    recipe().is_ok_and(|recipe| cache().join(recipe).is_dir())
}

/// Why this machine cannot build them: without Go it cannot, unless they are
/// there already.
pub fn cannot() -> Option<String> {
    if is_made() {
        return None;
    }
    let output = Command::new("go").args(["env", "GOVERSION"]).stdin(Stdio::null()).output();
    let version = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    let minor =
        version.as_deref().ok().and_then(|text| text.strip_prefix("go1.")?.split('.').next()?.parse().ok());
    match minor {
        Some(24_u32..) => None,
        Some(_) => Some(format!("its Go is {}; 1.24 or newer is needed", version.unwrap_or_default())),
        None => Some("it has no Go; install 1.24 or newer".to_owned()),
    }
}

/// Writes a stand-in that claims to be `version`, like `v1.34.6+k3s1`, and finds
/// its parts below `parts` on the machine that it will run on.
///
/// # Errors
/// When it cannot be written.
pub fn stand_in(folder: &Path, version: &str, parts: &Path, output: &Path) -> Result<(), Failure> {
    let mut command = Command::new(folder.join("k3s"));
    command.args(["stand-in", version]).arg(parts).arg(output);
    run(command)
}

fn module() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn cache() -> PathBuf {
    let set = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    set.unwrap_or_else(|| std::env::home_dir().unwrap_or_else(|| "/root".into()).join(".cache"))
        .join("honey/k3s")
}

/// Digest of everything that the programs are made from.
fn recipe() -> Result<String, Failure> {
    let mut sources = vec![module().join("go.mod"), module().join("go.sum")];
    let mut folders = vec![module().join("cmd"), module().join("internal")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(file(&folder))?.flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                sources.push(path);
            }
        }
    }
    sources.sort();
    let mut digest = Sha256::new();
    for path in sources {
        let content = fs::read(&path).map_err(file(&path))?;
        digest.update(path.strip_prefix(module()).unwrap_or(&path).as_os_str().as_encoded_bytes());
        digest.update((content.len() as u64).to_le_bytes());
        digest.update(content);
    }
    Ok(hex::encode(digest.finalize())[..16].to_owned())
}

fn build(draft: &Path) -> Result<(), Failure> {
    let images = draft.join("images");
    fs::create_dir_all(&images).map_err(file(&images))?;
    let version = "k8s.io/component-base/version";
    let stamps = format!(
        "-s -w -X {version}.gitVersion={KUBERNETES} -X {version}.gitMajor=1 -X {version}.gitMinor=34 \
         -X {version}.gitTreeState=clean"
    );
    for (program, name) in
        [("answer", "answer"), ("images", "pack"), ("k3s", "k3s"), ("mirror", "mirror"), ("parts", "parts")]
    {
        let mut command = Command::new("go");
        command
            .args(["build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags", &stamps, "-o"])
            .arg(draft.join(name))
            .arg(format!("./cmd/{program}"))
            .current_dir(module())
            .env("CGO_ENABLED", "0");
        run(command)?;
    }
    let mut pack = Command::new(draft.join("pack"));
    pack.arg(draft.join("answer")).arg(&images);
    run(pack)?;
    for name in PARTS {
        let link = draft.join(name);
        symlink("parts", &link).map_err(file(&link))?;
    }
    Ok(())
}

fn run(mut command: Command) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
            Err(Failure::Tool(format!("`{program} {}` ended with {status}", words.join(" "))))
        }
        Err(error) if program == "go" => {
            Err(Failure::Tool(format!("the control plane of tests is built with Go 1.24 or newer: {error}")))
        }
        Err(error) => Err(Failure::Tool(format!("`{program}` could not be started: {error}"))),
    }
}
