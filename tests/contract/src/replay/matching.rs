//! Which request of which step would get an example.

use serde_json::{Map, Value};

use super::example::{Example, Kind};
use crate::{
    Failure,
    baseline::{Baseline, Use},
    stand::{Setup, Stand, Workshop},
    subject::Subject,
    template::{Template, is_variable, split},
};

/// A request of the baseline, by its number, and how the body is to be wrapped.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Number in [`Baseline::uses`].
    pub at: usize,
    /// The field of the answer that the example is a part of.
    pub inside: Option<String>,
}

/// Where an example belongs, or why nowhere.
pub(super) async fn place(
    workshop: &Workshop,
    subject: &'static Subject,
    baseline: &Baseline,
    example: &Example,
) -> Result<Result<Vec<Place>, String>, Failure> {
    if example.kind == Kind::Request {
        return Ok(Err("it is a request and no answer".to_owned()));
    }
    if example.kind == Kind::Elsewhere {
        return Ok(Err("its request is none of HTTP".to_owned()));
    }
    let Some(body) = &example.body else {
        return Ok(Err("there is no answer in it (no `body`)".to_owned()));
    };
    if subject.vendor.is_empty() {
        return Ok(Err("the plugin sends no request to any vendor".to_owned()));
    }
    Ok(match &example.request {
        Some((method, path)) => {
            let mut specified = None;
            if workshop.judge.is_some() {
                let stand = Stand::start(workshop, subject, Setup::default()).await?;
                let path = path.split('?').next().unwrap_or(path);
                specified = based(subject, path)
                    .into_iter()
                    .find_map(|path| stand.lab.template(subject.vendor, &path));
            }
            by_request(subject, baseline, (method, path), specified.as_deref(), body)
        }
        None if example.kind == Kind::Refusal => Ok(anywhere(baseline)),
        None => by_shape(baseline, example, body),
    })
}

/// The path as it is, and below the base.
fn based(subject: &Subject, path: &str) -> Vec<String> {
    let mut all = vec![path.to_owned()];
    if !subject.base.is_empty() && !path.starts_with(subject.base) {
        all.push(format!("{}{path}", subject.base));
    }
    all
}

fn by_request(
    subject: &Subject,
    baseline: &Baseline,
    (method, path): (&str, &str),
    specified: Option<&str>,
    body: &Value,
) -> Result<Vec<Place>, String> {
    let paths = based(subject, path);
    let fits = |one: &Use| {
        let same = specified.is_none_or(|template| one.template.0 == template);
        same && paths.iter().any(|path| one.template.matches(path) && !literal_elsewhere(baseline, one, path))
    };
    let methods: &[&str] = match method {
        // A read may be asked for with either.
        "GET" | "HEAD" => &["GET", "HEAD"],
        "POST" if paths.iter().any(|path| path.ends_with("/b2_authorize_account")) => &["POST", "GET"],
        other => &[other],
    };
    for method in methods {
        let found = baseline.uses.iter().enumerate().filter(|(_, one)| one.method == *method && fits(one));
        if let Some(best) = best(baseline, found, body) {
            return Ok(vec![Place { at: best, inside: None }]);
        }
    }
    Err(format!("the plugin does not send {method} {}", specified.unwrap_or(path)))
}

/// Whether a path names a route of fixed words that another use knows better.
fn literal_elsewhere(baseline: &Baseline, one: &Use, path: &str) -> bool {
    let better = |other: &Template| other.literals() > one.template.literals() && other.matches(path);
    !split(path).iter().any(|segment| is_variable(segment))
        && baseline.uses.iter().any(|other| other.method == one.method && better(&other.template))
}

/// The request whose own answer is most like the example; the earliest of several.
/// Of the looks at one object the first: whether there are more depends on how
/// far the lab got meanwhile.
fn best<'a>(
    baseline: &Baseline,
    found: impl Iterator<Item = (usize, &'a Use)>,
    body: &Value,
) -> Option<usize> {
    let mut best = None;
    for (at, one) in found {
        // A step that is meant to be refused shows little of what an answer does.
        let succeeds = !baseline.refused.contains(&(one.scenario, one.step));
        let likeness = if one.status < 400 && succeeds { 1 + shared(body, &one.answer) } else { 0 };
        let of_one = split(&one.template.0).last().is_some_and(|segment| is_variable(segment));
        let rank = (likeness > 0, one.nth == 0 || !of_one, likeness);
        if best.is_none_or(|(most, _)| rank > most) {
            best = Some((rank, at));
        }
    }
    best.map(|(_, at)| at)
}

/// How many fields two bodies have in common, lists by their first item.
fn shared(one: &Value, other: &Value) -> usize {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.iter().filter_map(|(name, value)| other.get(name).map(|found| 1 + shared(value, found))).sum()
        }
        (Value::Array(one), Value::Array(other)) => match (one.first(), other.first()) {
            (Some(one), Some(other)) => 1 + shared(one, other),
            _ => 0,
        },
        _ => 0,
    }
}

/// A refusal that may come at any time: at the first read and the first change.
fn anywhere(baseline: &Baseline) -> Vec<Place> {
    let first = |reads: bool| {
        baseline.uses.iter().position(|one| matches!(one.method.as_str(), "GET" | "HEAD") == reads)
    };
    [first(true), first(false)].into_iter().flatten().map(|at| Place { at, inside: None }).collect()
}

/// An answer that says nothing of its request: the one whose own answer has
/// the same fields, as a whole or as a part.
fn by_shape(baseline: &Baseline, example: &Example, body: &Value) -> Result<Vec<Place>, String> {
    let Value::Object(fields) = body else {
        return Err("it says no request, and its body has no fields to tell it by".to_owned());
    };
    let resource = example.resource.as_deref();
    let of_resource = |one: &Use| {
        resource.is_none_or(|resource| resource == "root" || split(&one.template.0).contains(&resource))
    };
    let uses = || baseline.uses.iter().enumerate().filter(|(_, one)| one.status < 400 && of_resource(one));
    let whole = uses().filter(|(_, one)| one.answer.as_object().is_some_and(|own| is_answer(own, fields)));
    if let Some(at) = best(baseline, whole, body) {
        return Ok(vec![Place { at, inside: None }]);
    }
    for (at, one) in uses() {
        for (name, part) in one.answer.as_object().into_iter().flatten() {
            let part = part.as_array().and_then(|items| items.first()).unwrap_or(part);
            let Some(own) = part.as_object() else { continue };
            let common = fields.keys().filter(|name| own.contains_key(*name)).count();
            if common >= 3 && common * 10 >= fields.len().max(own.len()) * 6 {
                return Ok(vec![Place { at, inside: Some(name.clone()) }]);
            }
        }
    }
    let shown: Vec<&str> = fields.keys().take(5).map(String::as_str).collect();
    let of = resource.map(|resource| format!(" of `{resource}`")).unwrap_or_default();
    Err(format!("no answer{of} that the plugin asks for has the fields {}", shown.join(", ")))
}

/// Whether an answer has the fields of another, but for what may be left out.
fn is_answer(own: &Map<String, Value>, fields: &Map<String, Value>) -> bool {
    let may_lack = |name: &String| {
        ["meta", "pagination", "result_info", "next_actions", "root_password"].contains(&name.as_str())
    };
    let same = |one: &Map<String, Value>, other: &Map<String, Value>| {
        one.keys().all(|name| other.contains_key(name) || may_lack(name))
    };
    same(own, fields) && same(fields, own)
}
