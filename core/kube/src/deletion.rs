//! Deleting an object and waiting until it and what it owns are gone.

use std::time::{Duration, Instant};

use honey_model::{Fault, FaultClass};
use honey_ports::{CallContext, cluster::ObjectName};
use http::Method;
use serde_json::json;

use crate::{
    access::{Access, Call},
    apply::show,
    discovery::Discovery,
    fault, wait,
};

/// Deletes in the foreground; ends when the object is gone or the deadline of the call is over.
pub(crate) async fn delete(
    access: &Access,
    discovery: &Discovery,
    context: &CallContext,
    name: &ObjectName,
) -> Result<(), Fault> {
    let Some(place) = discovery.place(access, context, &name.api_version, &name.kind).await? else {
        return Ok(());
    };
    let path = place.object(name);
    let what = format!("cannot delete {}", show(name));
    let options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Foreground"});
    let call = Call::send(what, Method::DELETE, &path, "application/json", &options);
    let Some(answer) = access.found(context, &call).await? else { return Ok(()) };
    // Another object may take the name while we wait: only this one has to go.
    let uid = [&answer["metadata"]["uid"], &answer["details"]["uid"]]
        .into_iter()
        .find_map(|uid| uid.as_str().map(str::to_owned));
    let started = Instant::now();
    let mut pace = wait::Pace::default();
    loop {
        let read = Call::get(format!("cannot see whether {} is gone", show(name)), &path);
        let Some(left) = access.found(context, &read).await? else { return Ok(()) };
        if uid.as_deref().is_some_and(|uid| left["metadata"]["uid"] != json!(uid)) {
            return Ok(());
        }
        if started.elapsed() >= context.deadline {
            return Err(not_gone(name, &left, started.elapsed()));
        }
        pace.next(context, &format!("deleting {}", show(name))).await?;
    }
}

fn not_gone(name: &ObjectName, left: &serde_json::Value, after: Duration) -> Fault {
    let finalizers: Vec<String> = left["metadata"]["finalizers"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|finalizer| finalizer.as_str().map(|text| honey_model::text::visible(text, 80)))
        .take(10)
        .collect();
    let held =
        if finalizers.is_empty() { String::new() } else { format!(", held by {}", finalizers.join(", ")) };
    Fault::new(
        FaultClass::Timeout,
        fault::NOT_GONE,
        format!("{} is still there {} s after its deletion{held}", show(name), after.as_secs()),
    )
    .with_help("whoever set a finalizer has to remove it; a pod on a node that does not answer stays until the node is back or removed")
}
