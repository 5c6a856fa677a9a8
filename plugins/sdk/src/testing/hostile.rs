//! A vendor that answers anything: every call of a plugin, through the same
//! door as the host's, against answers bent, cut, nested, doubled and made up.
//! A plugin may refuse all of it, with a fault; it must not panic.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::{MockHost, apply, configure, read};
use crate::{
    Context, Fault, Plugin,
    bindings::honey::plugin::http::{Error, Request, Response},
};

/// More requests than this in one call end it, as an operator would.
const MOST_REQUESTS: u32 = 80;

/// Classes that the interface knows.
const CLASSES: [&str; 14] = [
    "invalid",
    "auth",
    "forbidden",
    "not-found",
    "conflict",
    "locked",
    "quota",
    "rate-limited",
    "transient",
    "timeout",
    "canceled",
    "unsupported",
    "malformed",
    "internal",
];

/// What is done with one plugin.
pub struct Case<'a, P> {
    /// The plugin's settings.
    pub settings: Value,
    /// Origin and path of the vendor's API.
    pub base: &'a str,
    /// Kinds, each with an id and a desired value.
    pub objects: Vec<(&'a str, &'a str, Value)>,
    /// The answer that the vendor would give to a method and target, or a host
    /// to `FACTS` and its address.
    pub usual: fn(&str, &str) -> Value,
    /// Further answers of the vendor.
    pub corpus: Vec<Value>,
    /// Calls beside the lifecycle; the number says which.
    pub others: fn(&P, Context<'_>, u8) -> Result<(), Fault>,
}

/// No calls beside the lifecycle.
pub fn nothing<P>(_: &P, _: Context<'_>, _: u8) -> Result<(), Fault> {
    Ok(())
}

/// Chance, as bytes that a test generates and shrinks.
struct Tape {
    bytes: Vec<u8>,
    at: usize,
}

impl Tape {
    fn byte(&mut self) -> u8 {
        self.at += 1;
        // Beyond its end it goes on, differently each time round.
        match self.bytes.len() {
            0 => 0,
            len => {
                self.bytes[(self.at - 1) % len].wrapping_add(u8::try_from((self.at / len) % 251).unwrap_or(0))
            }
        }
    }

    fn below(&mut self, most: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % most.max(1)
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let at = self.below(items.len());
        &items[at]
    }
}

