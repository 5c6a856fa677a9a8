//! A server comes back into the restored cluster: its own data set aside, its
//! configuration pointing at the server that was reset, its start waited for.

use honey_model::{Fault, FaultClass, Secret};
use honey_ports::{
    CallContext,
    etcd::EtcdStep,
    host::{Content, K3sBinary, K3sRole, Step},
};
use serde::Deserialize;
use serde_json::Value;

use super::Work;
use crate::{
    Session,
    kind::{
        connect::secret_name,
        k3s_server::{CONFIG_PATH, Entry, Settings, inner_address, render},
    },
    phase::servers::Server,
};

const TOKENS: [&str; 2] = ["/var/lib/rancher/k3s/server/token", "/var/lib/rancher/k3s/server/node-token"];

impl Work<'_> {
    /// A server joins anew, with the data it had set aside.
    pub(super) async fn rejoin(&mut self, chosen: &Server, server: &Server) -> Result<(), Fault> {
        let run = self.chore.run.clone();
        self.on(server, &format!("set the old data of {} aside", server.name), EtcdStep::SetAside { run })
            .await?;
        let (session, context) = (self.session, self.context(server));
        let near = self.context(chosen);
        let work = async {
            let token = token(session, &near, chosen).await?;
            let joins = joining(server, chosen, &token)?;
            session.own.connections.run(&context, &server.target, &joins).await?;
            Ok(Value::Null)
        };
        self.chore.step(session, self.lock, &format!("join {}", server.name), work).await?;
        self.wait(server).await
    }
}

/// The restored cluster's own token: a snapshot may be older than the one that honey keeps.
async fn token(session: &Session, context: &CallContext, chosen: &Server) -> Result<Secret, Fault> {
    let host = session.own.connections.host(context, &chosen.target).await?;
    for path in TOKENS {
        if let Some(token) = host.read(context, path, 4096).await?.filter(|token| !token.is_empty()) {
            if let Some(name) = chosen.k3s["token"].as_str() {
                session.ports.secrets.put(&secret_name(name)?, &token).await?;
            }
            return Ok(token);
        }
    }
    Err(Fault::new(
        FaultClass::NotFound,
        "HNY0583",
        format!("{} has no join token, though k3s runs", chosen.name),
    ))
}

/// Configuration and start of a server that joins through the restored one.
fn joining(server: &Server, chosen: &Server, token: &Secret) -> Result<[Step; 2], Fault> {
    #[derive(Deserialize)]
    struct Wanted {
        version: String,
        source: K3sBinary,
        settings: Settings,
        servers: Vec<Option<crate::kind::connect::Machine>>,
    }
    let wanted: Wanted = serde_json::from_value(server.k3s.clone()).map_err(|error| {
        Fault::new(FaultClass::Internal, "HNY0001", format!("a wanted server does not fit its kind: {error}"))
    })?;
    let mut sans = Vec::new();
    for machine in wanted.servers.iter().flatten() {
        sans.extend(machine.ipv4.clone());
        sans.extend(machine.private_ipv4.clone());
    }
    let address = inner_address(&chosen.machine).unwrap_or(&chosen.target.address);
    let config = render(&wanted.settings, &server.machine, &Entry::Join { address, token }, &sans);
    Ok([
        Step::File { path: CONFIG_PATH.to_owned(), mode: 0o600, content: Content::Secret(config) },
        Step::K3s { version: wanted.version, binary: wanted.source, role: K3sRole::Server },
    ])
}
