//! Hosts: honey beside a bare `ssh`, ansible-core and pyinfra on the same boxes.
//!
//! Looks at hosts are measured in the host port itself (`measure-hosts`), a
//! baseline with nothing to change as a whole `honey apply`. Peers come from
//! `PyPI` into a folder of the cache.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use honey_boxes::{Boxes, Image, Options, image};
use serde_json::Value;

use super::{Line, Peer, far_away, measure};
use crate::{
    setup,
    workspace::{Failure, build_programs, output, root, run},
};

const ANSIBLE: &str = "ansible-core>=2.19,<2.20";
const PYINFRA: &str = "pyinfra>=3,<4";
const PACKAGES: &[&str] = &["fail2ban", "unattended-upgrades", "open-iscsi", "curl", "ufw"];
/// About what honey's look tells.
const PYINFRA_FACTS: &[&str] = &[
    "server.LinuxDistribution",
    "server.Hostname",
    "deb.DebPackages",
    "systemd.SystemdStatus",
    "server.Mounts",
];

/// Measures everything about hosts.
pub(super) fn measure(honey: &Path) -> Result<Vec<Line>, Failure> {
    setup::ensure_for_boxes()?;
    let program = build_programs(&["measure-hosts"], true)?.join("measure-hosts");
    let peers = Peers::ensure();
    let boxes = Boxes::up(3, &Options { image: Image::Prepared, ..Options::default() })?;
    let bench = Bench {
        honey: honey.to_owned(),
        measure: program,
        boxes,
        folder: tempfile::tempdir().map_err(|error| Failure::Holds(error.to_string()))?,
        peers,
    };
    bench.prepare()?;
    let mut lines = bench.looks()?;
    lines.push(bench.baseline()?);
    drop(bench.boxes);
    lines.extend(far_away::boxes(&bench.measure)?);
    lines.extend(far_away::light_hosts(&bench.measure)?);
    Ok(lines)
}

/// Programs of others, where they could be installed.
struct Peers {
    folder: PathBuf,
    ansible: Option<String>,
    pyinfra: Option<String>,
}

impl Peers {
    fn ensure() -> Self {
        let folder = image::cache().with_file_name("bench").join("peers");
        let python = folder.join("bin/python");
        if !python.is_file() {
            let mut make = Command::new("python3");
            make.args(["-m", "venv"]).arg(&folder);
            let _ = run(make);
        }
        let version = |package: &str, name: &str| {
            let ask = || {
                let mut pip = Command::new(&python);
                pip.args(["-c", "import importlib.metadata as m,sys; print(m.version(sys.argv[1]))", name]);
                pip.stderr(Stdio::null()).output().ok().filter(|output| output.status.success())
            };
            if ask().is_none() {
                let mut pip = Command::new(&python);
                pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package]);
                let _ = run(pip);
            }
            let found = ask().map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
            if found.is_none() {
                eprintln!("{package} could not be installed from PyPI: measured without it");
            }
            found
        };
        let ansible = version(ANSIBLE, "ansible-core");
        let pyinfra = version(PYINFRA, "pyinfra");
        Self { folder, ansible, pyinfra }
    }

    fn program(&self, name: &str) -> Command {
        Command::new(self.folder.join("bin").join(name))
    }
}

struct Bench {
    honey: PathBuf,
    measure: PathBuf,
    boxes: Boxes,
    folder: tempfile::TempDir,
    peers: Peers,
}

