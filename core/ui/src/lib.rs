//! Human and JSON views: the only crate that writes to the terminal.
//!
//! Data goes to standard output, everything else to standard error. Views are
//! functions from data to text, so tests read them as text; `output` writes.
//! Nothing here decides anything, and nothing reads the environment: the
//! caller says what terminal there is.

pub mod diagnostics;
mod excerpt;
pub mod output;
pub mod prompt;
mod table;
pub mod theme;
pub mod view;

pub use output::Output;
pub use theme::{ColorChoice, Environment, Role, Theme};
