//! No answer of the vendor makes the plugin panic, and every refusal says what it is.

use honey_provider_ovh::Ovh;
use honey_sdk::{
    Context, Fault, Value,
    capability::{Login, Power, Prices, Reinstall},
    json,
    testing::{
        self,
        hostile::{Case, survives},
    },
};

const SERVICE: &str = "vps-1.vps.ovh.us";

fn usual(_method: &str, target: &str) -> Value {
    let path = target.split('?').next().unwrap_or_default();
    match path.split('/').skip(1).collect::<Vec<_>>().as_slice() {
        ["auth", "time"] => json!(1_700_000_000),
        ["auth", "credential"] => {
            json!({"consumerKey": "k", "state": "pendingValidation", "validationUrl": "https://x"})
        }
        ["auth", ..] => json!({"status": "validated"}),
        ["vps"] => json!([SERVICE]),
        ["vps", _] => json!({"name": SERVICE, "displayName": "honeydue-box-n", "state": "running"}),
        ["vps", _, "ips"] => json!(["203.0.113.1", "203.0.113.2", "2001:db8::1"]),
        ["vps", _, "ips", _] => json!({"ipAddress": "203.0.113.2", "type": "primary", "version": "v4"}),
        ["vps", _, "images", "available"] => json!(["i"]),
        ["vps", _, "images", ..] => json!({"id": "i", "name": "Debian 13"}),
        ["vps", ..] => json!({"id": 5, "state": "done", "progress": 100, "type": "reinstallVm"}),
        ["me"] => json!({"ovhSubsidiary": "US"}),
        ["me", "sshKey", ..] => json!({"keyName": "k", "key": "ssh-ed25519 AAAA c"}),
        ["me", "payment", ..] => json!([3]),
        ["me", "order"] => json!([77]),
        ["me", "order", _, "status"] => json!("delivered"),
        ["me", "order", _, "details"] => json!([1]),
        ["me", "order", _, "details", _, "operations"] => json!([4]),
        ["me", "order", _, "details", _, "operations", _] => json!({"resource": {"name": SERVICE}}),
        ["me", "order", ..] => json!({"order": {"plan": {"code": "p"}}, "domain": SERVICE}),
        ["order", "catalog", ..] => {
            json!({"locale": {"currencyCode": "USD"}, "plans": [{"planCode": "p", "pricings": [
            {"mode": "default", "capacities": ["renew"], "intervalUnit": "month", "interval": 1, "price": 646_000_000}]}]})
        }
        ["order", "cart"] => json!({"cartId": "c"}),
        ["order", "cart", _, "vps"] => json!({"itemId": 12}),
        ["order", .., "requiredConfiguration"] => {
            json!([{"label": "vps_datacenter", "required": true}, {"label": "vps_os", "required": true}])
        }
        ["order", .., "checkout"] => json!({"orderId": 77, "prices": {"withTax":
            {"currencyCode": "USD", "value": 6.46, "priceInUcents": 646_000_000, "text": "$6.46"}}}),
        _ => json!({}),
    }
}

fn others(plugin: &Ovh, ctx: Context<'_>, which: u8) -> Result<(), Fault> {
    match which {
        0 => plugin.get(ctx, SERVICE).map(drop),
        1 => plugin.set(ctx, SERVICE, true).map(drop),
        2 => plugin.set(ctx, SERVICE, false).map(drop),
        3 => plugin.reboot(ctx, SERVICE),
        4 => plugin.reinstall(ctx, SERVICE, json!({"image": "debian-13", "ssh_keys": ["k"]})),
        5 => plugin.start(ctx).map(drop),
        6 => plugin.finished(ctx).map(drop),
        _ => plugin.price(ctx, "machine", json!({"order": {"plan": "p"}})).map(drop),
    }
}

#[test]
fn no_answer_makes_it_panic() {
    let order = json!({"plan": "p", "datacenter": "WAW", "os": "Debian 13", "accept_price": "7 USD"});
    survives(&Case {
        settings: json!({"site": "us"}),
        base: "https://api.us.ovhcloud.com/1.0",
        objects: vec![
            (
                "machine",
                SERVICE,
                json!({"name": "n", "service": SERVICE, "reinstall": true, "image": "debian-13", "ssh_keys": ["k"]}),
            ),
            ("machine", SERVICE, json!({"name": "n", "order": order, "ssh_keys": ["k"]})),
            ("ssh-key", "k", json!({"name": "k", "public_key": "ssh-ed25519 AAAA"})),
        ],
        usual,
        corpus: testing::examples("ovh").into_iter().map(|(_, example)| example["body"].clone()).collect(),
        others,
    });
}
