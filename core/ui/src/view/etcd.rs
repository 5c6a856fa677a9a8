//! Snapshots of etcd, and what going back to one means.

use std::fmt::Write as _;

use honey_model::text::visible;
use serde::Serialize;

use crate::{Role, Theme, table};

/// A snapshot.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// The server that has it.
    pub server: String,
    /// Its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Seconds since 1970.
    pub made: i64,
    /// Its age in seconds.
    pub age_seconds: i64,
}

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshots {
    /// The instance.
    pub instance: String,
    /// Newest first.
    pub snapshots: Vec<Snapshot>,
}

impl Snapshots {
    /// For people.
    pub fn human(&self, theme: &Theme) -> String {
        if self.snapshots.is_empty() {
            return "no snapshots; `honey etcd snapshot` takes one".to_owned();
        }
        let rows = self.snapshots.iter().map(|one| {
            vec![
                visible(&one.name, 200),
                visible(&one.server, 60),
                size(one.bytes),
                format!("{} ago", age(one.age_seconds)),
            ]
        });
        table::columns(&rows.collect::<Vec<_>>(), 0, theme)
    }
}

/// What a restore will do.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Restore {
    /// The cluster's name.
    pub cluster: String,
    /// The snapshot.
    pub snapshot: String,
    /// Its age in seconds.
    pub age_seconds: i64,
    /// The server that becomes the only member.
    pub server: String,
    /// Servers that join again.
    pub rejoin: Vec<String>,
    /// Servers that are given up.
    pub without: Vec<String>,
    /// Whether singletons are held back.
    pub holds_singletons: bool,
}

impl Restore {
    /// For people.
    pub fn human(&self, theme: &Theme) -> String {
        let mut text = String::new();
        let age = age(self.age_seconds);
        let _ = writeln!(
            text,
            "{} goes back to {}",
            theme.paint(Role::Strong, &self.cluster),
            visible(&self.snapshot, 200)
        );
        let lost = format!("everything that changed in the cluster in the last {age} is lost");
        let _ = writeln!(
            text,
            "  {} {lost}; databases and buckets outside are not touched",
            theme.paint(Role::Bad, "!")
        );
        let _ = writeln!(text, "  {} every pod stops until its server is back", theme.paint(Role::Bad, "!"));
        for name in &self.without {
            let _ =
                writeln!(text, "  · {name} is given up: it must stay off until `honey node replace {name}`");
        }
        let _ = writeln!(text, "  · k3s stops on every server, {} is reset to the snapshot", self.server);
        if self.holds_singletons {
            let _ = writeln!(
                text,
                "  · singletons go to 0 before anything starts: this is not the active instance"
            );
        }
        if !self.rejoin.is_empty() {
            let _ = writeln!(
                text,
                "  · {} join again with clean data, one after another",
                self.rejoin.join(", ")
            );
        }
        text
    }
}

/// `40 s`, `25 min`, `3 h 05 min`, `2 days`.
fn age(seconds: i64) -> String {
    let seconds = seconds.max(0);
    match seconds {
        0..=119 => format!("{seconds} s"),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=1023 => format!("{bytes} B"),
        1024..=1_048_575 => format!("{} KiB", bytes / 1024),
        _ => format!("{}.{} MiB", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}

#[cfg(test)]
mod tests {
    use super::{age, size};

    #[test]
    fn ages_and_sizes_read_well() {
        assert_eq!([40, 1500, 11_100, 200_000].map(age), ["40 s", "25 min", "3 h 05 min", "2 days"]);
        assert_eq!([12, 2048, 5_001_248].map(size), ["12 B", "2 KiB", "4.7 MiB"]);
    }
}
