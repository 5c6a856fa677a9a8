//! A server: what may be asked for, and what changes in place.

use honey_sdk::{
    Context, Fault, Findings, Kind, Outcome, Ownership, Schema, State, Value, json, log,
    poll::{self, Look, Pace},
    read_or_default,
    schema::Field,
};
use serde::{Deserialize, Serialize};

use super::server::{self, SERVERS};
use crate::{
    Hetzner,
    api::{self, Found, Labels},
};

/// See the module.
pub(crate) struct Machine;

/// What an operator may ask for.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    pub(super) name: String,
    pub(super) size: String,
    pub(super) image: String,
    pub(super) region: Option<String>,
    pub(super) ssh_keys: Option<Vec<String>>,
    pub(super) firewalls: Option<Vec<String>>,
    pub(super) placement_group: Option<String>,
    pub(super) network: Option<String>,
    pub(super) labels: Option<Labels>,
    pub(super) user_data: Option<String>,
    pub(super) ipv4: Option<bool>,
    pub(super) ipv6: Option<bool>,
    pub(super) primary_ipv4: Option<String>,
    pub(super) primary_ipv6: Option<String>,
}

/// What others may refer to.
#[derive(Serialize)]
pub(crate) struct Outputs {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) ipv4: Option<String>,
    pub(super) ipv6: Option<String>,
    pub(super) private_ipv4: Option<String>,
    pub(super) user: String,
    pub(super) ssh_port: Option<u16>,
    pub(super) host_keys: Vec<String>,
    pub(super) private_network: bool,
    pub(super) vendor_firewall: bool,
}

/// What a crash must not lose.
#[derive(Default, Serialize, Deserialize)]
struct Progress {
    server: u64,
    actions: Vec<u64>,
}

impl Kind for Machine {
    type Plugin = Hetzner;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "machine";

    fn schema() -> Schema {
        Schema::new(Self::NAME, "A cloud server.")
            .field(Field::text("name", "Its name, unique in the project; a host name.").required())
            .field(Field::text("size", "Server type, e.g. `cx22`.").required().immutable(
                "the vendor changes the type of a server only while it is off, so honey makes a new one",
            ))
            .field(
                Field::text("image", "Name or id of the image, e.g. `ubuntu-24.04`.").required().immutable(
                    "the disk is made from it; `honey reinstall` puts another one on the same server",
                ),
            )
            .field(
                Field::text("region", "Location, e.g. `nbg1`; the vendor chooses when not given.")
                    .immutable("a server cannot move to another location")
                    .vendor_default(),
            )
            .field(
                Field::texts("ssh_keys", "Ids or names of ssh keys; at least one.")
                    .required()
                    .create_only()
                    .unordered(),
            )
            .field(Field::texts("firewalls", "Ids of the vendor's firewalls.").unordered().vendor_default())
            .field(
                Field::text("placement_group", "Id of a placement group.")
                    .immutable("a server joins or leaves a group only while it is off")
                    .vendor_default(),
            )
            .field(Field::text("network", "Id of a private network.").vendor_default())
            .field(Field::map("labels", "Further labels.").vendor_default())
            .field(Field::text("user_data", "For cloud-init, at most 32 KiB.").create_only())
            .field(
                Field::flag("ipv4", "Whether it has a public IPv4 address; yes when not given.")
                    .create_only(),
            )
            .field(
                Field::flag("ipv6", "Whether it has a public IPv6 network; yes when not given.")
                    .create_only(),
            )
            .field(
                Field::text("primary_ipv4", "Id of a primary IP of type ipv4; a new address when not given.")
                    .immutable("a server changes its address only while it is off")
                    .vendor_default(),
            )
            .field(
                Field::text("primary_ipv6", "Id of a primary IP of type ipv6; a new network when not given.")
                    .immutable("a server changes its network only while it is off")
                    .vendor_default(),
            )
            .output(Field::text("id", "The vendor's id."))
            .output(Field::text("name", "Its name."))
            .optional_output(Field::text("ipv4", "Public IPv4 address."))
            .optional_output(Field::text("ipv6", "First address of its public IPv6 network."))
            .optional_output(Field::text("private_ipv4", "Address in the private network."))
            .output(Field::text("user", "User of the vendor's images."))
            .optional_output(Field::number("ssh_port", "Not known to the vendor."))
            .output(Field::texts("host_keys", "Not known to the vendor."))
            .output(Field::flag("private_network", "Whether it is attached to one."))
            .output(Field::flag(
                "vendor_firewall",
                "Whether one of the vendor's firewalls is in front of it.",
            ))
    }

    fn check(_plugin: &Hetzner, desired: &mut Desired, findings: &mut Findings) {
        desired.name.make_ascii_lowercase();
        if desired.ssh_keys.as_ref().is_some_and(Vec::is_empty) {
            findings.error(
                "hetzner::no-ssh-key",
                "/ssh_keys",
                "without an ssh key the vendor mails a root password, which honey will not use",
            );
        }
        if !findings.is_unknown("name") && !is_host_name(&desired.name) {
            findings.error("hetzner::name", "/name", "a server's name is a host name: a-z, 0-9, `-` and `.`");
        }
        if let Some(words) = desired.labels.as_ref().and_then(api::wrong_label) {
            findings.error("hetzner::label", "/labels", words);
        }
        if desired.user_data.as_ref().is_some_and(|data| data.len() > 32 * 1024) {
            findings.error("hetzner::user-data-too-long", "/user_data", "user data has at most 32 KiB");
        }
    }

    fn read(
        plugin: &Hetzner,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let found = plugin.api.find(ctx, &SERVERS, id, desired.map(|desired| desired.name.as_str()))?;
        Ok(found.map(|found| server::state(ctx, &found, desired)))
    }

