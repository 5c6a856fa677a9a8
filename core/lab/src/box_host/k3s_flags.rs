//! What k3s's configuration file may hold. A box refuses every other key, also
//! where k3s itself would skip it with a warning: a typing error should end a
//! rehearsal, not a night.

use serde_json::{Map, Value};

/// How a value must look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Switch,
    Text,
    List,
}
use Shape::{List, Switch, Text};

/// Keys of a server. Those marked `true` must be the same on all servers.
const SERVER: &[(&str, Shape, bool)] = &[
    ("advertise-address", Text, false),
    ("advertise-port", Text, false),
    ("agent-token", Text, false),
    ("bind-address", Text, false),
    ("cluster-cidr", Text, true),
    ("cluster-dns", Text, true),
    ("cluster-domain", Text, true),
    ("cluster-init", Switch, false),
    ("data-dir", Text, false),
    ("debug", Switch, false),
    ("default-local-storage-path", Text, false),
    ("disable", List, false),
    ("disable-agent", Switch, false),
    ("disable-cloud-controller", Switch, true),
    ("disable-controller-manager", Switch, false),
    ("disable-helm-controller", Switch, true),
    ("disable-kube-proxy", Switch, true),
    ("disable-network-policy", Switch, true),
    ("disable-scheduler", Switch, false),
    ("egress-selector-mode", Text, true),
    ("embedded-registry", Switch, true),
    ("etcd-arg", List, false),
    ("etcd-expose-metrics", Switch, false),
    ("etcd-s3", Switch, false),
    ("etcd-s3-access-key", Text, false),
    ("etcd-s3-bucket", Text, false),
    ("etcd-s3-endpoint", Text, false),
    ("etcd-s3-folder", Text, false),
    ("etcd-s3-region", Text, false),
    ("etcd-s3-secret-key", Text, false),
    ("etcd-snapshot-dir", Text, false),
    ("etcd-snapshot-retention", Text, false),
    ("etcd-snapshot-schedule-cron", Text, false),
    ("flannel-backend", Text, true),
    ("flannel-external-ip", Switch, true),
    ("flannel-iface", Text, false),
    ("https-listen-port", Text, false),
    ("kube-apiserver-arg", List, false),
    ("kube-controller-manager-arg", List, false),
    ("kube-scheduler-arg", List, false),
    ("kubelet-arg", List, false),
    ("node-external-ip", List, false),
    ("node-ip", List, false),
    ("node-label", List, false),
    ("node-name", Text, false),
    ("node-taint", List, false),
    ("protect-kernel-defaults", Switch, false),
    ("secrets-encryption", Switch, true),
    ("secrets-encryption-provider", Text, true),
    ("selinux", Switch, false),
    ("server", Text, false),
    ("service-cidr", Text, true),
    ("supervisor-metrics", Switch, true),
    ("system-default-registry", Text, false),
    ("tls-san", List, false),
    ("tls-san-security", Switch, false),
    ("token", Text, false),
    ("write-kubeconfig", Text, false),
    ("write-kubeconfig-group", Text, false),
    ("write-kubeconfig-mode", Text, false),
];

/// Reads a configuration file; an error is what k3s would log.
pub(super) fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let value: Value = serde_norway::from_str(text)
        .map_err(|error| format!("level=fatal msg=\"failed to parse config.yaml: {error}\""))?;
    let map = match value {
        Value::Null => Map::new(),
        Value::Object(map) => map,
        _ => return Err("level=fatal msg=\"config.yaml is not a mapping\"".to_owned()),
    };
    for (key, value) in &map {
        let plain = key.trim_end_matches('+');
        let Some((_, shape, _)) = SERVER.iter().find(|(known, ..)| *known == plain) else {
            return Err(format!("Incorrect Usage: flag provided but not defined: -{plain}"));
        };
        let fits = match shape {
            Switch => value.is_boolean() || matches!(value.as_str(), Some("true" | "false")),
            Text => value.is_string() || value.is_number(),
            List => {
                value.is_string() || value.as_array().is_some_and(|list| list.iter().all(Value::is_string))
            }
        };
        if !fits {
            return Err(format!("Incorrect Usage: invalid value {value} for flag -{plain}"));
        }
    }
    check_values(&map)?;
    Ok(map)
}

fn check_values(map: &Map<String, Value>) -> Result<(), String> {
    let text = |key: &str| map.get(key).and_then(Value::as_str);
    let backend = text("flannel-backend").unwrap_or("vxlan");
    if !matches!(backend, "none" | "vxlan" | "host-gw" | "wireguard-native") {
        return Err(format!("level=fatal msg=\"Error: unknown flannel backend '{backend}'\""));
    }
    if text("server").is_some_and(|server| !server.starts_with("https://")) {
        return Err("level=fatal msg=\"Error: --server must be an https URL\"".to_owned());
    }
    if text("server").is_some() && text("token").is_none() {
        return Err("level=fatal msg=\"Error: --token is required\"".to_owned());
    }
    if text("server").is_some() && switch(map, "cluster-init") {
        return Err("level=fatal msg=\"cannot use both --server and --cluster-init\"".to_owned());
    }
    for address in list(map, "node-ip").iter().chain(&list(map, "node-external-ip")) {
        if address.parse::<std::net::IpAddr>().is_err() {
            return Err(format!("level=fatal msg=\"invalid node-ip: {address}\""));
        }
    }
    let mode = map.get("write-kubeconfig-mode");
    if mode.is_some_and(|mode| mode.as_str().is_none_or(|mode| u32::from_str_radix(mode, 8).is_err())) {
        return Err("level=fatal msg=\"write-kubeconfig-mode must be a quoted octal number\"".to_owned());
    }
    Ok(())
}

/// A switch that is on.
pub(super) fn switch(map: &Map<String, Value>, key: &str) -> bool {
    map.get(key).is_some_and(|value| value.as_bool() == Some(true) || value.as_str() == Some("true"))
}

/// A list, written as one, or as text with commas.
pub(super) fn list(map: &Map<String, Value>, key: &str) -> Vec<String> {
    match map.get(key) {
        Some(Value::String(text)) => {
            text.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
        }
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The first setting that differs though it must be the same on all servers.
pub(super) fn mismatch(first: &Map<String, Value>, other: &Map<String, Value>) -> Option<&'static str> {
    SERVER.iter().filter(|(_, _, critical)| *critical).find_map(|(key, shape, _)| {
        let same = if *shape == Switch {
            switch(first, key) == switch(other, key)
        } else {
            first.get(*key).map(ToString::to_string) == other.get(*key).map(ToString::to_string)
        };
        (!same).then_some(*key)
    })
}

#[cfg(test)]
mod tests {
    use super::{list, mismatch, parse};

    #[test]
    fn what_k3s_would_refuse_is_refused() {
        assert!(parse("cluster-init: true\nwrite-kubeconfig-mode: \"0600\"\ntls-san: [a, b]\n").is_ok());
        for bad in [
            "clusterinit: true",
            "flannel-backend: wireguard",
            "server: http://x\ntoken: y",
            "server: https://x",
            "disable: 7",
            "- a",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn servers_must_agree() {
        let one = parse("flannel-backend: vxlan\nsecrets-encryption: true").unwrap();
        let two = parse("flannel-backend: wireguard-native\nsecrets-encryption: true").unwrap();
        assert_eq!(mismatch(&one, &two), Some("flannel-backend"));
        assert_eq!(mismatch(&one, &one), None);
        assert_eq!(list(&parse("tls-san: a, b").unwrap(), "tls-san"), ["a", "b"]);
    }
}
