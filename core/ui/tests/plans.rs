//! Plans of a cluster's objects as people read them: leaf differences, folds,
//! and with `--full` the YAML.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;

use honey_model::{Active, Address, Digest};
use honey_plan::{Action, FieldChange, Operation, Plan, Purpose};
use honey_ui::{
    Theme,
    view::plan::{Detail, Estimate, document, human},
};
use serde_json::{Value, json};

const FULL: Detail = Detail { all_fields: true, unchanged: false };

fn change(path: &str, before: impl Into<Option<Value>>, after: impl Into<Option<Value>>) -> FieldChange {
    let (before, after) = (before.into(), after.into());
    FieldChange { path: path.into(), before, after, known_after: None, replaces: None }
}

fn operation(at: &str, kind: &str, action: Action, wave: u32, changes: Vec<FieldChange>) -> Operation {
    let named = at.rsplit('/').nth(1).unwrap_or_default();
    let object = json!({ "object": { "kind": named } });
    let own = ["kube-object", "kube-secret", "host"].contains(&kind);
    Operation {
        address: Address::new(at).unwrap(),
        kind: kind.into(),
        driver: if own { "honey" } else { "cloudflare-dns" }.into(),
        action,
        id: Some("the-id".into()),
        prior: Some(object.clone()),
        desired: Some(object),
        schema_version: 1,
        changes,
        reasons: vec!["does not exist yet".into()],
        after: Vec::new(),
        dependencies: Vec::new(),
        wave,
        protect: false,
        keep: false,
    }
}

fn plan(purpose: Purpose, operations: Vec<Operation>) -> Plan {
    Plan {
        version: 1,
        honey: "0.1.0".into(),
        purpose,
        instance: "ovh".into(),
        configuration: Digest::of_bytes(b"x"),
        lineage: "l".into(),
        serial: 7,
        active: Active::Instance { name: "hetzner".into(), epoch: 3 },
        operations,
        unchanged: vec![Address::new("shared/bucket/uploads").unwrap()],
        world: BTreeMap::new(),
        diagnostics: Vec::new(),
        ahead_of_active: false,
    }
}

fn shown(plan: &Plan, detail: Detail, width: usize) -> String {
    human(plan, &Estimate::default(), detail, &Theme { width, ..Theme::plain() })
}

/// The containers of the api: image, level, a mount, and one variable more or less.
fn containers(digit: &str, level: &str, mount: &str, extra: Option<&str>) -> Value {
    let mut env =
        vec![json!({"name": "LOG_LEVEL", "value": level}), json!({"name": "PORT", "value": "8000"})];
    env.extend(extra.map(|name| json!({"name": name, "value": "on"})));
    json!([
        {
            "name": "api",
            "image": format!("registry:3000/team/api@sha256:{}", digit.repeat(64)),
            "env": env,
            "ports": [{"containerPort": 8000, "name": "http"}],
            "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": mount == "ro"}],
        },
        {"name": "proxy", "image": "proxy:1"},
    ])
}

fn redeploy() -> Plan {
    let before = containers("a", "info", "rw", Some("OLD"));
    let after = containers("b", "debug", "ro", None);
    let volumes = |size: &str| json!([{"name": "data", "emptyDir": {"sizeLimit": size}}, {"name": "tmp", "emptyDir": {}}]);
    let mut reversed = volumes("2Gi");
    reversed.as_array_mut().unwrap().reverse();
    let pod = "/object/spec/template/spec";
    let mut api = operation(
        "ovh/kube/app/Deployment/api",
        "kube-object",
        Action::Update,
        1,
        vec![
            change(
                "/object/spec/template/metadata/annotations/honey.dev~1config",
                json!("9ac0"),
                json!("3ded"),
            ),
            change(&format!("{pod}/containers"), before.clone(), after.clone()),
            change(&format!("{pod}/nodeSelector/disk"), json!("ssd"), None),
            change(&format!("{pod}/volumes"), volumes("1Gi"), reversed),
        ],
    );
    let object = |containers: &Value, node: Value| {
        json!({"object": {
            "kind": "Deployment",
            "metadata": {"name": "api"},
            "spec": {"replicas": 3, "template": {"spec": {"containers": containers, "nodeSelector": node}}},
        }})
    };
    api.prior = Some(object(&before, json!({"disk": "ssd"})));
    api.desired = Some(object(&after, json!({})));
    api.reasons = vec![
        "object/spec/template/spec/containers differ".into(),
        "takes spec.replicas over from kubectl".into(),
    ];
    let mut web = operation(
        "ovh/kube/app/Deployment/web",
        "kube-object",
        Action::Update,
        1,
        vec![change(
            &format!("{pod}/containers"),
            json!([{"name": "web", "image": "team/web:a1b2"}]),
            json!([{"name": "web", "image": "team/web:c3d4"}]),
        )],
    );
    web.reasons = vec!["object/spec/template/spec/containers differs".into()];
    let mut config = operation(
        "ovh/kube/app/ConfigMap/config",
        "kube-object",
        Action::Update,
        0,
        vec![
            change("/object/data/app.conf", json!("a = 1\nb = 2\n"), json!("a = 1\nb = 3\n")),
            change("/object/data/NEW", None, json!("x")),
        ],
    );
    config.reasons = vec!["object/data/app.conf, object/data/NEW differ".into()];
    let mut gone = operation("ovh/kube/app/Job/migrate", "kube-object", Action::Delete, 2, Vec::new());
    gone.desired = None;
    gone.reasons = vec!["not wanted any more".into()];
    plan(Purpose::Apply, vec![config, api, web, gone])
}

