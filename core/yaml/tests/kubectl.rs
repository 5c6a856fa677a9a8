//! kubectl itself, where there is one, asked about the same texts: honey reads
//! the same values, or refuses.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod table;

use std::process::{Command, Stdio};

use honey_yaml::documents;
use proptest::{
    prelude::{Strategy as _, any},
    strategy::ValueTree as _,
    test_runner::TestRunner,
};
use serde_json::Value;
use table::{MAPPINGS, REFUSED, SCALARS};

fn missing() -> bool {
    let found = Command::new("kubectl")
        .args(["version", "--client"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if found.is_err() {
        println!("kubectl is not installed: not compared");
    }
    found.is_err()
}

/// The objects that kubectl reads from a file, without the annotation that it was asked to add.
fn kubectl(text: &str) -> Result<Vec<Value>, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.yaml");
    std::fs::write(&file, text).unwrap();
    let output = Command::new("kubectl")
        .args(["annotate", "--local", "-o", "json", "honey.test/asked=yes", "-f"])
        .arg(&file)
        .env("KUBECONFIG", folder.path().join("none"))
        .output()
        .unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut found: Vec<Value> =
        serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<_, _>>().unwrap();
    for object in &mut found {
        object["metadata"].as_object_mut().unwrap().remove("annotations");
    }
    Ok(found)
}

/// Numbers that are no `int64` are floats to the API, however they are written.
fn comparable(value: &Value) -> Value {
    match value {
        Value::Number(number) if number.as_i64().is_none() => {
            Value::from(number.as_f64().unwrap().to_string())
        }
        Value::Array(items) => items.iter().map(comparable).collect(),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), comparable(value))).collect(),
        other => other.clone(),
    }
}

fn object(index: usize, data: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: n{index}\ndata: {data}")
}

fn values(text: &str) -> Vec<Value> {
    documents(text).into_iter().map(|document| comparable(&document.unwrap().value)).collect()
}

#[test]
fn the_table_holds_kubectls_own_answers() {
    if missing() {
        return;
    }
    let scalars = SCALARS.iter().map(|(text, _)| format!("\n  key: {text}"));
    let all: Vec<String> = scalars
        .chain(MAPPINGS.iter().map(|(text, _)| (*text).to_owned()))
        .enumerate()
        .map(|(index, data)| object(index, &data))
        .collect();
    let text = all.join("\n---\n");
    let asked: Vec<Value> = kubectl(&text).unwrap().iter().map(comparable).collect();
    assert_eq!(asked.len(), SCALARS.len() + MAPPINGS.len());
    assert_eq!(asked, values(&text));
    for text in REFUSED {
        let text = object(0, &format!("\n  key: {text}"));
        assert!(kubectl(&text).is_err(), "kubectl reads {text}");
    }
}

/// Each of these is kubectl's own reading, or refused by both.
#[test]
fn whole_files_are_read_alike() {
    if missing() {
        return;
    }
    let (a, b) = (object(0, "{a: 0755}"), object(1, "\n  b: |\n    x"));
    for text in [
        format!("\u{feff}{a}\n---\n{b}"),
        format!("{a}\n---\n\u{feff}{b}"),
        format!("{a}\n---\n{b}\n").replace('\n', "\r\n"),
        format!("---\n---\n# c\n---\n{a}\n...\n---\n---\n{b}\n---\n"),
        format!("---\n{a}\n--- # c\n{b}"),
        format!("{a}\n--- x\n{b}"),
        format!("%YAML 1.1\n---\n{a}"),
        "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"a\"}, \"data\": {\"a\": 1.0}}".to_owned(),
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}".to_owned(),
        "---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {a: on}}".to_owned(),
    ] {
        let ours: Result<Vec<Value>, _> =
            documents(&text).into_iter().map(|document| document.map(|document| comparable(&document.value))).collect();
        let asked = kubectl(&text).map(|found| found.iter().map(comparable).collect::<Vec<_>>());
        assert_eq!(ours.as_ref().ok(), asked.as_ref().ok(), "{text:?}: {asked:?} {ours:?}");
    }
}

/// Scalars that nobody thought of: what honey takes, kubectl takes as the same.
#[test]
fn no_scalar_is_read_differently_in_silence() {
    if missing() {
        return;
    }
    let likely = "[-+]?[0-9_]{0,5}[.:eExXoObB]?[-+0-9a-fA-F_.]{0,6}";
    let words = "[yYnN~tTfFoOeEsSuUlLrRaA.iInN<=]{1,5}";
    let any_text = "[ -~é\u{2028}\u{85}]{1,12}";
    let quoted = any::<String>().prop_map(|text| honey_yaml::flow(&Value::String(text)));
    let scalar = proptest::prop_oneof![4 => likely, 3 => words, 4 => any_text, 2 => quoted];
    let mut runner = TestRunner::deterministic();
    for _ in 0..3 {
        let mut taken = Vec::new();
        while taken.len() < 400 {
            let data = scalar.new_tree(&mut runner).unwrap().current();
            let text = object(taken.len(), &format!("\n  key: {data}"));
            let read = documents(&text);
            // What is cut into several is no scalar.
            if read.len() == 1 && read[0].is_ok() {
                taken.push(text);
            }
        }
        let text = taken.join("\n---\n");
        let asked: Vec<Value> = kubectl(&text).unwrap().iter().map(comparable).collect();
        assert_eq!(asked, values(&text));
    }
}
