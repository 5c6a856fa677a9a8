//! What each step does. Every one may be repeated.

use std::time::Duration;

use honey_model::{Active, Address, Fault, FaultClass, State};
use honey_ports::{
    CallContext, Event,
    capability::SwapError,
    cluster::{Cluster, ObjectName},
    store::Lock,
};
use serde_json::{Value, json};

use super::{CutoverPlan, DnsMove, Step, preflight::with_replicas};
use crate::{
    Session, action::status::connect, kind::kube_object::apply_recorded, phase::prepare::capability,
    singleton::is_left,
};

/// How long a singleton's pods may take to go, and to come.
const GONE_LIMIT: Duration = Duration::from_mins(10);
const READY_LIMIT: Duration = Duration::from_mins(10);
const POLL: Duration = Duration::from_millis(200);

/// One step of the way forward.
pub(super) async fn perform(
    session: &Session,
    lock: &dyn Lock,
    plan: &CutoverPlan,
    step: Step,
) -> Result<(), Fault> {
    lock.still_held().await?;
    match step {
        Step::Claim => claim(session, plan).await,
        Step::Freeze => freeze(session, plan).await,
        Step::Swap => match &plan.dns {
            Some(dns) => swap(session, dns).await,
            None => Ok(()),
        },
        Step::Verify => match &plan.dns {
            Some(dns) => verify(session, dns).await,
            None => Ok(()),
        },
        Step::Activate => activate(session, plan, &plan.to, plan.epoch).await,
        Step::Thaw => thaw(session, plan, &plan.to).await,
    }
}

/// The way back to the source, from any step before the point of no return.
pub(super) async fn restore(session: &Session, lock: &dyn Lock, plan: &CutoverPlan) -> Result<(), Fault> {
    lock.still_held().await?;
    if let Some(dns) = &plan.dns {
        swap(session, &dns.reversed()).await?;
    }
    // The target never started one: only `activate` allows that.
    activate(session, plan, &plan.from, plan.epoch + 1).await?;
    thaw(session, plan, &plan.from).await
}

async fn claim(session: &Session, plan: &CutoverPlan) -> Result<(), Fault> {
    let mut state = session.state().await?;
    let moving = Active::Moving { from: plan.from.clone(), to: plan.to.clone(), epoch: plan.epoch };
    if state.active == moving {
        return Ok(());
    }
    if !state.active.may_run_singletons(&plan.from) {
        let text = format!("`{}` is not the active instance any more", plan.from);
        return Err(Fault::new(FaultClass::Conflict, "HNY0817", text).with_help("plan the cutover again"));
    }
    state.active = moving;
    session.ports.store.save(&mut state).await
}

/// Replicas to 0, then wait until no pod is left: zero wanted is not zero running.
async fn freeze(session: &Session, plan: &CutoverPlan) -> Result<(), Fault> {
    let cluster = connect(session, &plan.from).await?;
    for singleton in &plan.singletons {
        let context = context(session, &plan.from, &singleton.name.name);
        let stopped = with_replicas(&singleton.source, 0);
        apply_recorded(&context, cluster.as_ref(), &stopped).await?;
    }
    for singleton in &plan.singletons {
        let context = context(session, &plan.from, &singleton.name.name);
        let started = tokio::time::Instant::now();
        loop {
            let pods = left(cluster.as_ref(), &context, &singleton.name).await?;
            if pods.is_empty() {
                break;
            }
            if started.elapsed() > GONE_LIMIT || session.cancel.is_canceled() {
                let text = format!("{} pods of {} are still there", pods.len(), singleton.name.name);
                let class =
                    if session.cancel.is_canceled() { FaultClass::Canceled } else { FaultClass::Timeout };
                return Err(Fault::new(class, "HNY0818", text).with_help(
                    "a finalizer or a node that does not answer holds them; look at `kubectl describe pod`",
                ));
            }
            let message = format!("waiting for {} pods to be gone", pods.len());
            session.progress.tell(Event::OperationProgress {
                address: context.address.clone(),
                message,
                percent: None,
            });
            tokio::time::sleep(POLL).await;
        }
    }
    Ok(())
}

/// What of a singleton still works, or may: its pods, and runs of a schedule
/// that are between two attempts.
pub(super) async fn left(
    cluster: &dyn Cluster,
    context: &CallContext,
    name: &ObjectName,
) -> Result<Vec<Value>, Fault> {
    let mut left = cluster.pods_of(context, name).await?;
    left.retain(|pod| is_left(&name.kind, pod));
    if left.is_empty()
        && name.kind == "CronJob"
        && let Some(mut live) = cluster.get(context, name).await?
        && let Value::Array(runs) = live["status"]["active"].take()
    {
        left = runs;
    }
    Ok(left)
}

