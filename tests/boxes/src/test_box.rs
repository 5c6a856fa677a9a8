//! One box: programs run in it, its files, its power and its cable.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use crate::{
    Failure, Link,
    command::{Ended, command, ended, tool},
    link,
    run::{self, until},
    settings::Settings,
};

/// How long a box may take to boot on a machine with much to do.
const PATIENCE: Duration = Duration::from_mins(4);

/// A box. Its methods may be called from several threads.
#[derive(Debug)]
pub struct TestBox {
    settings: Settings,
    folder: PathBuf,
}

impl TestBox {
    pub(crate) fn at(folder: &Path) -> Result<Self, Failure> {
        Ok(Self { settings: Settings::read(folder)?, folder: folder.to_owned() })
    }

    /// Its name, also the `Host` of the ssh configuration: `box-1`. The host
    /// name was the same when it was made.
    pub fn name(&self) -> &str {
        &self.settings.name
    }

    /// Its IPv4 address.
    pub fn ipv4(&self) -> &str {
        &self.settings.ipv4
    }

    /// Its IPv6 address.
    pub fn ipv6(&self) -> &str {
        &self.settings.ipv6
    }

    /// The port that sshd was told to listen on.
    pub fn ssh_port(&self) -> u16 {
        self.settings.ssh_port
    }

    /// The root file system as this machine sees it, to look at and to write
    /// into while the box is off. Without what the box itself mounted.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// Whether its power is on and its first process runs.
    pub fn is_on(&self) -> bool {
        run::init_of(&self.folder).is_some()
    }

    /// A command that runs in the box as root, beside its network: not through
    /// ssh, so it also works while the cable is cut or ssh is locked out.
    ///
    /// # Errors
    /// When the box is off.
    pub fn command(&self, words: &[&str]) -> Result<Command, Failure> {
        let Some(init) = run::init_of(&self.folder) else {
            return Err(Failure::Unknown(format!("running box {}", self.settings.name)));
        };
        let target = format!("--target={init}");
        let enter = [
            "nsenter",
            &target,
            "--mount",
            "--pid",
            "--uts",
            "--ipc",
            "--net",
            "--cgroup",
            "--root",
            "--wd",
            "env",
            "-i",
            "HOME=/root",
            "LANG=C.UTF-8",
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ];
        Ok(command(&[&enter, words].concat()))
    }

    /// Runs words in the box as root to their end.
    ///
    /// # Errors
    /// When the box is off.
    pub fn exec(&self, words: &[&str]) -> Result<Ended, Failure> {
        ended(self.command(words)?, None)
    }

    /// Runs a shell text in the box as root to its end.
    ///
    /// # Errors
    /// When the box is off.
    pub fn shell(&self, text: &str) -> Result<Ended, Failure> {
        self.exec(&["sh", "-c", text])
    }

    /// [`Self::shell`] that must end well; gives back standard output.
    ///
    /// # Errors
    /// When the box is off, or the text ends with anything but 0.
    pub fn must(&self, text: &str) -> Result<String, Failure> {
        let ended = self.shell(text)?;
        if ended.ok() {
            return Ok(ended.text());
        }
        Err(Failure::Tool {
            what: format!("{}: {text}", self.settings.name),
            said: ended.text() + &ended.errors(),
        })
    }

