//! Pods leave a server before it changes under them, and may come back after.
//!
//! Only what loses nothing is moved: scratch data, pods that nothing makes
//! again and pods that no other node may take stay, since a restart of k3s does
//! not stop containers. A singleton is stopped, waited for, and started again.

use std::{collections::BTreeMap, time::Duration};

use honey_model::{Fault, State};
use honey_ports::{CallContext, Event};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::desired::shown;
use crate::{
    action::node::{
        Api, Evicting, evict,
        pods::{Consent, is_singleton, sort},
        singleton::{self, Frozen},
        takes_pods,
    },
    kind::connect::Connections,
};

/// How long pods may take to go.
const LIMIT: Duration = Duration::from_mins(10);

/// What was done to the pods of a server; survives a crash as the operation's checkpoint.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Away {
    node: String,
    /// It took no new pods before either.
    was_closed: bool,
    /// Singletons that are stopped here, and not started elsewhere yet.
    singletons: Vec<Frozen>,
}

/// What is to be moved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// What can go without loss.
    Movable,
    /// Everything: the server leaves.
    All,
}

impl Away {
    /// What an earlier try left, where it got so far.
    pub(super) fn earlier(checkpoint: Option<&Value>) -> Option<Self> {
        serde_json::from_value(checkpoint?.get("away")?.clone()).ok()
    }

    /// Starts what was stopped, once nothing of it is left.
    async fn start_singletons(
        &mut self,
        connections: &Connections,
        api: Api<'_>,
        id: &str,
    ) -> Result<(), Fault> {
        if self.singletons.is_empty() {
            return Ok(());
        }
        let (context, store) = (api.context, connections.store.as_ref());
        let late = singleton::start(store, api, context.address.scope(), &self.singletons, true).await?;
        for message in late {
            context.progress.tell(Event::Notice { message });
        }
        self.singletons.clear();
        self.save(context, id).await
    }

    async fn save(&self, context: &CallContext, id: &str) -> Result<(), Fault> {
        context.checkpoint.save(id, &json!({ "away": self })).await
    }
}

/// Moves the pods off a node. None where there is nowhere for them to go.
pub(super) async fn away(
    connections: &Connections,
    api: Api<'_>,
    id: &str,
    node: &str,
    what: What,
    earlier: Option<Away>,
) -> Result<Option<Away>, Fault> {
    let context = api.context;
    let nodes = api.cluster.list(context, "v1", "Node", None, "").await?;
    let named = |one: &&Value| one["metadata"]["name"] == node;
    let Some(own) = nodes.iter().find(named) else { return Ok(None) };
    let others: Vec<&Value> = nodes.iter().filter(|one| !named(one) && takes_pods(one)).collect();
    if others.is_empty() && earlier.is_none() {
        return Ok(None);
    }
    let mut away = match earlier {
        Some(earlier) => earlier,
        None => {
            let was_closed = own["spec"]["unschedulable"] == true;
            let away = Away { node: node.to_owned(), was_closed, singletons: Vec::new() };
            away.save(context, id).await?;
            away
        }
    };
    api.cluster.cordon(context, node, true).await?;
    let pods = api.cluster.list(context, "v1", "Pod", None, "").await?;
    let here: Vec<Value> =
        pods.iter().filter(|pod| is_singleton(pod) && pod["spec"]["nodeName"] == node).cloned().collect();
    let state = connections.store.load().await?.unwrap_or_else(|| State::empty(""));
    let here = singleton::workloads(&state, api, context.address.scope(), &here).await?;
    if !here.is_empty() {
        let new: Vec<Frozen> = here.into_iter().filter(|one| !away.singletons.contains(one)).collect();
        away.singletons.extend(new);
        away.save(context, id).await?;
        singleton::stop(api, &away.singletons, true).await?;
    }
    away.start_singletons(connections, api, id).await?;
    let volumes = api.cluster.list(context, "v1", "PersistentVolume", None, "").await?;
    let places = Places { others: &others, volumes: volumes_by_claim(&volumes) };
    let wanted = |pods: &[Value]| match what {
        What::All => sort(pods, node, Consent { delete_emptydir_data: true, delete_unmanaged: true }).evict,
        What::Movable => {
            let mut pods: Vec<Value> = pods.to_vec();
            pods.retain(|pod| sort(std::slice::from_ref(pod), node, Consent::default()).refused.is_empty());
            pods.retain(|pod| places.any_for(pod));
            sort(&pods, node, Consent::default()).evict
        }
    };
    let asked = Evicting { shown: shown(&context.address), answers: true, limit: LIMIT, help: None };
    evict(api, &asked, wanted).await?;
    Ok(Some(away))
}

