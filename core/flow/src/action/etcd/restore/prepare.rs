//! What a restore will do, before it does anything: which snapshot, on which
//! server, who joins again and who is given up. Changes nothing.

use honey_model::Diagnostic;
use serde::{Deserialize, Serialize};

use super::super::snapshot::{Held, held};
use crate::{
    FlowError, Session,
    phase::servers::{Server, called, servers},
};

/// Stands for the newest snapshot that any server has.
const LATEST: &str = "latest";

/// Everything a restore will do, before it does anything. Stands in its journal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestorePlan {
    /// The instance.
    pub instance: String,
    /// The snapshot's file name.
    pub snapshot: String,
    /// The server that has it, and becomes the only member.
    pub server: String,
    /// Servers that join again, in order.
    pub rejoin: Vec<String>,
    /// Servers that are given up until they are replaced.
    pub without: Vec<String>,
}

/// What the operator reads before they agree.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// What will be done.
    #[serde(flatten)]
    pub plan: RestorePlan,
    /// How old the snapshot is, in seconds. What happened since is lost.
    pub age_seconds: i64,
    /// Whether singletons of the snapshot are held back: this is not the active instance.
    pub holds_singletons: bool,
}

/// Looks and plans. `without` names servers that are known to be dead.
pub async fn prepare(
    session: &Session,
    instance: &str,
    snapshot: &str,
    without: &[String],
) -> Result<Preview, FlowError> {
    let all = servers(session, instance).await?;
    let mut given_up = Vec::new();
    for given in without {
        given_up.push(called(&all, given, |_| None)?.name.clone());
    }
    let left: Vec<Server> = all.iter().filter(|server| !given_up.contains(&server.name)).cloned().collect();
    let listed = held(session, instance, &left).await;
    if let Some((name, fault)) = listed.silent.first() {
        let text = format!("{name} does not answer: {fault}");
        let help = format!(
            "a server that still runs would go on as a second cluster. Bring it back; or, when it is dead for good, \
             `--without {name}` gives it up (its vendor switches it off where it can)"
        );
        return Err(FlowError::refused(Diagnostic::error("HNY0856", text).with_help(help)));
    }
    // Newest first.
    let wanted = |held: &&Held| snapshot == LATEST || held.snapshot.name == snapshot;
    let Some(found) = listed.snapshots.iter().find(wanted) else {
        let text = format!("no server has a snapshot `{}`", honey_model::text::visible(snapshot, 120));
        let newest: Vec<String> =
            listed.snapshots.iter().take(3).map(|held| held.snapshot.name.clone()).collect();
        let help = match newest.is_empty() {
            true => "there are none: see `honey etcd list`".to_owned(),
            false => format!("the newest are {}; all: `honey etcd list`", newest.join(", ")),
        };
        return Err(FlowError::refused(Diagnostic::error("HNY0915", text).with_help(help)));
    };
    let server = found.server.clone();
    let plan = RestorePlan {
        instance: instance.to_owned(),
        snapshot: found.snapshot.name.clone(),
        rejoin: left.iter().map(|one| one.name.clone()).filter(|name| *name != server).collect(),
        server,
        without: given_up,
    };
    let active = session.state().await?.active;
    Ok(Preview {
        plan,
        age_seconds: found.age_seconds,
        holds_singletons: !active.may_run_singletons(instance),
    })
}
