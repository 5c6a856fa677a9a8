//! Records: listing, one by one, and in batches.

use serde_json::{Value, json};

use super::envelope::{failure, page, success};
use super::{Answer, Cloudflare, plain, unroutable, validation};
use crate::books::Event;
use crate::clock::Clock;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules::{self, Problem};
use crate::vendor::serve::note_violation;

/// Records that one batch may change on the free plan.
const BATCH: usize = 200;

/// One change of a batch, for the books.
type Change = (Event, Value);

/// `/zones/{zone}/dns_records…`.
pub(super) fn route(vendor: &Cloudflare, request: &Request, path: &[&str]) -> Answer {
    match (request.method.as_str(), &path[3..]) {
        ("GET", []) => list(vendor, request),
        ("GET", ["export"]) => Ok(export(vendor)),
        ("POST", ["batch"]) => batch(vendor, request),
        ("GET", [id]) => {
            let zones = vendor.zones();
            let record = find(&zones[0].records, request, id)?;
            Ok(plain(record.clone(), "record.read"))
        }
        ("POST", []) => {
            let body = read(request)?;
            one(vendor, "record.create", |records, changes| create(vendor, request, records, changes, &body))
        }
        ("PUT", [id]) => {
            let body = read(request)?;
            one(vendor, "record.replace", |records, changes| {
                put(vendor, request, records, changes, id, &body)
            })
        }
        ("PATCH", [id]) => {
            let body = read(request)?;
            one(vendor, "record.update", |records, changes| {
                patch(vendor, request, records, changes, id, &body)
            })
        }
        ("DELETE", [id]) => one(vendor, "record.delete", |records, changes| {
            remove(request, records, changes, id).map(|record| json!({"id": record["id"]}))
        }),
        _ => Err(unroutable(request)),
    }
}

fn read(request: &Request) -> Result<Value, Reply> {
    let json = request.header("content-type").is_some_and(|media| media.contains("json"));
    if !json {
        return Err(failure(400, 9207, "Content-Type must be application/json"));
    }
    request.json().map_err(|_| failure(400, 9207, "Request body is invalid."))
}

/// Runs a change on a copy of the records and keeps it when it succeeds.
fn one(
    vendor: &Cloudflare,
    operation: &str,
    change: impl FnOnce(&mut Vec<Value>, &mut Vec<Change>) -> Result<Value, Reply>,
) -> Answer {
    let mut zones = vendor.zones();
    let mut records = zones[0].records.clone();
    let mut changes = Vec::new();
    let result = change(&mut records, &mut changes)?;
    zones[0].records = records;
    note(vendor, &changes);
    Ok(plain(result, operation))
}

fn note(vendor: &Cloudflare, changes: &[Change]) {
    for (event, record) in changes {
        let name = format!(
            "{} {} {}",
            record["name"].as_str().unwrap_or_default(),
            record["type"].as_str().unwrap_or_default(),
            record["content"].as_str().unwrap_or_default(),
        );
        let id = record["id"].as_str().unwrap_or_default();
        vendor.world.note("cloudflare", "record", id, &name, *event);
    }
}

fn refuse_shape(vendor: &Cloudflare, request: &Request, problems: &[Problem]) -> Result<(), Reply> {
    let Some(first) = problems.first() else { return Ok(()) };
    let message = format!("{}: {}", first.field, first.message);
    note_violation(&vendor.world, "cloudflare", request, "rules", &message);
    Err(validation::invalid(9101, &message))
}

fn find<'a>(records: &'a [Value], request: &Request, id: &str) -> Result<&'a Value, Reply> {
    if !Cloudflare::is_id(id) {
        return Err(unroutable(request));
    }
    records
        .iter()
        .find(|record| record["id"] == id)
        .ok_or_else(|| failure(404, 81_044, "Record does not exist."))
}

fn create(
    vendor: &Cloudflare,
    request: &Request,
    records: &mut Vec<Value>,
    changes: &mut Vec<Change>,
    body: &Value,
) -> Result<Value, Reply> {
    refuse_shape(vendor, request, &validation::shape(body, true))?;
    let zone = vendor.zone_name.as_str();
    let record = vendor.complete(body, zone);
    validation::alone(&record, zone)?;
    validation::beside(&record, records, None)?;
    records.push(record.clone());
    changes.push((Event::Created, record.clone()));
    Ok(record)
}

fn put(
    vendor: &Cloudflare,
    request: &Request,
    records: &mut [Value],
    changes: &mut Vec<Change>,
    id: &str,
    body: &Value,
) -> Result<Value, Reply> {
    refuse_shape(vendor, request, &validation::shape(body, true))?;
    let old = find(records, request, id)?.clone();
    let mut fresh = body.clone();
    fresh["id"] = old["id"].clone();
    replace(vendor, records, changes, &old, &fresh)
}

fn patch(
    vendor: &Cloudflare,
    request: &Request,
    records: &mut [Value],
    changes: &mut Vec<Change>,
    id: &str,
    body: &Value,
) -> Result<Value, Reply> {
    refuse_shape(vendor, request, &validation::shape(body, false))?;
    let old = find(records, request, id)?.clone();
    let mut merged = old.clone();
    for (key, value) in body.as_object().into_iter().flatten() {
        if key != "id" {
            merged[key] = value.clone();
        }
    }
    replace(vendor, records, changes, &old, &merged)
}

