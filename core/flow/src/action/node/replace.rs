//! `honey node replace`: a dead server leaves the cluster for good, so that
//! another machine can take its place (runbook 8).
//!
//! Here: the machine is fenced, its node and with it its etcd member are
//! removed, singletons that ran there come back elsewhere. The new machine and
//! its joining are a plan like any other: [`crate::action::plan`] with
//! `replace` in its wish.

use honey_model::{Address, Diagnostic, Fault, FaultClass};
use honey_ports::{capability::PowerState, cluster::ObjectName, etcd::EtcdStep, host::Step, store::Lock};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    About, Node, Nodes,
    drain::Work,
    reboot::{look, power_control},
};
use crate::{FlowError, Session, phase::servers::Server};

/// What the operator wants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    /// Also a server that still works.
    pub alive: bool,
    /// The operator knows that the machine is off.
    pub machine_is_off: bool,
}

/// What is left to do after the old server is gone.
#[derive(Clone, Debug, Serialize)]
pub struct Removed {
    /// `node-2`.
    pub node: String,
    /// How it is known that nothing runs there any more.
    pub fenced: String,
    /// Singletons that came back elsewhere.
    pub singletons: Vec<String>,
    /// The machine, where the vendor makes a new one. One that stays (it was
    /// paid for, or is the operator's own) is emptied instead.
    pub replace: Option<Address>,
}

/// What the plan of this replacement would mean, before anything is done.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// `node-2`.
    pub node: String,
    /// Whether the machine stays and is emptied.
    pub machine_stays: bool,
    /// Etcd members there are, and those that work without it.
    pub members: (usize, usize),
}

/// Looks whether it may be replaced. Changes nothing.
pub async fn prepare(
    session: &Session,
    instance: &str,
    given: &str,
    wish: Wish,
) -> Result<Preview, FlowError> {
    let nodes = Nodes::look(session, instance).await?;
    let node = nodes.called(given)?;
    let members = nodes.quorum_without(&node);
    if session.ports.store.unsealed().await?.is_none() {
        may_go(&nodes, &node, wish)?;
    }
    Ok(Preview { node: node.server.name.clone(), machine_stays: stays(&node.server), members })
}

fn may_go(nodes: &Nodes, node: &Node, wish: Wish) -> Result<(), FlowError> {
    if node.ready() && !wish.alive {
        let text = format!("{} is Ready: it is not dead", node.server.name);
        let help = "`honey node reboot` restarts it; `--alive` replaces it all the same";
        return Err(FlowError::refused(Diagnostic::error("HNY0852", text).with_help(help)));
    }
    let (members, left) = nodes.quorum_without(node);
    if left * 2 <= members {
        let text = format!("only {left} of {members} etcd members work without it: no member can be removed");
        let help = "bring another server back first; if that is not possible, `honey etcd restore`";
        return Err(FlowError::refused(Diagnostic::error("HNY0843", text).with_help(help)));
    }
    Ok(())
}

fn stays(server: &Server) -> bool {
    server.k3s["machine_stays"] == true
}

/// Removes the old server.
pub async fn remove(
    session: &Session,
    instance: &str,
    given: &str,
    wish: Wish,
) -> Result<Removed, FlowError> {
    let lock = session.ports.store.lock("node replace").await?;
    let result = locked(session, lock.as_ref(), instance, given, wish).await;
    lock.release().await?;
    result
}

async fn locked(
    session: &Session,
    lock: &dyn Lock,
    instance: &str,
    given: &str,
    wish: Wish,
) -> Result<Removed, FlowError> {
    let nodes = Nodes::look(session, instance).await?;
    let node = nodes.called(given)?;
    if session.ports.store.unsealed().await?.is_none() {
        may_go(&nodes, &node, wish)?;
    }
    let about = About { instance: instance.to_owned(), node: node.server.name.clone() };
    let mut work = Work::open(session, lock, nodes, node, about, "replace").await?;
    match perform(&mut work, wish).await {
        Ok(fenced) => {
            let removed = Removed {
                node: work.about.node.clone(),
                fenced,
                singletons: work.frozen().iter().map(super::singleton::Frozen::shown).collect(),
                replace: (!stays(&work.node.server)).then(|| work.node.server.machine_address(instance)),
            };
            work.chore.seal().await?;
            Ok(removed)
        }
        Err(fault) => Err(work.halted(fault, "replace")),
    }
}

