//! Reading an object as its kind, as the real API's typed decoding does: a
//! wrong type is refused, unknown fields are dropped and named, what is null,
//! empty or (of some fields) zero is left out, amounts get their usual form.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{Node, Scalar};
use crate::kube::quantity;

/// What became of an object.
#[derive(Debug, Default)]
pub(in crate::kube) struct Decoded {
    /// Places of fields that the schema does not declare: `spec.template.spec.containers[0].foo`.
    pub(in crate::kube) unknown: Vec<String>,
}

/// Where the reader stands.
#[derive(Default)]
struct Place {
    /// With the numbers of list items.
    path: Vec<String>,
    /// The innermost declared map.
    owner: String,
}

impl Place {
    /// `spec.template.spec.containers[0].foo`.
    fn show(&self) -> String {
        self.path.concat().trim_start_matches('.').to_owned()
    }

    /// `spec.template.spec.containers.foo`, as the JSON reader names a field.
    fn fields(&self) -> String {
        let names: Vec<&str> = self.path.iter().filter_map(|part| part.strip_prefix('.')).collect();
        names.join(".")
    }
}

/// Reads an object of a built-in kind in place. The error is what the JSON reader would say.
pub(in crate::kube) fn built_in(object: &mut Value, node: &Node) -> Result<Decoded, String> {
    let mut decoded = Decoded::default();
    read(object, node, &mut Place::default(), &mut decoded)?;
    Ok(decoded)
}

/// Drops the fields that a custom kind does not declare. Types are checked by its schema later.
pub(in crate::kube) fn prune(object: &mut Value, node: &Node) -> Decoded {
    let mut decoded = Decoded::default();
    drop_unknown(object, node, &mut Place::default(), &mut decoded);
    decoded
}

fn drop_unknown(value: &mut Value, node: &Node, place: &mut Place, decoded: &mut Decoded) {
    match value {
        Value::Object(map) => {
            map.retain(|field, value| {
                place.path.push(format!(".{field}"));
                let known = node.declared(field);
                match known {
                    Some(node) => drop_unknown(value, node, place, decoded),
                    // A value of another type than the schema's is named as that.
                    None if matches!(node.resolve(), Node::Scalar(_) | Node::List { .. }) => {}
                    None => decoded.unknown.push(place.show()),
                }
                place.path.pop();
                known.is_some() || matches!(node.resolve(), Node::Scalar(_) | Node::List { .. })
            });
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                place.path.push(format!("[{index}]"));
                drop_unknown(item, node.items(), place, decoded);
                place.path.pop();
            }
        }
        _ => {}
    }
}

fn read(value: &mut Value, node: &Node, place: &mut Place, decoded: &mut Decoded) -> Result<(), String> {
    match node.resolve() {
        Node::Struct(declared) => {
            let Value::Object(map) = value else { return Err(mismatch(value, node, place)) };
            let outer = std::mem::replace(&mut place.owner, declared.name.clone());
            let mut result = Ok(());
            map.retain(|field, value| {
                if result.is_err() {
                    return true;
                }
                place.path.push(format!(".{field}"));
                let keep = match node.declared(field) {
                    None => {
                        decoded.unknown.push(place.show());
                        false
                    }
                    Some(_) if value.is_null() => false,
                    Some(child) => {
                        result = read(value, child, place, decoded);
                        let zero = declared.left_out.contains(&field.as_str()) && is_zero(value);
                        !zero && (declared.required.contains(field) || !empty(value, child))
                    }
                };
                place.path.pop();
                keep
            });
            place.owner = outer;
            result
        }
        Node::Map { values, .. } => {
            let Value::Object(map) = value else { return Err(mismatch(value, node, place)) };
            for value in map.values_mut() {
                if value.is_null() && matches!(values.resolve(), Node::Scalar(Scalar::Text | Scalar::Bytes)) {
                    *value = Value::from("");
                }
                read(value, values, place, decoded)?;
            }
            Ok(())
        }
        Node::List { items, .. } => {
            let Value::Array(list) = value else { return Err(mismatch(value, node, place)) };
            for (index, item) in list.iter_mut().enumerate() {
                place.path.push(format!("[{index}]"));
                let result = read(item, items, place, decoded);
                place.path.pop();
                result?;
            }
            Ok(())
        }
        Node::Scalar(scalar) => read_scalar(value, *scalar, node, place),
        Node::Any(_) | Node::Named(_) => Ok(()),
    }
}

