//! What the demo showed, as a table or as the document that others rely on.
#![expect(clippy::print_stdout, reason = "a development command talks to a terminal")]

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

/// One command of the story.
#[derive(Serialize)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) seconds: f64,
    pub(crate) ok: bool,
    #[serde(rename = "vendor_calls")]
    pub(crate) calls: usize,
}

/// What the observer of workers saw.
#[derive(Default, Serialize)]
pub(crate) struct Worker {
    pub(crate) overlap_ms: u64,
    pub(crate) gap_ms: u64,
    #[serde(skip)]
    pub(crate) clusters: usize,
}

/// Everything.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) steps: Vec<Step>,
    pub(crate) machines: BTreeMap<String, usize>,
    pub(crate) vendor_calls: BTreeMap<String, usize>,
    pub(crate) repeated_calls: usize,
    pub(crate) replan_changes: usize,
    pub(crate) dns_before: BTreeMap<String, Vec<String>>,
    pub(crate) dns_after: BTreeMap<String, Vec<String>>,
    pub(crate) worker: Worker,
    pub(crate) violations: Vec<String>,
    pub(crate) duplicates: Vec<String>,
}

/// Machines of each instance, as `honey status` tells them.
pub(crate) fn machines(status: &Value) -> BTreeMap<String, usize> {
    let count = |one: &Value| {
        let machines = one["machines"].as_array().map_or(0, Vec::len);
        (one["name"].as_str().unwrap_or_default().to_owned(), machines)
    };
    status["instances"].as_array().into_iter().flatten().map(count).collect()
}

/// Operations of a plan.
pub(crate) fn changes(plan: &Value) -> usize {
    let operations = plan.pointer("/plan/operations").or_else(|| plan.get("operations"));
    operations.and_then(Value::as_array).map_or(usize::MAX, Vec::len)
}

impl Report {
    /// What does not hold.
    pub(crate) fn broken(&self) -> Vec<String> {
        let mut broken: Vec<String> = self
            .steps
            .iter()
            .filter(|step| !step.ok)
            .map(|step| format!("{} did not end as it should", step.name))
            .collect();
        let mut hold = |holds: bool, text: String| {
            if !holds {
                broken.push(text);
            }
        };
        hold(
            self.replan_changes == 0,
            format!("{} changes in plans that should be empty", self.replan_changes),
        );
        hold(
            self.repeated_calls == 0,
            format!("{} vendor calls were made twice without need", self.repeated_calls),
        );
        hold(self.machines.len() == 2, format!("machines of {} instances", self.machines.len()));
        hold(self.machines.values().all(|count| *count == 3), format!("machines: {:?}", self.machines));
        hold(self.worker.overlap_ms == 0, format!("two workers ran for {} ms", self.worker.overlap_ms));
        hold(self.worker.clusters == 2, format!("workers were seen on {} clusters", self.worker.clusters));
        hold(self.dns_after.len() == 4, format!("{} names after the cutover", self.dns_after.len()));
        hold(
            self.dns_after.values().all(|values| values.len() == 3),
            "not every name has three addresses".to_owned(),
        );
        hold(self.dns_before != self.dns_after, "the names did not move".to_owned());
        hold(
            self.violations.is_empty(),
            format!("requests the vendors would refuse: {}", self.violations.join("\n")),
        );
        hold(self.duplicates.is_empty(), format!("made more than once: {}", self.duplicates.join(", ")));
        broken
    }

    /// Prints it.
    pub(crate) fn print(&self, as_json: bool) {
        if as_json {
            let document = json!({
                "steps": self.steps,
                "machines": self.machines,
                "vendor_calls": self.vendor_calls,
                "repeated_calls": self.repeated_calls,
                "replan_changes": self.replan_changes,
                "dns": { "before": self.dns_before, "after": self.dns_after },
                "worker": self.worker,
                "violations": self.violations,
                "duplicates": self.duplicates,
            });
            println!("{document}");
            return;
        }
        println!("\n{:<28} {:>9} {:>13}  ", "step", "seconds", "vendor calls");
        for step in &self.steps {
            let mark = if step.ok { "ok" } else { "FAILED" };
            println!("{:<28} {:>9.2} {:>13}  {mark}", step.name, step.seconds, step.calls);
        }
        println!("\nmachines      {}", pairs(&self.machines));
        println!("vendor calls  {}", pairs(&self.vendor_calls));
        for (name, values) in &self.dns_after {
            let before = self.dns_before.get(name).map(|values| values.join(", ")).unwrap_or_default();
            println!("{name:<24} {before}  ->  {}", values.join(", "));
        }
        println!("worker        overlap {} ms, gap {} ms", self.worker.overlap_ms, self.worker.gap_ms);
    }
}

fn pairs(map: &BTreeMap<String, usize>) -> String {
    map.iter().map(|(name, count)| format!("{name}: {count}")).collect::<Vec<_>>().join("   ")
}
