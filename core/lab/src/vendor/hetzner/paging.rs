//! Lists: filters by name and label, sorting, pages.

use serde_json::{Value, json};

use super::{Answer, invalid, labels};
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;

/// Answers a list of objects under `key`.
pub(super) fn list(request: &Request, key: &str, mut items: Vec<Value>) -> Answer {
    if let Some(name) = request.query("name") {
        items.retain(|item| item["name"] == name);
    }
    if let Some(selector) = request.query("label_selector") {
        let mut kept = Vec::new();
        for item in items {
            let fits = labels::select(selector, &item["labels"])
                .map_err(|message| invalid("label_selector", &message))?;
            if fits {
                kept.push(item);
            }
        }
        items = kept;
    }
    let wanted: Vec<&str> = request.queries("status").collect();
    if !wanted.is_empty() {
        items.retain(|item| wanted.iter().any(|status| item["status"] == *status));
    }
    if let Some(sort) = request.query("sort") {
        let (field, order) = sort.split_once(':').unwrap_or((sort, "asc"));
        items.sort_by_key(|item| {
            item[field].as_u64().map_or_else(
                || item[field].as_str().unwrap_or_default().to_owned(),
                |number| format!("{number:020}"),
            )
        });
        if order == "desc" {
            items.reverse();
        }
    }
    page(request, key, &items)
}

/// Answers one page.
pub(super) fn page(request: &Request, key: &str, items: &[Value]) -> Answer {
    let number = |name: &str, usual: usize, most: usize| match request.query(name) {
        None => Ok(usual),
        Some(text) => match text.parse::<usize>() {
            Ok(value) if (1..=most).contains(&value) => Ok(value),
            _ => Err(invalid(name, &format!("must be between 1 and {most}"))),
        },
    };
    let page = number("page", 1, 1_000_000)?;
    let per_page = number("per_page", 25, 50)?;
    let total = items.len();
    let last = total.div_ceil(per_page).max(1);
    let shown: Vec<&Value> = items.iter().skip((page - 1) * per_page).take(per_page).collect();
    let mut body = json!({"meta": {"pagination": {
        "page": page,
        "per_page": per_page,
        "previous_page": (page > 1).then(|| page - 1),
        "next_page": (page < last).then(|| page + 1),
        "last_page": last,
        "total_entries": total,
    }}});
    body[key] = json!(shown);
    let link = |to: usize, relation: &str| {
        format!("<{}{}?page={to}&per_page={per_page}>; rel=\"{relation}\"", request.origin, request.path)
    };
    let mut links = Vec::new();
    if page > 1 {
        links.push(link(page - 1, "prev"));
    }
    if page < last {
        links.push(link(page + 1, "next"));
    }
    links.push(link(last, "last"));
    Ok(Reply::json(200, &body).header("link", links.join(", ")).doing(&format!("{key}.list")))
}
