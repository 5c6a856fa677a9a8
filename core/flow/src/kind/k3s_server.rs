//! `k3s-server`: one server of the cluster (runbook 6.3, 6.4).
//!
//! The first one initialises, and only where no server of the cluster has etcd
//! data; the others join one after another. A server counts as there when its
//! node is Ready and its etcd member votes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use honey_model::{Digest, Fault, FaultClass, Field, Found, KindSchema, Ownership, Secret};
use honey_ports::{
    Applied, ApplyAction, ApplyRequest, CallContext, Event, Target,
    host::{Content, Facts, HostTarget, K3sBinary, K3sRole, Step},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Kind,
    connect::{Connections, Machine, SshSettings, secret_name},
    host::no_address,
    k3s_config::{CONFIG_PATH, Entry, Settings, inner_address, render},
    locator, typed,
};

const TOKEN_PATH: &str = "/var/lib/rancher/k3s/server/node-token";
/// How often a starting server is asked, and how long at most.
const POLL: Duration = Duration::from_millis(500);
const START_LIMIT: Duration = Duration::from_mins(10);

pub(super) struct K3sServer(pub(super) Arc<Connections>);

#[derive(Deserialize)]
struct Desired {
    machine: Option<Machine>,
    #[serde(default)]
    ssh: SshSettings,
    /// Outputs of all servers' machines, this one's included, in order.
    servers: Vec<Option<Machine>>,
    /// This server's place among them.
    index: usize,
    version: String,
    source: K3sBinary,
    settings: Settings,
    /// The secret that holds the join token.
    token: String,
    /// The machine stays when the cluster goes.
    #[serde(default)]
    machine_stays: bool,
}

impl Desired {
    fn target(&self) -> Option<HostTarget> {
        self.machine.as_ref().and_then(|machine| machine.target(&self.ssh))
    }

    /// Every server's public and inner address; none while one is not known.
    fn sans(&self) -> Option<Vec<String>> {
        let mut all = Vec::new();
        for server in &self.servers {
            let server = server.as_ref()?;
            all.push(server.ipv4.clone()?);
            all.extend(server.private_ipv4.clone());
        }
        all.dedup();
        Some(all)
    }

    /// The configuration file; none while it cannot be known.
    fn config(&self, token: Option<&Secret>) -> Option<Secret> {
        let first = self.servers.first()?.as_ref()?;
        let entry = match (self.index, token) {
            (0, _) => Entry::Initialise,
            (_, Some(token)) => Entry::Join { address: inner_address(first)?, token },
            (_, None) => return None,
        };
        Some(render(&self.settings, self.machine.as_ref()?, &entry, &self.sans()?))
    }
}

#[async_trait]
impl Kind for K3sServer {
    fn schema(&self) -> KindSchema {
        let source = Field { create_only: true, ..Field::default() };
        KindSchema {
            kind: "k3s-server".to_owned(),
            version: 1,
            description: "A k3s server: control plane, etcd member and worker".to_owned(),
            fields: [
                ("machine".to_owned(), locator("The machine's outputs")),
                ("ssh".to_owned(), locator("How to reach it")),
                ("servers".to_owned(), locator("All servers' machines")),
                ("index".to_owned(), locator("Its place")),
                ("token".to_owned(), locator("Where the join token is kept")),
                ("machine_stays".to_owned(), locator("Whether the machine outlives the cluster")),
                ("source".to_owned(), source),
            ]
            .into(),
            holds_data: true,
            ..KindSchema::default()
        }
    }

    async fn read(&self, context: &CallContext, target: &Target<'_>) -> Result<Option<Found>, Fault> {
        let Some(raw) = target.desired else { return Ok(None) };
        let desired: Desired = typed(Some(raw))?;
        let Some(host) = desired.target() else { return Ok(None) };
        let facts = self.0.facts(context, &host).await?;
        if facts.k3s.version.is_empty() && facts.k3s.config_digest.is_empty() {
            return Ok(None);
        }
        let token = self.0.secret(&desired.token).await.ok();
        let expected = desired.config(token.as_ref());
        Ok(Some(found(&host, raw, &facts, expected.as_ref())))
    }

    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        if request.action == ApplyAction::Delete {
            return self.uninstall(context, request).await;
        }
        let desired: Desired = typed(request.desired)?;
        let host = desired.target().ok_or_else(no_address)?;
        let before = self.0.fresh_facts(context, &host).await?;
        if desired.index == 0 && !before.k3s.has_etcd_data {
            self.refuse_second_cluster(context, &desired).await?;
        }
        let token = if desired.index == 0 { None } else { Some(self.token(context, &desired).await?) };
        let config = desired.config(token.as_ref()).ok_or_else(no_address)?;
        let steps = [
            Step::File {
                path: CONFIG_PATH.to_owned(),
                mode: 0o600,
                content: Content::Secret(config.clone()),
            },
            Step::K3s {
                version: desired.version.clone(),
                binary: desired.source.clone(),
                role: K3sRole::Server,
            },
        ];
        self.0.run(context, &host, &steps).await.map_err(without_tokens)?;
        let facts = self.wait_member(context, &host).await?;
        if desired.index == 0 {
            self.keep_token(context, &host, &desired.token).await?;
        }
        Ok(Some(found(&host, request.desired.unwrap_or(&Value::Null), &facts, Some(&config))))
    }
}

impl K3sServer {
    /// A machine that goes with the cluster may be unreachable; one that stays
    /// must not keep a cluster that nobody manages.
    async fn uninstall(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        let Some(prior) = request.prior else { return Ok(None) };
        let prior: Desired = typed(Some(prior))?;
        let Some(host) = prior.target() else { return Ok(None) };
        match self.0.run(context, &host, &[Step::K3sUninstall]).await {
            Err(fault) if !prior.machine_stays && fault.class.retriable() => {
                let message = format!("{}: not reached, k3s goes with its machine", host.address);
                context.progress.tell(Event::Notice { message });
            }
            other => other?,
        }
        if !prior.machine_stays {
            self.0.forget(&host).await?;
        }
        if prior.index == 0 {
            self.0.secrets.forget(&secret_name(&prior.token)?).await?;
        }
        Ok(None)
    }

