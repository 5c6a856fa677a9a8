//! `database` against scripted answers.

use honey_plugin_neon::Neon;
use honey_sdk::{
    Value, json,
    testing::{MockHost, apply, check, configure, read},
};

const SECRET: &str = "honeydue.honeydue.password";

fn host() -> MockHost {
    let host = MockHost::new("https://console.neon.tech/api/v2", "honeydue-shared", "shared/database");
    configure::<Neon>(json!({"org_id": "org-1"})).expect("settings");
    host
}

fn desired() -> Value {
    json!({"project": "honeydue", "region": "aws-us-east-1", "pg_version": 17, "role": "honeydue",
        "database": "honeydue", "credential": "stored"})
}

fn project(id: &str, name: &str) -> Value {
    json!({"id": id, "name": name, "region_id": "aws-us-east-1", "pg_version": 17, "new": true})
}

fn branch() -> Value {
    json!({"id": "br-1", "name": "main", "default": true, "current_state": "a-new-state"})
}

fn endpoint() -> Value {
    json!({"id": "ep-1", "host": "ep-1.us-east-1.aws.neon.tech", "type": "read_write", "current_state": "idle", "branch_id": "br-1"})
}

fn operation(status: &str) -> Value {
    json!({"id": "op-1", "action": "create_timeline", "status": status})
}

fn list(projects: Value) -> (String, Value) {
    (
        "/projects?limit=400&search=honeydue&org_id=org-1".to_owned(),
        json!({"projects": projects, "pagination": {"cursor": "p"}}),
    )
}

fn expect_list(host: &MockHost, projects: Value) {
    let (target, body) = list(projects);
    host.expect("GET", &target).reply(200, body);
}

fn expect_look(host: &MockHost, databases: Value) {
    host.expect("GET", "/projects/p1/branches").reply(200, json!({"branches": [branch()]}));
    host.expect("GET", "/projects/p1/branches/br-1/endpoints").reply(200, json!({"endpoints": [endpoint()]}));
    host.expect("GET", "/projects/p1/branches/br-1/databases").reply(200, json!({"databases": databases}));
}

fn owned() -> Value {
    json!([{"id": 1, "name": "honeydue", "owner_name": "honeydue"}])
}

fn made() -> Value {
    json!({
        "project": project("p1", "honeydue"),
        "connection_uris": [{
            "connection_uri": "postgresql://honeydue:canary@ep-1.us-east-1.aws.neon.tech/honeydue",
            "connection_parameters": {"database": "honeydue", "password": "canary", "role": "honeydue",
                "host": "ep-1.us-east-1.aws.neon.tech", "pooler_host": "ep-1-pooler.us-east-1.aws.neon.tech"}
        }],
        "roles": [{"name": "honeydue", "password": "canary"}],
        "databases": owned(), "operations": [operation("running")], "branch": branch(), "endpoints": [endpoint()]
    })
}

fn marks(address: &str) -> Value {
    json!({"honey-owner": "honeydue-shared", "honey-address": address})
}

fn new_project() -> Value {
    json!({"project": {"name": "honeydue", "region_id": "aws-us-east-1", "pg_version": 17, "org_id": "org-1",
        "branch": {"role_name": "honeydue", "database_name": "honeydue", "annotations": marks("shared__database")}}})
}

#[test]
fn one_call_makes_everything_and_the_password_never_comes_in() {
    let host = host();
    expect_list(&host, json!([project("p9", "honeydue-staging")]));
    host.expect("POST", "/projects")
        .body(new_project())
        .header("authorization", "Bearer {{token}}")
        .reply(201, made());
    host.expect("GET", "/projects/p1/operations/op-1")
        .reply(200, json!({"operation": operation("finished")}));
    let state = apply::<Neon>(&host, "database", "create", None, Some(desired()), None).expect("made");
    assert_eq!(
        state["outputs"],
        json!({"project_id": "p1", "branch_id": "br-1", "endpoint_id": "ep-1", "host": "ep-1.us-east-1.aws.neon.tech",
            "pooled_host": "ep-1-pooler.us-east-1.aws.neon.tech", "role": "honeydue", "database": "honeydue",
            "password_secret": "neon.honeydue.honeydue.password"})
    );
    assert!(!state.to_string().contains("canary"));
    assert_eq!(host.secret_value(SECRET).as_deref(), Some("canary"));
    assert_eq!(host.secret_value("discard.uri"), None, "what is of no use is forgotten");
    let checkpoints = host.checkpoints();
    assert_eq!(checkpoints[0].0, "", "before: there was none");
    assert_eq!(checkpoints[1].0, "p1", "after: its id");
}

