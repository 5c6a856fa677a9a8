//! A public address that outlives the server it belongs to.

use honey_sdk::{Context, Fault, Findings, Object, Schema, State, json, schema::Field};
use serde::{Deserialize, Serialize};

use super::labelled::{self, Labelled};
use super::server::region;
use crate::{
    Hetzner,
    api::{Collection, Found},
};

/// See the module.
pub(crate) struct PrimaryIp;

/// What an operator may ask for.
#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Desired {
    name: String,
    #[serde(rename = "type")]
    version: String,
    region: String,
    reverse: Option<String>,
}

/// What others may refer to.
#[derive(Serialize)]
pub(crate) struct Outputs {
    id: String,
    ip: String,
    /// Id of the server that has it now.
    server: Option<String>,
}

impl Labelled for PrimaryIp {
    const OBJECTS: Collection = Collection { path: "/primary_ips", many: "primary_ips", one: "primary_ip" };

    fn name(desired: &Desired) -> &str {
        &desired.name
    }

    fn state(ctx: Context, found: &Found) -> Result<State<Self>, Fault> {
        let address = &found.0;
        let entries = address["dns_ptr"].as_array();
        let reverse = entries.and_then(|entries| entries.iter().find(|entry| entry["ip"] == address["ip"]));
        Ok(State {
            id: found.id(),
            ownership: found.ownership(ctx),
            outputs: Outputs {
                id: found.id(),
                ip: found.text("ip"),
                server: address["assignee_id"].as_u64().map(|server| server.to_string()),
            },
            attributes: Desired {
                name: found.text("name"),
                version: found.text("type"),
                region: region(address).unwrap_or_default(),
                reverse: reverse.and_then(|entry| entry["dns_ptr"].as_str()).map(str::to_owned),
            },
        })
    }
}

impl Object for PrimaryIp {
    type Plugin = Hetzner;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "primary-ip";

    fn schema() -> Schema {
        Schema::new(
            Self::NAME,
            "A public address of its own: it stays when the server it belongs to is deleted.",
        )
        .field(Field::text("name", "Its name, unique in the project.").required())
        .field(
            Field::one_of("type", &["ipv4", "ipv6"], "One IPv4 address, or an IPv6 network.")
                .required()
                .immutable("another type is another address"),
        )
        .field(
            Field::text("region", "Location, e.g. `nbg1`; that of its server.")
                .required()
                .immutable("an address cannot move to another location"),
        )
        .field(Field::text("reverse", "Name that the address leads back to; only for ipv4.").vendor_default())
        .output(Field::text("id", "The vendor's id: for a machine's `primary_ipv4` or `primary_ipv6`."))
        .output(Field::text("ip", "The address, or the network."))
        .optional_output(Field::text("server", "Id of the server that has it."))
    }

    fn check(_plugin: &Hetzner, desired: &mut Desired, findings: &mut Findings) {
        if !findings.is_unknown("type") && !matches!(desired.version.as_str(), "ipv4" | "ipv6") {
            findings.error("hetzner::address-type", "/type", "an address is of type ipv4 or ipv6");
        }
        if desired.version == "ipv6" && desired.reverse.is_some() {
            findings.error(
                "hetzner::reverse-of-network",
                "/reverse",
                "each address of an IPv6 network has a name of its own: set them at the vendor",
            );
        }
    }

    fn find(
        plugin: &Hetzner,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        labelled::find(plugin, ctx, id, desired)
    }

    fn make(plugin: &Hetzner, ctx: Context, desired: &Desired) -> Result<State<Self>, Fault> {
        let body = json!({
            "name": desired.name,
            "type": desired.version,
            "location": desired.region,
            "assignee_type": "server",
            // It must not go with a server that is replaced.
            "auto_delete": false,
        });
        let made = plugin.api.make(ctx, &Self::OBJECTS, body)?;
        reverse(plugin, ctx, Self::state(ctx, &made)?, desired)
    }

    fn change(
        plugin: &Hetzner,
        ctx: Context,
        found: State<Self>,
        desired: &Desired,
    ) -> Result<State<Self>, Fault> {
        reverse(plugin, ctx, labelled::rename(plugin, ctx, found, desired)?, desired)
    }

    fn remove(plugin: &Hetzner, ctx: Context, id: &str) -> Result<(), Fault> {
        plugin.api.delete(ctx, &Self::OBJECTS, id)
    }
}

