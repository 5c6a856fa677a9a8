//! Expanding loses nothing: what the leaves say, applied to what was, gives what will be.

use std::collections::BTreeMap;

use honey_plan::{FieldChange, MASK};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Difference, Leaf, Segment, flat, is_special, leaves, matched, name};

fn change(before: Option<Value>, after: Option<Value>) -> FieldChange {
    FieldChange { path: "/object".into(), before, after, known_after: None, replaces: None }
}

/// Applies the leaves below a path to the value there.
fn applied(path: &[Segment], before: &Value, leaves: &[&Leaf<'_>]) -> Option<Value> {
    if let [Leaf { path: at, difference: Difference::Value(_, after) }] = leaves
        && at.len() == path.len()
    {
        return after.cloned();
    }
    let below = |segment: &dyn Fn(&Segment) -> bool| -> Vec<&Leaf<'_>> {
        leaves.iter().copied().filter(|leaf| leaf.path.get(path.len()).is_some_and(segment)).collect()
    };
    let inner = |segment: Segment, value: &Value| {
        let mine = below(&|other| *other == segment);
        if mine.is_empty() {
            return Some(value.clone());
        }
        applied(&[path, &[segment]].concat(), value, &mine)
    };
    Some(match before {
        Value::Object(fields) if !is_special(fields) => {
            let mut all: BTreeMap<String, Value> = BTreeMap::new();
            for (field, value) in fields {
                all.extend(inner(Segment::Field(field.clone()), value).map(|value| (field.clone(), value)));
            }
            for leaf in leaves {
                if let (Some(Segment::Field(field)), Difference::Value(None, Some(value)), true) =
                    (leaf.path.get(path.len()), &leaf.difference, leaf.path.len() == path.len() + 1)
                {
                    all.insert(field.clone(), (*value).clone());
                }
            }
            Value::Object(all.into_iter().collect::<Map<_, _>>())
        }
        Value::Array(items) => list(path, items, leaves, &inner),
        scalar => scalar.clone(),
    })
}

fn list(
    path: &[Segment],
    items: &[Value],
    leaves: &[&Leaf<'_>],
    inner: &dyn Fn(Segment, &Value) -> Option<Value>,
) -> Value {
    let own = leaves.iter().find_map(|leaf| leaf.path.get(path.len()));
    let order = leaves.iter().find_map(|leaf| match &leaf.difference {
        Difference::Order(before, after) if leaf.path.len() == path.len() => Some((before, after)),
        _ => None,
    });
    let by_place = matches!(own, Some(Segment::Index(..)));
    let mut all: Vec<(String, Value)> = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let segment = match own {
            Some(Segment::Index(..)) => leaves
                .iter()
                .find_map(|leaf| match leaf.path.get(path.len()) {
                    Some(index @ Segment::Index(Some(was), _)) if *was == at => Some(index.clone()),
                    _ => None,
                })
                .unwrap_or(Segment::Index(Some(at), Some(at))),
            Some(Segment::Item(_, key)) => {
                let known = matched_by(path, items, leaves);
                Segment::Item(known[at].clone(), key)
            }
            Some(Segment::Member(_)) => Segment::Member(item.to_string()),
            _ => match order {
                Some((before, _)) => Segment::Member(before[at].clone()),
                None => Segment::Index(Some(at), Some(at)),
            },
        };
        let identity = match &segment {
            Segment::Item(identity, _) | Segment::Member(identity) => identity.clone(),
            _ => String::new(),
        };
        all.extend(inner(segment, item).map(|value| (identity, value)));
    }
    for leaf in leaves.iter().filter(|leaf| leaf.path.len() == path.len() + 1) {
        let Difference::Value(None, Some(value)) = &leaf.difference else { continue };
        match &leaf.path[path.len()] {
            Segment::Index(None, Some(at)) => all.insert(*at, (String::new(), (*value).clone())),
            Segment::Item(identity, _) | Segment::Member(identity) => {
                all.push((identity.clone(), (*value).clone()));
            }
            _ => {}
        }
    }
    if let (Some((_, after)), false) = (order, by_place) {
        all.sort_by_key(|(identity, _)| after.iter().position(|other| other == identity));
    }
    Value::Array(all.into_iter().map(|(_, value)| value).collect())
}

/// The identities that the leaves speak of, for the items that were.
fn matched_by(path: &[Segment], items: &[Value], leaves: &[&Leaf<'_>]) -> Vec<String> {
    let order = leaves.iter().find_map(|leaf| match &leaf.difference {
        Difference::Order(before, _) if leaf.path.len() == path.len() => Some(before.clone()),
        _ => None,
    });
    let key = leaves.iter().find_map(|leaf| match leaf.path.get(path.len()) {
        Some(Segment::Item(_, key)) => Some(*key),
        _ => None,
    });
    let field = |item: &Value, name: &str| match item.pointer(&format!("/{name}")) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    order.unwrap_or_else(|| {
        let one = |item: &Value| {
            key.unwrap_or_default().iter().filter_map(|name| field(item, name)).collect::<Vec<_>>().join("/")
        };
        items.iter().map(one).collect()
    })
}

/// The same, where the order of what is identified, but did not change places
/// among itself, means nothing.
fn same(path: &mut Vec<Segment>, left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter().all(|(field, value)| {
                    path.push(Segment::Field(field.clone()));
                    let same = b.get(field).is_some_and(|other| same(path, value, other));
                    path.pop();
                    same
                })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let by_place = a.iter().zip(b).all(|(a, b)| same(path, a, b));
            let identified = matched(name(path), a, b);
            by_place
                || identified.is_some_and(|known| {
                    known.before.iter().zip(a).all(|(identity, item)| {
                        let other = known.after.iter().position(|other| other == identity);
                        other.is_some_and(|other| same(path, item, &b[other]))
                    })
                })
                || scalars(a).is_some_and(|texts| Some(texts) == scalars(b))
        }
        _ => left == right,
    }
}

