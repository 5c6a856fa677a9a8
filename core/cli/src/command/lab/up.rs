//! `honey lab up`: the lab as a process, in the foreground or detached.

use std::{
    fs::{DirBuilder, OpenOptions},
    os::unix::{
        fs::{DirBuilderExt as _, OpenOptionsExt as _},
        process::CommandExt as _,
    },
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use honey_lab::{Lab, LabOptions};
use honey_model::Diagnostic;
use serde_json::{Value, json};

use super::{Up, control};
use crate::{
    context::Context,
    failure::{Exit, Failure},
};

/// How long a detached lab may take until it answers.
const PATIENCE: Duration = Duration::from_mins(1);

pub(super) fn run(context: &Context, arguments: &Up) -> Result<Exit, Failure> {
    let folder = &arguments.directory;
    if Lab::is_somebodys(folder) {
        return Err(somebodys(folder));
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| failed(folder, &error.to_string()))?;
    if arguments.detach {
        detached(context, arguments)
    } else {
        context.block_on(foreground(context, arguments))
    }
}

async fn foreground(context: &Context, arguments: &Up) -> Result<Exit, Failure> {
    let folder = std::path::absolute(&arguments.directory)?;
    if control::ask(&folder, "GET", "/world").await.is_ok() {
        return Err(running(&arguments.directory));
    }
    let options = LabOptions {
        seed: arguments.seed,
        directory: Some(folder.clone()),
        specs: arguments.specs.clone(),
        time_scale: arguments.time_scale,
        ..LabOptions::default()
    };
    let lab = Lab::start(options).await.map_err(|error| failed(&arguments.directory, &error.to_string()))?;
    lab.write_files(&folder).map_err(|error| failed(&arguments.directory, &error.to_string()))?;
    let document =
        json!({ "folder": arguments.directory, "endpoints": lab.endpoints(), "control": lab.control() });
    context.output.show(|_| human(&arguments.directory, &document), &document)?;
    tokio::select! {
        () = lab.stopped() => {}
        () = context.cancel.canceled() => {}
    }
    let _ = std::fs::remove_file(folder.join(control::ABOUT));
    Ok(Exit::Done)
}

/// Starts the same command in the background and waits until it answers.
fn detached(context: &Context, arguments: &Up) -> Result<Exit, Failure> {
    let folder = std::path::absolute(&arguments.directory)?;
    let document = context.block_on(async {
        if control::ask(&folder, "GET", "/world").await.is_ok() {
            return Err(running(&arguments.directory));
        }
        let _ = std::fs::remove_file(folder.join(control::ABOUT));
        let child = spawn(arguments, &folder)?;
        wait(&arguments.directory, &folder, child).await
    })?;
    context.output.show(|_| human(&arguments.directory, &document), &document)?;
    Ok(Exit::Done)
}

fn spawn(arguments: &Up, folder: &Path) -> Result<Child, Failure> {
    let log = OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("lab.log"))?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["lab", "up", "--directory"]).arg(folder).args([
        "--seed",
        &arguments.seed.to_string(),
        "--time-scale",
        &arguments.time_scale.to_string(),
    ]);
    if let Some(specs) = &arguments.specs {
        command.arg("--specs").arg(std::path::absolute(specs)?);
    }
    let error = log.try_clone()?;
    Ok(command.stdin(Stdio::null()).stdout(log).stderr(error).process_group(0).spawn()?)
}

async fn wait(shown: &Path, folder: &Path, mut child: Child) -> Result<Value, Failure> {
    let answering = async {
        loop {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(failed(shown, &format!("it ended with {status}; see lab.log in the folder")));
            }
            if control::ask(folder, "GET", "/world").await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, answering).await {
        Ok(answered) => answered?,
        Err(_) => {
            let _ = child.kill();
            return Err(failed(shown, "it did not answer within a minute; see lab.log in the folder"));
        }
    }
    let about = control::about(folder).ok_or_else(|| failed(shown, "its lab.json cannot be read"))?;
    Ok(
        json!({ "folder": shown, "endpoints": about["endpoints"], "control": about["control"], "pid": about["pid"] }),
    )
}

fn human(folder: &Path, document: &Value) -> String {
    let folder = folder.display();
    let vendors: Vec<&str> =
        document["endpoints"].as_object().into_iter().flatten().map(|(vendor, _)| vendor.as_str()).collect();
    format!(
        "the lab runs in {folder}: {}\nnext: cd {folder} && honey plan\nstop: honey lab down --directory {folder}",
        vendors.join(", ")
    )
}

fn failed(folder: &Path, why: &str) -> Failure {
    let summary =
        format!("the lab in `{}` did not start: {}", folder.display(), honey_model::text::visible(why, 500));
    Failure::Diagnostics(Exit::Failed, vec![Diagnostic::error("HNY0909", summary)])
}

fn somebodys(folder: &Path) -> Failure {
    let summary = format!("`{}` is a configuration that no lab wrote", folder.join("honey.toml").display());
    let finding = Diagnostic::error("HNY0901", summary)
        .with_help("`honey lab up --directory NEW-FOLDER` leaves it alone");
    Failure::usage(finding)
}

fn running(folder: &Path) -> Failure {
    let folder = folder.display();
    Failure::Diagnostics(
        Exit::Failed,
        vec![
            Diagnostic::error("HNY0909", format!("a lab runs in `{folder}` already"))
                .with_help(format!("`honey lab down --directory {folder}` stops it")),
        ],
    )
}
