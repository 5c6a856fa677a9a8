//! Which pods of a node have to go before it may be touched, and which need
//! the operator's consent. Pure.

use serde_json::Value;

/// Marks a workload, and its pods, of which only one may run.
pub(super) const SINGLETON: &str = "honey.dev/singleton";
/// Marks a pod that a node runs by itself, from a file.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// What the operator consents to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Consent {
    /// Data in `emptyDir` volumes is lost.
    pub delete_emptydir_data: bool,
    /// Pods that nothing makes again are lost.
    pub delete_unmanaged: bool,
}

/// The pods of a node by what is done with them.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    /// By eviction.
    pub(crate) evict: Vec<Value>,
    /// Moved by their own rule: never two.
    pub(crate) singletons: Vec<Value>,
    /// Why the operator has to consent first, one sentence a pod.
    pub(crate) refused: Vec<String>,
}

/// `namespace/name`, safe to show.
pub(crate) fn shown(pod: &Value) -> String {
    let text = |field: &str| pod["metadata"][field].as_str().unwrap_or("?");
    honey_model::text::visible(&format!("{}/{}", text("namespace"), text("name")), 300)
}

pub(crate) fn uid(pod: &Value) -> &str {
    pod["metadata"]["uid"].as_str().unwrap_or_default()
}

pub(crate) fn is_singleton(pod: &Value) -> bool {
    pod["metadata"]["annotations"][SINGLETON] == "true"
}

fn controller(pod: &Value) -> Option<&Value> {
    pod["metadata"]["ownerReferences"].as_array()?.iter().find(|owner| owner["controller"] == true)
}

fn ended(pod: &Value) -> bool {
    matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"))
}

/// Pods that a node runs and that go with it: of daemon sets, from files, ended ones.
fn stays(pod: &Value) -> bool {
    pod["metadata"]["annotations"].get(MIRROR).is_some()
        || controller(pod).is_some_and(|owner| owner["kind"] == "DaemonSet")
}

/// Sorts the pods of one node.
pub(crate) fn sort(pods: &[Value], node: &str, consent: Consent) -> Sorted {
    let mut sorted = Sorted::default();
    for pod in pods.iter().filter(|pod| pod["spec"]["nodeName"] == node && !stays(pod)) {
        if is_singleton(pod) && !ended(pod) {
            sorted.singletons.push(pod.clone());
            continue;
        }
        let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
        let scratch = volumes.filter(|volume| volume.get("emptyDir").is_some()).count() > 0;
        if scratch && !ended(pod) && !consent.delete_emptydir_data {
            sorted.refused.push(format!("{} has data in an emptyDir volume", shown(pod)));
        }
        if controller(pod).is_none() && !ended(pod) && !consent.delete_unmanaged {
            sorted.refused.push(format!("{} belongs to nothing that would make it again", shown(pod)));
        }
        sorted.evict.push(pod.clone());
    }
    sorted
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Consent, sort};

    fn pod(name: &str, about: Value) -> Value {
        let mut pod = json!({
            "metadata": {"namespace": "a", "name": name, "uid": name, "ownerReferences": [{"kind": "ReplicaSet", "name": "x", "controller": true}]},
            "spec": {"nodeName": "n"}, "status": {"phase": "Running"},
        });
        for (key, value) in about.as_object().into_iter().flatten() {
            *pod.pointer_mut(key).unwrap_or_else(|| panic!("{key}")) = value.clone();
        }
        pod
    }

    #[test]
    fn daemon_sets_mirrors_and_other_nodes_stay_the_rest_goes() {
        let daemon = pod("daemon", json!({"/metadata/ownerReferences/0/kind": "DaemonSet"}));
        let mut mirror = pod("mirror", json!({}));
        mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
        let elsewhere = pod("elsewhere", json!({"/spec/nodeName": "m"}));
        let mut worker = pod("worker", json!({}));
        worker["metadata"]["annotations"] = json!({"honey.dev/singleton": "true"});
        let pods = [daemon, mirror, elsewhere, worker, pod("api", json!({}))];
        let sorted = sort(&pods, "n", Consent::default());
        assert_eq!(sorted.evict.len(), 1);
        assert_eq!(sorted.evict[0]["metadata"]["name"], "api");
        assert_eq!(sorted.singletons[0]["metadata"]["name"], "worker");
        assert!(sorted.refused.is_empty());
    }

    #[test]
    fn what_would_be_lost_needs_consent_unless_it_has_ended() {
        let mut scratch = pod("scratch", json!({}));
        scratch["spec"]["volumes"] = json!([{"name": "s", "emptyDir": {}}]);
        let mut bare = pod("bare", json!({}));
        bare["metadata"]["ownerReferences"] = json!([]);
        let mut over = bare.clone();
        over["status"]["phase"] = json!("Succeeded");
        let pods = [scratch, bare, over];
        let refused = sort(&pods, "n", Consent::default()).refused;
        assert_eq!(refused.len(), 2, "{refused:?}");
        let consent = Consent { delete_emptydir_data: true, delete_unmanaged: true };
        let sorted = sort(&pods, "n", consent);
        assert!(sorted.refused.is_empty() && sorted.evict.len() == 3);
    }
}
