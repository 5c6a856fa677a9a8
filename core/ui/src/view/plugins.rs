//! Plugins: a list, and one in all detail.

use std::fmt::Write as _;

use honey_model::text::visible;
use serde::Serialize;

use crate::{Role, Theme, table};

/// One plugin.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plugin {
    /// Its id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// `provider` or `integration`.
    pub role: String,
    /// `builtin`, a file or a URL.
    pub source: String,
    /// `sha256:…`
    pub digest: String,
    /// Version of the plugin interface.
    pub interface: String,
    /// `locked`, `not locked` or `differs from the lock`.
    pub lock: String,
    /// One sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Kinds with a sentence each.
    pub kinds: Vec<(String, String)>,
    /// What it can do beside resources.
    pub capabilities: Vec<String>,
    /// Origins it may talk to: what it asks for and the configuration grants.
    pub egress: Vec<String>,
    /// Its secret names with the operator's.
    pub secrets: Vec<(String, String)>,
    /// `memory 64 MiB`, `time 600 s`.
    pub limits: Vec<String>,
    /// Why it cannot be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A list for people.
pub fn list(plugins: &[Plugin], theme: &Theme) -> String {
    let rows = plugins.iter().map(|plugin| {
        let state = plugin.problem.as_deref().unwrap_or(&plugin.lock);
        vec![
            visible(&plugin.id, 60),
            visible(&plugin.version, 30),
            plugin.role.clone(),
            visible(&plugin.source, 100),
            visible(state, 200),
        ]
    });
    table::columns(&rows.collect::<Vec<_>>(), 0, theme)
}

/// One plugin in all detail.
pub fn inspect(plugin: &Plugin, theme: &Theme) -> String {
    let mut text = String::new();
    let heading = format!("{} {}", visible(&plugin.id, 60), visible(&plugin.version, 30));
    let _ = writeln!(text, "{}  {}", theme.paint(Role::Strong, &heading), visible(&plugin.description, 300));
    let rows = [
        ("role", plugin.role.clone()),
        ("source", visible(&plugin.source, 200)),
        ("digest", visible(&plugin.digest, 100)),
        ("lock", plugin.lock.clone()),
        ("interface", visible(&plugin.interface, 30)),
        ("limits", plugin.limits.join(", ")),
        ("capabilities", plugin.capabilities.join(", ")),
    ];
    let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<Vec<String>> = rows.map(|(name, value)| vec![name.to_owned(), value]).collect();
    text.push_str(&table::columns(&rows, 2, theme));
    let mut part = |title: &str, rows: Vec<Vec<String>>| {
        if !rows.is_empty() {
            let _ = writeln!(text, "{}", theme.paint(Role::Strong, title));
            text.push_str(&table::columns(&rows, 2, theme));
        }
    };
    let two = |(name, about): &(String, String)| vec![visible(name, 80), visible(about, 300)];
    part("kinds", plugin.kinds.iter().map(two).collect());
    part("may talk to", plugin.egress.iter().map(|origin| vec![visible(origin, 200)]).collect());
    part("is handed", plugin.secrets.iter().map(two).collect());
    if let Some(problem) = &plugin.problem {
        let _ = writeln!(text, "{} {}", theme.paint(Role::Bad, "✗"), visible(problem, 500));
    }
    text
}
