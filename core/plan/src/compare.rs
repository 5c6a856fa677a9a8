//! Field-level difference between what is wanted and what was found.
//!
//! Works on borrowed values: references are looked up where they stand, and
//! only what is shown in a change is copied. Only fields that the desired
//! value names are compared.

use honey_model::{
    Address, Field, KindSchema,
    value::{Reference, as_reference, as_secret, visit_references},
};
use serde_json::{Map, Value};

use crate::FieldChange;

/// What stands where a value must not be shown.
pub const MASK: &str = "****";

/// What a reference stands for at planning time.
pub(crate) enum Answer<'a> {
    /// This value.
    Known(&'a Value),
    /// A value that its resource will have only after its own operation.
    Later,
    /// The resource is as it will be and has no such output.
    Missing,
}

/// Looks references up.
pub(crate) type Lookup<'a, 'b> = &'b dyn Fn(&Reference) -> Answer<'a>;

/// Whether two values are the same for this kind of field.
#[derive(Debug, PartialEq)]
enum Verdict {
    Same,
    Differs,
    Later(Address),
}

/// All differences. `recorded` are the attributes as last applied: they answer
/// for secrets that no vendor tells back.
pub(crate) fn compare(
    schema: &KindSchema,
    desired: &Value,
    found: &Value,
    recorded: Option<&Value>,
    lookup: Lookup<'_, '_>,
) -> Vec<FieldChange> {
    let plain = Field::default();
    let mut changes = Vec::new();
    let Value::Object(fields) = desired else {
        let mut walk = Walk { field: &plain, lookup, changes: &mut changes };
        walk.visit(&mut String::new(), desired, Some(found), recorded);
        return changes;
    };
    for (name, want) in fields {
        let field = schema.fields.get(name).unwrap_or(&plain);
        if field.create_only || (field.vendor_default && want.is_null()) {
            continue;
        }
        let first = changes.len();
        let mut walk = Walk { field, lookup, changes: &mut changes };
        let mut path = String::with_capacity(name.len() + 1);
        push_segment(&mut path, name);
        let recorded = recorded.filter(|_| !field.complete).and_then(|all| all.get(name));
        walk.visit(&mut path, want, found.get(name), recorded);
        if let Some(why) = &field.immutable {
            for change in &mut changes[first..] {
                change.replaces = Some(why.clone());
            }
        }
    }
    changes
}

/// Differences between a normalised desired value without references and what
/// was found, as a plan would show them.
pub fn differences(schema: &KindSchema, desired: &Value, found: &Value) -> Vec<FieldChange> {
    compare(schema, desired, found, Some(desired), &|_| Answer::Missing)
}

/// The fields of an object that is made anew, for people.
pub(crate) fn all_fields(schema: &KindSchema, desired: &Value, lookup: Lookup<'_, '_>) -> Vec<FieldChange> {
    let Value::Object(fields) = desired else { return Vec::new() };
    let plain = Field::default();
    let shown = |(name, want): (&String, &Value)| {
        let field = schema.fields.get(name).unwrap_or(&plain);
        let mut path = String::with_capacity(name.len() + 1);
        push_segment(&mut path, name);
        let known_after = first_unknown(want, lookup);
        let after = known_after.is_none().then(|| shown(want, field.sensitive, lookup));
        FieldChange { path, before: None, after, known_after, replaces: None }
    };
    fields.iter().filter(|(_, want)| !want.is_null()).map(shown).collect()
}

struct Walk<'a, 'b, 'c> {
    field: &'c Field,
    lookup: Lookup<'a, 'b>,
    changes: &'c mut Vec<FieldChange>,
}

