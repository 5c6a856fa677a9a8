//! Watches what processes are started with while something runs.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

/// A look at every process, again and again.
pub(crate) struct Watch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<BTreeSet<String>>,
}

impl Watch {
    pub(crate) fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            while !stopped.load(Ordering::Relaxed) {
                look(&mut seen);
                std::thread::sleep(Duration::from_millis(5));
            }
            seen
        });
        Self { stop, thread }
    }

    /// Command lines and environments, each as one text.
    pub(crate) fn stop(self) -> BTreeSet<String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the watch goes on")
    }
}

fn look(seen: &mut BTreeSet<String>) {
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let path = process.path();
        let words = std::fs::read(path.join("cmdline")).unwrap_or_default();
        let words = String::from_utf8_lossy(&words).replace('\0', " ");
        // Only what honey starts: ssh, and honey itself.
        let name = words.split(' ').next().and_then(|program| program.rsplit('/').next()).unwrap_or_default();
        if !matches!(name, "ssh" | "honey" | "scp" | "sftp") {
            continue;
        }
        let environment = std::fs::read(path.join("environ")).unwrap_or_default();
        let environment = String::from_utf8_lossy(&environment).replace('\0', " ");
        let line = words.split_once(' ').map_or("", |(_, rest)| rest);
        seen.insert(format!("{name} {line} ({environment})"));
    }
}
