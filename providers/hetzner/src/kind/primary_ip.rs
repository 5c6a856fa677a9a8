//! A public address that outlives the server it belongs to.

use honey_sdk::{Context, Fault, Findings, Schema, Value, json, schema::Field};
use serde::{Deserialize, Serialize};

use super::{labelled::Labelled, server::region};
use crate::api::{Api, Collection, Found};

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

impl Labelled for PrimaryIp {
    type Desired = Desired;

    const NAME: &'static str = "primary-ip";
    const OBJECTS: Collection = Collection { path: "/primary_ips", many: "primary_ips", one: "primary_ip" };

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

    fn check(desired: &mut Desired, findings: &mut Findings) {
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

    fn name(desired: &Desired) -> &str {
        &desired.name
    }

    fn order(desired: &Desired) -> Value {
        json!({
            "name": desired.name,
            "type": desired.version,
            "location": desired.region,
            "assignee_type": "server",
            // It must not go with a server that is replaced.
            "auto_delete": false,
        })
    }

    fn attributes(found: &Found) -> Result<Desired, Fault> {
        let address = &found.0;
        let entries = address["dns_ptr"].as_array();
        let reverse = entries.and_then(|entries| entries.iter().find(|entry| entry["ip"] == address["ip"]));
        Ok(Desired {
            name: found.text("name"),
            version: found.text("type"),
            region: region(address).unwrap_or_default(),
            reverse: reverse.and_then(|entry| entry["dns_ptr"].as_str()).map(str::to_owned),
        })
    }

    fn outputs(found: &Found) -> Value {
        let server = found.0["assignee_id"].as_u64().map(|server| server.to_string());
        json!({"id": found.id(), "ip": found.text("ip"), "server": server})
    }

    /// Sets the name that the address leads back to.
    fn adjust(
        api: &Api,
        ctx: Context,
        found: &Found,
        now: &mut Desired,
        desired: &Desired,
    ) -> Result<(), Fault> {
        if desired.reverse.is_some() && now.reverse != desired.reverse {
            let path = format!("{}/{}/actions/change_dns_ptr", Self::OBJECTS.path, found.id());
            api.act(ctx, &path, &json!({"ip": found.0["ip"], "dns_ptr": desired.reverse}))?;
            now.reverse.clone_from(&desired.reverse);
        }
        Ok(())
    }
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
