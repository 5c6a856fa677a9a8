//! A machine that the operator already has.

use std::net::IpAddr;

use honey_sdk::{Context, Fault, Findings, Object, Ownership, Schema, State, log, schema::Field, ssh};
use serde::{Deserialize, Serialize};

use crate::GenericSsh;

/// Where honey looks at a bare address when nothing else is said.
const SSH_PORT: u16 = 22;
/// Who honey is there when nothing else is said.
const USER: &str = "root";

/// See the module.
pub(crate) struct Machine;

/// What an operator says of it.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    address: String,
    user: Option<String>,
    port: Option<u16>,
    identity: Option<String>,
}

/// What others may refer to.
#[derive(Serialize)]
pub(crate) struct Outputs {
    id: String,
    name: String,
    /// What ssh is called with, where it is no address.
    ssh_host: Option<String>,
    ipv4: Option<String>,
    ipv6: Option<String>,
    private_ipv4: Option<String>,
    user: Option<String>,
    ssh_port: Option<u16>,
    host_keys: Vec<String>,
    private_network: bool,
    vendor_firewall: bool,
    architecture: String,
    os: String,
}

/// The part of the host's facts that is needed here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Facts {
    os_id: String,
    os_version: String,
    architecture: String,
    addresses: Vec<String>,
    sudo: bool,
}

impl Object for Machine {
    type Plugin = GenericSsh;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "machine";

    fn schema() -> Schema {
        Schema::new(Self::NAME, "A machine that exists already and is reached by ssh.")
            .field(Field::text("name", "What honey calls it.").required().create_only())
            .field(
                Field::text(
                    "address",
                    "Address, name, or alias of your ssh configuration by which ssh reaches it.",
                )
                    .required()
                    .immutable("another address is another machine"),
            )
            .field(Field::text(
                "user",
                "User to log in as. When not given: `root` at an address, what ssh's configuration says at a name.",
            ))
            .field(port())
            .field(Field::text("identity", "Path of the private key file; ssh's own choice when not given."))
            .output(Field::text("id", "The address."))
            .output(Field::text("name", "The name."))
            .optional_output(Field::text("ssh_host", "Name or alias by which ssh reaches it."))
            .optional_output(Field::text("ipv4", "Public IPv4 address."))
            .optional_output(Field::text("ipv6", "Public IPv6 address."))
            .optional_output(Field::text("private_ipv4", "Address in a private network."))
            .optional_output(Field::text("user", "User to log in as, where it is not ssh's own choice."))
            .optional_output(Field::number("ssh_port", "Port of ssh, where it is not ssh's own choice."))
            .output(Field::texts("host_keys", "Not known before the first connection."))
            .output(Field::flag("private_network", "Whether it has a private address."))
            .output(Field::flag("vendor_firewall", "Never: there is no vendor."))
            .output(Field::text("architecture", "As the kernel says."))
            .output(Field::text("os", "Distribution and version."))
    }

    fn check(_plugin: &GenericSsh, desired: &mut Desired, findings: &mut Findings) {
        desired.address = desired.address.trim().to_owned();
        if desired.address.is_empty() && !findings.is_unknown("address") {
            findings.error(
                "generic-ssh::no-address",
                "/address",
                "a machine without a vendor needs an address",
            );
        }
        if desired.address.starts_with('-') || desired.address.contains(char::is_whitespace) {
            findings.error("generic-ssh::bad-address", "/address", "this is no address");
        }
        // At a name the operator's ssh configuration may know better.
        if is_address(&desired.address) {
            desired.user.get_or_insert_with(|| USER.to_owned());
            desired.port.get_or_insert(SSH_PORT);
        }
    }