    /// A cluster is never initialised beside the remains of another.
    async fn refuse_second_cluster(&self, context: &CallContext, desired: &Desired) -> Result<(), Fault> {
        for (index, server) in desired.servers.iter().enumerate().skip(1) {
            let Some(host) = server.as_ref().and_then(|machine| machine.target(&desired.ssh)) else {
                continue;
            };
            let facts = self.0.facts(context, &host).await?;
            if facts.k3s.has_etcd_data {
                let text = format!(
                    "server {} already holds etcd data, so a new cluster would be a second one",
                    index + 1
                );
                return Err(Fault::new(FaultClass::Conflict, "HNY0582", text).with_help(
                    "if that data is worth nothing, remove k3s there (k3s-uninstall.sh); if it is the cluster, make its server the first one",
                ));
            }
        }
        Ok(())
    }

    async fn token(&self, context: &CallContext, desired: &Desired) -> Result<Secret, Fault> {
        if let Ok(token) = self.0.secret(&desired.token).await {
            return Ok(token);
        }
        let first =
            desired.servers.first().and_then(Option::as_ref).and_then(|machine| machine.target(&desired.ssh));
        let first = first.ok_or_else(no_address)?;
        self.keep_token(context, &first, &desired.token).await
    }

    /// Keeps the full token: its first part pins the cluster's authority, so
    /// that a joining server cannot be fooled.
    async fn keep_token(
        &self,
        context: &CallContext,
        first: &HostTarget,
        name: &str,
    ) -> Result<Secret, Fault> {
        let host = self.0.host(context, first).await?;
        let token =
            host.read(context, TOKEN_PATH, 4096).await?.filter(|token| !token.is_empty()).ok_or_else(
                || {
                    Fault::new(
                        FaultClass::NotFound,
                        "HNY0583",
                        "the first server has no join token, though k3s runs",
                    )
                },
            )?;
        self.0.secrets.put(&secret_name(name)?, &token).await?;
        Ok(token)
    }

    async fn wait_member(&self, context: &CallContext, host: &HostTarget) -> Result<Facts, Fault> {
        let started = tokio::time::Instant::now();
        loop {
            let facts = self.0.fresh_facts(context, host).await?;
            if facts.k3s.ready && facts.k3s.etcd_voter {
                return Ok(facts);
            }
            let waits_for = match (facts.k3s.running, facts.k3s.ready) {
                (false, _) => "k3s to start",
                (true, false) => "the node to be Ready",
                (true, true) => "the etcd member to vote",
            };
            if context.cancel.is_canceled() {
                return Err(Fault::new(
                    FaultClass::Canceled,
                    "HNY0385",
                    format!("stopped while waiting for {waits_for}"),
                ));
            }
            if started.elapsed() > START_LIMIT.min(context.deadline) {
                let text = format!("waited {} s for {waits_for}", started.elapsed().as_secs());
                return Err(Fault::new(FaultClass::Timeout, "HNY0584", text)
                    .with_help("look at `journalctl -u k3s` on the machine; apply again goes on from here"));
            }
            let message = format!("waiting for {waits_for}");
            context.progress.tell(Event::OperationProgress {
                address: context.address.clone(),
                message,
                percent: None,
            });
            tokio::select! {
                () = tokio::time::sleep(POLL) => {}
                () = context.cancel.canceled() => {}
            }
        }
    }
}

/// k3s prints its join token when it fails to join. Whatever looks like one
/// is masked before the fault can reach a journal or a terminal.
fn without_tokens(mut fault: Fault) -> Fault {
    fault.message = masked(&fault.message);
    fault.help = fault.help.as_deref().map(masked);
    for finding in &mut fault.diagnostics {
        finding.summary = masked(&finding.summary);
    }
    fault
}

/// `K10<digest>::server:<password>`, also inside other words.
fn masked(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("K10") {
        let end = rest[start..].find(|c: char| c.is_whitespace() || "\"'`,;)".contains(c));
        let token = &rest[start..end.map_or(rest.len(), |end| start + end)];
        shown.push_str(&rest[..start]);
        shown.push_str(if token.len() > 20 { "****" } else { token });
        rest = &rest[start + token.len()..];
    }
    shown.push_str(rest);
    shown
}

fn found(host: &HostTarget, raw: &Value, facts: &Facts, expected: Option<&Secret>) -> Found {
    let mut attributes = raw.clone();
    attributes["version"] = json!(facts.k3s.version);
    attributes["ready"] = json!(facts.k3s.ready && facts.k3s.etcd_voter);
    let expected = expected.map(|text| Digest::of_bytes(text.expose()));
    if expected.is_some_and(|digest| digest.as_str() != facts.k3s.config_digest) {
        attributes["settings"] = json!({ "changed-on-host": true });
    }
    let outputs = json!({
        "node_name": facts.k3s.node_name,
        "cluster_ca": facts.k3s.cluster_ca,
        "version": facts.k3s.version,
    });
    Found { id: host.address.clone(), attributes, outputs, ownership: Ownership::Ours }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn join_tokens_are_masked_and_nothing_else() {
        let token = format!("K10{}::server:{}", "a".repeat(64), "b".repeat(32));
        let told = format!("level=fatal msg=\"bad token {token}\" K10 node");
        assert_eq!(masked(&told), "level=fatal msg=\"bad token ****\" K10 node");
    }
}
