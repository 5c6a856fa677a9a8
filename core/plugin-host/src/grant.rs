//! What a plugin gets: what its manifest asks for and the configuration grants.

use std::{collections::BTreeMap, time::Duration};

use honey_model::SecretName;
use honey_plugin_pack::Manifest;
use serde_json::Value;

use crate::{error::Problem, http::egress::Origin};

/// Memory that a manifest may ask for without the operator agreeing by name.
const MEMORY_WITHOUT_GRANT: u32 = 256;

/// What the operator's configuration says about one plugin.
#[derive(Clone, Debug, Default)]
pub struct Grant {
    /// Origins; `None`: those of the manifest. An origin beyond the manifest's
    /// stands in for them, as when a test world plays the vendor.
    pub egress: Option<Vec<String>>,
    /// The plugin's secret names to the operator's.
    pub secrets: BTreeMap<String, String>,
    /// The plugin's own settings; an object or null.
    pub settings: Value,
    /// May read host facts over ssh.
    pub ssh: bool,
    /// Memory ceiling in MiB, where not the manifest's.
    pub memory_mib: Option<u32>,
    /// Longest operation in seconds, where not the manifest's.
    pub timeout_seconds: Option<u64>,
}

/// What it gets in the end.
#[derive(Clone, Debug)]
pub struct Effective {
    /// Where it may talk to.
    pub egress: Vec<Origin>,
    /// Its secrets by its own names.
    pub secrets: BTreeMap<String, GrantedSecret>,
    /// Whether host facts over ssh are linked.
    pub ssh: bool,
    /// Memory ceiling.
    pub memory_mib: u32,
    /// Longest operation.
    pub timeout: Duration,
}

/// One granted secret.
#[derive(Clone, Debug)]
pub struct GrantedSecret {
    /// The operator's name.
    pub name: SecretName,
    /// Hosts of the manifest that it may be sent to.
    pub hosts: Vec<String>,
    /// Digests may be given to the guest.
    pub sign: bool,
}

/// Whether a secret that is bound to `hosts` may be sent to `host` through
/// `origin`: to the hosts declared for it, or to what the operator put in the
/// place of the manifest's origins.
pub(crate) fn secret_may_go(manifest: &Manifest, hosts: &[String], host: &str, origin: &Origin) -> bool {
    let declared = |text: &String| host_pattern(text).is_some_and(|pattern| pattern.matches_host(host));
    if hosts.iter().any(declared) {
        return true;
    }
    let asked = manifest.egress.hosts.iter().filter_map(|text| Origin::parse(text, false).ok());
    origin.by_operator && !asked.into_iter().any(|asked| asked.matches_host(host) || asked.same_place(origin))
}

/// A bare host of a manifest as a pattern.
fn host_pattern(text: &str) -> Option<Origin> {
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    Origin::parse(&text, false).ok()
}

/// Manifest ∩ grant. Whatever is asked for and not granted is named, with what
/// to add to the configuration.
pub(crate) fn intersect(manifest: &Manifest, grant: &Grant) -> Result<Effective, Problem> {
    let id = &manifest.id;
    let mut missing = Vec::new();
    let wrong = |why: String| Problem::Manifest(why);
    let asked = manifest
        .egress
        .hosts
        .iter()
        .map(|text| Origin::parse(text, false).map_err(|error| wrong(format!("egress.hosts: {error}"))))
        .collect::<Result<Vec<_>, _>>()?;
    let egress = match &grant.egress {
        None => asked,
        Some(texts) => {
            let granted = texts
                .iter()
                .map(|text| {
                    Origin::parse(text, true)
                        .map_err(|error| Problem::NotGranted(vec![format!("plugins.{id}.egress: {error}")]))
                })
                .collect::<Result<Vec<_>, _>>()?;
            let replaced = granted.iter().any(|origin| !asked.iter().any(|asked| covers(asked, origin)));
            let uncovered = asked.iter().filter(|asked| !granted.iter().any(|origin| covers(origin, asked)));
            if !replaced {
                for origin in uncovered {
                    missing.push(format!(
                        "it wants to talk to {origin}: add \"{origin}\" to `plugins.{id}.egress`"
                    ));
                }
            }
            granted
        }
    };
    let mut secrets = BTreeMap::new();
    for (name, asked) in &manifest.secrets {
        for host in &asked.hosts {
            host_pattern(host)
                .ok_or_else(|| wrong(format!("secrets.{name}.hosts: `{host}` is not a host")))?;
        }
        match grant.secrets.get(name) {
            Some(operator) => {
                let operator = SecretName::new(operator)
                    .map_err(|error| Problem::NotGranted(vec![format!("plugins.{id}.secrets.{name}: {error}")]))?;
                let granted = GrantedSecret { name: operator, hosts: asked.hosts.clone(), sign: asked.sign };
                secrets.insert(name.clone(), granted);
            }
            None if asked.required => missing.push(format!(
                "it needs the secret `{name}`{}: add `{name} = \"NAME-UNDER-[secrets]\"` to `plugins.{id}.secrets`",
                Some(&asked.description).filter(|text| !text.is_empty()).map(|text| format!(" ({text})")).unwrap_or_default(),
            )),
            None => {}
        }
    }
    for name in grant.secrets.keys().filter(|name| !manifest.secrets.contains_key(*name)) {
        let known = manifest.secrets.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "no secrets".to_owned() } else { known };
        missing.push(format!(
            "`plugins.{id}.secrets.{name}` names a secret that it does not know; it knows {known}"
        ));
    }
    if manifest.ssh_facts && !grant.ssh {
        missing.push(format!("it wants to read host facts over ssh: add `ssh = true` to `plugins.{id}`"));
    }
    let memory_mib = grant.memory_mib.unwrap_or(manifest.limits.memory_mib);
    if grant.memory_mib.is_none() && memory_mib > MEMORY_WITHOUT_GRANT {
        missing.push(format!(
            "it wants {memory_mib} MiB of memory: add `memory-mib = {memory_mib}` to `plugins.{id}`"
        ));
    }
    if !missing.is_empty() {
        return Err(Problem::NotGranted(missing));
    }
    Ok(Effective {
        egress,
        secrets,
        ssh: manifest.ssh_facts && grant.ssh,
        memory_mib: memory_mib.max(1),
        timeout: Duration::from_secs(grant.timeout_seconds.unwrap_or(manifest.limits.timeout_seconds).max(1)),
    })
}

