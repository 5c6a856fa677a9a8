//! What is going on, told as it happens. Views decide how to show it.

use std::{sync::Arc, time::Duration};

use honey_model::{Address, Fault};
use serde::Serialize;

/// Something happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A phase of a command began: `observe`, `plan`, `apply` …
    PhaseStarted {
        /// Its name.
        phase: String,
        /// How many pieces of work are known.
        total: Option<usize>,
    },
    /// It ended.
    PhaseFinished {
        /// Its name.
        phase: String,
        /// How long it took.
        #[serde(serialize_with = "seconds")]
        took: Duration,
    },
    /// An operation began.
    OperationStarted {
        /// On what.
        address: Address,
        /// `create`, `update` …
        action: String,
    },
    /// It tells something.
    OperationProgress {
        /// On what.
        address: Address,
        /// What.
        message: String,
        /// 0 to 100.
        percent: Option<u8>,
    },
    /// It succeeded.
    OperationFinished {
        /// On what.
        address: Address,
        /// What was done.
        action: String,
        /// How long it took.
        #[serde(serialize_with = "seconds")]
        took: Duration,
    },
    /// It failed.
    OperationFailed {
        /// On what.
        address: Address,
        /// Why.
        fault: Box<Fault>,
    },
    /// It was not tried because something it needs failed.
    OperationSkipped {
        /// On what.
        address: Address,
        /// Which failed.
        because: Address,
    },
    /// Somebody logs a line: a plugin, a host.
    Log {
        /// `hetzner@0.1.0`
        origin: String,
        /// `info`, `warn` …
        level: String,
        /// The line, escaped.
        message: String,
    },
    /// For the operator to see, once.
    Notice {
        /// The text.
        message: String,
    },
}

fn seconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}

/// Where events go. Cheap to clone.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(Event) + Send + Sync>);

impl Progress {
    /// Hands every event to a function, which must not block.
    pub fn new(sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// Tells nobody.
    pub fn silent() -> Self {
        Self::new(|_| {})
    }

    /// Tells an event.
    pub fn tell(&self, event: Event) {
        (self.0)(event);
    }
}
