//! A guest that misbehaves as its settings say: `{"do": "loop"}`.
//!
//! It carries no honey sections; each test adds its own manifest. Written on the
//! raw interface, because the SDK would not let it do most of this.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, missing_docs, reason = "generated bindings export functions by hand")]

use std::cell::RefCell;

use serde_json::{Value, json};

wit_bindgen::generate!({ world: "plugin", path: "../../wit/v0.1" });

use exports::honey::plugin::lifecycle::{
    ApplyRequest, Checked, Context, Fault, Guest, Outcome, Ownership, Pending, State,
};
use honey::plugin::{
    cache, clock, http, log,
    secrets::{self, Piece},
};

thread_local! {
    static SETTINGS: RefCell<Value> = const { RefCell::new(Value::Null) };
}

fn setting(name: &str) -> Value {
    SETTINGS.with_borrow(|settings| settings.get(name).cloned().unwrap_or_default())
}

fn text(name: &str) -> String {
    setting(name).as_str().unwrap_or_default().to_owned()
}

fn fault(class: &str, code: &str, message: String) -> Fault {
    Fault {
        class: class.to_owned(),
        code: code.to_owned(),
        message,
        help: None,
        retry_after_ms: None,
        vendor: None,
        diagnostics: Vec::new(),
    }
}

struct Hostile;

/// The misdeeds that need nothing but running.
fn misbehave(what: &str, desired: String) -> Result<String, Fault> {
    match what {
        "loop" => loop {
            std::hint::black_box(0);
        },
        "memory" => {
            let mut all: Vec<Vec<u8>> = Vec::new();
            loop {
                all.push(vec![1; 1 << 20]);
                std::hint::black_box(&all);
            }
        }
        "trap" => {
            log::emit(log::Level::Error, "about to fall \u{1b}[31mover", &[]);
            std::process::abort()
        }
        "malformed" => Ok("{not json".to_owned()),
        "not-an-object" => Ok("[1]".to_owned()),
        "deep" => Ok("[".repeat(100_000)),
        "huge" => Ok("x".repeat(50 << 20)),
        "flood" => {
            for line in 0..20_000 {
                log::emit(log::Level::Info, &format!("line {line}"), &[]);
            }
            Ok(desired)
        }
        "sleep" => loop {
            clock::sleep_ms(u32::MAX);
        },
        "impostor" => Err(fault("no-such-class", "HNY0001", "a\u{1b}[2Jb".repeat(5000))),
        "digest" => {
            let pieces = [Piece::Text("a".to_owned()), Piece::Secret(text("secret"))];
            let told = secrets::digest("sha1", &pieces);
            Ok(json!({ "digest": format!("{told:?}") }).to_string())
        }
        "count" => {
            let count = cache::get("count").map_or(0, |bytes| bytes[0]) + 1;
            cache::set("count", &[count]);
            Ok(json!({ "count": count }).to_string())
        }
        _ => Ok(desired),
    }
}

/// Sends what the settings say and tells everything it saw.
fn fetch() -> Value {
    let secret = text("secret");
    let mut headers =
        vec![http::Header { name: "host".to_owned(), value: vec![http::Part::Text("forged".to_owned())] }];
    let mut body = Vec::new();
    if !secret.is_empty() {
        headers.push(http::Header {
            name: "authorization".to_owned(),
            value: vec![http::Part::Text("Bearer ".to_owned()), http::Part::Secret(secret.clone())],
        });
        headers.push(http::Header {
            name: "x-basic".to_owned(),
            value: vec![http::Part::Base64(vec![
                Piece::Text("user:".to_owned()),
                Piece::Secret(secret.clone()),
            ])],
        });
        body.push(http::Part::SecretPercent(secret.clone()));
        body.push(http::Part::SecretJson(secret));
    }
    let captures = match setting("capture").as_str() {
        Some(pointer) => vec![http::Capture { pointer: pointer.to_owned(), into: text("into") }],
        None => Vec::new(),
    };
    let sent = http::send(&http::Request {
        method: "POST".to_owned(),
        url: text("url"),
        headers,
        body,
        timeout_ms: Some(5000),
        idempotent: setting("idempotent").as_bool().unwrap_or_default(),
        bucket: "default".to_owned(),
        captures,
    });
    match sent {
        Ok(response) => json!({
            "status": response.status,
            "headers": response.headers,
            "body": String::from_utf8_lossy(&response.body),
        }),
        Err(error) => json!({ "error": format!("{error:?}") }),
    }
}

impl Guest for Hostile {
    fn configure(config: String) -> Result<(), Fault> {
        let settings: Value = serde_json::from_str(&config).unwrap_or_default();
        if settings["do"] == "refuse" {
            return Err(fault("invalid", "bad-endpoint", "`endpoint` is no URL".to_owned()));
        }
        SETTINGS.set(settings);
        Ok(())
    }

    fn check(_kind: String, desired: String) -> Result<Checked, Fault> {
        Ok(Checked { desired: misbehave(&text("do"), desired)?, diagnostics: Vec::new() })
    }

    fn upgrade(_kind: String, _from: u32, attributes: String) -> Result<String, Fault> {
        Ok(attributes)
    }

    fn read(
        _ctx: &Context,
        _kind: String,
        _id: Option<String>,
        _desired: Option<String>,
    ) -> Result<Option<State>, Fault> {
        let seen = fetch();
        log::emit(log::Level::Info, &seen.to_string(), &[]);
        Ok(Some(State {
            id: "seen".to_owned(),
            attributes: seen.to_string(),
            outputs: "{}".to_owned(),
            ownership: Ownership::Ours,
        }))
    }

    fn apply(ctx: &Context, request: ApplyRequest) -> Result<Outcome, Fault> {
        let round = request.resume.as_deref().and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        if round < 3 {
            if round == 0 {
                ctx.checkpoint("vendor-7", "0");
            }
            return Ok(Outcome::Pending(Pending {
                progress: (round + 1).to_string(),
                after_ms: 1,
                note: String::new(),
            }));
        }
        Ok(Outcome::Done(match text("do").as_str() {
            "no-id" => Some(State {
                id: String::new(),
                attributes: "{}".to_owned(),
                outputs: "{}".to_owned(),
                ownership: Ownership::Ours,
            }),
            "nothing" => None,
            _ => Some(State {
                id: "vendor-7".to_owned(),
                attributes: json!({ "owner": ctx.owner(), "address": ctx.address(), "round": round })
                    .to_string(),
                outputs: "{}".to_owned(),
                ownership: Ownership::Ours,
            }),
        }))
    }
}

export!(Hostile);
