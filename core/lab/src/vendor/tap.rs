//! A tap on the wire between a vendor and its callers: it sees every request
//! before the vendor does and every answer before the caller does. For proofs
//! that need more than a script of faults; without one nothing changes.

use bytes::Bytes;

use crate::vendor::fault::Effect;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Vendor name.
    pub vendor: String,
    /// Upper-case method.
    pub method: String,
    /// Path as sent.
    pub path: String,
    /// Path and query as sent.
    pub target: String,
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

/// An answer on its way out.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// HTTP status; 0 where the connection is cut instead.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Bytes,
}

/// What becomes of a request.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The vendor answers, unless the script of faults says otherwise.
    Pass,
    /// This fault, whatever the script says.
    Fault(Effect),
    /// This answer; the vendor does not act.
    Answer(Answer),
}

/// Somebody who listens, and may speak.
pub trait Tap: Send + Sync {
    /// Before the vendor sees the request.
    fn before(&self, _seen: &Seen) -> Verdict {
        Verdict::Pass
    }

    /// Before the caller sees the answer. `acted` is false where the vendor
    /// never saw the request.
    fn after(&self, _seen: &Seen, _answer: &mut Answer, _acted: bool) {}
}
