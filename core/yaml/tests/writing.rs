//! What is written is read back as itself, by honey, by another reader and by kubectl's rules.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use honey_yaml::{documents, flow, line, text};
use proptest::prelude::*;
use serde_json::{Value, json};

fn values() -> impl Strategy<Value = Value> {
    let texts = prop_oneof![
        any::<String>(),
        "[ -~]{0,12}",
        "[yYnN~tTfFoOeEsS0-9_xob.:+-]{0,6}",
        "[\u{80}-\u{a0}\u{2028}\u{2029}\u{feff}\r\n\t a]{0,6}"
    ];
    let leaf = prop_oneof![
        texts.prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null)
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[ -~\u{e9}\u{85}]{0,8}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(value in values()) {
        let whole = json!({ "value": value });
        for written in [
            text(&whole, 0),
            format!("value: {}\n", flow(&value)),
            format!("a:\n  - {}", text(&whole, 4)),
        ] {
            let read = documents(&written).remove(0).unwrap().value;
            let read = if read.get("a").is_some() { read["a"][0].clone() } else { read };
            prop_assert_eq!(&read, &whole, "{}", written);
        }
    }
}

#[test]
fn words_that_some_reader_takes_for_something_else_are_quoted() {
    for word in [
        "yes",
        "no",
        "on",
        "off",
        "y",
        "N",
        "null",
        "~",
        "true",
        "1e3",
        "0x10",
        "012",
        "0o7",
        "1_000",
        ".inf",
        "",
        "2001-01-01",
        "1:30",
        "<<",
        "=",
        "a: b",
        "a #b",
        "- a",
        "*a",
        "&a",
        "!a",
        "nan",
        " a",
        "a ",
        "a:",
    ] {
        let written = line(&json!(word));
        assert!(written == "nan" || written.starts_with('"'), "{word} is written as {written}");
    }
    assert_eq!(line(&json!("https://203.0.113.1:6443")), "https://203.0.113.1:6443");
    assert_eq!(line(&json!("honeydue-ovh")), "honeydue-ovh");
    assert_eq!(flow(&json!("\u{85}\u{2028}\u{feff}\u{7f}")), "\"\\u0085\\u2028\\ufeff\\u007f\"");
}
