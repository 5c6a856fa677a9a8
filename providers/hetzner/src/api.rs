//! The vendor's API: how it refuses, how it does things in the background, how
//! its objects carry our marks. No kind is known here.

use honey_sdk::{
    Context, Fault, Ownership, Value, gone,
    http::{Client, Refusal, Reply},
    json,
    marks::{self, Marks},
    paging::{self, Page},
    poll::{self, Look, Pace},
};
use serde::Deserialize;
use serde_json::Map;

const ENDPOINT: &str = "https://api.hetzner.cloud/v1";
/// Longest label value.
const LABEL_LIMIT: usize = 63;

/// Labels of an object.
pub(crate) type Labels = Map<String, Value>;

/// The API of one project.
pub(crate) struct Api {
    pub(crate) client: Client,
}

/// Something the vendor does in the background.
#[derive(Clone, Deserialize)]
pub(crate) struct Action {
    pub(crate) id: u64,
    #[serde(default)]
    command: String,
    status: String,
    #[serde(default)]
    progress: u8,
    error: Option<ActionError>,
}

#[derive(Clone, Deserialize)]
struct ActionError {
    code: String,
    message: String,
}

/// Objects of one sort; all of them have a number, a name and labels.
pub(crate) struct Collection {
    /// Below the endpoint: `/servers`.
    pub(crate) path: &'static str,
    /// Where a list answer has its items: `servers`.
    pub(crate) many: &'static str,
    /// Where any other answer has the object: `server`.
    pub(crate) one: &'static str,
}

/// An object as the vendor tells it.
pub(crate) struct Found(pub(crate) Value);

impl Found {
    pub(crate) fn text(&self, field: &str) -> String {
        self.0[field].as_str().unwrap_or_default().to_owned()
    }

    /// Its number, as it is written everywhere but at the vendor.
    pub(crate) fn id(&self) -> String {
        self.0["id"].to_string()
    }

    pub(crate) fn labels(&self) -> Option<&Labels> {
        self.0["labels"].as_object()
    }

    pub(crate) fn ownership(&self, ctx: Context) -> Ownership {
        marks(ctx).ownership(self.0["labels"][marks::OWNER].as_str())
    }

    /// Labels that are not our marks.
    pub(crate) fn other_labels(&self) -> Labels {
        let mut others = Labels::new();
        for (name, value) in self.labels().into_iter().flatten() {
            if name != marks::OWNER && name != marks::ADDRESS {
                others.insert(name.clone(), value.clone());
            }
        }
        others
    }
}

impl Api {
    pub(crate) fn new(endpoint: Option<&str>) -> Self {
        let client =
            Client::new("hetzner", endpoint.unwrap_or(ENDPOINT)).bearer("token").refusals(read_refusal);
        Self { client }
    }

    /// By id, else by our marks, else by name. Changes nothing. What is being
    /// deleted counts as gone.
    pub(crate) fn find(
        &self,
        ctx: Context,
        among: &Collection,
        id: Option<&str>,
        name: Option<&str>,
    ) -> Result<Option<Found>, Fault> {
        if let Some(id) = id {
            let path = format!("{}/{}", among.path, number(among.one, id)?);
            let answer: Option<Value> = self.client.get(&path).optional()?;
            let found = answer.map(|answer| one(among, answer)).transpose()?;
            return Ok(found.filter(exists));
        }
        let marks = marks(ctx);
        let selector = format!("{}=={},{}=={}", marks::OWNER, marks.owner, marks::ADDRESS, marks.address);
        let mut ours = self.list(among, "label_selector", &selector)?;
        if ours.len() > 1 {
            return Err(Fault::conflict(
                "hetzner::marks-twice",
                format!("{} objects below {} carry the marks of this one resource", ours.len(), among.path),
            )
            .with_help("delete all but one at the vendor, or take the honey-address label off the others"));
        }
        match (ours.pop(), name) {
            (None, Some(name)) if !name.is_empty() => Ok(self.list(among, "name", name)?.pop()),
            (found, _) => Ok(found),
        }
    }

    /// The object of this id, which is there.
    pub(crate) fn get(&self, ctx: Context, among: &Collection, id: &str) -> Result<Found, Fault> {
        self.find(ctx, among, Some(id), None)?.ok_or_else(|| gone(among.one, id))
    }

    /// All of them, whoever's they are.
    pub(crate) fn all(&self, among: &Collection) -> Result<Vec<Found>, Fault> {
        self.pages(among, None)
    }

    fn list(&self, among: &Collection, filter: &str, value: &str) -> Result<Vec<Found>, Fault> {
        self.pages(among, Some((filter, value)))
    }

