//! Machines, their keys and the vendor's firewall in front of them.

use honey_model::{Address, Lifecycle, value::reference};
use serde_json::{Value, json};

use super::{Lowering, node, object, resource};

impl Lowering<'_> {
    pub(super) fn machines(&mut self) {
        let origin = format!("instances.{}", self.input.instance);
        let plugin = self.instance.plugin.clone();
        let owner = format!("{}-{}", self.input.config.project.name, self.input.instance);
        let key = self.ssh_key(&plugin, &owner, &origin);
        let firewall = self.vendor_firewall(&plugin, &owner, &origin);
        for index in 0..self.servers() {
            let mut settings = object(&self.instance.machine);
            if let Some(own) = self.instance.machines.get(index as usize) {
                for (name, value) in own {
                    settings[name] = value.clone();
                }
            }
            let adopted = settings.get("service").is_some() || settings.get("address").is_some();
            set_default(&mut settings, "name", json!(format!("{owner}-{}", node(index))));
            if let Some(key) = &key {
                set_default(&mut settings, "ssh_keys", json!([reference(key, "/id")]));
            }
            if let Some(firewall) = &firewall {
                set_default(&mut settings, "firewalls", json!([reference(firewall, "/id")]));
            }
            self.login(&plugin, &mut settings);
            let mut machine = resource(self.machine_address(index), "machine", &plugin, settings, &origin);
            machine.lifecycle = Lifecycle { adopt: adopted, ..Lifecycle::default() };
            self.add(machine);
        }
    }

    /// A plugin that reaches machines by ssh itself logs in as the instance says.
    fn login(&self, plugin: &str, settings: &mut Value) {
        let ssh = &self.instance.ssh;
        let said = [("user", json!(ssh.user)), ("port", json!(ssh.port)), ("identity", json!(ssh.identity))];
        for (name, value) in said {
            if !value.is_null() && (self.input.machine_field)(plugin, name) {
                set_default(settings, name, value);
            }
        }
    }

    fn ssh_key(&mut self, plugin: &str, owner: &str, origin: &str) -> Option<Address> {
        let public_key = self.input.ssh_public_key.filter(|_| (self.input.has_kind)(plugin, "ssh-key"))?;
        let address = self.address(&["ssh-key", "operator"], origin)?;
        let settings = json!({ "name": format!("{owner}-operator"), "public_key": public_key.trim() });
        self.add(resource(address.clone(), "ssh-key", plugin, settings, "cluster.ssh-public-key"));
        Some(address)
    }

    /// The vendor's firewall lets in what the hosts' own does for the world;
    /// peers are let in by the hosts' own rules, which know their addresses.
    fn vendor_firewall(&mut self, plugin: &str, owner: &str, origin: &str) -> Option<Address> {
        let asked = self.instance.vendor_firewall.unwrap_or(false);
        if !asked {
            return None;
        }
        if !(self.input.has_kind)(plugin, "firewall") {
            let text = format!("the plugin `{plugin}` has no vendor firewall");
            self.problem("HNY0185", text, &format!("{origin}.vendor-firewall"));
            return None;
        }
        let address = self.address(&["firewall", "cluster"], origin)?;
        let everyone = json!(["0.0.0.0/0", "::/0"]);
        let ssh_port = self.instance.ssh.port.unwrap_or(22).to_string();
        let mut rules: Vec<Value> = [ssh_port.as_str(), "80", "443", "6443", "2379-2380", "10250"]
            .iter()
            .map(|port| rule("tcp", port, &everyone))
            .collect();
        rules.extend(["51820", "8472"].iter().map(|port| rule("udp", port, &everyone)));
        let settings = json!({ "name": format!("{owner}-cluster"), "rules": rules });
        self.add(resource(address.clone(), "firewall", plugin, settings, origin));
        Some(address)
    }
}

fn rule(protocol: &str, port: &str, from: &Value) -> Value {
    json!({ "direction": "in", "protocol": protocol, "port": port, "source_ips": from })
}

fn set_default(settings: &mut Value, name: &str, value: Value) {
    if settings.get(name).is_none() {
        settings[name] = value;
    }
}
