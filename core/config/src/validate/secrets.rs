//! Tables that name a secret. Whether its file or variable is there is not looked at.

use honey_model::{Diagnostic, SecretName, text::visible};

use super::{Findings, missing, plugins};
use crate::{
    document::Focus,
    path::{self, Path},
    schema::{Config, SecretOrigin},
    shape::Finding,
};

pub(super) fn check(config: &Config, findings: &mut Findings) {
    for (name, source) in &config.secrets {
        let at = path::of(&["secrets", name]);
        let shown = path::render(&at);
        match source.origin() {
            Some(SecretOrigin::Env(variable)) if !is_variable(variable) => {
                let help = "the variable's name, as in { env = \"HCLOUD_TOKEN\" }, not the secret itself";
                let summary = format!("`{shown}` names no environment variable");
                let diagnostic = Diagnostic::error("HNY0115", summary).with_help(help);
                findings.add(
                    Finding::new(diagnostic, at, Focus::Key).needing(path::of(&["secrets", name, "env"])),
                );
            }
            Some(SecretOrigin::File(file)) if file.is_empty() => {
                let diagnostic = Diagnostic::error("HNY0115", format!("`{shown}` names no file"));
                findings.add(
                    Finding::new(diagnostic, at, Focus::Key).needing(path::of(&["secrets", name, "file"])),
                );
            }
            Some(SecretOrigin::Generate(length)) => {
                generated(length, source.raw, &at, findings);
            }
            Some(_) => {}
            None => {
                let given = [source.env.is_some(), source.file.is_some(), source.generate.is_some()];
                let count = given.iter().filter(|given| **given).count();
                let summary =
                    format!("`{shown}` needs exactly one of `env`, `file`, `generate`, it has {count}");
                let finding = Finding::new(Diagnostic::error("HNY0104", summary), at, Focus::Key);
                findings.add(finding.needing_inside());
            }
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
                findings.add(unknown(config, name, path::of(&["plugins", id, "secrets", own])));
            }
        }
    }
    for (name, secret) in config.stack.iter().flat_map(|stack| &stack.secrets) {
        if let Some(registry) = &secret.registry
            && !is_known(config, &registry.password)
        {
            let at = path::of(&["stack", "secrets", name, "registry", "password"]);
            findings.add(unknown(config, &registry.password, at));
        }
    }
}

/// Under `[secrets]`, or one that a plugin is handed: `neon.honeydue.password`.
pub(super) fn is_known(config: &Config, name: &str) -> bool {
    config.secrets.contains_key(name)
        || (SecretName::new(name).is_ok() && plugins::known(config, None).any(|plugin| owns(plugin, name)))
}

/// A secret that does not exist, at its use.
pub(super) fn unknown(config: &Config, name: &str, at: Path) -> Finding {
    let mut finding = Finding::new(no_secret(config, name), at, Focus::Value).needing(path::of(&["secrets"]));
    if name.contains('.') {
        // It may be what a plugin is handed, and that plugin may be misspelt.
        finding.needs.extend(plugins::named(config).into_iter().map(|(path, _)| path));
    }
    finding
}

fn no_secret(config: &Config, name: &str) -> Diagnostic {
    if SecretName::new(name).is_err() || name.len() > 48 {
        // Not shown: it might be the secret itself.
        return Diagnostic::error("HNY0115", "a secret's name belongs here, and this is none")
            .with_help("a name under [secrets], never the secret itself");
    }
    let known: Vec<&str> = config.secrets.keys().map(String::as_str).collect();
    missing("HNY0115", "secret", name, known, "add it under [secrets]")
}

fn generated(length: u32, raw: bool, at: &Path, findings: &mut Findings) {
    if !(16..=256).contains(&length) {
        let summary = format!("`{}` would have {length} characters", path::render(at));
        let diagnostic = Diagnostic::error("HNY0113", summary).with_help("from 16 to 256");
        findings.value(path::join(at, "generate"), diagnostic);
    }
    if raw {
        let summary = format!("`{}` is made by honey: `raw` means nothing there", path::render(at));
        let diagnostic = Diagnostic::error("HNY0112", summary).with_help("leave `raw` out");
        findings.value(path::join(at, "raw"), diagnostic);
    }
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
