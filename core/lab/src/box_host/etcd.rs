//! etcd's data on a box: snapshots, a reset to one, data set aside for a fresh join.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    boxes::OneBox,
    calls::Call,
    disk::File,
    k3s,
    steps::{Ended, failed},
};
use crate::{clock::Clock, world::World};

const SNAPSHOTS: &str = "/var/lib/rancher/k3s/server/db/snapshots/";
const QUARANTINE: &str = "/etc/rancher/k3s/config.yaml.d/99-honey-quarantine.yaml";
const MARK: &str = "/var/lib/honey/etcd.aside";

/// `NAME`
pub(super) async fn save(world: &Arc<World>, one: &Arc<OneBox>, call: &Call) -> Ended {
    if one.disk().full {
        return failed("disk", "no space is left for a snapshot");
    }
    let (id, file) = {
        let disk = one.disk();
        let made = Clock::unix();
        let taken = |name: &String| disk.files.contains_key(&format!("{SNAPSHOTS}{name}"));
        let names = (made..).map(|at| format!("{}-{}-{at}", call.argument(0), disk.node_name()));
        let free = names.into_iter().find(|name| !taken(name)).unwrap_or_default();
        (one.machine().id.clone(), free)
    };
    world.clock.sleep(200).await;
    match world.clusters().call(world, &id, "etcd-save", json!({ "file": file })).await {
        Ok(about) => {
            let bytes = about.to_string().into_bytes();
            one.disk().files.insert(format!("{SNAPSHOTS}{file}"), File { mode: 0o600, bytes });
            Ended::Step(true)
        }
        Err(log) => Ended::Failed("etcd", "no snapshot was taken".into(), format!("{log}\n")),
    }
}

/// Every snapshot on the disk.
pub(super) fn list(one: &OneBox) -> Ended {
    let disk = one.disk();
    let snapshots: Vec<Value> = disk
        .files
        .iter()
        .filter_map(|(path, file)| {
            let name = path.strip_prefix(SNAPSHOTS)?;
            let made: i64 = name.rsplit('-').next()?.parse().ok()?;
            Some(json!({ "name": name, "bytes": file.bytes.len(), "made": made }))
        })
        .collect();
    Ended::Result(format!("etcd {}", json!({ "snapshots": snapshots })))
}

/// Stops k3s with everything it started.
pub(super) async fn stop(world: &Arc<World>, one: &OneBox) -> Ended {
    let (id, running) = {
        let id = one.machine().id.clone();
        let mut disk = one.disk();
        let running = disk.k3s.as_mut().is_some_and(|k3s| std::mem::replace(&mut k3s.running, false));
        disk.services.insert("k3s".to_owned(), false);
        (id, running)
    };
    world.clusters().server_stopped(world, &id).await;
    world.clock.sleep(150).await;
    Ended::Step(running)
}

/// `FILE`
pub(super) async fn restore(world: &Arc<World>, one: &OneBox, call: &Call) -> Ended {
    let file = call.argument(0);
    let (id, about) = {
        let machine = one.machine();
        let disk = one.disk();
        if !disk.files.contains_key(&format!("{SNAPSHOTS}{file}")) {
            return failed("etcd", format!("there is no snapshot {file} on this server"));
        }
        if disk.k3s.as_ref().is_some_and(|k3s| k3s.running) {
            return failed("etcd", "k3s runs; it has to be stopped first");
        }
        let about = json!({ "file": file, "node": disk.node_name(), "address": machine.ipv4.to_string() });
        (machine.id.clone(), about)
    };
    world.clock.sleep(400).await;
    match world.clusters().call(world, &id, "etcd-restore", about).await {
        Ok(_) => {
            one.disk().etcd_data = true;
            Ended::Step(true)
        }
        Err(log) => Ended::Failed("etcd", "k3s did not restore the snapshot".into(), format!("{log}\n")),
    }
}

/// `quarantined|open`
pub(super) async fn start(world: &Arc<World>, one: &Arc<OneBox>, call: &Call) -> Ended {
    let changed = {
        let mut disk = one.disk();
        let before = disk.files.contains_key(QUARANTINE);
        let wanted = call.argument(0) == "quarantined";
        if wanted {
            let text = "disable-agent: true\ndisable-scheduler: true\ndisable-controller-manager: true\n";
            let file = File { mode: 0o600, bytes: text.as_bytes().to_vec() };
            disk.files.insert(QUARANTINE.to_owned(), file);
        } else {
            disk.files.remove(QUARANTINE);
        }
        before != wanted || !disk.k3s.as_ref().is_some_and(|k3s| k3s.running)
    };
    if !changed {
        return Ended::Step(false);
    }
    match k3s::start(world, one).await {
        Ok(()) => Ended::Step(true),
        Err(log) => Ended::Failed("k3s", "k3s stops again right after its start".into(), format!("{log}\n")),
    }
}

/// `RUN`
pub(super) async fn aside(world: &Arc<World>, one: &OneBox, call: &Call) -> Ended {
    let run = call.argument(0).as_bytes().to_vec();
    let id = {
        let disk = one.disk();
        if disk.files.get(MARK).is_some_and(|file| file.bytes == run) {
            return Ended::Step(false);
        }
        if disk.k3s.as_ref().is_some_and(|k3s| k3s.running) {
            return failed("etcd", "k3s runs; it has to be stopped first");
        }
        one.machine().id.clone()
    };
    let _ = world.clusters().call(world, &id, "etcd-leave", json!({})).await;
    let mut disk = one.disk();
    disk.etcd_data = false;
    disk.k3s_pending = true;
    disk.files.remove(QUARANTINE);
    disk.files.insert(MARK.to_owned(), File { mode: 0o600, bytes: run });
    Ended::Step(true)
}

/// Goes down a moment after it has answered.
pub(super) fn reboot(world: &Arc<World>, one: &Arc<OneBox>) -> Ended {
    let (world, one) = (Arc::clone(world), Arc::clone(one));
    tokio::spawn(async move {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        one.reboot(&world, world.clock.span(500)).await;
    });
    Ended::Step(true)
}
