//! `honey plugin`: list, inspect, lock.

use std::path::Path;

use honey_model::Diagnostic;
use honey_plugin_host::{Artifact, LockFile, Plugin, PluginHost, PluginSource};
use honey_ui::view::plugins::{Plugin as Shown, inspect, list};

use super::{builtin, ports};
use crate::{
    command::plugin::{Inspect, List, Lock},
    context::Context,
    failure::{Exit, Failure},
};

/// What is loaded, and what is only there to be used.
struct Found {
    shown: Vec<Shown>,
    loaded: Vec<std::sync::Arc<Plugin>>,
    lock: LockFile,
    base: std::path::PathBuf,
}

async fn look(context: &Context) -> Result<Found, Failure> {
    let configured = if context.configuration().exists() { Some(context.load(None)?) } else { None };
    if let Some(loaded) = &configured {
        context.output.warnings(&loaded.diagnostics, &Context::reader());
    }
    let base = match &configured {
        Some(loaded) => std::path::absolute(&loaded.directory).map_err(Failure::Output)?,
        None => std::env::current_dir().map_err(Failure::Output)?,
    };
    let lock = ports::lock_file(&base)?;
    let mut shown = Vec::new();
    let mut plugins = Vec::new();
    let mut used = std::collections::BTreeSet::new();
    if let Some(loaded) = configured {
        used = ports::referenced(&loaded.config);
        let host = PluginHost::new(honey_plugin_host::HostSettings {
            cache_directory: crate::environment::cache_directory(),
            ..honey_plugin_host::HostSettings::new(std::sync::Arc::new(NoSecrets))
        })?;
        for id in &used {
            match ports::specification(&loaded.config, &LockFile::default(), id, &base) {
                Err(problem) => shown.push(unusable(id, &problem)),
                Ok(specification) => {
                    let source = source_of(&specification.source);
                    match host.load(specification).await {
                        Ok(plugin) => {
                            shown.push(of_plugin(&plugin, source, &lock));
                            plugins.push(plugin);
                        }
                        Err(error) => shown.push(unusable(id, &ports::finding(id, error))),
                    }
                }
            }
        }
    }
    for id in builtin::ids().filter(|id| !used.contains(*id)) {
        let bytes = builtin::artifact(id).unwrap_or_default();
        match Artifact::read(bytes) {
            Ok(artifact) => shown.push(of_artifact(&artifact, bytes, "builtin, not used".to_owned())),
            Err(error) => shown.push(unusable(id, &Diagnostic::error("HNY0486", error.to_string()))),
        }
    }
    Ok(Found { shown, loaded: plugins, lock, base })
}

/// Looking at plugins needs no secret.
struct NoSecrets;

#[async_trait::async_trait]
impl honey_ports::Secrets for NoSecrets {
    async fn get(&self, name: &honey_model::SecretName) -> Result<honey_model::Secret, honey_model::Fault> {
        Err(none(name.as_str()))
    }
    async fn exists(&self, _name: &honey_model::SecretName) -> bool {
        // Whether a secret is there is found out when it is used.
        true
    }
    async fn put(
        &self,
        name: &honey_model::SecretName,
        _value: &honey_model::Secret,
    ) -> Result<(), honey_model::Fault> {
        Err(none(name.as_str()))
    }
    async fn forget(&self, name: &honey_model::SecretName) -> Result<(), honey_model::Fault> {
        Err(none(name.as_str()))
    }
    async fn fingerprint_key(&self) -> Result<honey_model::Secret, honey_model::Fault> {
        Err(none("fingerprint key"))
    }
}

fn none(name: &str) -> honey_model::Fault {
    honey_model::Fault::new(
        honey_model::FaultClass::NotFound,
        "HNY0486",
        format!("no secret `{name}` is at hand here"),
    )
}

fn source_of(source: &PluginSource) -> String {
    match source {
        PluginSource::Bytes(_) => "builtin".to_owned(),
        PluginSource::Path(path) => path.display().to_string(),
    }
}

fn unusable(id: &str, problem: &Diagnostic) -> Shown {
    Shown { id: id.to_owned(), problem: Some(problem.summary.clone()), ..Shown::default() }
}

pub(super) fn of_artifact(artifact: &Artifact, bytes: &[u8], source: String) -> Shown {
    let manifest = &artifact.manifest;
    Shown {
        id: manifest.id.clone(),
        version: manifest.version.clone(),
        role: format!("{:?}", manifest.role).to_lowercase(),
        source,
        digest: honey_model::Digest::of_bytes(bytes).to_string(),
        interface: artifact.interface.clone(),
        description: manifest.description.clone(),
        kinds: artifact.kinds.iter().map(|kind| (kind.kind.clone(), kind.description.clone())).collect(),
        capabilities: manifest.capabilities.clone(),
        egress: manifest.egress.hosts.clone(),
        secrets: manifest.secrets.keys().map(|name| (name.clone(), String::new())).collect(),
        limits: vec![
            format!("memory {} MiB", manifest.limits.memory_mib),
            format!("time {} s", manifest.limits.timeout_seconds),
        ],
        ..Shown::default()
    }
}

