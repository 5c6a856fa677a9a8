//! Describing a kind once, beside its code: behaviour of fields and shape of
//! values. `kinds.json` is written from it by a native test, and travels with
//! the component; its code only keeps which fields must be given.

use serde_json::{Map, Value, json};

/// The description of a kind.
pub struct Schema {
    kind: &'static str,
    version: u32,
    description: &'static str,
    fields: Vec<Field>,
    outputs: Vec<Field>,
    holds_data: bool,
}

/// One field of a kind or of its outputs.
pub struct Field {
    name: &'static str,
    required: bool,
    words: Option<Box<Words>>,
}

/// What `kinds.json` says of a field; a component does without.
struct Words {
    shape: Value,
    description: &'static str,
    behaviour: Map<String, Value>,
}

const DESCRIBED: bool = cfg!(not(target_arch = "wasm32"));

impl Field {
    #[inline]
    fn new(name: &'static str, shape: impl FnOnce() -> Value, description: &'static str) -> Self {
        let words = DESCRIBED.then(|| Box::new(Words { shape: shape(), description, behaviour: Map::new() }));
        Self { name, required: false, words }
    }

    /// A text.
    #[inline]
    pub fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, || json!({"type": "string"}), description)
    }

    /// One of some texts.
    #[inline]
    pub fn one_of(name: &'static str, values: &[&str], description: &'static str) -> Self {
        Self::new(name, || json!({"type": "string", "enum": values}), description)
    }

    /// A whole number that is not negative.
    #[inline]
    pub fn number(name: &'static str, description: &'static str) -> Self {
        Self::new(name, || json!({"type": "integer", "minimum": 0}), description)
    }

    /// Yes or no.
    #[inline]
    pub fn flag(name: &'static str, description: &'static str) -> Self {
        Self::new(name, || json!({"type": "boolean"}), description)
    }

    /// A list of texts.
    #[inline]
    pub fn texts(name: &'static str, description: &'static str) -> Self {
        Self::new(name, || json!({"type": "array", "items": {"type": "string"}}), description)
    }

    /// Texts by name.
    #[inline]
    pub fn map(name: &'static str, description: &'static str) -> Self {
        Self::new(name, || json!({"type": "object", "additionalProperties": {"type": "string"}}), description)
    }

    /// Any other JSON Schema.
    #[inline]
    pub fn shaped(name: &'static str, shape: Value, description: &'static str) -> Self {
        Self::new(name, || shape, description)
    }

    /// An object with fields of its own.
    #[inline]
    pub fn object(name: &'static str, fields: Vec<Self>, description: &'static str) -> Self {
        Self::new(name, || object_shape(&fields), description)
    }

    /// A list of objects.
    #[inline]
    pub fn objects(name: &'static str, fields: Vec<Self>, description: &'static str) -> Self {
        Self::new(name, || json!({"type": "array", "items": object_shape(&fields)}), description)
    }

    /// Must be given.
    #[must_use]
    #[inline]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// A change means a new object; `why` is shown to the operator.
    #[must_use]
    #[inline]
    pub fn immutable(self, why: &str) -> Self {
        self.with("immutable", || json!(why))
    }

    /// Used to make the object and never compared afterwards.
    #[must_use]
    #[inline]
    pub fn create_only(self) -> Self {
        self.with("create-only", || json!(true))
    }

    /// A list whose order means nothing.
    #[must_use]
    #[inline]
    pub fn unordered(self) -> Self {
        self.with("unordered", || json!(true))
    }

    /// Masked wherever it is shown.
    #[must_use]
    #[inline]
    pub fn sensitive(self) -> Self {
        self.with("sensitive", || json!(true))
    }

    /// Where configuration says nothing, the vendor's value stands.
    #[must_use]
    #[inline]
    pub fn vendor_default(self) -> Self {
        self.with("vendor-default", || json!(true))
    }

    #[inline]
    fn with(mut self, name: &str, value: impl FnOnce() -> Value) -> Self {
        if DESCRIBED && let Some(words) = &mut self.words {
            words.behaviour.insert(name.to_owned(), value());
        }
        self
    }
}

fn object_shape(fields: &[Field]) -> Value {
    let mut properties = Map::new();
    for field in fields {
        let Some(words) = &field.words else { continue };
        let mut shape = words.shape.clone();
        if !words.description.is_empty() {
            shape["description"] = json!(words.description);
        }
        properties.insert(field.name.to_owned(), shape);
    }
    let required: Vec<_> = fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties, "required": required})
}

impl Schema {
    /// A kind in its first version.
    pub fn new(kind: &'static str, description: &'static str) -> Self {
        Self { kind, version: 1, description, fields: Vec::new(), outputs: Vec::new(), holds_data: false }
    }

    /// A later version: [`crate::Kind::upgrade`] must know the earlier ones.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Adds a field of the desired value.
    #[must_use]
    #[inline]
    pub fn field(mut self, field: Field) -> Self {
        if DESCRIBED || field.required {
            self.fields.push(field);
        }
        self
    }

    /// Adds an output that is always there.
    #[must_use]
    #[inline]
    pub fn output(mut self, field: Field) -> Self {
        if DESCRIBED {
            self.outputs.push(field.required());
        }
        self
    }

    /// Adds an output that may be missing.
    #[must_use]
    #[inline]
    pub fn optional_output(mut self, field: Field) -> Self {
        if DESCRIBED {
            self.outputs.push(field);
        }
        self
    }

    /// Deleting loses data that nothing else has.
    #[must_use]
    pub fn holds_data(mut self) -> Self {
        self.holds_data = true;
        self
    }

    /// Names of the fields that must be given.
    pub(crate) fn required(&self) -> impl Iterator<Item = &'static str> {
        self.fields.iter().filter(|field| field.required).map(|field| field.name)
    }

    /// As `kinds.json` has it.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        for field in &self.fields {
            let Some(words) = &field.words else { continue };
            let mut behaviour = words.behaviour.clone();
            if !words.description.is_empty() {
                behaviour.insert("description".into(), json!(words.description));
            }
            if !behaviour.is_empty() {
                fields.insert(field.name.to_owned(), Value::Object(behaviour));
            }
        }
        json!({
            "kind": self.kind,
            "version": self.version,
            "description": self.description,
            "fields": fields,
            "desired": object_shape(&self.fields),
            "outputs": object_shape(&self.outputs),
            "holds-data": self.holds_data,
        })
    }
}
