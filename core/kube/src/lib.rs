//! Kubernetes through kube.
