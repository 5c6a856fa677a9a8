//! The plugins against their vendors' contracts. Every call goes through the
//! real plugin host into the real components; the vendors are the lab's, with
//! a tap on the wire that can answer in their place.
//!
//! * [`baseline`]: whole lives of every kind, and what they ask the vendor for.
//! * [`disturbed`]: the same lives with every call repeated and every answer lost.
//! * [`faults`]: every fault at every request, judged by a rule; [`hostile`]: bad answers.
//! * [`reasons`]: whether a plan would take each step, and why it replaces.
//! * [`replay`]: vendors' own example answers, given to the plugin that would get them.
#![allow(clippy::result_large_err, reason = "a fault is the error of every port, as it is")]

pub mod baseline;
pub mod contract;
pub mod disturbed;
pub mod expectation;
pub mod facts;
pub mod faults;
pub mod hand;
pub mod hostile;
pub mod keep;
mod placeholder;
pub mod reasons;
pub mod replay;
pub mod report;
pub mod scenario;
pub mod stand;
pub mod subject;
pub mod template;
mod trick;
pub mod wire;

/// Why a rehearsal could not be held at all.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The lab did not start.
    #[error("the lab: {0}")]
    Lab(#[from] honey_lab::LabError),
    /// The plugin host did not start.
    #[error("the plugin host: {0}")]
    Host(#[from] honey_model::Fault),
    /// A plugin was not loaded.
    #[error("{0}")]
    Plugin(#[from] honey_plugin_host::PluginError),
    /// A folder could not be read.
    #[error("{path}: {error}")]
    Folder {
        /// Which.
        path: std::path::PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}
