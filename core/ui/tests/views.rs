//! Views as people and programs read them.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{collections::BTreeMap, time::Duration};

use honey_model::{Active, Address, Digest, Fault, FaultClass};
use honey_plan::{Action, FieldChange, Operation, Plan, Purpose};
use honey_ports::Event;
use honey_ui::{
    Theme,
    view::{
        apply::{Exists, ProgressView, Show, Summary},
        cutover::{Cutover, NameChange, Step, StepState},
        plan::{Detail, Estimate, document, human},
        plugins,
        role::InstanceRole,
        status::{Instance, Machine, Name, Status, Workload},
    },
};
use serde_json::{Value, json};

fn address(text: &str) -> Address {
    Address::new(text).unwrap()
}

fn change(path: &str, before: Option<Value>, after: Option<Value>) -> FieldChange {
    FieldChange { path: path.into(), before, after, known_after: None, replaces: None }
}

fn operation(
    at: &str,
    driver: &str,
    action: Action,
    wave: u32,
    changes: Vec<FieldChange>,
    reason: &str,
) -> Operation {
    Operation {
        address: address(at),
        kind: "kind".into(),
        driver: driver.into(),
        action,
        id: None,
        prior: Some(json!({"secret": "canary-prior"})),
        desired: Some(json!({"secret": "canary-desired"})),
        schema_version: 1,
        changes,
        reasons: vec![reason.into()],
        after: Vec::new(),
        dependencies: Vec::new(),
        wave,
        protect: false,
        keep: false,
    }
}

fn plan(operations: Vec<Operation>) -> Plan {
    Plan {
        version: 1,
        honey: "0.1.0".into(),
        purpose: Purpose::Apply,
        instance: "hetzner".into(),
        configuration: Digest::of_bytes(b"x"),
        lineage: "l".into(),
        serial: 7,
        active: Active::Nobody,
        operations,
        unchanged: vec![address("shared/database/main"), address("shared/bucket/uploads")],
        world: BTreeMap::new(),
        ahead_of_active: false,
        diagnostics: Vec::new(),
    }
}

fn busy() -> Plan {
    let mut known_later = change("/firewalls", None, None);
    known_later.known_after = Some(address("hetzner/firewall/edge"));
    let mut image = change("/image", Some(json!("ubuntu-22.04")), Some(json!("ubuntu-24.04")));
    image.replaces = Some("the vendor reads it only when it makes a server".into());
    plan(vec![
        operation(
            "hetzner/machine/node-1",
            "hetzner",
            Action::Create,
            1,
            vec![
                change("/name", None, Some(json!("honeydue-hetzner-node-1"))),
                change("/size", None, Some(json!("cx22"))),
                change("/labels", None, Some(json!({"a": "b"}))),
                known_later,
            ],
            "nothing is there yet",
        ),
        operation("hetzner/firewall/edge", "hetzner", Action::Create, 0, vec![], "nothing is there yet"),
        operation(
            "hetzner/machine/node-2",
            "hetzner",
            Action::Replace,
            1,
            vec![image],
            "image cannot change in place",
        ),
        operation(
            "hetzner/host/node-1/baseline",
            "honey",
            Action::Update,
            2,
            vec![
                change("/password", Some(json!("****")), Some(json!("****"))),
                change("/config", Some(json!("one\ntwo\nthree\n")), Some(json!("one\n2\nthree\n"))),
                change("/swap", Some(json!(0)), None),
                change("/note", Some(json!("x".repeat(300))), Some(json!("\u{1b}[31mred"))),
            ],
            "differs from what is wanted",
        ),
        operation("dns/myhoneydue.com/A/api", "cloudflare-dns", Action::Adopt, 2, vec![], "adopt is set"),
        operation(
            "hetzner/kube/x/Deployment/old",
            "honey",
            Action::Delete,
            3,
            vec![],
            "no longer in the configuration",
        ),
        operation("hetzner/machine/gone", "hetzner", Action::Forget, 3, vec![], "it is gone already"),
    ])
}

#[test]
fn a_plan_for_people() {
    let effective = Some(Active::Instance { name: "hetzner".into(), epoch: 1 });
    let prices = vec!["2 x cx22: 7.98 EUR per month".into()];
    let estimate = Estimate { prices, vendor_calls: Some(9), effective };
    insta::assert_snapshot!(human(&busy(), &estimate, Detail::default(), &Theme::plain()));
}

#[test]
fn a_plan_with_every_field() {
    let detail = Detail { all_fields: true, unchanged: true };
    insta::assert_snapshot!(human(&busy(), &Estimate::default(), detail, &Theme::plain()));
}

