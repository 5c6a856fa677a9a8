//! plugin.toml: what a plugin asks for. It gets nothing by asking; the
//! operator's configuration grants.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Why a manifest is refused.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Not TOML, a wrong type, an unknown or a missing key.
    #[error("{0}")]
    Syntax(String),
    /// A value that cannot be.
    #[error("`{key}`: {why}")]
    Value {
        /// Where.
        key: String,
        /// What is wrong with it.
        why: String,
    },
}

/// What a plugin is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Makes machines.
    Provider,
    /// Everything else.
    Integration,
}

/// What a plugin asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// `hetzner`
    pub id: String,
    /// `0.1.0`
    pub version: String,
    /// What it is for.
    pub role: Role,
    /// Interface version it was written for, e.g. `0.1`.
    pub interface: String,
    /// One sentence for people.
    #[serde(default)]
    pub description: String,
    /// Features a host must know, or refuse the plugin.
    #[serde(default)]
    pub must_understand: Vec<String>,
    /// Optional exports: `power`, `record-swap` …
    #[serde(default)]
    pub capabilities: Vec<String>,
    /// Reads host facts over ssh.
    #[serde(default)]
    pub ssh_facts: bool,
    /// Where it wants to talk to.
    #[serde(default)]
    pub egress: Egress,
    /// Secrets by the plugin's own names.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretUse>,
    /// Secrets it may have stored.
    #[serde(default)]
    pub captures: Captures,
    /// Token buckets by name.
    #[serde(default)]
    pub rate: BTreeMap<String, Rate>,
    /// What one call may cost.
    #[serde(default)]
    pub limits: Limits,
}

/// Where a plugin wants to talk to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Egress {
    /// Origins: `https://api.example.com`, with a port where it is not 443.
    /// `https://*.example.com` stands for every name below it.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// One secret and where it may go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecretUse {
    /// Hosts it may be sent to.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Digests and HMACs of it may be given to the guest.
    #[serde(default)]
    pub sign: bool,
    /// Not secret by itself, as the public half of a pair: replies may repeat it.
    #[serde(default)]
    pub identifier: bool,
    /// The plugin cannot work without.
    #[serde(default = "yes")]
    pub required: bool,
    /// For people: what it is and where to get it.
    #[serde(default)]
    pub description: String,
}

fn yes() -> bool {
    true
}

/// Secrets that a plugin may have stored from replies, or generated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captures {
    /// Names without the plugin's id; `*` stands for any text without a dot.
    #[serde(default)]
    pub names: Vec<String>,
    /// Hosts that captured secrets may be sent to; none: not at all.
    #[serde(default)]
    pub hosts: Vec<String>,
}

/// A token bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rate {
    /// Requests a minute in the long run.
    pub per_minute: u32,
    /// Requests at once.
    #[serde(default = "one")]
    pub burst: u32,
    /// For people: the headers by which the vendor tells what is left.
    #[serde(default)]
    pub feed: String,
}

fn one() -> u32 {
    1
}

/// What one call may cost.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Linear memory.
    pub memory_mib: u32,
    /// Longest operation, waiting included.
    pub timeout_seconds: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_mib: 64, timeout_seconds: 600 }
    }
}

