//! Answers that a vendor should not give: too large, too deep, doubled, of wrong
//! types, full of escapes, pointing elsewhere. Whatever comes: no plugin
//! breaks, no credential goes to another place, nothing is shown raw.

use std::{
    net::Ipv4Addr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use futures::StreamExt as _;
use honey_lab::vendor::tap::{Answer, Seen};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    Failure,
    baseline::{Baseline, Use},
    faults::rule,
    scenario::{Ability, Act},
    stand::{Setup, Stand, Workshop},
    subject::Subject,
    wire::Meddler,
};

/// How many rehearsals at once.
const AT_ONCE: usize = 3;

/// What is wrong with an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Malice {
    /// A text of 10 MB.
    Huge,
    /// A hundred thousand brackets.
    Deep,
    /// Every field twice, with another type the first time.
    Doubled,
    /// Every value of another type.
    WrongTypes,
    /// No number is one.
    NotANumber,
    /// Escapes and line breaks in every text.
    Escapes,
    /// The same in a refusal.
    RefusedWithEscapes,
    /// Every link leads elsewhere.
    LinksElsewhere,
    /// A redirect to another origin.
    Redirect,
    /// Half of the answer.
    Half,
    /// Nothing at all.
    Empty,
}

/// All of them.
pub const ALL: [Malice; 11] = [
    Malice::Huge,
    Malice::Deep,
    Malice::Doubled,
    Malice::WrongTypes,
    Malice::NotANumber,
    Malice::Escapes,
    Malice::RefusedWithEscapes,
    Malice::LinksElsewhere,
    Malice::Redirect,
    Malice::Half,
    Malice::Empty,
];

const ESCAPE: &str = "\u{1b}[31m\u{7}\r\n\u{202e}evil";

/// What came of all bad answers at one plugin.
#[derive(Debug, Default, Serialize)]
pub struct Hostile {
    /// How many were given.
    pub tried: usize,
    /// What did not hold.
    pub wrong: Vec<String>,
}

struct Liar {
    one: Use,
    malice: Malice,
    elsewhere: String,
    told: usize,
}

impl Meddler for Liar {
    fn after(&mut self, seen: &Seen, answer: &mut Answer, _acted: bool) {
        if seen.method != self.one.method || !self.one.template.matches(&seen.path) {
            return;
        }
        self.told += 1;
        if self.told == self.one.nth + 1 {
            twist(self.malice, answer, &self.elsewhere);
        }
    }
}

fn twist(malice: Malice, answer: &mut Answer, elsewhere: &str) {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let text = match malice {
        Malice::Huge => {
            let mut body = if body.is_object() { body } else { json!({"was": body}) };
            body["x_large"] = json!("honey ".repeat(10_000_000 / 6));
            body.to_string()
        }
        Malice::Deep => format!("{}{}", "[".repeat(100_000), "]".repeat(100_000)),
        Malice::Doubled => doubled(&body),
        Malice::WrongTypes => every(&body, &wrong_type).to_string(),
        Malice::NotANumber => every(&body, &not_a_number).to_string().replace("\"@NaN@\"", "NaN"),
        Malice::Escapes => texts(&body, &|text| format!("{text}{ESCAPE}")).to_string(),
        Malice::RefusedWithEscapes => {
            answer.status = 400;
            json!({"error": {"code": ESCAPE, "message": ESCAPE}, "errors": [{"code": 1004, "message": ESCAPE}],
                "success": false, "code": ESCAPE, "message": ESCAPE, "errorCode": ESCAPE})
            .to_string()
        }
        Malice::LinksElsewhere => {
            for (_, value) in answer.headers.iter_mut().filter(|(_, value)| value.contains("http")) {
                *value = format!("Bearer realm=\"{elsewhere}\",service=\"x\"");
            }
            let link = |text: &str| text.starts_with("http");
            texts(&body, &|text| if link(text) { elsewhere.to_owned() } else { text.to_owned() }).to_string()
        }
        Malice::Redirect => {
            answer.status = 302;
            answer.headers.push(("location".to_owned(), elsewhere.to_owned()));
            String::new()
        }
        Malice::Half => String::from_utf8_lossy(&answer.body[..answer.body.len() / 2]).into_owned(),
        Malice::Empty => String::new(),
    };
    answer.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-length"));
    answer.body = Bytes::from(text);
}

fn wrong_type(value: &Value) -> Value {
    match value {
        Value::String(_) => json!(7),
        Value::Number(_) => json!("seven"),
        Value::Bool(_) => json!(["yes"]),
        other => other.clone(),
    }
}

fn not_a_number(value: &Value) -> Value {
    match value {
        Value::Number(_) => json!("@NaN@"),
        Value::String(text) if text.parse::<f64>().is_ok() => json!("NaN"),
        other => other.clone(),
    }
}