/// Empty, off or 0.
fn is_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.is_empty(),
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        _ => false,
    }
}

/// Optional lists and maps without content are not kept.
fn empty(value: &Value, node: &Node) -> bool {
    match (value, node.resolve()) {
        (Value::Array(items), Node::List { .. }) => items.is_empty(),
        (Value::Object(map), Node::Map { .. }) => map.is_empty(),
        _ => false,
    }
}

fn read_scalar(value: &mut Value, scalar: Scalar, node: &Node, place: &Place) -> Result<(), String> {
    let whole = |wide: bool, value: &Value| {
        value.as_i64().is_some_and(|number| wide || i32::try_from(number).is_ok())
    };
    match scalar {
        Scalar::Text if value.is_string() => Ok(()),
        Scalar::Boolean if value.is_boolean() => Ok(()),
        Scalar::Number if value.is_number() => Ok(()),
        Scalar::IntOrString if value.is_string() || whole(false, value) => Ok(()),
        Scalar::Integer(wide) if value.is_number() => {
            if whole(wide, value) {
                return Ok(());
            }
            Err(unmarshal(&format!("number {value}"), node, place))
        }
        Scalar::Bytes if value.is_string() => base64(value.as_str().unwrap_or_default()),
        Scalar::Time if value.is_string() => {
            let text = value.as_str().unwrap_or_default();
            text.parse::<jiff::Timestamp>().map(|_| ()).map_err(|_| {
                format!("parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\"")
            })
        }
        Scalar::Quantity if value.is_string() || value.is_number() => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            match quantity::canonical(&text) {
                Some(canonical) => {
                    *value = Value::from(canonical);
                    Ok(())
                }
                None => Err(quantity::REFUSAL.to_owned()),
            }
        }
        _ => Err(mismatch(value, node, place)),
    }
}

/// Where Go's reader stops: the first byte that is no base64, or the end where some are missing.
fn base64(text: &str) -> Result<(), String> {
    // Line ends are skipped, as by Go.
    let cleaned: String = text.chars().filter(|character| !matches!(character, '\r' | '\n')).collect();
    let at = match STANDARD.decode(&cleaned) {
        Ok(_) => return Ok(()),
        Err(base64::DecodeError::InvalidByte(at, _)) => at,
        Err(_) => cleaned.len() / 4 * 4,
    };
    Err(format!("illegal base64 data at input byte {at}"))
}

fn mismatch(value: &Value, node: &Node, place: &Place) -> String {
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    unmarshal(found, node, place)
}

fn unmarshal(found: &str, node: &Node, place: &Place) -> String {
    let into = if place.path.is_empty() {
        "Go value".to_owned()
    } else {
        format!("Go struct field {}.{}", place.owner, place.fields())
    };
    format!("json: cannot unmarshal {found} into {into} of type {}", go_type(node))
}

/// The type's name in Go.
fn go_type(node: &Node) -> String {
    match node.resolve() {
        Node::Struct(declared) => format!("v1.{}", declared.name),
        Node::Map { values, .. } => format!("map[string]{}", go_type(values)),
        Node::List { items, .. } => format!("[]{}", go_type(items)),
        Node::Scalar(scalar) => match scalar {
            Scalar::Text => "string",
            Scalar::Bytes => "[]uint8",
            Scalar::Time => "string",
            Scalar::Integer(false) => "int32",
            Scalar::Integer(true) => "int64",
            Scalar::Number => "float64",
            Scalar::Boolean => "bool",
            Scalar::IntOrString => "intstr.IntOrString",
            Scalar::Quantity => "resource.Quantity",
        }
        .to_owned(),
        Node::Any(_) | Node::Named(_) => "interface {}".to_owned(),
    }
}
