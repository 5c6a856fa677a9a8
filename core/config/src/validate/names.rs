//! Names that become part of addresses, marks, host names and DNS.

use std::collections::BTreeSet;

use honey_model::{
    Diagnostic, ImageReference, SecretName,
    image::{Host, ReferenceError},
    text::visible,
};

use super::Findings;
use crate::{
    document::Focus,
    path::{self, Path},
    schema::Config,
    shape::Finding,
};

pub(super) fn check(config: &Config, findings: &mut Findings) {
    if let Some(diagnostic) = not_a_label(&config.project.name, 40, "project") {
        findings.value(path::of(&["project", "name"]), diagnostic);
    }
    for name in config.instances.keys() {
        let at = path::of(&["instances", name]);
        if ["shared", "dns", "honey"].contains(&name.as_str()) {
            let summary =
                format!("an instance cannot be called `{name}`: addresses of other things begin so");
            findings.key(at, Diagnostic::error("HNY0111", summary));
        } else if let Some(diagnostic) = not_a_label(name, 20, "instance") {
            findings.key(at, diagnostic);
        }
    }
    for (table, keys) in [
        ("shared", config.shared.keys().collect::<Vec<_>>()),
        ("registries", config.registries.keys().collect()),
        ("plugins", config.plugins.keys().collect()),
    ] {
        for name in keys {
            if let Some(diagnostic) = not_a_label(name, 63, table) {
                findings.key(path::of(&[table, name]), diagnostic);
            }
        }
    }
    for name in config.values.keys() {
        segment(name, path::of(&["values", name]), findings);
    }
    for name in config.secrets.keys() {
        if let Err(error) = SecretName::new(name) {
            findings.key(
                path::of(&["secrets", name]),
                Diagnostic::error("HNY0111", visible(&error.to_string(), 300)),
            );
        }
    }
    for (name, registry) in &config.registries {
        if let Err(error) = Host::parse(&registry.host) {
            let at = path::of(&["registries", name, "host"]);
            findings.value(at, not_a_reference("a registry's host", &registry.host, &error));
        }
    }
    dns(config, findings);
    stack(config, findings);
}

fn not_a_reference(what: &str, text: &str, error: &ReferenceError) -> Diagnostic {
    let why = visible(&error.to_string(), 200);
    Diagnostic::error("HNY0119", format!("`{}` is not {what}: {why}", visible(text, 120)))
        .with_help(visible(&error.help(), 300))
}

/// `[a-z0-9-]`, as host names and marks at every vendor allow.
fn not_a_label(name: &str, limit: usize, what: &str) -> Option<Diagnostic> {
    if is_label(name) && name.len() <= limit {
        return None;
    }
    let summary = format!("`{}` cannot be a name here ({what})", visible(name, 60));
    let help = format!("lower case letters, digits and `-` between them, at most {limit} characters");
    Some(Diagnostic::error("HNY0111", summary).with_help(help))
}