    /// Writes a file in the box, readable for all; an executable one where its
    /// text begins with `#!`.
    ///
    /// # Errors
    /// When the box is off or the file cannot be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), Failure> {
        let mode = if content.as_ref().starts_with(b"#!") { "755" } else { "644" };
        let text = "mkdir -p \"$(dirname \"$1\")\" && cat >\"$1\" && chmod \"$2\" \"$1\"";
        let ended = ended(self.command(&["sh", "-c", text, "sh", path, mode])?, Some(content.as_ref()))?;
        if ended.ok() {
            return Ok(());
        }
        Err(Failure::Tool { what: format!("{}: write {path}", self.settings.name), said: ended.errors() })
    }

    /// Reads a file of the box; `None` where it is not there.
    ///
    /// # Errors
    /// When the box is off.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let ended = self.exec(&["cat", "--", path])?;
        Ok(ended.ok().then_some(ended.stdout))
    }

    /// Cuts the cable: nothing comes in or goes out, connections are not told.
    ///
    /// # Errors
    /// When the switch is gone.
    pub fn cut(&self) -> Result<(), Failure> {
        let path = self.folder.join("cut");
        File::create(&path).map_err(|error| Failure::file(&path, error))?;
        self.port("down")
    }

    /// Makes the cable slow or lossy, in place of what it was; also across a
    /// reboot, as long as this process lives.
    ///
    /// # Errors
    /// When the switch is gone or no TAP device can be made.
    pub fn slow(&self, link: Link) -> Result<(), Failure> {
        link::remove(&self.settings);
        let path = self.folder.join("slow");
        File::create(&path).map_err(|error| Failure::file(&path, error))?;
        link::insert(&self.settings, link)
    }

    /// Makes the cable good again, whatever was done to it.
    ///
    /// # Errors
    /// When the switch is gone.
    pub fn heal(&self) -> Result<(), Failure> {
        for mark in ["cut", "slow"] {
            if fs::remove_file(self.folder.join(mark)).is_ok() && mark == "slow" {
                link::remove(&self.settings);
            }
        }
        self.port("up")
    }

    fn port(&self, state: &str) -> Result<(), Failure> {
        tool(&["ip", "-n", &self.settings.switch, "link", "set", &self.settings.port, state]).map(drop)
    }

    /// Cuts the power and turns it on again: processes are gone at once, files
    /// stay, the firewall is what the box itself loads at boot. Returns when it
    /// is up again. For an orderly one run `systemctl reboot` in it.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn reboot(&self) -> Result<(), Failure> {
        let before = run::init_of(&self.folder);
        run::end(&self.folder);
        if !until(PATIENCE, || run::init_of(&self.folder) != before) {
            return Err(self.failed("the power went off"));
        }
        self.wait()
    }

    /// Cuts the power.
    ///
    /// # Errors
    /// When its processes do not end.
    pub fn power_off(&self) -> Result<(), Failure> {
        let path = self.folder.join("off");
        File::create(&path).map_err(|error| Failure::file(&path, error))?;
        run::end(&self.folder);
        if until(PATIENCE, || !self.is_on()) { Ok(()) } else { Err(self.failed("the power went off")) }
    }

    /// Turns the power on. Returns when it is up.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn power_on(&self) -> Result<(), Failure> {
        let _ = fs::remove_file(self.folder.join("off"));
        if !self.is_on() {
            self.supply()?;
        }
        self.wait()
    }

    /// Waits until the box has finished booting.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn wait(&self) -> Result<(), Failure> {
        let booted = || {
            let Ok(state) = self.exec(&["systemctl", "is-system-running", "--wait"]) else { return false };
            matches!(state.text().trim(), "running" | "degraded")
        };
        let ended = || run::supply_ended(&self.folder);
        if until(PATIENCE, || booted() || ended()) && !ended() {
            Ok(())
        } else {
            Err(self.failed("it did not boot"))
        }
    }

    /// Moves the clock that `date` tells by seconds; 0 puts it right. Not the
    /// kernel's, which all boxes and this machine share.
    ///
    /// # Errors
    /// When the box is off.
    pub fn shift_clock(&self, seconds: i64) -> Result<(), Failure> {
        let place = "/usr/local/bin/date";
        if seconds == 0 {
            return self.must(&format!("rm -f {place}")).map(drop);
        }
        self.write(place, format!("#!/bin/sh\nexec faketime -f '{seconds:+}s' /usr/bin/date \"$@\"\n"))
    }

    /// Starts the power supply: a process of its own that outlives this one.
    pub(crate) fn supply(&self) -> Result<(), Failure> {
        let _ = fs::remove_file(self.folder.join("init"));
        let mut supply = Command::new("setsid");
        supply.args(["sh", "../boot.sh"]).arg(&self.folder).current_dir(&self.folder);
        supply.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child =
            supply.spawn().map_err(|error| Failure::Start { program: "setsid".to_owned(), error })?;
        let path = self.folder.join("supply");
        fs::write(&path, child.id().to_string()).map_err(|error| Failure::file(&path, error))?;
        // Somebody has to take note of its end.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    fn failed(&self, what: &'static str) -> Failure {
        let log = fs::read(self.folder.join("boot.log")).unwrap_or_default();
        let said = String::from_utf8_lossy(&log[log.len().saturating_sub(1500)..]).into_owned();
        Failure::Box { name: self.settings.name.clone(), what, said }
    }
}
