//! Reads typed values out of JSON trees, leniently as vendors need it, and in
//! little code: a component holds one copy of this for each type it reads.
//!
//! Beside `serde_json::from_value` it takes a member that is null for one that
//! is missing, says where in the tree a value is not as expected, and never
//! repeats the value itself.

use std::fmt::{self, Display};

use serde::{
    Deserializer,
    de::{
        DeserializeOwned, DeserializeSeed, EnumAccess, Error as _, Expected, MapAccess, SeqAccess,
        Unexpected, VariantAccess, Visitor,
        value::{BorrowedStrDeserializer, StrDeserializer},
    },
};
use serde_json::Value;

use crate::Fault;

/// The typed value that a tree holds.
pub fn read<T: DeserializeOwned>(tree: &Value) -> Result<T, Fault> {
    typed(tree).map_err(|mismatch| Fault::malformed(format!("unexpected JSON: {mismatch}")))
}

/// As [`read`], for what may as well be missing or of an older form.
pub fn read_or_default<T: DeserializeOwned + Default>(tree: Option<&Value>) -> T {
    tree.and_then(|tree| typed(tree).ok()).unwrap_or_default()
}

pub(crate) fn typed<T: DeserializeOwned>(tree: &Value) -> Result<T, Mismatch> {
    T::deserialize(Tree(tree))
}

/// What is not as expected, and where.
#[derive(Debug)]
pub(crate) struct Mismatch {
    path: String,
    why: String,
}

impl Mismatch {
    fn new(why: String) -> Self {
        Self { path: String::new(), why }
    }

    fn inside(mut self, name: &str) -> Self {
        self.path.insert_str(0, name);
        self.path.insert(0, '/');
        self
    }
}

impl Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            formatter.write_str(&self.path)?;
            formatter.write_str(": ")?;
        }
        formatter.write_str(&self.why)
    }
}

impl std::error::Error for Mismatch {}

impl serde::de::Error for Mismatch {
    fn custom<T: Display>(why: T) -> Self {
        Self::new(why.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(format!("{}, expected {wanted}", shape(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(format!("{} that cannot be, expected {wanted}", shape(&found)))
    }

    fn invalid_length(length: usize, wanted: &dyn Expected) -> Self {
        Self::new(format!("{length} items, expected {wanted}"))
    }

    fn unknown_variant(_found: &str, wanted: &'static [&'static str]) -> Self {
        Self::new(format!("none of {}", wanted.join(", ")))
    }

    fn unknown_field(found: &str, wanted: &'static [&'static str]) -> Self {
        Self::new(format!("unknown field `{found}`, expected one of {}", wanted.join(", ")))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("missing field `{field}`"))
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new(format!("duplicate field `{field}`"))
    }
}

fn shape(found: &Unexpected<'_>) -> &'static str {
    match found {
        Unexpected::Bool(_) => "a boolean",
        Unexpected::Unsigned(_) | Unexpected::Signed(_) | Unexpected::Float(_) => "a number",
        Unexpected::Str(_) | Unexpected::Char(_) | Unexpected::Bytes(_) => "a text",
        Unexpected::Unit | Unexpected::Option => "nothing",
        Unexpected::Seq => "a list",
        Unexpected::Map => "an object",
        _ => "something else",
    }
}

fn shape_of(tree: &Value) -> &'static str {
    match tree {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

struct Tree<'a>(&'a Value);

impl Tree<'_> {
    #[cold]
    #[inline(never)]
    fn not(self, wanted: &dyn Expected) -> Mismatch {
        Mismatch::new(format!("{}, expected {wanted}", shape_of(self.0)))
    }
}

/// Text, numbers and the rest each have one way in; the visitor decides what fits.
macro_rules! by_what_it_is {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
            self.deserialize_number(visitor)
        })*
    };
}

impl<'de> Tree<'de> {
    fn deserialize_number<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Number(number) => {
                if let Some(whole) = number.as_u64() {
                    visitor.visit_u64(whole)
                } else if let Some(whole) = number.as_i64() {
                    visitor.visit_i64(whole)
                } else {
                    visitor.visit_f64(number.as_f64().unwrap_or(f64::NAN))
                }
            }
            _ => Err(self.not(&visitor)),
        }
    }
}

