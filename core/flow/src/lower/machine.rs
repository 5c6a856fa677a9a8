//! Machines, their keys and the vendor's firewall in front of them.

use std::collections::BTreeSet;

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
            let mut settings = self.written(index);
            if settings.get("ipv4") == Some(&json!(false)) {
                let text = format!("{} would have no public IPv4 address", node(index));
                self.problem("HNY0191", text, &format!("{origin}.machine.ipv4"));
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

    /// What the configuration says of one machine.
    fn written(&self, index: u32) -> Value {
        let mut settings = object(&self.instance.machine);
        for (name, value) in self.instance.machines.get(index as usize).into_iter().flatten() {
            settings[name] = value.clone();
        }
        settings
    }

    /// The address and login of a machine that is reached in a way of its own.
    pub(super) fn own_login(&self, index: u32) -> Option<(String, Value)> {
        let settings = self.written(index);
        let address = settings.get("address")?.as_str()?.trim().to_owned();
        let own: serde_json::Map<String, Value> = ["user", "port", "identity"]
            .into_iter()
            .filter(|name| (self.input.machine_field)(&self.instance.plugin, name))
            .filter_map(|name| {
                Some((name.to_owned(), settings.get(name).filter(|value| !value.is_null())?.clone()))
            })
            .collect();
        (!own.is_empty()).then_some((address, Value::Object(own)))
    }

    /// The port of a machine's ssh.
    pub(super) fn ssh_port(&self, index: u32) -> u16 {
        let own = self.own_login(index).and_then(|(_, own)| u16::try_from(own.get("port")?.as_u64()?).ok());
        own.or(self.instance.ssh.port).unwrap_or(22)
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
        let ssh_ports: BTreeSet<u16> = (0..self.servers()).map(|index| self.ssh_port(index)).collect();
        let mut rules: Vec<Value> =
            ssh_ports.iter().map(|port| rule("tcp", &port.to_string(), &everyone)).collect();
        rules.extend(
            ["80", "443", "6443", "2379-2380", "10250"].iter().map(|port| rule("tcp", port, &everyone)),
        );
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
