//! `cargo xtask test`: every test, the way CI runs them.

use std::{path::PathBuf, process::Command};

use crate::{
    cases,
    profile::{self, Profile},
    tidy,
    workspace::{Failure, build_honey, cargo, root, run},
};

/// Run every test.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// What the machine must be able to do; by default the fullest that it can.
    #[arg(long)]
    profile: Option<Profile>,
    /// Only the tests of this package.
    #[arg(long)]
    package: Option<String>,
}

/// Runs the verb.
pub(crate) fn run_verb(arguments: &Arguments) -> Result<(), Failure> {
    let profile = profile::choose(arguments.profile)?;
    profile.install()?;
    if arguments.package.is_none() {
        run(cargo(&["fmt", "--all", "--check"]))?;
        tidy::check()?;
    }
    std::thread::scope(|scope| {
        // Downloads, mostly: beside Rust's build it takes hardly any time.
        let made = scope.spawn(|| profile.make());
        let built = build_honey(false).and_then(|_| {
            let mut build = tests(arguments, profile);
            build.arg("--no-run");
            run(build)
        });
        made.join()
            .unwrap_or_else(|_| Err(Failure::Holds("making the tests' machines broke off".to_owned())))?;
        built
    })?;
    let specifications = specifications();
    if specifications.is_none() {
        eprintln!("{}", NO_SPECIFICATIONS.replace('\n', " "));
    }
    let mut tests = tests(arguments, profile);
    if let Some(folder) = specifications {
        tests.env("HONEY_SPECS", folder);
    }
    // Test results are what this verb prints.
    let status = tests.status().map_err(|error| Failure::Start { program: "cargo".to_owned(), error })?;
    let cases = match arguments.package {
        None => cases::run(&cases::Arguments::default()),
        Some(_) => Ok(()),
    };
    if status.success() { cases } else { Err(Failure::Tool("cargo test".to_owned())) }
}

/// The tests that were asked for.
fn tests(arguments: &Arguments, profile: Profile) -> Command {
    let mut tests = match &arguments.package {
        Some(package) => cargo(&["test", "--package", package]),
        None => cargo(&["test", "--workspace", "--no-fail-fast"]),
    };
    let features = profile.features().join(",");
    if arguments.package.is_none() && !features.is_empty() {
        tests.args(["--features", &features]);
    } else if let Some(package) = &arguments.package {
        let own = format!("{package}/");
        tests.args(
            profile
                .features()
                .iter()
                .filter(|name| name.starts_with(&own))
                .flat_map(|name| ["--features", name]),
        );
    }
    tests
}

/// Told in one line where nothing can be compared with the vendors' own words.
const NO_SPECIFICATIONS: &str = "the vendor contract was not checked: set HONEY_SPECS to a folder with the vendors' specifications
(api.ovh.com/console, docs.hetzner.cloud/cloud.spec.json, github.com/cloudflare/api-schemas, neon.com/api_spec/release/v2.json,
backblaze.com/apidocs, your Gitea's /swagger.v1.json)";

/// The vendors' specifications, where this machine has them.
pub(crate) fn specifications() -> Option<PathBuf> {
    let named = std::env::var_os("HONEY_SPECS").map(PathBuf::from);
    let beside = root().parent().map(|parent| parent.join("shared/specs"));
    named.or(beside).filter(|folder| folder.is_dir())
}