#[test]
fn what_is_created_shows_what_was_chosen_for_it() {
    let pods = json!({ "containers": [{ "image": format!("registry/api@sha256:{}", "a".repeat(64)) }] });
    let mut later = change("/machine", None, None);
    later.known_after = Some(address("hetzner/machine/node-1"));
    let changes = vec![
        change("/instance", None, Some(json!("hetzner"))),
        change("/kubeconfig", None, Some(json!("honey.hetzner.kubeconfig"))),
        later,
        change("/object", None, Some(json!({ "spec": { "replicas": 3, "template": { "spec": pods } } }))),
        change("/singleton", None, Some(json!(false))),
        change("/ports", None, Some(json!([80, 443]))),
        change("/size", None, Some(json!("cx22"))),
        change("/prefix", None, Some(json!(""))),
    ];
    let at = "hetzner/kube/x/Deployment/api";
    let seen = operation(at, "honey", Action::Create, 0, changes.clone(), "does not exist yet");
    let waits = "cannot be looked at before hetzner/kubeconfig/admin is there";
    let unseen = operation("hetzner/kube/x/Job/migrate", "honey", Action::Create, 0, changes, waits);
    let mut short = plan(vec![seen, unseen]);
    let shown = |plan: &Plan, detail| human(plan, &Estimate::default(), detail, &Theme::plain());
    let text = shown(&short, Detail::default());
    let line = "replicas: 3, image: registry/api@sha256:aaaaaaaaaaaa, ports: 2 items, size: cx22\n";
    assert_eq!(text.matches(line).count(), 2, "{text}");
    assert!(!text.contains("honey.") && !text.contains("known after") && !text.contains("does not exist"));
    let once = "1 depends on resources that do not exist yet; it is checked during apply";
    assert_eq!(text.matches(once).count(), 1, "{text}");
    let full = shown(&short, Detail { all_fields: true, unchanged: false });
    assert!(
        full.contains(waits) && full.contains("singleton: false") && full.contains("machine: known after")
    );
    short.operations.pop();
    assert!(!shown(&short, Detail::default()).contains("checked during apply"));
}

#[test]
fn nothing_that_a_plugin_asks_of_a_vendor_is_left_out() {
    let mut later = change("/values", None, None);
    later.known_after = Some(address("hetzner/machine/node-1"));
    let changes = vec![
        later,
        change("/private", None, Some(json!(false))),
        change("/instance", None, Some(json!("large"))),
        change("/ttl", None, Some(json!(0))),
    ];
    let at = "shared/bucket/uploads";
    let plan = plan(vec![operation(at, "b2", Action::Create, 0, changes, "does not exist yet")]);
    let text = human(&plan, &Estimate::default(), Detail::default(), &Theme::plain());
    let line = "private: false, instance: large, ttl: 0, values: known after hetzner/machine/node-1\n";
    assert!(text.contains(line), "{text}");
}

#[test]
fn an_empty_plan_says_so() {
    let text = human(&plan(vec![]), &Estimate::default(), Detail::default(), &Theme::plain());
    let role = "Plan for hetzner (no instance is active yet)";
    assert_eq!(text, format!("{role}\n\nNo changes: 2 resources are up to date.\n"));
}