pub(crate) async fn swap(session: &Session, dns: &DnsMove) -> Result<(), Fault> {
    let plugin = capability(session, &dns.plugin)?;
    let context = session.reading(&Address::of(&["dns", "swap"]));
    match plugin.swap(&context, &dns.zone, &dns.swaps).await {
        Ok(_) => Ok(()),
        Err(SwapError::Failed(fault)) => Err(fault),
        Err(moved @ SwapError::Moved(_)) => {
            Err(Fault::new(FaultClass::Conflict, "HNY0816", moved.to_string())
                .with_help("somebody else changed it in between; nothing was swapped"))
        }
    }
}

pub(crate) async fn verify(session: &Session, dns: &DnsMove) -> Result<(), Fault> {
    let plugin = capability(session, &dns.plugin)?;
    let context = session.reading(&Address::of(&["dns", "swap"]));
    let wanted: Vec<_> = dns.swaps.iter().map(|swap| (swap.name.clone(), swap.record_type.clone())).collect();
    let current = plugin.current(&context, &dns.zone, &wanted).await?;
    for (swap, current) in dns.swaps.iter().zip(current) {
        let mut held = current.values;
        held.sort();
        if held != swap.set {
            let text = format!("{} {} holds {held:?} after the swap", swap.record_type, swap.name);
            return Err(Fault::new(FaultClass::Conflict, "HNY0819", text));
        }
    }
    Ok(())
}

/// Only grows: an older epoch never overwrites a newer one. What the steps
/// before it changed is recorded in the same write.
async fn activate(session: &Session, plan: &CutoverPlan, instance: &str, epoch: u64) -> Result<(), Fault> {
    let mut state = session.state().await?;
    let wanted = Active::Instance { name: instance.to_owned(), epoch };
    if state.active == wanted {
        return Ok(());
    }
    if state.active.epoch() > epoch || state.lineage != plan.lineage {
        return Err(Fault::new(FaultClass::Conflict, "HNY0817", "another cutover has taken place since"));
    }
    state.active = wanted;
    record(&mut state, plan, instance);
    session.ports.store.save(&mut state).await
}

/// The records of names and singletons as they are with `instance` active.
fn record(state: &mut State, plan: &CutoverPlan, instance: &str) {
    let forward = instance == plan.to;
    for swap in plan.dns.iter().flat_map(|dns| &dns.swaps) {
        let values = if forward { &swap.set } else { &swap.expect };
        let records = state.resources.iter_mut().filter(|(address, record)| {
            address.scope() == "dns"
                && record.attributes["name"].as_str() == Some(swap.name.as_str())
                && record.attributes["type"].as_str() == Some(swap.record_type.as_str())
        });
        records.for_each(|(_, record)| record.attributes["values"] = json!(values));
    }
    for singleton in &plan.singletons {
        for side in [&plan.from, &plan.to] {
            let replicas = if side == instance { singleton.replicas } else { 0 };
            let namespace = singleton.name.namespace.as_deref().unwrap_or("_");
            let address = Address::of(&[side, "kube", namespace, &singleton.name.kind, &singleton.name.name]);
            if let Some(record) = state.resources.get_mut(&address) {
                record.attributes["object"] = with_replicas(&record.attributes["object"], replicas);
            }
        }
    }
}

async fn thaw(session: &Session, plan: &CutoverPlan, instance: &str) -> Result<(), Fault> {
    let active = session.state().await?.active;
    if !active.may_run_singletons(instance) {
        return Err(Fault::new(
            FaultClass::Conflict,
            "HNY0801",
            format!("`{instance}` is not the active instance"),
        ));
    }
    let cluster = connect(session, instance).await?;
    for singleton in &plan.singletons {
        let object = if instance == plan.to { &singleton.target } else { &singleton.source };
        let context = context(session, instance, &singleton.name.name);
        let started = with_replicas(object, singleton.replicas);
        apply_recorded(&context, cluster.as_ref(), &started).await?;
    }
    for singleton in &plan.singletons {
        let context = context(session, instance, &singleton.name.name);
        cluster.wait_ready(&context, &singleton.name, READY_LIMIT).await?;
    }
    Ok(())
}

fn context(session: &Session, instance: &str, name: &str) -> CallContext {
    session.reading(&Address::of(&[instance, "singleton", name]))
}
