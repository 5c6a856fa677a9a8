//! The body of a request: JSON or YAML, with the fields that stand twice in one map.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{handle::Call, status::Refusal};

/// A body, read.
pub(super) struct Body {
    pub(super) value: Value,
    /// Places of fields that stand twice in one map; the last one counts.
    pub(super) twice: Vec<String>,
    pub(super) yaml: bool,
}

/// Reads a body in the format that its content type names.
pub(super) fn read(call: &Call) -> Result<Body, Refusal> {
    if call.content_type.contains("protobuf") || call.content_type.contains("cbor") {
        let why = format!("the body of the request was in an unknown format: {}", call.content_type);
        return Err(Refusal::new(415, "UnsupportedMediaType", why));
    }
    let yaml = call.content_type.contains("yaml");
    parse(&call.body, yaml).map_err(|error| {
        if yaml && call.content_type.contains("apply-patch") {
            Refusal::bad(format!("error decoding YAML: {error}"))
        } else {
            Refusal::bad(format!("the body of the request could not be read: {error}"))
        }
    })
}

fn parse(body: &[u8], yaml: bool) -> Result<Body, String> {
    let mut twice = Vec::new();
    let mut path = Vec::new();
    let mut reader = serde_json::Deserializer::from_slice(body);
    let as_json = Reader { path: &mut path, twice: &mut twice }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| error.to_string());
    // JSON is YAML, and the quicker one to read.
    match as_json {
        Ok(value) => Ok(Body { value, twice, yaml: false }),
        Err(error) if !yaml => Err(error),
        Err(_) => {
            twice.clear();
            path.clear();
            let value = Reader { path: &mut path, twice: &mut twice }
                .deserialize(serde_norway::Deserializer::from_slice(body))
                .map_err(|error| error.to_string())?;
            Ok(Body { value, twice, yaml: true })
        }
    }
}

struct Reader<'a> {
    path: &'a mut Vec<String>,
    twice: &'a mut Vec<String>,
}

impl Reader<'_> {
    fn below(&mut self) -> Reader<'_> {
        Reader { path: self.path, twice: self.twice }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("a number without end"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.path.push(format!("[{}]", list.len()));
            let item = items.next_element_seed(self.below())?;
            self.path.pop();
            match item {
                Some(item) => list.push(item),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            self.path.push(format!(".{name}"));
            let value = fields.next_value_seed(self.below())?;
            if map.contains_key(&name) {
                self.twice.push(self.path.concat().trim_start_matches('.').to_owned());
            }
            self.path.pop();
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::parse;

    #[test]
    fn fields_that_stand_twice_are_named_in_both_formats() {
        for (text, yaml) in
            [(r#"{"a": [{"b": 1, "b": 2}], "c": null}"#, false), ("a:\n- b: 1\n  b: 2\nc: null\n", true)]
        {
            let body = parse(text.as_bytes(), true).unwrap();
            assert_eq!(body.value, json!({"a": [{"b": 2}], "c": null}));
            assert_eq!(body.twice, ["a[0].b"]);
            assert_eq!(body.yaml, yaml);
        }
        assert!(parse(b"a: 1", false).is_err());
        assert!(parse(b"{\"a\": 1} x", false).is_err());
    }
}
