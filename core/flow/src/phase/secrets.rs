//! The operator's secrets before anything runs: each that a run needs is there
//! and is what it should be, or all that are not are named at once.

use std::collections::{BTreeMap, BTreeSet};

use futures::{StreamExt as _, stream};
use honey_config::{
    Config, Part, Template, path_of,
    schema::{Instance, WebAccess},
};
use honey_model::{Active, Diagnostic, SecretName};
use serde_json::Value;

use crate::{FlowError, Session};

/// Places that are named; more say no more.
const SHOWN: usize = 3;

/// Where a secret is used.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Use {
    /// The configuration path.
    at: String,
    /// Only text can be used there.
    as_text: bool,
}

/// Where the configuration uses which of its own secrets.
#[derive(Default)]
struct Uses<'a> {
    by_name: BTreeMap<&'a str, Vec<Use>>,
    /// Those that plugins were handed are made later.
    declared: BTreeSet<&'a str>,
}

/// Everything that planning and applying an instance needs.
pub(crate) async fn check(session: &Session, instance: &str, active: &Active) -> Result<(), FlowError> {
    refuse(session, &of_instance(&session.config, instance, active.may_run_singletons(instance))).await
}

/// What single plugins need.
pub(crate) async fn check_plugins(session: &Session, plugins: &BTreeSet<&str>) -> Result<(), FlowError> {
    let mut uses = Uses::of(&session.config);
    for plugin in plugins {
        uses.plugin(&session.config, plugin);
    }
    refuse(session, &uses).await
}

async fn refuse(session: &Session, uses: &Uses<'_>) -> Result<(), FlowError> {
    let answers = stream::iter(&uses.by_name).map(|(name, uses)| wrong(session, name, uses));
    let found: Vec<Vec<Diagnostic>> = answers.buffered(16).collect().await;
    let found: Vec<Diagnostic> = found.into_iter().flatten().collect();
    if found.is_empty() { Ok(()) } else { Err(FlowError::Diagnostics(found)) }
}

/// What is wrong with one secret: at its source, or where it cannot be used.
async fn wrong(session: &Session, name: &str, uses: &[Use]) -> Vec<Diagnostic> {
    // Loading refuses names that are none.
    let Ok(checked) = SecretName::new(name) else { return Vec::new() };
    let secrets = &session.ports.secrets;
    let finding = |fault: honey_model::Fault, at: String, text: &str| {
        let mut finding = Diagnostic::error(fault.code, format!("{}{text}", fault.message)).at(at);
        finding.help = fault.help;
        finding
    };
    if let Err(fault) = secrets.check(&checked, false).await {
        let text = format!(" (used by {})", places(uses));
        return vec![finding(fault, path_of(&["secrets", name]), &text)];
    }
    let mut found = Vec::new();
    for place in uses.iter().filter(|place| place.as_text) {
        if let Err(fault) = secrets.check(&checked, true).await {
            found.push(finding(fault, place.at.clone(), ""));
        }
    }
    found
}

fn places(uses: &[Use]) -> String {
    let mut places: Vec<String> = uses.iter().map(|place| format!("`{}`", place.at)).collect();
    places.dedup();
    let more = places.len().saturating_sub(SHOWN);
    places.truncate(SHOWN);
    let text = places.join(", ");
    if more == 0 { text } else { format!("{text} and {more} more") }
}

fn of_instance<'a>(config: &'a Config, name: &str, active: bool) -> Uses<'a> {
    let mut uses = Uses::of(config);
    for (name, resource) in &config.shared {
        uses.plugin(config, &resource.plugin);
        uses.table(&resource.settings, &path_of(&["shared", name, "settings"]));
    }
    for (name, value) in &config.values {
        uses.tree(&value.input, &path_of(&["values", name, "input"]));
    }
    let Some((name, instance)) = config.instances.get_key_value(name) else { return uses };
    uses.instance(config, name, instance);
    // Names belong to the active instance; the edge's ranges to every one that asks for them.
    if let Some(dns) =
        config.dns.as_ref().filter(|_| active || config.cluster.firewall.web == WebAccess::Edge)
    {
        uses.plugin(config, &dns.plugin);
    }
    if let Some(stack) = &config.stack {
        for registry in config.registries.values() {
            uses.plugin(config, &registry.plugin);
        }
        uses.table(&stack.parameters, "stack.parameters");
        for (name, secret) in &stack.secrets {
            for (key, text) in &secret.data {
                uses.text(text, &path_of(&["stack", "secrets", name, "data", key]));
            }
            if let Some(registry) = &secret.registry {
                // It stands in a JSON document.
                uses.add(
                    &registry.password,
                    path_of(&["stack", "secrets", name, "registry", "password"]),
                    true,
                );
            }
        }
    }
    uses
}

