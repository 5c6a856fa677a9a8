//! The promises of the lifecycle, kept by a plugin with one small kind.

use serde::{Deserialize, Serialize};

use crate::{
    Context, Fault, Findings, Kind, Kinds, Outcome, Plugin, Schema, State, Value,
    http::Client,
    json,
    marks::Marks,
    pending,
    schema::Field,
    testing::{self, MockHost},
};

struct Toys(Client);

impl Plugin for Toys {
    type Settings = Value;
    fn configure(_settings: Value) -> Result<Self, Fault> {
        Ok(Self(Client::new("toys", "https://toys.invalid")))
    }
    fn kinds() -> Kinds<Self> {
        Kinds::new().with::<Toy>()
    }
}

struct Toy;

#[derive(Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Desired {
    name: String,
    colour: Option<String>,
    parts: Option<Vec<String>>,
}

#[derive(Serialize)]
struct Outputs {
    id: String,
}

impl Kind for Toy {
    type Plugin = Toys;
    type Desired = Desired;
    type Outputs = Outputs;
    const NAME: &'static str = "toy";

    fn schema() -> Schema {
        Schema::new("toy", "A toy.")
            .field(Field::text("name", "").required())
            .field(Field::text("colour", ""))
            .field(Field::texts("parts", "").unordered())
            .output(Field::text("id", ""))
    }

    fn check(_: &Toys, desired: &mut Desired, findings: &mut Findings) {
        desired.colour.get_or_insert_with(|| "red".to_owned());
        if desired.name.is_empty() && !findings.is_unknown("name") {
            findings.error("toys::nameless", "/name", "a toy has a name");
        }
    }

    fn read(
        toys: &Toys,
        ctx: Context,
        id: Option<&str>,
        desired: Option<&Desired>,
    ) -> Result<Option<State<Self>>, Fault> {
        let id = id.or(desired.map(|desired| desired.name.as_str())).unwrap_or_default();
        let found: Option<Value> = toys.0.get(&format!("/{id}")).optional()?;
        Ok(found.map(|found| State {
            id: id.to_owned(),
            attributes: Desired { name: id.to_owned(), ..Desired::default() },
            outputs: Outputs { id: id.to_owned() },
            ownership: Marks::of(ctx, 63).ownership(found["owner"].as_str()),
        }))
    }

    fn create(
        toys: &Toys,
        ctx: Context,
        desired: &Desired,
        resume: Option<Value>,
    ) -> Result<Outcome<State<Self>>, Fault> {
        if resume.is_none() {
            toys.0.post("/").send()?;
            return Ok(pending(&json!({"made": desired.name}), 5, "drying"));
        }
        Ok(Self::read(toys, ctx, Some(&desired.name), None)?.expect("made").into())
    }

    fn delete(toys: &Toys, _: Context, id: &str, resume: Option<Value>) -> Result<Outcome<()>, Fault> {
        if resume.is_none() {
            toys.0.delete(&format!("/{id}")).gone_is_done()?;
            return Ok(pending(&json!("breaking"), 5, "breaking"));
        }
        Ok(Outcome::Done(()))
    }
}

fn host() -> MockHost {
    let host = MockHost::new("https://toys.invalid", "me", "a/toy/b");
    testing::configure::<Toys>(json!({})).expect("configures");
    host
}

fn apply(host: &MockHost, action: &str, resume: Option<Value>) -> Result<Value, Fault> {
    testing::apply::<Toys>(host, "toy", action, Some("b"), Some(json!({"name": "b", "colour": null})), resume)
}

#[test]
fn check_fills_defaults_and_leaves_the_unknown_out() {
    let _host = host();
    let check = |desired| testing::check::<Toys>("toy", desired);
    assert_eq!(check(json!({"name": "b"})), (json!({"name": "b", "colour": "red"}), vec![]));
    assert_eq!(check(json!({"colour": "blue", "parts": ["a", null]})), (json!({"colour": "blue"}), vec![]));
    assert_eq!(check(json!({"name": ""})).1, ["toys::nameless"]);
    assert_eq!(check(json!({"name": 5})).1, ["plugin::invalid-value"]);
    assert_eq!(check(json!({"name": "b", "size": 5})).1, ["plugin::invalid-value"]);
}

#[test]
fn a_create_looks_for_our_marks_first_and_takes_nobody_elses() {
    let host = host();
    host.expect("GET", "/b").reply(200, json!({"owner": "me"}));
    host.expect("GET", "/b").reply(200, json!({"owner": "me"}));
    assert_eq!(apply(&host, "create", None).expect("found")["ownership"], "ours");
    for (body, action, code) in [
        (json!({"owner": "you"}), "create", "plugin::exists"),
        (json!({}), "create", "plugin::exists"),
        (json!({"owner": "you"}), "adopt", "plugin::foreign"),
    ] {
        host.expect("GET", "/b").reply(200, body);
        assert_eq!(apply(&host, action, None).expect_err("refused").code, code);
    }
    host.expect("GET", "/b").reply(404, Value::Null);
    assert_eq!(apply(&host, "adopt", None).expect_err("nothing").code, "plugin::nothing-to-adopt");
}

#[test]
fn a_replace_goes_on_from_wherever_it_stopped() {
    let host = host();
    host.expect("DELETE", "/b").reply(204, Value::Null);
    let deleting = apply(&host, "replace", None).expect("begun");
    assert_eq!(deleting["pending"], json!({"deleting": "breaking"}));
    host.expect("GET", "/b").reply(404, Value::Null);
    host.expect("POST", "/").reply(200, json!({}));
    let making = apply(&host, "replace", Some(deleting["pending"].clone())).expect("deleted");
    assert_eq!(making["pending"], json!({"made": "b"}));
    host.expect("GET", "/b").reply(200, json!({"owner": "me"}));
    assert_eq!(apply(&host, "replace", Some(making["pending"].clone())).expect("made")["id"], "b");
}

#[test]
fn a_change_needs_every_required_value() {
    let host = host();
    let fault = testing::apply::<Toys>(&host, "toy", "create", None, Some(json!({"name": null})), None);
    assert_eq!(fault.expect_err("incomplete").code, "plugin::missing-field");
    let fault = testing::apply::<Toys>(&host, "toy", "update", None, Some(json!({"name": "b"})), None);
    assert_eq!(fault.expect_err("no id").class, "internal");
}

#[test]
fn redirects_are_faults_that_name_the_place() {
    let host = host();
    host.expect("GET", "/b").reply_raw(302, &[("location", "https://elsewhere.invalid/")], Vec::new());
    let fault = testing::read::<Toys>(&host, "toy", Some("b"), None).expect_err("redirected");
    assert!(fault.message.contains("https://elsewhere.invalid/"), "{}", fault.message);
}
