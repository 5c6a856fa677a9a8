//! `honey kubeconfig`.

use std::path::{Path, PathBuf};

use honey_flow::{
    action::kubeconfig::{Access, pull, tunnel},
    instance::Role,
    kubeconfig::merge,
};
use honey_model::{Diagnostic, Secret, State};
use honey_ui::view::apply::Show;
use serde_json::{Value, json};

use super::{Scope, ports::Wired, with_session};
use crate::{
    command::kubeconfig::Arguments,
    context::Context,
    environment,
    failure::{Exit, Failure},
    private_file,
};

/// No kubeconfig is larger.
const LIMIT: u64 = 4 << 20;

pub(crate) fn kubeconfig(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let to_output = arguments.output.as_deref() == Some(Path::new("-"));
    if to_output && context.output.json {
        let finding = Diagnostic::error("HNY0911", "`--json` and `--output -` both want standard output");
        return Err(Failure::usage(finding.with_help("write the kubeconfig to a file: `--output FILE`")));
    }
    with_session(context, Scope::One(arguments.provider.as_deref()), Show::Nothing, async |wired| {
        let instance = Context::chosen(&wired.loaded)?;
        let access = pull(&wired.session, &instance, arguments.server.as_deref()).await?;
        let whose = Whose::of(&wired.session.state().await?, &instance);
        if to_output {
            context.output.message(&whose.line());
        }
        tell_silent(context, &access);
        if arguments.tunnel {
            return through(context, wired, arguments, &whose, &access).await;
        }
        let mut shown = whose.document(&access);
        let mut told = Vec::new();
        if arguments.output.is_some() || arguments.merge.is_none() {
            let path = arguments.output.clone().unwrap_or_else(|| own_file(wired, &instance));
            if to_output {
                context.output.data(access.text.expose_str().unwrap_or_default())?;
            } else {
                write(&path, &access.text)?;
                told.push(format!("written to {}; to use it: export KUBECONFIG={0}", shown_path(&path)));
                shown["file"] = json!(path);
            }
        }
        if let Some(file) = &arguments.merge {
            let path = file.clone().map_or_else(environment::kubeconfig, Ok).map_err(no_home)?;
            let merged = merge_into(&path, &access.text)?;
            told.push(said(&path, &merged, &access.context));
            shown["merged"] = json!({ "file": path, "changed": merged.changed, "backup": merged.backup });
        }
        if to_output {
            for line in &told {
                context.output.message(line);
            }
        } else {
            let text = || match &access.pulled_from {
                Some(server) => format!("{} ({}, from {server})", access.context, access.server),
                None => format!("{} ({})", access.context, access.server),
            };
            context.output.show(|_| format!("{}\n{}\n{}", whose.line(), text(), told.join("\n")), &shown)?;
        }
        Ok(Exit::Done)
    })
}

/// The instance that an access leads to.
struct Whose {
    instance: String,
    role: &'static str,
}

impl Whose {
    fn of(state: &State, instance: &str) -> Self {
        let role = match Role::of(state, instance) {
            // It was pulled from somewhere: only the state knows nothing of it.
            Role::NotBuilt => "unknown",
            role => role.word(),
        };
        Self { instance: instance.to_owned(), role }
    }

    /// The first line of what is said.
    fn line(&self) -> String {
        match self.role {
            "unknown" => format!("{}: the state does not say what it is to the project", self.instance),
            role => format!("{} ({role})", self.instance),
        }
    }

    fn document(&self, access: &Access) -> Value {
        let mut document = serde_json::to_value(access).unwrap_or_default();
        document["instance"] = json!(self.instance);
        document["role"] = json!(self.role);
        document
    }
}

fn tell_silent(context: &Context, access: &Access) {
    let mut findings: Vec<Diagnostic> = access
        .silent
        .iter()
        .map(|(server, why)| Diagnostic::warning("HNY0596", format!("{server} was not asked: {why}")))
        .collect();
    if access.pulled_from.is_none() {
        let text = "no server could be asked; this is honey's own copy of earlier";
        findings.push(Diagnostic::warning("HNY0596", text));
    }
    context.output.warnings(&findings, &Context::reader());
}

