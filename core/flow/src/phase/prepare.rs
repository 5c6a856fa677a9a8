//! Looks up what lowering needs beside the configuration: the edge's ranges,
//! key files, the rendered stack with digests in the place of its images.
//! Changes nothing.

use std::{collections::BTreeSet, path::Path};

use honey_config::schema::WebAccess;
use honey_model::{Active, Address, Desired, Diagnostic, Fault, State};
use honey_ports::capability::EdgeRanges;

use crate::{
    FlowError, Session, image,
    lower::{self, Input},
    phase::scopes::scopes,
    stack,
};

/// What was looked up.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// The edge's ranges.
    pub edge: Option<EdgeRanges>,
}

/// What is wanted on an instance.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The desired state.
    pub desired: Desired,
    /// Recorded, not wanted, and left alone: no orphans.
    pub kept: BTreeSet<Address>,
    /// Worth knowing.
    pub diagnostics: Vec<Diagnostic>,
}

/// Looks everything up, once for a run. Images are kept by [`image::resolve`].
pub async fn prepare(session: &Session) -> Result<Prepared, FlowError> {
    session.prepared.get_or_try_init(|| look_up(session)).await.cloned()
}

async fn look_up(session: &Session) -> Result<Prepared, FlowError> {
    // Images of the configuration are known before anything is rendered: both are asked for at once.
    let named = session.config.stack.iter().flat_map(|stack| stack.images.values().map(String::as_str));
    let (edge, _) = futures::try_join!(edge(session), image::resolve::resolve(session, named))?;
    Ok(Prepared { edge })
}

/// The desired state of an instance. `state` says what the active instance
/// runs; with `ahead` a standby does not follow it.
pub async fn desired(
    session: &Session,
    prepared: &Prepared,
    instance: &str,
    active: &Active,
    state: &State,
    ahead: bool,
) -> Result<Wanted, FlowError> {
    let key = operator_key(session).await?;
    let request = stack::Request { prepared, instance, active, state, ahead };
    let stack::Rendered { objects, kept, diagnostics } = stack::render(session, &request).await?;
    let scopes = scopes(session, instance, objects.as_ref()).await?;
    let key = key.as_deref();
    let desired = lowered(session, instance, active, key, prepared.edge.as_ref(), objects.as_ref(), &scopes)?;
    Ok(Wanted { desired, kept, diagnostics })
}

/// The operator's public ssh key, where the configuration names one.
pub(crate) async fn operator_key(session: &Session) -> Result<Option<String>, FlowError> {
    match &session.config.cluster.ssh_public_key {
        Some(given) => public_key(&session.base, given).await.map(Some),
        None => Ok(None),
    }
}

/// Machines, hosts and servers as wanted, without what a vendor or a registry
/// has to be asked for: enough to say where the servers of a cluster are.
pub(crate) fn without_stack(session: &Session, instance: &str) -> Result<Desired, FlowError> {
    lowered(session, instance, &Active::Nobody, None, None, None, &lower::Scopes::new())
}

fn lowered(
    session: &Session,
    instance: &str,
    active: &Active,
    ssh_public_key: Option<&str>,
    edge: Option<&EdgeRanges>,
    stack: Option<&lower::StackObjects>,
    scopes: &lower::Scopes,
) -> Result<Desired, FlowError> {
    let has_kind = |plugin: &str, kind: &str| session.schema(plugin, kind).is_some();
    let machine_field = |plugin: &str, field: &str| {
        let properties =
            session.schema(plugin, "machine").and_then(|schema| schema.desired.get("properties"));
        properties.is_some_and(|properties| properties.get(field).is_some())
    };
    let input = Input {
        config: &session.config,
        instance,
        active,
        ssh_public_key,
        edge,
        stack,
        scopes,
        has_kind: &has_kind,
        machine_field: &machine_field,
    };
    lower::lower(&input).map_err(FlowError::Diagnostics)
}

async fn edge(session: &Session) -> Result<Option<EdgeRanges>, Fault> {
    let wanted = session.config.cluster.firewall.web == WebAccess::Edge;
    let plugin = session.config.dns.as_ref().map(|dns| dns.plugin.as_str());
    let Some(plugin) = plugin else { return Ok(None) };
    let plugin = capability(session, plugin)?;
    if !plugin.supports("edge-ranges") {
        return Ok(None);
    }
    let needed = wanted || session.config.stack.is_some();
    if !needed {
        return Ok(None);
    }
    let address = Address::of(&["dns", "edge-ranges"]);
    let mut ranges = plugin.edge_ranges(&session.reading(&address)).await?;
    ranges.ipv4.sort();
    ranges.ipv6.sort();
    Ok(Some(ranges))
}

pub(crate) fn capability<'a>(
    session: &'a Session,
    plugin: &str,
) -> Result<&'a std::sync::Arc<dyn honey_ports::capability::Capabilities>, Fault> {
    session.ports.capabilities.get(plugin).ok_or_else(|| {
        Fault::new(
            honey_model::FaultClass::Unsupported,
            "HNY0485",
            format!("the plugin `{plugin}` is not loaded"),
        )
    })
}

async fn public_key(base: &Path, given: &str) -> Result<String, FlowError> {
    let Some(path) = given.strip_prefix("file:") else { return Ok(given.to_owned()) };
    let path = base.join(path);
    tokio::fs::read_to_string(&path).await.map_err(|error| {
        let text = format!("the public key `{}` cannot be read: {error}", path.display());
        FlowError::Diagnostics(vec![Diagnostic::error("HNY0188", text).at("cluster.ssh-public-key")])
    })
}
