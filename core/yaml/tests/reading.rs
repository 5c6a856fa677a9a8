//! What is read, with which value, and what is refused, at which place.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

mod table;

use honey_yaml::{Error, documents, single};
use serde_json::{Value, json};
use table::{MAPPINGS, REFUSED, SCALARS};

fn read(text: &str) -> Vec<Value> {
    documents(text)
        .into_iter()
        .map(|document| document.unwrap_or_else(|e| panic!("{text:?}: {e:?}")).value)
        .collect()
}

fn refused(text: &str) -> Error {
    documents(text).into_iter().find_map(Result::err).unwrap_or_else(|| panic!("{text:?} is read"))
}

#[test]
fn scalars_mean_what_they_mean_to_kubectl() {
    for (text, expected) in SCALARS {
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(read(&format!("a: {text}"))[0]["a"], expected, "{text}");
    }
    for text in REFUSED {
        refused(&format!("a: {text}"));
    }
    for (text, expected) in MAPPINGS {
        let expected: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(read(&format!("a: {text}"))[0]["a"], expected, "{text}");
    }
}

#[test]
fn a_refusal_has_its_place_and_its_words() {
    for (text, line, column, subject) in [
        ("a:\n  b: .inf\n", 2, 6, Some(".inf")),
        ("a: 1\nb: 2\na: 3\n", 3, 1, Some("a")),
        ("x: {yes: 1, true: 2}\n", 1, 13, Some("true")),
        ("x: {1: a, '1': b}\n", 1, 11, Some("1")),
        ("a: b\n---\nb:\n  ~: c\n", 4, 3, Some("~")),
        ("a: *b\n", 1, 4, Some("b")),
        ("a: &a [*a]\n", 1, 8, None),
        ("a:\n  <<: 1\n", 2, 7, None),
        ("? [a]\n: b\n", 1, 3, None),
        ("a: b\n--- c: d\n", 2, 1, Some("c: d")),
        ("a: b\n...\nc: d\n", 3, 1, None),
        ("%YAML 1.1\n---\na: b\n", 1, 1, None),
        ("a: \u{7}\n", 1, 4, None),
        ("a: b\n\u{feff}c: d\n", 2, 1, None),
        ("a: [!!str, b]\n", 1, 5, None),
        ("a: !!binary /w==\n", 1, 4, Some("/w==")),
        ("é: 1\né: 2", 2, 1, Some("é")),
    ] {
        let error = refused(text);
        assert_eq!((error.place.line, error.place.column), (line, column), "{text:?}: {error:?}");
        assert_eq!(error.subject.as_deref(), subject, "{text:?}");
        assert!(!error.message.contains("canary") && !error.message.is_empty());
    }
}

#[test]
fn documents_are_cut_where_kubectl_cuts_them() {
    for (text, expected) in [
        ("", json!([])),
        ("# only a comment\n", json!([])),
        ("---\n---\n# nothing\n---\n~\n---\nnull\n", json!([])),
        ("---\n...\n---\na: b\n", json!([{"a": "b"}])),
        ("a: b\n...\n---\nc: d\n...\n", json!([{"a": "b"}, {"c": "d"}])),
        ("a: b\n--- # comment\nc: d", json!([{"a": "b"}, {"c": "d"}])),
        ("a: |\n  x\n  --- y\n---\nb: c", json!([{"a": "x\n--- y\n"}, {"b": "c"}])),
        (
            "\u{feff}a: b\nc: d\n---\n\u{feff}e: f\ng: h\n",
            json!([{"a": "b", "c": "d"}, {"e": "f", "g": "h"}]),
        ),
        ("\u{feff}---\n\u{feff}e: f\ng: h\n", json!([{"e": "f", "g": "h"}])),
        ("a: b\r\n---\r\nc: |\r\n  x\r\n  y\r\n", json!([{"a": "b"}, {"c": "x\ny\n"}])),
        (
            "a: wow !important, yes\nb: |\n  [!x, y]\nc: 'a !x, b'\n",
            json!([{"a": "wow !important, yes", "b": "[!x, y]\n", "c": "a !x, b"}]),
        ),
        ("- a\n", json!([["a"]])),
    ] {
        assert_eq!(Value::Array(read(text)), expected, "{text:?}");
    }
    let places: Vec<usize> = documents("# first\na: b\n---\n\n# second\nc: d\n")
        .into_iter()
        .map(|found| found.unwrap().place.line)
        .collect();
    assert_eq!(places, [2, 6]);
}

#[test]
fn a_text_that_begins_with_a_brace_is_json() {
    assert_eq!(
        Value::Array(read(
            " {\"a\": 1.0, \"b\": \"\\ud83d\\ude00\\/\"}\n{\"c\": [18446744073709551615]}\nnull"
        )),
        json!([{"a": 1, "b": "😀/"}, {"c": [1.844_674_407_370_955_2e19]}])
    );
    let error = refused("{\"a\": 1,\n \"a\": 2}");
    assert_eq!(error.place.line, 2, "{error:?}");
    let error = refused("{a: b}");
    assert!(error.help.unwrap().contains("`---`"), "{error:?}");
    assert_eq!(Value::Array(read("---\n{a: b}")), json!([{"a": "b"}]));
}

#[test]
fn aliases_and_depth_have_bounds() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        laughs.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", ")));
    }
    assert!(refused(&laughs).message.contains("aliases"));
    let deep = format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(refused(&deep).message.contains("deep"));
    let many = "a: &a {k: v}\nb: [".to_owned() + &"*a, ".repeat(1000) + "]";
    assert_eq!(read(&many)[0]["b"].as_array().unwrap().len(), 1000);
}

#[test]
fn nodes_know_their_place() {
    let text = "# c\nclusters:\n- name: é # c\n  x: [1, 2]  # c\n\n\nlast: |\n  x\n";
    let tree = single(text).unwrap().unwrap();
    let (_, clusters) = tree.pair(tree.root(), "clusters").unwrap();
    let shown = |id| &text[tree.node(id).start..tree.end(id)];
    assert_eq!(shown(clusters), "- name: é # c\n  x: [1, 2]");
    let (key, last) = tree.pair(tree.root(), "last").unwrap();
    assert_eq!((shown(key), shown(last)), ("last", "|\n  x\n"));
    assert!(single("a: b\n---\nc: d\n").is_err() && single("# c\n").unwrap().is_none());
}
