//! What every machine gets before k3s: baseline and packet filter.

use honey_config::schema::{ApiAccess, WebAccess};
use honey_model::{Address, value::reference};
use serde_json::{Value, json};

use super::{Lowering, node, resource};
use crate::kind::{DRIVER, host_firewall::SSH};

/// Between the cluster's own servers (runbook 3): etcd, kubelet, WireGuard, VXLAN.
const PEER_PORTS: &[(&str, &str)] =
    &[("2379:2380", "tcp"), ("10250", "tcp"), ("51820", "udp"), ("8472", "udp")];

/// Packages with a service that must run, not only be there.
const SERVICES: &[(&str, &str)] =
    &[("fail2ban", "fail2ban"), ("unattended-upgrades", "unattended-upgrades"), ("open-iscsi", "iscsid")];

impl Lowering<'_> {
    pub(super) fn hosts(&mut self) {
        let cluster = &self.input.config.cluster;
        let swap_bytes = match cluster.host.swap.as_deref().map(bytes) {
            None => 0,
            Some(Some(bytes)) => bytes,
            Some(None) => {
                self.problem(
                    "HNY0186",
                    "a size is a number and KiB, MiB or GiB, as in `2GiB`",
                    "cluster.host.swap",
                );
                return;
            }
        };
        let listed = |package: &str| cluster.host.packages.iter().any(|name| name == package);
        let services: Vec<&str> =
            SERVICES.iter().filter(|(package, _)| listed(package)).map(|(_, service)| *service).collect();
        let mut packages = cluster.host.packages.clone();
        if listed("fail2ban") {
            // It reads the journal through this; not every release has a log file of logins.
            packages.push("python3-systemd".to_owned());
        }
        for index in 0..self.servers() {
            let machine = self.machine_address(index);
            let mut baseline = json!({
                "machine": reference(&machine, ""),
                "ssh": self.ssh(),
                "packages": packages,
                "sysctl": cluster.host.sysctl,
                "swap_bytes": swap_bytes,
                "harden_ssh": cluster.host.harden_ssh,
                "services": services,
                "automatic_upgrades": listed("unattended-upgrades"),
                "time_sync": cluster.host.time_sync,
            });
            if cluster.host.set_hostname {
                let owner = format!("{}-{}", self.input.config.project.name, self.input.instance);
                baseline["hostname"] = json!(format!("{owner}-{}", node(index)));
            }
            let host = Address::of(&[self.input.instance, "host", &node(index)]);
            self.add(resource(host.clone(), "host", DRIVER, baseline, "cluster.host"));
            let filter = json!({
                "machine": reference(&machine, ""),
                "ssh": self.ssh(),
                "ssh_port": self.ssh_port(index),
                "rules": self.rules(index),
            });
            let address = Address::of(&[self.input.instance, "host-firewall", &node(index)]);
            let mut filter = resource(address, "host-firewall", DRIVER, filter, "cluster.firewall");
            filter.after.push(host);
            self.add(filter);
        }
    }

    fn rules(&self, own: u32) -> Vec<Value> {
        let firewall = &self.input.config.cluster.firewall;
        let mut rules = Vec::new();
        let mut allow = |port: &str, protocol: &str, from: Value| {
            rules.push(json!({ "port": port, "protocol": protocol, "from": from }));
        };
        for (port, networks) in [(SSH, &firewall.ssh_from), ("6443", &firewall.api_from)] {
            if port == "6443" && firewall.api == ApiAccess::Tunnel {
                continue;
            }
            for network in networks {
                allow(port, "tcp", json!(canonical(network)));
            }
            if networks.is_empty() {
                allow(port, "tcp", json!("any"));
            }
        }
        for port in ["80", "443"] {
            match (firewall.web, self.input.edge) {
                (WebAccess::Edge, Some(edge)) => {
                    let ranges = edge.ipv4.iter().chain(&edge.ipv6);
                    ranges.for_each(|range| allow(port, "tcp", json!(canonical(range))));
                }
                _ => allow(port, "tcp", json!("any")),
            }
        }
        for peer in (0..self.servers()).filter(|peer| *peer != own) {
            for (port, protocol) in PEER_PORTS {
                allow(port, protocol, reference(&self.machine_address(peer), "/ipv4"));
            }
            // The API of each server is what the others join and fall over to.
            if firewall.api == ApiAccess::Tunnel || !firewall.api_from.is_empty() {
                allow("6443", "tcp", reference(&self.machine_address(peer), "/ipv4"));
            }
        }
        rules
    }
}

/// In the form that hosts tell; what is no network was refused when it was read.
fn canonical(text: &str) -> String {
    honey_model::network::network(text).unwrap_or_else(|_| text.to_owned())
}

/// `2GiB` to bytes.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.trim().parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes() {
        assert_eq!(bytes("2GiB"), Some(2 << 30));
        assert_eq!(bytes("512MiB"), Some(512 << 20));
        for bad in ["2", "2GB", "GiB", "-1GiB", "99999999999GiB"] {
            assert_eq!(bytes(bad), None, "{bad}");
        }
    }
}
