//! What guests say, in honey's own types: bounded and escaped.

use std::time::Duration;

use honey_model::{Diagnostic, Fault, FaultClass, Found, Ownership, Severity, VendorError, text::visible};
use serde_json::Value;

use crate::{
    bindings::{exports::honey::plugin::lifecycle, honey::plugin::types},
    error::Problem,
    plugin::Core,
};

/// Largest JSON text that a guest may give back.
pub(crate) const JSON_LIMIT: usize = 4 << 20;
/// Diagnostics that are kept.
const DIAGNOSTICS: usize = 100;

/// A JSON text of a guest.
pub(crate) fn json(core: &Core, what: &'static str, text: &str) -> Result<Value, Fault> {
    if text.len() > JSON_LIMIT {
        return Err(Fault::from(Problem::TooLarge { what, limit: JSON_LIMIT }.of(&core.origin)));
    }
    serde_json::from_str(text).map_err(|error| malformed(core, &format!("{what} that is not JSON: {error}")))
}

/// A JSON text that must be an object.
pub(crate) fn object(core: &Core, what: &'static str, text: &str) -> Result<Value, Fault> {
    let value = json(core, what, text)?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(malformed(core, &format!("{what} that is not a JSON object")))
    }
}

pub(crate) fn malformed(core: &Core, why: &str) -> Fault {
    Fault::from(Problem::Malformed(visible(why, 300)).of(&core.origin))
}

/// A fault of a guest. Codes are put under the plugin's own name, so that none can pass for honey's.
pub(crate) fn fault(core: &Core, given: types::Fault) -> Fault {
    Fault {
        class: FaultClass::parse(&given.class),
        code: code(core, &given.code),
        message: visible(&given.message, 1000),
        help: given.help.map(|help| visible(&help, 1000)),
        retry_after: given.retry_after_ms.map(|ms| Duration::from_millis(ms.min(86_400_000))),
        vendor: given.vendor.map(|vendor| VendorError {
            status: vendor.status,
            code: visible(&vendor.code, 200),
            message: visible(&vendor.message, 2000),
            request_id: vendor.request_id.map(|id| visible(&id, 200)),
        }),
        diagnostics: diagnostics(core, given.diagnostics),
        origin: core.origin.clone(),
    }
}

/// Diagnostics of a guest. A JSON pointer becomes a dotted path.
pub(crate) fn diagnostics(core: &Core, given: Vec<types::Diagnostic>) -> Vec<Diagnostic> {
    given
        .into_iter()
        .take(DIAGNOSTICS)
        .map(|one| Diagnostic {
            severity: match one.severity {
                types::Severity::Error => Severity::Error,
                types::Severity::Warning => Severity::Warning,
                types::Severity::Note => Severity::Note,
            },
            code: code(core, &one.code),
            summary: visible(&one.summary, 1000),
            help: one.help.map(|help| visible(&help, 1000)),
            path: visible(one.path.trim_start_matches('/'), 300).replace('/', "."),
            source: None,
        })
        .collect()
}

fn code(core: &Core, given: &str) -> String {
    let given = visible(given, 100);
    let prefix = format!("{}::", core.manifest.id);
    if given.starts_with(&prefix) { given } else { format!("{prefix}{given}") }
}

/// An object that a guest found or made.
pub(crate) fn found(core: &Core, state: lifecycle::State) -> Result<Found, Fault> {
    if state.id.is_empty() || state.id.len() > 500 {
        return Err(malformed(core, "an object whose id is empty or longer than 500 bytes"));
    }
    Ok(Found::new(
        visible(&state.id, 500),
        object(core, "attributes", &state.attributes)?,
        object(core, "outputs", &state.outputs)?,
        match state.ownership {
            lifecycle::Ownership::Ours => Ownership::Ours,
            lifecycle::Ownership::Foreign => Ownership::Foreign,
            lifecycle::Ownership::Unmarked => Ownership::Unmarked,
        },
    ))
}
