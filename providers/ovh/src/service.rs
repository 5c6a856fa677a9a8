//! A VPS as the vendor tells it, and what can be done to its disk.

use honey_sdk::{
    Context, Fault, Value, cache,
    http::percent,
    json,
    poll::{self, Look, Pace},
};
use serde::{Deserialize, Serialize};

use crate::api::{Api, Task};

/// Only what is needed; the vendor adds and removes fields.
#[derive(Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    #[serde(default, rename = "displayName")]
    pub(crate) display_name: Option<String>,
    pub(crate) state: String,
}

/// What a service has beside its name, and keeps while honey looks: asked for
/// once in a run.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Details {
    pub(crate) ipv4: Option<String>,
    pub(crate) ipv6: Option<String>,
    /// User of the image on its disk, where the vendor tells it.
    pub(crate) user: Option<String>,
}

impl Service {
    /// What people call it; the service's own name where nobody named it.
    pub(crate) fn display_name(&self) -> &str {
        self.display_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.name)
    }
}

/// An image that a service can be installed with.
#[derive(Deserialize)]
pub(crate) struct Image {
    pub(crate) id: String,
    pub(crate) name: String,
}

#[derive(Deserialize)]
struct Ip {
    #[serde(rename = "type")]
    role: String,
}

fn details_key(service: &str) -> String {
    format!("details:{service}")
}

/// Path of a service.
pub(crate) fn path(service: &str) -> String {
    format!("/vps/{}", percent(service))
}

impl Api {
    /// The service, if the account has it.
    pub(crate) fn service(&self, name: &str) -> Result<Option<Service>, Fault> {
        self.get(&path(name))?.optional()
    }

    /// The one service that people call so.
    pub(crate) fn service_called(&self, display_name: &str) -> Result<Option<Service>, Fault> {
        let names: Vec<String> = self.get("/vps")?.json()?;
        let mut found: Option<Service> = None;
        for name in names {
            let Some(service) = self.service(&name)? else { continue };
            if service.display_name() != display_name {
                continue;
            }
            if let Some(other) = found {
                return Err(Fault::conflict(
                    "ovh::named-twice",
                    format!("both {} and {name} are called `{display_name}`", other.name),
                )
                .with_help("say which one with `service`"));
            }
            found = Some(service);
        }
        Ok(found)
    }

    /// Addresses and user.
    pub(crate) fn details(&self, service: &str) -> Result<Details, Fault> {
        cache::remember(&details_key(service), || {
            let all: Vec<String> = self.get(&format!("{}/ips", path(service)))?.json()?;
            let of = |six: bool| {
                all.iter().filter(|ip| ip.contains(':') == six).map(String::as_str).collect::<Vec<_>>()
            };
            Ok(Details {
                ipv4: self.primary(service, &of(false))?,
                ipv6: self.primary(service, &of(true))?,
                user: self.user(service),
            })
        })
    }

    fn primary(&self, service: &str, ips: &[&str]) -> Result<Option<String>, Fault> {
        if let [only] = ips {
            return Ok(Some((*only).to_owned()));
        }
        for ip in ips {
            let found: Ip = self.get(&format!("{}/ips/{}", path(service), percent(ip)))?.json()?;
            if found.role == "primary" {
                return Ok(Some((*ip).to_owned()));
            }
        }
        Ok(None)
    }

    /// The user of the image on the disk. A new route that older keys may not
    /// call: without an answer, nothing is said.
    fn user(&self, service: &str) -> Option<String> {
        let image: Image = self.get(&format!("{}/images/current", path(service))).ok()?.optional().ok()??;
        user_of(&image.name)
    }

    /// Sets what people call it.
    pub(crate) fn rename(&self, service: &str, display_name: &str) -> Result<(), Fault> {
        self.put(&path(service), &json!({"displayName": display_name}))?.send().map(drop)
    }

    /// Starts a reinstall; returns its task.
    pub(crate) fn rebuild(&self, service: &str, image: &str, key: Option<Key<'_>>) -> Result<u64, Fault> {
        let mut body = json!({"imageId": self.image(service, image)?});
        match key {
            Some(Key::Named(name)) => body["sshKey"] = json!(name),
            Some(Key::Text(text)) => body["publicSshKey"] = json!(text),
            None => {}
        }
        if key.is_some() {
            body["doNotSendPassword"] = json!(true);
        }
        let task: Task = self.post(&format!("{}/rebuild", path(service)), &body)?.json()?;
        // Another image has another user.
        cache::set(&details_key(service), &Value::Null);
        Ok(task.id)
    }

    /// The id of an image, from its id or name: `debian-13` is `Debian 13`.
    fn image(&self, service: &str, wanted: &str) -> Result<String, Fault> {
        let ids: Vec<String> = self.get(&format!("{}/images/available", path(service)))?.json()?;
        if ids.iter().any(|id| id == wanted) {
            return Ok(wanted.to_owned());
        }
        let mut names = Vec::new();
        for id in ids {
            let image: Image =
                self.get(&format!("{}/images/available/{}", path(service), percent(&id)))?.json()?;
            if plain(&image.name) == plain(wanted) {
                return Ok(image.id);
            }
            names.push(image.name);
        }
        Err(Fault::invalid("ovh::no-such-image", format!("{service} cannot be installed with `{wanted}`"))
            .with_help(format!("it can with: {}", names.join(", "))))
    }

    /// Waits for a task and then for the state that it leads to: right after
    /// a task the vendor may still tell the old one.
    pub(crate) fn settle(
        &self,
        ctx: Context,
        service: &str,
        task: Option<u64>,
        wanted: &str,
    ) -> Result<(), Fault> {
        if let Some(task) = task {
            self.wait(ctx, service, task)?;
        }
        poll::wait(ctx, Pace { first_ms: 1_000, ..Pace::default() }, service, || {
            let Some(found) = self.service(service)? else { return Err(gone(service)) };
            if found.state == wanted {
                return Ok(Look::Ready(()));
            }
            Ok(Look::Waiting(format!("{service} is {}", found.state), None))
        })
    }

    /// A call that starts a task, as its number.
    pub(crate) fn start_task(&self, service: &str, verb: &str) -> Result<u64, Fault> {
        let task: Task = self.post(&format!("{}/{verb}", path(service)), &Value::Null)?.json()?;
        Ok(task.id)
    }
}

/// A public key for a reinstall.
#[derive(Clone, Copy)]
pub(crate) enum Key<'a> {
    /// Stored in the account under this name.
    Named(&'a str),
    /// Itself.
    Text(&'a str),
}

/// The vendor's images name their user after the distribution.
fn user_of(image: &str) -> Option<String> {
    let word = image.split(|c: char| !c.is_ascii_alphabetic()).next()?.to_ascii_lowercase();
    (!word.is_empty()).then_some(word)
}

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

pub(crate) fn gone(service: &str) -> Fault {
    Fault::not_found("ovh::no-such-service", format!("the account has no service `{service}`"))
        .with_help("compare the name with the list at the vendor; a key of another site does not see it")
}
