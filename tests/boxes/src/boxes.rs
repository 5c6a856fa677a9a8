//! Several boxes on one switch: made together, gone together.

use std::{
    fs,
    ops::Deref,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    Failure, Image, Listed, System, TestBox,
    command::{Ended, ended, tool},
    image, machine,
    run::{self, Run},
    settings::Settings,
};

/// What boxes are like.
#[derive(Clone, Debug)]
pub struct Options {
    /// What is installed.
    pub image: Image,
    /// What `/etc/os-release` says.
    pub system: System,
    /// Host name of box 1, 2, …; `box-N` where there is none.
    pub hostnames: Vec<String>,
    /// Where sshd listens.
    pub ssh_port: u16,
    /// Size of the root file system, which lies in memory. What is never
    /// written takes none.
    pub disk_bytes: u64,
    /// Files and folders of this machine that show in every box: path here,
    /// path there. Read-only where the box is not meant to write: it can.
    pub binds: Vec<(PathBuf, String)>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            image: Image::default(),
            system: System::default(),
            hostnames: Vec::new(),
            ssh_port: 22,
            disk_bytes: 4 << 30,
            binds: Vec::new(),
        }
    }
}

/// A run of boxes. Goes away when dropped, unless it was detached.
#[derive(Debug)]
pub struct Boxes {
    run: Run,
    list: Vec<TestBox>,
    kept: bool,
}

impl Deref for Boxes {
    type Target = [TestBox];

    fn deref(&self) -> &[TestBox] {
        &self.list
    }
}

impl Drop for Boxes {
    fn drop(&mut self) {
        if !self.kept {
            // What could not be taken away is taken away by the next run.
            let _ = self.run.destroy();
        }
    }
}

impl Boxes {
    /// Makes `count` boxes and waits until all have booted. Box N has the
    /// addresses `….10+N`.
    ///
    /// # Errors
    /// When the machine cannot have boxes, the image cannot be made, or a box
    /// does not boot; what was begun is taken away again.
    pub fn up(count: usize, options: &Options) -> Result<Self, Failure> {
        machine::check()?;
        machine::make_room();
        let layers = options.image.ensure()?;
        let mut boxes = Self { run: Run::claim()?, list: Vec::new(), kept: false };
        boxes.run.make_switch()?;
        for (name, text) in
            [("boot.sh", include_str!("../assets/boot.sh")), ("init.sh", include_str!("../assets/init.sh"))]
        {
            let path = boxes.run.folder.join(name);
            fs::write(&path, text).map_err(|error| Failure::file(&path, error))?;
        }
        make_identity(&boxes.run.folder)?;
        for number in 1..=count {
            let folder = make_box(&boxes.run, number, options, &layers)?;
            boxes.list.push(TestBox::at(&folder)?);
        }
        boxes.write_ssh_config()?;
        for one in &boxes.list {
            one.supply()?;
        }
        for one in &boxes.list {
            one.wait()?;
        }
        Ok(boxes)
    }

    /// A run that another process made, or this one detached. Dropping it
    /// changes nothing.
    ///
    /// # Errors
    /// When there is no such run.
    pub fn open(run: u8) -> Result<Self, Failure> {
        let run = Run::open(run)?;
        let list = run.boxes().iter().map(|folder| TestBox::at(folder)).collect::<Result<_, _>>()?;
        Ok(Self { run, list, kept: true })
    }

    /// All runs that are there.
    pub fn list() -> Vec<Listed> {
        run::list()
    }

    /// Takes a run away, or all; gives back which.
    ///
    /// # Errors
    /// When there is no such run, or something of it cannot be taken away.
    pub fn down(run: Option<u8>) -> Result<Vec<u8>, Failure> {
        run::down(run)
    }

    /// Lets the boxes outlive this process, until [`Boxes::down`].
    ///
    /// # Errors
    /// When this cannot be noted.
    pub fn detach(mut self) -> Result<u8, Failure> {
        self.run.detach()?;
        self.kept = true;
        Ok(self.run.number)
    }

    /// The run's number.
    pub fn number(&self) -> u8 {
        self.run.number
    }

    /// The box of a name.
    ///
    /// # Errors
    /// When there is none.
    pub fn named(&self, name: &str) -> Result<&TestBox, Failure> {
        let found = self.list.iter().find(|one| one.name() == name);
        found.ok_or_else(|| Failure::Unknown(format!("box {name} in run {}", self.run.number)))
    }

    /// The operator's addresses: those of this machine on the boxes' network.
    pub fn operator(&self) -> (String, String) {
        (self.run.address4(1), self.run.address6(1))
    }

    /// A folder of the run, gone with it; tests may put files there.
    pub fn folder(&self) -> &Path {
        &self.run.folder
    }

    /// The operator's ssh configuration: a `Host` a box, with user `ubuntu`
    /// and a key; host keys are recorded beside it.
    pub fn ssh_config(&self) -> PathBuf {
        self.run.folder.join("ssh/config")
    }

    /// The operator's private key. Boxes accept it for `ubuntu` and `root`.
    pub fn identity(&self) -> PathBuf {
        self.run.folder.join("ssh/identity")
    }

