//! How the simulated API and its nodes can be told to misbehave.

use std::time::Duration;

/// The next calls that match are answered with an error.
#[derive(Clone, Debug)]
pub struct ApiFault {
    /// HTTP method, or empty for any.
    pub method: String,
    /// Part of the path, or empty for any.
    pub path: String,
    /// Status to answer; 0 closes the connection without an answer.
    pub status: u16,
    /// How many calls.
    pub times: u32,
    /// Whether the call takes effect before the answer is lost.
    pub after_effect: bool,
}

/// What containers of an image do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerFault {
    /// Start, write these lines and exit with this code, again and again.
    Crash {
        /// Exit code.
        exit: i32,
        /// What they write.
        log: String,
    },
    /// The registry has no such image.
    ImageMissing,
    /// Become ready this much later (simulated time).
    SlowReady(Duration),
    /// Never become ready.
    NeverReady,
    /// Take this long to stop (simulated time), up to the grace period.
    SlowStop(Duration),
}

/// What a Job's pods do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobFault {
    /// Every pod fails with this output.
    Fail {
        /// What they write.
        log: String,
    },
    /// So many pods fail with this output, those after them succeed.
    FailTimes {
        /// How many pods, of all Jobs that the script is for.
        times: u32,
        /// What they write.
        log: String,
    },
    /// They run for ever.
    Hang,
}

/// Which Jobs a script is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Jobs {
    /// Those whose name starts with a text.
    Named(String),
    /// Those with an image whose name contains a text.
    OfImage(String),
}

/// All scripts of one cluster.
#[derive(Default)]
pub(super) struct Faults {
    pub(super) api: Vec<ApiFault>,
    /// Part of an image's name, and what its containers do.
    pub(super) containers: Vec<(String, ContainerFault)>,
    /// Which Jobs, and what their pods do.
    pub(super) jobs: Vec<(Jobs, JobFault)>,
    /// Plural and part of the name of objects that stay in deletion.
    pub(super) held: Vec<(String, String)>,
    /// Cuts every watch once.
    pub(super) watch_generation: u64,
}

impl Faults {
    /// The first script that matches a call, counted down.
    pub(super) fn api_fault(&mut self, method: &str, path: &str) -> Option<ApiFault> {
        let position = self.api.iter().position(|fault| {
            fault.times > 0
                && (fault.method.is_empty() || fault.method == method)
                && path.contains(&fault.path)
        })?;
        self.api[position].times -= 1;
        Some(self.api[position].clone())
    }

    /// What a container of an image does.
    pub(super) fn container(&self, image: &str) -> Option<&ContainerFault> {
        self.containers.iter().find(|(part, _)| image.contains(part.as_str())).map(|(_, fault)| fault)
    }

    fn job_script(&self, name: &str, image: &str) -> Option<usize> {
        self.jobs.iter().position(|(jobs, fault)| {
            let meant = match jobs {
                Jobs::Named(start) => name.starts_with(start.as_str()),
                Jobs::OfImage(part) => image.contains(part.as_str()),
            };
            meant && !matches!(fault, JobFault::FailTimes { times: 0, .. })
        })
    }

    /// What a Job's pods do.
    pub(super) fn job(&self, name: &str, image: &str) -> Option<&JobFault> {
        self.job_script(name, image).map(|position| &self.jobs[position].1)
    }

    /// A pod of a Job failed: one less of those that a script wanted.
    pub(super) fn job_failed(&mut self, name: &str, image: &str) {
        if let Some(position) = self.job_script(name, image)
            && let JobFault::FailTimes { times, .. } = &mut self.jobs[position].1
        {
            *times -= 1;
        }
    }

    /// Whether a script keeps an object in deletion.
    pub(super) fn holds(&self, plural: &str, name: &str) -> bool {
        self.held.iter().any(|(held, part)| held == plural && name.contains(part.as_str()))
    }
}
