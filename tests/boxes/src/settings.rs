//! What is fixed about a box for its life, kept as a file that its power
//! supply (a shell script) reads too.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use crate::Failure;

/// What `/etc/os-release` says. The programs in every box are Debian 12's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "names say it")]
pub enum System {
    #[default]
    Debian12,
    Debian13,
    Ubuntu2204,
    Ubuntu2404,
    Ubuntu2604,
    /// One that honey does not know.
    Fedora42,
}

impl System {
    /// The file's text.
    pub fn os_release(self) -> String {
        let (id, like, name, version, codename) = match self {
            Self::Debian12 => ("debian", "", "Debian GNU/Linux", "12", "bookworm"),
            Self::Debian13 => ("debian", "", "Debian GNU/Linux", "13", "trixie"),
            Self::Ubuntu2204 => ("ubuntu", "debian", "Ubuntu", "22.04", "jammy"),
            Self::Ubuntu2404 => ("ubuntu", "debian", "Ubuntu", "24.04", "noble"),
            Self::Ubuntu2604 => ("ubuntu", "debian", "Ubuntu", "26.04", "resolute"),
            Self::Fedora42 => ("fedora", "", "Fedora Linux", "42", ""),
        };
        let mut text = format!(
            "PRETTY_NAME=\"{name} {version}\"\nNAME=\"{name}\"\nVERSION_ID=\"{version}\"\nVERSION_CODENAME={codename}\nID={id}\n"
        );
        if !like.is_empty() {
            let _ = writeln!(text, "ID_LIKE={like}");
        }
        text
    }
}

/// The file `settings` in a box's folder.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) netns: String,
    pub(crate) switch: String,
    pub(crate) port: String,
    /// The same after a reboot, as neighbours remember it.
    pub(crate) mac: String,
    pub(crate) ipv4: String,
    pub(crate) ipv6: String,
    pub(crate) gateway4: String,
    pub(crate) gateway6: String,
    pub(crate) ssh_port: u16,
    /// Path here and path in the box, a pair a line.
    pub(crate) binds: String,
}

impl Settings {
    pub(crate) fn write(&self, folder: &Path) -> Result<(), Failure> {
        let mut text = String::new();
        for (key, value) in [
            ("NAME", &self.name),
            ("NETNS", &self.netns),
            ("SWITCH", &self.switch),
            ("PORT", &self.port),
            ("MAC", &self.mac),
            ("IPV4", &self.ipv4),
            ("IPV6", &self.ipv6),
            ("GATEWAY4", &self.gateway4),
            ("GATEWAY6", &self.gateway6),
            ("SSH_PORT", &self.ssh_port.to_string()),
            ("BINDS", &self.binds.trim().replace('\'', "")),
        ] {
            let _ = writeln!(text, "{key}='{value}'");
        }
        let path = folder.join("settings");
        fs::write(&path, text).map_err(|error| Failure::file(&path, error))
    }

    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("settings");
        let text = fs::read_to_string(&path).map_err(|error| Failure::file(&path, error))?;
        let mut found: BTreeMap<&str, &str> = BTreeMap::new();
        let mut rest = text.as_str();
        while let Some((key, after)) = rest.split_once("='") {
            let (value, next) = after.split_once('\'').unwrap_or((after, ""));
            found.insert(key.trim(), value);
            rest = next;
        }
        let get = |key: &str| found.get(key).map(|value| (*value).to_owned()).unwrap_or_default();
        Ok(Self {
            name: get("NAME"),
            netns: get("NETNS"),
            switch: get("SWITCH"),
            port: get("PORT"),
            mac: get("MAC"),
            ipv4: get("IPV4"),
            ipv6: get("IPV6"),
            gateway4: get("GATEWAY4"),
            gateway6: get("GATEWAY6"),
            ssh_port: get("SSH_PORT").parse().unwrap_or(22),
            binds: get("BINDS"),
        })
    }
}
