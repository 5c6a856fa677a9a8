//! Evicting pods from one node until none is left, or until it is clear that
//! it will not end. Disruption budgets may hold it up.

use std::{collections::BTreeMap, time::Duration};

use honey_model::{Fault, FaultClass};
use honey_ports::cluster::Eviction;
use serde_json::Value;

use super::{
    Api,
    pods::{shown, uid},
};
use crate::phase::wait::pause;

/// First pause between two looks, and the longest.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// What is evicted from where.
pub(crate) struct Evicting<'a> {
    /// As the operator calls it.
    pub(crate) shown: &'a str,
    /// Whether it answers: pods of one that does not end when it is back or removed.
    pub(crate) answers: bool,
    /// How long it may take.
    pub(crate) limit: Duration,
    /// What else could be done about one that does not go.
    pub(crate) help: Option<&'a str>,
}

/// Evicts the pods that `wanted` picks out of all; names those that went.
pub(crate) async fn evict(
    api: Api<'_>,
    asked_for: &Evicting<'_>,
    wanted: impl Fn(&[Value]) -> Vec<Value>,
) -> Result<Vec<String>, Fault> {
    let started = tokio::time::Instant::now();
    let mut asked: BTreeMap<String, String> = BTreeMap::new();
    let mut wait = FIRST;
    loop {
        let pods = api.cluster.list(api.context, "v1", "Pod", None, "").await?;
        let mut blocked: Vec<String> = Vec::new();
        let mut ending: Vec<String> = Vec::new();
        for pod in &wanted(&pods) {
            if pod["metadata"].get("deletionTimestamp").is_some() {
                asked.entry(uid(pod).to_owned()).or_insert_with(|| shown(pod));
                ending.push(shown(pod));
                continue;
            }
            match api.cluster.evict(api.context, pod).await? {
                Eviction::Begun => {
                    wait = FIRST;
                    asked.insert(uid(pod).to_owned(), shown(pod));
                    ending.push(shown(pod));
                }
                Eviction::Gone => {}
                Eviction::Blocked { why } => blocked.push(format!("{}: {why}", shown(pod))),
            }
        }
        if blocked.is_empty() && (ending.is_empty() || !asked_for.answers) {
            return Ok(asked.into_values().collect());
        }
        if started.elapsed() >= asked_for.limit {
            return Err(late(asked_for, &blocked, &ending));
        }
        let message = match blocked.first() {
            Some(first) => format!("waiting for a disruption budget: {first}"),
            None => format!("waiting until {} have ended: {}", ending.len(), ending.join(", ")),
        };
        pause(api.context, &honey_model::text::visible(&message, 300), wait).await?;
        wait = (wait * 3 / 2).min(LONGEST);
    }
}

fn late(asked_for: &Evicting<'_>, blocked: &[String], ending: &[String]) -> Fault {
    let other = asked_for.help.map(|help| format!(", {help}")).unwrap_or_default();
    let help = format!(
        "the node stays closed; mend what is named (more replicas, or a budget that allows one to go) and run this \
         again{other}"
    );
    let list = |pods: &[String]| {
        let more = pods.len().saturating_sub(5);
        let tail = if more > 0 { format!(" and {more} more") } else { String::new() };
        format!("{}{tail}", pods.iter().take(5).cloned().collect::<Vec<_>>().join("; "))
    };
    let why = if blocked.is_empty() { format!("still ending: {}", list(ending)) } else { list(blocked) };
    let text = format!("{} still has pods after {} s: {why}", asked_for.shown, asked_for.limit.as_secs());
    Fault::new(FaultClass::Timeout, "HNY0844", text).with_help(help)
}
