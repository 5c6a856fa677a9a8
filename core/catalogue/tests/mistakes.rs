//! What a wrong catalogue or a wrong parameter is answered with.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;

use honey_catalogue::{Catalogue, RenderedObject};
use honey_model::Diagnostic;
use serde_json::{Value, json};

const DECLARATION: &str = r#"
name = "test"
[parameters.name]
type = "string"
description = "A name"
[parameters.count]
type = "integer"
minimum = 1
maximum = 3
description = "A number"
default = 2
[parameters.words]
type = "list"
choices = ["a", "b"]
description = "Words"
default = []
[[phases]]
name = "one"
files = ["one.yaml"]
[[phases]]
name = "two"
files = ["two.yaml"]
gate = true
"#;

fn render(one: &str, two: &str, given: Value) -> Result<Vec<RenderedObject>, Vec<Diagnostic>> {
    let files = [("catalogue.toml", DECLARATION), ("one.yaml", one), ("two.yaml", two)];
    let files = files.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    let given: BTreeMap<String, Value> = serde_json::from_value(given).unwrap();
    Catalogue::from_files(files).unwrap().render(&given)
}

fn map(name: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n")
}

fn codes(found: &Result<Vec<RenderedObject>, Vec<Diagnostic>>) -> Vec<&str> {
    found.as_ref().unwrap_err().iter().map(|diagnostic| diagnostic.code.as_str()).collect()
}

#[test]
fn objects_come_in_order_with_their_phase() {
    let two = format!("{}---\n---\n{}", map("b"), map("{{ name | yaml }}"));
    let objects = render(&map("a"), &two, json!({"name": "c"})).unwrap();
    let shown: Vec<_> =
        objects.iter().map(|object| (object.identity().3, object.phase.as_str(), object.gate)).collect();
    assert_eq!(shown, [("a", "one", false), ("b", "two", true), ("c", "two", true)]);
}

#[test]
fn every_wrong_parameter_is_named_at_once() {
    let found = render("", "", json!({"nmae": "x", "count": 9, "words": ["c"]})).unwrap_err();
    let text: Vec<&str> = found.iter().map(|diagnostic| diagnostic.summary.as_str()).collect();
    assert!(found.iter().all(|diagnostic| diagnostic.code == "HNY0631"));
    assert_eq!(found.len(), 4, "{text:?}");
    assert_eq!(found[0].help.as_deref(), Some("did you mean `name`?"));
    assert!(text.iter().any(|line| line.contains("from 1 to 3, not 9")), "{text:?}");
    assert!(text.iter().any(|line| line.contains("may be a, b, not `c`")), "{text:?}");
    assert!(text.iter().any(|line| line.contains("`name`") && line.contains("missing")), "{text:?}");
    for (value, word) in [(json!(1), "a text"), (json!(null), "a text")] {
        assert!(render("", "", json!({"name": value})).unwrap_err()[0].summary.contains(word));
    }
}

#[test]
fn an_unknown_name_in_a_template_is_an_error_with_its_place() {
    let found = render("# first\nname: {{ nmae }}\n", "", json!({"name": "x"})).unwrap_err();
    assert_eq!(found[0].code, "HNY0632");
    let source = found[0].source.as_ref().unwrap();
    assert_eq!((source.file.as_str(), source.line), ("one.yaml", 2));
    assert!(found[0].summary.contains("nmae"), "{}", found[0].summary);
    assert_eq!(codes(&render("{% if %}", "", json!({"name": "x"}))), ["HNY0632"]);
}

#[test]
fn broken_yaml_has_a_line_and_a_column() {
    let found =
        render("apiVersion: v1\nkind: [ConfigMap\nmetadata: }\n", "", json!({"name": "x"})).unwrap_err();
    assert_eq!(found[0].code, "HNY0633");
    let source = found[0].source.as_ref().unwrap();
    assert!(source.file == "one.yaml" && source.line >= 2 && source.column >= 1, "{source:?}");
}

#[test]
fn an_object_stands_once() {
    let found = render(&map("a"), &map("a"), json!({"name": "x"})).unwrap_err();
    assert_eq!(found[0].code, "HNY0634");
    assert!(found[0].summary.contains("one.yaml") && found[0].summary.contains("two.yaml"));
    assert_eq!(codes(&render("kind: ConfigMap\n", &map("b"), json!({"name": "x"}))), ["HNY0635"]);
    assert_eq!(codes(&render("- 1\n", &map("b"), json!({"name": "x"}))), ["HNY0635"]);
}

#[test]
fn a_value_cannot_leave_its_place() {
    let objects = render(&map("{{ name | yaml }}"), "", json!({"name": "x\nkind: Secret"})).unwrap();
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].object["kind"], "ConfigMap");
    assert_eq!(objects[0].object["metadata"]["name"], "x\nkind: Secret");
}

#[test]
fn a_directory_is_read_and_never_left() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("catalogue.toml", DECLARATION);
    write("one.yaml", &map("a"));
    let missing = Catalogue::from_directory(home.path()).unwrap_err();
    assert!(missing[0].code == "HNY0630" && missing[0].summary.contains("two.yaml"), "{missing:?}");
    write("two.yaml", &map("b"));
    let catalogue = Catalogue::from_directory(home.path()).unwrap();
    assert_eq!(catalogue.render(&BTreeMap::from([("name".into(), json!("x"))])).unwrap().len(), 2);
    write("catalogue.toml", &DECLARATION.replace("two.yaml", "../two.yaml"));
    assert!(Catalogue::from_directory(home.path()).unwrap_err()[0].summary.contains("inside"));
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("x.yaml"), map("x")).unwrap();
    std::fs::remove_file(home.path().join("two.yaml")).unwrap();
    std::os::unix::fs::symlink(outside.path().join("x.yaml"), home.path().join("two.yaml")).unwrap();
    write("catalogue.toml", DECLARATION);
    assert!(Catalogue::from_directory(home.path()).unwrap_err()[0].summary.contains("leads out"));
    write("catalogue.toml", "name = \"x\"\nphases = 3\n");
    let wrong = Catalogue::from_directory(home.path()).unwrap_err();
    assert_eq!(wrong[0].source.as_ref().unwrap().line, 2);
}

#[test]
fn sources_are_directories_or_built_in() {
    assert!(Catalogue::open("builtin:honeydue", std::path::Path::new(".")).is_ok());
    let unknown = Catalogue::open("builtin:nothing", std::path::Path::new(".")).unwrap_err();
    assert!(unknown[0].help.as_ref().unwrap().contains("honeydue"));
}
