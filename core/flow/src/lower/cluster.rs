//! k3s servers one after another, the kubeconfig, node labels.

use honey_config::schema::ApiAccess;
use honey_model::{Address, value::reference};
use serde_json::{Value, json};

use super::{Lowering, cluster_label, kubeconfig_secret, node, resource};
use crate::kind::DRIVER;

impl Lowering<'_> {
    pub(super) fn cluster(&mut self) {
        let instance = self.input.instance;
        let cluster = &self.input.config.cluster;
        let servers: Vec<Value> =
            (0..self.servers()).map(|index| reference(&self.machine_address(index), "")).collect();
        let source = match &cluster.k3s.binary {
            Some(path) => json!({ "local": { "path": path, "sha256": null } }),
            None => {
                json!({ "installer": { "url": cluster.k3s.installer, "sha256": cluster.k3s.installer_sha256 } })
            }
        };
        let mut all_firewalls: Vec<Address> = Vec::new();
        for index in 0..self.servers() {
            all_firewalls.push(Address::of(&[instance, "host-firewall", &node(index)]));
        }
        for index in 0..self.servers() {
            let desired = json!({
                "machine": reference(&self.machine_address(index), ""),
                "ssh": self.ssh(),
                "servers": servers,
                "index": index,
                "version": cluster.k3s.version,
                "source": source,
                "settings": {
                    "flannel_backend": cluster.k3s.flannel_backend,
                    "secrets_encryption": cluster.k3s.secrets_encryption,
                    "disable": cluster.k3s.disable,
                },
                "token": format!("honey.{instance}.k3s-token"),
                "kubeconfig": kubeconfig_secret(instance),
                "hosts_named": cluster.host.set_hostname,
                "config": "as described",
                "ready": true,
                "machine_stays": self.instance.machines.get(index as usize).is_some_and(|machine| {
                    machine.contains_key("service") || machine.contains_key("address")
                }),
            });
            let mut server =
                resource(server_address(instance, index), "k3s-server", DRIVER, desired, "cluster.k3s");
            // Peers must be let in before the first etcd member asks for them.
            server.after.clone_from(&all_firewalls);
            if index > 0 {
                server.after.push(server_address(instance, index - 1));
            }
            self.add(server);
        }
        self.kubeconfig(&servers);
        self.labels();
    }

    fn kubeconfig(&mut self, servers: &[Value]) {
        let instance = self.input.instance;
        let first = server_address(instance, 0);
        let mut desired = json!({
            "servers": servers,
            "ssh": self.ssh(),
            "context": cluster_label(self.input.config, instance),
            "secret": kubeconfig_secret(instance),
            "cluster_ca": reference(&first, "/cluster_ca"),
        });
        if self.input.config.cluster.firewall.api == ApiAccess::Tunnel {
            desired["tunnel"] = json!(true);
        }
        let mut kubeconfig = resource(kubeconfig_address(instance), "kubeconfig", DRIVER, desired, "cluster");
        kubeconfig.after.push(server_address(instance, self.servers().saturating_sub(1)));
        self.add(kubeconfig);
    }

    fn labels(&mut self) {
        let instance = self.input.instance;
        let labels = &self.input.config.cluster.labels;
        for (role, labels) in labels {
            let Some(index) = role_index(role, self.servers()) else {
                let text = format!(
                    "`{role}` is no role: use `first`, `second` … up to the number of servers, or `node-N`"
                );
                self.problem("HNY0187", text, &format!("cluster.labels.{role}"));
                continue;
            };
            let desired = json!({
                "kubeconfig": reference(&kubeconfig_address(instance), "/secret"),
                "node": reference(&server_address(instance, index), "/node_name"),
                "labels": labels,
            });
            let origin = format!("cluster.labels.{role}");
            if let Some(address) = self.address(&["node-label", role], &origin) {
                self.add(resource(address, "node-label", DRIVER, desired, &origin));
            }
        }
    }
}

/// The server that a role names.
fn role_index(role: &str, servers: u32) -> Option<u32> {
    let by_word = ["first", "second", "third", "fourth", "fifth"].iter().position(|word| *word == role);
    let by_number =
        role.strip_prefix("node-").and_then(|number| number.parse::<usize>().ok()?.checked_sub(1));
    let index = u32::try_from(by_word.or(by_number)?).ok()?;
    (index < servers).then_some(index)
}

pub(crate) fn server_address(instance: &str, index: u32) -> Address {
    Address::of(&[instance, "k3s-server", &node(index)])
}

/// Where an instance's kubeconfig stands.
pub(crate) fn kubeconfig_address(instance: &str) -> Address {
    Address::of(&[instance, "kubeconfig", "admin"])
}
