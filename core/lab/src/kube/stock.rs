//! What k3s brings along: namespaces, its own workloads, storage class, Traefik's kinds.

use serde_json::{Value, json};

use super::store::State;

/// Puts everything in.
pub(super) fn install(state: &mut State, authority: &str) {
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        state.make(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
    }
    for kind in ["Middleware", "IngressRoute", "TLSOption", "ServersTransport"] {
        state.make(definition("traefik.io", "v1alpha1", kind));
    }
    for kind in ["HelmChart", "HelmChartConfig"] {
        state.make(definition("helm.cattle.io", "v1", kind));
    }
    state.make(json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {"name": "local-path", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
        "provisioner": "rancher.io/local-path", "reclaimPolicy": "Delete", "volumeBindingMode": "WaitForFirstConsumer",
    }));
    state.make(json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "traefik"},
        "spec": {"controller": "traefik.io/ingress-controller"},
    }));
    state.make(json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kube-root-ca.crt", "namespace": "kube-system"},
        "data": {"ca.crt": authority},
    }));
    state.make(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {"clusterIP": "10.43.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
    }));
    for (name, image) in [
        ("coredns", "rancher/mirrored-coredns-coredns:1.13.1"),
        ("local-path-provisioner", "rancher/local-path-provisioner:v0.0.34"),
        ("metrics-server", "rancher/mirrored-metrics-server:v0.8.1"),
        ("traefik", "rancher/mirrored-library-traefik:3.6.9"),
    ] {
        state.make(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "kube-system"}}));
        state.make(json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": name, "namespace": "kube-system", "labels": {"app.kubernetes.io/name": name}},
            "spec": {
                "replicas": 1, "selector": {"matchLabels": {"app.kubernetes.io/name": name}},
                "template": {
                    "metadata": {"labels": {"app.kubernetes.io/name": name}},
                    "spec": {"serviceAccountName": name, "containers": [{"name": name, "image": image}]},
                },
            },
        }));
    }
    state.make(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "kube-dns", "namespace": "kube-system"},
        "spec": {"clusterIP": "10.43.0.10", "selector": {"app.kubernetes.io/name": "coredns"}, "ports": [{"name": "dns", "port": 53, "protocol": "UDP"}]},
    }));
    state.make(json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "traefik", "namespace": "kube-system"},
        "spec": {
            "type": "LoadBalancer", "selector": {"app.kubernetes.io/name": "traefik"},
            "ports": [{"name": "web", "port": 80, "targetPort": "web"}, {"name": "websecure", "port": 443, "targetPort": "websecure"}],
        },
    }));
    state.make(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "svclb", "namespace": "kube-system"}}));
    state.make(json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "svclb-traefik", "namespace": "kube-system"},
        "spec": {
            "selector": {"matchLabels": {"app": "svclb-traefik"}},
            "template": {
                "metadata": {"labels": {"app": "svclb-traefik"}},
                "spec": {"serviceAccountName": "svclb", "containers": [
                    {"name": "lb-tcp-80", "image": "rancher/klipper-lb:v0.4.15", "ports": [{"containerPort": 80, "hostPort": 80}]},
                    {"name": "lb-tcp-443", "image": "rancher/klipper-lb:v0.4.15", "ports": [{"containerPort": 443, "hostPort": 443}]},
                ]},
            },
        },
    }));
}

fn definition(group: &str, version: &str, kind: &str) -> Value {
    let singular = kind.to_lowercase();
    let plural = format!("{singular}s");
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{plural}.{group}")},
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": singular, "listKind": format!("{kind}List")},
            "versions": [{"name": version, "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}],
        },
    })
}