async fn perform(work: &mut Work<'_>, wish: Wish) -> Result<String, Fault> {
    work.close().await?;
    work.stop_singletons().await?;
    let Work { session, lock, nodes, node, about, chore } = work;
    let server = node.server.clone();
    let instance = about.instance.clone();
    let fenced = chore
        .step(session, *lock, "fence the machine", async {
            fence(session, &instance, &server, wish).await.map(|how| json!(how))
        })
        .await?;
    let name = node.kubernetes.clone();
    chore
        .step(session, *lock, "remove the node", async {
            if let Some(name) = name {
                // k3s takes the etcd member out before it lets the node go.
                nodes.cluster.delete(&nodes.context, &node_object(&name)).await?;
            }
            Ok(Value::Null)
        })
        .await?;
    chore
        .step(session, *lock, "forget the machine", async {
            session.own.connections.forget(&server.target).await.map(|()| Value::Null)
        })
        .await?;
    work.start_singletons().await?;
    Ok(fenced.as_str().unwrap_or_default().to_owned())
}

/// A node as an object of the API.
pub(crate) fn node_object(name: &str) -> ObjectName {
    ObjectName {
        api_version: "v1".to_owned(),
        kind: "Node".to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}

/// Makes sure that nothing runs there any more, and says how that is known.
async fn fence(session: &Session, instance: &str, server: &Server, wish: Wish) -> Result<String, Fault> {
    let context = session.reading(&server.machine_address(instance));
    if look(session, &context, server).await.is_ok() {
        let step = if stays(server) { Step::K3sUninstall } else { Step::Etcd(EtcdStep::Stop) };
        let steps = [Step::Etcd(EtcdStep::Stop), step];
        session.own.connections.run(&context, &server.target, &steps).await?;
        return Ok("it answered over ssh: k3s and its containers were stopped".to_owned());
    }
    if let Some(plugin) = power_control(session, instance) {
        let off = match plugin.set_power(&context, &server.machine_id, false).await {
            Ok(_) => plugin.power(&context, &server.machine_id).await,
            Err(fault) => Err(fault),
        };
        match off {
            Ok(PowerState::Off) => return Ok("its vendor says that it is switched off".to_owned()),
            Err(fault) if fault.class == FaultClass::NotFound => {
                return Ok("its vendor knows no such machine any more".to_owned());
            }
            Ok(state) if !wish.machine_is_off => {
                let text = format!("{} was told to switch off, and is {state:?}", server.name);
                return Err(Fault::new(FaultClass::Conflict, "HNY0853", text).with_help(
                    "wait, and run the same command again; or switch it off by hand and say `--machine-is-off`",
                ));
            }
            Err(fault) if !wish.machine_is_off => return Err(fault),
            _ => {}
        }
    }
    if wish.machine_is_off {
        return Ok("the operator said that it is off".to_owned());
    }
    let text = format!(
        "nobody can tell whether {} still runs: it does not answer, and has no power control",
        server.name
    );
    Err(Fault::new(FaultClass::Unsupported, "HNY0853", text).with_help(
        "a singleton may still run there. Switch the machine off, make sure of it, and say `--machine-is-off`",
    ))
}

/// A machine that stays gets a fresh disk from its vendor, where it can; says
/// whether it did. One that was emptied over ssh needs none.
pub async fn reinstall(session: &Session, instance: &str, given: &str) -> Result<bool, FlowError> {
    let all = crate::phase::servers::servers(session, instance).await?;
    let server = crate::phase::servers::called(&all, given, |_| None)?;
    let context = session.reading(&server.machine_address(instance));
    if look(session, &context, server).await.is_ok() {
        return Ok(false);
    }
    let plugin = session.config.instances.get(instance).map(|one| one.plugin.as_str()).unwrap_or_default();
    let able = session.ports.capabilities.get(plugin).filter(|plugin| plugin.supports("reinstall"));
    let Some(able) = able else {
        let text = format!("{} does not answer, and its vendor cannot reinstall it", server.name);
        let help = "give it a fresh system by hand (same address), then `honey apply` joins it";
        return Err(FlowError::refused(Diagnostic::error("HNY0854", text).with_help(help)));
    };
    let machines = &session.config.instances[instance];
    let own = machines.machines.get(server.index);
    let setting = |name: &str| {
        own.and_then(|own| own.get(name)).or_else(|| machines.machine.get(name)).cloned().unwrap_or_default()
    };
    let mut options = json!({ "image": setting("image"), "ssh_keys": setting("ssh_keys") });
    if let Some(key) = crate::phase::prepare::operator_key(session).await? {
        options["public_key"] = json!(key);
    }
    able.reinstall(&context, &server.machine_id, &options).await?;
    session.own.connections.forget(&server.target).await?;
    Ok(true)
}
