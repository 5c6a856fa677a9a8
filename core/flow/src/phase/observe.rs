//! Looks at every wanted and every recorded resource, in the order of their
//! dependencies, as much side by side as the limits allow. Changes nothing;
//! keeps an answer for each address, failures included.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use futures::{StreamExt as _, stream::FuturesUnordered};
use honey_model::{
    Address, Desired, Fault, FaultClass, Found, Observation, Observed, Record, Resource, State, value,
};
use honey_ports::{Event, Target};
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::Session;

/// A look at the world, and the desired state in the kinds' normal form.
pub struct Seen {
    /// What was found.
    pub observed: Observed,
    /// Normalised.
    pub desired: Desired,
    /// Findings of the plugins' checks.
    pub diagnostics: Vec<honey_model::Diagnostic>,
}

/// Looks. Ends early, with faults of class canceled, when the run is cancelled.
pub async fn observe(session: &Session, desired: &Desired, state: &State) -> Seen {
    observe_replacing(session, desired, state, &[]).await
}

/// The same, with some things on their way out: what is looked at through them is not.
pub(crate) async fn observe_replacing(
    session: &Session,
    desired: &Desired,
    state: &State,
    replacing: &[Address],
) -> Seen {
    let started = std::time::Instant::now();
    let total = desired.resources.len();
    session.progress.tell(Event::PhaseStarted { phase: "refresh".to_owned(), total: Some(total) });
    let mut run = Run::new(session, desired, state);
    run.replacing = replacing.iter().cloned().collect();
    run.look_at_all().await;
    session.progress.tell(Event::PhaseFinished { phase: "refresh".to_owned(), took: started.elapsed() });
    Seen { observed: Observed { resources: run.answers }, desired: run.normal, diagnostics: run.diagnostics }
}

struct Run<'a> {
    session: &'a Session,
    state: &'a State,
    normal: Desired,
    answers: BTreeMap<Address, Observation>,
    diagnostics: Vec<honey_model::Diagnostic>,
    permits: HashMap<String, Arc<Semaphore>>,
    replacing: BTreeSet<Address>,
}

/// What one look came to.
struct Answer {
    address: Address,
    observation: Observation,
    desired: Option<Value>,
    diagnostics: Vec<honey_model::Diagnostic>,
}

impl<'a> Run<'a> {
    fn new(session: &'a Session, desired: &Desired, state: &'a State) -> Self {
        let limits = &session.config.limits;
        let mut permits = HashMap::new();
        for driver in desired
            .resources
            .values()
            .map(|wanted| &wanted.driver)
            .chain(state.resources.values().map(|r| &r.driver))
        {
            let size = if driver == crate::kind::DRIVER { limits.parallel } else { limits.per_plugin };
            permits.entry(driver.clone()).or_insert_with(|| Arc::new(Semaphore::new(size.max(1))));
        }
        Self {
            session,
            state,
            normal: desired.clone(),
            answers: BTreeMap::new(),
            diagnostics: Vec::new(),
            permits,
            replacing: BTreeSet::new(),
        }
    }

    async fn look_at_all(&mut self) {
        let wanted: BTreeMap<Address, Vec<Address>> = self
            .normal
            .resources
            .iter()
            .map(|(address, wanted)| {
                let mut before = wanted.dependencies();
                before.retain(|earlier| self.normal.resources.contains_key(earlier));
                (address.clone(), before)
            })
            .collect();
        let mut waits: HashMap<Address, usize> = HashMap::with_capacity(wanted.len());
        let mut followers: HashMap<Address, Vec<Address>> = HashMap::new();
        let mut ready: Vec<Address> = Vec::new();
        for (address, before) in &wanted {
            waits.insert(address.clone(), before.len());
            for earlier in before {
                followers.entry(earlier.clone()).or_default().push(address.clone());
            }
            if before.is_empty() {
                ready.push(address.clone());
            }
        }
        let orphans: Vec<Address> = self.orphans().cloned().collect();
        let mut running = FuturesUnordered::new();
        for address in &orphans {
            running.push(self.look_at_record(address.clone()));
        }
        loop {
            while let Some(address) = ready.pop() {
                match self.known_now(&address) {
                    Some(observation) => {
                        let answer = Answer { address, observation, desired: None, diagnostics: Vec::new() };
                        self.settle(answer, &mut waits, &followers, &mut ready);
                    }
                    None => running.push(self.look_at(address)),
                }
            }
            let Some(answer) = running.next().await else { break };
            self.settle(answer, &mut waits, &followers, &mut ready);
        }
        drop(running);
        // What is left waits for itself: the planner names the cycle.
        for address in wanted.into_keys() {
            self.answers.entry(address).or_insert(Observation::Absent);
        }
    }

