//! Waiting for something outside, told as it goes, ended by the operator.

use std::time::Duration;

use honey_model::{Fault, FaultClass};
use honey_ports::{CallContext, Event};

/// First pause between two looks, and the longest.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(3);

/// A wait that has begun.
pub(crate) struct Waiting<'a> {
    context: &'a CallContext,
    limit: Duration,
    what: &'a str,
    started: tokio::time::Instant,
    time: Duration,
}

impl<'a> Waiting<'a> {
    /// `what` is the sentence's start when it takes longer than `limit`.
    pub(crate) fn new(context: &'a CallContext, limit: Duration, what: &'a str) -> Self {
        Self { context, limit, what, started: tokio::time::Instant::now(), time: FIRST }
    }

    /// Once more: tells what is waited for, and lets a little time pass.
    pub(crate) async fn more(&mut self, waits_for: &str) -> Result<(), Fault> {
        let waits_for = honey_model::text::visible(waits_for, 300);
        if self.started.elapsed() > self.limit {
            let text = format!("{} still waits for {waits_for} after {} s", self.what, self.limit.as_secs());
            return Err(Fault::new(FaultClass::Timeout, "HNY0851", text).with_help(
                "look at `journalctl -u k3s` and the vendor's console; the same command goes on waiting",
            ));
        }
        pause(self.context, &format!("waiting for {waits_for}"), self.time).await?;
        self.time = (self.time * 3 / 2).min(LONGEST);
        Ok(())
    }
}

/// Looks until it answers `None`; otherwise it says what is waited for.
pub(crate) async fn wait(
    context: &CallContext,
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<String>, Fault>,
) -> Result<(), Fault> {
    let mut waiting = Waiting::new(context, limit, what);
    while let Some(waits_for) = look().await? {
        waiting.more(&waits_for).await?;
    }
    Ok(())
}

/// Tells what is waited for, and waits a little.
pub(crate) async fn pause(context: &CallContext, message: &str, time: Duration) -> Result<(), Fault> {
    context.progress.tell(Event::OperationProgress {
        address: context.address.clone(),
        message: message.to_owned(),
        percent: None,
    });
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        () = context.cancel.canceled() => {
            Err(Fault::new(FaultClass::Canceled, "HNY0385", format!("stopped while {message}")))
        }
    }
}
