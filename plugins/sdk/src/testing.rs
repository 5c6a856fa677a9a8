//! The host for native tests: scripted answers, a clock that only sleeping
//! moves, secrets that never leave it.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    fmt::Write as _,
};

use serde_json::{Value, json};

use crate::{
    Context, Fault, Outcome, Plugin, Value as Json,
    bindings::honey::plugin::http::{Part, Request, Response},
    bindings::honey::plugin::secrets::Piece,
    context::Operation,
};

mod examples;
pub(crate) mod host;
pub mod hostile;

pub use examples::examples;

/// One exchange of the script.
struct Exchange {
    method: String,
    target: String,
    body: Option<Value>,
    headers: Vec<(String, String)>,
    answer: Answer,
}

enum Answer {
    Reply(u16, Vec<(String, String)>, Vec<u8>),
    Failure(crate::bindings::honey::plugin::http::Error),
}

/// Answers whatever is asked.
type Oracle = Box<dyn FnMut(&Request) -> Result<Response, crate::bindings::honey::plugin::http::Error>>;

#[derive(Default)]
struct World {
    base: String,
    oracle: Option<Oracle>,
    script: VecDeque<Exchange>,
    secrets: BTreeMap<String, String>,
    cache: BTreeMap<String, Vec<u8>>,
    facts: BTreeMap<String, Result<String, Fault>>,
    now_ms: u64,
    canceled_at_ms: Option<u64>,
    logged: Vec<String>,
    checkpoints: Vec<(String, Value)>,
    random: u64,
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::default();
}

fn with<T>(use_it: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with(|world| use_it(&mut world.borrow_mut()))
}

/// The host of one test. Requests must come in the order of the script; what
/// is left over when it is dropped fails the test.
pub struct MockHost {
    owner: String,
    address: String,
}

impl MockHost {
    /// A host for one operation. Targets of the script are relative to `base`.
    pub fn new(base: &str, owner: &str, address: &str) -> Self {
        with(|world| *world = World { base: base.to_owned(), now_ms: 1_700_000_000_000, ..World::default() });
        Self { owner: owner.to_owned(), address: address.to_owned() }
    }

    /// The operation.
    pub fn context(&self) -> Context<'_> {
        Context(self)
    }

    /// The next request must be this one.
    pub fn expect(&self, method: &str, target: &str) -> Expectation {
        Expectation(Exchange {
            method: method.to_owned(),
            target: target.to_owned(),
            body: None,
            headers: Vec::new(),
            answer: Answer::Reply(200, Vec::new(), Vec::new()),
        })
    }

    /// From now on this answers, instead of the script.
    pub fn answers(
        &self,
        oracle: impl FnMut(&Request) -> Result<Response, crate::bindings::honey::plugin::http::Error> + 'static,
    ) {
        with(|world| world.oracle = Some(Box::new(oracle)));
    }

    /// A secret of the operator.
    pub fn secret(&self, name: &str, value: &str) {
        with(|world| world.secrets.insert(name.to_owned(), value.to_owned()));
    }

    /// A secret as captured, generated or given.
    pub fn secret_value(&self, name: &str) -> Option<String> {
        with(|world| world.secrets.get(name).cloned())
    }

    /// What a look by ssh at this address answers.
    pub fn facts(&self, address: &str, facts: Result<Json, Fault>) {
        with(|world| world.facts.insert(address.to_owned(), facts.map(|facts| facts.to_string())));
    }

    /// Sets the clock.
    pub fn set_now_ms(&self, now: u64) {
        with(|world| world.now_ms = now);
    }

    /// The operator asks to stop when the clock reads this.
    pub fn cancel_at_ms(&self, at: u64) {
        with(|world| world.canceled_at_ms = Some(at));
    }

    /// Every checkpoint so far: id and progress.
    pub fn checkpoints(&self) -> Vec<(String, Value)> {
        with(|world| world.checkpoints.clone())
    }

    /// Every log line so far.
    pub fn logged(&self) -> Vec<String> {
        with(|world| world.logged.clone())
    }
}

impl Drop for MockHost {
    fn drop(&mut self) {
        let left = with(|world| {
            world.script.iter().map(|next| format!("{} {}", next.method, next.target)).collect::<Vec<_>>()
        });
        assert!(left.is_empty() || std::thread::panicking(), "never asked: {left:?}");
    }
}

/// A request of the script, being written.
#[must_use = "ends with `reply` or `fail`"]
pub struct Expectation(Exchange);

impl Expectation {
    /// Its JSON body; secrets read `{{name}}`.
    pub fn body(mut self, body: Value) -> Self {
        self.0.body = Some(body);
        self
    }

    /// A header it must have; secrets read `{{name}}`.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The answer: status and JSON, or nothing for `null`.
    pub fn reply(self, status: u16, body: Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        self.reply_raw(status, &[], body);
    }

