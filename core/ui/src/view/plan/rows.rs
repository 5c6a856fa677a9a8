//! The changes of one operation as lines: one for each field that differs.

use honey_model::text::visible;
use honey_plan::{Action, FieldChange, MASK, Operation};
use serde_json::Value;

use super::{
    leaf::{Difference, Segment, flat, leaves, segments},
    lines, path,
    secret::{is_kept, object_kind},
    value::{Room, image_pair, text},
};
use crate::{Role, Theme, view::counted};

/// Fields of something that comes whole, without `--full`.
const FIELDS: usize = 12;

/// One line's material.
struct Row<'a> {
    path: Vec<Segment>,
    what: What<'a>,
}

enum What<'a> {
    Value(Option<&'a Value>, Option<&'a Value>),
    /// Known only after this.
    Later(Option<&'a Value>, String),
    Order(&'a [String], &'a [String]),
    /// What a Secret keeps: whether it was there, and will be.
    Kept(bool, bool),
    /// So many fields more.
    More(usize),
    /// The field needs a new object.
    Needs(&'a str),
}

/// The lines, without indent.
pub(super) fn lines(operation: &Operation, room: &Room, theme: &Theme) -> Vec<String> {
    let kind = object_kind(operation);
    let creating = operation.action == Action::Create;
    let yaml = room.full.then(|| lines::yaml(operation, room, theme)).flatten();
    let told = |change: &&FieldChange| !(creating && yaml.is_some() && is_of_object(operation, change));
    let changes: Vec<&FieldChange> = operation.changes.iter().filter(told).collect();
    let all: Vec<_> = changes.iter().map(|change| (*change, leaves(change))).collect();
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (change, leaves) in &all {
        for leaf in leaves {
            let what = match (&leaf.difference, &change.known_after) {
                (Difference::Value(before, _), Some(address)) => What::Later(*before, address.to_string()),
                (Difference::Value(before, after), None) => What::Value(*before, *after),
                (Difference::Order(before, after), _) => What::Order(before, after),
            };
            spread(&mut rows, kind, leaf.path.clone(), what, room);
        }
        if let Some(why) = &change.replaces {
            rows.push(Row { path: segments(&change.path), what: What::Needs(why) });
        }
    }
    let paths: Vec<&[Segment]> = rows.iter().map(|row| row.path.as_slice()).collect();
    let names = path::displayed(&paths, kind);
    let mut text: Vec<String> =
        rows.iter().zip(&names).flat_map(|(row, name)| row.lines(name, creating, room, theme)).collect();
    text.extend(yaml.into_iter().flatten());
    text
}

/// Whether the object's YAML says it.
fn is_of_object(operation: &Operation, change: &FieldChange) -> bool {
    match operation.kind.as_str() {
        "kube-secret" => matches!(change.path.split('/').nth(1), Some("type" | "labels" | "data")),
        _ => change.path.split('/').nth(1) == Some("object"),
    }
}

/// Adds what a leaf shows. What comes whole is shown field by field; what a
/// Secret keeps, by its key only.
fn spread<'a>(rows: &mut Vec<Row<'a>>, kind: Option<&str>, at: Vec<Segment>, what: What<'a>, room: &Room) {
    let kept = |path: &[Segment]| -> Option<Vec<Segment>> {
        let first = usize::from(path.first() == Some(&Segment::Field("object".to_owned())));
        let annotation = path.get(first) == Some(&Segment::Field("metadata".to_owned()));
        let depth = first + 2 + usize::from(annotation);
        (is_kept(kind, path) && path.len() >= depth).then(|| path[..depth].to_vec())
    };
    let mut hidden = |path: Vec<Segment>, before: bool, after: bool| {
        // Several fields below one key are one value.
        match rows.last_mut() {
            Some(Row { path: last, what: What::Kept(was, is) }) if *last == path => {
                (*was, *is) = (*was || before, *is || after);
            }
            _ => rows.push(Row { path, what: What::Kept(before, after) }),
        }
    };
    match what {
        What::Value(before, after) if kind == Some("Secret") => {
            let mut keys: Vec<(Vec<Segment>, bool, bool)> = Vec::new();
            let mut open = Vec::new();
            for (value, is_after) in [(before, false), (after, true)] {
                for (path, inner) in value.into_iter().flat_map(|value| flat(&at, value)) {
                    match kept(&path) {
                        Some(key) => match keys.iter_mut().find(|(known, _, _)| *known == key) {
                            Some((_, was, is)) => (*was, *is) = (*was || !is_after, *is || is_after),
                            None => keys.push((key, !is_after, is_after)),
                        },
                        None if is_kept(kind, &path) => {}
                        None => open.push((path, inner, is_after)),
                    }
                }
            }
            for (key, was, is) in keys {
                hidden(key, was, is);
            }
            for (path, inner, is_after) in open {
                let what =
                    if is_after { What::Value(None, Some(inner)) } else { What::Value(Some(inner), None) };
                match rows.iter_mut().find(|row| row.path == path) {
                    Some(Row { what: What::Value(_, after @ None), .. }) if is_after => *after = Some(inner),
                    _ => rows.push(Row { path, what }),
                }
            }
        }
        What::Later(_, address) if kept(&at).is_some() => {
            rows.push(Row { path: at, what: What::Later(None, address) });
        }
        What::Value(None, Some(value)) => whole(rows, at, value, true, room),
        What::Value(Some(value), None) => whole(rows, at, value, false, room),
        what => rows.push(Row { path: at, what }),
    }
}