fn of_plugin(plugin: &Plugin, source: String, lock: &LockFile) -> Shown {
    let effective = plugin.effective();
    let manifest = plugin.manifest();
    let locked = match lock.expected(plugin.id()) {
        Some(digest) if digest == plugin.digest() => "locked",
        Some(_) => "differs from the lock",
        None => "not locked",
    };
    Shown {
        id: plugin.id().to_owned(),
        version: manifest.version.clone(),
        role: format!("{:?}", manifest.role).to_lowercase(),
        source,
        digest: plugin.digest().to_string(),
        interface: manifest.interface.clone(),
        lock: locked.to_owned(),
        description: manifest.description.clone(),
        kinds: plugin.kinds().iter().map(|kind| (kind.kind.clone(), kind.description.clone())).collect(),
        capabilities: manifest.capabilities.clone(),
        egress: effective.egress.iter().map(ToString::to_string).collect(),
        secrets: effective
            .secrets
            .iter()
            .map(|(own, granted)| (own.clone(), granted.name.to_string()))
            .collect(),
        limits: vec![
            format!("memory {} MiB", effective.memory_mib),
            format!("time {} s", effective.timeout.as_secs()),
        ],
        problem: None,
    }
}

pub(crate) fn plugin_list(context: &Context, _arguments: &List) -> Result<Exit, Failure> {
    context.block_on(async {
        let found = look(context).await?;
        context.output.show(|theme| list(&found.shown, theme), &found.shown)?;
        Ok(Exit::Done)
    })
}

pub(crate) fn plugin_inspect(context: &Context, arguments: &Inspect) -> Result<Exit, Failure> {
    let path = Path::new(&arguments.plugin);
    if path.extension().is_some_and(|extension| extension == "wasm") {
        let bytes = std::fs::read(path)?;
        let artifact = Artifact::read(&bytes).map_err(|error| {
            Failure::Diagnostics(
                Exit::Failed,
                vec![Diagnostic::error("HNY0486", format!("{}: {error}", path.display()))],
            )
        })?;
        let shown = of_artifact(&artifact, &bytes, path.display().to_string());
        context.output.show(|theme| inspect(&shown, theme), &shown)?;
        return Ok(Exit::Done);
    }
    context.block_on(async {
        let found = look(context).await?;
        let Some(shown) = found.shown.iter().find(|shown| shown.id == arguments.plugin) else {
            let known: Vec<&str> = found.shown.iter().map(|shown| shown.id.as_str()).collect();
            let finding = Diagnostic::error("HNY0485", format!("there is no plugin `{}`", arguments.plugin));
            return Err(Failure::usage(finding.with_help(format!("known are: {}", known.join(", ")))));
        };
        context.output.show(|theme| inspect(shown, theme), shown)?;
        Ok(Exit::Done)
    })
}

pub(crate) fn plugin_lock(context: &Context, arguments: &Lock) -> Result<Exit, Failure> {
    context.block_on(async {
        let mut found = look(context).await?;
        if let Some(broken) = found.shown.iter().find(|shown| shown.problem.is_some()) {
            let text = format!(
                "`{}` cannot be locked: {}",
                broken.id,
                broken.problem.as_deref().unwrap_or_default()
            );
            return Err(Failure::Diagnostics(Exit::Failed, vec![Diagnostic::error("HNY0486", text)]));
        }
        let changed: Vec<String> = found
            .loaded
            .iter()
            .filter(|plugin| found.lock.pin(plugin))
            .map(|plugin| plugin.id().to_owned())
            .collect();
        if arguments.check && !changed.is_empty() {
            let text = format!("not as locked: {}", changed.join(", "));
            return Err(Failure::Diagnostics(
                Exit::Failed,
                vec![
                    Diagnostic::error("HNY0487", text)
                        .with_help("`honey plugin lock` accepts them as they are"),
                ],
            ));
        }
        if !arguments.check {
            found
                .lock
                .write(&found.base.join(ports::LOCK_FILE))
                .map_err(|error| Failure::Fault(Exit::Failed, Box::new(error.into())))?;
        }
        let text = format!("{} plugins locked, {} changed", found.loaded.len(), changed.len());
        context.output.show(
            |_| text.clone(),
            &serde_json::json!({ "locked": found.loaded.len(), "changed": changed }),
        )?;
        Ok(Exit::Done)
    })
}