    /// Runs the system's `ssh NAME COMMAND`, as the operator does by hand.
    ///
    /// # Errors
    /// When ssh cannot be started.
    pub fn ssh(&self, name: &str, text: &str) -> Result<Ended, Failure> {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.ssh_config()).args(["-o", "BatchMode=yes", name, text]);
        ended(ssh, None)
    }

    fn write_ssh_config(&self) -> Result<(), Failure> {
        use std::fmt::Write as _;
        let mut text = String::new();
        let folder = self.run.folder.join("ssh");
        for one in &self.list {
            let _ = write!(
                text,
                "Host {}\n  HostName {}\n  Port {}\n  User ubuntu\n  IdentityFile {}\n  IdentitiesOnly yes\n  \
                 UserKnownHostsFile {}\n  StrictHostKeyChecking accept-new\n  LogLevel ERROR\n\n",
                one.name(),
                one.ipv4(),
                one.ssh_port(),
                self.identity().display(),
                folder.join("known_hosts").display(),
            );
        }
        let path = self.ssh_config();
        fs::write(&path, text).map_err(|error| Failure::file(&path, error))
    }
}

fn make_identity(run: &Path) -> Result<(), Failure> {
    let folder = run.join("ssh");
    fs::DirBuilder::new().mode(0o700).create(&folder).map_err(|error| Failure::file(&folder, error))?;
    let path = folder.join("identity").display().to_string();
    tool(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", &path]).map(drop)
}

/// The folder of one box, with its root file system mounted.
fn make_box(run: &Run, number: usize, options: &Options, layers: &[PathBuf]) -> Result<PathBuf, Failure> {
    let name = format!("box-{number}");
    let folder = run.folder.join(&name);
    for below in ["", "disk", "root"] {
        let path = folder.join(below);
        fs::create_dir(&path).map_err(|error| Failure::file(&path, error))?;
    }
    let address = 10 + number;
    let binds: Vec<String> =
        options.binds.iter().map(|(from, to)| format!("{} {to}", from.display())).collect();
    Settings {
        name: name.clone(),
        netns: format!("hb{}-{number}", run.number),
        switch: run.switch(),
        port: name.clone(),
        mac: format!("02:b0:00:00:{:02x}:{address:02x}", run.number),
        ipv4: run.address4(address),
        ipv6: run.address6(address),
        gateway4: run.address4(1),
        gateway6: run.address6(1),
        ssh_port: options.ssh_port,
        binds: binds.join("\n"),
    }
    .write(&folder)?;

    let disk = folder.join("disk");
    let size = format!("size={},mode=755", options.disk_bytes);
    tool(&["mount", "-t", "tmpfs", "-o", &size, "box", &disk.display().to_string()])?;
    for below in ["upper", "work"] {
        let path = disk.join(below);
        fs::create_dir(&path).map_err(|error| Failure::file(&path, error))?;
    }
    image::mount_overlay(layers, &disk.join("upper"), &disk.join("work"), &folder.join("root"))?;
    furnish(&folder.join("root"), run, number, options)?;
    Ok(folder)
}

/// The kernel gives another one to every reader.
const UUID: &str = "/proc/sys/kernel/random/uuid";

/// Test kernels seldom speak iSCSI, without which the daemon ends at once.
const ISCSID: &str = "[Service]\nType=simple\nPIDFile=\nExecStart=\n\
                      ExecStart=/bin/sh -c '/sbin/iscsid -f || exec sleep infinity'\n";

/// What differs from box to box.
fn furnish(root: &Path, run: &Run, number: usize, options: &Options) -> Result<(), Failure> {
    let hostname = options.hostnames.get(number - 1).cloned().unwrap_or_else(|| format!("box-{number}"));
    let key = run.folder.join("ssh/identity.pub");
    let key = fs::read_to_string(&key).map_err(|error| Failure::file(&key, error))?;
    let write = |path: &str, text: &str, mode: u32| {
        let path = root.join(path);
        let parent = path.parent().unwrap_or(root);
        let _ = fs::remove_file(&path);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(mode)))
            .map_err(|error| Failure::file(&path, error))
    };
    write("etc/hostname", &format!("{hostname}\n"), 0o644)?;
    write("etc/hosts", &format!("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {hostname}\n"), 0o644)?;
    write("etc/resolv.conf", "", 0o644)?;
    // Not left to the first boot, which would enable every service there is.
    let id = fs::read_to_string(UUID).map_err(|error| Failure::file(Path::new(UUID), error))?;
    write("etc/machine-id", &id.replace('-', ""), 0o444)?;
    write("etc/os-release", &options.system.os_release(), 0o644)?;
    write("etc/systemd/system/iscsid.service.d/box.conf", ISCSID, 0o644)?;
    write("etc/ssh/sshd_config.d/50-box.conf", &format!("Port {}\n", options.ssh_port), 0o644)?;
    for home in ["root", "home/ubuntu"] {
        write(&format!("{home}/.ssh/authorized_keys"), &key, 0o600)?;
        let folder = root.join(home).join(".ssh");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))
            .map_err(|error| Failure::file(&folder, error))?;
    }
    let shown = root.display().to_string();
    tool(&["chroot", &shown, "chown", "-R", "ubuntu:ubuntu", "/home/ubuntu"])?;
    let host_key = format!("{shown}/etc/ssh/ssh_host_ed25519_key");
    tool(&["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", &hostname, "-f", &host_key]).map(drop)
}