impl Bench {
    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.folder.path().join(name);
        let folder = path.parent().unwrap_or(self.folder.path());
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Failure::File { path: path.clone(), error })?;
        Ok(path)
    }

    /// The operator's folder, with a cluster that is built already as far as
    /// hosts go, and what the peers read.
    fn prepare(&self) -> Result<(), Failure> {
        let ssh = "#!/bin/sh\nexec /usr/bin/ssh -F none \"$@\"\n";
        let silent = root().join("tests/src/hosts/silent-k3s");
        let silent = fs::read_to_string(&silent).map_err(|error| Failure::File { path: silent, error })?;
        for path in [self.write("bin/ssh", ssh)?, self.write("k3s", &silent)?] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(|error| Failure::File { path, error })?;
        }
        let addresses = self.boxes.iter().map(honey_boxes::TestBox::ipv4);
        let machines: Vec<String> =
            addresses.map(|address| format!("{{ address = \"{address}\" }}")).collect();
        self.write(
            "honey.toml",
            &format!(
                "version = 1\n[project]\nname = \"bench\"\ndefault = \"home\"\n[cluster]\nservers = 3\n[cluster.k3s]\n\
                 version = \"v1.34.6+k3s1\"\nbinary = \"k3s\"\n[instances.home]\nplugin = \"generic-ssh\"\n\
                 machines = [{}]\nssh = {{ user = \"ubuntu\", identity = \"{}\" }}\n[plugins.generic-ssh]\nssh = true\n",
                machines.join(", "),
                self.boxes.identity().display()
            ),
        )?;
        run(self.honey(&["plugin", "lock"]))?;
        run(self.honey(&["apply", "--yes"]))?;
        let key = self.boxes.identity();
        // Nothing of these boxes goes into the operator's own file.
        let known = self.write("known_hosts", "")?;
        let mut inventory = String::from("[boxes]\n");
        let mut hosts = String::from("boxes = [\n");
        for one in self.boxes.iter() {
            inventory += &format!("{} ansible_host={}\n", one.name(), one.ipv4());
            hosts += &format!(
                "  (\"{}\", {{\"ssh_user\": \"ubuntu\", \"ssh_key\": \"{}\", \"ssh_strict_host_key_checking\": \"no\", \"ssh_known_hosts_file\": \"{}\", \"_sudo\": True}}),\n",
                one.ipv4(),
                key.display(),
                known.display()
            );
        }
        inventory += &format!(
            "[boxes:vars]\nansible_user=ubuntu\nansible_become=true\nansible_ssh_private_key_file={}\n\
             ansible_python_interpreter=/usr/bin/python3\nansible_ssh_common_args=-o UserKnownHostsFile={}\n",
            key.display(),
            known.display()
        );
        self.write("inventory.ini", &inventory)?;
        self.write("inventory.py", &(hosts + "]\n"))?;
        self.write(
            "baseline.yaml",
            &format!(
                "- hosts: boxes\n  tasks:\n    - apt: {{ name: [{}], state: present }}\n    \
                 - copy: {{ dest: /etc/sysctl.d/90-bench.conf, content: \"vm.swappiness = 10\\n\", mode: '0644' }}\n    \
                 - service: {{ name: '{{{{ item }}}}', state: started, enabled: true }}\n      \
                 loop: [fail2ban, iscsid, unattended-upgrades]\n    - command: ufw status verbose\n      changed_when: false\n",
                PACKAGES.join(", ")
            ),
        )?;
        Ok(())
    }

    fn honey(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.honey);
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("PATH", format!("{}:{path}", self.folder.path().join("bin").display()));
        command
    }

    /// ansible with a folder of its own for connections that stay open.
    fn ansible(&self, program: &str, arguments: &[&str], connections: &Path) -> Command {
        let mut command = self.peers.program(program);
        command
            .args(["-i", "inventory.ini"])
            .args(arguments)
            .current_dir(self.folder.path())
            .env("ANSIBLE_HOME", self.folder.path().join("ansible"))
            .env("ANSIBLE_HOST_KEY_CHECKING", "false")
            .env("ANSIBLE_SSH_CONTROL_PATH_DIR", connections)
            .env("LC_ALL", "C.UTF-8");
        command
    }

    fn looks(&self) -> Result<Vec<Line>, Failure> {
        let config = self.boxes.ssh_config();
        let names: Vec<&str> = self.boxes.iter().map(honey_boxes::TestBox::name).collect();
        let (cold, warm) = look(&self.measure, &config, &names)?;
        let bare = bare(&self.measure, &config, &names)?;
        let mut lines = vec![floor("facts of 3 boxes, cold, over the floor", cold, bare)];
        let folder = self.folder.path();
        let (mut number, mut ansible_cold, mut ansible_warm, mut pyinfra) = (0, None, None, None);
        if let Some(version) = &self.peers.ansible {
            let peer = |value| Peer { name: "ansible-core".to_owned(), version: version.clone(), value };
            let setup = ["all", "-m", "setup", "-f", "10"];
            let seconds = measure::median(0, || {
                number += 1;
                Ok(self.ansible("ansible", &setup, &folder.join(format!("cp{number}"))))
            })?;
            ansible_cold = Some(peer(seconds.seconds));
            let open = folder.join("open");
            let seconds = measure::median(0, || Ok(self.ansible("ansible", &setup, &open)))?;
            ansible_warm = Some(peer(seconds.seconds));
        }
        if let Some(version) = &self.peers.pyinfra {
            let seconds = measure::median(0, || {
                let mut command = self.peers.program("pyinfra");
                command.args(["-y", "inventory.py", "fact"]).args(PYINFRA_FACTS).current_dir(folder);
                Ok(command)
            })?;
            pyinfra =
                Some(Peer { name: "pyinfra".to_owned(), version: version.clone(), value: seconds.seconds });
        }
        lines.push(Line::beside("hosts", "facts of 3 boxes, cold", cold, ansible_cold, 5.0));
        lines.push(Line::beside("hosts", "facts of 3 boxes, cold, ahead of pyinfra", cold, pyinfra, 1.0));
        lines.push(Line::beside("hosts", "facts of 3 boxes, connections open", warm, ansible_warm, 30.0));
        Ok(lines)
    }

    fn baseline(&self) -> Result<Line, Failure> {
        let honey = measure::median(0, || Ok(self.honey(&["apply", "--yes"])))?;
        let mut peer = None;
        if let Some(version) = &self.peers.ansible {
            let open = self.folder.path().join("playbook");
            run(self.ansible("ansible-playbook", &["baseline.yaml"], &open))?;
            let seconds =
                measure::median(0, || Ok(self.ansible("ansible-playbook", &["baseline.yaml"], &open)))?;
            peer = Some(Peer {
                name: "ansible-core".to_owned(),
                version: version.clone(),
                value: seconds.seconds,
            });
        }
        Ok(Line::beside("hosts", "baseline of 3 boxes, nothing to change", honey.seconds, peer, 10.0))
    }
}