impl Manifest {
    /// Reads plugin.toml. Unknown keys are errors: a host that does not know a
    /// restriction must not ignore it.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self = toml::from_str(text)
            .map_err(|error| ManifestError::Syntax(error.to_string().trim_end().to_owned()))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ManifestError> {
        let wrong = |key: &str, why: &str| ManifestError::Value { key: key.to_owned(), why: why.to_owned() };
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if self.id.is_empty() || self.id.len() > 40 || !self.id.chars().all(plain) {
            return Err(wrong("id", "1 to 40 characters of a-z, 0-9 and `-`"));
        }
        let numbers: Vec<&str> =
            self.version.split(['-', '+']).next().unwrap_or_default().split('.').collect();
        let number = |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
        if numbers.len() != 3 || !numbers.iter().all(number) || self.version.len() > 40 {
            return Err(wrong("version", "a semantic version such as 1.2.3"));
        }
        for (name, rate) in &self.rate {
            if rate.per_minute == 0 || rate.burst == 0 {
                return Err(wrong(&format!("rate.{name}"), "per-minute and burst are at least 1"));
            }
        }
        for name in self.secrets.keys() {
            if name.is_empty() || name.len() > 60 || !name.chars().all(plain) {
                return Err(wrong(&format!("secrets.{name}"), "named with a-z, 0-9 and `-`"));
            }
        }
        if !(1..=1024).contains(&self.limits.memory_mib) {
            return Err(wrong("limits.memory-mib", "between 1 and 1024"));
        }
        if !(1..=86_400).contains(&self.limits.timeout_seconds) {
            return Err(wrong("limits.timeout-seconds", "between 1 and 86400"));
        }
        Ok(())
    }

    /// `hetzner@0.1.0`
    pub fn origin(&self) -> String {
        format!("{}@{}", self.id, self.version)
    }

    /// Whether the manifest lets the plugin keep a secret under this name.
    pub fn may_capture(&self, name: &str) -> bool {
        self.captures.names.iter().any(|pattern| matches_pattern(pattern, name))
    }
}

/// `*` stands for one or more characters other than a dot.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (pattern.split('.').collect(), name.split('.').collect());
    wanted.len() == given.len()
        && wanted.iter().zip(&given).all(|(wanted, given)| match wanted.split_once('*') {
            None => wanted == given,
            Some((before, after)) => {
                given.len() > before.len() + after.len()
                    && given.starts_with(before)
                    && given.ends_with(after)
            }
        })
}

#[cfg(test)]
mod tests {
    use super::{Manifest, ManifestError, matches_pattern};

    const FULL: &str = r#"
        id = "hetzner"
        version = "0.1.0"
        role = "provider"
        interface = "0.1"
        must-understand = []
        capabilities = ["power"]
        ssh-facts = false
        [egress]
        hosts = ["https://api.hetzner.cloud"]
        [secrets.token]
        hosts = ["api.hetzner.cloud"]
        sign = false
        required = true
        description = "API token"
        [captures]
        names = ["*.password"]
        [rate.default]
        per-minute = 60
        burst = 20
        feed = "ratelimit-remaining"
        [limits]
        memory-mib = 64
        timeout-seconds = 600
    "#;

    #[test]
    fn a_full_manifest_is_read() {
        let manifest = Manifest::parse(FULL).unwrap();
        assert_eq!(manifest.origin(), "hetzner@0.1.0");
        assert_eq!(manifest.rate["default"].burst, 20);
    }

    #[test]
    fn what_the_host_does_not_know_is_refused_by_name() {
        let error = Manifest::parse(&FULL.replace("burst", "brust")).unwrap_err();
        assert!(matches!(&error, ManifestError::Syntax(text) if text.contains("brust")), "{error}");
        for (from, to, key) in [
            ("\"hetzner\"", "\"../x\"", "id"),
            ("\"0.1.0\"", "\"new\"", "version"),
            ("memory-mib = 64", "memory-mib = 0", "limits.memory-mib"),
            ("per-minute = 60", "per-minute = 0", "rate.default"),
        ] {
            let error = Manifest::parse(&FULL.replace(from, to)).unwrap_err();
            assert!(matches!(&error, ManifestError::Value { key: found, .. } if found == key), "{error}");
        }
    }

    #[test]
    fn capture_patterns_stay_within_their_dots() {
        for (pattern, name, wanted) in [
            ("*.password", "honeydue.password", true),
            ("*.password", "a.b.password", false),
            ("*.*.password", "honeydue.app.password", true),
            ("honeydue-*", "honeydue-pull", true),
            ("honeydue-*", "honeydue-", false),
            ("*", "a.b", false),
            ("exact", "exact", true),
        ] {
            assert_eq!(matches_pattern(pattern, name), wanted, "{pattern} {name}");
        }
    }
}