fn is_label(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty()
        && name.len() <= 63
        && name.chars().all(inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

fn segment(name: &str, at: Path, findings: &mut Findings) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if name.is_empty() || name.len() > 100 || !name.chars().all(allowed) {
        let summary = format!("`{}` cannot be a name here (values)", visible(name, 60));
        findings.key(at, Diagnostic::error("HNY0111", summary).with_help("letters, digits, `-` and `_`"));
    }
}

fn dns(config: &Config, findings: &mut Findings) {
    let Some(dns) = &config.dns else { return };
    let zone_labels: Vec<&str> = dns.zone.split('.').collect();
    if zone_labels.len() < 2 || !zone_labels.iter().all(|label| is_label(label)) || dns.zone.len() > 253 {
        let summary = format!("`{}` is not a zone", visible(&dns.zone, 80));
        findings.value(
            path::of(&["dns", "zone"]),
            Diagnostic::error("HNY0114", summary).with_help("lower case, no trailing dot: example.com"),
        );
    }
    let mut seen = BTreeSet::new();
    for (index, name) in dns.names.iter().enumerate() {
        let at = path::at(&path::of(&["dns", "names"]), index);
        let relative = name.strip_prefix("*.").unwrap_or(name);
        let fits = name.as_str() == "@" || name.as_str() == "*" || relative.split('.').all(is_dns_label);
        if !fits {
            let summary = format!("`{}` is not a name in a zone", visible(name, 80));
            let help = match name.ends_with(dns.zone.as_str()) && !dns.zone.is_empty() {
                true => "names are relative to the zone: `api`, or `@` for the zone itself",
                false => "lower case letters, digits, `-` and `_`; `@` is the zone itself",
            };
            findings.value(at, Diagnostic::error("HNY0114", summary).with_help(help));
        } else if name.ends_with(&format!(".{}", dns.zone)) || *name == dns.zone {
            let summary = format!("`{}` holds the zone already", visible(name, 80));
            let diagnostic = Diagnostic::error("HNY0114", summary)
                .with_help("names are relative to the zone: `api`, or `@` for the zone itself");
            let finding = Finding::new(diagnostic, at, Focus::Value);
            findings.add(finding.needing(path::of(&["dns", "zone"])));
        } else if !seen.insert(name) {
            let summary = format!("`{}` stands twice in `dns.names`", visible(name, 80));
            findings.value(at, Diagnostic::error("HNY0112", summary));
        }
    }
    if dns.names.is_empty() {
        findings.value(
            path::of(&["dns", "names"]),
            Diagnostic::error("HNY0114", "`dns.names` is empty")
                .with_help("`@` is the zone itself; leave `[dns]` out for no DNS"),
        );
    }
    if dns.ttl != 1 && !(30..=86_400).contains(&dns.ttl) {
        let summary = format!("`dns.ttl` is {}; 1 lets the vendor choose, else 30 to 86400 seconds", dns.ttl);
        findings.value(path::of(&["dns", "ttl"]), Diagnostic::error("HNY0113", summary));
    }
}

fn is_dns_label(label: &str) -> bool {
    is_label(label) || label.strip_prefix('_').is_some_and(is_label)
}

fn stack(config: &Config, findings: &mut Findings) {
    let Some(stack) = &config.stack else { return };
    if let Some(diagnostic) = not_a_label(&stack.namespace, 63, "stack namespace") {
        findings.value(path::of(&["stack", "namespace"]), diagnostic);
    }
    for (workload, image) in &stack.images {
        let at = path::of(&["stack", "images", workload]);
        if workload.is_empty() {
            let summary = "an image in `stack.images` belongs to no workload";
            findings.key(
                at,
                Diagnostic::error("HNY0111", summary).with_help("the key is the workload's name: `api`"),
            );
        } else if let Err(error) = ImageReference::parse(image) {
            findings.value(at, not_a_reference("an image reference", image, &error));
        }
    }
    for (name, secret) in &stack.secrets {
        let at = path::of(&["stack", "secrets", name]);
        let kube_name = |name: &str| !name.is_empty() && name.len() <= 253 && name.split('.').all(is_label);
        if !kube_name(name) {
            let summary = format!("`{}` cannot be the name of a Kubernetes object", visible(name, 80));
            findings.key(
                at,
                Diagnostic::error("HNY0111", summary).with_help("lower case letters, digits, `-` and `.`"),
            );
            continue;
        }
        if secret.registry.is_some() && !secret.data.is_empty() {
            let summary = format!("`stack.secrets.{name}` has both `data` and `registry`");
            findings.key(
                at,
                Diagnostic::error("HNY0112", summary).with_help("`registry` writes the data itself"),
            );
        } else if secret.registry.is_none() && secret.data.is_empty() {
            let summary = format!("`stack.secrets.{name}` has neither `data` nor `registry`");
            let finding = Finding::new(Diagnostic::error("HNY0105", summary), at, Focus::Key);
            findings.add(finding.needing_inside());
        }
    }
}
