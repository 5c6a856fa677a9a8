//! Wall time and peak memory of a whole process.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::workspace::Failure;

/// Runs counted where one takes under ten seconds.
const RUNS: usize = 5;

/// One process, start to exit.
pub(crate) struct Sample {
    pub(crate) seconds: f64,
    pub(crate) megabytes: f64,
}

/// Runs a command once. Peak memory is the kernel's high-water mark, read
/// until the process ends.
pub(crate) fn once(mut command: Command, expect: i32) -> Result<Sample, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let started = Instant::now();
    let mut child = command.spawn().map_err(|error| Failure::Start { program: program.clone(), error })?;
    let status_file = format!("/proc/{}/status", child.id());
    let watcher = std::thread::spawn(move || {
        let mut peak = 0.0_f64;
        while let Some(now) = high_water(&status_file) {
            peak = peak.max(now);
            std::thread::sleep(Duration::from_micros(500));
        }
        peak
    });
    let mut told = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = std::io::Read::read_to_string(&mut stderr, &mut told);
    }
    let status = child.wait().map_err(|error| Failure::Start { program: program.clone(), error })?;
    let seconds = started.elapsed().as_secs_f64();
    let megabytes = watcher.join().unwrap_or(0.0);
    if status.code() != Some(expect) {
        return Err(Failure::Holds(format!("{program} ended with {:?}: {told}", status.code())));
    }
    Ok(Sample { seconds, megabytes })
}

fn high_water(path: &str) -> Option<f64> {
    let text = std::fs::read_to_string(path).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: f64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes / 1024.0)
}

/// Median of several runs after one that does not count.
pub(crate) fn median(
    expect: i32,
    mut command: impl FnMut() -> Result<Command, Failure>,
) -> Result<Sample, Failure> {
    let first = once(command()?, expect)?;
    let runs = if first.seconds < 10.0 { RUNS } else { 1 };
    let mut samples = if runs == 1 { vec![first] } else { Vec::new() };
    while samples.len() < runs {
        samples.push(once(command()?, expect)?);
    }
    let middle = |mut values: Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Ok(Sample {
        seconds: middle(samples.iter().map(|sample| sample.seconds).collect()),
        megabytes: middle(samples.iter().map(|sample| sample.megabytes).collect()),
    })
}
