//! A cable that is long, thin or bad: frames of one box go through this process
//! on their way, and wait or are lost here. In user space, because few test
//! kernels have netem.
//!
//! The box's port moves to a switch of its own, which a pair of TAP devices
//! joins to the others; a thread carries each direction.

use std::{
    os::fd::AsFd as _,
    path::PathBuf,
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tappers::{Interface, Tap};

use crate::{Failure, command::tool, settings::Settings};

/// What a cable does to each frame, in each direction.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    /// How long a frame is on its way.
    pub delay: Duration,
    /// How many of a hundred frames are lost.
    pub loss_percent: u8,
    /// How much goes through in a second; all where there is none.
    pub bytes_per_second: Option<u64>,
}

/// Frames on their way, at most; a full cable loses what comes on top.
const IN_FLIGHT: usize = 8192;
/// Larger than any frame of these interfaces.
const FRAME: usize = 65536;

fn names(port: &str) -> [String; 3] {
    ["s-", "a-", "b-"].map(|prefix| format!("{prefix}{port}"))
}

/// Puts the cable in; it serves until [`remove`], or this process ends.
pub(crate) fn insert(settings: &Settings, link: Link) -> Result<(), Failure> {
    let [switch, near, far] = names(&settings.port);
    let namespace = settings.switch.clone();
    let pair = (near.clone(), far.clone());
    // A thread of its own, as it moves into the switch's namespace.
    let devices = thread::spawn(move || devices(&namespace, &pair)).join();
    let failed = || Failure::Machine("a TAP device could not be made".to_owned());
    let (near_device, far_device) = devices.map_err(|_| failed())??;
    let wiring: [&[&str]; 5] = [
        &["link", "add", &switch, "type", "bridge"],
        &["link", "set", &switch, "up"],
        &["link", "set", &near, "master", &switch, "up"],
        &["link", "set", &far, "master", "bridge", "up"],
        &["link", "set", &settings.port, "master", &switch],
    ];
    for words in wiring {
        tool(&[&["ip", "-n", &settings.switch], words].concat())?;
    }
    let (near_device, far_device) = (Arc::new(near_device), Arc::new(far_device));
    carry(near_device.clone(), far_device.clone(), link);
    carry(far_device, near_device, link);
    Ok(())
}

/// Takes the cable out, where one is in.
pub(crate) fn remove(settings: &Settings) {
    let [switch, near, far] = names(&settings.port);
    for words in [
        &["link", "set", settings.port.as_str(), "master", "bridge"][..],
        &["link", "del", &near],
        &["link", "del", &far],
        &["link", "del", &switch],
    ] {
        let _ = tool(&[&["ip", "-n", &settings.switch], words].concat());
    }
}

fn devices(namespace: &str, (near, far): &(String, String)) -> Result<(Tap, Tap), Failure> {
    let path = PathBuf::from("/run/netns").join(namespace);
    let file = std::fs::File::open(&path).map_err(|error| Failure::file(&path, error))?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
        .map_err(|error| Failure::file(&path, error.into()))?;
    let device = |name: &str| {
        Interface::new(name)
            .and_then(Tap::new_named)
            .map_err(|error| Failure::File { path: format!("/dev/net/tun ({name})"), error })
    };
    Ok((device(near)?, device(far)?))
}

/// Carries one direction until a device is gone.
fn carry(from: Arc<Tap>, to: Arc<Tap>, link: Link) {
    let (send, receive) = mpsc::sync_channel::<(Instant, Vec<u8>)>(IN_FLIGHT);
    thread::spawn(move || {
        let mut buffer = vec![0; FRAME];
        let mut free_at = Instant::now();
        let mut dice = 0x9e37_79b9_u32;
        while let Ok(length) = from.recv(&mut buffer) {
            // A row of numbers that is the same in every run.
            dice ^= dice << 13;
            dice ^= dice >> 17;
            dice ^= dice << 5;
            if dice % 100 < u32::from(link.loss_percent) {
                continue;
            }
            free_at = free_at.max(Instant::now());
            if let Some(rate) = link.bytes_per_second {
                let micros = 1_000_000 * length as u64 / rate.max(1);
                free_at += Duration::from_micros(micros);
            }
            if let Err(mpsc::TrySendError::Disconnected(_)) =
                send.try_send((free_at + link.delay, buffer[..length].to_vec()))
            {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, frame) in receive {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            // A device that is down loses the frame, as a cable does.
            let _ = to.send(&frame);
        }
    });
}
