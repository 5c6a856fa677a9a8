//! Cloudflare's API v4: envelope, refusals, zones, records, batches.
//!
//! Endpoints are described as the `cloudflare` crate describes them; where it
//! lacks one, it is described here. Replies are read with types of our own:
//! the crate's cannot hold comments, records of other types, zones that are
//! not active, or error codes above 65535.

use cloudflare::{
    endpoints::{
        dns::dns::{ListDnsRecords, ListDnsRecordsParams},
        zones::zone::{ListZones, ListZonesParams},
    },
    framework::endpoint::{Method, RequestBody, spec::EndpointSpec},
};
use honey_sdk::{
    Fault, Value, cache,
    http::{Client, Refusal, Reply, percent},
    json,
    paging::{self, Page},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    batch::{Batch, BatchResult},
    record::{Record, normal_name},
};

const ENDPOINT: &str = "https://api.cloudflare.com/client/v4";

/// Records on a page of a zone's list. One page for nearly every zone.
const PAGE: u32 = 5000;

/// The vendor.
pub(crate) struct Api {
    client: Client,
}

/// What every reply is wrapped in.
#[derive(Debug, Deserialize)]
struct Envelope<T> {
    #[serde(default)]
    success: bool,
    result: Option<T>,
    #[serde(default)]
    result_info: Option<ResultInfo>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct ResultInfo {
    total_pages: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct Refused {
    #[serde(default)]
    errors: Vec<VendorFault>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct VendorFault {
    code: u64,
    message: String,
    error_chain: Vec<VendorFault>,
}

#[derive(Debug, Deserialize)]
struct Zone {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    status: String,
}

/// A setting of a zone.
#[derive(Debug, Deserialize)]
pub(crate) struct ZoneSetting {
    /// `strict`
    #[serde(default)]
    pub(crate) value: Value,
}

/// A certificate of the authority that only the vendor's edge trusts.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Certificate {
    pub(crate) id: String,
    /// PEM.
    #[serde(rename = "certificate")]
    pub(crate) pem: String,
    /// PEM of the request that it answers.
    pub(crate) csr: String,
    pub(crate) hostnames: Vec<String>,
    /// `2040-01-01T05:20:00Z`, or with blanks.
    pub(crate) expires_on: String,
    pub(crate) request_type: String,
    /// Days.
    pub(crate) requested_validity: u32,
    pub(crate) revoked_at: Option<String>,
}

/// `result` of `GET /ips`.
#[derive(Debug, Deserialize)]
pub(crate) struct Addresses {
    /// CIDRs.
    #[serde(default)]
    pub(crate) ipv4_cidrs: Vec<String>,
    /// CIDRs.
    #[serde(default)]
    pub(crate) ipv6_cidrs: Vec<String>,
}

impl Api {
    pub(crate) fn new(endpoint: Option<&str>) -> Self {
        let client = Client::new("cloudflare-dns", endpoint.unwrap_or(ENDPOINT))
            .bearer("token")
            .refusals(read_refusal);
        Self { client }
    }

    /// The id of a zone, asked for once in a run.
    pub(crate) fn zone_id(&self, zone: &str) -> Result<String, Fault> {
        cache::remember(&format!("zone:{zone}"), || self.find_zone(zone))
    }

    fn find_zone(&self, zone: &str) -> Result<String, Fault> {
        let params = ListZonesParams { name: Some(zone.to_owned()), ..ListZonesParams::default() };
        let mut zones: Vec<Zone> = self.call(&ListZones { params })?.0;
        zones.retain(|found| normal_name(&found.name) == zone);
        if zones.len() > 1 {
            zones.retain(|found| found.status == "active");
        }
        match zones.as_slice() {
            [one] => Ok(one.id.clone()),
            [] => Err(Fault::not_found(
                "cloudflare-dns::no-such-zone",
                format!("no zone `{zone}` is visible to this token"),
            )
            .with_help("the token needs Zone:Read for the zone, and the zone has to be in its account")),
            _ => Err(Fault::conflict(
                "cloudflare-dns::ambiguous-zone",
                format!("several active zones are called `{zone}`"),
            )
            .with_help("use a token that is limited to one of their accounts")),
        }
    }

    /// Records of a name: of one type, or of all.
    pub(crate) fn records_at(
        &self,
        zone_id: &str,
        name: &str,
        record_type: Option<&str>,
    ) -> Result<Vec<Record>, Fault> {
        let mut records = paging::all(|page: Option<&u32>| {
            let page = page.copied().unwrap_or(1);
            let filters = [("name.exact", name), ("type", record_type.unwrap_or_default())];
            let filters = &filters[..if record_type.is_some() { 2 } else { 1 }];
            let path = format!("zones/{}/dns_records", percent(zone_id));
            let (items, info) = self.call(&Endpoint::get(path).page(filters, page))?;
            Ok(next_page(items, info.as_ref(), page))
        })?;
        // The vendor filters; a filter it does not know it ignores.
        records.retain(|record: &Record| {
            normal_name(&record.name) == name && record_type.is_none_or(|wanted| record.record_type == wanted)
        });
        Ok(records)
    }

    /// Every record of a zone.
    pub(crate) fn records(&self, zone_id: &str) -> Result<Vec<Record>, Fault> {
        paging::all(|page: Option<&u32>| {
            let page = page.copied().unwrap_or(1);
            let params = ListDnsRecordsParams {
                page: Some(page),
                per_page: Some(PAGE),
                ..ListDnsRecordsParams::default()
            };
            let (items, info) = self.call(&ListDnsRecords { zone_identifier: zone_id, params })?;
            Ok(next_page(items, info.as_ref(), page))
        })
    }

    /// Sends a batch: all of it is done, or nothing.
    pub(crate) fn batch(&self, zone_id: &str, batch: &Batch) -> Result<BatchResult, Fault> {
        let path = format!("zones/{}/dns_records/batch", percent(zone_id));
        Ok(self.call(&Endpoint::with(Method::POST, path, batch)?)?.0)
    }

    /// One setting of a zone.
    pub(crate) fn zone_setting(&self, zone_id: &str, setting: &str) -> Result<ZoneSetting, Fault> {
        Ok(self.call(&Endpoint::get(format!("zones/{}/settings/{setting}", percent(zone_id))))?.0)
    }

    /// Sets one setting of a zone.
    pub(crate) fn set_zone_setting(
        &self,
        zone_id: &str,
        setting: &str,
        value: &str,
    ) -> Result<ZoneSetting, Fault> {
        let path = format!("zones/{}/settings/{setting}", percent(zone_id));
        let body = json!({"value": value});
        Ok(self.call(&Endpoint::with(Method::PATCH, path, &body)?)?.0)
    }

    /// The published ranges.
    pub(crate) fn addresses(&self) -> Result<Addresses, Fault> {
        Ok(self.call(&Endpoint::get("ips".to_owned()))?.0)
    }

    /// Certificates of the vendor's own authority for names of a zone.
    pub(crate) fn certificates(&self, zone_id: &str) -> Result<Vec<Certificate>, Fault> {
        paging::all(|page: Option<&u32>| {
            let page = page.copied().unwrap_or(1);
            let endpoint = Endpoint::get("certificates".to_owned()).page(&[("zone_id", zone_id)], page);
            let (items, info) = self.call(&endpoint)?;
            Ok(next_page(items, info.as_ref(), page))
        })
    }

    /// One of them; none where it was revoked.
    pub(crate) fn certificate(&self, id: &str) -> Result<Option<Certificate>, Fault> {
        match self.call(&Endpoint::get(format!("certificates/{}", percent(id)))) {
            Ok((found, _)) => Ok(Some(found)),
            Err(fault) if fault.is("not-found") => Ok(None),
            Err(fault) => Err(fault),
        }
    }

    /// Has a certificate signed.
    pub(crate) fn sign(&self, request: &Value) -> Result<Certificate, Fault> {
        Ok(self.call(&Endpoint::with(Method::POST, "certificates".to_owned(), request)?)?.0)
    }

    /// Revokes a certificate; revoked already is done.
    pub(crate) fn revoke(&self, id: &str) -> Result<(), Fault> {
        let path = format!("certificates/{}", percent(id));
        let endpoint = Endpoint { method: Method::DELETE, path, query: None, body: None };
        match self.call::<_, Value>(&endpoint) {
            Ok(_) => Ok(()),
            Err(fault) if fault.is("not-found") => Ok(()),
            Err(fault) => Err(fault),
        }
    }

    /// Sends what an endpoint describes, through the host.
    fn call<E: EndpointSpec, T: DeserializeOwned>(
        &self,
        endpoint: &E,
    ) -> Result<(T, Option<ResultInfo>), Fault> {
        let mut path = format!("/{}", endpoint.path());
        if let Some(query) = endpoint.query().filter(|query| !query.is_empty()) {
            path = format!("{path}?{query}");
        }
        let method = endpoint.method();
        let mut request = self.client.request(method.as_str(), &path).idempotent(method != Method::POST);
        if let Some(RequestBody::Json(body)) = endpoint.body() {
            request = request.body_parts("application/json", body);
        }
        let reply = request.send()?;
        let envelope: Envelope<T> = reply.json()?;
        match envelope.result {
            Some(result) if envelope.success => Ok((result, envelope.result_info)),
            _ => Err(self.client.refused(&reply)),
        }
    }
}

fn next_page<T>(items: Vec<T>, info: Option<&ResultInfo>, page: u32) -> Page<T, u32> {
    let pages = info.and_then(|info| info.total_pages).unwrap_or(1);
    Page { next: (page < pages && !items.is_empty()).then(|| page + 1), items }
}

/// Cloudflare's codes say more than its statuses.
fn read_refusal(reply: &Reply) -> Refusal {
    let errors = reply.json::<Refused>().map(|refused| refused.errors).unwrap_or_default();
    let Some(first) = errors.first() else { return Refusal { request_id: ray(reply), ..Refusal::default() } };
    let chain = errors.iter().skip(1).chain(&first.error_chain);
    let message =
        chain.fold(first.message.clone(), |text, next| format!("{text}; {} ({})", next.message, next.code));
    let unauthorized = first.message.starts_with("Unauthorized");
    let (class, help) = match first.code {
        9109 if unauthorized => {
            (Some("forbidden"), Some("give the token Zone:Read and DNS:Edit for this zone"))
        }
        6003 | 9106 | 9109 | 10_000 | 10_001 => (
            Some("auth"),
            Some("check the API token: it may be mistyped, expired, rolled or limited to other zones"),
        ),
        // 1101: no such certificate.
        1101 | 7000 | 7003 | 81_044 => (Some("not-found"), None),
        81_045 => (Some("quota"), Some("the zone's plan allows no more records")),
        81_053 | 81_054 | 81_056 => {
            (Some("conflict"), Some("A, AAAA and CNAME records exclude each other at one name"))
        }
        81_057 | 81_058 => (Some("conflict"), None),
        _ => (None, None),
    };
    Refusal {
        code: first.code.to_string(),
        message,
        request_id: ray(reply),
        class,
        help: help.map(str::to_owned),
    }
}

fn ray(reply: &Reply) -> Option<String> {
    reply.header("cf-ray").map(str::to_owned)
}

/// An endpoint that the crate does not describe, or without the filters that
/// are needed here.
struct Endpoint {
    method: Method,
    path: String,
    query: Option<String>,
    body: Option<String>,
}

impl Endpoint {
    fn get(path: String) -> Self {
        Self { method: Method::GET, path, query: None, body: None }
    }

    fn with(method: Method, path: String, body: &impl Serialize) -> Result<Self, Fault> {
        Ok(Self { method, path, query: None, body: Some(serde_json::to_string(body)?) })
    }

    /// Page 1 is what is given without being asked for.
    fn page(mut self, filters: &[(&str, &str)], page: u32) -> Self {
        let mut query: Vec<String> =
            filters.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        query.extend((page > 1).then(|| format!("page={page}")));
        self.query = Some(query.join("&"));
        self
    }
}

impl EndpointSpec for Endpoint {
    type JsonResponse = ();
    type ResponseType = ();

    fn method(&self) -> Method {
        self.method.clone()
    }
    fn path(&self) -> String {
        self.path.clone()
    }
    fn query(&self) -> Option<String> {
        self.query.clone()
    }
    fn body(&self) -> Option<RequestBody<'_>> {
        self.body.clone().map(RequestBody::Json)
    }
}
