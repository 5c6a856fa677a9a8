//! Vendors as they are now and then: still within their contract, but not what
//! a lab does by itself.

use std::sync::Arc;

use bytes::Bytes;
use honey_lab::{
    Effect, World,
    vendor::tap::{Answer, Seen, Verdict},
};
use serde_json::{Value, json};

use crate::{scenario::Trick, wire::Meddler};

/// Plays one trick.
pub(crate) struct Trickster {
    trick: Trick,
    world: Arc<World>,
    /// Whether what ends the trick has happened.
    over: bool,
}

const SECOND: &str = "198.51.100.99";

impl Trickster {
    pub(crate) fn new(trick: Trick, world: Arc<World>) -> Self {
        Self { trick, world, over: false }
    }

    /// The name of the service that came last.
    fn newest(&self) -> Option<String> {
        let machines = self.world.machines();
        machines.iter().filter_map(|machine| machine.service.clone()).find(|name| name.ends_with(".ovh.net"))
    }
}

fn told(status: u16, body: &Value) -> Verdict {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    Verdict::Answer(Answer { status, headers, body: Bytes::from(body.to_string()) })
}

fn missing() -> Verdict {
    told(404, &json!({"class": "Client::NotFound", "message": "Got an invalid (or empty) URL"}))
}

impl Meddler for Trickster {
    fn before(&mut self, seen: &Seen) -> Verdict {
        let (method, path) = (seen.method.as_str(), seen.path.as_str());
        match self.trick {
            Trick::PasswordsNotStored if path.ends_with("/reveal_password") => {
                told(412, &json!({"code": "", "message": "the project does not store passwords"}))
            }
            Trick::SecondAddress if path.ends_with(&format!("/ips/{SECOND}")) => told(
                200,
                &json!({"ipAddress": SECOND, "type": "additional", "version": "v4", "gateway": null,
                    "macAddress": null, "reverse": null, "geolocation": "ca"}),
            ),
            Trick::NoExtension if path.ends_with("/extension") => missing(),
            Trick::NoExtension if path.ends_with("/operations") => told(200, &json!([1])),
            Trick::NoExtension if path.ends_with("/operations/1") => told(
                200,
                &json!({"id": 1, "status": "done", "type": "delivery", "quantity": 1,
                    "resource": {"name": self.newest(), "displayName": self.newest(), "state": "open"}}),
            ),
            Trick::Unpaid if method == "POST" && path.ends_with("/pay") => {
                self.over = true;
                told(200, &Value::Null)
            }
            Trick::PurchaseLost if method == "POST" && path.ends_with("/checkout") && !self.over => {
                self.over = true;
                Verdict::Fault(Effect::CutAfter)
            }
            _ => Verdict::Pass,
        }
    }

    fn after(&mut self, seen: &Seen, answer: &mut Answer, _acted: bool) {
        let mut body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match self.trick {
            Trick::Stubborn if seen.path.ends_with("/actions/poweroff") => self.over = true,
            Trick::Stubborn if !self.over && body.pointer("/server/status") == Some(&json!("off")) => {
                body["server"]["status"] = json!("running");
                answer.body = Bytes::from(body.to_string());
            }
            Trick::SecondAddress if seen.path.ends_with("/ips") => {
                if let Some(all) = body.as_array_mut() {
                    all.push(json!(SECOND));
                    answer.body = Bytes::from(body.to_string());
                }
            }
            Trick::Unpaid if !self.over && seen.path.ends_with("/status") && body.is_string() => {
                answer.body = Bytes::from(json!("notPaid").to_string());
            }
            _ => {}
        }
    }
}
