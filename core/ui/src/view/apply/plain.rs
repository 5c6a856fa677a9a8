//! Events as lines, where nobody watches: logs and CI.

use std::io::Write as _;

use honey_model::text::visible;
use honey_ports::Event;

use super::Record;
use crate::{Role, Theme, view::took};

/// Writes the event's line to standard error, where it has one.
pub(super) fn show(event: &Event, record: &Record, theme: &Theme) {
    if let Some(line) = line(event, record, theme) {
        let _ = writeln!(std::io::stderr().lock(), "{line}");
    }
}

/// The event's line. Starts and percentages have none: the end says it.
pub(super) fn line(event: &Event, record: &Record, theme: &Theme) -> Option<String> {
    Some(match event {
        Event::PhaseStarted { phase, total } => {
            let total = total.map(|total| format!(" ({total})")).unwrap_or_default();
            theme.paint(Role::Strong, &format!("{}{total}", visible(phase, 300)))
        }
        Event::PhaseFinished { phase, took: time } => {
            theme.paint(Role::Dim, &format!("{} took {}", visible(phase, 300), took(*time)))
        }
        Event::OperationFinished { address, action, took: time } => {
            let total = record.current.as_ref().and_then(|(_, total)| *total);
            let count = total.map(|total| format!(" [{}/{total}]", record.done_in_phase)).unwrap_or_default();
            format!(
                "  {} {address}: {}, {}{count}",
                theme.paint(Role::Good, "✓"),
                visible(action, 40),
                took(*time)
            )
        }
        Event::OperationFailed { address, fault } => {
            format!(
                "  {} {address} failed: {}",
                theme.paint(Role::Bad, "✗"),
                visible(&fault.to_string(), 1000)
            )
        }
        Event::OperationSkipped { address, because } => {
            format!("  {} {address} not tried: {because} failed", theme.paint(Role::Warning, "-"))
        }
        Event::Log { origin, level, message } if matches!(level.as_str(), "warn" | "error") => {
            format!(
                "  {} {}: {}",
                theme.paint(Role::Warning, "!"),
                visible(origin, 80),
                visible(message, 500)
            )
        }
        Event::Notice { message } => {
            format!("{} {}", theme.paint(Role::Warning, "note:"), visible(message, 1000))
        }
        Event::OperationStarted { .. } | Event::OperationProgress { .. } | Event::Log { .. } => return None,
    })
}
