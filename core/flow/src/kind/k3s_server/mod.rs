//! `k3s-server`: one server of the cluster (runbook 6.3, 6.4).
//!
//! The first one initialises, and only where no server of the cluster has etcd
//! data; the others join one after another, through any server that is whole. A
//! server counts as there when its node is Ready and its etcd member votes.
//!
//! | File | What it does |
//! |---|---|
//! | `desired` | one server as it is wanted |
//! | `config` | its configuration file |
//! | `guard` | what must not be there before |
//! | `entry` | how it comes into the cluster |
//! | `token` | the join token, and keeping it out of words |
//! | `quorum` | restarts only where the others have the majority |
//! | `away` | pods leave before another release comes, or before the server goes |
//! | `half` | a server that joined half-way |
//! | `remarks` | what is worth knowing of a cluster before it is built |
//! | `leave` | a server that goes while the cluster stays |

mod away;
mod config;
mod desired;
mod entry;
mod guard;
mod half;
mod leave;
mod quorum;
mod remarks;
mod token;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use honey_model::{Diagnostic, Digest, Fault, FaultClass, Field, Found, KindSchema, Ownership, Secret};
use honey_ports::{
    Applied, ApplyAction, ApplyRequest, CallContext, Event, Target,
    host::{Content, Facts, HostTarget, K3sRole, Step},
};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::{
    Kind, clock,
    connect::{Connections, MARK_PATH, secret_name},
    host::no_address,
    locator, typed,
};
use crate::{action::node::Api, phase::wait::pause};
use away::{Away, What};
use config::Entry;
pub(crate) use config::{CONFIG_PATH, inner_address};
use desired::{Desired, mark, shown};
use entry::Way;
use guard::Holder;

/// How often a starting server is asked, and how long at most.
const POLL: Duration = Duration::from_millis(200);
const START_LIMIT: Duration = Duration::from_mins(10);

pub(super) struct K3sServer {
    connections: Arc<Connections>,
    /// One server at a time restarts, joins or leaves.
    turn: Mutex<()>,
}

impl K3sServer {
    pub(super) fn new(connections: Arc<Connections>) -> Self {
        Self { connections, turn: Mutex::default() }
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
                ("index".to_owned(), locator("Its place")),
                ("token".to_owned(), locator("Where the join token is kept")),
                ("kubeconfig".to_owned(), locator("Where the way into the cluster is kept")),
                ("hosts_named".to_owned(), locator("Whether hosts get names before")),
                ("machine_stays".to_owned(), locator("Whether the machine outlives the cluster")),
                ("source".to_owned(), source),
            ]
            .into(),
            holds_data: true,
            ..KindSchema::default()
        }
    }

    fn remarks(&self, desired: &Value) -> Vec<Diagnostic> {
        typed(Some(desired)).map(|desired| remarks::of(&desired)).unwrap_or_default()
    }

    async fn read(&self, context: &CallContext, target: &Target<'_>) -> Result<Option<Found>, Fault> {
        let Some(raw) = target.desired else { return Ok(None) };
        let desired: Desired = typed(Some(raw))?;
        let Some(host) = desired.target() else { return Ok(None) };
        let facts = self.connections.facts(context, &host).await?;
        let token = self.connections.secret(&desired.token).await.ok();
        let acceptable = desired.acceptable(token.as_ref());
        let as_wanted = has_one_of(&facts, &acceptable);
        let holder = guard::holder(context, &desired, &facts, target.id.is_some(), as_wanted)?;
        if let Holder::Foreign(_, what) = holder {
            let outputs = json!({ "owner": what });
            let id = host.address.clone();
            return Ok(Some(Found::new(id, json!({}), outputs, Ownership::Foreign)));
        }
        if !desired.hosts_named {
            guard::refuse_equal_names(&self.connections, context, &desired, &facts, false).await?;
        }
        if facts.k3s.version.is_empty() && facts.k3s.config_digest.is_empty() {
            return Ok(None);
        }
        Ok(Some(found(&host, raw, &facts, &acceptable)))
    }

    async fn apply(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        let _turn = self.turn.lock().await;
        if request.action == ApplyAction::Delete {
            return self.uninstall(context, request).await;
        }
        let desired: Desired = typed(request.desired)?;
        let host = desired.target().ok_or_else(no_address)?;
        let before = self.connections.fresh_facts(context, &host).await?;
        self.refuse(context, request, &desired, &host, &before).await?;
        let way = entry::choose(&self.connections, context, &desired, &before).await?;
        let config = self.config(context, &desired, &way).await?;
        let moved = self.make_way(context, request, &desired, &host, &before, &config).await?;
        let steps = steps(context, &desired, &config);
        self.start(context, &desired, &host, &way, &steps).await?;
        let facts = self.wait_member(context, &host).await?;
        if matches!(way, Way::Initialise) {
            token::keep_token(&self.connections, context, &host, &desired.token).await?;
        }
        if let (Some(moved), Some(kubeconfig)) = (moved, &desired.kubeconfig) {
            let cluster = self.connections.cluster(context, kubeconfig).await?;
            let api = Api { cluster: cluster.as_ref(), context };
            away::back(&self.connections, api, &host.address, moved).await?;
        }
        Ok(Some(found(&host, request.desired.unwrap_or(&Value::Null), &facts, &[config])))
    }
}

