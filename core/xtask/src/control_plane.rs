//! Makes the control plane that tests of clusters run: see `tests/k3s`.

use crate::workspace::Failure;

/// Why this machine cannot have one.
pub(crate) fn cannot() -> Option<String> {
    honey_k3s_parts::cannot()
}

/// Builds it and the image of its boxes, once.
pub(crate) fn prepare() -> Result<(), Failure> {
    if !honey_k3s_parts::is_made() {
        eprintln!("building etcd and Kubernetes with Go, once: several minutes");
    }
    honey_k3s_parts::ensure().map_err(|failure| Failure::Holds(failure.to_string()))?;
    honey_boxes::Image::Cluster.ensure()?;
    Ok(())
}
