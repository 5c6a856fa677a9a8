//! The simulated Neon over plain HTTP.

mod common;

use common::{in_order, lab, send, until};
use honey_lab::{Effect, FaultRule, Lab};
use serde_json::{Value, json};

async fn call(lab: &Lab, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let url = format!("{}/api/v2{path}", lab.endpoint("neon"));
    let token = format!("Bearer {}", lab.secret("neon", "token"));
    let answer = send(method, &url, &token, body).await.expect("answer");
    (answer.status, answer.json)
}

async fn settle(lab: &Lab, operations: &Value) {
    let token = format!("Bearer {}", lab.secret("neon", "token"));
    for operation in operations.as_array().into_iter().flatten() {
        let text = |key: &str| operation[key].as_str().expect("text").to_owned();
        let path = format!("/projects/{}/operations/{}", text("project_id"), text("id"));
        let url = format!("{}/api/v2{path}", lab.endpoint("neon"));
        until(&url, &token, |seen| seen["operation"]["status"] == "finished").await;
    }
}

#[tokio::test]
async fn a_project_is_made_and_filled() {
    let lab = lab().await;
    let wish = json!({"project": {"name": "honeydue", "region_id": "aws-us-east-1", "pg_version": 17,
        "branch": {"name": "main", "role_name": "honeydue", "database_name": "honeydue"}}});
    let (status, made) = call(&lab, "POST", "/projects", Some(wish)).await;
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["branch"]["current_state"], "init");
    let password = made["roles"][0]["password"].as_str().expect("password").to_owned();
    let project = format!("/projects/{}", made["project"]["id"].as_str().expect("id"));
    let branch = format!("{project}/branches/{}", made["branch"]["id"].as_str().expect("id"));
    let role = json!({"role": {"name": "reader"}});
    settle(&lab, &made["operations"]).await;
    while call(&lab, "GET", &branch, None).await.1["branch"]["current_state"] != "ready" {}
    let (status, role) = call(&lab, "POST", &format!("{branch}/roles"), Some(role)).await;
    assert_eq!(status, 201, "{role}");
    settle(&lab, &role["operations"]).await;
    let database = json!({"database": {"name": "more", "owner_name": "reader"}});
    let (status, database) = call(&lab, "POST", &format!("{branch}/databases"), Some(database)).await;
    assert_eq!(status, 201, "{database}");
    settle(&lab, &database["operations"]).await;
    let query = format!("{project}/connection_uri?database_name=honeydue&role_name=honeydue&pooled=true");
    let (_, uri) = call(&lab, "GET", &query, None).await;
    let uri = uri["uri"].as_str().expect("uri");
    assert!(uri.contains(&password) && uri.contains("-pooler."), "{uri}");
    let (_, roles) = call(&lab, "GET", &format!("{branch}/roles"), None).await;
    assert!(!roles.to_string().contains(&password));
    assert_eq!(call(&lab, "DELETE", &format!("{branch}/databases/none"), None).await.0, 204);
    assert_eq!(call(&lab, "DELETE", &branch, None).await.0, 422);
    for path in [
        "/regions",
        "/users/me",
        &format!("{project}/endpoints"),
        &format!("{project}/branches"),
        &format!("{project}/operations?limit=1"),
    ] {
        assert_eq!(call(&lab, "GET", path, None).await.0, 200, "{path}");
    }
    assert_eq!(lab.books().created("neon", "project"), 1);
    in_order(&lab);
}

#[tokio::test]
async fn a_project_is_locked_while_it_works() {
    let lab = lab().await;
    lab.inject(FaultRule::new("neon", Effect::StuckTask).method("POST").path("/projects"));
    let (_, made) = call(&lab, "POST", "/projects", Some(json!({"project": {}}))).await;
    let project = format!("/projects/{}", made["project"]["id"].as_str().expect("id"));
    let branch = format!("{project}/branches/{}", made["branch"]["id"].as_str().expect("id"));
    let change = json!({"project": {"name": "x"}});
    let (status, locked) = call(&lab, "PATCH", &project, Some(change)).await;
    assert_eq!(status, 423, "{locked}");
    let role = json!({"role": {"name": "reader"}});
    assert_eq!(call(&lab, "POST", &format!("{branch}/roles"), Some(role)).await.0, 422);
    assert_eq!(call(&lab, "DELETE", &project, None).await.0, 423);
    in_order(&lab);
}

#[tokio::test]
async fn the_wrapper_is_required_and_pages_have_cursors() {
    let lab = lab().await;
    let (status, refused) = call(&lab, "POST", "/projects", Some(json!({}))).await;
    assert_eq!(status, 400);
    assert_eq!(lab.violations().len(), 1, "{refused}");
    for _ in 0..3 {
        assert_eq!(call(&lab, "POST", "/projects", Some(json!({"project": {}}))).await.0, 201);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/projects?limit=2&cursor={cursor}");
        let (_, page) = call(&lab, "GET", &path, None).await;
        let found = page["projects"].as_array().expect("projects").clone();
        if found.is_empty() {
            break;
        }
        seen.extend(found);
        cursor = page["pagination"]["cursor"].as_str().expect("cursor").to_owned();
    }
    assert_eq!(seen.len(), 3);
    let url = format!("{}/api/v2/projects", lab.endpoint("neon"));
    assert_eq!(send("GET", &url, "Bearer no", None).await.expect("answer").status, 401);
    assert!(lab.books().misreplies().is_empty(), "{:#?}", lab.books().misreplies());
}
