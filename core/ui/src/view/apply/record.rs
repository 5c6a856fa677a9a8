//! What happened, for the summary.

use std::{collections::BTreeMap, time::Duration};

use honey_model::{Address, Fault};
use honey_ports::Event;
use serde::Serialize;

/// How long a phase took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PhaseTime {
    /// Its name.
    pub name: String,
    /// Seconds.
    pub seconds: f64,
}

/// An operation that failed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failed {
    /// On what.
    pub address: Address,
    /// Why.
    pub fault: Fault,
}

/// Everything recorded of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Record {
    /// In the order they ended.
    pub phases: Vec<PhaseTime>,
    /// The phase under way, and how many pieces of work it has.
    #[serde(skip)]
    pub current: Option<(String, Option<usize>)>,
    /// Operations that ended well in the current phase.
    #[serde(skip)]
    pub done_in_phase: usize,
    /// Operations that ended well.
    pub finished: usize,
    /// The same by action.
    pub operations: BTreeMap<String, usize>,
    /// Operations that failed.
    pub failed: Vec<Failed>,
    /// Operations not tried, with what failed before them.
    pub skipped: Vec<(Address, Address)>,
    /// Notices, in order.
    pub notices: Vec<String>,
}

impl Record {
    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::PhaseStarted { phase, total } => {
                self.current = Some((phase.clone(), *total));
                self.done_in_phase = 0;
            }
            Event::PhaseFinished { phase, took } => self.ended(phase, *took),
            Event::OperationFinished { action, .. } => {
                self.finished += 1;
                *self.operations.entry(action.clone()).or_default() += 1;
                self.done_in_phase += 1;
            }
            Event::OperationFailed { address, fault } => {
                self.failed.push(Failed { address: address.clone(), fault: fault.as_ref().clone() });
            }
            Event::OperationSkipped { address, because } => {
                self.skipped.push((address.clone(), because.clone()));
            }
            Event::Notice { message } => self.notices.push(message.clone()),
            Event::OperationStarted { .. } | Event::OperationProgress { .. } | Event::Log { .. } => {}
        }
    }

    fn ended(&mut self, phase: &str, took: Duration) {
        self.phases.push(PhaseTime { name: phase.to_owned(), seconds: took.as_secs_f64() });
        if self.current.as_ref().is_some_and(|(current, _)| current == phase) {
            self.current = None;
        }
    }
}
