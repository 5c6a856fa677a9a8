//! Manifests of operators, as they lie around: read as kubectl reads them, or
//! refused with file, line, column and a way out.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;

use honey_catalogue::{Catalogue, RenderedObject};
use honey_model::Diagnostic;
use serde_json::{Value, json};

const DECLARATION: &str = r#"
name = "test"
[parameters.names]
type = "list"
description = "Names"
default = ["a", "b"]
[parameters.word]
type = "string"
description = "A word"
default = "w"
[[phases]]
name = "one"
files = ["x.yaml"]
"#;

fn render_as(declaration: &str, text: &str) -> Result<Vec<RenderedObject>, Vec<Diagnostic>> {
    let files = [("catalogue.toml", declaration), ("x.yaml", text)];
    let files = files.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
    Catalogue::from_files(files).unwrap().render(&BTreeMap::new())
}

fn render(text: &str) -> Vec<RenderedObject> {
    render_as(DECLARATION, text).unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
}

fn refused(text: &str) -> Diagnostic {
    render_as(DECLARATION, text).unwrap_err().remove(0)
}

fn map(name: &str, rest: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n{rest}")
}

fn line_and_column(found: &Diagnostic) -> (usize, usize) {
    let source = found.source.as_ref().unwrap_or_else(|| panic!("no place: {found:?}"));
    assert_eq!(source.file, "x.yaml");
    (source.line, source.column)
}

#[test]
fn the_last_line_end_belongs_to_the_value() {
    for end in ["\n", ""] {
        let objects = render(&map("a", &format!("data:\n  key: |\n    one\n    two{end}")));
        assert_eq!(objects[0].object["data"]["key"], "one\ntwo\n");
    }
    let objects = render(
        "{% for name in names %}\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ name }}}\ndata:\n  k: |\n    x\n---\n{% endfor %}\n",
    );
    assert!(objects.len() == 2 && objects.iter().all(|object| object.object["data"]["k"] == "x\n"));
}

#[test]
fn scripts_keep_what_looks_like_a_comment() {
    let script = "data:\n  s: |\n    n=${#array[@]}; echo ${#n}\n    # }\n    echo \"#}\"\n";
    let found = render(&map("a", script));
    assert_eq!(found[0].object["data"]["s"], "n=${#array[@]}; echo ${#n}\n# }\necho \"#}\"\n");
    let found = render(&format!("{{# on its own line #}}\n{}", map("a", "  {# also\n two lines #}\n")));
    assert_eq!(found.len(), 1);
    let wrong = refused(&map("a", "data:\n  s: printf {#x} {# y #}\n"));
    assert_eq!((wrong.code.as_str(), line_and_column(&wrong)), ("HNY0640", (5, 13)));
    let help = wrong.help.unwrap();
    assert!(help.contains("{% raw %}") && help.contains("template = false"), "{help}");
}

const RULE: &str = "data:\n  rules: |\n    summary: \"{{ $labels.instance }} is down\"\n";

#[test]
fn foreign_braces_are_refused_with_the_ways_out_and_taken_on_each_of_them() {
    let wrong = refused(&map("a", RULE));
    assert_eq!((wrong.code.as_str(), line_and_column(&wrong).0), ("HNY0632", 6));
    let help = wrong.help.unwrap();
    assert!(help.contains("`{% raw %}`") && help.contains("`template = false`"), "{help}");
    let wanted = "summary: \"{{ $labels.instance }} is down\"\n";
    let raw = map("a", &RULE.replace("\"{{", "\"{% raw %}{{").replace("}}", "}}{% endraw %}"));
    assert_eq!(render(&raw)[0].object["data"]["rules"], wanted);
    for way in [
        DECLARATION.replace("files = [", "template = false\nfiles = ["),
        DECLARATION.replace("\"x.yaml\"", "{ path = \"x.yaml\", template = false }"),
        DECLARATION.replace(
            "files = [\"x.yaml\"",
            "template = true\nfiles = [{ path = \"x.yaml\", template = false }",
        ),
    ] {
        assert_eq!(render_as(&way, &map("a", RULE)).unwrap()[0].object["data"]["rules"], wanted, "{way}");
    }
    let back = DECLARATION
        .replace("files = [\"x.yaml\"", "template = false\nfiles = [{ path = \"x.yaml\", template = true }");
    assert_eq!(render_as(&back, &map("{{ word }}", "")).unwrap()[0].identity().3, "w");
    for (wrong, word) in [
        ("{ path = \"x.yaml\", tmplate = false }", "tmplate"),
        ("{ template = false }", "path"),
        ("3", "a path"),
    ] {
        let files = [("catalogue.toml", DECLARATION.replace("\"x.yaml\"", wrong))];
        let files = files.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
        let found = Catalogue::from_files(files).unwrap_err().remove(0);
        assert!(found.summary.contains(word) && found.source.is_some(), "{found:?}");
    }
}

