//! What the API says about itself: version, groups, resources, health.

use serde_json::{Value, json};

use super::{handle::Answer, resource::ResourceType, store::State};

/// The answer to a path of discovery, or `None` for other paths.
pub(super) fn answer(state: &State, path: &str) -> Option<Answer> {
    let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
    let json = |value| Some(Answer::Json(200, value));
    match segments.as_slice() {
        ["version"] => json(version(&state.kubernetes)),
        ["healthz" | "livez" | "readyz" | "ping", ..] => Some(Answer::Text("ok".to_owned())),
        ["api"] => json(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})),
        ["apis"] => json(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups(state)})),
        ["api", version] => resources(state, "", version),
        ["apis", group] => {
            groups(state).into_iter().find(|found| found["name"] == *group).map(|mut found| {
                found["kind"] = json!("APIGroup");
                found["apiVersion"] = json!("v1");
                Answer::Json(200, found)
            })
        }
        ["apis", group, version] => resources(state, group, version),
        _ => None,
    }
}

fn version(text: &str) -> Value {
    let mut numbers = text.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or("1"), numbers.next().unwrap_or("0"));
    json!({
        "major": major, "minor": minor, "gitVersion": text, "gitCommit": "0000000", "gitTreeState": "clean",
        "buildDate": "2026-01-01T00:00:00Z", "goVersion": "go1.24", "compiler": "gc", "platform": "linux/amd64",
    })
}

fn groups(state: &State) -> Vec<Value> {
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for kind in state.types.iter().filter(|kind| !kind.group.is_empty()) {
        match found.iter_mut().find(|(group, _)| *group == kind.group) {
            Some((_, versions)) => {
                if !versions.contains(&kind.version) {
                    versions.push(kind.version.clone());
                }
            }
            None => found.push((kind.group.clone(), vec![kind.version.clone()])),
        }
    }
    found
        .into_iter()
        .map(|(group, versions)| {
            let listed: Vec<Value> = versions
                .iter()
                .map(|version| json!({"groupVersion": format!("{group}/{version}"), "version": version}))
                .collect();
            json!({"name": group, "versions": listed, "preferredVersion": listed[0]})
        })
        .collect()
}

fn resources(state: &State, group: &str, version: &str) -> Option<Answer> {
    let listed: Vec<Value> = state
        .types
        .iter()
        .filter(|kind| kind.group == group && kind.version == version)
        .flat_map(ResourceType::listed)
        .collect();
    if listed.is_empty() {
        return None;
    }
    let group_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    Some(Answer::Json(
        200,
        json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed}),
    ))
}
