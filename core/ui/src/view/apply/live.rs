//! Events on a terminal: a bar for the phase, a line for each running
//! operation, and finished ones scrolling above them.

use std::{collections::BTreeMap, time::Duration};

use honey_model::{Address, text::visible};
use honey_ports::Event;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::{Record, plain};
use crate::{Role, Theme};

/// Running operations shown at once; a terminal has few lines.
const SHOWN: usize = 10;
/// Above this, finished operations move the bar only: printing each would cost more than doing it.
const CHATTY: usize = 300;

pub(super) struct Live {
    theme: Theme,
    bars: MultiProgress,
    phase: Option<ProgressBar>,
    running: BTreeMap<Address, Running>,
}

struct Running {
    action: String,
    bar: Option<ProgressBar>,
}

impl Live {
    pub(super) fn new(theme: Theme) -> Self {
        Self { theme, bars: MultiProgress::new(), phase: None, running: BTreeMap::new() }
    }

    pub(super) fn clear(&mut self) {
        if let Some(phase) = self.phase.take() {
            phase.finish_and_clear();
        }
        for running in std::mem::take(&mut self.running).into_values() {
            running.bar.iter().for_each(ProgressBar::finish_and_clear);
        }
        let _ = self.bars.clear();
    }

    pub(super) fn show(&mut self, event: &Event, record: &Record) {
        match event {
            Event::PhaseStarted { phase, total } => self.start_phase(phase, *total),
            Event::PhaseFinished { .. } => {
                self.clear();
                self.print(event, record);
            }
            Event::OperationStarted { address, action } => self.start(address, action),
            Event::OperationProgress { address, message, percent } => {
                let percent = percent.map(|percent| format!(" {percent} %")).unwrap_or_default();
                if let Some(Running { action, bar: Some(bar) }) = self.running.get(address) {
                    bar.set_message(
                        self.fit(&format!("{address}: {action}, {}{percent}", visible(message, 200))),
                    );
                }
            }
            Event::OperationFinished { address, .. } => {
                self.end(address);
                let chatty =
                    record.current.as_ref().is_some_and(|(_, total)| total.is_some_and(|all| all > CHATTY));
                if !chatty {
                    self.print(event, record);
                }
            }
            Event::OperationFailed { address, .. } | Event::OperationSkipped { address, .. } => {
                self.end(address);
                self.print(event, record);
            }
            Event::Log { .. } | Event::Notice { .. } => self.print(event, record),
        }
    }

    fn start_phase(&mut self, phase: &str, total: Option<usize>) {
        self.clear();
        let name = self.theme.paint(Role::Strong, &visible(phase, 40));
        let bar = match total {
            Some(total) => {
                ProgressBar::new(total as u64).with_style(style("{msg} [{bar:30}] {pos}/{len} {elapsed}"))
            }
            None => ProgressBar::new_spinner().with_style(style("{spinner} {msg} {elapsed}")),
        };
        let bar = self.bars.add(bar.with_message(name));
        bar.enable_steady_tick(Duration::from_millis(120));
        self.phase = Some(bar);
    }

    fn start(&mut self, address: &Address, action: &str) {
        let shown = self.running.values().filter(|running| running.bar.is_some()).count();
        let bar = (shown < SHOWN).then(|| {
            let bar = ProgressBar::new_spinner().with_style(style("  {spinner} {msg} {elapsed}"));
            let bar = self.bars.add(bar.with_message(self.fit(&format!("{address}: {action}"))));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        self.running.insert(address.clone(), Running { action: visible(action, 40), bar });
    }

    fn end(&mut self, address: &Address) {
        if let Some(Running { bar: Some(bar), .. }) = self.running.remove(address) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
        if let Some(phase) = &self.phase {
            phase.inc(1);
        }
    }

    fn print(&self, event: &Event, record: &Record) {
        if let Some(line) = plain::line(event, record, &self.theme) {
            let _ = self.bars.println(line);
        }
    }

    fn fit(&self, text: &str) -> String {
        Theme::cut(text, self.theme.width.saturating_sub(12))
    }
}

/// The templates are constants; a broken one falls back to indicatif's own look.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
