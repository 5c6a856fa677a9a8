//! The plugin host inside one process, measured by a program of tests/.

use std::process::Command;

use serde_json::Value;

use super::Line;
use crate::workspace::{Failure, build_programs, output, plugins_directory};

/// Asks the program.
pub(super) fn measure() -> Result<Vec<Line>, Failure> {
    let mut command = Command::new(build_programs(&["measure-plugins"], true)?.join("measure-plugins"));
    command.env("HONEY_PLUGINS", plugins_directory());
    let (code, text) = output(command)?;
    let answer: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::Holds(format!("measure-plugins ended with {code:?}: {error}")))?;
    let figure =
        |name: &str| answer[name].as_f64().ok_or_else(|| Failure::Holds(format!("no figure `{name}`")));
    Ok(vec![
        Line::limit("plugins", "seven plugins ready, warm cache", "ms", figure("ready_ms")?, 10.0),
        Line::limit("plugins", "one plugin call round trip, typed", "us", figure("call_us")?, 10.0),
        Line::told("plugins", "the same with an instance of its own", "us", figure("fresh_us")?),
        Line::told("plugins", "seven plugins ready, cold cache", "ms", figure("cold_ms")?),
    ])
}
