//! The leaves of a change. A change may be a whole list or object on both
//! sides; a person wants to know what in it differs, item by item.

use honey_plan::{FieldChange, MASK};
use serde_json::{Map, Value};
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::merge_key::{Key, matched};

/// Lists with more pairs than this are compared place by place.
const PAIRS: usize = 1_000_000;

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// A field of an object.
    Field(String),
    /// An item of a list, by its identity, which stands in these fields.
    Item(String, Key),
    /// A plain value of a list whose items stand for themselves.
    Member(String),
    /// An item that nothing identifies: its place before and after.
    Index(Option<usize>, Option<usize>),
}

/// What differs.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Difference<'a> {
    /// The value; none where there is nothing.
    Value(Option<&'a Value>, Option<&'a Value>),
    /// Only the order of what is there before and after.
    Order(Vec<String>, Vec<String>),
}

/// One difference with its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Leaf<'a> {
    pub(super) path: Vec<Segment>,
    pub(super) difference: Difference<'a>,
}

/// The fields of a JSON pointer.
pub(super) fn segments(pointer: &str) -> Vec<Segment> {
    let field = |part: &str| Segment::Field(part.replace("~1", "/").replace("~0", "~"));
    pointer.split('/').skip(1).map(field).collect()
}

/// Every difference of a change; at least one.
pub(super) fn leaves(change: &FieldChange) -> Vec<Leaf<'_>> {
    let mut path = segments(&change.path);
    let mut found = Vec::new();
    match (&change.before, &change.after) {
        (Some(before), Some(after)) if change.known_after.is_none() => {
            walk(&mut path, before, after, &mut found);
            if found.is_empty() {
                // The same to look at: what differs is behind the masks.
                masked(&mut path, before, &mut found);
            }
        }
        _ => {}
    }
    if found.is_empty() {
        let difference = Difference::Value(change.before.as_ref(), change.after.as_ref());
        found.push(Leaf { path, difference });
    }
    found
}

/// References, secrets and texts put together from parts stand for one value.
pub(super) fn is_special(fields: &Map<String, Value>) -> bool {
    fields.len() <= 2 && fields.keys().any(|name| name.starts_with('$'))
}

fn walk<'a>(path: &mut Vec<Segment>, before: &'a Value, after: &'a Value, found: &mut Vec<Leaf<'a>>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(left), Value::Object(right)) if !is_special(left) && !is_special(right) => {
            let mut names: Vec<&String> = left.keys().chain(right.keys()).collect();
            names.sort_unstable();
            names.dedup();
            for name in names {
                path.push(Segment::Field(name.clone()));
                pair(path, left.get(name), right.get(name), found);
                path.pop();
            }
        }
        (Value::Array(left), Value::Array(right)) => list(path, left, right, found),
        _ => push(path, Some(before), Some(after), found),
    }
}

fn pair<'a>(
    path: &mut Vec<Segment>,
    before: Option<&'a Value>,
    after: Option<&'a Value>,
    found: &mut Vec<Leaf<'a>>,
) {
    match (before, after) {
        (Some(before), Some(after)) => walk(path, before, after, found),
        _ => push(path, before, after, found),
    }
}

fn push<'a>(
    path: &[Segment],
    before: Option<&'a Value>,
    after: Option<&'a Value>,
    found: &mut Vec<Leaf<'a>>,
) {
    found.push(Leaf { path: path.to_vec(), difference: Difference::Value(before, after) });
}

fn list<'a>(path: &mut Vec<Segment>, before: &'a [Value], after: &'a [Value], found: &mut Vec<Leaf<'a>>) {
    if let Some(same) = matched(name(path), before, after) {
        let segment = |identity: &String| Segment::Item(identity.clone(), same.key);
        return keyed(path, (before, &same.before), (after, &same.after), &segment, found);
    }
    let text = |values: &[Value]| values.iter().map(Value::to_string).collect::<Vec<_>>();
    let (left, right) = (text(before), text(after));
    let operations = match before.len().saturating_mul(after.len()) > PAIRS {
        true => {
            vec![DiffOp::Replace { old_index: 0, old_len: left.len(), new_index: 0, new_len: right.len() }]
        }
        false => capture_diff_slices(Algorithm::Myers, &left, &right),
    };
    if has_moves(before, after, &left, &right, &operations) {
        let segment = |identity: &String| Segment::Member(identity.clone());
        return keyed(path, (before, &left), (after, &right), &segment, found);
    }
    for operation in operations {
        places(path, before, after, operation, found);
    }
}

/// The list that a path leads to, through lists in lists.
fn name(path: &[Segment]) -> &str {
    let last = path.iter().rev().find_map(|segment| match segment {
        Segment::Field(name) => Some(name.as_str()),
        _ => None,
    });
    last.unwrap_or_default()
}

