//! Looks up what lowering needs beside the configuration: image digests, the
//! edge's ranges, key files, the rendered stack. Changes nothing.

use std::{collections::BTreeMap, path::Path};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use honey_config::schema::WebAccess;
use honey_model::{Active, Address, Desired, Diagnostic, Digest, Fault};
use honey_ports::capability::EdgeRanges;

use crate::{
    FlowError, Session,
    lower::{self, Input},
    phase::scopes::scopes,
    stack,
};

/// What was looked up.
#[derive(Clone, Debug, Default)]
pub struct Prepared {
    /// Image reference to reference by digest.
    pub images: BTreeMap<String, String>,
    /// The edge's ranges.
    pub edge: Option<EdgeRanges>,
    /// Worth knowing.
    pub diagnostics: Vec<Diagnostic>,
}

/// Looks everything up, once for a run: a tag that moves while a plan is applied
/// must not make the same run see two images.
pub async fn prepare(session: &Session) -> Result<Prepared, FlowError> {
    session.prepared.get_or_try_init(|| look_up(session)).await.cloned()
}

async fn look_up(session: &Session) -> Result<Prepared, FlowError> {
    let (images, edge) = futures::try_join!(images(session), edge(session))?;
    let (images, diagnostics) = images;
    Ok(Prepared { images, edge, diagnostics })
}

/// The desired state of an instance.
pub async fn desired(
    session: &Session,
    prepared: &Prepared,
    instance: &str,
    active: &Active,
) -> Result<Desired, FlowError> {
    let key = operator_key(session).await?;
    let stack = stack::render(session, prepared, instance, active)?;
    let scopes = scopes(session, instance, stack.as_ref()).await?;
    lowered(session, instance, active, key.as_deref(), prepared.edge.as_ref(), stack.as_ref(), &scopes)
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

async fn images(session: &Session) -> Result<(BTreeMap<String, String>, Vec<Diagnostic>), Fault> {
    let Some(stack) = &session.config.stack else { return Ok(Default::default()) };
    let wanted: std::collections::BTreeSet<&String> = stack.images.values().collect();
    let resolve = |reference: &String| {
        let reference = reference.clone();
        async move { resolve_image(session, &reference).await.map(|found| (reference, found)) }
    };
    let resolved: Vec<(String, (String, Vec<String>))> = stream::iter(wanted)
        .map(resolve)
        .buffer_unordered(session.config.limits.per_plugin.max(1))
        .try_collect()
        .await?;
    let mut images = BTreeMap::new();
    let mut diagnostics = Vec::new();
    for (reference, (pinned, warnings)) in resolved {
        diagnostics
            .extend(warnings.into_iter().map(|text| Diagnostic::warning("HNY0681", text).at("stack.images")));
        images.insert(reference, pinned);
    }
    Ok((images, diagnostics))
}

/// `host/name:tag` to `host/name@sha256:…`; what is pinned already stays.
async fn resolve_image(session: &Session, reference: &str) -> Result<(String, Vec<String>), Fault> {
    if reference.contains("@sha256:") {
        return Ok((reference.to_owned(), Vec::new()));
    }
    let host = reference.split('/').next().unwrap_or_default();
    let registry = session.config.registries.values().find(|registry| registry.host == host);
    let Some(registry) = registry else {
        let text = format!(
            "`{reference}` is not pinned by digest and no registry in the configuration has the host `{host}`"
        );
        return Ok((reference.to_owned(), vec![text]));
    };
    let plugin = capability(session, &registry.plugin)?;
    let address = Address::of(&["shared", "image", Digest::of_bytes(reference.as_bytes()).short()]);
    let found = plugin.resolve_image(&session.reading(&address), reference).await?;
    let name = reference.rsplit_once(':').map_or(reference, |(name, _)| name);
    Ok((format!("{name}@{}", found.digest), found.warnings))
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
