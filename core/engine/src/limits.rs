//! How much may happen at once.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use honey_plan::Operation;

/// Names the host that an operation works on, where it works on one.
pub type HostOf = Arc<dyn Fn(&Operation) -> Option<String> + Send + Sync>;
/// Answers a question about an operation.
pub type Asks = Arc<dyn Fn(&Operation) -> bool + Send + Sync>;
/// The whole time an operation may take, retries included.
pub type DeadlineOf = Arc<dyn Fn(&Operation) -> Duration + Send + Sync>;

/// Limits of a run.
#[derive(Clone)]
pub struct Limits {
    /// Operations at once, over all.
    pub parallel: usize,
    /// Operations at once of a driver; drivers not named have only the limit over all.
    pub per_driver: BTreeMap<String, usize>,
    /// Operations at once on one host.
    pub per_host: usize,
    /// The host of an operation.
    pub host_of: HostOf,
    /// Operations that touch nothing outside honey: no limit counts them.
    pub weightless: Asks,
    /// The whole time that an operation may take.
    pub deadline: DeadlineOf,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            parallel: 16,
            per_driver: BTreeMap::new(),
            per_host: 1,
            host_of: Arc::new(|_| None),
            weightless: Arc::new(|_| false),
            deadline: Arc::new(|_| Duration::from_mins(30)),
        }
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits")
            .field("parallel", &self.parallel)
            .field("per_driver", &self.per_driver)
            .field("per_host", &self.per_host)
            .finish_non_exhaustive()
    }
}