    fn find(
        _plugin: &GenericSsh,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        match (id, desired) {
            // The recorded machine is another one than the wanted, and may be gone.
            (Some(id), Some(wanted)) if !wanted.address.is_empty() && wanted.address != id => {
                let recorded = Desired {
                    name: wanted.name.clone(),
                    address: id.to_owned(),
                    user: wanted.user.clone(),
                    port: wanted.port,
                    identity: wanted.identity.clone(),
                };
                Ok(look(ctx, &recorded).ok())
            }
            (_, Some(desired)) if !desired.address.is_empty() => look(ctx, desired).map(Some),
            // Without a desired value nothing says how to log in: what was
            // recorded is all there is to know.
            (Some(id), _) => {
                let desired = Desired { address: id.to_owned(), ..Desired::default() };
                look(ctx, &desired).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn make(_plugin: &GenericSsh, ctx: Context, desired: &Desired) -> Result<State<Self>, Fault> {
        look(ctx, desired)
    }

    fn remove(_plugin: &GenericSsh, ctx: Context, id: &str) -> Result<(), Fault> {
        ctx.progress(&format!("{id} is only forgotten: nobody can delete it but you"));
        Ok(())
    }
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// One look by ssh. What is not said is left to ssh's own configuration.
fn look(ctx: Context, desired: &Desired) -> Result<State<Machine>, Fault> {
    let address = &desired.address;
    ctx.progress(&format!("looking at {address}"));
    let user = desired.user.as_deref().unwrap_or_default();
    let facts: Facts =
        ssh::facts(address, desired.port.unwrap_or_default(), user, desired.identity.as_deref())?;
    if !facts.sudo && user != USER {
        log::warn(&format!("the user at {address} may not become root without a password"));
    }
    let addresses = Addresses::of(address, &facts.addresses);
    if addresses.ipv4.is_none() && addresses.ipv6.is_none() {
        return Err(Fault::unsupported(
            "generic-ssh::no-address-found",
            format!("no interface of {address} has an address that others could reach"),
        )
        .with_help("name the machine by its address instead of by a name"));
    }
    Ok(State {
        id: address.clone(),
        attributes: Desired {
            name: desired.name.clone(),
            address: address.clone(),
            user: desired.user.clone(),
            port: desired.port,
            identity: desired.identity.clone(),
        },
        outputs: Outputs {
            id: address.clone(),
            name: desired.name.clone(),
            ssh_host: (!is_address(address)).then(|| address.clone()),
            private_network: addresses.private_ipv4.is_some(),
            ipv4: addresses.ipv4,
            ipv6: addresses.ipv6,
            private_ipv4: addresses.private_ipv4,
            user: desired.user.clone(),
            ssh_port: desired.port,
            host_keys: Vec::new(),
            vendor_firewall: false,
            architecture: facts.architecture,
            os: format!("{} {}", facts.os_id, facts.os_version).trim().to_owned(),
        },
        ownership: Ownership::Ours,
    })
}

fn port() -> Field {
    Field::shaped(
        "port",
        honey_sdk::json!({"type": "integer", "minimum": 1, "maximum": 65535}),
        "Port of ssh. When not given: 22 at an address, what ssh's configuration says at a name.",
    )
}

/// Addresses of a machine, sorted by what they are for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Addresses {
    ipv4: Option<String>,
    ipv6: Option<String>,
    private_ipv4: Option<String>,
}

impl Addresses {
    /// The address by which we came is the public one, whatever network it is
    /// of; it wins over what the interfaces say (there may be translation).
    fn of(reached_by: &str, interfaces: &[String]) -> Self {
        let mut found = Self::default();
        match reached_by.parse() {
            Ok(IpAddr::V4(_)) => found.ipv4 = Some(reached_by.to_owned()),
            Ok(IpAddr::V6(_)) => found.ipv6 = Some(reached_by.to_owned()),
            Err(_) => {}
        }
        for text in interfaces {
            let bare = text.split('/').next().unwrap_or(text);
            match bare.parse() {
                Ok(IpAddr::V4(address)) if found.ipv4.as_deref() != Some(bare) => {
                    let place = if address.is_private() { &mut found.private_ipv4 } else { &mut found.ipv4 };
                    place.get_or_insert_with(|| bare.to_owned());
                }
                Ok(IpAddr::V6(address)) if !address.is_unicast_link_local() && !address.is_unique_local() => {
                    found.ipv6.get_or_insert_with(|| bare.to_owned());
                }
                _ => {}
            }
        }
        // Machines of a private network only know each other by it.
        if found.ipv4.is_none() && found.ipv6.is_none() {
            found.ipv4 = found.private_ipv4.take();
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use honey_sdk::{
        Value, json,
        testing::{self, MockHost},
    };

    use super::*;

    #[test]
    fn a_look_tells_addresses_apart() {
        let host = MockHost::new("", "honeydue-box", "box/machine/one");
        testing::configure::<GenericSsh>(json!({})).expect("configures");
        host.facts(
            "203.0.113.7",
            Ok(json!({"os_id": "debian", "os_version": "13", "architecture": "x86_64", "sudo": true,
                "addresses": ["203.0.113.7", "10.0.0.7", "2001:db8::7", "fe80::1"]})),
        );
        let desired = json!({"name": "one", "address": "203.0.113.7", "user": "admin", "port": 22});
        let made =
            testing::apply::<GenericSsh>(&host, "machine", "create", None, Some(desired.clone()), None)
                .expect("looks");
        assert_eq!(made["id"], "203.0.113.7");
        assert_eq!(made["outputs"]["private_ipv4"], "10.0.0.7");
        assert_eq!(made["outputs"]["private_network"], true);
        assert_eq!(made["outputs"]["ipv6"], "2001:db8::7");
        assert_eq!(made["outputs"]["user"], "admin");
        let (normal, findings) = testing::check::<GenericSsh>("machine", desired);
        assert_eq!((&normal, findings.len()), (&made["attributes"], 0), "plan after apply is empty");
    }

    #[test]
    fn an_alias_leaves_user_and_port_to_ssh_and_addresses_are_found() {
        let host = MockHost::new("", "honeydue-box", "box/machine/one");
        testing::configure::<GenericSsh>(json!({})).expect("configures");
        let facts = |addresses: Value| {
            Ok(json!({"os_id": "ubuntu", "architecture": "x86_64", "addresses": addresses}))
        };
        host.facts("ovhcloud1", facts(json!(["10.0.0.7", "203.0.113.7"])));
        let desired = json!({"name": "one", "address": "ovhcloud1"});
        let look = || testing::read::<GenericSsh>(&host, "machine", None, Some(desired.clone()));
        let found = look().expect("looks").expect("there");
        let outputs = &found["outputs"];
        assert_eq!((&outputs["ssh_host"], &outputs["ipv4"]), (&json!("ovhcloud1"), &json!("203.0.113.7")));
        assert!(outputs.get("user").is_none() && outputs.get("ssh_port").is_none(), "{outputs}");
        assert_eq!(testing::check::<GenericSsh>("machine", desired.clone()).0, found["attributes"]);
        assert!(host.logged().iter().any(|line| line.contains("root without a password")));
        // At home there is nothing but the private network.
        host.facts("ovhcloud1", facts(json!(["192.168.1.7", "fe80::1"])));
        let outputs = look().expect("looks").expect("there")["outputs"].clone();
        assert_eq!((&outputs["ipv4"], &outputs["private_network"]), (&json!("192.168.1.7"), &json!(false)));
        host.facts("ovhcloud1", facts(json!(["fe80::1"])));
        assert_eq!(look().expect_err("nobody could reach it").code, "generic-ssh::no-address-found");
    }

    #[test]
    fn an_unknown_address_is_left_out_and_an_empty_one_is_an_error() {
        let _host = MockHost::new("", "honeydue-box", "box/machine/one");
        testing::configure::<GenericSsh>(json!({})).expect("configures");
        let (normal, findings) =
            testing::check::<GenericSsh>("machine", json!({"name": "one", "address": null}));
        assert_eq!(normal, json!({"name": "one"}));
        let (normal, _) = testing::check::<GenericSsh>("machine", json!({"name": "one", "address": "::1"}));
        assert_eq!(normal, json!({"name": "one", "address": "::1", "user": "root", "port": 22}));
        assert!(findings.is_empty(), "{findings:?}");
        let (_, findings) = testing::check::<GenericSsh>("machine", json!({"name": "one", "address": " "}));
        assert_eq!(findings, ["generic-ssh::no-address"]);
    }

    #[test]
    fn a_silent_host_is_a_fault_and_delete_forgets() {
        let host = MockHost::new("", "honeydue-box", "box/machine/one");
        testing::configure::<GenericSsh>(json!({})).expect("configures");
        let fault =
            testing::read::<GenericSsh>(&host, "machine", Some("203.0.113.9"), None).expect_err("silent");
        assert_eq!(fault.class, "transient");
        let gone = testing::apply::<GenericSsh>(&host, "machine", "delete", Some("203.0.113.9"), None, None);
        assert_eq!(gone.expect("forgets"), Value::Null);
    }
}