#[test]
fn marks_find_the_project_again_when_every_record_is_lost() {
    let host = host();
    let annotated = |owner: &str| {
        json!({"branches": [branch()], "annotations": {"br-1": {"object": {"type": "console/branch", "id": "br-1"},
            "value": {"honey-owner": owner, "honey-address": "shared__database"}}}})
    };
    for (owner, ownership) in [("honeydue-shared", "ours"), ("else", "foreign")] {
        expect_list(&host, json!([project("p1", "honeydue")]));
        host.expect("GET", "/projects/p1/branches").reply(200, annotated(owner));
        host.expect("GET", "/projects/p1/branches/br-1/endpoints")
            .reply(200, json!({"endpoints": [endpoint()]}));
        host.expect("GET", "/projects/p1/branches/br-1/databases").reply(200, json!({"databases": owned()}));
        let found = read::<Neon>(&host, "database", None, Some(desired())).expect("read").expect("there");
        assert_eq!(found["ownership"], ownership);
    }
    // Of two projects of the name, the marked one is meant.
    expect_list(&host, json!([project("p0", "honeydue"), project("p1", "honeydue")]));
    host.expect("GET", "/projects/p0/branches")
        .reply(200, json!({"branches": [branch()], "annotations": {}}));
    host.expect("GET", "/projects/p1/branches").reply(200, annotated("honeydue-shared"));
    host.expect("GET", "/projects/p1/branches").reply(200, annotated("honeydue-shared"));
    host.expect("GET", "/projects/p1/branches/br-1/endpoints").reply(200, json!({"endpoints": [endpoint()]}));
    host.expect("GET", "/projects/p1/branches/br-1/databases").reply(200, json!({"databases": owned()}));
    let found = read::<Neon>(&host, "database", None, Some(desired())).expect("read").expect("there");
    assert_eq!(found["id"], "p1");
}

#[test]
fn a_lost_answer_does_not_make_a_second_project() {
    let host = host();
    expect_list(&host, json!([]));
    host.expect("POST", "/projects").interrupted();
    expect_list(&host, json!([project("p1", "honeydue")]));
    expect_look(&host, owned());
    host.expect("GET", "/projects/p1/branches/br-1/roles/honeydue/reveal_password")
        .reply(412, json!({"code": "", "message": "passwords are not stored"}));
    host.expect("POST", "/projects/p1/branches/br-1/roles/honeydue/reset_password").reply(
        200,
        json!({"role": {"name": "honeydue", "password": "canary"}, "operations": [operation("finished")]}),
    );
    let state = apply::<Neon>(&host, "database", "create", None, Some(desired()), None).expect("made");
    assert_eq!(state["id"], "p1");
    assert_eq!(host.secret_value(SECRET).as_deref(), Some("canary"));
}

#[test]
fn a_crash_before_the_answer_is_resumed_by_name() {
    let host = host();
    host.secret(SECRET, "of an older project");
    expect_list(&host, json!([project("p1", "honeydue")]));
    expect_look(&host, owned());
    host.expect("GET", "/projects/p1/branches/br-1/roles/honeydue/reveal_password")
        .reply(200, json!({"password": "canary"}));
    let resume = json!({"project_id": null, "password": false});
    apply::<Neon>(&host, "database", "create", None, Some(desired()), Some(resume)).expect("made");
    assert_eq!(host.secret_value(SECRET).as_deref(), Some("canary"));
}