/// The node takes pods again, unless it took none before. What an earlier try
/// stopped and never started is started.
pub(super) async fn back(connections: &Connections, api: Api<'_>, id: &str, away: Away) -> Result<(), Fault> {
    let mut away = away;
    if !away.was_closed {
        api.cluster.cordon(api.context, &away.node, false).await?;
    }
    away.start_singletons(connections, api, id).await
}

/// Where a pod may run beside its own node.
struct Places<'a> {
    others: &'a [&'a Value],
    /// `namespace/claim` to the volume behind it.
    volumes: BTreeMap<String, &'a Value>,
}

fn volumes_by_claim(volumes: &[Value]) -> BTreeMap<String, &Value> {
    let claim = |volume: &Value| {
        let claim = &volume["spec"]["claimRef"];
        Some(format!("{}/{}", claim["namespace"].as_str()?, claim["name"].as_str()?))
    };
    volumes.iter().filter_map(|volume| Some((claim(volume)?, volume))).collect()
}

impl Places<'_> {
    fn any_for(&self, pod: &Value) -> bool {
        self.others.iter().any(|node| self.takes(node, pod))
    }

    fn takes(&self, node: &Value, pod: &Value) -> bool {
        let label = |key: &str| node["metadata"]["labels"][key].as_str();
        let selector = pod["spec"]["nodeSelector"].as_object().into_iter().flatten();
        let selected = selector.into_iter().all(|(key, value)| label(key) == value.as_str());
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        let mut claims = volumes.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str());
        selected
            && claims.all(|claim| {
                self.volumes.get(&format!("{namespace}/{claim}")).is_none_or(|volume| reaches(volume, &label))
            })
    }
}

/// Whether a volume can be used on a node with these labels.
fn reaches<'a>(volume: &Value, label: &impl Fn(&str) -> Option<&'a str>) -> bool {
    let Some(terms) = volume["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"].as_array() else {
        return true;
    };
    let holds = |rule: &Value| {
        let value = label(rule["key"].as_str().unwrap_or_default());
        let listed = rule["values"].as_array().is_some_and(|all| all.iter().any(|one| one.as_str() == value));
        // What is not understood is taken for a hindrance: the pod stays.
        rule["operator"] == "In" && value.is_some() && listed
    };
    terms.iter().any(|term| term["matchExpressions"].as_array().is_some_and(|rules| rules.iter().all(holds)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Places, volumes_by_claim};

    #[test]
    fn a_pod_moves_where_its_labels_and_its_volume_go() {
        let node = |name: &str, redis: &str| json!({"metadata": {"labels": {"kubernetes.io/hostname": name, "redis": redis}}});
        let (two, three) = (node("two", "no"), node("three", "no"));
        let volume = |host: &str| {
            json!({"spec": {
                "claimRef": {"namespace": "a", "name": host},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                    {"key": "kubernetes.io/hostname", "operator": "In", "values": [host]}]}]}},
            }})
        };
        let volumes = [volume("one"), volume("two")];
        let others = [&two, &three];
        let places = Places { others: &others, volumes: volumes_by_claim(&volumes) };
        let claims = |name: &str| {
            json!({"metadata": {"namespace": "a"}, "spec": {"volumes": [
            {"persistentVolumeClaim": {"claimName": name}}]}})
        };
        assert!(places.any_for(&json!({"metadata": {"namespace": "a"}, "spec": {}})));
        assert!(!places.any_for(&json!({"spec": {"nodeSelector": {"redis": "yes"}}})));
        assert!(!places.any_for(&claims("one")), "its volume lies on the node itself");
        assert!(places.any_for(&claims("two")));
        assert!(places.any_for(&claims("not bound yet")));
    }
}