impl<'de> Deserializer<'de> for Tree<'de> {
    type Error = Mismatch;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(flag) => visitor.visit_bool(*flag),
            Value::Number(_) => self.deserialize_number(visitor),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    by_what_it_is! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Bool(flag) => visitor.visit_bool(*flag),
            _ => Err(self.not(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::String(text) => visitor.visit_borrowed_str(text),
            _ => Err(self.not(&visitor)),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_str(visitor)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_any(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_any(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        if self.0.is_null() { visitor.visit_unit() } else { Err(self.not(&visitor)) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter(), at: 0 }),
            _ => Err(self.not(&visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Object(members) => {
                visitor.visit_map(Members { left: members.iter(), nulls: true, next: None })
            }
            _ => Err(self.not(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::Object(members) => {
                visitor.visit_map(Members { left: members.iter(), nulls: false, next: None })
            }
            _ => Err(self.not(&visitor)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        match self.0 {
            Value::String(variant) => visitor.visit_enum(StrDeserializer::new(variant)),
            Value::Object(members) if members.len() == 1 => match members.iter().next() {
                Some((variant, content)) => visitor.visit_enum(Variant { variant, content }),
                None => Err(self.not(&visitor)),
            },
            _ => Err(self.not(&visitor)),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Mismatch> {
        visitor.visit_unit()
    }
}

struct Items<'a> {
    items: std::slice::Iter<'a, Value>,
    at: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Mismatch;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mismatch> {
        let Some(item) = self.items.next() else { return Ok(None) };
        self.at += 1;
        seed.deserialize(Tree(item)).map(Some).map_err(|why| why.inside(&(self.at - 1).to_string()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

struct Members<'a> {
    left: serde_json::map::Iter<'a>,
    /// Whether members that are null count.
    nulls: bool,
    next: Option<(&'a str, &'a Value)>,
}

impl<'a> Members<'a> {
    fn advance(&mut self) -> Option<&'a str> {
        let nulls = self.nulls;
        let (name, value) = self.left.find(|(_, value)| nulls || !value.is_null())?;
        self.next = Some((name, value));
        Some(name)
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Mismatch;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Mismatch> {
        match self.advance() {
            Some(name) => seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Mismatch> {
        let Some((name, value)) = self.next.take() else {
            return Err(Mismatch::custom("a value without a name"));
        };
        seed.deserialize(Tree(value)).map_err(|why| why.inside(name))
    }
}

/// `{"variant": content}`
struct Variant<'a> {
    variant: &'a str,
    content: &'a Value,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Mismatch;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Mismatch> {
        let which = seed.deserialize(BorrowedStrDeserializer::<Mismatch>::new(self.variant))?;
        Ok((which, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Mismatch;

    fn unit_variant(self) -> Result<(), Mismatch> {
        if self.content.is_null() {
            Ok(())
        } else {
            Err(Mismatch::custom("a variant without content has some"))
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Mismatch> {
        seed.deserialize(Tree(self.content)).map_err(|why| why.inside(self.variant))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Mismatch> {
        Tree(self.content).deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Mismatch> {
        Tree(self.content).deserialize_struct("", &[], visitor)
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::{Value, read, read_or_default};

    #[derive(Debug, PartialEq, Deserialize)]
    struct Thing {
        id: u64,
        #[serde(default)]
        names: Vec<String>,
        comment: Option<String>,
        #[serde(default)]
        inner: Option<Box<Thing>>,
        #[serde(default)]
        labels: BTreeMap<String, Option<u8>>,
        #[serde(default)]
        how: How,
        #[serde(default)]
        rest: Value,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum How {
        #[default]
        Plain,
        Sized(i16),
        Boxed {
            wide: f64,
        },
    }

    fn words(tree: &Value) -> String {
        read::<Thing>(tree).expect_err("does not fit").message
    }

    #[test]
    fn what_serde_json_reads_is_read_alike() {
        for tree in [
            json!({"id": 7}),
            json!({"id": 7, "names": ["a", "b"], "comment": "c", "unknown": [1, {"x": null}]}),
            json!({"id": 7, "labels": {"a": 1, "b": null}, "how": "plain", "rest": {"a": [null, 1.5, -1]}}),
            json!({"id": 7, "inner": {"id": 8, "how": {"sized": -3}}, "how": {"boxed": {"wide": 1}}}),
        ] {
            assert_eq!(read::<Thing>(&tree).expect("fits"), serde_json::from_value(tree).expect("fits"));
        }
    }

    #[test]
    fn null_is_missing_and_places_are_told() {
        let tree = json!({"id": 7, "names": null, "comment": null, "labels": null, "how": null});
        assert!(read::<Thing>(&tree).expect("fits").names.is_empty());
        assert!(words(&json!({"id": null})).contains("missing field `id`"));
        assert!(words(&json!({"id": -1})).contains("/id: a number"));
        assert!(
            words(&json!({"id": 1, "names": ["a", 7]})).contains("/names/1: a number, expected a string")
        );
        assert!(words(&json!({"id": 1, "inner": {"id": "secret"}})).contains("/inner/id: a text"));
        assert!(!words(&json!({"id": 1, "inner": {"id": "secret"}})).contains("secret"));
        assert!(words(&json!([1])).contains("a list, expected struct"));
        assert!(words(&json!({"id": 1, "how": "odd"})).contains("none of"));
    }

    #[test]
    fn what_is_of_another_form_is_the_default() {
        assert_eq!(read_or_default::<u8>(Some(&json!("x"))), 0);
        assert_eq!(read_or_default::<u8>(None), 0);
        assert_eq!(read_or_default::<u8>(Some(&json!(3))), 3);
    }
}