/// Whether plain values, each there once, changed places: then each is told by itself.
fn has_moves(
    before: &[Value],
    after: &[Value],
    left: &[String],
    right: &[String],
    operations: &[DiffOp],
) -> bool {
    let plain = |values: &[Value]| values.iter().all(|value| !value.is_object() && !value.is_array());
    if !plain(before) || !plain(after) {
        return false;
    }
    let sorted = |texts: &[String]| {
        let mut texts = texts.to_vec();
        texts.sort_unstable();
        texts.windows(2).all(|pair| pair[0] != pair[1]).then_some(texts)
    };
    let (Some(_), Some(right)) = (sorted(left), sorted(right)) else { return false };
    let common = left.iter().filter(|text| right.binary_search(text).is_ok()).count();
    let kept: usize = operations
        .iter()
        .map(|operation| match operation {
            DiffOp::Equal { len, .. } => *len,
            _ => 0,
        })
        .sum();
    kept < common
}

fn keyed<'a>(
    path: &mut Vec<Segment>,
    (before, left): (&'a [Value], &[String]),
    (after, right): (&'a [Value], &[String]),
    segment: &dyn Fn(&String) -> Segment,
    found: &mut Vec<Leaf<'a>>,
) {
    let at = |identities: &'_ [String]| {
        identities.iter().enumerate().map(|(index, identity)| (identity.clone(), index)).collect()
    };
    let (was, is): (Places, Places) = (at(left), at(right));
    for (identity, item) in left.iter().zip(before) {
        path.push(segment(identity));
        pair(path, Some(item), is.get(identity).map(|index| &after[*index]), found);
        path.pop();
    }
    for (identity, item) in right.iter().zip(after).filter(|(identity, _)| !was.contains_key(*identity)) {
        path.push(segment(identity));
        push(path, None, Some(item), found);
        path.pop();
    }
    let stayed = left.iter().filter(|identity| is.contains_key(*identity));
    if !stayed.eq(right.iter().filter(|identity| was.contains_key(*identity))) {
        let difference = Difference::Order(left.to_vec(), right.to_vec());
        found.push(Leaf { path: path.clone(), difference });
    }
}

type Places = std::collections::HashMap<String, usize>;

/// One piece of a list whose items only have places.
fn places<'a>(
    path: &mut Vec<Segment>,
    before: &'a [Value],
    after: &'a [Value],
    operation: DiffOp,
    found: &mut Vec<Leaf<'a>>,
) {
    if matches!(operation, DiffOp::Equal { .. }) {
        return;
    }
    let (old, new) = (operation.old_range(), operation.new_range());
    for offset in 0..old.len().max(new.len()) {
        let was = (offset < old.len()).then(|| old.start + offset);
        let is = (offset < new.len()).then(|| new.start + offset);
        path.push(Segment::Index(was, is));
        pair(path, was.map(|at| &before[at]), is.map(|at| &after[at]), found);
        path.pop();
    }
}

/// Every masked place.
fn masked<'a>(path: &mut Vec<Segment>, value: &'a Value, found: &mut Vec<Leaf<'a>>) {
    match value {
        Value::String(text) if text == MASK => push(path, Some(value), Some(value), found),
        Value::Object(fields) => {
            for (name, inner) in fields {
                path.push(Segment::Field(name.clone()));
                masked(path, inner, found);
                path.pop();
            }
        }
        Value::Array(items) => {
            for (segment, item) in items_of(name(path), items).into_iter().zip(items) {
                path.push(segment);
                masked(path, item, found);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The segments of a list's items.
pub(super) fn items_of(list: &str, items: &[Value]) -> Vec<Segment> {
    match matched(list, items, items) {
        Some(same) => same.before.into_iter().map(|identity| Segment::Item(identity, same.key)).collect(),
        None => (0..items.len()).map(|at| Segment::Index(Some(at), Some(at))).collect(),
    }
}

/// A value that comes or goes whole, as its plain fields: what names an item
/// of a list is in its path already.
pub(super) fn flat<'a>(path: &[Segment], value: &'a Value) -> Vec<(Vec<Segment>, &'a Value)> {
    fn fill<'a>(path: &mut Vec<Segment>, value: &'a Value, all: &mut Vec<(Vec<Segment>, &'a Value)>) {
        let first = all.len();
        match value {
            Value::Object(fields) if !is_special(fields) => {
                let key = match path.last() {
                    Some(Segment::Item(_, key)) => *key,
                    _ => &[],
                };
                for (name, inner) in fields.iter().filter(|(name, _)| !key.contains(&name.as_str())) {
                    path.push(Segment::Field(name.clone()));
                    fill(path, inner, all);
                    path.pop();
                }
            }
            Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
                for (segment, item) in items_of(name(path), items).into_iter().zip(items) {
                    path.push(segment);
                    fill(path, item, all);
                    path.pop();
                }
            }
            _ => {}
        }
        if all.len() == first {
            all.push((path.clone(), value));
        }
    }
    let mut all = Vec::new();
    fill(&mut path.to_vec(), value, &mut all);
    all
}

#[cfg(test)]
#[path = "leaf_tests.rs"]
mod tests;
