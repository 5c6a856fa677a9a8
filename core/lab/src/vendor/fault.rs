//! Faults by script: which request is hit, and what happens to it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

/// How `Retry-After` is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RetryAfter {
    /// Not at all.
    #[default]
    Absent,
    /// As this many seconds.
    Seconds(u64),
    /// As an HTTP date this many seconds ahead.
    Date(u64),
}

/// What happens to a request that a rule hits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// This status in the vendor's own error form, without acting.
    Status {
        /// HTTP status.
        status: u16,
        /// The vendor's code, else the usual one of that status.
        #[serde(default)]
        code: Option<String>,
        /// The vendor's message, else a plain one.
        #[serde(default)]
        message: Option<String>,
        /// `Retry-After` header.
        #[serde(default)]
        retry_after: RetryAfter,
    },
    /// 502 with an HTML page of a proxy, without acting.
    BadGateway,
    /// The connection ends before anything was done.
    CutBefore,
    /// The vendor acts, then the connection ends without an answer.
    CutAfter,
    /// The vendor acts and answers after so many real milliseconds, or once
    /// the script is cleared.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// The vendor acts; the body of the answer never ends.
    EndlessBody,
    /// The vendor acts; the answer is one JSON string of 10 MB.
    HugeString,
    /// The vendor accepts; the task, action or operation never ends.
    StuckTask,
    /// The vendor accepts; the task, action or operation fails.
    FailTask,
}

impl Effect {
    /// A status with the vendor's usual code.
    pub fn status(status: u16) -> Self {
        Self::Status { status, code: None, message: None, retry_after: RetryAfter::Absent }
    }

    /// Short name for the books.
    pub fn name(&self) -> String {
        match self {
            Self::Status { status, .. } => format!("status-{status}"),
            Self::BadGateway => "bad-gateway".into(),
            Self::CutBefore => "cut-before".into(),
            Self::CutAfter => "cut-after".into(),
            Self::Slow { .. } => "slow".into(),
            Self::EndlessBody => "endless-body".into(),
            Self::HugeString => "huge-string".into(),
            Self::StuckTask => "stuck-task".into(),
            Self::FailTask => "fail-task".into(),
        }
    }
}

/// One line of a script of faults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// Vendor name.
    pub vendor: String,
    /// Only this method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only paths (with query) that contain this.
    #[serde(default)]
    pub path: Option<String>,
    /// First matching request that is hit, counted from 1.
    #[serde(default = "one")]
    pub nth: u64,
    /// How many matching requests are hit; 0 means all from `nth` on.
    #[serde(default = "one")]
    pub times: u64,
    /// What happens.
    pub effect: Effect,
}

fn one() -> u64 {
    1
}

impl FaultRule {
    /// Hits the first request to a vendor.
    pub fn new(vendor: &str, effect: Effect) -> Self {
        Self { vendor: vendor.to_owned(), method: None, path: None, nth: 1, times: 1, effect }
    }

    /// Only this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only paths that contain this.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        self.path = Some(part.to_owned());
        self
    }

    /// Hits from the `nth` match on.
    #[must_use]
    pub fn nth(mut self, nth: u64) -> Self {
        self.nth = nth.max(1);
        self
    }

    /// Hits this many matches; 0 for all.
    #[must_use]
    pub fn times(mut self, times: u64) -> Self {
        self.times = times;
        self
    }
}

/// The script of a lab: rules and how often each was matched.
#[derive(Debug, Default)]
pub struct Script {
    rules: Mutex<Vec<(FaultRule, u64)>>,
    cleared: Notify,
}

impl Script {
    /// Adds a rule at the end.
    pub fn add(&self, rule: FaultRule) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).push((rule, 0));
    }

    /// Forgets every rule; answers that are kept back go out.
    pub fn clear(&self) {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.cleared.notify_waiters();
    }

    /// Keeps an answer back: for so long, or until the script is cleared.
    pub(crate) async fn keep_back(&self, time: Duration) {
        let _ = tokio::time::timeout(time, self.cleared.notified()).await;
    }

    /// Rules with the number of matches so far.
    pub fn rules(&self) -> Vec<(FaultRule, u64)> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The effect on a request. Every matching rule counts it; the first that
    /// is due decides.
    pub fn hit(&self, vendor: &str, method: &str, path: &str) -> Option<Effect> {
        let mut found = None;
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        for (rule, seen) in rules.iter_mut() {
            let matches = rule.vendor == vendor
                && rule.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
                && rule.path.as_deref().is_none_or(|part| path.contains(part));
            if !matches {
                continue;
            }
            *seen += 1;
            let due = *seen >= rule.nth && (rule.times == 0 || *seen < rule.nth + rule.times);
            if due && found.is_none() {
                found = Some(rule.effect.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nth_match_and_so_many_after_it_are_hit() {
        let script = Script::default();
        script.add(FaultRule::new("neon", Effect::CutAfter).method("post").path("/projects").nth(2).times(2));
        let hits: Vec<bool> =
            (0..5).map(|_| script.hit("neon", "POST", "/api/v2/projects").is_some()).collect();
        assert_eq!(hits, [false, true, true, false, false]);
        assert_eq!(script.hit("neon", "GET", "/api/v2/projects"), None);
        assert_eq!(script.hit("b2", "POST", "/projects"), None);
    }

    #[test]
    fn a_rule_reads_from_json() {
        let rule: FaultRule = serde_json::from_str(
            r#"{"vendor":"hetzner","effect":{"status":{"status":429,"retry_after":{"seconds":2}}}}"#,
        )
        .expect("rule");
        assert_eq!(rule.times, 1);
        assert_eq!(rule.effect.name(), "status-429");
    }
}