fn texts(value: &Value, change: &impl Fn(&str) -> String) -> Value {
    every(value, &|value| value.as_str().map_or_else(|| value.clone(), |text| json!(change(text))))
}

/// Every value that holds no others, changed.
fn every(value: &Value, change: &impl Fn(&Value) -> Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| every(item, change)).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, inner)| (name.clone(), every(inner, change))).collect()
        }
        other => change(other),
    }
}

fn doubled(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(doubled).collect::<Vec<_>>().join(",")),
        Value::Object(fields) => {
            let twice = fields.iter().map(|(name, inner)| {
                let name = Value::String(name.clone());
                format!("{name}:[\"first\"],{name}:{}", doubled(inner))
            });
            format!("{{{}}}", twice.collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

/// A place that nobody may come to.
struct Elsewhere {
    address: String,
    visits: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Elsewhere {
    async fn open() -> Result<Self, Failure> {
        let wrong = |error| Failure::Folder { path: "127.0.0.1".into(), error };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(wrong)?;
        let address = format!("http://{}", listener.local_addr().map_err(wrong)?);
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = visits.clone();
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self { address, visits, task })
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Gives every bad answer to every request of a plugin once.
pub async fn run(
    workshop: &Workshop,
    subject: &'static Subject,
    baseline: &Baseline,
) -> Result<Hostile, Failure> {
    let mut all = Hostile::default();
    let mut uses: Vec<&Use> = Vec::new();
    for one in &baseline.uses {
        let known = uses.iter().any(|other| other.method == one.method && other.template == one.template);
        let empty = one.answer.is_null() || one.answer.as_array().is_some_and(Vec::is_empty);
        if !known && one.status < 400 && !empty {
            uses.push(one);
        }
    }
    let work = uses.iter().flat_map(|one| ALL.iter().map(move |malice| (*one, *malice)));
    let mut running = futures::stream::iter(work.map(|(one, malice)| async move {
        let wrong = once(workshop, subject, one, malice).await;
        let place = |words| format!("{malice:?} at {} {}: {words}", one.method, one.template);
        wrong.map(|words| words.map(place))
    }))
    .buffer_unordered(AT_ONCE);
    while let Some(wrong) = running.next().await {
        all.tried += 1;
        all.wrong.extend(wrong?);
    }
    drop(running);
    all.wrong.sort();
    Ok(all)
}

async fn once(
    workshop: &Workshop,
    subject: &'static Subject,
    one: &Use,
    malice: Malice,
) -> Result<Option<String>, Failure> {
    let elsewhere = Elsewhere::open().await?;
    let scenario = &(subject.scenarios)()[one.scenario];
    let mut stand = Stand::for_scenario(workshop, subject, Setup::default(), scenario).await?;
    for step in &scenario.steps[..one.step] {
        stand.run(step).await;
    }
    let step = &scenario.steps[one.step];
    let liar = Liar { one: one.clone(), malice, elsewhere: elsewhere.address.clone(), told: 0 };
    stand.wire.meddle(Some(Box::new(liar)));
    let ran = stand.once(step).await;
    stand.wire.meddle(None);
    if elsewhere.visits.load(Ordering::SeqCst) > 0 {
        return Ok(Some(format!("somebody went to {}", elsewhere.address)));
    }
    let prices = one.template.0.contains("pricing") || one.template.0.contains("catalog");
    let priced = |value: &Value| prices && step.act == Act::Can(Ability::Price) && !value.is_null();
    Ok(match &ran.outcome {
        Err(fault) => rule::broken(fault),
        // A price that is none must not be shown as one.
        Ok(value) if malice == Malice::NotANumber && priced(value) => {
            Some(format!("a price out of nothing: {value}"))
        }
        Ok(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_twisted_as_said() {
        let twisted = |malice| {
            let body = json!({"id": 1, "price": "3.79", "url": "http://a", "ok": true}).to_string();
            let mut answer = Answer { status: 200, headers: Vec::new(), body: Bytes::from(body) };
            twist(malice, &mut answer, "http://elsewhere");
            (answer.status, String::from_utf8_lossy(&answer.body).into_owned())
        };
        assert!(twisted(Malice::Doubled).1.starts_with(r#"{"id":["first"],"id":1"#));
        assert!(twisted(Malice::NotANumber).1.contains(r#""id":NaN"#));
        assert!(twisted(Malice::NotANumber).1.contains(r#""price":"NaN""#));
        assert!(twisted(Malice::LinksElsewhere).1.contains("http://elsewhere"));
        assert!(twisted(Malice::WrongTypes).1.contains(r#""id":"seven""#));
        assert!(twisted(Malice::Huge).1.len() > 9_000_000);
        assert_eq!(twisted(Malice::Redirect), (302, String::new()));
    }
}