#[test]
fn values_are_kubectls() {
    let text = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, labels: {<<: {team: x, app: y}, app: d}}\nspec:\n  mode: 0755\n  more: &m {a: 0o17, b: no, c: '0755'}\n  again: *m\n";
    let object = &render(text)[0].object;
    assert_eq!(object["metadata"]["labels"], json!({"team": "x", "app": "d"}));
    assert_eq!(object["spec"]["mode"], 493);
    assert_eq!(object["spec"]["again"], json!({"a": 15, "b": false, "c": "0755"}));
    let bom = format!("\u{feff}{}---\n\u{feff}{}", map("a", ""), map("b", ""));
    for text in [bom.clone(), bom.replace('\n', "\r\n"), format!("---\n# c\n---\n{bom}...\n---\n# c\n")] {
        let names: Vec<String> = render(&text).iter().map(|object| object.identity().3.to_owned()).collect();
        assert_eq!(names, ["a", "b"], "{text:?}");
    }
    let json = serde_json::to_string_pretty(&render(&map("a", "data: {a: b}"))[0].object).unwrap();
    assert_eq!(render(&json)[0].object["data"]["a"], "b");
}

#[test]
fn what_cannot_be_read_is_refused_at_its_place() {
    for (text, place, words) in [
        (map("a", "data:\n  k: 1\n  k: 2\n"), (6, 3), &["`k`", "twice", "first in line 5"][..]),
        (map("a", "spec:\n  v: .inf\n"), (5, 6), &["`.inf`"]),
        (map("a", "data: {a: *b}\n"), (4, 11), &["`b`", "alias"]),
        (map("a", "data: {~: b}\n"), (4, 8), &["`~`", "key"]),
        (map("a", "\tdata: {}\n"), (4, 1), &["token"]),
        (map("{{ word }}", "data:\n  k: 1\n  k: 2\n"), (6, 3), &["`k`", "first in line 5"]),
        (map("a", "data: {k: {{ word }}, k: 2}\n"), (4, 1), &["`k`"]),
        (map("a", "---\n--- x: y\n"), (5, 1), &["`x: y`"]),
    ] {
        let found = refused(&text);
        assert_eq!((found.code.as_str(), line_and_column(&found)), ("HNY0633", place), "{text}: {found:?}");
        for word in words {
            assert!(found.summary.contains(word), "{word}: {}", found.summary);
        }
    }
    // A loop has no one line: the rendered text says which.
    let found = refused("{% for name in names %}\n{{ name }}: [\n{% endfor %}\n");
    assert!(found.summary.contains("rendered text") || found.source.is_some(), "{found:?}");
}

#[test]
fn texts_that_yaml_takes_for_something_else_are_named_before_the_api_refuses_them() {
    for (text, place, words) in [
        (map("a", "data:\n  FLAG: yes\n"), (5, 9), &["`FLAG`", "boolean true"][..]),
        (map("a", "data:\n  a: b\n  MODE: 0755\n"), (6, 9), &["`MODE`", "number 493"]),
        (map("0755", ""), (3, 18), &["metadata.name", "number 493"]),
        (
            map("a", "").replace("{name: a}", "{name: a, labels: {on: off}}"),
            (3, 29),
            &["`true`", "boolean false"],
        ),
        (
            "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {pin: 1234}\n".to_owned(),
            (4, 19),
            &["`pin`", "number,"],
        ),
    ] {
        let found = refused(&text);
        assert_eq!((found.code.as_str(), line_and_column(&found)), ("HNY0643", place), "{text}: {found:?}");
        for word in words {
            assert!(found.summary.contains(word), "{word}: {}", found.summary);
        }
        assert!(!found.summary.contains("1234") && found.help.unwrap().contains("quotes"));
    }
    assert_eq!(render(&map("a", "data: {empty: , text: 'yes'}\n")).len(), 1);
}

