//! Asks whether the stack's kinds live in namespaces, for those that are not
//! Kubernetes' own: the definitions of the stack itself answer first, then the
//! cluster, where it stands already. Changes nothing.

use std::collections::BTreeSet;

use honey_model::{
    Fault,
    kubernetes::{group_of, namespaced},
};
use serde_json::Value;

use crate::{
    Session,
    lower::{Scopes, StackObjects, kubeconfig_address, kubeconfig_secret},
};

/// The answers, by group and kind. A kind that nobody knows yet is left out.
///
/// # Errors
/// Where the cluster's access cannot be read. A cluster that does not answer is no error here: what
/// reads the objects tells it, with each of them.
pub(crate) async fn scopes(
    session: &Session,
    instance: &str,
    stack: Option<&StackObjects>,
) -> Result<Scopes, Fault> {
    let objects: Vec<&Value> =
        stack.into_iter().flat_map(|stack| &stack.objects).map(|entry| &entry.object).collect();
    let mut scopes: Scopes = objects.iter().filter_map(|object| defined(object)).collect();
    let unknown: BTreeSet<(&str, &str)> = objects
        .iter()
        .filter_map(|object| Some((object["apiVersion"].as_str()?, object["kind"].as_str()?)))
        .filter(|(version, kind)| namespaced(group_of(version), kind).is_none())
        .filter(|(version, kind)| !scopes.contains_key(&(group_of(version).to_owned(), (*kind).to_owned())))
        .collect();
    let built = session.state().await?.resources.contains_key(&kubeconfig_address(instance));
    if unknown.is_empty() || !built {
        return Ok(scopes);
    }
    let context = session.reading(&kubeconfig_address(instance));
    let Ok(cluster) = session.own.connections.cluster(&context, &kubeconfig_secret(instance)).await else {
        return Ok(scopes);
    };
    for (version, kind) in unknown {
        match cluster.namespaced(&context, version, kind).await {
            Ok(Some(answer)) => {
                scopes.insert((group_of(version).to_owned(), kind.to_owned()), answer);
            }
            Ok(None) => {}
            Err(_) => break,
        }
    }
    Ok(scopes)
}

/// What a definition of the stack says of its own kind.
fn defined(object: &&Value) -> Option<((String, String), bool)> {
    if object["kind"] != "CustomResourceDefinition" {
        return None;
    }
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    Some(((text("/spec/group")?, text("/spec/names/kind")?), text("/spec/scope")? == "Namespaced"))
}