/// What comes or goes as a whole, field by field.
fn whole<'a>(rows: &mut Vec<Row<'a>>, at: Vec<Segment>, value: &'a Value, comes: bool, room: &Room) {
    let fields = flat(&at, value);
    let most = if room.full || fields.len() <= FIELDS + 1 { fields.len() } else { FIELDS };
    let left = fields.len() - most;
    let what = |value| if comes { What::Value(None, Some(value)) } else { What::Value(Some(value), None) };
    rows.extend(fields.into_iter().take(most).map(|(path, value)| Row { path, what: what(value) }));
    if left > 0 {
        room.cut.set(true);
        rows.push(Row { path: at, what: What::More(left) });
    }
}

impl Row<'_> {
    fn lines(&self, name: &str, creating: bool, room: &Room, theme: &Theme) -> Vec<String> {
        let one = |text: String| vec![room.fit(&format!("{name}  {text}"), room.width.max(40))];
        match &self.what {
            What::Kept(true, true) => one(format!("{MASK} → {MASK}")),
            What::Kept(true, false) => one(format!("{MASK} → (removed)")),
            What::Kept(false, _) => one(MASK.to_owned()),
            What::More(left) => vec![format!("{name}  … {}", counted(*left, "more field"))],
            What::Needs(why) => {
                let why = format!("  needs a new one: {}", visible(why, 1000));
                vec![theme.paint(Role::Remove, &why)]
            }
            What::Order(before, after) => {
                self.pair(&format!("{name}  order:"), &before.join(", "), &after.join(", "), room)
            }
            What::Later(None, address) if creating => vec![format!("{name}: known after {address}")],
            What::Later(None, address) => vec![format!("{name}  known after {address}")],
            What::Later(Some(before), address) => {
                self.pair(name, &text(before), &format!("known after {address}"), room)
            }
            What::Value(before, after) => self.value(name, *before, *after, creating, room, theme),
        }
    }

    fn value(
        &self,
        name: &str,
        before: Option<&Value>,
        after: Option<&Value>,
        creating: bool,
        room: &Room,
        theme: &Theme,
    ) -> Vec<String> {
        let string = |value: Option<&Value>| value.and_then(|value| value.as_str().map(str::to_owned));
        let long = |value: Option<&Value>| string(value).is_some_and(|text| text.trim_end().contains('\n'));
        let is_text = |value: Option<&Value>| value.is_none() || string(value).is_some();
        if (long(before) || long(after)) && is_text(before) && is_text(after) {
            let end = if after.is_none() { "  (removed)" } else { ":" };
            let (before, after) = (string(before).unwrap_or_default(), string(after).unwrap_or_default());
            let mut all = vec![format!("{name}{end}")];
            let inner = lines::difference(&before, &after, 1, room, theme);
            all.extend(inner.into_iter().map(|line| format!("  {line}")));
            return all;
        }
        if let (false, Some(Value::String(before)), Some(Value::String(after))) = (room.full, before, after)
            && self.path.last() == Some(&Segment::Field("image".to_owned()))
            && let Some((before, after)) = image_pair(before, after)
        {
            return self.pair(name, &before, &after, room);
        }
        match (before, after) {
            (Some(before), Some(after)) => self.pair(name, &text(before), &text(after), room),
            (Some(before), None) => self.pair(name, &text(before), "(removed)", room),
            (None, Some(after)) if creating => {
                vec![room.fit(&format!("{name}: {}", text(after)), room.width.max(40))]
            }
            (None, Some(after)) => self.pair(name, "(none)", &text(after), room),
            (None, None) => vec![format!("{name}  (removed)")],
        }
    }

    fn pair(&self, name: &str, before: &str, after: &str, room: &Room) -> Vec<String> {
        let mut sides = room.pair(before, after, name.chars().count() + 2).into_iter();
        let first = sides.next().unwrap_or_default();
        let mut all = vec![format!("{name}  {first}")];
        all.extend(sides.map(|side| format!("  {side}")));
        all
    }
}