    fn create(
        plugin: &Hetzner,
        ctx: Context,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        if let Some(resume) = resume {
            let id = read_or_default::<Progress>(Some(&resume)).server.to_string();
            if plugin.api.find(ctx, &SERVERS, Some(&id), None)?.is_some() {
                return Self::update(plugin, ctx, &id, desired, None);
            }
            log::warn(&format!("server {id} of an earlier attempt is gone: making another one"));
        }
        ctx.progress(&format!(
            "ordering {} in {}",
            desired.size,
            desired.region.as_deref().unwrap_or("any location")
        ));
        let (made, actions) = match plugin.api.order(ctx, &SERVERS, order(desired)?) {
            Ok(made) => made,
            // An answer that was lost, or somebody else at the same moment.
            Err(fault) if fault.vendor_code() == "uniqueness_error" => {
                return match Self::read(plugin, ctx, None, Some(desired))? {
                    Some(found) if found.ownership == Ownership::Ours => {
                        Self::update(plugin, ctx, &found.id, desired, None)
                    }
                    _ => Err(fault),
                };
            }
            Err(fault) => return Err(fault),
        };
        let id = made.id();
        let server = api::number("server", &id)?;
        ctx.checkpoint(&id, &Progress { server, actions: actions.iter().map(|action| action.id).collect() });
        plugin.api.wait(ctx, actions)?;
        Ok(server::state(ctx, &settled(plugin, ctx, &id)?, Some(desired)).into())
    }

    fn update(
        plugin: &Hetzner,
        ctx: Context,
        id: &str,
        desired: &Desired,
        _resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        let found = settled(plugin, ctx, id)?;
        let found = plugin.api.put(ctx, &SERVERS, found, &desired.name, desired.labels.as_ref())?;
        let mut acted = false;
        if let Some(wanted) = &desired.firewalls {
            let wanted = api::numbers("firewall", wanted)?;
            let held = server::firewalls(&found);
            let resources = json!([{"type": "server", "server": {"id": found.0["id"]}}]);
            for missing in wanted.iter().filter(|id| !held.contains(id)) {
                let path = format!("/firewalls/{missing}/actions/apply_to_resources");
                plugin.api.act(ctx, &path, &json!({"apply_to": resources}))?;
                acted = true;
            }
            for extra in held.iter().filter(|id| !wanted.contains(id)) {
                let path = format!("/firewalls/{extra}/actions/remove_from_resources");
                plugin.api.act(ctx, &path, &json!({"remove_from": resources}))?;
                acted = true;
            }
        }
        if let Some(wanted) = &desired.network {
            let wanted = api::number("network", wanted)?;
            let held = server::networks(&found);
            for other in held.iter().filter(|network| **network != wanted) {
                let path = format!("/servers/{id}/actions/detach_from_network");
                plugin.api.act(ctx, &path, &json!({"network": other}))?;
                acted = true;
            }
            if !held.contains(&wanted) {
                let path = format!("/servers/{id}/actions/attach_to_network");
                plugin.api.act(ctx, &path, &json!({"network": wanted}))?;
                acted = true;
            }
        }
        let found = if acted { plugin.api.get(ctx, &SERVERS, id)? } else { found };
        Ok(server::state(ctx, &found, Some(desired)).into())
    }

    fn delete(
        plugin: &Hetzner,
        ctx: Context,
        id: &str,
        _resume: Option<Value>,
    ) -> Result<Outcome<()>, Fault> {
        ctx.progress(&format!("deleting server {id}"));
        plugin.api.delete(ctx, &SERVERS, id).map(Outcome::Done)
    }
}

/// As RFC 1123 has it.
fn is_host_name(name: &str) -> bool {
    let plain = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    name.len() <= 253 && name.split('.').all(plain)
}

/// What the vendor is asked for, but our marks.
fn order(desired: &Desired) -> Result<Value, Fault> {
    let mut net =
        json!({"enable_ipv4": desired.ipv4.unwrap_or(true), "enable_ipv6": desired.ipv6.unwrap_or(true)});
    for (version, id) in [("ipv4", &desired.primary_ipv4), ("ipv6", &desired.primary_ipv6)] {
        if let Some(id) = id {
            net[version] = json!(api::number("primary IP", id)?);
        }
    }
    let mut body = json!({
        "name": desired.name,
        "server_type": desired.size,
        "image": desired.image,
        "ssh_keys": desired.ssh_keys,
        "labels": desired.labels,
        "start_after_create": true,
        "public_net": net,
    });
    if let Some(region) = &desired.region {
        body["location"] = json!(region);
    }
    if let Some(firewalls) = &desired.firewalls {
        let ids = api::numbers("firewall", firewalls)?;
        body["firewalls"] = ids.into_iter().map(|id| json!({"firewall": id})).collect();
    }
    if let Some(group) = &desired.placement_group {
        body["placement_group"] = json!(api::number("placement group", group)?);
    }
    if let Some(network) = &desired.network {
        body["networks"] = json!([api::number("network", network)?]);
    }
    if let Some(data) = &desired.user_data {
        body["user_data"] = json!(data);
    }
    Ok(body)
}

/// The server once nothing runs on it any more.
fn settled(plugin: &Hetzner, ctx: Context, id: &str) -> Result<Found, Fault> {
    poll::wait(ctx, Pace::default(), &format!("server {id}"), || {
        let found = plugin.api.get(ctx, &SERVERS, id)?;
        if server::is_settled(&found) {
            return Ok(Look::Ready(found));
        }
        Ok(Look::Waiting(format!("server {id} is {}", found.text("status")), None))
    })
}

#[cfg(test)]
mod tests;
