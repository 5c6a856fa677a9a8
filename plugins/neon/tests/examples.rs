//! The vendor's recorded answers, where they are at hand: each is read as the
//! reply to the call that would get it, or becomes a fault in the vendor's words.

use honey_plugin_neon::{Neon, wire};
use honey_sdk::{
    Value, json,
    testing::{MockHost, configure, examples, read},
};

/// Path below `/api/v2` without its query.
fn path_of(example: &Value) -> Option<String> {
    let request = &example["request"];
    let whole = request["path"].as_str().or(request["url"].as_str())?;
    let path = whole.split_once("/api/v2").map_or(whole, |(_, path)| path);
    Some(path.split('?').next().unwrap_or_default().to_owned())
}

/// Reads a body as the type that the plugin reads it as; none where the plugin never asks for it.
fn parse(method: &str, path: &str, body: &Value) -> Option<Result<(), serde_json::Error>> {
    fn as_type<T: serde::de::DeserializeOwned>(body: &Value) -> Result<(), serde_json::Error> {
        serde_json::from_value::<T>(body.clone()).map(|_| ())
    }
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    Some(match (method, parts.as_slice()) {
        ("GET", ["projects"]) => as_type::<wire::ProjectsReply>(body),
        ("POST", ["projects"]) => as_type::<wire::ProjectMade>(body),
        ("GET", ["projects", "shared"]) => return None,
        ("GET", ["projects", _]) => as_type::<wire::ProjectReply>(body),
        ("GET", ["projects", _, "branches"]) => as_type::<wire::BranchesReply>(body),
        ("POST", ["projects", _, "branches"]) => as_type::<wire::BranchMade>(body),
        ("GET", ["projects", _, "branches", _]) => as_type::<wire::BranchReply>(body),
        ("GET", ["projects", _, "branches", _, "endpoints"]) => as_type::<wire::EndpointsReply>(body),
        ("GET", ["projects", _, "branches", _, "databases"]) => as_type::<wire::DatabasesReply>(body),
        ("GET", ["projects", _, "branches", _, "roles"]) => as_type::<wire::RolesReply>(body),
        ("GET", ["projects", _, "operations", _]) => as_type::<wire::OperationReply>(body),
        ("POST" | "PATCH" | "DELETE", ["projects", _, ..]) => as_type::<wire::Started>(body),
        _ => return None,
    })
}

#[test]
fn recorded_answers_are_understood() {
    let mut read_as_wanted = 0;
    for (name, example) in examples("neon") {
        let status = example["status"].as_u64().unwrap_or(200);
        // Partial objects of a test suite's mocks have not the vendor's shape.
        if !(200..300).contains(&status) || name.starts_with("ctl_") {
            continue;
        }
        let (Some(path), Some(method)) = (path_of(&example), example["request"]["method"].as_str()) else {
            continue;
        };
        match parse(method, &path, &example["body"]) {
            Some(Ok(())) => read_as_wanted += 1,
            Some(Err(error)) => panic!("{name}: {method} {path}: {error}"),
            None => {}
        }
    }
    eprintln!("{read_as_wanted} answers of Neon read");
}

#[test]
fn recorded_refusals_keep_the_vendors_words() {
    for (name, example) in examples("neon") {
        let status = example["status"].as_u64().unwrap_or(200);
        if status < 400 {
            continue;
        }
        let host = MockHost::new("https://console.neon.tech/api/v2", "o", "a");
        configure::<Neon>(json!({})).expect("settings");
        let status = u16::try_from(status).expect("a status");
        host.expect("GET", "/projects/p").reply(status, example["body"].clone());
        let result = read::<Neon>(&host, "database", Some("p"), None);
        if status == 404 {
            assert!(matches!(result, Ok(None)), "{name}");
            continue;
        }
        let fault = result.expect_err(&name);
        let message = example["body"]["message"].as_str().unwrap_or_default();
        assert_eq!(fault.vendor.expect("the vendor's words").message, message, "{name}");
        if status == 423 || message.contains("not ready") {
            assert_eq!(fault.class, "locked", "{name}");
        }
    }
}