#[test]
fn colour_only_adds_escapes() {
    let colored = Theme { color: true, ..Theme::plain() };
    let text = human(&busy(), &Estimate::default(), Detail::default(), &colored);
    assert!(text.contains("\u{1b}[32m+ create"));
    let bare = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m", "\u{1b}[33m"]
        .iter()
        .fold(text, |text, escape| text.replace(escape, ""));
    assert_eq!(bare, human(&busy(), &Estimate::default(), Detail::default(), &Theme::plain()));
}

#[test]
fn a_plan_as_json_holds_what_people_see_and_no_raw_values() {
    let document = document(&busy(), &Estimate::default());
    assert_eq!(document["summary"]["create"], 2);
    assert_eq!(document["changes"], 7);
    assert_eq!(document["operations"][0]["changes"][3]["known_after"], "hetzner/firewall/edge");
    assert!(!document.to_string().contains("canary"));
    assert_eq!(document["role"], "nobody-active");
}

#[test]
fn a_run_is_recorded_and_summed_up() {
    let view = ProgressView::start(Show::Nothing, Theme::plain());
    let progress = view.progress();
    progress.tell(Event::PhaseStarted { phase: "apply".into(), total: Some(3) });
    progress.tell(Event::OperationFinished {
        address: address("hetzner/machine/node-1"),
        action: "create".into(),
        took: Duration::from_millis(1200),
    });
    let fault =
        Fault::new(FaultClass::Quota, "hetzner::limit", "the server limit is reached").with_help("raise it");
    progress
        .tell(Event::OperationFailed { address: address("hetzner/machine/node-2"), fault: Box::new(fault) });
    progress.tell(Event::OperationSkipped {
        address: address("hetzner/host/node-2"),
        because: address("hetzner/machine/node-2"),
    });
    progress.tell(Event::PhaseFinished { phase: "apply".into(), took: Duration::from_secs(75) });
    let record = view.finish();
    assert_eq!((record.finished, record.failed.len(), record.skipped.len()), (1, 1, 1));
    let summary = Summary {
        instance: "hetzner".into(),
        result: "stopped".into(),
        role: InstanceRole::Active,
        done_before: BTreeMap::from([("create".to_owned(), 3), ("adopt".to_owned(), 1)]),
        exists: vec![Exists {
            address: address("hetzner/machine/node-1"),
            kind: "machine".into(),
            id: "4711".into(),
            detail: "127.1.2.3".into(),
        }],
        vendor_calls: BTreeMap::from([("hetzner".to_owned(), 12)]),
        next: Some("honey apply --resume".into()),
        ..Summary::default()
    }
    .with_record(record);
    insta::assert_snapshot!(summary.human(&Theme::plain()));
    let json = serde_json::to_value(&summary).unwrap();
    assert_eq!(json["operations"], json!({"create": 1}));
    assert_eq!(json["role"], "active");
    assert_eq!(json["failed"][0]["fault"]["code"], "hetzner::limit");
    assert_eq!(json["phases"][0]["seconds"], 75.0);
}

#[test]
fn status_shows_who_is_active() {
    let instance = |name: &str, role: &str| Instance {
        name: name.into(),
        plugin: name.into(),
        role: role.into(),
        machines: vec![Machine {
            name: "node-1".into(),
            address: "127.1.2.3".into(),
            ready: Some(true),
            cordoned: false,
            version: "v1.34.6+k3s1".into(),
        }],
        workloads: vec![Workload { name: "worker".into(), ready: 0, wanted: 0, singleton: true }],
        waiting: vec![],
    };
    let mut ovh = instance("ovh", "standby");
    ovh.waiting = vec!["node-2 did not answer\u{1b}[2J".into()];
    let status = Status {
        project: "honeydue".into(),
        serial: 12,
        instances: vec![instance("hetzner", "active"), ovh],
        names: vec![Name {
            name: "api.myhoneydue.com".into(),
            record_type: "A".into(),
            values: vec!["127.1.2.3".into()],
            instance: Some("hetzner".into()),
        }],
        lock: Some("me@here, honey apply".into()),
        unfinished: Some("run-1".into()),
        ..Status::default()
    };
    insta::assert_snapshot!(status.human(&Theme::plain()));
}

#[test]
fn a_cutover_shows_its_steps() {
    let step = |name: &str, state, seconds, point_of_no_return| Step {
        name: name.into(),
        text: "what it did".into(),
        state,
        seconds,
        point_of_no_return,
    };
    let cutover = Cutover {
        from: Some("hetzner".into()),
        to: "ovh".into(),
        result: "stopped".into(),
        epoch: 3,
        steps: vec![
            step("preflight", StepState::Done, 0.4, false),
            step("freeze", StepState::Done, 2.0, false),
            step("swap dns", StepState::Failed, 1.0, true),
            step("start", StepState::Waiting, 0.0, false),
        ],
        names: vec![NameChange {
            name: "myhoneydue.com".into(),
            record_type: "A".into(),
            before: vec!["127.1.2.3".into()],
            after: vec!["127.2.2.3".into()],
        }],
        gap_ms: Some(2400),
        next: Some("honey cutover --to ovh --resume".into()),
        ..Cutover::default()
    };
    insta::assert_snapshot!(cutover.human(&Theme::plain()));
}

#[test]
fn a_cutover_that_went_back_says_so() {
    let cutover = Cutover {
        from: Some("hetzner".into()),
        to: "ovh".into(),
        result: "restored".into(),
        active: Some("hetzner".into()),
        because: Some("swap failed (cloudflare-dns::10000)".into()),
        ..Cutover::default()
    };
    let text = cutover.human(&Theme::plain());
    assert_eq!(
        text,
        "cutover hetzner → ovh: went back, hetzner is active\nbecause swap failed (cloudflare-dns::10000)\n"
    );
}

#[test]
fn plugins_are_listed_and_inspected() {
    let plugin = plugins::Plugin {
        id: "hetzner".into(),
        version: "0.1.0".into(),
        role: "provider".into(),
        source: "builtin".into(),
        digest: "sha256:00".into(),
        interface: "0.1".into(),
        lock: "locked".into(),
        description: "Servers of Hetzner Cloud.".into(),
        kinds: vec![("machine".into(), "a server".into())],
        capabilities: vec!["power".into()],
        egress: vec!["https://api.hetzner.cloud".into()],
        secrets: vec![("token".into(), "hcloud-token".into())],
        limits: vec!["memory 64 MiB".into()],
        problem: None,
    };
    let broken = plugins::Plugin {
        id: "mine".into(),
        problem: Some("is not a component".into()),
        ..Default::default()
    };
    let both = [plugin.clone(), broken];
    let text =
        format!("{}\n{}", plugins::list(&both, &Theme::plain()), plugins::inspect(&plugin, &Theme::plain()));
    insta::assert_snapshot!(text);
}
