//! A server comes back into the restored cluster: its own data set aside, its
//! configuration pointing at the server that was reset, its start waited for.

use honey_model::Fault;
use honey_ports::etcd::EtcdStep;
use serde_json::Value;

use super::Work;
use crate::{
    kind::k3s_server::{inner_address, join},
    phase::servers::Server,
};

impl Work<'_> {
    /// A server joins anew, with the data it had set aside.
    pub(super) async fn rejoin(&mut self, chosen: &Server, server: &Server) -> Result<(), Fault> {
        let run = self.chore.run.clone();
        self.on(server, &format!("set the old data of {} aside", server.name), EtcdStep::SetAside { run })
            .await?;
        let (session, context) = (self.session, self.context(server));
        let work = async {
            // A snapshot may be older than the token that honey keeps: the restored server's is read anew.
            let address = inner_address(&chosen.machine).unwrap_or(&chosen.target.address);
            let connections = &session.own.connections;
            join(connections, &context, &server.k3s, &chosen.target, address).await?;
            Ok(Value::Null)
        };
        self.chore.step(session, self.lock, &format!("join {}", server.name), work).await?;
        self.wait(server).await
    }
}