#[test]
fn a_redeploy_shows_leaves() {
    insta::assert_snapshot!("redeploy-80", shown(&redeploy(), Detail::default(), 80));
    insta::assert_snapshot!("redeploy-120", shown(&redeploy(), Detail::default(), 120));
    let colored = Theme { color: true, width: 120, ..Theme::plain() };
    let text = human(&redeploy(), &Estimate::default(), Detail::default(), &colored);
    assert!(
        text.contains("\u{1b}[31movh/kube/app/Job/migrate\u{1b}[0m"),
        "what destroys stands out: {text:?}"
    );
    insta::assert_snapshot!("redeploy-colour", text.replace('\u{1b}', "␛"));
}

#[test]
fn full_shows_the_yaml_difference() {
    insta::assert_snapshot!("redeploy-full", shown(&redeploy(), FULL, 120));
}

#[test]
fn what_secrets_keep_is_never_shown() {
    let secret = |value: &str| json!({"kind": "Secret", "metadata": {"name": "s"}, "type": "Opaque", "data": {"TOKEN": value}});
    let mut plain = operation(
        "ovh/kube/app/Secret/s",
        "kube-object",
        Action::Update,
        0,
        vec![
            change("/object/data/TOKEN", json!("Y2FuYXJ5LW9sZA=="), json!("Y2FuYXJ5LW5ldw==")),
            change("/object/stringData", None, json!({"OTHER": "canary"})),
            change("/object/type", json!("Opaque"), json!("other")),
        ],
    );
    plain.prior = Some(json!({"object": secret("Y2FuYXJ5LW9sZA==")}));
    plain.desired = Some(json!({"object": secret("Y2FuYXJ5LW5ldw==")}));
    let mut created = operation(
        "ovh/kube/app/Secret/t",
        "kube-secret",
        Action::Create,
        0,
        vec![change("/name", None, json!("t")), change("/data", None, json!({"K": "****"}))],
    );
    created.prior = None;
    created.desired =
        Some(json!({"name": "t", "type": "Opaque", "labels": {}, "data": {"K": {"$secret": "api-token"}}}));
    let mut changed = operation(
        "ovh/kube/app/Secret/u",
        "kube-secret",
        Action::Update,
        0,
        vec![
            change("/data/K", json!({"fingerprint": "hmac:canary"}), json!("****")),
            change("/data/X", json!({"unexpected": true}), None),
        ],
    );
    changed.prior = Some(
        json!({"type": "Opaque", "data": {"K": {"fingerprint": "hmac:canary"}, "X": {"unexpected": true}}}),
    );
    changed.desired = Some(json!({"type": "Opaque", "data": {"K": {"$secret": "api-token"}}}));
    let mut pod = operation(
        "ovh/kube/app/Deployment/d",
        "kube-object",
        Action::Update,
        0,
        vec![change("/object/spec/replicas", json!(1), json!(2))],
    );
    pod.prior = Some(
        json!({"object": {"kind": "Deployment", "spec": {"replicas": 1, "env": [{"name": "A", "value": "canary"}]}}}),
    );
    pod.desired = Some(
        json!({"object": {"kind": "Deployment", "spec": {"replicas": 2, "env": [{"name": "A", "value": {"$secret": "a"}}]}}}),
    );
    let plan = plan(Purpose::Apply, vec![plain, created, changed, pod]);
    for detail in [Detail::default(), FULL] {
        let text = shown(&plan, detail, 120);
        assert!(!text.contains("canary") && !text.contains("Y2FuYXJ5"), "{text}");
    }
    let json = document(&plan, &Estimate::default()).to_string();
    assert!(!json.contains("Y2FuYXJ5") && !json.contains("canary"), "{json}");
    insta::assert_snapshot!("secrets-full", shown(&plan, FULL, 120));
    insta::assert_snapshot!("secrets", shown(&plan, Detail::default(), 120));
}