/// Calls the plugin again and again; `HONEY_FUZZ_CASES` says how often, where
/// that is not a thousand times. Says how many answers it survived. A call that
/// panics is made smaller first, and then fails the test.
#[cfg(feature = "fuzz")]
pub fn survives<P: Plugin>(case: &Case<'_, P>) {
    use proptest::{
        collection::vec,
        prelude::any,
        test_runner::{Config, TestRunner},
    };
    let cases = std::env::var("HONEY_FUZZ_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1_000);
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let answers = std::cell::Cell::new(0);
    let result = runner.run(&vec(any::<u8>(), 1..200), |tape| {
        answers.set(answers.get() + run(&tape, case));
        Ok(())
    });
    #[expect(clippy::print_stderr, reason = "a test says what it did")]
    {
        eprintln!("{cases} calls, {} answers", answers.get());
    }
    result.unwrap_or_else(|failure| panic!("{failure}"));
}

/// Makes one call and returns how many answers it got.
pub fn run<P: Plugin>(tape: &[u8], case: &Case<'_, P>) -> u64 {
    let mut tape = Tape { bytes: tape.to_vec(), at: 0 };
    let host = MockHost::new(case.base, "honeydue-box", "box/thing/one");
    for secret in ["token", "application-key", "application-secret", "consumer-key", "key-id", "password"] {
        host.secret(secret, "s");
    }
    configure::<P>(case.settings.clone()).expect("settings");
    let which = tape.below(case.objects.len() * 6 + 8);
    let resume = (tape.byte().is_multiple_of(4))
        .then(|| json!({"server": 1, "made": "1", "order": 7, "deleting": null}));
    let corpus: Vec<Value> = match case.corpus.as_slice() {
        [] => Vec::new(),
        all => (0..3).map(|_| tape.of(all).clone()).collect(),
    };
    let (usual, base) = (case.usual, case.base.to_owned());
    // Of 256 answers so many are odd: a call that gets far meets its oddity late.
    let oddity = *tape.of(&[8, 24, 60, 200]);
    let counted = std::rc::Rc::new(std::cell::Cell::new(0));
    let counter = counted.clone();
    host.answers(move |request| {
        counter.set(counter.get() + 1);
        if counter.get() > MOST_REQUESTS {
            return Err(Error::Canceled);
        }
        if tape.byte() < oddity {
            return odd_answer(&mut tape, request, &corpus, usual, &base);
        }
        let target = request.url.strip_prefix(&base).unwrap_or(&request.url);
        let body = usual(&request.method, target).to_string().into_bytes();
        Ok(Response { status: 200, headers: Vec::new(), body })
    });
    let result = if which < case.objects.len() * 6 {
        let (kind, id, desired) = &case.objects[which / 6];
        let apply = |action: &str, id: Option<&str>, desired: Option<&Value>| {
            apply::<P>(&host, kind, action, id, desired.cloned(), resume.clone()).map(drop)
        };
        match which % 6 {
            0 => read::<P>(&host, kind, None, Some(desired.clone())).map(drop),
            1 => read::<P>(&host, kind, Some(id), Some(desired.clone())).map(drop),
            2 => apply("create", None, Some(desired)),
            3 => apply("adopt", None, Some(desired)),
            4 => apply("update", Some(id), Some(desired)),
            _ => apply("delete", Some(id), None),
        }
    } else {
        let plugin = crate::current::<P>().expect("configured");
        let choice = u8::try_from(which - case.objects.len() * 6).unwrap_or(0);
        (case.others)(&plugin, host.context(), choice)
    };
    if let Err(fault) = result {
        assert!(CLASSES.contains(&fault.class.as_str()), "a class of its own: {fault:?}");
        assert!(fault.code.contains("::") && !fault.message.is_empty(), "nothing to go by: {fault:?}");
    }
    u64::from(counted.get())
}

fn odd_answer(
    tape: &mut Tape,
    request: &Request,
    corpus: &[Value],
    usual: fn(&str, &str) -> Value,
    base: &str,
) -> Result<Response, Error> {
    const STATUSES: [u16; 24] = [
        200, 200, 200, 200, 200, 200, 200, 201, 204, 301, 400, 401, 403, 404, 409, 410, 412, 422, 423, 429,
        460, 500, 502, 503,
    ];
    let target = request.url.strip_prefix(base).unwrap_or(&request.url);
    let status = *tape.of(&STATUSES);
    let body = match tape.byte() % 8 {
        0 => made_up(tape),
        1 | 2 if !corpus.is_empty() => {
            let example = tape.of(corpus).clone();
            text(tape, example)
        }
        _ => text(tape, usual(&request.method, target)),
    };
    let failure = tape.byte();
    match failure {
        250 => return Err(Error::Timeout("slow".into())),
        251 => return Err(Error::Connect("refused".into())),
        252 | 253 => return Err(Error::Interrupted("reset".into())),
        254 => return Err(Error::TooLarge(1 << 30)),
        _ => {}
    }
    let headers = [
        "retry-after",
        "x-total-count",
        "content-type",
        "docker-content-digest",
        "www-authenticate",
        "location",
    ];
    let values = [
        "30",
        "-1",
        "99999999999999999999999999",
        "Wed, 21 Oct 2026 07:28:00 GMT",
        "Bearer realm=\"https://git.example.com/v2/token\",service=\"x\",scope=\"*\"",
        "Bearer realm=\"unfinished",
        "application/vnd.oci.image.index.v1+json",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "https://evil.example/\u{1b}[31m",
        "",
    ];
    let mut given = Vec::new();
    for name in headers {
        if tape.byte().is_multiple_of(3) {
            given.push((name.to_owned(), (*tape.of(&values)).to_owned()));
        }
    }
    Ok(Response { status, headers: given, body: body.into_bytes() })
}

/// An answer with some of its places changed, as text.
fn text(tape: &mut Tape, mut body: Value) -> String {
    for _ in 0..tape.byte() % 4 {
        bend(tape, &mut body, 0);
    }
    let mut text = body.to_string();
    match tape.byte() % 16 {
        // What no JSON value can hold.
        0 => text = text.replacen("null", "NaN", 1),
        1 => text = text.replacen(|c: char| c.is_ascii_digit(), "1e999", 1),
        // The first member once more.
        2 if text.starts_with("{\"") => text = text.replacen('{', "{\"id\":1,\"id\":2,\"name\":null,", 1),
        3 => text.truncate((0..=text.len() / 2).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)),
        4 => text.push_str(&text.clone()),
        _ => {}
    }
    text
}

/// Changes one place.
fn bend(tape: &mut Tape, tree: &mut Value, depth: usize) {
    let into = depth < 8 && !tape.byte().is_multiple_of(4);
    match tree {
        Value::Object(members) if into && !members.is_empty() => {
            let name = members.keys().nth(tape.below(members.len())).cloned().unwrap_or_default();
            if tape.byte().is_multiple_of(8) {
                members.remove(&name);
            } else if let Some(inner) = members.get_mut(&name) {
                bend(tape, inner, depth + 1);
            }
        }
        Value::Array(items) if into && !items.is_empty() => {
            let at = tape.below(items.len());
            if tape.byte().is_multiple_of(8) {
                let again = items[at].clone();
                items.push(again);
            } else {
                bend(tape, &mut items[at], depth + 1);
            }
        }
        _ => *tree = odd(tape, tree),
    }
}

/// Something else in its place.
fn odd(tape: &mut Tape, was: &Value) -> Value {
    match tape.byte() % 16 {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(u64::MAX),
        4 => json!(1.5e300),
        5 => json!(""),
        6 => json!([]),
        7 => json!({}),
        8 => json!([was]),
        9 => json!({ "inner": was }),
        10 => json!(was.to_string()),
        11 => json!("\u{1b}]0;title\u{7}\u{202e}\u{0}\r\n"),
        12 => json!("x".repeat(20_000)),
        13 => json!("€-é-\u{1f41d}"),
        14 => json!("NaN"),
        _ => (0..60).fold(json!(1), |inner, _| json!([inner])),
    }
}

/// Nothing that a vendor would send.
fn made_up(tape: &mut Tape) -> String {
    match tape.byte() % 8 {
        0 => String::new(),
        1 => "<html><body>502 Bad Gateway</body></html>".to_owned(),
        2 => "[".repeat(10_000),
        3 => "{\"a\":".repeat(5_000),
        4 => "NaN".to_owned(),
        5 => {
            let mut text = String::new();
            for _ in 0..tape.byte() {
                let _ = write!(text, "{}", char::from(tape.byte()));
            }
            text
        }
        6 => "{\"a\":1,\"a\":{\"a\":[]}}".to_owned(),
        _ => "9".repeat(400),
    }
}
