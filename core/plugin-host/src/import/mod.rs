//! What a guest can ask of the host, one interface per file.

pub(crate) mod cache;
mod clock;
mod http;
mod log;
mod operation;
mod random;
mod secrets;
mod ssh_facts;

impl crate::bindings::honey::plugin::types::Host for crate::call::CallState {}
