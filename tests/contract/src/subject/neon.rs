//! Neon.

use serde_json::{Value, json};

use super::{Said, Subject, Task, missing_is_an_answer, never, plain, text};
use crate::scenario::{Act, Expect, Scenario, Secrets, Step, Trick, few, few_but, life};

/// See the module.
pub(super) const SUBJECT: Subject = Subject {
    plugin: "neon",
    vendor: "neon",
    folders: &["neon"],
    base: "/api/v2",
    base_in_endpoint: true,
    settings: &[],
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
    let second = ("database", "second");
    let mut other = database("honeydue-2", "honeydue");
    other["branch"] = json!("second");
    let mut branches = vec![
        Step::new("a project for it", Act::Create, at, first.clone(), Expect::Settled),
        Step::new("another project", Act::Create, second, other, Expect::Settled),
    ];
    branches.extend(life_of_branch(&branch));
    branches.push(Step::new("its project goes", Act::Delete, at, Value::Null, Expect::Nothing));
    branches.push(Step::new("the other project goes", Act::Delete, second, Value::Null, Expect::Nothing));
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
            secrets: Secrets::All,
            name: "database",
            steps: databases,
            fewest: vec![
                few("look for", 1, "a list by name"),
                few(
                    "create",
                    4,
                    "a list by name (names are not unique), the order with branch, role, database and compute in one, one look at each of its two operations",
                ),
                few(
                    "read",
                    4,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all",
                ),
                few_but(
                    "found again",
                    4,
                    4,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all; a change looks again directly before",
                ),
                few(
                    "nothing to do",
                    4,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all",
                ),
                few(
                    "update",
                    6,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all, the rename, one look at its operation",
                ),
                few(
                    "drift found",
                    4,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all",
                ),
                few(
                    "drift repaired",
                    6,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all, the rename, one look at its operation",
                ),
                few(
                    "wake",
                    6,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all, the start, one look at its operation",
                ),
                few(
                    "another role and database",
                    9,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all, the roles, the role and the database, one look at each operation",
                ),
                few(
                    "replace",
                    9,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all, the delete, a list by name, the order, one look at each of its two operations",
                ),
                few(
                    "import",
                    4,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all",
                ),
                few(
                    "delete",
                    5,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all for the secret that goes with it, the delete",
                ),
                few("delete what is gone", 1, "the project"),
                few("gone", 1, "a list by name"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
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
            fewest: vec![
                few(
                    "not ours",
                    4,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all",
                ),
                few_but(
                    "adopt",
                    8,
                    3,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all, the password that is not told, another one, its operation; a change looks again directly before",
                ),
                few(
                    "delete",
                    5,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all for the secret that goes with it, the delete",
                ),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "branch",
            steps: branches,
            fewest: vec![
                few(
                    "a project for it",
                    4,
                    "a list by name, the order, one look at each of its two operations",
                ),
                few(
                    "another project",
                    4,
                    "a list by name, the order, one look at each of its two operations",
                ),
                few("look for", 1, "a list by name"),
                few_but(
                    "create",
                    5,
                    1,
                    "a list by name, the order, one look at each of its two operations, its compute; a change looks again directly before",
                ),
                few("read", 2, "the branch and its compute"),
                few_but(
                    "found again",
                    2,
                    2,
                    "the branch and its compute; a change looks again directly before",
                ),
                few("nothing to do", 2, "the branch and its compute"),
                few_but(
                    "update",
                    4,
                    1,
                    "the branch and its compute, the compute's end, one look at its operation; the compute as it is then",
                ),
                few("drift found", 2, "the branch and its compute"),
                few(
                    "drift repaired",
                    5,
                    "the branch and its compute, a compute, one look at its operation, the compute as it is then",
                ),
                few("rename", 4, "the branch and its compute, the rename, one look at its operation"),
                few(
                    "replace",
                    9,
                    "the delete, one look at each operation, a list by name, the order, one look at each of its operations, the branch and its compute",
                ),
                few("import", 2, "the branch and its compute"),
                few("delete", 3, "the delete, one look at each operation"),
                few("delete what is gone", 1, "gone already is done"),
                few("gone", 1, "a list by name"),
                few(
                    "its project goes",
                    5,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all for the secret that goes with it, the delete",
                ),
                few(
                    "the other project goes",
                    5,
                    "the project, its default branch, the branch's compute and databases: the API has no view of all for the secret that goes with it, the delete",
                ),
            ],
        },
    ]
}

fn life_of_database(first: &Value, database: &impl Fn(&str, &str) -> Value) -> Vec<Step> {
    let mut moved = first.clone();
    moved["region"] = json!("aws-eu-central-1");
    let renamed = database("honeydue-renamed", "honeydue");
    life("database", "main", first.clone(), Some((renamed, "project")), Some(moved))
}

fn life_of_branch(branch: &impl Fn(&str, bool) -> Value) -> Vec<Step> {
    let mut moved = branch("preview", true);
    moved["project"] = json!("@second");
    let mut steps = life(
        "branch",
        "preview",
        branch("preview", true),
        Some((branch("preview", false), "compute")),
        Some(moved),
    );
    let other = branch("preview-2", true);
    steps.insert(8, Step::new("rename", Act::Update, ("branch", "preview"), other, Expect::Same));
    steps
}