#[test]
fn a_project_of_that_name_is_not_taken_over() {
    let host = host();
    expect_list(&host, json!([project("p1", "honeydue")]));
    expect_look(&host, owned());
    let fault = apply::<Neon>(&host, "database", "create", None, Some(desired()), None).expect_err("exists");
    assert_eq!(fault.class, "conflict");

    expect_list(&host, json!([project("p1", "honeydue"), project("p2", "honeydue")]));
    for id in ["p1", "p2"] {
        host.expect("GET", &format!("/projects/{id}/branches")).reply(200, json!({"branches": [branch()]}));
    }
    let fault = read::<Neon>(&host, "database", None, Some(desired())).expect_err("ambiguous");
    assert_eq!(fault.code, "neon::ambiguous-name");
    assert!(fault.message.contains("p1") && fault.message.contains("p2"));
}

#[test]
fn a_lost_password_shows_and_is_fetched() {
    let host = host();
    host.expect("GET", "/projects/p1").reply(200, json!({"project": project("p1", "honeydue")}));
    expect_look(&host, owned());
    let found = read::<Neon>(&host, "database", Some("p1"), Some(desired())).expect("read").expect("found");
    assert_eq!(found["attributes"]["credential"], "lost");

    host.expect("GET", "/projects/p1").reply(200, json!({"project": project("p1", "honeydue")}));
    expect_look(&host, owned());
    host.expect("GET", "/projects/p1/branches/br-1/roles/honeydue/reveal_password")
        .reply(200, json!({"password": "canary"}));
    let state =
        apply::<Neon>(&host, "database", "update", Some("p1"), Some(desired()), None).expect("fetched");
    assert_eq!(state["attributes"]["credential"], "stored");
}

#[test]
fn adopting_adds_role_and_database_and_waits_while_the_project_is_busy() {
    let host = host();
    expect_list(&host, json!([project("p1", "honeydue")]));
    expect_look(&host, json!([]));
    host.expect("GET", "/projects/p1").reply(200, json!({"project": project("p1", "honeydue")}));
    expect_look(&host, json!([]));
    host.expect("GET", "/projects/p1/branches/br-1/roles")
        .reply(200, json!({"roles": [{"name": "neondb_owner"}]}));
    let busy = json!({"request_id": "r1", "code": "", "message": "project already has running conflicting operations"});
    host.expect("POST", "/projects/p1/branches/br-1/roles").reply(423, busy);
    host.expect("POST", "/projects/p1/branches/br-1/roles")
        .body(json!({"role": {"name": "honeydue"}}))
        .reply(201, json!({"role": {"name": "honeydue", "password": "canary"}, "operations": []}));
    host.expect("POST", "/projects/p1/branches/br-1/databases")
        .body(json!({"database": {"name": "honeydue", "owner_name": "honeydue"}}))
        .reply(422, json!({"code": "", "message": "branch not ready yet"}));
    host.expect("POST", "/projects/p1/branches/br-1/databases")
        .reply(201, json!({"operations": [operation("skipped")]}));
    let state = apply::<Neon>(&host, "database", "adopt", None, Some(desired()), None).expect("adopted");
    assert_eq!(state["attributes"]["role"], "honeydue");
    assert_eq!(host.secret_value(SECRET).as_deref(), Some("canary"));
}

#[test]
fn an_operation_that_fails_is_a_fault_that_can_be_resumed() {
    let host = host();
    expect_list(&host, json!([]));
    host.expect("POST", "/projects").reply(201, made());
    let mut failed = operation("failed");
    failed["retry_at"] = json!("2026-01-01T00:00:00Z");
    host.expect("GET", "/projects/p1/operations/op-1").reply(200, json!({"operation": failed}));
    let mut failed = operation("error");
    failed["error"] = json!("no capacity");
    host.expect("GET", "/projects/p1/operations/op-1").reply(200, json!({"operation": failed}));
    let fault = apply::<Neon>(&host, "database", "create", None, Some(desired()), None).expect_err("failed");
    assert_eq!(fault.code, "neon::operation-failed");
    assert!(fault.message.contains("no capacity"));
}

