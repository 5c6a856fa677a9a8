//! What each object needs before anybody is asked, and what the API would
//! refuse in the middle of a run because of YAML: a number or a boolean where only
//! a text may stand.

use honey_model::text::visible;
use serde_json::Value;

use crate::{GENERATED_NAME, NO_TEXT, NOT_AN_OBJECT};

/// Something that is wrong with an object.
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    /// Where in the object.
    pub(crate) path: Vec<String>,
    pub(crate) message: String,
    pub(crate) help: &'static str,
}

/// What has to be a text in every object.
const NEEDED: [&str; 3] = ["apiVersion", "kind", "metadata.name"];
/// Maps of texts: in every object, and of some kinds.
const TEXTS: [(&str, &str); 5] = [
    ("", "metadata.labels"),
    ("", "metadata.annotations"),
    ("ConfigMap", "data"),
    ("Secret", "data"),
    ("Secret", "stringData"),
];

fn find<'a>(object: &'a Value, dotted: &str) -> Option<&'a Value> {
    dotted.split('.').try_fold(object, |value, key| value.get(key))
}

fn steps(dotted: &str) -> Vec<String> {
    dotted.split('.').map(str::to_owned).collect()
}

/// What is wrong first.
pub(crate) fn check(object: &Value) -> Option<Problem> {
    let Value::Object(map) = object else {
        let what = match object {
            Value::Array(_) => "a list",
            Value::String(_) => "a text",
            _ => "a single value",
        };
        let message = format!("a document is {what}, not an object");
        let help = "an object is a mapping with `apiVersion`, `kind` and `metadata`";
        return Some(Problem { code: NOT_AN_OBJECT, path: Vec::new(), message, help });
    };
    let no_text =
        |dotted: &str| find(object, dotted).is_some_and(|value| !value.is_string() && !value.is_null());
    if let Some(dotted) = NEEDED.into_iter().find(|dotted| no_text(dotted)) {
        return Some(not_a_text(object, dotted, steps(dotted)));
    }
    let lacks = |dotted: &str| find(object, dotted).and_then(Value::as_str).is_none_or(str::is_empty);
    let generated =
        find(object, "metadata.generateName").and_then(Value::as_str).is_some_and(|name| !name.is_empty());
    let missing: Vec<&str> = NEEDED.into_iter().filter(|dotted| lacks(dotted)).collect();
    if missing == ["metadata.name"] && generated {
        let kind = map["kind"].as_str().unwrap_or_default();
        return Some(Problem {
            code: GENERATED_NAME,
            path: steps("metadata.generateName"),
            message: format!(
                "`metadata.generateName` instead of a name: each apply would make another {}",
                visible(kind, 60)
            ),
            help: "give it `metadata.name`; the filter `name_part` makes a part of a name from an image",
        });
    }
    if !missing.is_empty() {
        let keys: Vec<String> = map.keys().map(|key| format!("`{}`", visible(key, 40))).collect();
        let has = if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") };
        return Some(Problem {
            code: NOT_AN_OBJECT,
            path: Vec::new(),
            message: format!("a document lacks {}; at its top stands {has}", missing.join(", ")),
            help: "every object needs `apiVersion`, `kind` and `metadata.name`, spelled like that",
        });
    }
    let kind = map["kind"].as_str().unwrap_or_default();
    TEXTS.iter().filter(|(of, _)| of.is_empty() || *of == kind).find_map(|(_, dotted)| {
        let (key, _) = find(object, dotted)?
            .as_object()?
            .iter()
            .find(|(_, value)| !value.is_string() && !value.is_null())?;
        let path = steps(dotted).into_iter().chain([key.clone()]).collect();
        Some(not_a_text(object, dotted, path))
    })
}

fn not_a_text(object: &Value, dotted: &str, path: Vec<String>) -> Problem {
    let value = path.iter().try_fold(object, |value, key| value.get(key)).unwrap_or(&Value::Null);
    let what = match value {
        Value::Bool(_) => "the boolean",
        Value::Number(_) => "the number",
        Value::Array(_) => "the list",
        _ => "the mapping",
    };
    let key = path.iter().skip(dotted.split('.').count()).map(|key| format!(", key `{}`", visible(key, 60)));
    let secret = object["kind"] == "Secret";
    let shown = if secret { String::new() } else { format!(" {}", visible(&value.to_string(), 60)) };
    Problem {
        code: NO_TEXT,
        message: format!(
            "`{dotted}`{} is {what}{shown}, where Kubernetes takes a text only",
            key.collect::<String>()
        ),
        path,
        help: "put quotes around it: without them YAML makes a number of 0755 and a boolean of yes",
    }
}
