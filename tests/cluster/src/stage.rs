//! Boxes, the place to install from and the operator, wired together.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use honey_boxes::{Boxes, Image, Options, TestBox};

use crate::{
    PARTS, guide,
    mirror::Mirror,
    operator::Operator,
    worker::{self, WorkerLog},
};

/// How long anything may take before a test gives up. Never a measure of speed.
const PATIENCE: Duration = Duration::from_mins(5);

/// iscsid speaks with a part of the kernel that a test machine may lack; there
/// it ends at once. No test uses a remote disk.
const ISCSID: &str = "[Service]\nType=simple\nPIDFile=\nExecStart=\nExecStart=/bin/sleep infinity\n";

/// Everything that a test of a cluster needs. Gone when dropped.
pub struct Stage {
    /// The operator.
    pub operator: Operator,
    /// The machines.
    pub boxes: Boxes,
    _mirror: Mirror,
}

impl Stage {
    /// Boxes with a container runtime, which k3s would bring along, and the
    /// configuration that the guide shows for machines without a vendor.
    ///
    /// # Panics
    /// When the machine cannot have them.
    pub fn up(count: usize) -> Self {
        Self::with(count, Image::Cluster)
    }

    /// [`Self::up`] with boxes of another kind.
    ///
    /// # Panics
    /// When the machine cannot have them.
    pub fn with(count: usize, image: Image) -> Self {
        Self::make(count, image, Vec::new())
    }

    /// [`Self::up`] with an application in the configuration, and the log of its worker.
    ///
    /// # Panics
    /// When the machine cannot have them.
    pub fn with_worker(count: usize) -> (Self, WorkerLog) {
        let log = WorkerLog::new();
        let shared = vec![(log.folder().to_owned(), worker::FOLDER.to_owned())];
        let stage = Self::make(count, Image::Cluster, shared);
        worker::configure(&stage.operator);
        (stage, log)
    }

    fn make(count: usize, image: Image, mut binds: Vec<(PathBuf, String)>) -> Self {
        let parts: PathBuf = honey_k3s_parts::ensure().expect("the parts of a control plane");
        binds.push((parts.clone(), PARTS.to_owned()));
        let options = Options { image, binds, ..Options::default() };
        let boxes = Boxes::up(count, &options).expect("boxes");
        let mirror = Mirror::start(&boxes, &parts);
        for one in boxes.iter() {
            one.write("/etc/systemd/system/iscsid.service.d/box.conf", ISCSID).expect("a unit");
        }
        if image == Image::Bare {
            for one in boxes.iter() {
                one.must("apt-get -qq update && apt-get -qq -y install containerd runc containernetworking-plugins >/dev/null 2>&1")
                    .expect("a container runtime");
            }
        }
        let operator = Operator::new(&boxes, &parts, &guide::file("home/honey.toml"));
        Self { operator, boxes, _mirror: mirror }
    }

    /// Box 1, 2, …
    pub fn server(&self, number: usize) -> &TestBox {
        &self.boxes[number - 1]
    }
}

/// Waits until something holds.
///
/// # Panics
/// When it does not hold for a very long time; says what was seen last.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> Result<(), String>) {
    let started = Instant::now();
    loop {
        match holds() {
            Ok(()) => return,
            Err(seen) => assert!(started.elapsed() < PATIENCE, "waited in vain: {what}: {seen}"),
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}