impl Walk<'_, '_, '_> {
    fn visit(&mut self, path: &mut String, want: &Value, have: Option<&Value>, recorded: Option<&Value>) {
        if let (Value::Object(fields), Some(Value::Object(there))) = (want, have)
            && !is_special(fields)
        {
            for (name, inner) in fields {
                let length = path.len();
                push_segment(path, name);
                self.visit(path, inner, there.get(name), recorded.and_then(|all| all.get(name)));
                path.truncate(length);
            }
            for (name, inner) in self.surplus(fields, there) {
                let length = path.len();
                push_segment(path, name);
                let before = Some(self.shown_found(inner));
                self.changes.push(FieldChange { path: path.clone(), before, ..FieldChange::default() });
                path.truncate(length);
            }
            return;
        }
        let known_after = match self.verdict(want, have, recorded, true) {
            Verdict::Same => return,
            Verdict::Differs => None,
            Verdict::Later(address) => Some(address),
        };
        let before = have.filter(|value| !value.is_null()).map(|value| self.shown_found(value));
        let after = (known_after.is_none() && !want.is_null())
            .then(|| shown(want, self.field.sensitive, self.lookup));
        self.changes.push(FieldChange { path: path.clone(), before, after, known_after, replaces: None });
    }

    /// What is there and goes, where everything that is there was found.
    fn surplus<'v>(
        &self,
        wanted: &'v Map<String, Value>,
        there: &'v Map<String, Value>,
    ) -> impl Iterator<Item = (&'v String, &'v Value)> + use<'v> {
        let complete = self.field.complete;
        there.iter().filter(move |(name, inner)| complete && !inner.is_null() && !wanted.contains_key(*name))
    }

    fn shown_found(&self, value: &Value) -> Value {
        shown(value, self.field.sensitive, &|_| Answer::Missing)
    }

    fn verdict(&self, want: &Value, have: Option<&Value>, recorded: Option<&Value>, top: bool) -> Verdict {
        match want {
            Value::Null => match have {
                None | Some(Value::Null) => Verdict::Same,
                Some(_) if self.field.vendor_default => Verdict::Same,
                Some(_) => Verdict::Differs,
            },
            Value::Object(fields) if fields.len() <= 2 && is_special(fields) => {
                self.special(want, fields, have, recorded, top)
            }
            Value::Object(fields) => match have {
                Some(Value::Object(there)) if self.surplus(fields, there).next().is_some() => {
                    Verdict::Differs
                }
                Some(Value::Object(there)) => all_same(fields.iter().map(|(name, inner)| {
                    self.verdict(inner, there.get(name), recorded.and_then(|all| all.get(name)), false)
                })),
                _ => unknown_or_differs(want, self.lookup),
            },
            Value::Array(items) => match have {
                Some(Value::Array(there)) if there.len() == items.len() => {
                    if self.field.unordered && top {
                        self.same_set(items, there)
                    } else {
                        all_same(items.iter().zip(there).enumerate().map(|(index, (item, other))| {
                            self.verdict(item, Some(other), recorded.and_then(|all| all.get(index)), false)
                        }))
                    }
                }
                _ => unknown_or_differs(want, self.lookup),
            },
            Value::Number(number) => match have {
                Some(Value::Number(other)) if number == other || number.as_f64() == other.as_f64() => {
                    Verdict::Same
                }
                _ => Verdict::Differs,
            },
            scalar => same_if(have == Some(scalar)),
        }
    }

    /// A reference, a secret or a text put together from parts.
    fn special(
        &self,
        want: &Value,
        fields: &Map<String, Value>,
        have: Option<&Value>,
        recorded: Option<&Value>,
        top: bool,
    ) -> Verdict {
        if let Some(reference) = as_reference(want) {
            return match (self.lookup)(&reference) {
                Answer::Known(value) => self.verdict(value, have, recorded, top),
                Answer::Later => Verdict::Later(reference.address),
                Answer::Missing => Verdict::Differs,
            };
        }
        if as_secret(want).is_some() {
            return same_if(same_secret(want, have, recorded, self.field.complete));
        }
        if let Some(address) = first_unknown(want, self.lookup) {
            return Verdict::Later(address);
        }
        let parts = fields.get("$concat").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if let Some(text) = concat(parts, self.lookup) {
            return same_if(have.and_then(Value::as_str) == Some(text.as_str()));
        }
        // A secret is among the parts: compared part by part, with the record where the vendor is silent.
        let same = |other: Option<&Value>| {
            let other = other.and_then(|value| value.get("$concat")).and_then(Value::as_array);
            other.is_some_and(|other| {
                let same =
                    |(part, other)| self.verdict(part, Some(other), Some(other), false) == Verdict::Same;
                other.len() == parts.len() && parts.iter().zip(other).all(same)
            })
        };
        // What was found answers before what was recorded: a digest of other bytes is another value.
        let answers = self.field.complete
            || have
                .is_some_and(|value| value.get("$concat").is_some() || fingerprint_of(Some(value)).is_some());
        same_if(if answers { same(have) } else { same(recorded) })
    }

    /// Arrays whose order means nothing. Plain texts, the common case, are
    /// sorted; anything else is matched one by one.
    fn same_set(&self, items: &[Value], there: &[Value]) -> Verdict {
        let texts = |values: &[Value]| -> Option<Vec<String>> {
            let mut texts: Vec<String> =
                values.iter().map(|value| value.as_str().map(str::to_owned)).collect::<Option<_>>()?;
            texts.sort_unstable();
            Some(texts)
        };
        if let (Some(items), Some(there)) = (texts(items), texts(there)) {
            return same_if(items == there);
        }
        let mut free: Vec<&Value> = there.iter().collect();
        for item in items {
            if let Some(address) = first_unknown(item, self.lookup) {
                return Verdict::Later(address);
            }
            let matching = free
                .iter()
                .position(|other| self.verdict(item, Some(other), Some(other), false) == Verdict::Same);
            match matching {
                Some(index) => drop(free.swap_remove(index)),
                None => return Verdict::Differs,
            }
        }
        Verdict::Same
    }
}