fn stack(action: Action, reason: &str) -> Vec<Operation> {
    let kinds = ["NetworkPolicy", "Service", "Deployment"];
    let one = |at: usize| {
        let kind = kinds[at % 3];
        let mut one = operation(
            &format!("ovh/kube/app/{kind}/x{at}"),
            "kube-object",
            action,
            u32::try_from(3 + at % 4).unwrap(),
            Vec::new(),
        );
        one.reasons = vec![reason.to_owned()];
        one
    };
    (0..64).map(one).collect()
}

#[test]
fn like_objects_fold_and_what_destroys_does_not() {
    let mut operations = stack(Action::Create, "cannot be looked at before ovh/kubeconfig/admin is there");
    for name in ["a", "b", "c", "d", "e", "f"] {
        let fields = vec![change("/ttl", None, json!(60)), change("/name", None, json!(name))];
        operations.push(operation(&format!("dns/example.org/A/{name}"), "record", Action::Create, 8, fields));
        let moved = vec![change("/values", json!(["192.0.2.1"]), json!(["192.0.2.2"]))];
        operations.push(operation(
            &format!("dns/example.org/AAAA/{name}"),
            "record",
            Action::Update,
            8,
            moved,
        ));
        let mut gone =
            operation(&format!("dns/example.org/MX/{name}"), "record", Action::Delete, 9, Vec::new());
        gone.reasons = vec!["not wanted any more".into()];
        operations.push(gone);
    }
    let plan = plan(Purpose::Apply, operations);
    let text = shown(&plan, Detail::default(), 100);
    insta::assert_snapshot!("folded", text);
    let full = shown(&plan, FULL, 100);
    for operation in &plan.operations {
        assert!(full.contains(operation.address.as_str()), "{} is missing", operation.address);
        let destroys = operation.action == Action::Delete;
        assert!(!destroys || text.contains(operation.address.as_str()), "{} is hidden", operation.address);
    }
    assert!(text.contains("--full") && !full.contains("--full"));
    assert_eq!(text.matches("64 depend on resources that do not exist yet").count(), 1);
}

#[test]
fn updates_fold_only_where_the_change_is_the_same() {
    let record = |name: &str, to: &str| {
        let moved = vec![change("/values", json!(["192.0.2.1"]), json!([to]))];
        operation(&format!("dns/example.org/A/{name}"), "record", Action::Update, 0, moved)
    };
    let same = ["a", "b", "c", "d", "e"].map(|name| record(name, "192.0.2.2"));
    let text = shown(&plan(Purpose::Apply, same.to_vec()), Detail::default(), 100);
    assert!(text.contains("5 records of dns") && text.contains("192.0.2.1 → 192.0.2.2"), "{text}");
    let others = ["a", "b", "c", "d", "e"]
        .map(|name| record(name, &format!("192.0.2.{}", name.len() + name.as_bytes()[0] as usize)));
    let text = shown(&plan(Purpose::Apply, others.to_vec()), Detail::default(), 100);
    assert!(!text.contains("5 records") && text.matches("192.0.2.1 → ").count() == 5, "{text}");
}

#[test]
fn a_destroy_says_what_happens() {
    let mut operations = stack(Action::Forget, "goes with the machine");
    let mut claim =
        operation("ovh/kube/app/PersistentVolumeClaim/data", "kube-object", Action::Forget, 4, Vec::new());
    claim.reasons = vec!["goes with the machine; data is lost".into()];
    operations.push(claim);
    let mut machine = operation("ovh/machine/node-1", "machine", Action::Delete, 9, Vec::new());
    machine.reasons = vec!["ovh is destroyed".into()];
    operations.push(machine);
    for operation in &mut operations {
        operation.desired = None;
    }
    insta::assert_snapshot!("destroy", shown(&plan(Purpose::Destroy, operations), Detail::default(), 80));
}

#[test]
fn what_is_cut_says_how_to_see_it() {
    let long = |end: &str| json!(format!("{}{end}", "x".repeat(400)));
    let text: String = (0..200).map(|line| format!("line {line}\n")).collect();
    let changes = vec![
        change("/object/metadata/annotations/long", long("1"), long("2")),
        change("/object/data/file", json!(text), json!(text.replace("line", "row"))),
        change("/object/spec", None, (0..40).map(|at| (format!("field{at}"), json!(at))).collect::<Value>()),
    ];
    let one = operation("ovh/kube/app/ConfigMap/c", "kube-object", Action::Update, 0, changes);
    let plan = plan(Purpose::Apply, vec![one]);
    let short = shown(&plan, Detail::default(), 80);
    assert!(short.contains("x1") && short.contains("x2"), "the part that differs is shown: {short}");
    assert!(short.contains("more lines; `--full` shows them") && short.contains("more fields"), "{short}");
    assert!(short.ends_with("shortened; `--full` shows every object and field\n"), "{short}");
    let full = shown(&plan, FULL, 80);
    assert!(
        full.contains(&"x".repeat(400)) && full.contains("row 199") && full.contains("field39"),
        "{full}"
    );
    assert!(!full.contains('…') && !full.contains("--full"), "{full}");
}
