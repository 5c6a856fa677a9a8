//! What went over the wire to one vendor, and who may interfere.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use honey_lab::{
    Effect,
    vendor::tap::{Answer, Seen, Tap, Verdict},
};

/// Header that marks requests of a rehearsal's own: nobody counts them.
pub const BY_HAND: &str = "x-by-hand";

/// One request with its answer.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// The request.
    pub seen: Seen,
    /// Status; 0 where the connection was cut.
    pub status: u16,
    /// Headers of the answer.
    pub headers: Vec<(String, String)>,
    /// Body of the answer.
    pub body: Bytes,
    /// Whether the vendor saw the request.
    pub acted: bool,
    /// Whether the connection was cut instead of answered.
    pub cut: bool,
}

/// Interferes with requests and answers.
pub trait Meddler: Send {
    /// Before the vendor sees the request.
    fn before(&mut self, seen: &Seen) -> Verdict {
        let _ = seen;
        Verdict::Pass
    }

    /// Before the plugin sees the answer.
    fn after(&mut self, seen: &Seen, answer: &mut Answer, acted: bool) {
        let _ = (seen, answer, acted);
    }
}

#[derive(Default)]
struct Held {
    cutting: bool,
    exchanges: Vec<Exchange>,
    trick: Option<Box<dyn Meddler>>,
    meddler: Option<Box<dyn Meddler>>,
}

/// The tap of one stand.
pub struct Wire {
    vendor: String,
    held: Mutex<Held>,
}

impl Wire {
    /// Listens to one vendor only.
    pub fn of(vendor: &str) -> Self {
        Self { vendor: vendor.to_owned(), held: Mutex::default() }
    }

    /// Everything so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.open().exchanges.clone()
    }

    /// How many so far.
    pub fn count(&self) -> usize {
        self.open().exchanges.len()
    }

    /// Makes the vendor behave unusually from now on, or usually.
    pub fn trick(&self, trick: Option<Box<dyn Meddler>>) {
        self.open().trick = trick;
    }

    /// Lets somebody interfere from now on, or nobody.
    pub fn meddle(&self, meddler: Option<Box<dyn Meddler>>) {
        self.open().meddler = meddler;
    }

    fn open(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn concerns(&self, seen: &Seen) -> bool {
        seen.vendor == self.vendor && !seen.headers.iter().any(|(name, _)| name == BY_HAND)
    }
}

impl Tap for Wire {
    fn before(&self, seen: &Seen) -> Verdict {
        if !self.concerns(seen) {
            return Verdict::Pass;
        }
        let mut held = self.open();
        let verdict = match held.meddler.as_mut().map_or(Verdict::Pass, |meddler| meddler.before(seen)) {
            Verdict::Pass => held.trick.as_mut().map_or(Verdict::Pass, |trick| trick.before(seen)),
            verdict => verdict,
        };
        held.cutting = matches!(&verdict, Verdict::Fault(Effect::CutBefore | Effect::CutAfter));
        verdict
    }

    fn after(&self, seen: &Seen, answer: &mut Answer, acted: bool) {
        if !self.concerns(seen) {
            return;
        }
        let mut held = self.open();
        if let Some(trick) = held.trick.as_mut() {
            trick.after(seen, answer, acted);
        }
        if let Some(meddler) = held.meddler.as_mut() {
            meddler.after(seen, answer, acted);
        }
        let exchange = Exchange {
            seen: seen.clone(),
            status: answer.status,
            headers: answer.headers.clone(),
            body: answer.body.clone(),
            acted,
            cut: held.cutting,
        };
        held.exchanges.push(exchange);
    }
}
