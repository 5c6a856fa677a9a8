//! Tables that name a secret. Whether its file or variable is there is not looked at.

use honey_model::{Diagnostic, SecretName, text::visible};

use super::{Findings, missing, plugins};
use crate::{
    path,
    schema::{Config, SecretSource},
};

pub(super) fn check(config: &Config, findings: &mut Findings) {
    for (name, source) in &config.secrets {
        let at = path::of(&["secrets", name]);
        match source {
            SecretSource::Env(variable) if !is_variable(variable) => {
                let summary = format!("`secrets.{}` names no environment variable", visible(name, 60));
                let help = "the variable's name, as in { env = \"HCLOUD_TOKEN\" }, not the secret itself";
                findings.key(at, Diagnostic::error("HNY0115", summary).with_help(help));
            }
            SecretSource::File(file) if file.is_empty() => {
                findings.key(
                    at,
                    Diagnostic::error("HNY0115", format!("`secrets.{}` names no file", visible(name, 60))),
                );
            }
            SecretSource::Generate(length) if !(16..=256).contains(length) => {
                let summary = format!("`secrets.{}` would have {length} characters", visible(name, 60));
                findings.value(at, Diagnostic::error("HNY0113", summary).with_help("from 16 to 256"));
            }
            _ => {}
        }
        if let Some(plugin) = plugins::known(config, None).find(|plugin| owns(plugin, name)) {
            let summary = format!("`{}` would hide what plugin `{plugin}` is handed", visible(name, 80));
            findings.key(
                path::of(&["secrets", name]),
                Diagnostic::error("HNY0111", summary)
                    .with_help(format!("names that begin with `{plugin}.` are the plugin's")),
            );
        }
    }
    for (id, plugin) in &config.plugins {
        for (own, name) in &plugin.secrets {
            if !is_known(config, name) {
                findings.value(path::of(&["plugins", id, "secrets", own]), unknown(config, name));
            }
        }
    }
    for (name, secret) in config.stack.iter().flat_map(|stack| &stack.secrets) {
        if let Some(registry) = &secret.registry
            && !is_known(config, &registry.password)
        {
            let at = path::of(&["stack", "secrets", name, "registry", "password"]);
            findings.value(at, unknown(config, &registry.password));
        }
    }
}

/// Under `[secrets]`, or one that a plugin is handed: `neon.honeydue.password`.
pub(super) fn is_known(config: &Config, name: &str) -> bool {
    config.secrets.contains_key(name)
        || (SecretName::new(name).is_ok() && plugins::known(config, None).any(|plugin| owns(plugin, name)))
}

/// What to say about a secret that does not exist.
pub(super) fn unknown(config: &Config, name: &str) -> Diagnostic {
    if SecretName::new(name).is_err() || name.len() > 48 {
        // Not shown: it might be the secret itself.
        return Diagnostic::error("HNY0115", "a secret's name belongs here, and this is none")
            .with_help("a name under [secrets], never the secret itself");
    }
    let known: Vec<&str> = config.secrets.keys().map(String::as_str).collect();
    missing("HNY0115", "secret", name, known, "add it under [secrets]")
}

fn owns(plugin: &str, secret: &str) -> bool {
    secret.strip_prefix(plugin).is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
}

fn is_variable(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && name.len() <= 200
        && name.chars().all(plain)
        && !name.starts_with(|c: char| c.is_ascii_digit())
}
