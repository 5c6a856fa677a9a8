//! Tables that name a plugin, and what plugins are granted.

use honey_model::{Diagnostic, text::visible};

use super::{Findings, missing};
use crate::{
    document::Focus,
    path::{self, Path},
    schema::Config,
    shape::Finding,
};

pub(super) fn check(config: &Config, built_in: Option<&[String]>, findings: &mut Findings) {
    let known: Vec<&str> = known(config, built_in).collect();
    for (at, plugin) in named(config) {
        if !known.contains(&plugin) {
            let diagnostic = missing("HNY0110", "plugin", plugin, known.iter().copied(), "");
            findings.reference(at, "plugins", diagnostic);
        }
    }
    sources(config, built_in, findings);
}

/// Where the configuration names a plugin.
pub(super) fn named(config: &Config) -> Vec<(Path, &str)> {
    let mut named: Vec<(Path, &str)> = Vec::new();
    for (name, instance) in &config.instances {
        named.push((path::of(&["instances", name, "plugin"]), &instance.plugin));
    }
    for (name, resource) in &config.shared {
        named.push((path::of(&["shared", name, "plugin"]), &resource.plugin));
    }
    for (name, registry) in &config.registries {
        named.push((path::of(&["registries", name, "plugin"]), &registry.plugin));
    }
    if let Some(dns) = &config.dns {
        named.push((path::of(&["dns", "plugin"]), &dns.plugin));
    }
    named
}

/// What `[plugins]` says of each.
fn sources(config: &Config, built_in: Option<&[String]>, findings: &mut Findings) {
    for (id, plugin) in &config.plugins {
        let at = path::of(&["plugins", id]);
        if plugin.source.is_none()
            && let Some(built_in) = built_in
            && !built_in.contains(id)
        {
            let diagnostic = Diagnostic::error("HNY0110", format!("`plugins.{id}` has no `source`"))
                .with_help(format!("name a `.wasm` file; built in are {}", built_in.join(", ")));
            findings.add(Finding::new(diagnostic, at.clone(), Focus::Key).needing_inside());
        }
        if let Some(source) = &plugin.source
            && source.contains("://")
        {
            let diagnostic = Diagnostic::error(
                "HNY0110",
                format!("`plugins.{id}.source` is an address, and plugins are files"),
            )
            .with_help("download it, look at it with `honey plugin inspect`, and name the file");
            findings.value(path::join(&at, "source"), diagnostic);
        }
        for (index, origin) in plugin.egress.iter().flatten().enumerate() {
            if !is_origin(origin) {
                let summary = format!("`{}` is not an origin", visible(origin, 120));
                findings.value(
                    path::at(&path::join(&at, "egress"), index),
                    Diagnostic::error("HNY0119", summary)
                        .with_help("scheme, host and port only: https://api.example.com"),
                );
            }
        }
    }
}

/// Plugins that come with honey, and those the configuration adds. Where
/// nobody said which come with honey, every plugin that is named counts.
pub(super) fn known<'a>(config: &'a Config, built_in: Option<&'a [String]>) -> impl Iterator<Item = &'a str> {
    let mut known: Vec<&str> = config.plugins.keys().map(String::as_str).collect();
    match built_in {
        Some(built_in) => known.extend(built_in.iter().map(String::as_str)),
        None => known.extend(named(config).into_iter().map(|(_, plugin)| plugin)),
    }
    known.sort_unstable();
    known.dedup();
    known.into_iter()
}

fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && !host.contains(['/', '?', '#', '@']) && !host.contains(char::is_whitespace)
    })
}

#[cfg(test)]
mod tests {
    use super::is_origin;

    #[test]
    fn origins_have_no_path() {
        for good in
            ["https://api.example.com", "http://127.0.0.1:8080", "https://*.example.com", "http://[::1]:80"]
        {
            assert!(is_origin(good), "{good}");
        }
        for bad in
            ["", "api.example.com", "https://", "https://a/b", "https://user@a", "ftp://a", "https://a b"]
        {
            assert!(!is_origin(bad), "{bad}");
        }
    }
}
