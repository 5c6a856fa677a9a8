//! OVHcloud.

use serde_json::{Value, json};

use super::{Said, Subject, Task, missing_is_an_answer, never, plain, text};
use crate::scenario::{Ability, Act, Expect, Scenario, Secrets, Step, Trick, few, few_but, life};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq1oZ0gB0XTDdUOZzjMBC4XB7Lm1H6n5Fg8mCQpVY2e";
const OTHER_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFz2K0kVQ4D1C7QY1YpWb0O2eYj3m9uF5cJ8oS6tLk7A";
const SERVICE: &str = "vps-1624d691.vps.ovh.us";
const OTHER_SERVICE: &str = "vps-c0f51be2.vps.ovh.us";

/// See the module.
pub(super) const SUBJECT: Subject = Subject {
    plugin: "ovh",
    vendor: "ovh",
    folders: &["ovh", "ovhcloud"],
    base: "/1.0",
    base_in_endpoint: true,
    settings: &[("token_endpoint", "/auth/oauth2/token")],
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
            secrets: Secrets::All,
            name: "ssh key",
            steps: life(
                "ssh-key",
                "key",
                key("honeydue-ovh-key", KEY),
                None,
                Some(key("honeydue-ovh-key-2", OTHER_KEY)),
            ),
            fewest: vec![
                few("look for", 2, "the vendor's clock, once a run, and the names of the stored keys"),
                few("create", 2, "the names of the stored keys, the store"),
                few("read", 1, "one object by its id"),
                few_but(
                    "found again",
                    2,
                    1,
                    "the names of the stored keys, the key; a change looks again directly before",
                ),
                few("nothing to do", 1, "one object by its id"),
                few("replace", 3, "the delete, the names of the stored keys, the store"),
                few("import", 1, "one object by its id"),
                few("delete", 1, "gone already is done"),
                few("delete what is gone", 1, "gone already is done"),
                few("gone", 1, "the names of the stored keys"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "adopted service",
            steps: adopted(),
            fewest: vec![
                few(
                    "look for",
                    4,
                    "the vendor's clock, once a run, the service, its addresses, the image on its disk",
                ),
                few_but(
                    "adopt",
                    9,
                    1,
                    "the service, the images and one of them, the rebuild, its task, the state it came to, the rename, addresses and image once more for the new disk; a look before the rename",
                ),
                few_but("adopted already", 1, 1, "the service; a change looks again directly before"),
                few("read", 1, "the service"),
                few("update", 2, "the service, the rename"),
                few("drift found", 1, "the service"),
                few("drift repaired", 2, "the service, the rename"),
                few("power state", 1, "one service"),
                few("off", 4, "a look, the stop, its task, the state it came to"),
                few("on", 4, "a look, the start, its task, the state it came to"),
                few("reboot", 3, "the reboot, its task, the state it came to"),
                few(
                    "reinstall",
                    6,
                    "the images and each until the wanted one, the rebuild, its task, the state it came to",
                ),
                few("import", 3, "the service, its addresses, the image on its new disk"),
                few_but(
                    "another service",
                    6,
                    1,
                    "the service and taking its name off, the other one, its addresses and image, the rename; a look before the rename",
                ),
                few("delete", 2, "the service, taking its name off"),
                few("delete what is gone", 1, "the service"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "two addresses",
            steps: vec![
                Step::new(
                    "look for",
                    Act::Find,
                    ("machine", "node"),
                    wanted("honeydue-ovh-node-1"),
                    Expect::Found,
                )
                .while_vendor(Trick::SecondAddress),
            ],
            fewest: vec![few(
                "look for",
                5,
                "the vendor's clock, once a run, the service, its addresses, the first of two, the image on its disk",
            )],
        },
        Scenario {
            secrets: Secrets::These(&["client-id", "client-secret"]),
            name: "service account",
            steps: of_service_account(),
            fewest: vec![
                few("a key", 3, "a token, once a run, the names of the stored keys, the store"),
                few("look for", 3, "the service, its addresses, the image on its disk"),
                few_but("adopt", 2, 1, "the service, the rename; a change looks again directly before"),
                few("power state", 1, "one service"),
                few("reboot", 3, "the reboot, its task, the state it came to"),
                few("price", 2, "which company the account is with, that company's catalogue"),
                few("delete", 2, "the service, taking its name off"),
                few("the key goes", 1, "gone already is done"),
            ],
        },
        Scenario {
            secrets: Secrets::All,
            name: "order",
            steps: ordered(),
            fewest: vec![
                few(
                    "price",
                    3,
                    "the vendor's clock (once a run, for signatures), which company the account is with, that company's catalogue",
                ),
                few("look for", 4, "the names of the services and each of them: no name can be asked for"),
                few(
                    "no consent",
                    11,
                    "a look by name at every service, the cart with its item and configuration, its price",
                ),
                few(
                    "create",
                    25,
                    "a look by name at every service, the cart with its item, options and configuration, the order, the payment, its delivery, and a disk with the key",
                ),
                few_but(
                    "found again",
                    5,
                    1,
                    "a look by name at every service; a change looks again directly before",
                ),
                few("read", 1, "the service"),
                few("delete", 2, "the service, taking its name off"),
            ],
        },
        bought("order told elsewhere", Trick::NoExtension, 29),
        bought("order paid by hand", Trick::Unpaid, 29),
        bought("purchase lost", Trick::PurchaseLost, 28),
        Scenario {
            secrets: Secrets::Without("consumer-key"),
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
            fewest: vec![
                few("start", 1, "one request, unsigned"),
                few("not confirmed yet", 2, "the vendor's clock, the credential"),
            ],
        },
    ]
}

fn wanted(name: &str) -> Value {
    json!({"name": name, "service": SERVICE})
}

/// The same account, asked with a token instead of signatures.
fn of_service_account() -> Vec<Step> {
    let key = ("ssh-key", "key");
    let stored = json!({"name": "honeydue-ovh-key", "public_key": KEY});
    let at = ("machine", "node");
    let first = wanted("honeydue-ovh-node-1");
    vec![
        Step::new("a key", Act::Create, key, stored, Expect::Settled),
        Step::new("look for", Act::Find, at, first.clone(), Expect::Found),
        Step::new("adopt", Act::Adopt, at, first.clone(), Expect::Settled),
        Step::can("power state", Ability::Power, "node", Value::Null, Expect::Tells("", json!("on"))),
        Step::can("reboot", Ability::Reboot, "node", Value::Null, Expect::Done),
        Step::can(
            "price",
            Ability::Price,
            "",
            json!({"kind": "machine", "desired": order()}),
            Expect::Tells("/currency", json!("EUR")),
        ),
        Step::new("delete", Act::Delete, at, Value::Null, Expect::Nothing),
        Step::new("the key goes", Act::Delete, key, Value::Null, Expect::Nothing),
    ]
}

fn adopted() -> Vec<Step> {
    let at = ("machine", "node");
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
        step(
            "another service",
            Act::Replace,
            &json!({"name": "honeydue-ovh-node-1", "service": OTHER_SERVICE}),
            Expect::New,
        ),
        step("delete", Act::Delete, &Value::Null, Expect::Nothing),
        step("delete what is gone", Act::Delete, &Value::Null, Expect::Nothing),
    ]
}

fn order() -> Value {
    json!({"name": "honeydue-ovh-bought", "image": "Debian 12", "public_key": KEY,
        "order": {"plan": "vps-2025-model1", "datacenter": "WAW", "os": "Debian 12",
            "accept_price": "10.00 EUR", "waive_withdrawal": true}})
}

/// An order that meets with something on its way, in this many requests.
fn bought(name: &'static str, trick: Trick, calls: usize) -> Scenario {
    let at = ("machine", "bought");
    let why = "as an order, with the vendor's clock, the company and what this site or order needs besides";
    Scenario {
        secrets: Secrets::All,
        name,
        steps: vec![
            Step::new("create", Act::Create, at, order(), Expect::Settled).while_vendor(trick),
            Step::new("delete", Act::Delete, at, Value::Null, Expect::Nothing),
        ],
        fewest: vec![few("create", calls, why), few("delete", 2, "the service, taking its name off")],
    }
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