    fn pages(&self, among: &Collection, filter: Option<(&str, &str)>) -> Result<Vec<Found>, Fault> {
        let mut found = paging::all(|page: Option<&u64>| {
            let page = page.copied().unwrap_or(1).to_string();
            let mut request = self.client.get(among.path);
            if let Some((filter, value)) = filter {
                request = request.query(filter, value);
            }
            let mut answer: Value = request.query("page", page).query("per_page", "50").json()?;
            let next = answer.pointer("/meta/pagination/next_page").and_then(Value::as_u64);
            let Some(Value::Array(items)) = answer.get_mut(among.many).map(Value::take) else {
                return Err(Fault::malformed(format!("a list without `{}`", among.many)));
            };
            Ok(Page { items: items.into_iter().map(Found).collect(), next })
        })?;
        found.retain(exists);
        Ok(found)
    }

    /// Makes one with our marks on it; what is not finished yet is left to the caller.
    pub(crate) fn order(
        &self,
        ctx: Context,
        among: &Collection,
        mut body: Value,
    ) -> Result<(Found, Vec<Action>), Fault> {
        let mut labels = body["labels"].as_object().cloned().unwrap_or_default();
        put_marks(ctx, &mut labels);
        body["labels"] = Value::Object(labels);
        let answer: Value = self.client.post(among.path).body(&body).json()?;
        let actions = actions_of(&answer)?;
        Ok((one(among, answer)?, actions))
    }

    /// Makes one with our marks on it.
    pub(crate) fn make(&self, ctx: Context, among: &Collection, body: Value) -> Result<Found, Fault> {
        let (made, actions) = self.order(ctx, among, body)?;
        self.wait(ctx, actions)?;
        Ok(made)
    }

    /// Sets the name and our marks where they differ. Labels of others stay,
    /// unless `labels` says what they are.
    pub(crate) fn put(
        &self,
        ctx: Context,
        among: &Collection,
        found: Found,
        name: &str,
        labels: Option<&Labels>,
    ) -> Result<Found, Fault> {
        let mut wanted = labels.cloned().or_else(|| found.labels().cloned()).unwrap_or_default();
        put_marks(ctx, &mut wanted);
        if found.0["name"] == name && found.labels() == Some(&wanted) {
            return Ok(found);
        }
        let path = format!("{}/{}", among.path, found.id());
        one(among, self.client.put(&path).body(&json!({"name": name, "labels": wanted})).json()?)
    }

    /// Does something to an object and waits until the vendor has done it.
    pub(crate) fn act(&self, ctx: Context, path: &str, body: &Value) -> Result<(), Fault> {
        let request = self.client.post(path);
        let request = if body.is_null() { request } else { request.body(body) };
        let answer: Value = request.json()?;
        self.wait(ctx, actions_of(&answer)?)
    }

    /// Waits for all of them.
    pub(crate) fn wait(&self, ctx: Context, mut actions: Vec<Action>) -> Result<(), Fault> {
        if finished(&mut actions)? {
            return Ok(());
        }
        let pace = Pace { first_ms: 500, ..Pace::default() };
        poll::wait(ctx, pace, "what Hetzner was asked to do", || {
            let request = actions.iter().take(25).fold(self.client.get("/actions"), |request, action| {
                request.query("id", action.id.to_string())
            });
            let seen = actions_of(&request.json()?)?;
            for action in &mut actions {
                if let Some(now) = seen.iter().find(|now| now.id == action.id) {
                    *action = now.clone();
                }
            }
            if finished(&mut actions)? {
                return Ok(Look::Ready(()));
            }
            let slowest = &actions[0];
            Ok(Look::Waiting(slowest.command.replace('_', " "), Some(slowest.progress)))
        })
    }

    /// Deletes, unless somebody else's marks are on it; waits until it is gone.
    pub(crate) fn delete(&self, ctx: Context, among: &Collection, id: &str) -> Result<(), Fault> {
        let Some(found) = self.find(ctx, among, Some(id), None)? else { return Ok(()) };
        if found.ownership(ctx) == Ownership::Foreign {
            return Err(Fault::conflict(
                "hetzner::foreign",
                format!("{} {id} carries another owner's marks", among.one),
            ));
        }
        let path = format!("{}/{id}", among.path);
        // What used it may have been deleted a moment ago.
        let pace = Pace { budget_ms: 60_000, ..Pace::default() };
        let answer =
            poll::wait(ctx, pace, "the last user's end", || match self.client.delete(&path).send() {
                Ok(reply) => Ok(Look::Ready(reply.tree())),
                Err(fault) if fault.is("not-found") => Ok(Look::Ready(None)),
                Err(fault) if is_in_use(&fault) || fault.is("locked") => {
                    Ok(Look::Waiting(format!("{} {id} is still in use", among.one), None))
                }
                Err(fault) => Err(fault),
            })?;
        self.wait(ctx, answer.as_ref().map(actions_of).transpose()?.unwrap_or_default())
    }
}

fn is_in_use(fault: &Fault) -> bool {
    matches!(fault.vendor_code(), "resource_in_use" | "primary_ip_assigned" | "must_be_unassigned")
}

fn exists(found: &Found) -> bool {
    found.0["status"] != "deleting"
}