/// Serves until Ctrl-C; the file is there for as long as the tunnel is.
async fn through(
    context: &Context,
    wired: &Wired,
    arguments: &Arguments,
    whose: &Whose,
    access: &Access,
) -> Result<Exit, Failure> {
    let instance = whose.instance.as_str();
    let listen = arguments.port.unwrap_or(0);
    let (tunnel, text) =
        tunnel(&wired.session, instance, access, arguments.server.as_deref(), listen).await?;
    let to_output = arguments.output.as_deref() == Some(Path::new("-"));
    let path = arguments.output.clone().unwrap_or_else(|| own_file(wired, instance).with_extension("tunnel"));
    if to_output {
        context.output.data(text.expose_str().unwrap_or_default())?;
    } else {
        write(&path, &text)?;
        let mut shown = whose.document(access);
        shown["tunnel"] = json!(tunnel.address);
        shown["file"] = json!(path);
        let told = format!(
            "{}\n{} through ssh at {}\nwritten to {}; to use it: export KUBECONFIG={3}",
            whose.line(),
            access.context,
            tunnel.address,
            shown_path(&path)
        );
        context.output.show(|_| told.clone(), &shown)?;
    }
    context.output.message("open until Ctrl-C");
    context.cancel.canceled().await;
    drop(tunnel);
    if !to_output {
        // What leads nowhere any more only confuses.
        let _ = std::fs::remove_file(&path);
    }
    context.output.message("the tunnel is closed");
    Ok(Exit::Done)
}

/// Where it lies when nobody says: in the state folder, which is nobody else's.
fn own_file(wired: &Wired, instance: &str) -> PathBuf {
    let session = &wired.session;
    session.base.join(&session.config.state.directory).join("kubeconfig").join(format!("{instance}.yaml"))
}

/// Relative to where the operator stands, where that is shorter.
fn shown_path(path: &Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    honey_model::text::visible(&path.strip_prefix(here).unwrap_or(path).to_string_lossy(), 300)
}

fn write(path: &Path, text: &Secret) -> Result<(), Failure> {
    private_file::replace(path, text.expose()).map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    let text = format!("{} cannot be written: {error}", shown_path(path));
    Failure::Diagnostics(Exit::Failed, vec![Diagnostic::error("HNY0912", text)])
}

fn no_home(_: std::env::VarError) -> Failure {
    let finding = Diagnostic::error("HNY0911", "neither KUBECONFIG nor HOME says where your kubeconfig is");
    Failure::usage(finding.with_help("name it: `--merge FILE`"))
}

/// What a merge did.
struct Merged {
    changed: bool,
    backup: Option<PathBuf>,
}

fn merge_into(path: &Path, access: &Secret) -> Result<Merged, Failure> {
    check(path)?;
    let _lock = private_file::FileLock::take(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            let text = format!("another program is at work on {}: its lock file is there", shown_path(path));
            let help = format!("when nothing is, remove {}.lock", shown_path(path));
            Failure::Diagnostics(Exit::Failed, vec![Diagnostic::error("HNY0912", text).with_help(help)])
        }
        _ => unwritable(path, &error),
    })?;
    let existing = Secret::new(existing(path)?);
    let text = existing.expose_str().ok_or_else(|| {
        let wide = matches!(existing.expose(), [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
        no_kubeconfig(path, if wide { "is UTF-16, not UTF-8" } else { "is not UTF-8" })
    })?;
    let Some(merged) = merge(text, access)? else {
        return Ok(Merged { changed: false, backup: None });
    };
    let backup = private_file::back_up(path).map_err(|error| unwritable(path, &error))?;
    write(path, &merged)?;
    Ok(Merged { changed: true, backup })
}

/// Refuses what a file must not be written in the place of.
fn check(path: &Path) -> Result<(), Failure> {
    match std::fs::metadata(path) {
        Ok(about) if !about.is_file() => Err(no_kubeconfig(path, "is no file")),
        Ok(about) if about.len() > LIMIT => Err(no_kubeconfig(path, "is larger than any kubeconfig")),
        Err(_) if path.is_symlink() => Err(no_kubeconfig(path, "is a link to a file that is not there")),
        _ => Ok(()),
    }
}

/// What the file says; nothing where there is none.
fn existing(path: &Path) -> Result<Vec<u8>, Failure> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => {
            let text = format!("{} cannot be read: {error}", shown_path(path));
            Err(Failure::Diagnostics(Exit::Failed, vec![Diagnostic::error("HNY0912", text)]))
        }
    }
}

fn no_kubeconfig(path: &Path, why: &str) -> Failure {
    let finding = Diagnostic::error("HNY0595", format!("{} {why}; it was not touched", shown_path(path)));
    let help = "name another file with `--merge FILE`, or write a file of its own with `--output FILE`";
    Failure::Diagnostics(Exit::Failed, vec![finding.with_help(help)])
}

fn said(path: &Path, merged: &Merged, name: &str) -> String {
    let file = shown_path(path);
    match merged {
        Merged { changed: false, .. } => format!("{file} has it already"),
        Merged { backup: Some(kept), .. } => {
            format!(
                "merged into {file}, which is kept as {}; to use it: kubectl --context {name}",
                shown_path(kept)
            )
        }
        Merged { backup: None, .. } => format!("written to {file}; to use it: kubectl --context {name}"),
    }
}
