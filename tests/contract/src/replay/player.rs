//! Plays a scenario up to the request that gets the example, and gives it.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use honey_lab::vendor::tap::{Answer, Seen, Verdict};
use serde_json::{Value, json};
use sha2::Digest as _;

use super::{
    example::{Example, Kind},
    graft,
    matching::Place,
    verdict,
};
use crate::{
    Failure,
    baseline::{Baseline, Use},
    scenario::Expect,
    stand::{Ran, Setup, Stand, Workshop},
    subject::Subject,
    wire::Meddler,
};

/// How an example is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// With the scenario's identifiers.
    Grafted,
    /// The same, with fields of tomorrow.
    UnknownFields,
    /// As it is, but for words of tomorrow.
    NewWords,
    /// As it is, every time: a refusal.
    Insisting,
}

/// What was given, and what came of it.
pub(super) struct Played {
    /// The step.
    pub ran: Ran,
    /// The last body that was given; null where it is no JSON.
    pub given: Value,
    /// How often.
    pub times: usize,
    /// What the step comes to where nothing is in its way.
    pub wanted: Expect,
}

struct Player {
    method: String,
    one: Use,
    manner: Manner,
    example: Example,
    inside: Option<String>,
    origin: String,
    seen: usize,
    told: Arc<Mutex<(usize, Value)>>,
}

impl Player {
    fn concerns(&self, seen: &Seen) -> bool {
        seen.method == self.method && self.one.template.matches(&seen.path)
    }

    /// The example's bytes for this request; `real` is the lab's own answer.
    fn body(&self, real: &[u8]) -> Vec<u8> {
        let Some(body) =
            self.example.body.as_ref().filter(|body| !body.is_string() || !self.example.is_text())
        else {
            return self.example.bytes();
        };
        if body.is_null() {
            return Vec::new();
        }
        let real: Value = serde_json::from_slice(real).unwrap_or_default();
        let mut whole = match &self.inside {
            Some(name) if real.get(name).is_some_and(Value::is_array) => json!({ name: [body] }),
            Some(name) => json!({ name: body }),
            None => body.clone(),
        };
        if let (Some(_), Some(own)) = (&self.inside, real.as_object()) {
            for (name, value) in own {
                if whole.get(name).is_none() {
                    whole[name] = value.clone();
                }
            }
        }
        let states = self.example.kind == Kind::Success;
        match self.manner {
            Manner::Grafted => whole = graft::body(&whole, &real, states),
            Manner::UnknownFields => whole = graft::with_unknown_fields(&graft::body(&whole, &real, states)),
            Manner::NewWords => whole = graft::with_new_words(&whole),
            Manner::Insisting => {}
        }
        whole.to_string().into_bytes()
    }

    /// Headers of the example; the vendor's own address becomes the lab's, and
    /// a digest that of the bytes that are sent.
    fn headers(&self, body: &[u8]) -> Vec<(String, String)> {
        let mut headers: Vec<(String, String)> = Vec::new();
        for (name, value) in &self.example.headers {
            let name = name.to_ascii_lowercase();
            if matches!(
                name.as_str(),
                "content-length" | "transfer-encoding" | "content-encoding" | "connection"
            ) {
                continue;
            }
            let value = match name.as_str() {
                "www-authenticate" => readdressed(value, &self.origin),
                "docker-content-digest" => digest(body),
                _ => value.clone(),
            };
            if !value.contains(['\r', '\n', '\0']) {
                headers.push((name, value));
            }
        }
        if !headers.iter().any(|(name, _)| name == "content-type") && !body.is_empty() {
            let media = if self.example.is_text() { "text/html" } else { "application/json" };
            headers.push(("content-type".to_owned(), media.to_owned()));
        }
        headers
    }

    fn tell(&mut self, body: &[u8]) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.0 += 1;
        told.1 = serde_json::from_slice(body).unwrap_or_default();
    }

    fn answer(&mut self, real: &[u8]) -> Answer {
        let body = self.body(real);
        self.tell(&body);
        Answer { status: self.example.status, headers: self.headers(&body), body: Bytes::from(body) }
    }
}

impl Meddler for Player {
    fn before(&mut self, seen: &Seen) -> Verdict {
        if self.manner == Manner::Insisting && self.concerns(seen) {
            return Verdict::Answer(self.answer(&[]));
        }
        Verdict::Pass
    }

    fn after(&mut self, seen: &Seen, answer: &mut Answer, acted: bool) {
        if !acted {
            return;
        }
        if self.concerns(seen) {
            let due = self.seen == self.one.nth;
            self.seen += 1;
            if due && self.manner != Manner::Insisting {
                let own_headers = std::mem::take(&mut answer.headers);
                *answer = self.answer(&answer.body.clone());
                for (name, value) in own_headers {
                    if !answer.headers.iter().any(|(known, _)| *known == name) {
                        answer.headers.push((name, value));
                    }
                }
            }
        } else if self.manner != Manner::Insisting
            && seen.method == "HEAD"
            && self.method == "GET"
            && self.one.template.matches(&seen.path)
        {
            // The same thing asked for without its body: the same headers.
            answer.headers = self.headers(&self.body(&[]));
        }
    }
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(bytes)))
}

