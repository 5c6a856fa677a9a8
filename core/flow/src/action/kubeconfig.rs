//! `honey kubeconfig`: the operator's way into a cluster (runbook 6.5, 7, 8),
//! pulled from whichever server answers, and a tunnel where the API is closed.
//!
//! Needs neither the state nor an earlier copy: where both are lost, the
//! vendor says which machines there are. Writes no file but honey's own copy.

use std::time::Duration;

use futures::{StreamExt as _, stream::FuturesUnordered};
use honey_model::{Fault, FaultClass, Secret};
use honey_ports::{CallContext, Event, host::Tunnel};
use serde::Serialize;

use crate::{
    FlowError, Session,
    kind::connect::secret_name,
    kubeconfig::{self, API_PORT, PATH, Reach},
    lower::{cluster_label, kubeconfig_address, kubeconfig_secret},
    phase::servers::{Server, called, servers},
};

/// How long a server is waited for before the next one is asked too.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an API may take to say that it is there.
const API_PATIENCE: Duration = Duration::from_secs(5);

/// An access that was pulled.
#[derive(Serialize)]
pub struct Access {
    /// Context, cluster and user are called so.
    pub context: String,
    /// Every server's API, by name.
    pub servers: Vec<(String, String)>,
    /// The API that the text leads to.
    pub server: String,
    /// The server that gave it; none where honey's own copy had to do.
    pub pulled_from: Option<String>,
    /// Servers that did not give it, and why.
    pub silent: Vec<(String, String)>,
    /// The kubeconfig.
    #[serde(skip)]
    pub text: Secret,
}

/// Pulls it, keeps it as honey's own, and hands out a copy that leads to a
/// server whose API answers. `named` insists on one server.
pub async fn pull(session: &Session, instance: &str, named: Option<&str>) -> Result<Access, FlowError> {
    let all = servers(session, instance).await?;
    let asked: Vec<&Server> = match named {
        Some(given) => vec![called(&all, given, |_| None)?],
        None => all.iter().collect(),
    };
    let context = session.reading(&kubeconfig_address(instance));
    let name = secret_name(&kubeconfig_secret(instance))?;
    let label = cluster_label(&session.config, instance);
    let mut silent = Vec::new();
    let pulled = first_answer(session, &context, &asked, &mut silent).await?;
    let urls: Vec<String> = all.iter().filter_map(url).collect();
    let targets: Vec<_> = match session.config.cluster.firewall.api {
        honey_config::schema::ApiAccess::Tunnel => all.iter().map(|server| server.target.clone()).collect(),
        honey_config::schema::ApiAccess::Direct => Vec::new(),
    };
    let (from, own) = match pulled {
        Some((from, text)) => {
            let own = kubeconfig::rewrite(&text, &Reach { name: &label, urls: &urls, tunnel: &targets })?;
            let kept = session.ports.secrets.get(&name).await.ok();
            if kept.is_none_or(|kept| kept.expose() != own.expose()) {
                session.ports.secrets.put(&name, &own).await?;
            }
            (Some(from), own)
        }
        None => match session.ports.secrets.get(&name).await {
            Ok(kept) if named.is_none() => (None, kept),
            _ => return Err(nobody(&silent).into()),
        },
    };
    let reached = reach(session, &context, &own, &asked).await;
    let server = reached.ok_or_else(|| nobody(&silent))?;
    let text = kubeconfig::at(&own, &server)?;
    Ok(Access {
        context: label,
        servers: all.iter().filter_map(|one| Some((one.name.clone(), url(one)?))).collect(),
        server,
        pulled_from: from,
        silent: silent.into_iter().map(|(name, fault)| (name, fault.to_string())).collect(),
        text,
    })
}

/// A tunnel to the API of the servers, and the access that leads through it.
/// `listen` 0 picks a port.
pub async fn tunnel(
    session: &Session,
    instance: &str,
    access: &Access,
    named: Option<&str>,
    listen: u16,
) -> Result<(Tunnel, Secret), FlowError> {
    let all = servers(session, instance).await?;
    let mut through: Vec<&Server> = match named {
        Some(given) => vec![called(&all, given, |_| None)?],
        None => all.iter().collect(),
    };
    // The one that just answered goes first.
    through.sort_by_key(|server| Some(&server.name) != access.pulled_from.as_ref());
    let targets: Vec<_> = through.iter().map(|server| server.target.clone()).collect();
    let context = session.reading(&kubeconfig_address(instance));
    let tunnel = session.own.connections.tunnel(&context, &targets, listen).await?;
    let text = kubeconfig::at(&access.text, &format!("https://{}", tunnel.address))?;
    Ok((tunnel, text))
}

fn url(server: &Server) -> Option<String> {
    server.machine.ipv4.as_ref().map(|ip| format!("https://{ip}:{API_PORT}"))
}

/// Asks one server after the other; one that lets us wait does not keep the next from being asked.
async fn first_answer(
    session: &Session,
    context: &CallContext,
    asked: &[&Server],
    silent: &mut Vec<(String, Fault)>,
) -> Result<Option<(String, Secret)>, Fault> {
    let mut waiting = asked.iter();
    let mut running = FuturesUnordered::new();
    loop {
        if let Some(server) = waiting.next() {
            running.push(async move { (server.name.clone(), read(session, context, server).await) });
        } else if running.is_empty() {
            return Ok(None);
        }
        let patience = if waiting.len() == 0 { Duration::MAX } else { PATIENCE };
        let Ok(answer) = tokio::time::timeout(patience, running.next()).await else { continue };
        match answer {
            Some((name, Ok(text))) => return Ok(Some((name, text))),
            Some((_, Err(fault))) if fault.class == FaultClass::Canceled => return Err(fault),
            Some((name, Err(fault))) => silent.push((name, fault)),
            None => {}
        }
    }
}

async fn read(session: &Session, context: &CallContext, server: &Server) -> Result<Secret, Fault> {
    session.progress.tell(Event::OperationProgress {
        address: context.address.clone(),
        message: format!("asking {}", server.name),
        percent: None,
    });
    let host = session.own.connections.host(context, &server.target).await?;
    host.read(context, PATH, 64 * 1024).await?.ok_or_else(|| {
        Fault::new(FaultClass::NotFound, "HNY0585", format!("{} has no kubeconfig", server.name))
            .with_help("k3s was never started there")
    })
}

/// The first server whose API answers; the first of all where none does or
/// where it is closed to us.
async fn reach(session: &Session, context: &CallContext, own: &Secret, asked: &[&Server]) -> Option<String> {
    let urls: Vec<String> = asked.iter().filter_map(|server| url(server)).collect();
    let mut first = None;
    if urls.len() > 1 && kubeconfig::tunnel(own).is_empty() {
        let quick = CallContext { deadline: API_PATIENCE, ..context.clone() };
        let look = async |url: &String| -> Result<(), Fault> {
            let cluster = session.ports.clusters.connect(&kubeconfig::at(own, url)?).await?;
            cluster.version(&quick).await.map(|_| ())
        };
        let answers = futures::future::join_all(urls.iter().map(look)).await;
        first = answers.iter().position(Result::is_ok);
    }
    urls.into_iter().nth(first.unwrap_or(0))
}

/// Why nobody could be asked.
fn nobody(silent: &[(String, Fault)]) -> Fault {
    let list: Vec<String> = silent.iter().map(|(name, fault)| format!("{name}: {fault}")).collect();
    Fault::new(FaultClass::NotFound, "HNY0594", format!("no server gave its kubeconfig: {}", list.join("; ")))
        .with_help("one server that answers over ssh is enough; `ssh` to them by hand, or see `honey status`")
}