/// The look carried by nothing but `ssh`, to all hosts at once.
pub(super) fn bare(measure: &Path, config: &Path, names: &[&str]) -> Result<f64, Failure> {
    let mut script = Command::new(measure);
    script.arg("script");
    let script = output(script)?.1;
    let cannot = |error| Failure::Start { program: "ssh".to_owned(), error };
    middle(5, || {
        let started = Instant::now();
        let mut children = Vec::new();
        for name in names {
            let mut ssh = Command::new("ssh");
            ssh.arg("-F").arg(config).args(["-o", "BatchMode=yes", name, "sudo -n sh -s"]);
            ssh.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            children.push(ssh.spawn().map_err(cannot)?);
        }
        for child in &mut children {
            if let Some(mut input) = child.stdin.take() {
                input.write_all(script.as_bytes()).map_err(cannot)?;
            }
        }
        for mut child in children {
            child.wait().map_err(cannot)?;
        }
        Ok(started.elapsed().as_secs_f64())
    })
}

/// Holds when honey takes at most 1.3 times as long as what it cannot beat.
pub(super) fn floor(work: &str, honey: f64, bare: f64) -> Line {
    let peer = Peer { name: "ssh".to_owned(), version: "bare".to_owned(), value: bare };
    let mut line = Line::beside("hosts", work, honey, Some(peer), 0.0);
    "<= 1.3x ssh".clone_into(&mut line.bar);
    line.holds = Some(honey <= 1.3 * bare);
    line
}

/// honey's look at hosts: seconds with connections to open, and open already.
pub(super) fn look(measure: &Path, config: &Path, names: &[&str]) -> Result<(f64, f64), Failure> {
    measured(|| {
        let mut command = Command::new(measure);
        command.arg("boxes").arg(config).arg("5").args(names);
        command
    })
}

/// Medians of what the measuring program tells, over five runs of it.
pub(super) fn measured(command: impl Fn() -> Command) -> Result<(f64, f64), Failure> {
    let mut warm = Vec::new();
    let cold = middle(5, || {
        let (code, text) = output(command())?;
        let answer: Value = serde_json::from_str(&text)
            .map_err(|error| Failure::Holds(format!("measure-hosts ended with {code:?}: {error}")))?;
        warm.extend(answer["warm"].as_array().into_iter().flatten().filter_map(Value::as_f64));
        answer["cold"].as_f64().ok_or_else(|| Failure::Holds("no figure `cold`".to_owned()))
    })?;
    warm.sort_by(f64::total_cmp);
    Ok((cold, warm.get(warm.len() / 2).copied().unwrap_or_default()))
}

fn middle(runs: usize, mut one: impl FnMut() -> Result<f64, Failure>) -> Result<f64, Failure> {
    let mut values = (0..runs).map(|_| one()).collect::<Result<Vec<_>, _>>()?;
    values.sort_by(f64::total_cmp);
    Ok(values[values.len() / 2])
}
