//! Neon.

use serde_json::{Value, json};

use super::{Said, Subject, Task, missing_is_an_answer, never, plain, text};
use crate::scenario::{Act, Expect, Fewest, Scenario, Step, Trick, life};

/// See the module.
pub(super) const SUBJECT: Subject = Subject {
    plugin: "neon",
    vendor: "neon",
    folders: &["neon"],
    base: "/api/v2",
    base_in_endpoint: true,
    secrets: &["token"],
    lab: plain,
    scenarios,
    refusal,
    failure,
    task,
    only_reads: never,
    absorbs,
    locked: (423, ""),
    limited: (&[], r#"{"code": "", "message": "too many requests"}"#),
    arrives: &[("GET", "/branches/{branch_id}/endpoints", "/endpoints/0/host", "/outputs/host")],
};

fn refusal(body: &Value) -> Option<Said> {
    body.get("message")?.as_str()?;
    Some(Said::new(text(body, "/code"), text(body, "/message")))
}

fn operations(body: &mut Value) -> Vec<&mut Value> {
    let Some(object) = body.as_object_mut() else { return Vec::new() };
    let mut found = Vec::new();
    for (name, value) in object {
        match (name.as_str(), value) {
            ("operation", operation) if operation.is_object() => found.push(operation),
            ("operations", Value::Array(list)) => found.extend(list),
            _ => {}
        }
    }
    found
}

fn failure(body: &Value) -> Option<Said> {
    let mut body = body.clone();
    let failed = operations(&mut body)
        .into_iter()
        .find(|operation| matches!(operation["status"].as_str(), Some("error" | "failed")))?;
    Some(Said::new("", text(failed, "/error")))
}

fn task(body: &mut Value, state: Task) -> bool {
    let mut found = false;
    for operation in operations(body) {
        found = true;
        match state {
            Task::Running => operation["status"] = json!("running"),
            Task::Failed => {
                operation["status"] = json!("failed");
                operation["error"] = json!("compute could not be started");
                operation["failures_count"] = json!(1);
            }
        }
    }
    found
}

/// A password that is not stored (412) or cannot be told is made anew.
fn absorbs(method: &str, path: &str, status: u16, code: &str) -> bool {
    missing_is_an_answer(method, path, status, code)
        || path.ends_with("/reveal_password") && matches!(status, 404 | 405 | 409 | 412 | 501)
}

fn scenarios() -> Vec<Scenario> {
    let database = |project: &str, name: &str| json!({"project": project, "region": "aws-us-east-1", "pg_version": 17, "role": "honeydue", "database": name, "wake": true});
    let first = database("honeydue", "honeydue");
    let branch = |name: &str, compute: bool| json!({"project": "@main", "name": name, "compute": compute});
    let at = ("database", "main");
    let mut branches = vec![Step::new("a project for it", Act::Create, at, first.clone(), Expect::Settled)];
    branches.extend(life_of_branch(&branch));
    branches.push(Step::new("its project goes", Act::Delete, at, Value::Null, Expect::Nothing));
    let mut databases = life_of_database(&first, &database);
    databases.insert(
        8,
        Step::new(
            "a suspended compute",
            Act::Hand("POST", "/projects/@main/endpoints/@main#outputs.endpoint_id/suspend"),
            at,
            Value::Null,
            Expect::Done,
        ),
    );
    databases.insert(9, Step::new("wake", Act::Update, at, first.clone(), Expect::Same));
    databases.insert(
        10,
        Step::new("another role and database", Act::Update, at, json!({"project": "honeydue", "region": "aws-us-east-1", "pg_version": 17, "role": "reports", "database": "reports"}), Expect::Same),
    );
    vec![
        Scenario {
            without: None,
            name: "database",
            steps: databases,
            fewest: vec![
                Fewest {
                    step: "create",
                    calls: 4,
                    why: "a list by name (names are not unique), the order with branch, role, database and compute in one, one look at each of its two operations",
                },
                Fewest {
                    step: "read",
                    calls: 4,
                    why: "the project, its default branch, the branch's compute and databases: the API has no view of all",
                },
            ],
        },
        Scenario {
            without: None,
            name: "adopt",
            steps: vec![
                Step::new(
                    "by hand",
                    Act::Hand("POST", "/projects"),
                    at,
                    json!({"project": {"name": "honeydue", "region_id": "aws-us-east-1", "pg_version": 17, "branch": {"role_name": "honeydue", "database_name": "honeydue"}}}),
                    Expect::Done,
                ),
                Step::new(
                    "not ours",
                    Act::Create,
                    at,
                    first.clone(),
                    Expect::Refused("neon::plugin::exists"),
                ),
                Step::new("adopt", Act::Adopt, at, first.clone(), Expect::Settled)
                    .while_vendor(Trick::PasswordsNotStored),
                Step::new("delete", Act::Delete, at, Value::Null, Expect::Nothing),
            ],
            fewest: vec![],
        },
        Scenario { without: None, name: "branch", steps: branches, fewest: vec![] },
    ]
}

fn life_of_database(first: &Value, database: &impl Fn(&str, &str) -> Value) -> Vec<Step> {
    life("database", "main", first.clone(), Some((database("honeydue-renamed", "honeydue"), "project")), None)
}

fn life_of_branch(branch: &impl Fn(&str, bool) -> Value) -> Vec<Step> {
    let mut steps =
        life("branch", "preview", branch("preview", true), Some((branch("preview", false), "compute")), None);
    let other = branch("preview-2", true);
    steps.insert(8, Step::new("rename", Act::Update, ("branch", "preview"), other, Expect::Same));
    steps
}