    fn settle(
        &mut self,
        answer: Answer,
        waits: &mut HashMap<Address, usize>,
        followers: &HashMap<Address, Vec<Address>>,
        ready: &mut Vec<Address>,
    ) {
        if let (Some(desired), Some(wanted)) =
            (answer.desired, self.normal.resources.get_mut(&answer.address))
        {
            wanted.desired = desired;
        }
        self.diagnostics.extend(answer.diagnostics);
        for follower in followers.get(&answer.address).into_iter().flatten() {
            if let Some(left) = waits.get_mut(follower) {
                *left -= 1;
                if *left == 0 {
                    ready.push(follower.clone());
                }
            }
        }
        self.answers.insert(answer.address, answer.observation);
    }

    /// Recorded in one of our scopes and not wanted any more.
    fn orphans(&self) -> impl Iterator<Item = &Address> {
        let scopes: BTreeSet<&str> = self.normal.scopes.iter().map(String::as_str).collect();
        self.state.resources.keys().filter(move |address| {
            scopes.contains(address.scope()) && !self.normal.resources.contains_key(*address)
        })
    }

    /// An answer that needs no look: something it refers to is not there.
    fn known_now(&self, address: &Address) -> Option<Observation> {
        let wanted = self.normal.resources.get(address)?;
        let missing = |earlier: &Address| {
            self.replacing.contains(earlier)
                || !matches!(self.answers.get(earlier), Some(Observation::Found(_)) | None)
        };
        let mut references = Vec::new();
        value::visit_references(&wanted.desired, &mut |reference| references.push(reference.address));
        references.sort();
        references.dedup();
        references.retain(missing);
        let failed = references
            .iter()
            .any(|earlier| matches!(self.answers.get(earlier), Some(Observation::Failed(_))));
        // A missing reference that only names peers does not keep a look from being useful,
        // but one that says where to look does: drivers answer `None` for those.
        (failed || self.locates_by(wanted, &references)).then_some(Observation::Deferred(references))
    }

    /// Whether a missing reference stands in a field that says where to look.
    fn locates_by(&self, wanted: &Resource, missing: &[Address]) -> bool {
        // A plugin looks by id, marks or natural name; only the core's own kinds
        // need an address or a cluster to look at anything.
        if missing.is_empty() || wanted.driver != crate::kind::DRIVER {
            return false;
        }
        let schema = self.session.schema(&wanted.driver, &wanted.kind);
        let Some(fields) = wanted.desired.as_object() else { return false };
        fields.iter().any(|(name, inner)| {
            let locator = schema.is_some_and(|schema| schema.field(name).create_only);
            let mut hit = false;
            value::visit_references(inner, &mut |reference| hit |= missing.contains(&reference.address));
            locator && hit
        })
    }

    fn look_at(&self, address: Address) -> futures::future::BoxFuture<'a, Answer> {
        let session = self.session;
        let wanted = self.normal.resources.get(&address).cloned();
        let record = self.state.resources.get(&address).cloned();
        let outputs: HashMap<Address, Value> = match &wanted {
            Some(wanted) => wanted
                .dependencies()
                .into_iter()
                .filter_map(|earlier| match self.answers.get(&earlier) {
                    Some(Observation::Found(found)) => Some((earlier, found.outputs.clone())),
                    _ => None,
                })
                .collect(),
            None => HashMap::new(),
        };
        let permit = wanted.as_ref().and_then(|wanted| self.permits.get(&wanted.driver)).cloned();
        Box::pin(async move {
            let _permit = match &permit {
                Some(semaphore) => semaphore.acquire().await.ok(),
                None => None,
            };
            let mut answer = Answer {
                address: address.clone(),
                observation: Observation::Absent,
                desired: None,
                diagnostics: Vec::new(),
            };
            let Some(wanted) = wanted else { return answer };
            match look(session, &wanted, record.as_ref(), &outputs).await {
                Ok(look) => {
                    answer.observation =
                        look.found.map_or(Observation::Absent, |found| Observation::Found(Box::new(found)));
                    answer.desired = look.desired;
                    answer.diagnostics = look.diagnostics;
                }
                Err(fault) => answer.observation = Observation::Failed(Box::new(fault)),
            }
            answer
        })
    }

    fn look_at_record(&self, address: Address) -> futures::future::BoxFuture<'a, Answer> {
        let session = self.session;
        let record = self.state.resources.get(&address).cloned();
        let permit = record.as_ref().and_then(|record| self.permits.get(&record.driver)).cloned();
        Box::pin(async move {
            let _permit = match &permit {
                Some(semaphore) => semaphore.acquire().await.ok(),
                None => None,
            };
            let observation = match record {
                Some(record) => match look_at_recorded(session, &address, &record).await {
                    Ok(Some(found)) => Observation::Found(Box::new(found)),
                    Ok(None) => Observation::Absent,
                    Err(fault) => Observation::Failed(Box::new(fault)),
                },
                None => Observation::Absent,
            };
            Answer { address, observation, desired: None, diagnostics: Vec::new() }
        })
    }
}