/// honey's mark, the configuration, and k3s itself.
fn steps(context: &CallContext, desired: &Desired, config: &Secret) -> [Step; 3] {
    let file = |path: &str, content, mode| Step::File { path: path.to_owned(), mode, content };
    [
        file(MARK_PATH, Content::Plain(mark(context, desired.index)), 0o644),
        file(CONFIG_PATH, Content::Secret(config.clone()), 0o600),
        Step::K3s { version: desired.version.clone(), binary: desired.source.clone(), role: K3sRole::Server },
    ]
}

/// Has a server, wanted as its plan has it, join through another one: for what
/// is no plan. The other one's token is kept, whatever was kept before.
pub(crate) async fn join(
    connections: &Connections,
    context: &CallContext,
    wanted: &Value,
    through: &HostTarget,
    address: &str,
) -> Result<(), Fault> {
    let mut desired: Desired = typed(Some(wanted))?;
    // One that was given up may be unknown; its names come with the next plan.
    desired.servers.retain(Option::is_some);
    let host = desired.target().ok_or_else(no_address)?;
    let token = token::keep_token(connections, context, through, &desired.token).await?;
    let config = desired.config(&Entry::Join { address, token: &token }).ok_or_else(no_address)?;
    connections.run(context, &host, &steps(context, &desired, &config)).await.map_err(token::without_tokens)
}

impl K3sServer {
    /// What no server is made of.
    async fn refuse(
        &self,
        context: &CallContext,
        request: &ApplyRequest<'_>,
        desired: &Desired,
        host: &HostTarget,
        facts: &Facts,
    ) -> Result<(), Fault> {
        let token = self.connections.secret(&desired.token).await.ok();
        let as_wanted = has_one_of(facts, &desired.acceptable(token.as_ref()));
        let holder = guard::holder(context, desired, facts, request.id.is_some(), as_wanted)?;
        guard::refuse_foreign(&host.address, &holder)?;
        guard::refuse_equal_names(&self.connections, context, desired, facts, true).await?;
        clock::refuse(&host.address, facts)
    }

    async fn config(&self, context: &CallContext, desired: &Desired, way: &Way) -> Result<Secret, Fault> {
        let text = match way {
            Way::Initialise => desired.config(&Entry::Initialise),
            Way::Join { address, through } => {
                let token = token::token(&self.connections, context, through, &desired.token).await?;
                desired.config(&Entry::Join { address, token: &token })
            }
        };
        text.ok_or_else(no_address)
    }

    /// Before a server that works is restarted: the others have the majority,
    /// and for another release its pods are elsewhere. What an earlier try
    /// moved away comes back at the end of this one.
    async fn make_way(
        &self,
        context: &CallContext,
        request: &ApplyRequest<'_>,
        desired: &Desired,
        host: &HostTarget,
        before: &Facts,
        config: &Secret,
    ) -> Result<Option<Away>, Fault> {
        let earlier = Away::earlier(request.resume);
        let upgrade = before.k3s.running && before.k3s.version != desired.version;
        if !upgrade && (!before.k3s.running || has_one_of(before, std::slice::from_ref(config))) {
            return Ok(earlier);
        }
        quorum::hold(&self.connections, context, desired, before).await?;
        let Some(kubeconfig) = desired.kubeconfig.as_deref().filter(|_| upgrade && before.k3s.ready) else {
            return Ok(earlier);
        };
        if self.connections.secret(kubeconfig).await.is_err() {
            return Ok(earlier);
        }
        let cluster = self.connections.cluster(context, kubeconfig).await?;
        let api = Api { cluster: cluster.as_ref(), context };
        let node = &before.k3s.node_name;
        away::away(&self.connections, api, &host.address, node, What::Movable, earlier).await
    }

