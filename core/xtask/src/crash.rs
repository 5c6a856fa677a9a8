//! `cargo xtask crash`: kill honey at every durable write of a run and look
//! into the lab's books at what comes of it. The work is done by the program
//! `crash` of tests/; this builds it, runs it and shows its figures.

use std::process::Command;

use serde::Deserialize;

use crate::{
    setup,
    workspace::{Failure, build_programs, output, plugins_directory},
};

/// Kill honey at every durable write of a run.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this one: build, cutover or standby.
    scenario: Option<String>,
    /// How many labs, each with its own seed.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Only every K-th kill point (standby: every 7th where nothing is said).
    #[arg(long)]
    every: Option<usize>,
    /// One JSON document instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(Deserialize)]
struct Line {
    scenario: String,
    points: usize,
    converged: usize,
    duplicates: usize,
    overlap_ms: u64,
    failed: Vec<String>,
}

/// Runs the verb.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    setup::ensure()?;
    crate::plugins::build(&[]).map_err(|failures| {
        Failure::Holds(failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })?;
    let programs = build_programs(&["crash", "crash-victim"], false)?;
    let mut proof = Command::new(programs.join("crash"));
    proof.env("HONEY_PLUGINS", plugins_directory()).args(&arguments.scenario);
    proof.arg("--seeds").arg(arguments.seeds.to_string());
    if let Some(every) = arguments.every {
        proof.arg("--every").arg(every.to_string());
    }
    let (code, text) = output(proof)?;
    let lines: Vec<Line> = serde_json::from_str(&text)
        .map_err(|error| Failure::Holds(format!("the proof ended with {code:?} and no figures: {error}")))?;
    if arguments.json {
        print!("{text}");
    } else {
        table(&lines);
    }
    let failed: Vec<&str> = lines.iter().flat_map(|line| &line.failed).map(String::as_str).collect();
    match code {
        Some(0) => Ok(()),
        _ if failed.is_empty() => Err(Failure::Holds("not every kill point was held".to_owned())),
        _ => Err(Failure::Holds(failed.join("\n"))),
    }
}

fn table(lines: &[Line]) {
    println!(
        "{:<10} {:>11} {:>10} {:>11} {:>11}",
        "scenario", "kill points", "converged", "duplicates", "overlap ms"
    );
    for line in lines {
        let Line { scenario, points, converged, duplicates, overlap_ms, .. } = line;
        println!("{scenario:<10} {points:>11} {converged:>10} {duplicates:>11} {overlap_ms:>11}");
    }
}
