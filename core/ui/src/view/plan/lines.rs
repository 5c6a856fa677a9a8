//! What takes several lines: texts line by line, objects as YAML.

use honey_model::text::visible;
use honey_plan::{MASK, Operation};
use serde_json::{Map, Value, json};
use similar::{ChangeTag, TextDiff};

use super::{
    leaf::{Segment, is_special, segments},
    merge_key::matched,
    secret::{masked, object_kind},
    value::{Room, special},
};
use crate::{Role, Theme, view::counted};

/// Lines of a difference that are shown without `--full`.
const LINES: usize = 60;

/// Changed lines with `around` lines on both sides, each painted by what happens to it.
pub(super) fn difference(
    before: &str,
    after: &str,
    around: usize,
    room: &Room,
    theme: &Theme,
) -> Vec<String> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (number, group) in diff.grouped_ops(around).iter().enumerate() {
        if number > 0 {
            lines.push(theme.paint(Role::Dim, "…"));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let (sign, role) = match change.tag() {
                ChangeTag::Insert => ("+", Role::Add),
                ChangeTag::Delete => ("-", Role::Remove),
                ChangeTag::Equal => (" ", Role::Dim),
            };
            let line = visible(change.value().trim_end_matches('\n'), usize::MAX);
            let end = if change.missing_newline() { " (no line end)" } else { "" };
            let line = room.fit(&format!("{sign} {line}{end}"), room.width.max(20));
            lines.push(theme.paint(role, line.trim_end()));
        }
    }
    if !room.full && lines.len() > LINES {
        let left = lines.len() - LINES;
        lines.truncate(LINES);
        lines.push(theme.paint(Role::Dim, &format!("… {}; `--full` shows them", counted(left, "more line"))));
    }
    lines
}

/// The object of a cluster as it will be, or what changes in it: a unified
/// difference of YAML with secrets by their names. None for anything else.
pub(super) fn yaml(operation: &Operation, room: &Room, theme: &Theme) -> Option<Vec<String>> {
    let kind = object_kind(operation)?;
    let side = |value: &Option<Value>| match (value, operation.kind.as_str()) {
        (None, _) => None,
        (Some(value), "kube-secret") => Some(of_secret(value)),
        (Some(value), _) => value.get("object").cloned(),
    };
    let prior = side(&operation.prior).unwrap_or(Value::Null);
    let desired = side(&operation.desired);
    let (before, after) = match &desired {
        // What the plan shows of a change is what both sides are made of: it is masked.
        Some(desired) if operation.kind == "kube-secret" => (prior, desired.clone()),
        Some(desired) if !prior.is_null() => {
            let known = hide(&prior, desired, "");
            (with(&known, operation, false), with(&known, operation, true))
        }
        Some(desired) => (Value::Null, desired.clone()),
        None => return None,
    };
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        value => written(&readable(&masked(Some(kind), &mut Vec::new(), value))),
    };
    let (before, after) = (text(&before), text(&after));
    (before != after).then(|| {
        let mut lines = match before.is_empty() {
            true => Vec::new(),
            false => vec![theme.paint(Role::Dim, "--- now"), theme.paint(Role::Dim, "+++ planned")],
        };
        lines.extend(difference(&before, &after, 3, room, theme));
        lines
    })
}

/// A secret of the stack: what it is made from by name, all else masked.
fn of_secret(value: &Value) -> Value {
    let data = |(key, inner): (&String, &Value)| {
        let named = inner.as_object().is_some_and(is_special);
        (key.clone(), if named { inner.clone() } else { json!(MASK) })
    };
    let data: Map<String, Value> = value["data"].as_object().into_iter().flatten().map(data).collect();
    json!({ "type": value["type"], "labels": value.get("labels").unwrap_or(&json!({})), "data": data })
}

fn written(value: &Value) -> String {
    serde_norway::to_string(value).unwrap_or_else(|_| format!("{value:#}\n"))
}

/// References and secrets as texts that say what they stand for.
fn readable(value: &Value) -> Value {
    match value {
        Value::Object(fields) if is_special(fields) => Value::String(special(value)),
        Value::Object(fields) => {
            fields.iter().map(|(name, inner)| (name.clone(), readable(inner))).collect::<Map<_, _>>().into()
        }
        Value::Array(items) => items.iter().map(readable).collect(),
        scalar => scalar.clone(),
    }
}

/// What was found, with the names of secrets where one is wanted.
fn hide(prior: &Value, desired: &Value, list: &str) -> Value {
    match (prior, desired) {
        (_, Value::Object(fields)) if is_special(fields) => match holds_secret(desired) {
            true => desired.clone(),
            false => prior.clone(),
        },
        (Value::Object(prior), Value::Object(desired)) => {
            let one = |(name, value): (&String, &Value)| {
                (
                    name.clone(),
                    desired.get(name).map_or_else(|| value.clone(), |other| hide(value, other, name)),
                )
            };
            Value::Object(prior.iter().map(one).collect())
        }
        (Value::Array(items), Value::Array(others)) => {
            let same = matched(list, items, others);
            let other = |at: usize| match &same {
                Some(same) => others.get(same.after.iter().position(|other| *other == same.before[at])?),
                None if items.len() == others.len() => others.get(at),
                None => None,
            };
            // Beside a secret nothing is shown that cannot be told from it.
            let guarded = others.iter().any(holds_secret);
            let one = |(at, item): (usize, &Value)| match other(at) {
                Some(other) => hide(item, other, list),
                None if guarded => json!("(not shown: a secret may be in it)"),
                None => item.clone(),
            };
            items.iter().enumerate().map(one).collect()
        }
        (prior, desired) if holds_secret(desired) => match prior {
            Value::Null => Value::Null,
            _ => json!("(not shown: a secret may be in it)"),
        },
        (prior, _) => prior.clone(),
    }
}

fn holds_secret(value: &Value) -> bool {
    match value {
        Value::Object(fields) => fields.contains_key("$secret") || fields.values().any(holds_secret),
        Value::Array(items) => items.iter().any(holds_secret),
        _ => false,
    }
}

/// The object with one side of every change in place.
fn with(object: &Value, operation: &Operation, after: bool) -> Value {
    let mut object = object.clone();
    for change in &operation.changes {
        let path = segments(&change.path);
        let path: Vec<String> = path
            .into_iter()
            .filter_map(|segment| match segment {
                Segment::Field(name) => Some(name),
                _ => None,
            })
            .collect();
        let path = match path.split_first() {
            Some((first, rest)) if first == "object" => rest,
            _ => continue,
        };
        let value = match (&change.known_after, after) {
            (Some(address), true) => Some(json!(format!("(known after {address})"))),
            (None, true) => change.after.clone(),
            (_, false) => change.before.clone(),
        };
        set(&mut object, path, value);
    }
    object
}

/// Puts a value where a path leads, or takes away what is there.
fn set(into: &mut Value, path: &[String], value: Option<Value>) {
    let Some((first, rest)) = path.split_first() else {
        *into = value.unwrap_or(Value::Null);
        return;
    };
    match into {
        Value::Object(fields) => match (rest.is_empty(), value) {
            (true, None) => drop(fields.remove(first)),
            (false, None) if !fields.contains_key(first) => {}
            (_, value) => {
                let inner = fields.entry(first.clone()).or_insert_with(|| json!({}));
                set(inner, rest, value);
            }
        },
        Value::Array(items) => {
            if let Some(inner) = first.parse::<usize>().ok().and_then(|at| items.get_mut(at)) {
                set(inner, rest, value);
            }
        }
        _ => {}
    }
}
