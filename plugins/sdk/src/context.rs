//! The operation that a call belongs to.

use serde::Serialize;

use crate::{Fault, bindings::honey::plugin::operation};

/// What the host, or a test, answers for an operation.
pub(crate) trait Operation {
    fn operation_id(&self) -> String;
    fn owner(&self) -> String;
    fn address(&self) -> String;
    fn remaining_ms(&self) -> u64;
    fn canceled(&self) -> bool;
    fn progress(&self, message: &str, percent: Option<u8>);
    fn checkpoint(&self, id: &str, progress: &str);
}

impl Operation for operation::Context {
    fn operation_id(&self) -> String {
        operation::Context::operation_id(self)
    }
    fn owner(&self) -> String {
        operation::Context::owner(self)
    }
    fn address(&self) -> String {
        operation::Context::address(self)
    }
    fn remaining_ms(&self) -> u64 {
        operation::Context::remaining_ms(self)
    }
    fn canceled(&self) -> bool {
        operation::Context::canceled(self)
    }
    fn progress(&self, message: &str, percent: Option<u8>) {
        operation::Context::progress(self, message, percent);
    }
    fn checkpoint(&self, id: &str, progress: &str) {
        operation::Context::checkpoint(self, id, progress);
    }
}

/// The operation that a call belongs to.
#[derive(Clone, Copy)]
pub struct Context<'a>(pub(crate) &'a dyn Operation);

impl Context<'_> {
    /// Stable across retries, resumes and crashes.
    pub fn operation_id(&self) -> String {
        self.0.operation_id()
    }

    /// Who owns what this call makes, e.g. `honeydue-ovh`.
    pub fn owner(&self) -> String {
        self.0.owner()
    }

    /// The resource's address, e.g. `ovh/machine/node-1`.
    pub fn address(&self) -> String {
        self.0.address()
    }

    /// Time left before the host ends this call.
    pub fn remaining_ms(&self) -> u64 {
        self.0.remaining_ms()
    }

    /// A fault when the operator wants to stop, for use with `?`.
    pub fn check_canceled(&self) -> Result<(), Fault> {
        if self.0.canceled() { Err(Fault::canceled()) } else { Ok(()) }
    }

    /// Tells the operator what is going on.
    pub fn progress(&self, message: &str) {
        self.0.progress(message, None);
    }

    /// Tells the operator how far it is.
    pub fn progress_percent(&self, message: &str, percent: u8) {
        self.0.progress(message, Some(percent.min(100)));
    }

    /// Durable before it returns. After a crash `progress` is handed to the
    /// same operation as `resume`; `id` is what the vendor calls the object.
    pub fn checkpoint(&self, id: &str, progress: &impl Serialize) {
        self.0.checkpoint(id, &crate::tree::text(&crate::tree::of(progress)));
    }
}