/// A challenge whose realm is at the lab.
fn readdressed(challenge: &str, origin: &str) -> String {
    let Some((front, rest)) = challenge.split_once("realm=\"http") else { return challenge.to_owned() };
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    let path = rest.find(['/', '"']).map_or("", |at| &rest[at..]);
    format!("{front}realm=\"{origin}{path}")
}

/// Gives an example in every manner that fits it; what is wrong, in words.
pub(super) async fn play(
    workshop: &Workshop,
    subject: &'static Subject,
    baseline: &Baseline,
    example: &Example,
    places: &[Place],
) -> Result<Vec<String>, Failure> {
    let mut wrong = Vec::new();
    for place in places {
        let one = &baseline.uses[place.at];
        if example.kind == Kind::Refusal || example.status >= 300 {
            let played = once(workshop, subject, one, place, example, Manner::Insisting).await?;
            wrong.extend(verdict::refused(subject, one, example, &played));
            continue;
        }
        // Of a list that is longer than the lab's own, each item has its turn.
        for turn in 1..longest_list(example).clamp(1, TURNS) {
            let turned =
                Example { body: example.body.as_ref().map(|body| turned(body, turn)), ..example.clone() };
            let played = once(workshop, subject, one, place, &turned, Manner::Grafted).await?;
            wrong.extend(verdict::taken(workshop, subject, one, &turned, &played).await?);
        }
        let played = once(workshop, subject, one, place, example, Manner::UnknownFields).await?;
        if let Some(words) = verdict::taken(workshop, subject, one, example, &played).await? {
            let plain = once(workshop, subject, one, place, example, Manner::Grafted).await?;
            let also = verdict::taken(workshop, subject, one, example, &plain).await?;
            wrong.push(also.unwrap_or(format!("unknown fields are not tolerated: {words}")));
        }
        let played = once(workshop, subject, one, place, example, Manner::NewWords).await?;
        wrong.extend(verdict::tolerated(workshop, subject, one, example, &played).await?);
    }
    Ok(wrong)
}

/// How many items of a list have their turn.
const TURNS: usize = 3;

/// Items of the longest list at the first level of an answer.
fn longest_list(example: &Example) -> usize {
    let lists = example.body.iter().flat_map(|body| body.as_object().into_iter().flatten());
    lists
        .filter_map(|(_, value)| value.as_array())
        .filter(|items| items.iter().all(Value::is_object))
        .map(Vec::len)
        .max()
        .unwrap_or(0)
}

/// With another item of each list in front.
fn turned(body: &Value, turn: usize) -> Value {
    let Some(fields) = body.as_object() else { return body.clone() };
    let turn_list = |value: &Value| match value.as_array() {
        Some(items) if items.len() > turn => {
            let mut items = items.clone();
            items.rotate_left(turn);
            Value::Array(items)
        }
        _ => value.clone(),
    };
    fields.iter().map(|(name, value)| (name.clone(), turn_list(value))).collect()
}

/// Whether a plugin has to ask what became of work depends on how far the lab
/// got with it: a request that does not come up gets so many chances.
const CHANCES: usize = 6;

async fn once(
    workshop: &Workshop,
    subject: &'static Subject,
    one: &Use,
    place: &Place,
    example: &Example,
    manner: Manner,
) -> Result<Played, Failure> {
    let mut played = chance(workshop, subject, one, place, example, manner).await?;
    for _ in 1..CHANCES {
        if played.times > 0 {
            break;
        }
        played = chance(workshop, subject, one, place, example, manner).await?;
    }
    Ok(played)
}

async fn chance(
    workshop: &Workshop,
    subject: &'static Subject,
    one: &Use,
    place: &Place,
    example: &Example,
    manner: Manner,
) -> Result<Played, Failure> {
    let scenario = &(subject.scenarios)()[one.scenario];
    let mut stand = Stand::for_scenario(workshop, subject, Setup::default(), scenario).await?;
    for step in &scenario.steps[..one.step] {
        stand.run(step).await;
    }
    let told = Arc::new(Mutex::new((0, Value::Null)));
    let player = Player {
        method: one.method.clone(),
        one: one.clone(),
        manner,
        example: example.clone(),
        inside: place.inside.clone(),
        origin: stand.lab.endpoint(subject.vendor),
        seen: 0,
        told: told.clone(),
    };
    stand.wire.meddle(Some(Box::new(player)));
    let ran = stand.once(&scenario.steps[one.step]).await;
    stand.wire.meddle(None);
    let (times, given) = told.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let wanted = scenario.steps[one.step].expect.clone();
    Ok(Played { ran, given, times, wanted })
}