fn replace(
    vendor: &Cloudflare,
    records: &mut [Value],
    changes: &mut Vec<Change>,
    old: &Value,
    fresh: &Value,
) -> Result<Value, Reply> {
    let zone = vendor.zone_name.as_str();
    let mut record = validation::normal(fresh, zone);
    record["created_on"] = old["created_on"].clone();
    record["modified_on"] = json!(Clock::rfc3339());
    validation::alone(&record, zone)?;
    validation::beside(&record, records, Some(&old["id"]))?;
    if let Some(place) = records.iter_mut().find(|place| place["id"] == old["id"]) {
        *place = record.clone();
    }
    changes.push((Event::Changed, record.clone()));
    Ok(record)
}

fn remove(
    request: &Request,
    records: &mut Vec<Value>,
    changes: &mut Vec<Change>,
    id: &str,
) -> Result<Value, Reply> {
    let record = find(records, request, id)?.clone();
    records.retain(|other| other["id"] != id);
    changes.push((Event::Deleted, record.clone()));
    Ok(record)
}

fn batch(vendor: &Cloudflare, request: &Request) -> Answer {
    let body = read(request)?;
    let list = || json!({"type": "array", "items": {"type": "object"}});
    let problems = rules::judge(
        "cloudflare/batch",
        || {
            let parts = json!({"deletes": list(), "patches": list(), "puts": list(), "posts": list()});
            rules::object(&[], parts)
        },
        &body,
    );
    refuse_shape(vendor, request, &problems)?;
    let part = |key: &str| body[key].as_array().cloned().unwrap_or_default();
    let parts = [part("deletes"), part("patches"), part("puts"), part("posts")];
    let total: usize = parts.iter().map(Vec::len).sum();
    if total > BATCH {
        return Err(failure(400, 1004, &format!("A batch may hold {BATCH} changes at most.")));
    }
    let [deletes, patches, puts, posts] = parts;
    let mut zones = vendor.zones();
    let mut records = zones[0].records.clone();
    let mut changes = Vec::new();
    let id_of = |item: &Value| item["id"].as_str().unwrap_or_default().to_owned();
    let mut done: [Vec<Value>; 4] = Default::default();
    for item in &deletes {
        done[0].push(remove(request, &mut records, &mut changes, &id_of(item))?);
    }
    for item in &patches {
        let id = id_of(item);
        done[1].push(patch(vendor, request, &mut records, &mut changes, &id, item)?);
    }
    for item in &puts {
        let id = id_of(item);
        done[2].push(put(vendor, request, &mut records, &mut changes, &id, item)?);
    }
    for item in &posts {
        done[3].push(create(vendor, request, &mut records, &mut changes, item)?);
    }
    zones[0].records = records;
    note(vendor, &changes);
    let [deletes, patches, puts, posts] = done;
    let result = json!({"deletes": deletes, "patches": patches, "puts": puts, "posts": posts});
    Ok(success(result, None).doing("record.batch"))
}

/// Whether a text passes the filters `<field>`, `<field>.exact`, ….
fn passes(request: &Request, field: &str, value: &str) -> bool {
    let value = value.to_lowercase();
    let test = |name: String, fits: &dyn Fn(&str) -> bool| {
        request.query(&name).is_none_or(|wanted| fits(&wanted.to_lowercase()))
    };
    test(field.to_owned(), &|wanted| value == wanted)
        && test(format!("{field}.exact"), &|wanted| value == wanted)
        && test(format!("{field}.contains"), &|wanted| value.contains(wanted))
        && test(format!("{field}.startswith"), &|wanted| value.starts_with(wanted))
        && test(format!("{field}.endswith"), &|wanted| value.ends_with(wanted))
}

fn list(vendor: &Cloudflare, request: &Request) -> Answer {
    let mut found: Vec<Value> = vendor.zones()[0].records.clone();
    found.retain(|record| {
        let text = |key: &str| record[key].as_str().unwrap_or_default().to_owned();
        let commented = !text("comment").is_empty();
        request.query("type").is_none_or(|kind| record["type"] == kind)
            && request.query("proxied").is_none_or(|wanted| record["proxied"] == (wanted == "true"))
            && request.query("comment.present").is_none_or(|_| commented)
            && request.query("comment.absent").is_none_or(|_| !commented)
            && request.query("search").is_none_or(|wanted| record.to_string().contains(wanted))
            && ["name", "content", "comment"].iter().all(|field| passes(request, field, &text(field)))
    });
    if let Some(order) = request.query("order") {
        found.sort_by_key(|record| record[order].to_string());
    }
    if request.query("direction") == Some("desc") {
        found.reverse();
    }
    page(request, &found, 100, (1, 5_000_000), "record.list")
}

fn export(vendor: &Cloudflare) -> Reply {
    use std::fmt::Write as _;
    let mut text = String::new();
    for record in &vendor.zones()[0].records {
        let _ = writeln!(
            text,
            "{}.\t{}\tIN\t{}\t{}",
            record["name"].as_str().unwrap_or_default(),
            record["ttl"],
            record["type"].as_str().unwrap_or_default(),
            record["content"].as_str().unwrap_or_default(),
        );
    }
    Reply::bytes(200, "text/plain", text).doing("record.export")
}