/// Sets the name that the address leads back to.
fn reverse(
    plugin: &Hetzner,
    ctx: Context,
    mut found: State<PrimaryIp>,
    desired: &Desired,
) -> Result<State<PrimaryIp>, Fault> {
    if desired.reverse.is_some() && found.attributes.reverse != desired.reverse {
        let path = format!("{}/{}/actions/change_dns_ptr", PrimaryIp::OBJECTS.path, found.id);
        plugin.api.act(ctx, &path, &json!({"ip": found.outputs.ip, "dns_ptr": desired.reverse}))?;
        found.attributes.reverse.clone_from(&desired.reverse);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use honey_sdk::{
        Value, json,
        testing::{self, MockHost},
    };

    use crate::Hetzner;

    fn host() -> MockHost {
        let host = MockHost::new("https://api.hetzner.cloud/v1", "honeydue-shared", "shared/primary-ip/api");
        testing::configure::<Hetzner>(json!({})).expect("configures");
        host
    }

    fn address(place: Value, reverse: &str) -> Value {
        let mut address = json!({"id": 61, "name": "api", "type": "ipv4", "ip": "192.0.2.9", "assignee_id": null,
            "dns_ptr": [{"ip": "192.0.2.9", "dns_ptr": reverse}],
            "labels": {"honey-owner": "honeydue-shared", "honey-address": "shared__primary-ip__api"}});
        for (name, value) in place.as_object().expect("an object") {
            address[name] = value.clone();
        }
        address
    }

    #[test]
    fn an_address_is_made_named_and_kept_from_its_server() {
        let host = host();
        let marks =
            "label_selector=honey-owner%3D%3Dhoneydue-shared%2Choney-address%3D%3Dshared__primary-ip__api";
        let none = json!({"primary_ips": []});
        host.expect("GET", &format!("/primary_ips?{marks}&page=1&per_page=50")).reply(200, none.clone());
        host.expect("GET", "/primary_ips?name=api&page=1&per_page=50").reply(200, none);
        host.expect("POST", "/primary_ips")
            .body(json!({"name": "api", "type": "ipv4", "location": "nbg1", "assignee_type": "server", "auto_delete": false,
                "labels": {"honey-owner": "honeydue-shared", "honey-address": "shared__primary-ip__api"}}))
            .reply(201, json!({"primary_ip": address(json!({"location": {"name": "nbg1"}}), "static.x")}));
        host.expect("POST", "/primary_ips/61/actions/change_dns_ptr")
            .body(json!({"ip": "192.0.2.9", "dns_ptr": "api.example.com"}))
            .reply(201, json!({"action": {"id": 5, "command": "change_dns_ptr", "status": "success"}}));
        let desired = json!({"name": "api", "type": "ipv4", "region": "nbg1", "reverse": "api.example.com"});
        let made =
            testing::apply::<Hetzner>(&host, "primary-ip", "create", None, Some(desired.clone()), None)
                .expect("made");
        assert_eq!(made["attributes"], desired, "plan after apply is empty");
        assert_eq!(made["outputs"], json!({"id": "61", "ip": "192.0.2.9"}));
        // Both forms of its place; and nothing to do costs one look.
        for place in
            [json!({"location": {"name": "nbg1"}}), json!({"datacenter": {"location": {"name": "nbg1"}}})]
        {
            host.expect("GET", "/primary_ips/61")
                .reply(200, json!({"primary_ip": address(place, "api.example.com")}));
            let same = testing::apply::<Hetzner>(
                &host,
                "primary-ip",
                "update",
                Some("61"),
                Some(desired.clone()),
                None,
            );
            assert_eq!(same.expect("looked")["attributes"], desired);
        }
    }

    #[test]
    fn one_that_a_server_holds_is_waited_for() {
        let host = host();
        let there = json!({"primary_ip": address(json!({}), "x")});
        host.expect("GET", "/primary_ips/61").reply(200, there);
        let held = json!({"error": {"code": "must_be_unassigned", "message": "still assigned"}});
        host.expect("DELETE", "/primary_ips/61").reply(422, held);
        host.expect("DELETE", "/primary_ips/61").reply_raw(204, &[], Vec::new());
        testing::apply::<Hetzner>(&host, "primary-ip", "delete", Some("61"), None, None).expect("deleted");
    }
}
