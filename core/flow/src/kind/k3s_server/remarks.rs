//! What is worth knowing of a cluster before it is built. Pure.

use honey_model::Diagnostic;

use super::desired::Desired;

/// Told once for a cluster: by its first server.
pub(super) fn of(desired: &Desired) -> Vec<Diagnostic> {
    if desired.index != 0 || desired.servers.len() < 2 {
        return Vec::new();
    }
    let backend = desired.settings.flannel_backend.as_deref();
    let apart =
        desired.machine.as_ref().is_some_and(|machine| machine.ipv4.is_some() && !machine.private_network);
    if !apart || backend.is_some_and(|backend| backend != "wireguard-native") {
        return Vec::new();
    }
    let text = "the servers have no private network: etcd goes over public addresses, and k3s does not document \
                that for servers in several places (wireguard-native)";
    let help = "keep all servers of a cluster in one place (another place is another instance); where they are, \
                `[diagnostics]` with `acknowledge = [\"HNY0190\"]` in the configuration ends this warning";
    vec![Diagnostic::warning("HNY0190", text).with_help(help)]
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    fn codes(index: usize, count: usize, private: bool, backend: Option<&str>) -> Vec<String> {
        let machine = json!({"ipv4": "192.0.2.1", "private_network": private});
        let desired: Value = json!({
            "machine": machine, "servers": vec![machine.clone(); count], "index": index, "version": "v1.34.6+k3s1",
            "source": {"installer": {"url": "https://get.k3s.io", "sha256": null}}, "token": "t",
            "settings": {"flannel_backend": backend, "secrets_encryption": true},
        });
        let desired = serde_json::from_value(desired).unwrap();
        super::of(&desired).into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn a_public_way_is_remarked_once() {
        assert_eq!(codes(0, 3, false, None), ["HNY0190"]);
        assert_eq!(codes(0, 3, false, Some("wireguard-native")), ["HNY0190"]);
        assert!(codes(1, 3, false, None).is_empty(), "the first server's remark is enough");
        assert!(codes(0, 1, false, None).is_empty(), "one server is no cluster of etcd members");
        assert!(codes(0, 3, true, None).is_empty() && codes(0, 3, false, Some("vxlan")).is_empty());
    }
}
