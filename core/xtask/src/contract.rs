//! `cargo xtask contract`: the plugins against their vendors' contracts. The
//! work is done by the program `contract` of tests/contract; this builds it,
//! runs it and shows what it found.

use std::{path::PathBuf, process::Command};

use serde::Deserialize;

use crate::{
    setup,
    test::specifications,
    workspace::{Failure, build_programs, output, plugins_directory},
};

/// Judge every request of the plugins by the vendors' specifications, and give
/// the plugins the vendors' own example answers.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask contract
  cargo xtask contract --plugin hetzner --examples ./answers
  cargo xtask contract --faults --plugin neon
  cargo xtask contract --json > contract.json")]
pub(crate) struct Arguments {
    /// Folder of the vendors' specifications; `HONEY_SPECS` when not given.
    #[arg(long)]
    specs: Option<PathBuf>,
    /// Folder of example answers, `<vendor>/<name>.json`; `examples` below the
    /// specifications when not given.
    #[arg(long)]
    examples: Option<PathBuf>,
    /// Only this plugin.
    #[arg(long)]
    plugin: Option<String>,
    /// Try every fault and every bad answer at every request, too, and print the matrix.
    #[arg(long)]
    faults: bool,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Entry {
    plugin: String,
    requests: usize,
    violations: Vec<String>,
    replayed: usize,
    failed: Vec<Note>,
    uncovered: Vec<Note>,
    problems: Vec<String>,
    calls: Vec<Calls>,
    reasons: Vec<Reason>,
    disturbed: (usize, usize),
    faults: Option<Matrix>,
    hostile: Option<Hostile>,
}

#[derive(Deserialize)]
struct Matrix {
    columns: Vec<String>,
    rows: Vec<Row>,
    wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Row {
    request: String,
    cells: Vec<String>,
}

#[derive(Deserialize)]
struct Hostile {
    tried: usize,
    wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Note {
    example: String,
    why: String,
}

#[derive(Deserialize)]
struct Calls {
    scenario: String,
    step: String,
    made: usize,
    waited: usize,
    fewest: usize,
    why: String,
}

#[derive(Deserialize)]
struct Reason {
    scenario: String,
    step: String,
    field: String,
    why: String,
}

/// Told in one line where nothing can be compared with the vendors' own words.
const NO_SPECIFICATIONS: &str = "the vendor contract was not checked, only the lab's own rules: give --specs, or set HONEY_SPECS to a folder with the vendors' specifications";

/// Runs the verb.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    setup::ensure()?;
    crate::plugins::build(&[]).map_err(|failures| {
        Failure::Holds(failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    rehearse(arguments)
}

/// The same, with the plugins built already.
pub(crate) fn rehearse(arguments: &Arguments) -> Result<(), Failure> {
    let specs = arguments.specs.clone().or_else(specifications);
    let beside = || specs.as_ref().map(|folder| folder.join("examples")).filter(|folder| folder.is_dir());
    let examples = arguments.examples.clone().or_else(beside);
    let mut proof = Command::new(build_programs(&["contract"], false)?.join("contract"));
    proof.env_remove("HONEY_SPECS").arg("--plugins").arg(plugins_directory());
    match &specs {
        Some(folder) => drop(proof.arg("--specs").arg(absolute(folder)?)),
        None => eprintln!("{NO_SPECIFICATIONS}"),
    }
    if let Some(folder) = &examples {
        proof.arg("--examples").arg(absolute(folder)?);
    }
    if let Some(plugin) = &arguments.plugin {
        proof.arg("--plugin").arg(plugin);
    }
    proof.arg("--disturb");
    if arguments.faults {
        proof.arg("--faults");
    }
    let (code, text) = output(proof)?;
    let entries: Vec<Entry> = serde_json::from_str(&text)
        .map_err(|error| Failure::Holds(format!("the proof ended with {code:?} and no figures: {error}")))?;
    if arguments.json {
        print!("{text}");
    } else {
        table(&entries);
    }
    if entries.is_empty() {
        return Err(Failure::Holds("there is no such plugin".to_owned()));
    }
    let wrong: Vec<String> = entries.iter().flat_map(wrong).collect();
    match code {
        Some(0) => Ok(()),
        _ if wrong.is_empty() => Err(Failure::Holds(format!("the proof ended with {code:?}"))),
        _ => Err(Failure::Holds(wrong.join("\n"))),
    }
}

/// The proof runs in the workspace, wherever the command was given.
fn absolute(folder: &PathBuf) -> Result<PathBuf, Failure> {
    std::path::absolute(folder).map_err(|error| Failure::File { path: folder.clone(), error })
}

fn wrong(entry: &Entry) -> Vec<String> {
    let notes = entry.failed.iter().map(|note| format!("{}: {}", note.example, note.why));
    let cells = entry.faults.iter().flat_map(|matrix| &matrix.wrong);
    let lies = entry.hostile.iter().flat_map(|hostile| &hostile.wrong);
    let all = entry.violations.iter().chain(&entry.problems).chain(cells).chain(lies).cloned().chain(notes);
    all.map(|words| format!("{}: {words}", entry.plugin)).collect()
}

fn table(entries: &[Entry]) {
    println!(
        "{:<16} {:>8} {:>10} {:>8} {:>8} {:>8} {:>8} {:>6} {:>11}",
        "plugin",
        "requests",
        "violations",
        "repeated",
        "lost",
        "problems",
        "replayed",
        "failed",
        "not covered"
    );
    for entry in entries {
        println!(
            "{:<16} {:>8} {:>10} {:>8} {:>8} {:>8} {:>8} {:>6} {:>11}",
            entry.plugin,
            entry.requests,
            entry.violations.len(),
            entry.disturbed.0,
            entry.disturbed.1,
            entry.problems.len(),
            entry.replayed,
            entry.failed.len(),
            entry.uncovered.len()
        );
    }
    entries.iter().for_each(calls);
    println!("\n{:<16} {:<22} {:<20} {:<14} why it is replaced", "plugin", "scenario", "step", "field");
    for entry in entries {
        for Reason { scenario, step, field, why } in &entry.reasons {
            println!("{:<16} {scenario:<22} {step:<20} {field:<14} {why}", entry.plugin);
        }
    }
    entries.iter().for_each(matrix);
    if entries.iter().any(|entry| !entry.uncovered.is_empty()) {
        println!("\nexamples that no request of a plugin would get");
        for note in entries.iter().flat_map(|entry| &entry.uncovered) {
            println!("  {}: {}", note.example, note.why);
        }
    }
}

/// Every scenario's calls beside the fewest that the vendor's API allows, then
/// its steps.
fn calls(entry: &Entry) {
    let mut known = "";
    for Calls { scenario, step, made, waited, fewest, why } in &entry.calls {
        if known != scenario {
            known = scenario;
            let of = || entry.calls.iter().filter(|calls| calls.scenario == *scenario);
            let sum = |of_one: fn(&Calls) -> usize| of().map(of_one).sum::<usize>();
            println!(
                "\n{}: {scenario}: {} calls, {} of them looks at what was not finished; the fewest: {}",
                entry.plugin,
                sum(|calls| calls.made),
                sum(|calls| calls.waited),
                sum(|calls| calls.fewest)
            );
        }
        if *made > 0 {
            println!("  {step:<30} {made:>3} {waited:>3} {fewest:>3}  {why}");
        }
    }
}

/// Every fault at every request.
fn matrix(entry: &Entry) {
    let Some(faults) = &entry.faults else { return };
    let widest = faults.rows.iter().map(|row| row.request.len()).max().unwrap_or(0).max(entry.plugin.len());
    let line = |name: &str, cells: &[String]| {
        let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:<8}")).collect();
        println!("{name:<widest$}  {}", cells.join(" ").trim_end());
    };
    println!();
    line(&entry.plugin, &faults.columns);
    faults.rows.iter().for_each(|row| line(&row.request, &row.cells));
    if let Some(hostile) = &entry.hostile {
        println!(
            "{} bad answers given, {} of them not taken as they must",
            hostile.tried,
            hostile.wrong.len()
        );
    }
}
