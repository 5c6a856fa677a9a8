//! `honey lab down`: asks the lab to end and waits until it did.

use std::time::Duration;

use serde_json::json;

use super::{Down, control};
use crate::{
    context::Context,
    failure::{Exit, Failure},
};

pub(super) fn run(context: &Context, arguments: &Down) -> Result<Exit, Failure> {
    let folder = &arguments.directory;
    let stopped = context.block_on(async {
        if control::ask(folder, "POST", "/stop").await.is_err() {
            return Ok(false);
        }
        for _ in 0..100 {
            if control::ask(folder, "GET", "/world").await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(true)
    })?;
    let shown = folder.display().to_string();
    let text =
        if stopped { format!("the lab in {shown} has stopped") } else { format!("no lab runs in {shown}") };
    context.output.show(|_| text, &json!({ "folder": shown, "stopped": stopped }))?;
    Ok(Exit::Done)
}