/// The object of an answer.
pub(crate) fn one(among: &Collection, mut answer: Value) -> Result<Found, Fault> {
    let found = answer.get_mut(among.one).map(Value::take).unwrap_or_default();
    if found["id"].is_u64() {
        Ok(Found(found))
    } else {
        Err(Fault::malformed(format!("an answer without a {}", among.one)))
    }
}

/// Every action an answer tells of.
pub(crate) fn actions_of(answer: &Value) -> Result<Vec<Action>, Fault> {
    let single = answer.get("action").filter(|action| action.is_object());
    let lists = ["actions", "next_actions"].iter().filter_map(|name| answer.get(name)?.as_array());
    single.into_iter().chain(lists.flatten()).map(honey_sdk::read).collect()
}

/// Drops the ones that succeeded; whether none is left.
fn finished(actions: &mut Vec<Action>) -> Result<bool, Fault> {
    if let Some(failed) = actions.iter().find(|action| action.status == "error") {
        let (code, message) = failed
            .error
            .as_ref()
            .map_or(("unknown", "no reason given"), |error| (error.code.as_str(), error.message.as_str()));
        let class = class_of(code).unwrap_or("conflict");
        let what = failed.command.replace('_', " ");
        return Err(Fault::new(
            class,
            format!("hetzner::{}", code.replace('_', "-")),
            format!("{what} failed"),
        )
        .with_vendor(honey_sdk::VendorError {
            status: 0,
            code: code.to_owned(),
            message: message.to_owned(),
            request_id: Some(format!("action {}", failed.id)),
        }));
    }
    actions.retain(|action| action.status != "success");
    Ok(actions.is_empty())
}

fn marks(ctx: Context) -> Marks {
    Marks::of(ctx, LABEL_LIMIT)
}

/// What the vendor would refuse about labels that an operator asks for.
pub(crate) fn wrong_label(labels: &Labels) -> Option<String> {
    let plain = |text: &str| {
        let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        text.len() <= LABEL_LIMIT
            && ends(text.as_bytes().first())
            && ends(text.as_bytes().last())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    labels.iter().find_map(|(key, value)| {
        let (prefix, name) = key.rsplit_once('/').unwrap_or(("", key));
        if key == marks::OWNER || key == marks::ADDRESS || prefix == "hetzner.cloud" {
            return Some(format!("`{key}` is reserved"));
        }
        let value = value.as_str();
        let good = plain(name) && prefix.len() <= 253 && value.is_some_and(|text| text.is_empty() || plain(text));
        (!good).then(|| format!("`{key}`: keys and values have at most {LABEL_LIMIT} of A-Z, a-z, 0-9, `-`, `_` and `.`, the first and last no sign"))
    })
}

fn put_marks(ctx: Context, labels: &mut Labels) {
    let marks = marks(ctx);
    labels.insert(marks::OWNER.to_owned(), json!(marks.owner));
    labels.insert(marks::ADDRESS.to_owned(), json!(marks.address));
}

/// Ids are numbers at the vendor and texts everywhere else.
pub(crate) fn number(what: &str, id: &str) -> Result<u64, Fault> {
    id.parse().map_err(|_| Fault::invalid("hetzner::bad-id", format!("{what} `{id}` is no Hetzner id")))
}

pub(crate) fn numbers(what: &str, ids: &[String]) -> Result<Vec<u64>, Fault> {
    ids.iter().map(|id| number(what, id)).collect()
}

fn class_of(code: &str) -> Option<&'static str> {
    Some(match code {
        // The vendor says so when another action runs on the object.
        "conflict" | "locked" => "locked",
        "resource_limit_exceeded" | "resource_unavailable" | "placement_error" => "quota",
        "uniqueness_error" | "resource_in_use" => "conflict",
        "maintenance" | "unavailable" => "transient",
        "protected" | "token_readonly" => "forbidden",
        _ => return None,
    })
}

fn read_refusal(reply: &Reply) -> Refusal {
    let tree = reply.tree().unwrap_or_default();
    let text = |pointer: &str| tree.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let code = text("/error/code");
    let mut message = text("/error/message");
    let fields = tree.pointer("/error/details/fields").and_then(Value::as_array);
    for field in fields.into_iter().flatten() {
        let name = field["name"].as_str().unwrap_or_default();
        if !message.contains(name) {
            message = format!("{message} (field `{name}`)");
        }
    }
    let help = match code.as_str() {
        "unauthorized" => {
            Some("the token is missing, mistyped or revoked: make one under Security, API tokens")
        }
        "token_readonly" => Some("the token may only read: make one with read and write permission"),
        "resource_limit_exceeded" => Some("ask Hetzner for a higher limit, or delete what is not needed"),
        "resource_unavailable" | "placement_error" => {
            Some("choose another region or size, or try again later")
        }
        "uniqueness_error" => {
            Some("the project has one of this name: choose another name, or delete the old one at the vendor")
        }
        "protected" => Some("take the delete protection off at the vendor first"),
        _ => None,
    };
    Refusal {
        class: class_of(&code),
        help: help.map(str::to_owned),
        request_id: reply.header("x-correlation-id").map(str::to_owned),
        code,
        message,
    }
}
