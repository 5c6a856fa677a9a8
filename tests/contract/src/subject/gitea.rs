//! Gitea and its registry.

use serde_json::{Value, json};

use super::{Said, Subject, missing_is_an_answer, never, no_failure, no_task, plain, text};
use crate::scenario::{Ability, Expect, Scenario, Secrets, Step, few, few_but, life};

/// See the module.
pub(super) const SUBJECT: Subject = Subject {
    plugin: "gitea",
    vendor: "gitea",
    folders: &["gitea", "forgejo"],
    base: "",
    base_in_endpoint: true,
    settings: &[],
    secrets: &["password"],
    lab: plain,
    scenarios,
    refusal,
    failure: no_failure,
    task: no_task,
    only_reads: never,
    absorbs,
    locked: (423, ""),
    limited: (
        &[("retry-after", "2")],
        r#"{"errors": [{"code": "TOOMANYREQUESTS", "message": "too many requests"}]}"#,
    ),
    arrives: &[],
};

fn refusal(body: &Value) -> Option<Said> {
    if body.pointer("/errors/0").is_some() {
        return Some(Said::new(text(body, "/errors/0/code"), text(body, "/errors/0/message")));
    }
    body.get("message")?.as_str()?;
    Some(Said::new("", text(body, "/message")))
}

/// A challenge at the door is answered.
fn absorbs(method: &str, path: &str, status: u16, code: &str) -> bool {
    let door = path.trim_end_matches('/') == "/v2";
    door && status == 401 || !path.starts_with("/v2") && missing_is_an_answer(method, path, status, code)
}

fn scenarios() -> Vec<Scenario> {
    let token = |name: &str, scope: &str| json!({"name": name, "username": "admin", "scopes": [scope]});
    let image = |reference: &str| json!(format!("gitea.treytartt.com/admin/honeydue-api{reference}"));
    let resolve =
        |name, reference: &str, expect| Step::can(name, Ability::Resolve, "", image(reference), expect);
    vec![
        Scenario {
            secrets: Secrets::All,
            name: "registry token",
            steps: life(
                "registry-token",
                "pull",
                token("honeydue-pull", "read:package"),
                None,
                Some(token("honeydue-pull", "write:package")),
            ),
            fewest: vec![
                few("look for", 1, "the API reads no single token: a list"),
                few("create", 2, "a list of the account's tokens, the order"),
                few("read", 1, "the API reads no single token: a list"),
                few_but(
                    "found again",
                    1,
                    1,
                    "a list by name, a list by id: the API reads no single token; the first would do, a change looks again directly before",
                ),
                few("nothing to do", 1, "the API reads no single token: a list"),
                few("replace", 4, "a list for the name of the secret, the delete, a list, the order"),
                few("import", 1, "the API reads no single token: a list"),
                few("delete", 2, "a list for the name of the secret that goes with it, the delete"),
                few("delete what is gone", 1, "the API reads no single token: a list"),
                few("gone", 1, "the API reads no single token: a list"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "image",
            steps: vec![
                resolve("tag", ":latest", Expect::Tells("/platforms", json!(["linux/amd64", "linux/arm64"]))),
                Step::can(
                    "digest",
                    Ability::Resolve,
                    "",
                    json!("gitea.treytartt.com/admin/honeydue-api@@tag#digest"),
                    Expect::Tells("/warnings", json!([])),
                ),
                resolve("no such tag", ":nope", Expect::Refused("gitea::no-such-image")),
            ],
            fewest: vec![
                few("tag", 4, "the challenge, its token, the tag's digest, the index for its platforms"),
                few(
                    "digest",
                    6,
                    "the index by its digest, the list of tags, and a look at each tag until one names it",
                ),
                few("no such tag", 1, "the tag's digest"),
            ],
        },
    ]
}
