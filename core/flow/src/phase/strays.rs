//! Records of other types at the names of the configuration: an AAAA or HTTPS
//! record that nobody moves leads part of the visitors to the old host after a
//! cutover. Seen beside the records that are read anyway; reads only.

use honey_config::schema::Dns;
use honey_model::{Address, Desired, Diagnostic, Fault, Observation, Observed};

use super::prepare::capability;
use crate::{Session, lower::full_name};

/// Types that lead a visitor somewhere.
const LEADING: &[&str] = &["A", "AAAA", "CNAME", "HTTPS", "SVCB"];

/// A record that nobody manages and that leads somewhere.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Stray {
    /// Full name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub record_type: String,
    /// Where it leads.
    pub values: Vec<String>,
}

impl Stray {
    /// `AAAA of api.example.com leads to 2001:db8::1`.
    pub fn describe(&self) -> String {
        let values: Vec<String> =
            self.values.iter().map(|value| honey_model::text::visible(value, 120)).collect();
        format!("{} of {} leads to {}", self.record_type, self.name, values.join(", "))
    }

    /// As a finding.
    pub(crate) fn diagnostic(&self) -> Diagnostic {
        let text = format!("{}, and nothing in the configuration manages it", self.describe());
        let help = "delete it at the DNS vendor; for AAAA of servers that have IPv6, `ipv6 = true` in [dns] manages it";
        Diagnostic::warning("HNY0192", text).with_help(help).at("dns.names")
    }
}

/// What the looks at record sets showed beside them.
pub(crate) fn seen(observed: &Observed, desired: &Desired) -> Vec<Diagnostic> {
    let mut strays: Vec<Stray> = Vec::new();
    for wanted in desired.resources.values().filter(|wanted| wanted.kind == "record-set") {
        let Some(Observation::Found(found)) = observed.resources.get(&wanted.address) else { continue };
        let name = wanted.desired["name"].as_str().unwrap_or_default();
        let others = found.outputs.get("others").and_then(|others| others.as_array());
        for line in others.into_iter().flatten().filter_map(|other| other.as_str()) {
            let (record_type, value) = line.split_once(' ').unwrap_or((line, ""));
            let managed = desired.resources.values().any(|other| {
                other.kind == "record-set"
                    && other.desired["name"] == name
                    && other.desired["type"] == record_type
            });
            if managed || !LEADING.contains(&record_type) {
                continue;
            }
            match strays.iter_mut().find(|known| known.name == name && known.record_type == record_type) {
                Some(known) => {
                    if !known.values.iter().any(|known| known == value) {
                        known.values.push(value.to_owned());
                    }
                }
                None => strays.push(Stray {
                    name: name.to_owned(),
                    record_type: record_type.to_owned(),
                    values: vec![value.to_owned()],
                }),
            }
        }
    }
    strays.iter().map(Stray::diagnostic).collect()
}

/// Asks the DNS vendor for all names at once.
///
/// # Errors
/// Where the vendor does not answer, or has no such capability.
pub(crate) async fn ask(session: &Session, dns: &Dns) -> Result<Vec<Stray>, Fault> {
    let plugin = capability(session, &dns.plugin)?;
    let managed: &[&str] = if dns.ipv6 { &["A", "AAAA"] } else { &["A"] };
    let types = LEADING.iter().filter(|one| !managed.contains(one));
    let wanted: Vec<(String, String)> = types
        .flat_map(|one| dns.names.iter().map(|name| (full_name(name, &dns.zone), (*one).to_owned())))
        .collect();
    let context = session.reading(&Address::of(&["dns", "strays"]));
    let sets = plugin.current(&context, &dns.zone, &wanted).await?;
    let there = wanted.into_iter().zip(sets).filter(|(_, set)| !set.values.is_empty());
    Ok(there.map(|((name, record_type), set)| Stray { name, record_type, values: set.values }).collect())
}

#[cfg(test)]
mod tests {
    use honey_model::{Desired, Found, Observation, Observed, Ownership, Resource};
    use serde_json::json;

    use super::seen;

    fn set(record_type: &str) -> Resource {
        let address = honey_model::Address::of(&["dns", "example.com", record_type, "api"]);
        Resource {
            address,
            kind: "record-set".to_owned(),
            driver: "d".to_owned(),
            desired: json!({"name": "api.example.com", "type": record_type}),
            after: Vec::new(),
            lifecycle: honey_model::Lifecycle::default(),
            origin: String::new(),
        }
    }

    #[test]
    fn what_leads_elsewhere_is_named_once_unless_it_is_managed() {
        let outputs = json!({"others": ["AAAA 2001:db8::1", "HTTPS 1 . ipv4hint=192.0.2.1", "TXT x"]});
        let found = Found::new("id", json!({}), outputs, Ownership::Ours);
        let mut observed = Observed::default();
        observed.resources.insert(set("A").address, Observation::Found(Box::new(found)));
        let mut desired = Desired::default();
        desired.add(set("A")).unwrap();
        let said: Vec<String> = seen(&observed, &desired).into_iter().map(|one| one.summary).collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[0].starts_with("AAAA of api.example.com leads to 2001:db8::1"), "{said:?}");
        desired.add(set("AAAA")).unwrap();
        assert_eq!(seen(&observed, &desired).len(), 1);
    }
}
