//! What `[diagnostics]` acknowledges must exist and be a warning.

use honey_model::{Diagnostic, codes, text::visible};

use super::Findings;
use crate::{path, schema::Config, suggest};

pub(super) fn check(config: &Config, findings: &mut Findings) {
    let list = path::of(&["diagnostics", "acknowledge"]);
    for (index, code) in config.diagnostics.acknowledge.iter().enumerate() {
        // Plugins have codes of their own, and honey has no list of them.
        let of_a_plugin = code.split_once("::").is_some_and(|(id, own)| !id.is_empty() && !own.is_empty());
        if of_a_plugin || codes::is_warning(code) {
            continue;
        }
        let shown = visible(code, 40);
        let (summary, help) = match codes::page(code) {
            Some(_) => (
                format!("{shown} is an error, and errors cannot be acknowledged"),
                format!("`honey explain {shown}` says what to do about it"),
            ),
            None => (
                format!("there is no warning `{shown}`"),
                suggest::help(code, codes::WARNINGS.iter().copied(), ""),
            ),
        };
        findings.value(path::at(&list, index), Diagnostic::error("HNY0120", summary).with_help(help));
    }
}
