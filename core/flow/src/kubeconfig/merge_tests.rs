//! An operator's file after a merge: the same file, and the access.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::process::{Command, Stdio};

use honey_model::Secret;
use serde_json::{Value, json};

use super::merge;

const ACCESS: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: honeydue-backup\n  cluster:\n    server: https://127.0.0.1:1\n    certificate-authority-data: Y2E=\ncontexts:\n- name: honeydue-backup\n  context: {cluster: honeydue-backup, user: honeydue-backup}\ncurrent-context: honeydue-backup\nusers:\n- name: honeydue-backup\n  user: {client-key-data: a2V5}\n";

const MINE: &str = "# mine\napiVersion: v1\nkind: Config\ncurrent-context: work # the usual one\npreferences: {colors: true}\nclusters:\n# at work\n- name: work\n  cluster:\n    server: https://127.0.0.1:3 # never change\ncontexts:\n- name: work\n  context: {cluster: work, user: me, namespace: \"no\"}\nusers:\n- name: me\n  user:\n    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      interactiveMode: Never\n      command: \"1e3\"\n      args: ['no', \"on\", \"012\", '1e3', \"0x10\", \"~\", '', \"null\", \"1_000\", plain]\n      env: [{name: \"y\", value: \"0o7\"}]\n";

fn read(text: &str) -> Value {
    let tree = honey_yaml::single(text).unwrap().unwrap();
    tree.value(tree.root()).unwrap()
}

fn merged(text: &str) -> String {
    merge(text, &Secret::new(ACCESS)).unwrap().unwrap().expose_str().unwrap().to_owned()
}

/// The file without what the merge put into it.
fn without(document: &Value) -> Value {
    let mut document = document.clone();
    for list in ["clusters", "contexts", "users"] {
        let entries = document[list].as_array_mut().unwrap();
        let before = entries.len();
        entries.retain(|entry| entry["name"] != "honeydue-backup");
        assert_eq!(entries.len() + 1, before, "{list}");
    }
    document
}

#[test]
fn a_file_is_edited_where_it_changes_and_nowhere_else() {
    let written = merged(MINE);
    assert_eq!(without(&read(&written)), read(MINE));
    let mut lines = written.lines();
    for kept in MINE.lines() {
        assert!(lines.any(|line| line == kept), "{kept} does not stand where it stood:\n{written}");
    }
    assert!(merge(&written, &Secret::new(ACCESS)).unwrap().is_none(), "the same again is no change");
    let moved = ACCESS.replace("127.0.0.1:1", "127.0.0.1:2");
    let again = merge(&written, &Secret::new(moved)).unwrap().unwrap();
    let again = again.expose_str().unwrap();
    assert_eq!(again, written.replace("127.0.0.1:1", "127.0.0.1:2"), "only the address is another");
}

/// Ways to write the same things, each with what has to stay in it.
fn odd_files() -> Vec<(String, &'static str)> {
    let body = "clusters: [{name: k, cluster: {server: 'https://127.0.0.1:4'}}]\ncontexts: [{name: old, context: {cluster: k, user: u}}]\nusers: [{name: u, user: {token: 'yes'}}]\n";
    let head = "apiVersion: v1\nkind: Config\ncurrent-context: old\n";
    let plain = format!("{head}{body}");
    vec![
        (plain.clone(), "[{name: k, cluster"),
        (format!("\u{feff}{plain}"), "\u{feff}apiVersion"),
        (plain.replace('\n', "\r\n"), "current-context: old\r\n"),
        (plain.trim_end().to_owned(), "current-context: old\n"),
        (format!("---\n{plain}...\n"), "---\napiVersion"),
        (format!("# c\n{head}clusters: # none yet\ncontexts:\nusers: ~ # c\n# end\n"), "# end"),
        (format!("{head}clusters: []\ncontexts: null\nusers: [\n]\n"), "current-context: old"),
        (head.to_owned(), "current-context: old"),
        (
            "apiVersion: v1\nkind: Config\ncurrent-context: ''\nclusters: []\ncontexts: []\nusers: []\n"
                .to_owned(),
            "kind: Config",
        ),
        ("# only a comment\n".to_owned(), "# only a comment"),
        ("---\n".to_owned(), "---"),
        (String::new(), ""),
        (
            format!(
                "{head}clusters:\n  - name: k\n    cluster: {{server: 'https://127.0.0.1:4'}}\n  # after\n\ncontexts:\n    -   name: old\n        context:\n            cluster: k\n            user: u\nusers:\n- user:\n    token: |\n      yes\n  name: u\n"
            ),
            "  # after",
        ),
        (format!("{head}users:\n- name: u\n  user:\n    token: >+\n      yes\n\n"), "token: >+"),
        // Written anew: nothing but the values stays.
        (
            format!(
                "{head}clusters: &c [{{name: k, cluster: {{server: 'https://127.0.0.1:4'}}}}]\nmore: *c\n"
            ),
            "k",
        ),
        (
            format!(
                "more: &c [{{name: k, cluster: {{server: 'https://127.0.0.1:4'}}}}]\n{head}clusters: *c\n"
            ),
            "k",
        ),
        (
            "{apiVersion: v1, kind: Config, current-context: old, clusters: [], contexts: [], users: []}\n"
                .to_owned(),
            "old",
        ),
        (
            json!({"apiVersion": "v1", "kind": "Config", "clusters": [], "contexts": null, "users": []})
                .to_string(),
            "\"apiVersion\": \"v1\"",
        ),
    ]
}