fn same_if(same: bool) -> Verdict {
    if same { Verdict::Same } else { Verdict::Differs }
}

/// A known difference outweighs an unknown value, an unknown value outweighs sameness.
fn all_same(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let mut result = Verdict::Same;
    for verdict in verdicts {
        match verdict {
            Verdict::Same => {}
            Verdict::Differs => return Verdict::Differs,
            later @ Verdict::Later(_) => {
                if result == Verdict::Same {
                    result = later;
                }
            }
        }
    }
    result
}

fn unknown_or_differs(want: &Value, lookup: Lookup<'_, '_>) -> Verdict {
    first_unknown(want, lookup).map_or(Verdict::Differs, Verdict::Later)
}

/// The first resource that a value waits for.
pub(crate) fn first_unknown(want: &Value, lookup: Lookup<'_, '_>) -> Option<Address> {
    let mut first = None;
    visit_references(want, &mut |reference| {
        if first.is_none() && matches!(lookup(&reference), Answer::Later) {
            first = Some(reference.address);
        }
    });
    first
}

/// Secrets are compared by keyed fingerprint. Where the vendor does not tell
/// one back, the record of the last apply answers; a name only where nobody
/// knows a fingerprint.
fn same_secret(want: &Value, have: Option<&Value>, recorded: Option<&Value>, complete: bool) -> bool {
    let wanted = fingerprint_of(Some(want));
    let by_name = |other: Option<&Value>| other.and_then(as_secret).map(|name| as_secret(want) == Some(name));
    match (wanted, fingerprint_of(have)) {
        (Some(wanted), Some(known)) => return wanted == known,
        // Other bytes than those of any secret that is wanted, said by who looked.
        (None, Some(_)) if have.and_then(as_secret).is_none() => return false,
        _ => {}
    }
    if complete {
        return by_name(have) == Some(true);
    }
    match (wanted, fingerprint_of(recorded)) {
        (Some(wanted), Some(known)) => wanted == known,
        (Some(_), None) => [have, recorded].into_iter().any(|other| by_name(other) == Some(true)),
        (None, _) => by_name(have) != Some(false) && by_name(recorded) != Some(false),
    }
}

fn fingerprint_of(value: Option<&Value>) -> Option<&str> {
    let value = value?;
    value.as_str().filter(|text| text.starts_with("hmac:")).or_else(|| value.get("fingerprint")?.as_str())
}

/// Joined text of the parts; none where a secret is among them.
fn concat(parts: &[Value], lookup: Lookup<'_, '_>) -> Option<String> {
    let mut text = String::new();
    for part in parts {
        let reference = as_reference(part);
        let part = match reference.as_ref().map(lookup) {
            Some(Answer::Known(value)) => value,
            Some(_) => return None,
            None => part,
        };
        match part {
            Value::String(part) => text.push_str(part),
            Value::Number(number) => text.push_str(&number.to_string()),
            Value::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
            Value::Object(fields) => {
                let inner = fields.get("$concat").and_then(Value::as_array)?;
                text.push_str(&concat(inner, lookup)?);
            }
            _ => return None,
        }
    }
    Some(text)
}

fn is_special(fields: &Map<String, Value>) -> bool {
    match fields.len() {
        1 => ["$ref", "$concat", "$secret"].iter().any(|key| fields.contains_key(*key)),
        2 => fields.contains_key("$secret") && fields.contains_key("fingerprint"),
        _ => false,
    }
}

/// A value as people may see it: references filled in, secrets masked.
fn shown(value: &Value, sensitive: bool, lookup: Lookup<'_, '_>) -> Value {
    if sensitive {
        return Value::String(MASK.to_owned());
    }
    match value {
        Value::Object(fields) if is_special(fields) => {
            if let Some(reference) = as_reference(value) {
                return match lookup(&reference) {
                    Answer::Known(value) => value.clone(),
                    _ => value.clone(),
                };
            }
            match fields.get("$concat").and_then(Value::as_array) {
                Some(parts) => Value::String(concat(parts, lookup).unwrap_or_else(|| MASK.to_owned())),
                None => Value::String(MASK.to_owned()),
            }
        }
        Value::Object(fields) => Value::Object(
            fields.iter().map(|(name, inner)| (name.clone(), shown(inner, false, lookup))).collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(|inner| shown(inner, false, lookup)).collect()),
        scalar => scalar.clone(),
    }
}

fn push_segment(path: &mut String, name: &str) {
    path.push('/');
    for c in name.chars() {
        match c {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            c => path.push(c),
        }
    }
}
