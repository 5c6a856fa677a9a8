//! Public names of the active instance: each one record set with every
//! server's address (runbook 4).

use honey_model::{Lifecycle, value::reference};
use serde_json::{Value, json};

use super::{Lowering, checked_address, resource};

impl Lowering<'_> {
    pub(super) fn dns(&mut self) {
        let Some(dns) = &self.input.config.dns else { return };
        // Names move only when what they lead to is up.
        let workloads: Vec<_> = self
            .desired
            .resources
            .values()
            .filter(|wanted| wanted.kind == "kube-object" && wanted.desired["wait"] == json!(true))
            .map(|wanted| wanted.address.clone())
            .collect();
        let families: &[(&str, &str)] =
            if dns.ipv6 { &[("A", "/ipv4"), ("AAAA", "/ipv6")] } else { &[("A", "/ipv4")] };
        for name in &dns.names {
            for (record_type, pointer) in families {
                let origin = "dns.names";
                let address = match checked_address(&["dns", &dns.zone, record_type, name], origin) {
                    Ok(address) => address,
                    Err(problem) => return self.problems.push(problem),
                };
                let values: Vec<Value> = (0..self.servers())
                    .map(|index| reference(&self.machine_address(index), pointer))
                    .collect();
                let desired = json!({
                    "zone": dns.zone,
                    "name": full_name(name, &dns.zone),
                    "type": record_type,
                    "values": values,
                    "proxied": dns.proxied,
                    "ttl": dns.ttl,
                });
                let mut set = resource(address, "record-set", &dns.plugin, desired, origin);
                set.lifecycle = Lifecycle { adopt: dns.adopt, ..Lifecycle::default() };
                set.after.clone_from(&workloads);
                self.add(set);
            }
        }
    }
}

/// `api` in `example.com` is `api.example.com`; `@` is the zone itself.
pub fn full_name(name: &str, zone: &str) -> String {
    if name == "@" { zone.to_owned() } else { format!("{name}.{zone}") }
}
