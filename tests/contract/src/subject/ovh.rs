//! OVHcloud.

use serde_json::{Value, json};

use super::{Said, Subject, Task, missing_is_an_answer, never, plain, text};
use crate::scenario::{Ability, Act, Expect, Fewest, Scenario, Step, Trick, life};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq1oZ0gB0XTDdUOZzjMBC4XB7Lm1H6n5Fg8mCQpVY2e";
const OTHER_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFz2K0kVQ4D1C7QY1YpWb0O2eYj3m9uF5cJ8oS6tLk7A";
const SERVICE: &str = "vps-1624d691.vps.ovh.us";

/// See the module.
pub(super) const SUBJECT: Subject = Subject {
    plugin: "ovh",
    vendor: "ovh",
    folders: &["ovh", "ovhcloud"],
    base: "/1.0",
    base_in_endpoint: true,
    secrets: &["application-key", "application-secret", "consumer-key"],
    lab: plain,
    scenarios,
    refusal,
    failure,
    task,
    only_reads: never,
    absorbs,
    locked: (409, "Client::Conflict"),
    limited: (
        &[("x-ovh-queryid", "EU.ext-3.rehearsal")],
        r#"{"class": "Client::TooManyRequests", "message": "Too many requests"}"#,
    ),
    arrives: &[],
};

/// Which image is on a disk is told where it may be, and a credential that
/// nobody confirmed yet is not accepted.
fn absorbs(method: &str, path: &str, status: u16, code: &str) -> bool {
    missing_is_an_answer(method, path, status, code)
        || path.ends_with("/images/current")
        || path.ends_with("/auth/currentCredential") && matches!(status, 401 | 403)
}

fn refusal(body: &Value) -> Option<Said> {
    body.get("message")?.as_str()?;
    let code = Some(text(body, "/errorCode")).filter(|code| !code.is_empty());
    Some(Said::new(code.unwrap_or_else(|| text(body, "/class")), text(body, "/message")))
}

fn is_task(body: &Value) -> bool {
    ["id", "state", "type", "progress"].iter().all(|name| body.get(name).is_some())
}

fn failure(body: &Value) -> Option<Said> {
    let state = body.get("state").filter(|_| is_task(body))?.as_str()?;
    matches!(state, "error" | "blocked" | "cancelled").then(|| Said::new("", state))
}

fn task(body: &mut Value, state: Task) -> bool {
    if is_task(body) {
        body["state"] = json!(if state == Task::Running { "doing" } else { "error" });
        body["progress"] = json!(50);
        return true;
    }
    // The status of an order is a bare word.
    let word = body.as_str().unwrap_or_default();
    if ["notPaid", "checking", "delivering", "delivered"].contains(&word) {
        *body = json!(if state == Task::Running { "delivering" } else { "cancelled" });
        return true;
    }
    false
}

fn scenarios() -> Vec<Scenario> {
    let key = |name: &str, key: &str| json!({"name": name, "public_key": key});
    vec![
        Scenario {
            without: None,
            name: "ssh key",
            steps: life(
                "ssh-key",
                "key",
                key("honeydue-ovh-key", KEY),
                None,
                Some(key("honeydue-ovh-key-2", OTHER_KEY)),
            ),
            fewest: vec![
                Fewest { step: "create", calls: 2, why: "a look by name, the store" },
                Fewest { step: "delete", calls: 1, why: "gone already is done" },
            ],
        },
        Scenario {
            without: None,
            name: "adopted service",
            steps: adopted(),
            fewest: vec![Fewest { step: "power state", calls: 1, why: "one service" }],
        },
        Scenario {
            without: None,
            name: "order",
            steps: ordered(),
            fewest: vec![Fewest {
                step: "price",
                calls: 3,
                why: "the vendor's clock (once a run, for signatures), which company the account is with, that company's catalogue",
            }],
        },
        Scenario {
            without: None,
            name: "order told elsewhere",
            steps: bought(Trick::NoExtension),
            fewest: vec![],
        },
        Scenario { without: None, name: "order paid by hand", steps: bought(Trick::Unpaid), fewest: vec![] },
        Scenario { without: None, name: "purchase lost", steps: bought(Trick::PurchaseLost), fewest: vec![] },
        Scenario {
            without: Some("consumer-key"),
            name: "login",
            steps: vec![
                Step::can("start", Ability::StartLogin, "", Value::Null, Expect::Done),
                Step::can(
                    "not confirmed yet",
                    Ability::LoginFinished,
                    "",
                    Value::Null,
                    Expect::Tells("", json!(false)),
                ),
            ],
            fewest: vec![Fewest { step: "start", calls: 1, why: "one request, unsigned" }],
        },
    ]
}