/// Whether everything that `inner` stands for is covered by `outer`.
fn covers(outer: &Origin, inner: &Origin) -> bool {
    let same = (&outer.scheme, outer.port) == (&inner.scheme, inner.port);
    let host = if inner.below {
        outer.below && (outer.host == inner.host || outer.matches_host(&inner.host))
    } else {
        outer.matches_host(&inner.host)
    };
    same && host
}

#[cfg(test)]
mod tests {
    use super::{Grant, intersect, secret_may_go};
    use crate::{error::Problem, http::egress};
    use honey_plugin_pack::Manifest;

    fn manifest(extra: &str) -> Manifest {
        Manifest::parse(&format!(
            "id = \"x\"\nversion = \"1.0.0\"\nrole = \"provider\"\ninterface = \"0.1\"\n{extra}"
        ))
        .unwrap()
    }

    fn grant(egress: Option<&[&str]>, secrets: &[(&str, &str)]) -> Grant {
        Grant {
            egress: egress.map(|all| all.iter().map(ToString::to_string).collect()),
            secrets: secrets.iter().map(|(a, b)| (a.to_string(), b.to_string())).collect(),
            ..Grant::default()
        }
    }

    #[test]
    fn what_is_asked_and_not_granted_is_named_with_what_to_add() {
        let hosts = "[egress]\nhosts = [\"https://a.example.com\", \"https://*.b.example.com\"]\n";
        let token = "[secrets.token]\nhosts = [\"a.example.com\"]\n";
        for (manifest_text, granted, wanted) in [
            (hosts, grant(None, &[]), Ok(2)),
            (hosts, grant(Some(&["https://a.example.com", "https://*.b.example.com"]), &[]), Ok(2)),
            (hosts, grant(Some(&["https://a.example.com"]), &[]), Err("https://*.b.example.com")),
            (hosts, grant(Some(&["http://127.0.0.1:99"]), &[]), Ok(1)),
            (hosts, grant(Some(&["nonsense"]), &[]), Err("plugins.x.egress")),
            (token, grant(None, &[]), Err("plugins.x.secrets")),
            (token, grant(None, &[("token", "mine")]), Ok(0)),
            (token, grant(None, &[("tokne", "mine"), ("token", "mine")]), Err("tokne")),
            (token, grant(None, &[("token", "../x")]), Err("plugins.x.secrets.token")),
            ("[limits]\nmemory-mib = 900\n", grant(None, &[]), Err("memory-mib = 900")),
            ("ssh-facts = true\n", grant(None, &[]), Err("ssh = true")),
            ("", grant(None, &[]), Ok(0)),
        ] {
            match (intersect(&manifest(manifest_text), &granted), wanted) {
                (Ok(effective), Ok(count)) => assert_eq!(effective.egress.len(), count, "{manifest_text}"),
                (Err(Problem::NotGranted(all)), Err(text)) => {
                    assert!(all.iter().any(|one| one.contains(text)), "{all:?} names {text}");
                }
                (found, wanted) => panic!("{manifest_text} {granted:?}: {found:?}, wanted {wanted:?}"),
            }
        }
    }

    #[test]
    fn secrets_go_to_their_hosts_or_to_what_replaces_them() {
        let manifest = manifest(
            "[egress]\nhosts = [\"https://a.example.com\", \"https://cdn.example.com\"]\n\
             [secrets.token]\nhosts = [\"a.example.com\"]\n",
        );
        let all = ["https://a.example.com", "https://cdn.example.com"];
        let lab = ["http://127.0.0.1:99"];
        for (granted, url, wanted) in [
            (None, "https://a.example.com/", true),
            (None, "https://cdn.example.com/", false),
            (Some(&all[..]), "https://a.example.com/", true),
            (Some(&all[..]), "https://cdn.example.com/", false),
            (Some(&lab[..]), "http://127.0.0.1:99/", true),
        ] {
            let effective = intersect(&manifest, &grant(granted, &[("token", "mine")])).unwrap();
            let (url, origin) = egress::check(url, &effective.egress).unwrap();
            let hosts = &effective.secrets["token"].hosts;
            let host = url.host_str().unwrap();
            assert_eq!(secret_may_go(&manifest, hosts, host, origin), wanted, "{granted:?} {url}");
        }
    }
}
