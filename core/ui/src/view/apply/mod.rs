//! An apply as it runs, and what it leaves behind.

mod live;
mod plain;
mod record;
mod summary;

pub use record::{Failed, PhaseTime, Record};
pub use summary::{Exists, Summary};

use std::sync::{Arc, Mutex};

use honey_ports::{Event, Progress};

use crate::Theme;

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// Nothing; events are only recorded.
    Nothing,
    /// By the stream: bars on a terminal, else one line an event.
    Events,
}

/// Shows events on standard error as they happen and records them.
pub struct ProgressView {
    record: Arc<Mutex<Record>>,
    live: Option<Arc<Mutex<live::Live>>>,
    progress: Progress,
}

impl ProgressView {
    /// Begins showing.
    pub fn start(show: Show, theme: Theme) -> Self {
        let record = Arc::new(Mutex::new(Record::default()));
        let live =
            (show == Show::Events && theme.terminal).then(|| Arc::new(Mutex::new(live::Live::new(theme))));
        let progress = {
            let (record, live) = (Arc::clone(&record), live.clone());
            Progress::new(move |event: Event| {
                // A poisoned lock only means that showing panicked once before.
                let mut record = record.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                record.note(&event);
                match &live {
                    Some(live) => {
                        live.lock().unwrap_or_else(std::sync::PoisonError::into_inner).show(&event, &record);
                    }
                    None if show == Show::Events => plain::show(&event, &record, &theme),
                    None => {}
                }
            })
        };
        Self { record, live, progress }
    }

    /// Where the run tells its events.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Takes bars off the terminal, e.g. before a question; they come back with the next event.
    pub fn clear(&self) {
        if let Some(live) = &self.live {
            live.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
        }
    }

    /// Ends showing and hands out what was recorded.
    pub fn finish(&self) -> Record {
        self.clear();
        self.record.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}
