//! B2's native API v4: authorization, calls, refusals.

use honey_sdk::{
    Fault, Value, cache,
    http::{Client, Part, Piece, Refusal, Reply},
    json,
    paging::{self, Page},
};
use serde::{Deserialize, de::DeserializeOwned};

use crate::wire::{Authorized, Bucket, Buckets, Key, Keys, Session};

const ENDPOINT: &str = "https://api.backblazeb2.com";

/// Where the host keeps the authorization token; no key can have this name.
const TOKEN: &str = "session.token";

/// Keys on a page; up to this many are one transaction.
const KEYS_PAGE: u32 = 1000;

/// The vendor.
pub(crate) struct Api {
    authorization: Client,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Refused {
    code: String,
    message: String,
}

impl Api {
    pub(crate) fn new(endpoint: Option<&str>) -> Self {
        let pair = vec![
            Piece::Secret("key-id".to_owned()),
            Piece::Text(":".to_owned()),
            Piece::Secret("application-key".to_owned()),
        ];
        let authorization = Client::new("b2", endpoint.unwrap_or(ENDPOINT))
            .header("authorization", vec![Part::Text("Basic ".to_owned()), Part::Base64(pair)])
            .refusals(read_authorization_refusal);
        Self { authorization }
    }

    /// Where the account lives; asked for once in a run.
    pub(crate) fn session(&self) -> Result<Session, Fault> {
        cache::remember("session", || self.authorize())
    }

    fn authorize(&self) -> Result<Session, Fault> {
        let authorized: Authorized = self
            .authorization
            .get("/b2api/v4/b2_authorize_account")
            .capture("/authorizationToken", TOKEN)
            .json()?;
        let storage = authorized.api_info.storage;
        Ok(Session {
            account_id: authorized.account_id,
            api_url: storage.api_url,
            s3_url: storage.s3_api_url,
        })
    }

    /// The bucket of this id or this name. A list with either has no other entry, and no pages.
    pub(crate) fn bucket(&self, by: Lookup<'_>) -> Result<Option<Bucket>, Fault> {
        let filter = match by {
            Lookup::Id(id) => json!({ "bucketId": id }),
            Lookup::Name(name) => json!({ "bucketName": name }),
        };
        let listed: Result<Buckets, Fault> = self.call("b2_list_buckets", &filter, true, None);
        let buckets = match listed {
            Ok(listed) => listed.buckets,
            Err(fault) if fault.is("not-found") => return Ok(None),
            Err(fault) => return Err(fault),
        };
        Ok(buckets.into_iter().find(|bucket| match by {
            Lookup::Id(id) => bucket.bucket_id == id,
            Lookup::Name(name) => bucket.bucket_name == name,
        }))
    }

    pub(crate) fn make_bucket(&self, bucket: &Value) -> Result<Bucket, Fault> {
        self.call("b2_create_bucket", bucket, false, None)
    }

    pub(crate) fn update_bucket(&self, change: &Value) -> Result<Bucket, Fault> {
        self.call("b2_update_bucket", change, false, None)
    }

    /// Deletes an empty bucket; gone already is done.
    pub(crate) fn delete_bucket(&self, id: &str) -> Result<(), Fault> {
        gone_is_done(self.call::<Value>("b2_delete_bucket", &json!({ "bucketId": id }), true, None))
    }

    /// The key of this id.
    pub(crate) fn key(&self, id: &str) -> Result<Option<Key>, Fault> {
        let start = json!({ "maxKeyCount": 1, "startApplicationKeyId": id });
        let page: Keys = self.call("b2_list_keys", &start, true, None)?;
        Ok(page.keys.into_iter().find(|key| key.application_key_id == id))
    }

    /// Every key of the account.
    pub(crate) fn keys(&self) -> Result<Vec<Key>, Fault> {
        paging::all(|start: Option<&String>| {
            let mut filter = json!({ "maxKeyCount": KEYS_PAGE });
            if let Some(start) = start {
                filter["startApplicationKeyId"] = json!(start);
            }
            let page: Keys = self.call("b2_list_keys", &filter, true, None)?;
            Ok(Page { items: page.keys, next: page.next_application_key_id })
        })
    }

