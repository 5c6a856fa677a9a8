//! A text that begins with `{` is a stream of JSON to kubectl.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::{Map, Number, Value};

use crate::{Error, Place, documents::Document, number};

/// JSON as the API gets it; a key that stands twice is an error.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    #[expect(clippy::cast_precision_loss, reason = "Kubernetes reads what is no int64 as a float")]
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        let whole = i64::try_from(value).map(Number::from).ok();
        Ok(whole.or_else(|| Number::from_f64(value as f64)).map_or(Value::Null, Value::Number))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(number(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut found = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            found.push(item);
        }
        Ok(Value::Array(found))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Value, A::Error> {
        let mut found = Map::new();
        while let Some((key, Strict(value))) = pairs.next_entry::<String, Strict>()? {
            if found.insert(key, value).is_some() {
                return Err(A::Error::custom("a key that stands there already"));
            }
        }
        Ok(Value::Object(found))
    }
}

/// The documents of such a text; what is null is left out.
pub(crate) fn documents(text: &str, from: usize) -> Vec<Result<Document<'_>, Error>> {
    let mut found = Vec::new();
    let mut stream = serde_json::Deserializer::from_str(&text[from..]).into_iter::<Strict>();
    loop {
        let begin = from + stream.byte_offset();
        let begin = begin + (text[begin..].len() - text[begin..].trim_start().len());
        match stream.next() {
            None => return found,
            Some(Ok(Strict(Value::Null))) => {}
            Some(Ok(Strict(value))) => {
                let place = Place::of(text, begin..begin + 1);
                found.push(Ok(Document { value, place, tree: None }));
            }
            Some(Err(error)) => {
                found.push(Err(broken(text, from, &error)));
                return found;
            }
        }
    }
}

fn broken(text: &str, from: usize, error: &serde_json::Error) -> Error {
    let line_start: usize =
        text[from..].split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let at = from + line_start + error.column().saturating_sub(1);
    let full = error.to_string();
    // The place is told elsewhere. What serde_json says of itself holds nothing of the text.
    let message = full.split(" at line ").next().unwrap_or_default();
    Error::new(format!("not well-formed JSON: {message}"), Place::of(text, at..at + 1))
        .with_help("kubectl reads what begins with `{` as JSON; a first line `---` has it read as YAML")
}
