//! Structured log lines, shown with the plugin's name.

pub use crate::bindings::honey::plugin::log::Level;
use crate::host;

/// One line with fields.
pub fn emit(level: Level, message: &str, fields: &[(&str, &str)]) {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    host::log(level, message, &fields);
}

/// Detail for somebody who looks for a mistake.
pub fn debug(message: &str) {
    host::log(Level::Debug, message, &[]);
}

/// Something the operator may want to know.
pub fn info(message: &str) {
    host::log(Level::Info, message, &[]);
}

/// Something the operator should know.
pub fn warn(message: &str) {
    host::log(Level::Warn, message, &[]);
}