#[test]
fn deleting_what_is_gone_is_done_and_the_password_is_forgotten() {
    let host = host();
    host.expect("GET", "/projects/p1").reply(404, json!({"code": "", "message": "not found"}));
    apply::<Neon>(&host, "database", "delete", Some("p1"), None, None).expect("gone");

    host.secret(SECRET, "canary");
    host.expect("GET", "/projects/p1").reply(200, json!({"project": project("p1", "honeydue")}));
    expect_look(&host, owned());
    host.expect("DELETE", "/projects/p1").reply(200, json!({"project": project("p1", "honeydue")}));
    apply::<Neon>(&host, "database", "delete", Some("p1"), None, None).expect("deleted");
    assert_eq!(host.secret_value(SECRET), None);
}

#[test]
fn a_suspended_compute_wakes_only_where_asked() {
    let host = host();
    host.secret(SECRET, "canary");
    host.expect("GET", "/projects/p1").reply(200, json!({"project": project("p1", "honeydue")}));
    expect_look(&host, owned());
    host.expect("POST", "/projects/p1/endpoints/ep-1/start").reply(200, json!({"operations": []}));
    let mut wanted = desired();
    wanted["wake"] = json!(true);
    apply::<Neon>(&host, "database", "update", Some("p1"), Some(wanted), None).expect("awake");
}

#[test]
fn branches_are_made_once_and_keep_their_compute() {
    let host = host();
    let wanted = json!({"project": "p1", "name": "preview", "compute": true});
    let preview = json!({"id": "br-2", "name": "preview", "parent_id": "br-1"});
    host.expect("GET", "/projects/p1/branches?search=preview")
        .reply(200, json!({"branches": [], "pagination": {"sort_by": "name"}}));
    host.expect("POST", "/projects/p1/branches")
        .body(json!({"branch": {"name": "preview"}, "endpoints": [{"type": "read_write"}],
            "annotation_value": marks("shared__database")}))
        .reply(201, json!({"branch": preview, "operations": [], "endpoints": [endpoint()]}));
    host.expect("GET", "/projects/p1/branches/br-2").reply(200, json!({"branch": preview}));
    host.expect("GET", "/projects/p1/branches/br-2/endpoints").reply(200, json!({"endpoints": [endpoint()]}));
    let state = apply::<Neon>(&host, "branch", "create", None, Some(wanted), None).expect("made");
    assert_eq!(state["id"], "p1/br-2");
    host.expect("DELETE", "/projects/p1/branches/br-2").reply_raw(204, &[], Vec::new());
    apply::<Neon>(&host, "branch", "delete", Some("p1/br-2"), None, None).expect("deleted");
}

#[test]
fn refusals_keep_the_vendors_words() {
    for (status, body, class) in [
        (401, json!({"code": "", "message": "Authorization failed"}), "auth"),
        (403, json!({"code": "", "message": "no"}), "forbidden"),
        (429, json!({"code": "", "message": "too many requests"}), "rate-limited"),
        (400, json!({"code": "PROJECTS_LIMIT_EXCEEDED", "message": "projects limit exceeded"}), "quota"),
        (503, Value::Null, "transient"),
        (524, json!("<html>"), "transient"),
    ] {
        let host = host();
        host.expect("GET", "/projects/p1").reply(status, body);
        let fault = read::<Neon>(&host, "database", Some("p1"), None).expect_err("refused");
        assert_eq!(fault.class, class, "{status}");
    }
    host();
    let (_, findings) = check::<Neon>(
        "database",
        json!({"project": "x", "region": "r", "role": "", "database": "d", "pg_version": 13}),
    );
    assert_eq!(findings, ["neon::pg-version", "neon::empty"]);
    let long = |length: usize| "n".repeat(length);
    let (_, findings) = check::<Neon>(
        "database",
        json!({"project": long(256), "region": "r", "role": long(63), "database": long(64), "branch": long(257)}),
    );
    assert_eq!(findings, ["neon::name-too-long"; 2]);
    let (_, findings) = check::<Neon>("branch", json!({"project": "p", "name": long(257)}));
    assert_eq!(findings, ["neon::name-too-long"]);
}