#[test]
fn odd_files_are_taken_and_keep_what_they_say() {
    for (text, stays) in odd_files() {
        let written = merged(&text);
        let (before, after) = (honey_yaml::single(&text).unwrap(), read(&written));
        let before = before.map_or(Value::Null, |tree| tree.value(tree.root()).unwrap());
        for (key, value) in before.as_object().into_iter().flatten() {
            let entries = value.as_array().filter(|_| key != "more");
            match entries {
                Some(entries) => assert!(
                    entries.iter().all(|entry| after[key].as_array().unwrap().contains(entry)),
                    "{written}"
                ),
                None if value.is_null() || value == "" => {}
                None => assert_eq!(&after[key], value, "{written}"),
            }
        }
        assert_eq!(
            after["clusters"].as_array().unwrap().last().unwrap()["name"],
            "honeydue-backup",
            "{written}"
        );
        assert!(written.contains(stays), "{stays} is gone:\n{written}");
        assert!(merge(&written, &Secret::new(ACCESS)).unwrap().is_none(), "{written}");
        if text.contains("\r\n") {
            assert_eq!(written.matches('\n').count(), written.matches("\r\n").count());
        }
    }
}

#[test]
fn what_kubectl_would_not_keep_is_refused_with_its_place_and_no_word_of_it() {
    for (text, why) in [
        ("[]", "no mapping"),
        ("canary-1", "no mapping"),
        ("users: 7", "`users` is no list"),
        ("a: [canary-2", "line 1"),
        ("a: canary\n---\nb: canary\n", "line 3, column 1: a second document"),
        ("users: []\nusers: [canary]\n", "line 2, column 1: a key that stands twice"),
        ("a: *canary\n", "line 1, column 4"),
        ("a: !!binary canary-\n", "base64"),
        ("clusters: [{name: honeydue-backup}, {name: honeydue-backup}]\n", "two of `clusters`"),
    ] {
        let fault = merge(text, &Secret::new(ACCESS)).unwrap_err();
        let shown = format!("{fault:?}");
        assert!(
            fault.code == "HNY0595" && shown.contains(why) && !shown.contains("canary"),
            "{text}: {shown}"
        );
    }
}

#[test]
fn kubectl_reads_the_same_before_and_after() {
    let asked = Command::new("kubectl")
        .args(["version", "--client"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if asked.is_err() {
        println!("kubectl is not installed: not compared");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let view = |text: &str| -> Value {
        let file = folder.path().join("config");
        std::fs::write(&file, text).unwrap();
        // Some builds of kubectl call the current cluster even for this: all of them are closed ports of loopback.
        let output = Command::new("kubectl")
            .env("HOME", folder.path())
            .args(["config", "view", "--raw", "-o", "json", "--kubeconfig"])
            .arg(&file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let mut files: Vec<String> = odd_files().into_iter().map(|(text, _)| text).collect();
    files.push(MINE.to_owned());
    for text in files {
        let (before, mut after) = (view(&text), without(&view(&merged(&text))));
        for list in ["clusters", "contexts", "users"] {
            if before[list].is_null() && after[list] == json!([]) {
                after[list] = Value::Null;
            }
        }
        if before["current-context"] == "" {
            after["current-context"] = json!("");
        }
        assert_eq!(before, after, "{text}");
    }
}
