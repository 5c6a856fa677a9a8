//! The vendor's API, read well or badly.

use honey_sdk::{
    Fault, Value,
    http::{Client, Refusal, Reply, percent},
    paging::{self, Page},
};
use serde::Deserialize;

#[derive(Clone, Deserialize)]
pub(crate) struct Item {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) note: String,
    #[serde(default)]
    pub(crate) password: Option<String>,
}

/// Breaks with the first field that the vendor adds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Strict {
    id: u64,
    name: String,
    size: u64,
    #[serde(default)]
    note: String,
    #[serde(default)]
    password: Option<String>,
}

impl From<Strict> for Item {
    fn from(strict: Strict) -> Self {
        let Strict { id, name, size, note, password } = strict;
        Self { id, name, size, note, password }
    }
}

#[derive(Deserialize)]
struct Many {
    items: Vec<Item>,
    next_page: Option<u32>,
}

pub(crate) struct Api {
    client: Client,
    law: String,
}

impl Api {
    pub(crate) fn new(endpoint: String, law: &str) -> Self {
        let client = Client::new("broken", endpoint).bearer("token");
        let client = match law {
            "vendor-words-are-kept" => client.refusals(silent),
            "faults-have-their-class" => client.refusals(misjudged),
            _ => client.refusals(refusal),
        };
        Self { client, law: law.to_owned() }
    }

    fn breaks(&self, law: &str) -> bool {
        self.law == law
    }

    pub(crate) fn list(&self) -> Result<Vec<Item>, Fault> {
        let first_only = self.breaks("finds-behind-pages");
        paging::all(|page: Option<&u32>| {
            let page = page.copied().unwrap_or(1);
            let request = self.client.get("/items").query("page", page.to_string());
            if self.breaks("hostile-answers-are-faults") {
                let tree = request.send()?.tree().expect("the vendor sends JSON");
                let items = tree["items"].as_array().expect("a list");
                let read = |item: &Value| Item {
                    id: item["id"].as_u64().expect("a number"),
                    name: item["name"].as_str().expect("a text").to_owned(),
                    size: item["size"].as_u64().expect("a number"),
                    note: item["note"].as_str().unwrap_or_default().to_owned(),
                    password: None,
                };
                return Ok(Page { items: items.iter().map(read).collect(), next: None });
            }
            if self.breaks("ends-when-asked") {
                let many: Many = request.json().map_err(|fault| Fault::internal(fault.message))?;
                return Ok(Page { items: many.items, next: many.next_page });
            }
            let many: Many = request.json()?;
            Ok(Page { items: many.items, next: many.next_page.filter(|_| !first_only) })
        })
    }

    pub(crate) fn get(&self, id: &str) -> Result<Option<Item>, Fault> {
        let request = self.client.get(&path(id));
        if self.breaks("unknown-fields-are-tolerated") {
            return Ok(request.optional::<Strict>()?.map(Into::into));
        }
        request.optional()
    }

    /// `password` names the secret that the reply's password becomes.
    pub(crate) fn create(&self, body: &Value, password: &str) -> Result<Item, Fault> {
        let request = self.client.post("/items").body(body);
        if self.breaks("secrets-stay-hidden") {
            return request.json();
        }
        if self.breaks("unknown-fields-are-tolerated") {
            return Ok(request.capture("/password", password).json::<Strict>()?.into());
        }
        request.capture("/password", password).json()
    }

    pub(crate) fn change(&self, id: &str, body: &Value) -> Result<Item, Fault> {
        self.client.patch(&path(id)).body(body).json()
    }

    pub(crate) fn delete(&self, id: &str) -> Result<(), Fault> {
        let request = self.client.delete(&path(id));
        if self.breaks("delete-twice-is-done") {
            return request.send().map(|_| ());
        }
        request.gone_is_done()
    }
}

fn path(id: &str) -> String {
    format!("/items/{}", percent(id))
}

fn refusal(reply: &Reply) -> Refusal {
    let tree = reply.tree().unwrap_or_default();
    let text = |name: &str| tree["error"][name].as_str().unwrap_or_default().to_owned();
    Refusal { code: text("code"), message: text("message"), ..Refusal::default() }
}

/// Does not look into the body.
fn silent(_reply: &Reply) -> Refusal {
    Refusal { message: "the request failed".to_owned(), ..Refusal::default() }
}

/// Whatever it is, the operator did it.
fn misjudged(reply: &Reply) -> Refusal {
    Refusal { class: (reply.status != 404).then_some("invalid"), ..refusal(reply) }
}
