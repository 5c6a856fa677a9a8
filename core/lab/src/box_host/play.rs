//! Plays a script on a box and answers as honey's shell library would.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use russh::{ChannelId, server::Handle};
use serde_json::json;

use super::{
    boxes::OneBox,
    calls::{self, Call, NotCalls},
    etcd, facts, faults, k3s,
    steps::{self, Ended},
};
use crate::world::World;

/// Where output goes.
pub(super) struct Sink {
    pub(super) handle: Handle,
    pub(super) channel: ChannelId,
}

impl Sink {
    async fn say(&self, line: &str) {
        let _ = self.handle.data(self.channel, Bytes::from(format!("honey {line}\n"))).await;
    }

    async fn noise(&self, text: &str) {
        let _ = self.handle.extended_data(self.channel, 1, Bytes::from(text.to_owned())).await;
    }
}

/// How calls end whose shell waits for the next ones.
const STAYS: &[u8] = b"\nh_remember </dev/null; ( trap h_leave EXIT; h_calls ) </dev/null\n";
/// How the library ends that such a shell reads first.
const GREETS: &[u8] = b"\nh_tell kept\n";

/// Whether something is to be run before its input ends: the shell stays.
pub(super) fn is_kept(input: &[u8]) -> bool {
    input.ends_with(STAYS) || input.ends_with(GREETS)
}

/// Whether a command waits for the end of its input.
pub(super) fn reads_input(command: &str) -> bool {
    command.trim() != "true"
}

/// Runs a command with its whole input; the exit status.
pub(super) async fn run(
    world: &Arc<World>,
    one: &Arc<OneBox>,
    user: &str,
    command: &str,
    input: &[u8],
    sink: &Sink,
) -> u32 {
    let root = match command.trim() {
        "true" => return 0,
        "sh -s $SSH_CONNECTION" => user == "root",
        "sudo -n sh -s $SSH_CONNECTION" => {
            if user != "root" && one.pending().sudo {
                sink.noise("sudo: a password is required\n").await;
                return 1;
            }
            true
        }
        other => {
            let word = other.split_whitespace().next().unwrap_or_default().to_owned();
            sink.noise(&format!("sh: 1: {word}: not found\n")).await;
            return 127;
        }
    };
    if faults::take(&mut one.pending().hostile) {
        let _ = sink
            .handle
            .data(sink.channel, Bytes::from_static(b"\x1b]0;owned\x07\x1b[2J\xff\xfe honey 9 changed\r\n"))
            .await;
        sink.noise("\u{1b}[31mWarning:\u{202e} not what it seems\n").await;
    }
    if input.ends_with(GREETS) {
        sink.say("kept").await;
        return 0;
    }
    let calls = match calls::parse(input) {
        Ok(calls) => calls,
        Err(NotCalls::Cut) => {
            sink.noise("sh: Syntax error: end of file unexpected (expecting \"}\")\n").await;
            return 2;
        }
        Err(NotCalls::Foreign) => {
            sink.noise("sh: a box of the lab runs only honey's own calls\n").await;
            return 127;
        }
    };
    if !root && !calls.iter().all(|call| matches!(call.name.as_str(), "h_facts" | "h_end")) {
        sink.noise("sh: Permission denied\n").await;
        return 1;
    }
    play(world, one, &calls, sink).await
}

async fn play(world: &Arc<World>, one: &Arc<OneBox>, calls: &[Call], sink: &Sink) -> u32 {
    let mut number = 0;
    let mut writing = None;
    for call in calls {
        let counts = !matches!(
            call.name.as_str(),
            "h_facts"
                | "h_read"
                | "h_digest"
                | "h_part"
                | "h_firewall_confirm"
                | "h_etcd_list"
                | "h_end"
                | "h_lock"
        );
        if counts && happens(world, one, number).await {
            // Nobody is left to hear an answer.
            return 255;
        }
        let ended = match call.name.as_str() {
            "h_end" => {
                sink.say("end").await;
                return 0;
            }
            "h_lock" => {
                let wait = Duration::from_secs(call.argument(0).parse().unwrap_or(0));
                match tokio::time::timeout(wait, one.work.lock()).await {
                    Ok(guard) => {
                        writing = Some(guard);
                        Ended::Silent
                    }
                    Err(_) => steps::failed("lock", "another run of honey works on this host (process 4711)"),
                }
            }
            "h_facts" => look(world, one, call).await,
            "h_read" => steps::read(one, call),
            "h_digest" => steps::digest(one, call),
            "h_part" => steps::part(one, call),
            "h_packages" => steps::packages(world, one, call).await,
            "h_file" => steps::file(one, call),
            "h_sysctl" => steps::sysctl(one),
            "h_service" => steps::service(one, call),
            "h_hostname" => steps::hostname(one, call),
            "h_swap" => steps::swap(one, call),
            "h_time_sync" => steps::time_sync(one),
            "h_firewall" => steps::firewall(one, call),
            "h_firewall_confirm" => steps::confirm(one),
            "h_k3s" => k3s::install(world, one, call).await,
            "h_etcd_save" => etcd::save(world, one, call).await,
            "h_etcd_list" => etcd::list(one),
            "h_etcd_stop" => etcd::stop(world, one).await,
            "h_etcd_restore" => etcd::restore(world, one, call).await,
            "h_etcd_start" => etcd::start(world, one, call).await,
            "h_etcd_aside" => etcd::aside(world, one, call).await,
            "h_reboot" => etcd::reboot(world, one),
            "h_k3s_uninstall" => k3s::uninstall(world, one).await,
            other => {
                sink.noise(&format!("sh: {other}: not found\n")).await;
                return 127;
            }
        };
        match ended {
            Ended::Step(changed) => {
                sink.say(&format!("{number} {}", if changed { "changed" } else { "same" })).await;
                number += 1;
            }
            Ended::Result(text) => sink.say(&text).await,
            Ended::Silent => {}
            Ended::Failed(word, text, noise) => {
                sink.noise(&noise).await;
                sink.say(&format!("{number} failed {word} {text}")).await;
                return 70;
            }
        }
    }
    drop(writing);
    0
}

/// What a script of faults does before a step; true when the connection is gone.
async fn happens(world: &Arc<World>, one: &Arc<OneBox>, number: usize) -> bool {
    let (cut, reboot) = {
        let mut pending = one.pending();
        let cut = pending.cut.take_if(|step| *step == number);
        (cut, pending.reboot.take_if(|(step, _)| *step == number))
    };
    if let Some((_, ms)) = reboot {
        one.reboot(world, Duration::from_millis(ms)).await;
        return true;
    }
    if cut.is_some() {
        one.cut();
        return true;
    }
    false
}

async fn look(world: &Arc<World>, one: &Arc<OneBox>, call: &Call) -> Ended {
    let id = one.machine().id.clone();
    let running = one.disk().k3s.as_ref().is_some_and(|k3s| k3s.running);
    let member = if running {
        world.clusters().call(world, &id, "member", json!({})).await.unwrap_or_default()
    } else {
        json!({})
    };
    let disk = one.disk();
    Ended::Result(format!("facts {}", facts::answer(one, &disk, &member, &call.arguments)))
}