    /// The answer with headers and any bytes.
    pub fn reply_raw(mut self, status: u16, headers: &[(&str, &str)], body: Vec<u8>) {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        self.0.answer = Answer::Reply(status, headers, body);
        with(|world| world.script.push_back(self.0));
    }

    /// The answer never comes.
    pub fn interrupted(mut self) {
        self.0.answer = Answer::Failure(crate::bindings::honey::plugin::http::Error::Interrupted(
            "connection reset".into(),
        ));
        with(|world| world.script.push_back(self.0));
    }
}

impl Operation for MockHost {
    fn operation_id(&self) -> String {
        "operation-1".into()
    }
    fn owner(&self) -> String {
        self.owner.clone()
    }
    fn address(&self) -> String {
        self.address.clone()
    }
    fn remaining_ms(&self) -> u64 {
        with(|world| (1_700_000_000_000 + 600_000_u64).saturating_sub(world.now_ms))
    }
    fn canceled(&self) -> bool {
        with(|world| world.canceled_at_ms.is_some_and(|at| world.now_ms >= at))
    }
    fn progress(&self, _message: &str, _percent: Option<u8>) {}
    fn checkpoint(&self, id: &str, progress: &str) {
        let progress = serde_json::from_str(progress).expect("a checkpoint is JSON");
        with(|world| world.checkpoints.push((id.to_owned(), progress)));
    }
}

/// The finished value of an outcome.
pub fn done<T>(outcome: Result<Outcome<T>, Fault>) -> T {
    match outcome {
        Ok(Outcome::Done(value)) => value,
        Ok(Outcome::Pending { note, .. }) => panic!("still pending: {note}"),
        Err(fault) => panic!("{fault:?}"),
    }
}

/// Makes a plugin through the same door as the host.
pub fn apply<P: Plugin>(
    host: &MockHost,
    kind: &str,
    action: &str,
    id: Option<&str>,
    desired: Option<Value>,
    resume: Option<Value>,
) -> Result<Value, Fault> {
    use crate::bindings::exports::honey::plugin::lifecycle::{Action, Outcome};
    let plugin = crate::current::<P>()?;
    let action = match action {
        "create" => Action::Create,
        "adopt" => Action::Adopt,
        "update" => Action::Update,
        "replace" => Action::Replace,
        "delete" => Action::Delete,
        other => panic!("no action `{other}`"),
    };
    let change = crate::lifecycle::Change { action, id: id.map(str::to_owned), desired, resume };
    let kinds = P::kinds();
    let kind =
        kinds.0.iter().find(|found| found.name() == kind).unwrap_or_else(|| panic!("no kind `{kind}`"));
    Ok(match crate::lifecycle::apply(kind.as_ref(), &plugin, host.context(), change)? {
        Outcome::Done(None) => Value::Null,
        Outcome::Done(Some(state)) => state_json(&state),
        Outcome::Pending(pending) => json!({"pending": text_json(&pending.progress), "note": pending.note}),
    })
}

/// Reads through the same door as the host.
pub fn read<P: Plugin>(
    host: &MockHost,
    kind: &str,
    id: Option<&str>,
    desired: Option<Value>,
) -> Result<Option<Value>, Fault> {
    let plugin = crate::current::<P>()?;
    let kinds = P::kinds();
    let kind =
        kinds.0.iter().find(|found| found.name() == kind).unwrap_or_else(|| panic!("no kind `{kind}`"));
    Ok(crate::lifecycle::look(kind.as_ref(), &plugin, host.context(), id, desired)?.as_ref().map(state_json))
}

/// Checks through the same door as the host: normal form and finding codes.
pub fn check<P: Plugin>(kind: &str, desired: Value) -> (Value, Vec<String>) {
    let plugin = crate::current::<P>().expect("configured");
    let kinds = P::kinds();
    let kind =
        kinds.0.iter().find(|found| found.name() == kind).unwrap_or_else(|| panic!("no kind `{kind}`"));
    let (desired, findings) = crate::lifecycle::check(kind.as_ref(), &plugin, desired);
    (desired, findings.into_iter().map(|finding| finding.code).collect())
}

/// Configures the plugin with settings, as the host does first.
pub fn configure<P: Plugin>(settings: Value) -> Result<(), Fault> {
    let settings = crate::read::typed(&settings)
        .map_err(|error| Fault::invalid("plugin::settings", error.to_string()))?;
    crate::plugin::set_current(P::configure(settings)?);
    Ok(())
}

fn state_json(state: &crate::bindings::exports::honey::plugin::lifecycle::State) -> Value {
    json!({
        "id": state.id,
        "attributes": text_json(&state.attributes),
        "outputs": text_json(&state.outputs),
        "ownership": match state.ownership {
            crate::Ownership::Ours => "ours",
            crate::Ownership::Foreign => "foreign",
            crate::Ownership::Unmarked => "unmarked",
        },
    })
}