/// Plain values, sorted.
fn scalars(items: &[Value]) -> Option<Vec<String>> {
    let plain = items.iter().all(|item| !item.is_object() && !item.is_array());
    let mut texts: Vec<String> = items.iter().map(Value::to_string).collect();
    texts.sort_unstable();
    plain.then_some(texts)
}

fn loses_nothing(before: &Value, after: &Value) {
    let change = change(Some(before.clone()), Some(after.clone()));
    let found = leaves(&change);
    assert!(!found.is_empty());
    if before == after {
        return;
    }
    let all: Vec<&Leaf<'_>> = found.iter().collect();
    let start = super::segments("/object");
    let result = applied(&start, before, &all).unwrap_or(Value::Null);
    assert!(same(&mut start.clone(), &result, after), "{before}\n{after}\n{result}\n{found:#?}");
    for leaf in &found {
        if let Difference::Value(Some(one), None) | Difference::Value(None, Some(one)) = leaf.difference {
            assert!(!flat(&leaf.path, one).is_empty());
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..4_i64).prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        "[a-c]{0,2}".prop_map(Value::from),
        Just(Value::from(MASK)),
        ".{0,8}".prop_map(Value::from),
    ];
    let field = prop_oneof![
        Just("name"),
        Just("env"),
        Just("ports"),
        Just("port"),
        Just("containers"),
        Just("image"),
        Just("key"),
        Just("tolerations"),
        Just("$secret"),
        Just("value"),
        Just("a/b~c"),
        Just(""),
    ];
    scalar.prop_recursive(5, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(field.clone().prop_map(str::to_owned), inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Lists as Kubernetes has them: named items, shuffled, some of them changed.
fn named() -> impl Strategy<Value = (Value, Value)> {
    let items = || prop::collection::btree_map("[a-e]", 0..3_u8, 0..5);
    let list = |items: BTreeMap<String, u8>| {
        items.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect::<Vec<_>>()
    };
    (items().prop_map(list).prop_shuffle(), items().prop_map(list).prop_shuffle())
        .prop_map(|(before, after)| (json!({"env": before}), json!({"env": after})))
}

proptest! {
    #[test]
    fn any_two_values(before in any_json(), after in any_json()) {
        loses_nothing(&before, &after);
        loses_nothing(&json!([before]), &json!([after, before]));
    }

    #[test]
    fn named_items((before, after) in named()) {
        loses_nothing(&before, &after);
    }

    #[test]
    fn texts_without_a_name(
        before in prop::collection::vec("[a-d]", 0..7),
        after in prop::collection::vec("[a-d]", 0..7),
    ) {
        loses_nothing(&json!({"args": before}), &json!({"args": after}));
    }
}

fn told(before: Value, after: Value) -> Vec<String> {
    let change = change(Some(before), Some(after));
    let line = |leaf: &Leaf<'_>| {
        let path = super::super::path::plain(&leaf.path);
        match &leaf.difference {
            Difference::Value(before, after) => {
                let side = |value: &Option<&Value>| value.map_or("-".to_owned(), Value::to_string);
                format!("{path} {} {}", side(before), side(after))
            }
            Difference::Order(before, after) => format!("{path} order {before:?} {after:?}"),
        }
    };
    leaves(&change).iter().map(line).collect()
}

#[test]
fn items_are_added_removed_changed_and_reordered() {
    let item = |name: &str, value: &str| json!({"name": name, "value": value});
    let before = json!({"env": [item("A", "1"), item("B", "2"), item("C", "3")]});
    let after = json!({"env": [item("C", "3"), item("B", "5"), item("D", "4")]});
    assert_eq!(
        told(before, after),
        [
            r#"object.env.A {"name":"A","value":"1"} -"#,
            r#"object.env.B.value "2" "5""#,
            r#"object.env.D - {"name":"D","value":"4"}"#,
            r#"object.env order ["A", "B", "C"] ["C", "B", "D"]"#,
        ]
    );
}

#[test]
fn one_argument_in_the_middle_is_one_line() {
    let before = json!({"args": ["--a", "--log=info", "--b"]});
    let after = json!({"args": ["--a", "--log=debug", "--b"]});
    assert_eq!(told(before, after), [r#"object.args[1] "--log=info" "--log=debug""#]);
    let rules = |ports: &[u16]| json!({"rules": ports.iter().map(|port| json!({"port": port, "from": ["x"]})).collect::<Vec<_>>()});
    assert_eq!(told(rules(&[1, 2]), rules(&[1, 3, 2])), [r#"object.rules[1] - {"from":["x"],"port":3}"#]);
}

#[test]
fn what_differs_behind_a_mask_is_told_by_its_place() {
    let value = json!({"env": [{"name": "A", "value": "x"}, {"name": "TOKEN", "value": MASK}]});
    assert_eq!(told(value.clone(), value), [r#"object.env.TOKEN.value "****" "****""#]);
    assert_eq!(told(json!(MASK), json!(MASK)), [r#"object "****" "****""#]);
}
