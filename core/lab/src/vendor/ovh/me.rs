//! The account itself: keys, payment methods, orders.

use serde_json::{Value, json};

use super::{Account, Answer, body, error, not_found, order, unknown_route, vps};
use crate::books::Event;
use crate::vendor::reply::Reply;
use crate::vendor::request::Request;
use crate::vendor::rules;

/// Id of the only payment method.
pub(super) const PAYMENT: u64 = 4_711;

/// `/me…`.
pub(super) fn route(account: &std::sync::Arc<Account>, request: &Request, path: &[&str]) -> Answer {
    let done = |body: Value, operation: &str| Ok(Reply::json(200, &body).doing(operation));
    match (request.method.as_str(), &path[1..]) {
        ("GET", []) => done(
            json!({
                "country": "IE",
                "currency": {"code": "EUR", "symbol": "€"},
                "customerCode": "0000-0000-00",
                "email": "operator@lab.example",
                "legalform": "individual",
                "nichandle": "lab-ovh",
                "ovhCompany": "ovh",
                "ovhSubsidiary": "IE",
                "state": "complete",
            }),
            "me.read",
        ),
        ("GET", ["sshKey"]) => {
            let names: Vec<String> = account.state().ssh_keys.keys().cloned().collect();
            done(json!(names), "ssh-key.list")
        }
        ("POST", ["sshKey"]) => {
            let body = body(account, request, "ovh/ssh-key", || {
                let fields = json!({"key": rules::text(), "keyName": rules::text()});
                rules::object(&["key", "keyName"], fields)
            })?;
            let name = body["keyName"].as_str().unwrap_or_default();
            let mut state = account.state();
            if state.ssh_keys.contains_key(name) {
                return Err(error(409, "Client::Conflict", "This SSH key name already exists"));
            }
            let line = body["key"].as_str().unwrap_or_default().trim().to_owned();
            state.ssh_keys.insert(name.to_owned(), line);
            account.world.note("ovh", "ssh-key", name, name, Event::Created);
            done(Value::Null, "ssh-key.create")
        }
        ("GET", ["sshKey", name]) => match account.state().ssh_keys.get(*name) {
            Some(key) => {
                let body = json!({"keyName": name, "key": key, "default": false});
                done(body, "ssh-key.read")
            }
            None => Err(not_found("sshKey")),
        },
        ("DELETE", ["sshKey", name]) => match account.state().ssh_keys.remove(*name) {
            Some(_) => {
                account.world.note("ovh", "ssh-key", name, name, Event::Deleted);
                done(Value::Null, "ssh-key.delete")
            }
            None => Err(not_found("sshKey")),
        },
        ("GET", ["payment", "method"]) => done(json!([PAYMENT]), "payment.list"),
        ("GET", ["payment", "method", id]) if *id == PAYMENT.to_string() => done(
            json!({
                "billingContactId": null,
                "creationDate": "2024-01-01T00:00:00+00:00",
                "default": true,
                "description": "Lab card",
                "expirationDate": null,
                "formSessionId": null,
                "icon": {"data": null, "name": "card", "url": null},
                "integration": "NONE",
                "label": "card ending in 4242",
                "lastUpdate": "2024-01-01T00:00:00+00:00",
                "merchantId": null,
                "oneclick": false,
                "paymentMeanId": null,
                "paymentMethodId": PAYMENT,
                "paymentSubType": null,
                "paymentType": "CREDIT_CARD",
                "status": "VALID",
            }),
            "payment.read",
        ),
        ("GET", ["notification", "email", "history"]) => {
            let ids: Vec<usize> = (1..=vps::mails(account).len()).collect();
            done(json!(ids), "mail.list")
        }
        ("GET", ["notification", "email", "history", id]) => {
            let mails = vps::mails(account);
            let at = id.parse::<usize>().unwrap_or(0).wrapping_sub(1);
            match mails.get(at) {
                Some(text) => done(
                    json!({
                        "body": text,
                        "date": "2024-01-01T00:00:00+00:00",
                        "id": at + 1,
                        "subject": "Termination of your service",
                    }),
                    "mail.read",
                ),
                None => Err(not_found("mail")),
            }
        }
        (_, ["order", rest @ ..]) => order::placed(account, request, rest),
        _ => Err(unknown_route(request)),
    }
}