fn text_json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// `kinds.json` says what the code says, and values of that shape go through
/// the code's types unharmed. With `UPDATE_KINDS=1` the file is written.
pub fn check_kinds<P: Plugin>(directory: &str) {
    let path = std::path::Path::new(directory).join("kinds.json");
    let wanted = format!("{:#}\n", P::kinds().to_json());
    if std::env::var_os("UPDATE_KINDS").is_some() {
        std::fs::write(&path, &wanted).expect("kinds.json can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "kinds.json is stale: run the test with UPDATE_KINDS=1");

    let Ok(plugin) = P::configure(P::Settings::default()) else { return };
    for kind in P::kinds().0 {
        let schema = kind.schema().to_json();
        let sample = sample(&schema["desired"]);
        let (normal, findings) = crate::lifecycle::check(kind.as_ref(), &plugin, sample.clone());
        if let Some(finding) = findings.iter().find(|finding| finding.code == "plugin::invalid-value") {
            panic!("{}: the schema allows what the code cannot read: {}", kind.name(), finding.summary);
        }
        let known: Vec<&String> =
            schema["desired"]["properties"].as_object().expect("properties").keys().collect();
        for name in normal.as_object().expect("an object").keys() {
            assert!(known.contains(&name), "{}: `{name}` is not in the schema", kind.name());
        }
    }
}

/// A value with every field that a JSON Schema knows.
fn sample(schema: &Value) -> Value {
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("string") => json!("sample"),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        Some("array") => json!([sample(&schema["items"])]),
        Some("object") => match schema["properties"].as_object() {
            Some(properties) => {
                properties.iter().map(|(name, inner)| (name.clone(), sample(inner))).collect()
            }
            None => json!({"sample": sample(&schema["additionalProperties"])}),
        },
        _ => json!({}),
    }
}

fn render(parts: &[Part]) -> String {
    let mut text = String::new();
    for part in parts {
        match part {
            Part::Text(plain) => text.push_str(plain),
            Part::Bytes(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
            Part::Secret(name) | Part::SecretJson(name) | Part::SecretPercent(name) => {
                let _ = write!(text, "{{{{{name}}}}}");
            }
            Part::Base64(pieces) => {
                let inner: String = pieces
                    .iter()
                    .map(|piece| match piece {
                        Piece::Text(plain) => plain.clone(),
                        Piece::Secret(name) => format!("{{{{{name}}}}}"),
                    })
                    .collect();
                let _ = write!(text, "base64({inner})");
            }
        }
    }
    text
}

fn exchange(request: &Request) -> Result<Response, crate::bindings::honey::plugin::http::Error> {
    if let Some(mut oracle) = with(|world| world.oracle.take()) {
        let answer = oracle(request);
        with(|world| world.oracle = Some(oracle));
        let Response { status, headers, body } = answer?;
        return captured(request, status, headers, body);
    }
    let (next, base) = with(|world| (world.script.pop_front(), world.base.clone()));
    let target = request.url.strip_prefix(&base).unwrap_or(&request.url);
    let body = render(&request.body);
    let Some(next) = next else { panic!("unexpected request: {} {target} {body}", request.method) };
    assert_eq!(
        (request.method.as_str(), target),
        (next.method.as_str(), next.target.as_str()),
        "body {body}"
    );
    if let Some(wanted) = next.body {
        let found: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        assert_eq!(found, wanted, "body of {} {target}", request.method);
    }
    for (name, wanted) in next.headers {
        let found = request.headers.iter().find(|header| header.name.eq_ignore_ascii_case(&name));
        assert_eq!(
            found.map(|header| render(&header.value)),
            Some(wanted),
            "header {name} of {} {target}",
            request.method
        );
    }
    match next.answer {
        Answer::Failure(error) => Err(error),
        Answer::Reply(status, headers, body) => captured(request, status, headers, body),
    }
}

/// As the host does: what the captures name becomes secrets and leaves the reply.
fn captured(
    request: &Request,
    status: u16,
    headers: Vec<(String, String)>,
    mut body: Vec<u8>,
) -> Result<Response, crate::bindings::honey::plugin::http::Error> {
    use crate::bindings::honey::plugin::http::Error;
    if (200..300).contains(&status) && !request.captures.is_empty() {
        let other = |why: &str| Error::Other(why.to_owned());
        let mut tree: Value = serde_json::from_slice(&body)
            .map_err(|_| other("the reply is not JSON, so nothing could be captured"))?;
        for capture in &request.captures {
            let Some(place) = tree.pointer_mut(&capture.pointer) else { continue };
            match place.take() {
                Value::Null => {}
                Value::String(value) => with(|world| {
                    world.secrets.insert(capture.into.clone(), value);
                }),
                _ => return Err(other("what was to be captured is no text")),
            }
        }
        body = tree.to_string().into_bytes();
    }
    Ok(Response { status, headers, body })
}
