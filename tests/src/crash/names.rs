//! Where the public names point, as the lab's vendor says.

use std::collections::{BTreeMap, BTreeSet};

use honey_lab::Lab;
use serde_json::Value;

use crate::Failure;

/// Address records of the zone.
pub(super) async fn read(lab: &Lab) -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
    let base = format!("{}/client/v4/zones", lab.endpoint("cloudflare"));
    let zones = ask(lab, &base).await?;
    let zone = zones["result"][0]["id"].as_str().ok_or("the lab has no zone")?;
    let records = ask(lab, &format!("{base}/{zone}/dns_records?per_page=100")).await?;
    let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for record in records["result"].as_array().into_iter().flatten().filter(|record| record["type"] == "A") {
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        names.entry(text("name")).or_default().insert(text("content"));
    }
    Ok(names)
}

/// The addresses of a vendor's machines.
pub(super) fn addresses(lab: &Lab, vendor: &str) -> BTreeSet<String> {
    let machines = lab.world().machines().into_iter().filter(|machine| machine.vendor == vendor);
    machines.map(|machine| machine.ipv4.to_string()).collect()
}

async fn ask(lab: &Lab, url: &str) -> Result<Value, Failure> {
    // The lab speaks plain HTTP; the client wants a provider all the same. A second one is refused, which is fine.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let request = reqwest::Client::builder().no_proxy().build()?.get(url);
    let reply = request.bearer_auth(lab.secret("cloudflare", "token")).send().await?.error_for_status()?;
    Ok(serde_json::from_slice(&reply.bytes().await?)?)
}
