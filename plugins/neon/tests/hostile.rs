//! No answer of the vendor makes the plugin panic, and every refusal says what it is.

use honey_plugin_neon::Neon;
use honey_sdk::{
    Value, json,
    testing::{
        self,
        hostile::{Case, nothing, survives},
    },
};

fn usual(_method: &str, target: &str) -> Value {
    let project = json!({"id": "p1", "name": "honeydue", "region_id": "aws-us-east-1", "pg_version": 17});
    let branch = json!({"id": "br-1", "name": "main", "default": true, "parent_id": "br-0"});
    let endpoint =
        json!({"id": "ep-1", "host": "ep-1.aws.neon.tech", "type": "read_write", "current_state": "idle"});
    let operation =
        json!({"id": "op", "action": "start_compute", "status": "finished", "error": null, "retry_at": null});
    let uri = json!({"connection_uri": "postgresql://", "connection_parameters": {"password": "s"}});
    let mut all = json!({"project": project, "projects": [project], "branch": branch, "endpoints": [endpoint],
        "operations": [operation], "operation": operation, "databases": [{"name": "honeydue", "owner_name": "honeydue"}],
        "roles": [{"name": "honeydue", "password": "s"}], "role": {"name": "honeydue", "password": "s"}, "password": "s",
        "connection_uris": [uri], "annotation": {"value": {"honey-owner": "honeydue-box"}}});
    if target.contains("/branches") {
        all["branches"] = json!([branch]);
        all["annotations"] = json!({"br-1": {"value": {"honey-owner": "honeydue-box"}}});
    }
    all
}

#[test]
fn no_answer_makes_it_panic() {
    survives(&Case::<Neon> {
        settings: json!({"org_id": "org-1"}),
        base: "https://console.neon.tech/api/v2",
        objects: vec![
            (
                "database",
                "p1",
                json!({"project": "honeydue", "region": "aws-us-east-1", "role": "honeydue",
                "database": "honeydue", "branch": "main", "wake": true}),
            ),
            (
                "database",
                "p1",
                json!({"project": "other", "region": "aws-us-east-1", "role": "r", "database": "d"}),
            ),
            ("branch", "p1/br-1", json!({"project": "p1", "name": "preview", "parent": "br-0"})),
        ],
        usual,
        corpus: testing::examples("neon").into_iter().map(|(_, example)| example["body"].clone()).collect(),
        others: nothing,
    });
}
