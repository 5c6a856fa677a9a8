//! No answer of the vendor makes the plugin panic, and every refusal says what it is.

use honey_plugin_cloudflare_dns::CloudflareDns;
use honey_sdk::{
    Context, Fault, Value,
    capability::{EdgeRanges, RecordSwap, Replacement, SwapError},
    json,
    testing::{
        self,
        hostile::{Case, survives},
    },
};

const CSR: &str = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----";

fn usual(_method: &str, target: &str) -> Value {
    let record = json!({"id": "r", "name": "api.example.com", "type": "A", "content": "127.0.0.1", "proxied": true,
        "ttl": 1, "priority": null, "comment": "honey-owner=honeydue-box honey-address=box__thing__one"});
    let certificate = json!({"id": "328", "csr": CSR, "certificate": "-----BEGIN", "hostnames": ["*.example.com"],
        "expires_on": "2040-01-01T05:20:00Z", "request_type": "origin-ecc", "requested_validity": 5475});
    let result = if target.contains("/batch") {
        json!({"patches": [record], "posts": []})
    } else if target.contains("dns_records") {
        json!([record])
    } else if target.contains("/settings/") {
        json!({"id": "ssl", "value": "flexible"})
    } else if target.starts_with("/zones") {
        json!([{"id": "z1", "name": "example.com", "status": "active"}])
    } else if target.starts_with("/certificates?") {
        json!([certificate])
    } else if target.starts_with("/certificates") {
        certificate
    } else {
        json!({"ipv4_cidrs": ["192.0.2.0/24"], "ipv6_cidrs": ["2001:db8::/32"]})
    };
    json!({"success": true, "errors": [], "messages": [], "result": result,
        "result_info": {"page": 1, "total_pages": 1}})
}

fn others(plugin: &CloudflareDns, ctx: Context<'_>, which: u8) -> Result<(), Fault> {
    let name = |name: &str| (name.to_owned(), "A".to_owned());
    let swap = Replacement {
        name: "api.example.com".into(),
        type_: "A".into(),
        expect: vec!["127.0.0.1".into()],
        set: vec!["127.0.0.8".into(), "127.0.0.9".into()],
    };
    match which {
        0..=2 => plugin.edge_ranges(ctx).map(drop),
        3 => {
            plugin.current(ctx, "example.com", &[name("api.example.com"), name("app.example.com")]).map(drop)
        }
        _ => match plugin.swap(ctx, "example.com", &[swap]) {
            Err(SwapError::Failed(fault)) => Err(fault),
            Ok(_) | Err(SwapError::Moved(_)) => Ok(()),
        },
    }
}

#[test]
fn no_answer_makes_it_panic() {
    survives(&Case {
        settings: json!({}),
        base: "https://api.cloudflare.com/client/v4",
        objects: vec![
            (
                "record-set",
                "example.com/A/api.example.com",
                json!({"zone": "example.com", "name": "api.example.com",
                "type": "A", "values": ["127.0.0.1", "127.0.0.2"], "proxied": true, "ttl": 1}),
            ),
            (
                "record-set",
                "example.com/MX/example.com",
                json!({"zone": "example.com", "name": "example.com",
                "type": "MX", "values": ["10 mail.example.com"], "ttl": 300}),
            ),
            ("zone-settings", "example.com", json!({"zone": "example.com", "ssl": "strict"})),
            (
                "origin-certificate",
                "example.com/328",
                json!({"zone": "example.com", "hostnames": ["*.example.com"], "csr": CSR}),
            ),
        ],
        usual,
        corpus: testing::examples("cloudflare")
            .into_iter()
            .map(|(_, example)| example["body"].clone())
            .collect(),
        others,
    });
}