#[test]
fn lists_are_expanded() {
    let item = |name: &str| format!("- {}", map(name, "data: {x: 'y'}").replace('\n', "\n  "));
    let list = format!("apiVersion: v1\nkind: List\nmetadata: {{}}\nitems:\n{}\n{}\n", item("a"), item("b"));
    let found = render(&list);
    let shown: Vec<(&str, Option<usize>)> =
        found.iter().map(|object| (object.identity().3, object.line)).collect();
    assert_eq!(shown, [("a", Some(5)), ("b", Some(9))]);
    assert_eq!(found[1].place(), "x.yaml:9");
    let typed = "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n  data: {c: d}\n";
    let found = render(typed);
    assert_eq!(found[1].identity(), ("v1", "ConfigMap", "", "b"));
    let nested = format!(
        "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: List\n  items:\n  {}\n",
        item("a").replace('\n', "\n  ")
    );
    assert_eq!(render(&nested)[0].identity().3, "a");
    assert!(render("apiVersion: v1\nkind: List\nitems: []\n").is_empty());
    assert_eq!(render("apiVersion: x/v1\nkind: AllowList\nmetadata: {name: a}\nspec: {}\n").len(), 1);
    for (text, place, word) in [
        ("apiVersion: v1\nkind: List\nitems: {a: b}\n", (3, 8), "no list"),
        ("apiVersion: v1\nkind: List\n", (1, 1), "without items"),
        ("apiVersion: v1\nkind: List\nitems: []\ndata: {a: b}\n", (1, 1), "`data`"),
        ("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nitems: []\n", (4, 8), "`items`"),
    ] {
        let found = refused(text);
        assert_eq!((found.code.as_str(), line_and_column(&found)), ("HNY0642", place), "{text}: {found:?}");
        assert!(found.summary.contains(word), "{}", found.summary);
    }
    let found = refused("apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n");
    assert_eq!((found.code.as_str(), line_and_column(&found)), ("HNY0635", (4, 3)), "{found:?}");
}

#[test]
fn a_document_that_is_no_object_says_what_it_is() {
    let found = refused("apiVersion: batch/v1\nkind: Job\nmetadata:\n  generateName: migrate-\n");
    assert_eq!((found.code.as_str(), line_and_column(&found)), ("HNY0641", (4, 17)), "{found:?}");
    assert!(found.summary.contains("generateName") && found.help.as_ref().unwrap().contains("metadata.name"));
    let named = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: m-, name: m}\n";
    assert_eq!(render(named)[0].identity().3, "m");
    let found = refused("apiVerison: v1\nknd: ConfigMap\nmetadata: {name: a}\n");
    assert!(found.code == "HNY0635" && found.summary.contains("`apiVerison`, `knd`"), "{found:?}");
    for text in ["- a\n", "hello\n", "3\n"] {
        assert_eq!(refused(text).code, "HNY0635");
    }
}

#[test]
fn files_of_a_directory_are_named_so_that_they_can_be_opened() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(home.path().join(name), bytes).unwrap();
    write("catalogue.toml", format!("\u{feff}{DECLARATION}").replace('\n', "\r\n").as_bytes());
    write("x.yaml", map("a", "data: {k: 1, k: 2}").as_bytes());
    let found = Catalogue::from_directory(home.path()).unwrap().render(&BTreeMap::new()).unwrap_err();
    let file = home.path().join("x.yaml").to_string_lossy().into_owned();
    assert_eq!(found[0].source.as_ref().unwrap().file, file);
    let wide: Vec<u8> = "\u{feff}a: b".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, word, line) in [(&wide[..], "UTF-16", 1), (&b"a: b\nc: \xfc\n"[..], "UTF-8", 2)] {
        write("x.yaml", bytes);
        let found = Catalogue::from_directory(home.path()).unwrap_err().remove(0);
        assert!(found.summary.contains(word) && found.summary.contains(&file), "{found:?}");
        assert_eq!(found.source.unwrap().line, line);
    }
}

#[test]
fn the_yaml_filter_writes_what_is_read_back() {
    for word in ["yes", "0755", "a\nb\r\n", "\u{85}\u{2028}\u{7f}\u{feff}", "{# x #} ${#y} {{ z }}", "<<"] {
        let files = [
            ("catalogue.toml", DECLARATION),
            (
                "x.yaml",
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: {{ word | yaml }}}\n",
            ),
        ];
        let files = files.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        let given = BTreeMap::from([("word".to_owned(), Value::from(word))]);
        let found = Catalogue::from_files(files).unwrap().render(&given).unwrap();
        assert_eq!(found[0].object["data"]["k"], word);
    }
}
