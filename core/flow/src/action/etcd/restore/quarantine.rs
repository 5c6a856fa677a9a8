//! The restored API alone, reached through ssh: it may be closed to us, and
//! only the server that was reset counts. What may not run here is held back, and
//! nodes that will not come back are taken out.

use honey_model::{Fault, FaultClass};
use honey_ports::{etcd::EtcdStep, host::HostTarget};
use serde_json::{Value, json};

use super::{LIMIT, Work};
use crate::{
    action::{
        etcd::singletons,
        node::{is_node_of, node_object},
    },
    kind::connect::secret_name,
    kubeconfig,
    lower::{cluster_label, kubeconfig_secret},
    phase::{servers::Server, wait::wait},
};

impl Work<'_> {
    /// Starts the API and nothing that acts on it; names the singletons that were set to 0.
    pub(super) async fn hold_singletons(&mut self, chosen: &Server) -> Result<Vec<String>, Fault> {
        let start = EtcdStep::Start { quarantined: true };
        self.on(chosen, &format!("start the API of {} alone", chosen.name), start).await?;
        let (session, context) = (self.session, self.context(chosen));
        let (instance, label) =
            (self.plan.instance.clone(), cluster_label(&self.session.config, &self.plan.instance));
        let urls: Vec<String> = self
            .all
            .iter()
            .filter_map(|one| {
                one.machine.ipv4.as_ref().map(|ip| format!("https://{ip}:{}", kubeconfig::API_PORT))
            })
            .collect();
        let targets: Vec<HostTarget> = match session.config.cluster.firewall.api {
            honey_config::schema::ApiAccess::Tunnel => {
                self.all.iter().map(|one| one.target.clone()).collect()
            }
            honey_config::schema::ApiAccess::Direct => Vec::new(),
        };
        let work = async {
            let host = session.own.connections.host(&context, &chosen.target).await?;
            let pulled = host.read(&context, kubeconfig::PATH, 64 * 1024).await?.ok_or_else(|| {
                Fault::new(FaultClass::NotFound, "HNY0585", format!("{} has no kubeconfig", chosen.name))
            })?;
            // A snapshot may be of another authority than the one that honey knows.
            let reach = kubeconfig::Reach { name: &label, urls: &urls, tunnel: &targets };
            let own = kubeconfig::rewrite(&pulled, &reach)?;
            session.ports.secrets.put(&secret_name(&kubeconfig_secret(&instance))?, &own).await?;
            let (cluster, _tunnel) = session
                .own
                .connections
                .cluster_through(&context, &own, std::slice::from_ref(&chosen.target))
                .await?;
            wait(&context, LIMIT, "the restored API", async || match cluster.version(&context).await {
                Ok(_) => Ok(None),
                Err(fault) if fault.class.retriable() => Ok(Some(fault.to_string())),
                Err(fault) => Err(fault),
            })
            .await?;
            singletons::hold(session, &context, cluster.as_ref(), &instance).await.map(|held| json!(held))
        };
        let held = self.chore.step(session, self.lock, "hold singletons back", work).await?;
        Ok(serde_json::from_value(held).unwrap_or_default())
    }

    /// Nodes of servers that were given up: what the snapshot has on them would never come back.
    pub(super) async fn remove_given_up(&mut self, chosen: &Server) -> Result<(), Fault> {
        let (session, context) = (self.session, self.context(chosen));
        let secret = secret_name(&kubeconfig_secret(&self.plan.instance))?;
        for name in self.plan.without.clone() {
            let server = self.server(&name)?;
            let work = async {
                let own = session.ports.secrets.get(&secret).await?;
                let through = std::slice::from_ref(&chosen.target);
                let (cluster, _tunnel) =
                    session.own.connections.cluster_through(&context, &own, through).await?;
                for node in cluster.list(&context, "v1", "Node", None, "").await? {
                    if let Some(name) =
                        node["metadata"]["name"].as_str().filter(|_| is_node_of(&node, &server.machine))
                    {
                        cluster.delete(&context, &node_object(name)).await?;
                    }
                }
                Ok(Value::Null)
            };
            self.chore.step(session, self.lock, &format!("remove the node of {name}"), work).await?;
        }
        Ok(())
    }
}
