//! Runs the crash proof and prints its figures as JSON: one entry a scenario.
//! Ends with 1 when something does not hold.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of the tests tells its caller")]

use std::process::ExitCode;

use clap::Parser;
use honey_tests::{
    Failure,
    crash::{self, Choice, Report, Scenario},
};

#[derive(Parser)]
#[command(about = "Kill honey at every durable write of a run and look at what comes of it")]
struct Arguments {
    /// Only this scenario.
    scenario: Option<Scenario>,
    /// How many labs, each with its own seed.
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Only every K-th kill point (standby: every 7th where nothing is said).
    #[arg(long)]
    every: Option<usize>,
    /// The first kill point of a sample.
    #[arg(long, default_value_t = 0)]
    offset: usize,
    /// How many points at a time.
    #[arg(long, default_value_t = 3)]
    parallel: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(reports) => {
            println!("{}", serde_json::to_string(&reports).unwrap_or_default());
            if reports.iter().all(Report::holds) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<Vec<Report>, Failure> {
    let victim = std::env::current_exe()?.with_file_name("crash-victim");
    let all = [Scenario::Build, Scenario::Cutover, Scenario::Standby];
    let mut reports = Vec::new();
    for scenario in all.into_iter().filter(|one| arguments.scenario.is_none_or(|named| named == *one)) {
        let sampled = scenario == Scenario::Standby;
        let choice = Choice {
            victim: victim.clone(),
            every: arguments.every.unwrap_or(if sampled { 7 } else { 1 }),
            offset: arguments.offset,
            seeds: arguments.seeds,
            parallel: arguments.parallel,
        };
        reports.push(crash::run(scenario, &choice).await?);
    }
    Ok(reports)
}