impl<'a> Uses<'a> {
    fn of(config: &'a Config) -> Self {
        Self { by_name: BTreeMap::new(), declared: config.secrets.keys().map(String::as_str).collect() }
    }

    fn add(&mut self, name: &str, at: String, as_text: bool) {
        if let Some(name) = self.declared.get(name) {
            self.by_name.entry(name).or_default().push(Use { at, as_text });
        }
    }

    fn plugin(&mut self, config: &Config, id: &str) {
        for (own, name) in config.plugins.get(id).iter().flat_map(|plugin| &plugin.secrets) {
            let place = Use { at: path_of(&["plugins", id, "secrets", own]), as_text: false };
            if !self.by_name.get(name.as_str()).is_some_and(|known| known.contains(&place)) {
                self.add(name, place.at, false);
            }
        }
    }

    fn instance(&mut self, config: &Config, name: &str, instance: &Instance) {
        self.plugin(config, &instance.plugin);
        self.table(&instance.machine, &path_of(&["instances", name, "machine"]));
        for (index, machine) in instance.machines.iter().enumerate() {
            self.table(machine, &format!("{}[{index}]", path_of(&["instances", name, "machines"])));
        }
    }

    fn table(&mut self, settings: &BTreeMap<String, Value>, at: &str) {
        for (key, value) in settings {
            self.tree(value, &format!("{at}.{}", path_of(&[key])));
        }
    }

    fn tree(&mut self, value: &Value, at: &str) {
        match value {
            Value::String(text) => self.text(text, at),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.tree(item, &format!("{at}[{index}]"));
                }
            }
            Value::Object(entries) => {
                for (key, item) in entries {
                    self.tree(item, &format!("{at}.{}", path_of(&[key])));
                }
            }
            _ => {}
        }
    }

    fn text(&mut self, text: &str, at: &str) {
        if Template::is_plain(text) {
            return;
        }
        for part in Template::parse(text).unwrap_or_default() {
            if let Part::Secret { name } = part {
                self.add(&name, at.to_owned(), false);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use honey_config::Config;
    use serde_json::json;

    use super::of_instance;

    /// Names with the number of their uses; `!` where one of them must be text.
    fn used(config: &Config, instance: &str, active: bool) -> Vec<String> {
        let uses = of_instance(config, instance, active);
        let line = |(name, uses): (&&str, &Vec<super::Use>)| {
            let text = if uses.iter().any(|place| place.as_text) { "!" } else { "" };
            format!("{name} {}{text}", uses.len())
        };
        uses.by_name.iter().map(line).collect()
    }

    #[test]
    fn what_an_instance_needs_is_asked_for_and_nothing_else() {
        let source = |name: &str| (name.to_owned(), json!({ "env": "X" }));
        let secrets: serde_json::Map<_, _> =
            ["a-token", "b-token", "dns-token", "db-token", "registry", "key", "value", "unused"]
                .map(source)
                .into_iter()
                .collect();
        let config: Config = serde_json::from_value(json!({
            "version": 1,
            "project": { "name": "x" },
            "secrets": secrets,
            "plugins": {
                "a": { "secrets": { "token": "a-token" } },
                "b": { "secrets": { "token": "b-token" } },
                "dns": { "secrets": { "token": "dns-token" } },
                "db": { "secrets": { "token": "db-token" } },
                "registry": { "secrets": { "password": "registry" } },
            },
            "instances": {
                "one": { "plugin": "a", "machine": { "user_data": ["x ${secret:key}"] } },
                "two": { "plugin": "b" },
            },
            "dns": { "plugin": "dns", "zone": "example.com", "names": ["@"] },
            "shared": {
                "db": { "plugin": "db", "kind": "database" },
                "db2": { "plugin": "db", "kind": "database" },
            },
            "registries": { "main": { "host": "h", "plugin": "registry" } },
            "values": { "v": { "input": { "deep": "${secret:value}" } } },
            "stack": {
                "source": "s",
                "namespace": "n",
                "secrets": {
                    "app": { "data": { "A": "${secret:key}", "B": "$${secret:unused} ${secret:db.x.password}" } },
                    "pull": { "registry": { "host": "h", "username": "u", "password": "registry" } },
                },
            },
        }))
        .unwrap();
        let stack = ["db-token 1", "key 2", "registry 2!", "value 1"];
        assert_eq!(
            used(&config, "one", true),
            [&["a-token 1"], &stack[..1], &["dns-token 1"], &stack[1..]].concat()
        );
        assert_eq!(
            used(&config, "two", false),
            ["b-token 1", "db-token 1", "key 1", "registry 2!", "value 1"]
        );
        assert_eq!(used(&config, "", false), ["db-token 1", "value 1"]);
    }
}
