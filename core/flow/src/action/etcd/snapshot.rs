//! `honey etcd snapshot` and `honey etcd list`: through k3s on the servers,
//! listed by their files, so that they are found while nothing runs.

use futures::future::join_all;
use honey_model::{Address, Diagnostic, Fault, FaultClass};
use honey_ports::{
    etcd::{EtcdStep, Snapshot},
    host::Step,
};
use serde::Serialize;

use crate::{
    FlowError, Session,
    phase::servers::{Server, called, servers},
};

/// A snapshot and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The server, `node-1`.
    pub server: String,
    /// The snapshot.
    #[serde(flatten)]
    pub snapshot: Snapshot,
    /// How old it is by that server's clock, in seconds.
    pub age_seconds: i64,
}

/// All snapshots, newest first, and servers that could not be asked.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Listed {
    /// Newest first.
    pub snapshots: Vec<Held>,
    /// Server and why.
    pub silent: Vec<(String, Fault)>,
}

/// Lists what every server has.
pub async fn list(session: &Session, instance: &str) -> Result<Listed, FlowError> {
    let all = servers(session, instance).await?;
    Ok(held(session, instance, &all).await)
}

pub(super) async fn held(session: &Session, instance: &str, all: &[Server]) -> Listed {
    let answers = join_all(all.iter().map(|server| of_one(session, instance, server))).await;
    let mut listed = Listed::default();
    for (server, answer) in all.iter().zip(answers) {
        match answer {
            Ok(snapshots) => listed.snapshots.extend(snapshots),
            Err(fault) => listed.silent.push((server.name.clone(), fault)),
        }
    }
    listed
        .snapshots
        .sort_by(|a, b| (b.snapshot.made, &b.snapshot.name).cmp(&(a.snapshot.made, &a.snapshot.name)));
    listed
}

async fn of_one(session: &Session, instance: &str, server: &Server) -> Result<Vec<Held>, Fault> {
    let context = session.reading(&Address::of(&[instance, "etcd", &server.name]));
    let host = session.own.connections.host(&context, &server.target).await?;
    let now = session.own.connections.facts(&context, &server.target).await?.epoch_seconds;
    let snapshots = host.etcd_snapshots(&context).await?;
    let held = |snapshot: Snapshot| Held {
        server: server.name.clone(),
        age_seconds: now.saturating_sub(snapshot.made).max(0),
        snapshot,
    };
    Ok(snapshots.into_iter().map(held).collect())
}

/// Takes one, on the first server that can, or on the named one.
pub async fn save(
    session: &Session,
    instance: &str,
    name: &str,
    named: Option<&str>,
) -> Result<Held, FlowError> {
    if !is_name(name) {
        let text = format!("`{}` is not a name for a snapshot", honey_model::text::visible(name, 80));
        let help = "letters, digits, `-`, `_` and `.`, at most 60, beginning with a letter or digit";
        return Err(FlowError::refused(Diagnostic::error("HNY0914", text).with_help(help)));
    }
    let all = servers(session, instance).await?;
    let asked: Vec<&Server> = match named {
        Some(given) => vec![called(&all, given, |_| None)?],
        None => all.iter().collect(),
    };
    let lock = session.ports.store.lock("etcd snapshot").await?;
    let result = first_that_can(session, instance, name, &asked).await;
    lock.release().await?;
    Ok(result?)
}

async fn first_that_can(
    session: &Session,
    instance: &str,
    name: &str,
    asked: &[&Server],
) -> Result<Held, Fault> {
    let mut last = Fault::new(FaultClass::NotFound, "HNY0855", "there is no server to ask");
    for server in asked {
        match on_one(session, instance, server, name).await {
            Ok(held) => return Ok(held),
            Err(fault) if fault.class == FaultClass::Canceled => return Err(fault),
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

async fn on_one(session: &Session, instance: &str, server: &Server, name: &str) -> Result<Held, Fault> {
    let context = session.reading(&Address::of(&[instance, "etcd", &server.name]));
    let before = of_one(session, instance, server).await?;
    let step = Step::Etcd(EtcdStep::Save { name: name.to_owned() });
    session.own.connections.run(&context, &server.target, &[step]).await?;
    let known = |held: &Held| before.iter().any(|old| old.snapshot.name == held.snapshot.name);
    let made = of_one(session, instance, server).await?.into_iter().find(|held| !known(held));
    made.ok_or_else(|| {
        let text = format!("k3s on {} took a snapshot, and no new file of one is there", server.name);
        Fault::new(FaultClass::Malformed, "HNY0855", text).with_help(
            "it may be kept elsewhere (`etcd-snapshot-dir`, S3): `k3s etcd-snapshot ls` on the server",
        )
    })
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 60
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names_are_file_names_and_nothing_else() {
        assert!(is_name("pre-upgrade") && is_name("a.b_c"));
        for bad in ["", "../x", "a/b", "-x", ".x", "a b", "ü", &"x".repeat(61)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
