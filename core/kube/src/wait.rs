//! Waiting until an object is ready, with what happens told meanwhile.

use std::time::{Duration, Instant};

use honey_model::{Fault, FaultClass};
use honey_ports::{
    CallContext, Event,
    cluster::{ObjectName, Readiness},
};

use crate::{apply::show, cluster::KubeCluster, explain, fault};

/// First pause between two looks, and the longest.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(2);

/// How long a pod may be stuck in a state that may pass (an image that cannot
/// be pulled, a secret that is missing) before waiting ends.
const PATIENCE: Duration = Duration::from_secs(45);

/// Pauses that grow.
pub(crate) struct Pace {
    pause: Duration,
    told: String,
}

impl Default for Pace {
    fn default() -> Self {
        Self { pause: FIRST, told: String::new() }
    }
}

impl Pace {
    /// Tells what is waited for when it is new, and pauses. Ends early when the operator wants to stop.
    pub(crate) async fn next(&mut self, context: &CallContext, message: &str) -> Result<(), Fault> {
        if self.told != message {
            message.clone_into(&mut self.told);
            self.pause = FIRST;
            context.progress.tell(Event::OperationProgress {
                address: context.address.clone(),
                message: message.to_owned(),
                percent: None,
            });
        }
        let pause = self.pause;
        self.pause = (self.pause * 3 / 2).min(LONGEST);
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = context.cancel.canceled() => Err(fault::canceled(message)),
        }
    }
}

/// Waits until ready; what failed or took too long is explained.
pub(crate) async fn ready(
    cluster: &KubeCluster,
    context: &CallContext,
    name: &ObjectName,
    limit: Duration,
) -> Result<(), Fault> {
    let started = Instant::now();
    let mut pace = Pace::default();
    let mut stuck_since: Option<Instant> = None;
    loop {
        let state = cluster.look(context, name).await;
        let message = match state {
            Ok(Readiness::Ready) => return Ok(()),
            Ok(Readiness::Failed { message }) => return Err(failed(cluster, context, name, &message).await),
            Ok(Readiness::Progressing { message }) => message,
            // The API may restart while we wait; a wrong request stays wrong.
            Err(fault) if fault.class.retriable() && started.elapsed() < limit => fault.to_string(),
            Err(fault) => return Err(fault),
        };
        if let Some(trouble) = explain::trouble(cluster, context, name).await {
            if trouble.hopeless {
                return Err(failed(cluster, context, name, &trouble.text).await);
            }
            let since = *stuck_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= PATIENCE {
                return Err(failed(cluster, context, name, &trouble.text).await);
            }
        } else {
            stuck_since = None;
        }
        if started.elapsed() >= limit {
            let why = explain::explain(cluster, context, name).await;
            let text = format!("{} is not ready after {} s: {message}{why}", show(name), limit.as_secs());
            return Err(Fault::new(FaultClass::Timeout, fault::NOT_READY, text)
                .with_help("mend what is named here and run again: what is done stays done"));
        }
        pace.next(context, &format!("{}: {message}", show(name))).await?;
    }
}

async fn failed(cluster: &KubeCluster, context: &CallContext, name: &ObjectName, message: &str) -> Fault {
    let why = explain::explain(cluster, context, name).await;
    Fault::new(FaultClass::Conflict, fault::FAILED, format!("{} failed: {message}{why}", show(name)))
        .with_help("waiting does not help here; mend what is named and run again")
}
