//! The k3s configuration file of one server, derived from what the machine
//! can do. Pure.

use honey_model::Secret;
use serde::Deserialize;

use crate::kind::connect::Machine;

/// Where k3s reads its configuration.
pub(crate) const CONFIG_PATH: &str = "/etc/rancher/k3s/config.yaml";

/// What the cluster says about k3s, the same for every server.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Settings {
    pub(super) flannel_backend: Option<String>,
    pub(super) secrets_encryption: bool,
    #[serde(default)]
    pub(super) disable: Vec<String>,
}

/// How a server comes into the cluster.
pub(super) enum Entry<'a> {
    /// It makes the cluster.
    Initialise,
    /// It joins through this server.
    Join { address: &'a str, token: &'a Secret },
}

/// The address other servers and the operator reach this one by, and the one
/// it uses inside the cluster.
pub(crate) fn inner_address(machine: &Machine) -> Option<&str> {
    let private = machine.private_ipv4.as_deref().filter(|_| machine.private_network);
    private.or(machine.ipv4.as_deref())
}

/// The file's text. `sans` are all addresses that may serve the API.
/// Without a private network, pod traffic is encrypted and uses public
/// addresses (runbook 3, 6.3).
pub(super) fn render(settings: &Settings, machine: &Machine, entry: &Entry<'_>, sans: &[String]) -> Secret {
    let mut lines: Vec<String> = Vec::new();
    let mut set = |key: &str, value: &str| lines.push(format!("{key}: {}", quoted(value)));
    match entry {
        Entry::Initialise => {}
        Entry::Join { address, token } => {
            set("server", &format!("https://{address}:6443"));
            set("token", token.expose_str().unwrap_or_default().trim());
        }
    }
    let public = machine.ipv4.as_deref().unwrap_or_default();
    let inner = inner_address(machine).unwrap_or(public);
    set("node-ip", inner);
    set("node-external-ip", public);
    set("advertise-address", inner);
    let default_backend = if machine.private_network { "vxlan" } else { "wireguard-native" };
    let backend = settings.flannel_backend.as_deref().unwrap_or(default_backend);
    set("flannel-backend", backend);
    set("write-kubeconfig-mode", "0600");
    if matches!(entry, Entry::Initialise) {
        lines.push("cluster-init: true".to_owned());
    }
    if !machine.private_network {
        lines.push("flannel-external-ip: true".to_owned());
    }
    if settings.secrets_encryption {
        lines.push("secrets-encryption: true".to_owned());
    }
    lines.push("disable-cloud-controller: true".to_owned());
    push_list(&mut lines, "disable", &settings.disable);
    push_list(&mut lines, "tls-san", sans);
    lines.push(String::new());
    Secret::new(lines.join("\n"))
}

fn push_list(lines: &mut Vec<String>, key: &str, values: &[String]) {
    if !values.is_empty() {
        lines.push(format!("{key}:"));
        lines.extend(values.iter().map(|value| format!("  - {}", quoted(value))));
    }
}

/// A YAML double-quoted scalar; JSON strings are a subset of it.
fn quoted(value: &str) -> String {
    serde_json::Value::String(value.to_owned()).to_string()
}

#[cfg(test)]
mod tests {
    use honey_model::Secret;

    use super::{Entry, Settings, render};
    use crate::kind::connect::Machine;

    fn settings() -> Settings {
        Settings { flannel_backend: None, secrets_encryption: true, disable: Vec::new() }
    }

    #[test]
    fn without_a_private_network_traffic_is_encrypted_over_public_addresses() {
        let machine = Machine { ipv4: Some("51.81.83.33".into()), ..Machine::default() };
        let text =
            render(&settings(), &machine, &Entry::Initialise, &["51.81.83.33".into(), "51.81.87.86".into()]);
        insta::assert_snapshot!(text.expose_str().unwrap(), @r#"
        node-ip: "51.81.83.33"
        node-external-ip: "51.81.83.33"
        advertise-address: "51.81.83.33"
        flannel-backend: "wireguard-native"
        write-kubeconfig-mode: "0600"
        cluster-init: true
        flannel-external-ip: true
        secrets-encryption: true
        disable-cloud-controller: true
        tls-san:
          - "51.81.83.33"
          - "51.81.87.86"
        "#);
    }

    #[test]
    fn with_a_private_network_the_inner_address_is_private() {
        let machine = Machine {
            ipv4: Some("51.81.83.33".into()),
            private_ipv4: Some("10.0.0.2".into()),
            private_network: true,
            ..Machine::default()
        };
        let token = Secret::new("K10abc::server:x\n");
        let entry = Entry::Join { address: "10.0.0.1", token: &token };
        let text = render(&settings(), &machine, &entry, &[]);
        let text = text.expose_str().unwrap();
        assert!(text.contains("node-ip: \"10.0.0.2\"") && text.contains("flannel-backend: \"vxlan\""));
        assert!(text.contains("token: \"K10abc::server:x\"") && !text.contains("cluster-init"));
    }
}
