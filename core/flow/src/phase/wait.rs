//! Waiting for something outside, told as it goes, ended by the operator.

use std::time::Duration;

use honey_model::{Fault, FaultClass};
use honey_ports::{CallContext, Event};

/// First pause between two looks, and the longest.
pub(crate) const FIRST: Duration = Duration::from_millis(200);
pub(crate) const LONGEST: Duration = Duration::from_secs(3);

/// Looks until it answers `None`; otherwise it says what is waited for.
/// `what` is the sentence's start when it takes too long.
pub(crate) async fn wait(
    context: &CallContext,
    limit: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Result<Option<String>, Fault>,
) -> Result<(), Fault> {
    let started = tokio::time::Instant::now();
    let mut time = FIRST;
    loop {
        let Some(waits_for) = look().await? else { return Ok(()) };
        let waits_for = honey_model::text::visible(&waits_for, 300);
        if started.elapsed() > limit {
            return Err(too_long(what, limit, &waits_for));
        }
        pause(context, &format!("waiting for {waits_for}"), time).await?;
        time = (time * 3 / 2).min(LONGEST);
    }
}

/// What waited in vain.
pub(crate) fn too_long(what: &str, limit: Duration, waits_for: &str) -> Fault {
    let text = format!("{what} still waits for {waits_for} after {} s", limit.as_secs());
    Fault::new(FaultClass::Timeout, "HNY0851", text)
        .with_help("look at `journalctl -u k3s` and the vendor's console; the same command goes on waiting")
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
