//! The vendor's API: how it refuses, how it does things in the background, how
//! its objects carry our marks. No kind is known here.

use std::collections::BTreeMap;

use honey_sdk::{
    Context, Fault, Ownership, Value,
    http::{Client, Refusal, Reply},
    marks::{self, Marks},
    paging::{self, Page},
    poll::{self, Look, Pace},
};
use serde::{Deserialize, de::DeserializeOwned};

const ENDPOINT: &str = "https://api.hetzner.cloud/v1";
/// Longest label value.
const LABEL_LIMIT: usize = 63;

/// Labels of an object.
pub(crate) type Labels = BTreeMap<String, String>;

/// The API of one project.
pub(crate) struct Api {
    pub(crate) client: Client,
}

/// Something the vendor does in the background.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Action {
    pub(crate) id: u64,
    #[serde(default)]
    command: String,
    status: String,
    #[serde(default)]
    progress: u8,
    error: Option<ActionError>,
}

#[derive(Debug, Clone, Deserialize)]
struct ActionError {
    code: String,
    message: String,
}

/// An object that has a name and labels.
pub(crate) trait Labelled: DeserializeOwned {
    /// `/servers`
    const PATH: &'static str;
    /// Where a list answer has its items.
    const MANY: &'static str;
    /// Where any other answer has the object.
    const ONE: &'static str;
    fn id(&self) -> u64;
    fn labels(&self) -> &Labels;
    /// Whether it still counts as existing.
    fn exists(&self) -> bool {
        true
    }
}

impl Api {
    pub(crate) fn new(endpoint: Option<&str>) -> Self {
        let client =
            Client::new("hetzner", endpoint.unwrap_or(ENDPOINT)).bearer("token").refusals(read_refusal);
        Self { client }
    }

    /// By id, else by our marks, else by name. Changes nothing.
    pub(crate) fn find<T: Labelled>(
        &self,
        ctx: Context,
        id: Option<&str>,
        name: Option<&str>,
    ) -> Result<Option<T>, Fault> {
        if let Some(id) = id {
            let answer: Option<Value> =
                self.client.get(&format!("{}/{}", T::PATH, number("id", id)?)).optional()?;
            return answer.map(one).transpose().map(|found| found.filter(T::exists));
        }
        let marks = marks(ctx);
        let selector = format!("{}=={},{}=={}", marks::OWNER, marks.owner, marks::ADDRESS, marks.address);
        let ours = self.list::<T>("label_selector", &selector)?;
        if ours.len() > 1 {
            return Err(Fault::conflict(
                "hetzner::marks-twice",
                format!("{} objects below {} carry the marks of this one resource", ours.len(), T::PATH),
            )
            .with_help("delete all but one at the vendor, or take the honey-address label off the others"));
        }
        if let Some(found) = ours.into_iter().next() {
            return Ok(Some(found));
        }
        match name {
            Some(name) if !name.is_empty() => Ok(self.list("name", name)?.into_iter().next()),
            _ => Ok(None),
        }
    }

    fn list<T: Labelled>(&self, filter: &str, value: &str) -> Result<Vec<T>, Fault> {
        let found: Vec<T> = paging::all(|page: Option<&u64>| {
            let page = page.copied().unwrap_or(1).to_string();
            let answer: Value = self
                .client
                .get(T::PATH)
                .query(filter, value)
                .query("page", page)
                .query("per_page", "50")
                .json()?;
            let next = answer.pointer("/meta/pagination/next_page").and_then(Value::as_u64);
            let items = answer.get(T::MANY).cloned().unwrap_or_default();
            Ok(Page { items: serde_json::from_value(items)?, next })
        })?;
        Ok(found.into_iter().filter(T::exists).collect())
    }

    /// Sets name and labels. Labels of others stay.
    pub(crate) fn rename<T: Labelled>(
        &self,
        ctx: Context,
        object: &T,
        name: &str,
        labels: Option<&Labels>,
    ) -> Result<(), Fault> {
        let mut all = labels.cloned().unwrap_or_else(|| object.labels().clone());
        all.extend(our_labels(ctx));
        self.client
            .put(&format!("{}/{}", T::PATH, object.id()))
            .body(&honey_sdk::json!({"name": name, "labels": all}))
            .send()
            .map(drop)
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
    pub(crate) fn delete<T: Labelled>(&self, ctx: Context, id: &str) -> Result<(), Fault> {
        let Some(found) = self.find::<T>(ctx, Some(id), None)? else { return Ok(()) };
        if ownership(ctx, found.labels()) == Ownership::Foreign {
            return Err(Fault::conflict(
                "hetzner::foreign",
                format!("{} {id} carries another owner's marks", T::ONE),
            ));
        }
        let path = format!("{}/{id}", T::PATH);
        // What used it may have been deleted a moment ago.
        let pace = Pace { budget_ms: 60_000, ..Pace::default() };
        let answer =
            poll::wait(ctx, pace, "the last user's end", || match self.client.delete(&path).send() {
                Ok(reply) => Ok(Look::Ready(reply.tree())),
                Err(fault) if fault.is("not-found") => Ok(Look::Ready(None)),
                Err(fault) if fault.vendor_code() == "resource_in_use" || fault.is("locked") => {
                    Ok(Look::Waiting(format!("{} {id} is still in use", T::ONE), None))
                }
                Err(fault) => Err(fault),
            })?;
        self.wait(ctx, answer.as_ref().map(actions_of).transpose()?.unwrap_or_default())
    }
}

/// The object of an answer.
pub(crate) fn one<T: Labelled>(mut answer: Value) -> Result<T, Fault> {
    let object = answer.get_mut(T::ONE).map(Value::take).unwrap_or_default();
    serde_json::from_value(object).map_err(|error| Fault::malformed(format!("a {}: {error}", T::ONE)))
}

/// Every action an answer tells of.
pub(crate) fn actions_of(answer: &Value) -> Result<Vec<Action>, Fault> {
    let single = answer.get("action").filter(|action| action.is_object());
    let lists = ["actions", "next_actions"].iter().filter_map(|name| answer.get(name)?.as_array());
    single.into_iter().chain(lists.flatten()).map(|action| Ok(Action::deserialize(action)?)).collect()
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

pub(crate) fn marks(ctx: Context) -> Marks {
    Marks::of(ctx, LABEL_LIMIT)
}

/// Our marks as labels.
pub(crate) fn our_labels(ctx: Context) -> Labels {
    let marks = marks(ctx);
    [(marks::OWNER.to_owned(), marks.owner), (marks::ADDRESS.to_owned(), marks.address)].into()
}

/// Labels that are not our marks.
pub(crate) fn other_labels(labels: &Labels) -> Labels {
    labels
        .iter()
        .filter(|(name, _)| *name != marks::OWNER && *name != marks::ADDRESS)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

pub(crate) fn ownership(ctx: Context, labels: &Labels) -> Ownership {
    marks(ctx).ownership(labels.get(marks::OWNER).map(String::as_str))
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
