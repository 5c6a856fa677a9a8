//! Given parameters against declared ones.

use std::collections::BTreeMap;

use honey_model::{Diagnostic, text::visible};
use serde_json::Value;

use crate::{BAD_PARAMETER, Declaration, Parameter, ParameterType};

fn wrong(name: &str, summary: impl Into<String>) -> Diagnostic {
    Diagnostic::error(BAD_PARAMETER, summary).at(format!("stack.parameters.{}", visible(name, 80)))
}

/// Every declared parameter with its value; everything that is wrong at once.
pub(crate) fn resolve(
    declaration: &Declaration,
    given: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, Vec<Diagnostic>> {
    let mut found = Vec::new();
    for name in given.keys().filter(|name| !declaration.parameters.contains_key(*name)) {
        let shown = visible(name, 80);
        let near = declaration
            .parameters
            .keys()
            .max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
        let mut diagnostic =
            wrong(name, format!("catalogue `{}` has no parameter `{shown}`", declaration.name));
        if let Some(near) = near.filter(|near| strsim::jaro_winkler(near, name) > 0.8) {
            diagnostic = diagnostic.with_help(format!("did you mean `{near}`?"));
        }
        found.push(diagnostic);
    }
    let mut values = BTreeMap::new();
    for (name, parameter) in &declaration.parameters {
        match given.get(name).or(parameter.default.as_ref()) {
            None => found.push(
                wrong(name, format!("parameter `{name}` of catalogue `{}` is missing", declaration.name))
                    .with_help(parameter.description.clone()),
            ),
            Some(value) => match check(parameter, value) {
                Ok(()) => {
                    values.insert(name.clone(), value.clone());
                }
                Err(why) => found.push(
                    wrong(name, format!("parameter `{name}` {why}")).with_help(parameter.description.clone()),
                ),
            },
        }
    }
    if found.is_empty() { Ok(values) } else { Err(found) }
}

fn check(parameter: &Parameter, value: &Value) -> Result<(), String> {
    let chosen = |text: &str| {
        if parameter.choices.is_empty() || parameter.choices.iter().any(|choice| choice == text) {
            Ok(())
        } else {
            Err(format!("may be {}, not `{}`", parameter.choices.join(", "), visible(text, 60)))
        }
    };
    match (parameter.kind, value) {
        (ParameterType::String, Value::String(text)) => chosen(text),
        (ParameterType::Boolean, Value::Bool(_)) => Ok(()),
        (ParameterType::Integer, Value::Number(number)) => {
            let number = number.as_i64().ok_or("has to be a whole number")?;
            if parameter.minimum.is_some_and(|least| number < least)
                || parameter.maximum.is_some_and(|most| number > most)
            {
                let end =
                    |bound: Option<i64>| bound.map_or_else(|| "any".to_owned(), |bound| bound.to_string());
                return Err(format!(
                    "has to be from {} to {}, not {number}",
                    end(parameter.minimum),
                    end(parameter.maximum)
                ));
            }
            Ok(())
        }
        (ParameterType::List, Value::Array(items)) => {
            items.iter().try_for_each(|item| chosen(item.as_str().ok_or("has to be a list of texts")?))
        }
        (ParameterType::Map, Value::Object(map)) => {
            if let Some((key, _)) = map.iter().find(|(_, value)| !value.is_string()) {
                return Err(format!("has to hold texts; `{}` is none", visible(key, 60)));
            }
            match parameter.keys.iter().find(|key| !map.contains_key(*key)) {
                Some(missing) => Err(format!("lacks `{missing}`")),
                None => Ok(()),
            }
        }
        (kind, _) => Err(format!(
            "has to be {}",
            match kind {
                ParameterType::String => "a text",
                ParameterType::Integer => "a whole number",
                ParameterType::Boolean => "true or false",
                ParameterType::List => "a list of texts",
                ParameterType::Map => "a table of texts",
            }
        )),
    }
}
