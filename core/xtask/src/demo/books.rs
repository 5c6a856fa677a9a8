//! The lab's books, asked over its control address.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use serde::Deserialize;
use serde_json::Value;

use super::report::Worker;
use crate::workspace::Failure;

/// What the lab saw.
#[derive(Deserialize)]
pub(crate) struct Books {
    calls: Vec<Call>,
    #[serde(default)]
    pub(crate) objects: Vec<Object>,
    #[serde(default)]
    workers: Vec<Span>,
    #[serde(default)]
    violations: Vec<Value>,
}

#[derive(Deserialize)]
struct Call {
    vendor: String,
    method: String,
    path: String,
}

/// An object that a vendor made, changed or deleted.
#[derive(Deserialize)]
pub(crate) struct Object {
    pub(crate) vendor: String,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) event: String,
}

#[derive(Deserialize)]
struct Span {
    cluster: String,
    started_ms: u64,
    stopped_ms: Option<u64>,
}

impl Books {
    /// Asks the lab that was started in a directory.
    pub(crate) fn read(directory: &Path) -> Result<Self, Failure> {
        let path = directory.join("lab.json");
        let text = std::fs::read_to_string(&path).map_err(|error| Failure::File { path, error })?;
        let lab: Value = serde_json::from_str(&text).map_err(|error| Failure::Holds(error.to_string()))?;
        let control =
            lab["control"].as_str().unwrap_or_default().trim_start_matches("http://").trim_end_matches('/');
        let body = get(control, "/books")?;
        serde_json::from_str(&body).map_err(|error| Failure::Holds(format!("the lab's books: {error}")))
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.len()
    }

    pub(crate) fn calls_by_vendor(&self) -> BTreeMap<String, usize> {
        let mut count = BTreeMap::new();
        let plugin = |vendor: &str| {
            if vendor == "cloudflare" { "cloudflare-dns".to_owned() } else { vendor.to_owned() }
        };
        self.calls.iter().for_each(|call| *count.entry(plugin(&call.vendor)).or_default() += 1);
        count
    }

    /// Reads from call number `from` on that were made more than once. Asked
    /// after a plan, which changes nothing: every second one is without need.
    pub(crate) fn repeated_reads(&self, from: usize) -> usize {
        let mut seen: BTreeMap<(&str, &str, &str), usize> = BTreeMap::new();
        let reads = self.calls[from.min(self.calls.len())..].iter().filter(|call| call.method != "POST");
        reads.for_each(|call| *seen.entry((&call.vendor, &call.method, &call.path)).or_default() += 1);
        seen.values().map(|count| count - 1).sum()
    }

    /// Objects of one vendor, kind and name that were made more often than removed, beyond one.
    pub(crate) fn duplicates(&self) -> Vec<String> {
        let mut alive: BTreeMap<String, i64> = BTreeMap::new();
        for object in &self.objects {
            let change = match object.event.as_str() {
                "created" => 1,
                "deleted" => -1,
                _ => 0,
            };
            *alive.entry(format!("{}/{}/{}", object.vendor, object.kind, object.name)).or_default() += change;
        }
        alive.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        self.violations.iter().map(Value::to_string).collect()
    }

    /// How long two clusters ran a worker, and how long none did.
    pub(crate) fn worker(&self) -> Worker {
        let end = |span: &Span| span.stopped_ms.unwrap_or(u64::MAX);
        let mut overlap = 0;
        for (index, one) in self.workers.iter().enumerate() {
            for other in self.workers.iter().skip(index + 1).filter(|other| other.cluster != one.cluster) {
                let (start, stop) = (one.started_ms.max(other.started_ms), end(one).min(end(other)));
                overlap += stop.saturating_sub(start);
            }
        }
        let mut spans: Vec<&Span> = self.workers.iter().collect();
        spans.sort_by_key(|span| span.started_ms);
        let moves = spans.windows(2).filter(|pair| pair[0].cluster != pair[1].cluster);
        let gap = moves.map(|pair| pair[1].started_ms.saturating_sub(end(pair[0]))).max().unwrap_or(0);
        let clusters: std::collections::BTreeSet<&str> =
            spans.iter().map(|span| span.cluster.as_str()).collect();
        Worker { overlap_ms: overlap, gap_ms: gap, clusters: clusters.len() }
    }
}

/// What the DNS vendor itself serves for the zone, by name.
pub(crate) fn zone(directory: &Path, zone: &str) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let read = |name: &str| {
        let path = directory.join(name);
        std::fs::read_to_string(&path).map_err(|error| Failure::File { path, error })
    };
    let lab: Value =
        serde_json::from_str(&read("lab.json")?).map_err(|error| Failure::Holds(error.to_string()))?;
    let origin = lab.pointer("/endpoints/cloudflare").and_then(Value::as_str).unwrap_or_default();
    let address = origin.trim_start_matches("http://");
    let token = format!("Authorization: Bearer {}\r\n", read("secrets/cloudflare-token")?.trim());
    let ask = |path: &str| {
        let body = request(address, path, &token)?;
        serde_json::from_str::<Value>(&body).map_err(|error| Failure::Holds(format!("{path}: {error}")))
    };
    let zones = ask(&format!("/client/v4/zones?name={zone}"))?;
    let id = zones.pointer("/result/0/id").and_then(Value::as_str).unwrap_or_default();
    let records = ask(&format!("/client/v4/zones/{id}/dns_records?per_page=100"))?;
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for record in records["result"].as_array().into_iter().flatten().filter(|record| record["type"] == "A") {
        let text = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
        names.entry(text("name")).or_default().push(text("content"));
    }
    for values in names.values_mut() {
        values.sort();
    }
    Ok(names)
}

/// One plain HTTP request to loopback.
fn get(address: &str, path: &str) -> Result<String, Failure> {
    request(address, path, "")
}

fn request(address: &str, path: &str, headers: &str) -> Result<String, Failure> {
    let failed =
        |error: std::io::Error| Failure::Holds(format!("the lab at {address} does not answer: {error}"));
    let mut stream = TcpStream::connect(address).map_err(failed)?;
    stream.set_read_timeout(Some(Duration::from_secs(30))).map_err(failed)?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n{headers}Connection: close\r\n\r\n")
        .map_err(failed)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).map_err(failed)?;
    let (head, body) = reply.split_once("\r\n\r\n").unwrap_or((reply.as_str(), ""));
    if head.contains(" 200") {
        Ok(body.to_owned())
    } else {
        Err(Failure::Holds(format!("the lab said: {head}")))
    }
}
