//! The text of a kubeconfig (runbook 6.5, 7, 8): what k3s wrote made usable
//! from outside, and an operator's own file extended by it. Pure: no file is
//! read or written here, nobody is contacted.

mod edit;
mod merge;

use honey_model::{Fault, FaultClass, Secret};
use honey_ports::host::HostTarget;
use serde_json::{Value, json};

pub use merge::merge;

/// Where k3s writes it.
pub(crate) const PATH: &str = "/etc/rancher/k3s/k3s.yaml";
/// The port of the Kubernetes API on every server.
pub(crate) const API_PORT: u16 = 6443;
/// The extension in which honey's own copy lists all servers, for falling
/// over, and the hosts to go through where the API is closed.
const EXTENSION: &str = "honey.servers";

/// The lists of a kubeconfig, each with the field that an entry carries.
const LISTS: [(&str, &str); 3] = [("clusters", "cluster"), ("users", "user"), ("contexts", "context")];

/// How honey's own copy reaches the cluster.
pub(crate) struct Reach<'a> {
    /// The cluster's name, which becomes context, cluster and user.
    pub(crate) name: &'a str,
    /// Every server's API.
    pub(crate) urls: &'a [String],
    /// Hosts to tunnel through; none where the API is open.
    pub(crate) tunnel: &'a [HostTarget],
}

fn malformed() -> Fault {
    Fault::new(FaultClass::Malformed, "HNY0586", "the server's kubeconfig cannot be understood")
        .with_help("look at /etc/rancher/k3s/k3s.yaml on the first server")
}

fn parse(text: &Secret) -> Result<Value, Fault> {
    let tree = honey_yaml::single(text.expose_str().ok_or_else(malformed)?).map_err(|_| malformed())?;
    tree.map_or(Ok(Value::Null), |tree| tree.value(tree.root())).map_err(|_| malformed())
}

fn print(document: &Value) -> Secret {
    Secret::new(honey_yaml::text(document, 0))
}

/// k3s writes `https://127.0.0.1:6443` and calls everything `default`: names
/// and addresses are put right, the rest stays as it is.
pub(crate) fn rewrite(text: &Secret, reach: &Reach<'_>) -> Result<Secret, Fault> {
    let mut document = parse(text)?;
    let first = reach.urls.first().ok_or_else(malformed)?;
    for (list, inner) in LISTS {
        let entry = document.pointer_mut(&format!("/{list}/0")).ok_or_else(malformed)?;
        entry["name"] = json!(reach.name);
        if !entry[inner].is_object() {
            return Err(malformed());
        }
    }
    let cluster = &mut document["clusters"][0]["cluster"];
    cluster["server"] = json!(first);
    let mut servers = json!({ "servers": reach.urls });
    if !reach.tunnel.is_empty() {
        servers["tunnel"] = json!(reach.tunnel);
    }
    cluster["extensions"] = json!([{ "name": EXTENSION, "extension": servers }]);
    document["contexts"][0]["context"]["cluster"] = json!(reach.name);
    document["contexts"][0]["context"]["user"] = json!(reach.name);
    document["current-context"] = json!(reach.name);
    Ok(print(&document))
}

/// What stands in honey's own extension.
fn extension<'a>(document: &'a Value, name: &str) -> Option<&'a Value> {
    document.pointer(&format!("/clusters/0/cluster/extensions/0/extension/{name}"))
}

/// Every server's API, as honey's own copy lists them.
pub(crate) fn urls(document: &Value) -> Value {
    extension(document, "servers").cloned().unwrap_or(Value::Null)
}

/// The hosts to go through; none where the API is open.
pub(crate) fn tunnel(text: &Secret) -> Vec<HostTarget> {
    let Ok(document) = parse(text) else { return Vec::new() };
    extension(&document, "tunnel")
        .and_then(|targets| serde_json::from_value(targets.clone()).ok())
        .unwrap_or_default()
}

/// The same access at one address, without honey's own extension: for a tunnel
/// of ours, for another program.
pub(crate) fn at(text: &Secret, server: &str) -> Result<Secret, Fault> {
    let mut document = parse(text)?;
    let cluster = document.pointer_mut("/clusters/0/cluster").and_then(Value::as_object_mut);
    let cluster = cluster.ok_or_else(malformed)?;
    cluster.insert("server".to_owned(), json!(server));
    cluster.remove("extensions");
    Ok(print(&document))
}

#[cfg(test)]
mod tests {
    use honey_model::Secret;
    use honey_ports::host::HostTarget;

    use super::{Reach, at, rewrite, tunnel};

    const PULLED: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: default\n  cluster:\n    server: https://127.0.0.1:6443\n    certificate-authority-data: Y2E=\ncontexts:\n- name: default\n  context: {cluster: default, user: default}\ncurrent-context: default\nusers:\n- name: default\n  user: {client-key-data: a2V5}\n";

    fn urls() -> Vec<String> {
        vec!["https://51.81.83.33:6443".to_owned(), "https://51.81.87.86:6443".to_owned()]
    }

    fn rewritten(targets: &[HostTarget]) -> Secret {
        let reach = Reach { name: "honeydue-ovh", urls: &urls(), tunnel: targets };
        rewrite(&Secret::new(PULLED), &reach).unwrap()
    }

    #[test]
    fn addresses_and_names_are_rewritten() {
        let text = rewritten(&[]);
        let text = text.expose_str().unwrap();
        assert!(text.contains("server: https://51.81.83.33:6443"), "{text}");
        assert!(text.contains("current-context: honeydue-ovh") && !text.contains("127.0.0.1"), "{text}");
    }

    #[test]
    fn what_is_no_kubeconfig_is_refused() {
        for text in ["", "[]", "clusters: 3", "clusters: [{}]", "users: [canary"] {
            let reach = Reach { name: "a", urls: &urls(), tunnel: &[] };
            let fault = rewrite(&Secret::new(text), &reach).unwrap_err();
            assert!(fault.code == "HNY0586" && !format!("{fault:?}").contains("canary"), "{text}");
        }
    }

    #[test]
    fn hosts_to_go_through_are_kept_and_left_out_for_others() {
        let target = HostTarget {
            address: "51.81.83.33".into(),
            port: Some(2222),
            user: Some("ubuntu".into()),
            identity: None,
            host_keys: Vec::new(),
        };
        let text = rewritten(std::slice::from_ref(&target));
        assert_eq!(tunnel(&text), [target]);
        let one = at(&text, "https://127.0.0.1:7443").unwrap();
        assert!(tunnel(&one).is_empty());
        let one = one.expose_str().unwrap();
        assert!(one.contains("server: https://127.0.0.1:7443") && !one.contains("honey.servers"), "{one}");
    }
}
