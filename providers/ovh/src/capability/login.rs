//! A consumer key that the operator confirms on the vendor's page.

use honey_sdk::{
    Context, Fault, Value,
    capability::{Login, Started},
    http::Part,
    json,
};

use crate::{
    Ovh,
    api::{APPLICATION_KEY, CONSUMER_KEY},
};

/// What honey calls, and nothing else.
const RULES: &[(&str, &str)] = &[
    ("GET", "/auth/currentCredential"),
    ("GET", "/me"),
    ("GET", "/me/sshKey/*"),
    ("GET", "/me/sshKey"),
    ("POST", "/me/sshKey"),
    ("DELETE", "/me/sshKey/*"),
    ("GET", "/vps"),
    ("GET", "/vps/*"),
    ("PUT", "/vps/*"),
    ("POST", "/vps/*"),
];

/// Only for orders: reading and paying.
const ORDER_RULES: &[(&str, &str)] = &[
    ("POST", "/order/cart/*"),
    ("GET", "/order/cart/*"),
    ("GET", "/me/order"),
    ("GET", "/me/order/*"),
    ("POST", "/me/order/*"),
    ("GET", "/me/payment/method"),
];

impl Login for Ovh {
    fn start(&self, _ctx: Context) -> Result<Started, Fault> {
        let rules: Vec<Value> = RULES
            .iter()
            .chain(ORDER_RULES)
            .map(|(method, path)| json!({"method": method, "path": path}))
            .collect();
        let answer: Value = self
            .api
            .open("POST", "/auth/credential")
            .header("x-ovh-application", vec![Part::Secret(APPLICATION_KEY.to_owned())])
            .body(&json!({"accessRules": rules}))
            .capture("/consumerKey", CONSUMER_KEY)
            .json()?;
        let url =
            answer["validationUrl"].as_str().ok_or_else(|| Fault::malformed("no page to confirm on"))?;
        Ok(Started {
            url: url.to_owned(),
            note: "lets honey see and change your VPS services and ssh keys, and place the orders that the configuration consents to".to_owned(),
        })
    }

    fn finished(&self, _ctx: Context) -> Result<bool, Fault> {
        // Until it is confirmed, the vendor knows no such key.
        match self.api.get("/auth/currentCredential")?.json::<Value>() {
            Ok(credential) => Ok(credential["status"] == "validated"),
            Err(fault) if fault.is("auth") => Ok(false),
            Err(fault) => Err(fault),
        }
    }
}