    /// Starts k3s; one that joined half-way before joins anew.
    async fn start(
        &self,
        context: &CallContext,
        desired: &Desired,
        host: &HostTarget,
        way: &Way,
        steps: &[Step],
    ) -> Result<(), Fault> {
        let fault = match self.connections.run(context, host, steps).await {
            Ok(()) => return Ok(()),
            Err(fault) => token::without_tokens(fault),
        };
        let holds_data = half::may_be(&fault)
            && self.connections.fresh_facts(context, host).await.is_ok_and(|facts| facts.k3s.has_etcd_data);
        let half = holds_data
            && half::joined_half_way(&self.connections, context, desired, way).await.unwrap_or(false);
        if !half {
            return Err(fault);
        }
        let message = format!("{} joined half-way before: it joins anew", shown(&context.address));
        context.progress.tell(Event::Notice { message });
        half::set_aside(&self.connections, context, host).await?;
        self.connections.run(context, host, steps).await.map_err(token::without_tokens)
    }

    /// A machine that goes with the cluster may be unreachable; one that stays
    /// must not keep a cluster that nobody manages.
    async fn uninstall(&self, context: &CallContext, request: &ApplyRequest<'_>) -> Result<Applied, Fault> {
        let Some(prior) = request.prior else { return Ok(None) };
        let prior: Desired = typed(Some(prior))?;
        let Some(host) = prior.target() else { return Ok(None) };
        let earlier = Away::earlier(request.resume);
        leave::leave(&self.connections, context, &prior, &host.address, earlier).await?;
        match self.connections.run(context, &host, &[Step::K3sUninstall]).await {
            Err(fault) if !prior.machine_stays && fault.class.retriable() => {
                let message = format!("{}: not reached, k3s goes with its machine", host.address);
                context.progress.tell(Event::Notice { message });
            }
            other => other?,
        }
        if !prior.machine_stays {
            self.connections.forget(&host).await?;
        }
        if prior.index == 0 {
            self.connections.secrets.forget(&secret_name(&prior.token)?).await?;
        }
        Ok(None)
    }

    async fn wait_member(&self, context: &CallContext, host: &HostTarget) -> Result<Facts, Fault> {
        let started = tokio::time::Instant::now();
        loop {
            let facts = self.connections.fresh_facts(context, host).await?;
            if facts.k3s.ready && facts.k3s.etcd_voter {
                return Ok(facts);
            }
            let waits_for = match (facts.k3s.running, facts.k3s.ready) {
                (false, _) => "k3s to start",
                (true, false) => "the node to be Ready",
                (true, true) => "the etcd member to vote",
            };
            if started.elapsed() > START_LIMIT.min(context.deadline) {
                let text = format!("waited {} s for {waits_for}", started.elapsed().as_secs());
                return Err(Fault::new(FaultClass::Timeout, "HNY0584", text)
                    .with_help("look at `journalctl -u k3s` on the machine; apply again goes on from here"));
            }
            pause(context, &format!("waiting for {waits_for}"), POLL).await?;
        }
    }
}

fn has_one_of(facts: &Facts, configs: &[Secret]) -> bool {
    configs.iter().any(|text| Digest::of_bytes(text.expose()).as_str() == facts.k3s.config_digest)
}

fn found(host: &HostTarget, raw: &Value, facts: &Facts, acceptable: &[Secret]) -> Found {
    let mut attributes = raw.clone();
    attributes["version"] = json!(facts.k3s.version);
    attributes["ready"] = json!(facts.k3s.ready && facts.k3s.etcd_voter);
    if !acceptable.is_empty() && !has_one_of(facts, acceptable) {
        attributes["config"] = json!("differs on the host");
    }
    let outputs = json!({
        "node_name": facts.k3s.node_name,
        "cluster_ca": facts.k3s.cluster_ca,
        "version": facts.k3s.version,
    });
    Found::new(host.address.clone(), attributes, outputs, Ownership::Ours)
}
