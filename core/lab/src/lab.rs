//! Starting and stopping a lab.

use std::path::PathBuf;
use std::sync::Arc;

use crate::books::{Books, Violation};
use crate::vendor::fault::{FaultRule, Script};
use crate::world::World;

/// Why a lab did not start or could not write its files.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// No port, no address, no file.
    #[error("{0}: {1}")]
    Io(String, #[source] std::io::Error),
    /// A specification file that cannot be read.
    #[error("specification {0}: {1}")]
    Specification(String, String),
    /// A key pair could not be made.
    #[error("ssh key: {0}")]
    Key(String),
}

/// How a lab is made.
#[derive(Debug, Clone)]
pub struct LabOptions {
    /// Seed of identifiers, durations and keys.
    pub seed: u64,
    /// Where the lab may keep files of its own.
    pub directory: Option<PathBuf>,
    /// Folder of the vendors' specifications; `HONEY_SPECS` when none.
    pub specs: Option<PathBuf>,
    /// Multiplies every simulated span; 1 is already fast, 0 is at once.
    pub time_scale: f64,
}

impl Default for LabOptions {
    fn default() -> Self {
        Self { seed: 1, directory: None, specs: None, time_scale: 1.0 }
    }
}

/// A running lab; dropping it stops everything.
#[derive(Debug)]
pub struct Lab {
    world: Arc<World>,
    script: Arc<Script>,
}

impl Lab {
    /// Starts a lab.
    pub async fn start(options: LabOptions) -> Result<Self, LabError> {
        let world = World::new(options.seed, options.time_scale, options.directory.clone())
            .map_err(|error| LabError::Io("subnet".into(), error))?;
        crate::box_host::install(&world);
        Ok(Self { world, script: Arc::default() })
    }

    /// The shared world.
    pub fn world(&self) -> &Arc<World> {
        &self.world
    }

    /// The books.
    pub fn books(&self) -> &Books {
        &self.world.books
    }

    /// Adds a fault to the script.
    pub fn inject(&self, rule: FaultRule) {
        self.script.add(rule);
    }

    /// Requests that broke a vendor's contract.
    pub fn violations(&self) -> Vec<Violation> {
        self.world.books.violations()
    }
}