    /// Makes a key; its secret is stored by the host before this returns.
    pub(crate) fn make_key(&self, key: &Value, secret: &str) -> Result<Key, Fault> {
        self.call("b2_create_key", key, false, Some(("/applicationKey", secret)))
    }

    /// Deletes a key; gone already is done.
    pub(crate) fn delete_key(&self, id: &str) -> Result<(), Fault> {
        gone_is_done(self.call::<Value>("b2_delete_key", &json!({ "applicationKeyId": id }), true, None))
    }

    /// Sends one call; authorizes again, once, when the token has expired.
    fn call<T: DeserializeOwned>(
        &self,
        operation: &str,
        body: &Value,
        idempotent: bool,
        capture: Option<(&str, &str)>,
    ) -> Result<T, Fault> {
        let first = self.call_with(&self.session()?, operation, body, idempotent, capture);
        match first {
            Err(fault) if matches!(fault.vendor_code(), "expired_auth_token" | "bad_auth_token") => {
                let session = self.authorize()?;
                cache::set("session", &session);
                self.call_with(&session, operation, body, idempotent, capture)
            }
            result => result,
        }
    }

    #[expect(clippy::unused_self, reason = "it is a way to call this API")]
    fn call_with<T: DeserializeOwned>(
        &self,
        session: &Session,
        operation: &str,
        body: &Value,
        idempotent: bool,
        capture: Option<(&str, &str)>,
    ) -> Result<T, Fault> {
        let client = Client::new("b2", session.api_url.as_str())
            .header("authorization", vec![Part::Secret(TOKEN.to_owned())])
            .refusals(read_refusal);
        let mut body = body.clone();
        // Keys are deleted by their id alone.
        if operation != "b2_delete_key" {
            body["accountId"] = json!(session.account_id);
        }
        let mut request = client.post(&format!("/b2api/v4/{operation}")).body(&body).idempotent(idempotent);
        if let Some((pointer, secret)) = capture {
            request = request.capture(pointer, secret);
        }
        request.json()
    }
}

/// How to look for a bucket.
#[derive(Clone, Copy)]
pub(crate) enum Lookup<'a> {
    Id(&'a str),
    Name(&'a str),
}

fn gone_is_done<T>(result: Result<T, Fault>) -> Result<(), Fault> {
    match result {
        Ok(_) => Ok(()),
        Err(fault) if fault.is("not-found") => Ok(()),
        Err(fault) => Err(fault),
    }
}

fn read_authorization_refusal(reply: &Reply) -> Refusal {
    let mut refusal = read_refusal(reply);
    if reply.status == 401 {
        refusal.class = Some("auth");
        refusal.help = Some(
            "check the secrets key-id and application-key: the key may be mistyped, deleted or expired"
                .to_owned(),
        );
    } else if reply.status == 404 || refusal.class == Some("not-found") {
        // Nothing is looked for here: it must not read as a bucket that is not there.
        refusal.class = Some("invalid");
        refusal.help = Some("check the setting endpoint".to_owned());
    }
    refusal
}

fn read_refusal(reply: &Reply) -> Refusal {
    let refused: Refused = reply.json().unwrap_or_default();
    let (class, help) = match refused.code.as_str() {
        "bad_auth_token" | "expired_auth_token" => (Some("auth"), None),
        "unauthorized" => (
            Some("forbidden"),
            Some("the application key lacks a capability, or is limited to other buckets"),
        ),
        code if code.ends_with("cap_exceeded") => {
            (Some("quota"), Some("raise the cap on the Caps & Alerts page of Backblaze"))
        }
        "too_many_buckets" => (Some("quota"), Some("an account has at most 100 buckets")),
        "duplicate_bucket_name" => (Some("conflict"), None),
        "cannot_delete_non_empty_bucket" => (
            Some("conflict"),
            Some("delete its files first, hidden and old versions and unfinished large files included"),
        ),
        "bad_bucket_id" | "no_such_bucket" => (Some("not-found"), None),
        // A key that is gone has no code of its own.
        "bad_request" if refused.message.contains("key not found") => (Some("not-found"), None),
        _ => (None, None),
    };
    Refusal {
        code: refused.code,
        message: refused.message,
        request_id: reply.header("x-bz-request-id").map(str::to_owned),
        class,
        help: help.map(str::to_owned),
    }
}