fn adopted() -> Vec<Step> {
    let at = ("machine", "node");
    let wanted = |name: &str| json!({"name": name, "service": SERVICE});
    let fresh = json!({"name": "honeydue-ovh-node-1", "service": SERVICE, "reinstall": true,
        "image": "Debian 12", "public_key": KEY});
    let first = wanted("honeydue-ovh-node-1");
    let step = |name, act, desired: &Value, expect| Step::new(name, act, at, desired.clone(), expect);
    vec![
        step("look for", Act::Find, &first, Expect::Found),
        step("adopt", Act::Adopt, &fresh, Expect::Settled),
        step("adopted already", Act::Adopt, &fresh, Expect::Same),
        step("read", Act::Read, &first, Expect::Settled),
        step("update", Act::Update, &wanted("honeydue-ovh-renamed"), Expect::Same),
        step("drift found", Act::Read, &first, Expect::Drifted("name")),
        step("drift repaired", Act::Update, &first, Expect::Same),
        Step::can("power state", Ability::Power, "node", Value::Null, Expect::Tells("", json!("on"))),
        Step::can("off", Ability::SetPower(false), "node", Value::Null, Expect::Tells("", json!("off"))),
        Step::can("on", Ability::SetPower(true), "node", Value::Null, Expect::Tells("", json!("on"))),
        Step::can("reboot", Ability::Reboot, "node", Value::Null, Expect::Done),
        Step::can(
            "reinstall",
            Ability::Reinstall,
            "node",
            json!({"image": "Ubuntu 24.04", "public_key": KEY}),
            Expect::Done,
        ),
        step("import", Act::Import, &Value::Null, Expect::Found),
        step("two addresses", Act::Read, &first, Expect::Settled).while_vendor(Trick::SecondAddress),
        step("delete", Act::Delete, &Value::Null, Expect::Nothing),
        step("delete what is gone", Act::Delete, &Value::Null, Expect::Nothing),
    ]
}

fn order() -> Value {
    json!({"name": "honeydue-ovh-bought", "image": "Debian 12", "public_key": KEY,
        "order": {"plan": "vps-2025-model1", "datacenter": "WAW", "os": "Debian 12",
            "accept_price": "10.00 EUR", "waive_withdrawal": true}})
}

fn bought(trick: Trick) -> Vec<Step> {
    let at = ("machine", "bought");
    vec![
        Step::new("create", Act::Create, at, order(), Expect::Settled).while_vendor(trick),
        Step::new("delete", Act::Delete, at, Value::Null, Expect::Nothing),
    ]
}

fn ordered() -> Vec<Step> {
    let at = ("machine", "bought");
    let wanted = order();
    let mut dear = wanted.clone();
    dear["order"]["accept_price"] = json!("0.01 EUR");
    let step = |name, act, desired: &Value, expect| Step::new(name, act, at, desired.clone(), expect);
    vec![
        Step::can(
            "price",
            Ability::Price,
            "",
            json!({"kind": "machine", "desired": wanted}),
            Expect::Tells("/currency", json!("EUR")),
        ),
        step("look for", Act::Find, &wanted, Expect::Nothing),
        step("no consent", Act::Create, &dear, Expect::Refused("ovh::price-not-accepted")),
        step("create", Act::Create, &wanted, Expect::Settled),
        step("found again", Act::Create, &wanted, Expect::Same),
        step("read", Act::Read, &wanted, Expect::Settled),
        step("delete", Act::Delete, &Value::Null, Expect::Nothing),
    ]
}
