//! `origin-certificate`: a certificate of the authority that the edge trusts,
//! for the way from the edge to the origin. The operator makes the key and the
//! request; only the request comes here, so that the key never leaves the place
//! where it was made.

use honey_sdk::{
    Context, Diagnostic, Fault, Findings, Object, Ownership, Schema, State, clock, json, log, schema::Field,
    set,
};
use serde::{Deserialize, Serialize};

use crate::{
    CloudflareDns,
    api::Certificate,
    record::{full_name, normal_name},
};

/// Days that the vendor offers.
const VALIDITIES: [u32; 7] = [7, 30, 90, 365, 730, 1095, 5475];

/// When the operator should think of another one.
const SOON_DAYS: i64 = 30;

/// A certificate for the origin.
pub struct OriginCertificate;

/// What an operator asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Desired {
    /// Domain name of the zone.
    pub zone: String,
    /// Names it is good for.
    pub hostnames: Vec<String>,
    /// PEM.
    pub csr: String,
    /// `rsa` or `ecc`.
    pub key: String,
    /// How long.
    pub valid_days: u32,
}

impl Default for Desired {
    fn default() -> Self {
        Self {
            zone: String::new(),
            hostnames: Vec::new(),
            csr: String::new(),
            key: "ecc".to_owned(),
            valid_days: 5475,
        }
    }
}

/// What others may refer to.
#[derive(Clone, Debug, Serialize)]
pub struct Outputs {
    /// The vendor's id.
    pub id: String,
    /// PEM.
    pub certificate: String,
    /// As the vendor writes it.
    pub expires_on: String,
}

impl Object for OriginCertificate {
    type Plugin = CloudflareDns;
    type Desired = Desired;
    type Outputs = Outputs;

    const NAME: &'static str = "origin-certificate";

    fn schema() -> Schema {
        let signed = "a certificate cannot be changed once it is signed";
        Schema::new(
            Self::NAME,
            "A certificate that only Cloudflare's edge trusts, for the way from the edge to the origin.",
        )
        .field(Field::text("zone", "The zone's domain name.").required().immutable(signed))
        .field(
            Field::texts("hostnames", "Names it is good for, in full; `*.` in front stands for one level.")
                .required()
                .unordered()
                .immutable(signed),
        )
        .field(
            Field::text("csr", "The signing request, PEM. Its private key stays with you.")
                .required()
                .immutable(signed),
        )
        .field(
            Field::one_of("key", &["rsa", "ecc"], "Kind of the private key; ecc when not given.")
                .immutable(signed),
        )
        .field(
            Field::number("valid_days", "7, 30, 90, 365, 730, 1095 or 5475; the last when not given.")
                .immutable(signed),
        )
        .output(Field::text("id", "The vendor's id."))
        .output(Field::text("certificate", "The certificate, PEM."))
        .output(Field::text("expires_on", "When it ends."))
    }

    fn check(_plugin: &CloudflareDns, desired: &mut Desired, findings: &mut Findings) {
        desired.zone = normal_name(&desired.zone);
        desired.csr = plain(&desired.csr);
        if !findings.is_unknown("csr") && !desired.csr.starts_with("-----BEGIN CERTIFICATE REQUEST-----") {
            findings.error(
                "cloudflare-dns::csr",
                "/csr",
                "a signing request begins with BEGIN CERTIFICATE REQUEST",
            );
        }
        if desired.csr.contains("PRIVATE KEY") {
            findings.error("cloudflare-dns::csr", "/csr", "take the private key out: it must stay with you");
        }
        if !findings.is_unknown("hostnames") && !findings.is_unknown("zone") {
            desired.hostnames = set::normal(desired.hostnames.iter().map(|name| normal_name(name)).collect());
            for name in &desired.hostnames {
                if let Err(why) = full_name(&desired.zone, name.strip_prefix("*.").unwrap_or(name)) {
                    findings.error("cloudflare-dns::name-outside-zone", "/hostnames", why);
                }
            }
            if desired.hostnames.is_empty() || desired.hostnames.len() > 200 {
                findings.error("cloudflare-dns::hostnames", "/hostnames", "a certificate has 1 to 200 names");
            }
        }
        if !matches!(desired.key.as_str(), "rsa" | "ecc") {
            findings.error("cloudflare-dns::key", "/key", "a key is rsa or ecc");
        }
        if !VALIDITIES.contains(&desired.valid_days) {
            let finding = Diagnostic::error("cloudflare-dns::valid-days", "/valid_days", "not offered");
            findings.push(finding.with_help("one of 7, 30, 90, 365, 730, 1095, 5475"));
        }
    }

    /// Certificates have no place for marks; the one that answers the very
    /// request is the one, since only its key fits.
    fn find(
        plugin: &CloudflareDns,
        _ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let found = match (id.and_then(|id| id.split_once('/')), desired) {
            (Some((zone, id)), _) => plugin.api.certificate(id)?.map(|found| (zone.to_owned(), found)),
            (None, Some(desired)) if !desired.csr.is_empty() && !desired.zone.is_empty() => {
                let zone_id = plugin.api.zone_id(&desired.zone)?;
                let wanted = plain(&desired.csr);
                let all = plugin.api.certificates(&zone_id)?.into_iter();
                let mut ours = all.filter(|found| found.revoked_at.is_none() && plain(&found.csr) == wanted);
                ours.next().map(|found| (desired.zone.clone(), found))
            }
            _ => None,
        };
        let found = found.filter(|(_, found)| found.revoked_at.is_none());
        Ok(found.map(|(zone, found)| state(zone, found)))
    }

    fn make(plugin: &CloudflareDns, ctx: Context, desired: &Desired) -> Result<State<Self>, Fault> {
        ctx.progress(&format!("a certificate for {}", desired.hostnames.join(", ")));
        let signed = plugin.api.sign(&json!({
            "csr": desired.csr,
            "hostnames": desired.hostnames,
            "request_type": format!("origin-{}", desired.key),
            "requested_validity": desired.valid_days,
        }))?;
        let mut made = state(desired.zone.clone(), signed);
        // The answer need not repeat what was asked for.
        made.attributes = desired.clone();
        Ok(made)
    }

    fn remove(plugin: &CloudflareDns, _ctx: Context, id: &str) -> Result<(), Fault> {
        plugin.api.revoke(id.split_once('/').map_or(id, |(_, id)| id))
    }
}

/// PEM with one kind of line ends and none behind.
fn plain(pem: &str) -> String {
    pem.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

fn state(zone: String, found: Certificate) -> State<OriginCertificate> {
    let now = i64::try_from(clock::now_ms() / 1000).unwrap_or(i64::MAX);
    let left = clock::midnight_of(&found.expires_on).map(|end| (end - now) / 86_400);
    if let Some(days) = left.filter(|days| *days < SOON_DAYS) {
        log::warn(&format!(
            "the origin certificate {} ends in {days} days: make a new signing request",
            found.id
        ));
    }
    State {
        id: format!("{zone}/{}", found.id),
        attributes: Desired {
            zone,
            hostnames: set::normal(found.hostnames.iter().map(|name| normal_name(name)).collect()),
            csr: plain(&found.csr),
            key: found.request_type.trim_start_matches("origin-").to_owned(),
            valid_days: found.requested_validity,
        },
        outputs: Outputs { id: found.id, certificate: found.pem, expires_on: found.expires_on },
        ownership: Ownership::Ours,
    }
}