struct Look {
    found: Option<Found>,
    desired: Option<Value>,
    diagnostics: Vec<honey_model::Diagnostic>,
}

fn no_driver(name: &str) -> Fault {
    Fault::new(FaultClass::Unsupported, "HNY0485", format!("the plugin `{name}` is not loaded"))
        .with_help(format!("add `[plugins.{name}]` to the configuration, or see `honey plugin list`"))
}

async fn look(
    session: &Session,
    wanted: &Resource,
    record: Option<&Record>,
    outputs: &HashMap<Address, Value>,
) -> Result<Look, Fault> {
    if session.cancel.is_canceled() {
        return Err(Fault::new(FaultClass::Canceled, "HNY0385", "stopped before this was looked at"));
    }
    let driver = session.driver(&wanted.driver).ok_or_else(|| no_driver(&wanted.driver))?;
    let context = session.reading(&wanted.address);
    let resolved = value::resolve(&wanted.desired, &|earlier| outputs.get(earlier));
    let checked = driver.check(&wanted.kind, &resolved.value).await?;
    let id = record.filter(|record| record.kind == wanted.kind && record.driver == wanted.driver);
    let target = Target {
        kind: &wanted.kind,
        id: id.map(|record| record.id.as_str()),
        desired: Some(&checked.desired),
    };
    let found = driver.read(&context, target).await?;
    // References stay in the plan, so that apply fills them in by itself.
    let desired = put_references_back(checked.desired, &wanted.desired);
    let at = |finding: honey_model::Diagnostic| honey_model::Diagnostic {
        path: if finding.path.is_empty() {
            wanted.origin.clone()
        } else {
            format!("{}{}", wanted.origin, finding.path.replace('/', "."))
        },
        ..finding
    };
    Ok(Look { found, desired: Some(desired), diagnostics: checked.diagnostics.into_iter().map(at).collect() })
}

async fn look_at_recorded(
    session: &Session,
    address: &Address,
    record: &Record,
) -> Result<Option<Found>, Fault> {
    let driver = session.driver(&record.driver).ok_or_else(|| no_driver(&record.driver))?;
    let context = session.reading(address);
    let target = Target { kind: &record.kind, id: Some(&record.id), desired: Some(&record.attributes) };
    driver.read(&context, target).await
}

/// Wherever the written value has a reference, it stands in the normalised one too.
fn put_references_back(normal: Value, written: &Value) -> Value {
    match (normal, written) {
        (Value::Object(mut normal), Value::Object(fields)) if is_plain(written) => {
            for (key, inner) in fields {
                let kept = normal.remove(key).unwrap_or(Value::Null);
                normal.insert(key.clone(), put_references_back(kept, inner));
            }
            Value::Object(normal)
        }
        // What is not known yet is left out by the normalising, and a sorted
        // array has no places: with a reference inside, the written value stands.
        (_, written) if !is_plain(written) || has_reference(written) => written.clone(),
        (normal, _) => normal,
    }
}

/// Whether a value stands for itself.
fn is_plain(value: &Value) -> bool {
    value::as_reference(value).is_none() && value.get("$concat").is_none()
}

fn has_reference(value: &Value) -> bool {
    let mut found = false;
    value::visit_references(value, &mut |_| found = true);
    found
}

#[cfg(test)]
mod tests {
    use super::put_references_back;
    use honey_model::{Address, value::reference};
    use serde_json::json;

    #[test]
    fn references_survive_normalisation() {
        let node = Address::of(&["a", "machine", "n"]);
        let written = json!({"name": "API.", "values": [reference(&node, "/ipv4"), "x"]});
        let normal = json!({"name": "api", "values": ["127.0.0.1", "x"], "ttl": 1});
        let back = put_references_back(normal, &written);
        let unknown =
            put_references_back(json!({"name": "api"}), &json!({"values": [reference(&node, "/ipv4")]}));
        assert_eq!(
            unknown["values"],
            json!([reference(&node, "/ipv4")]),
            "what is left out as unknown comes back"
        );
        assert_eq!(back, json!({"name": "api", "values": [reference(&node, "/ipv4"), "x"], "ttl": 1}));
    }
}
