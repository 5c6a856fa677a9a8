//! `honey`: arguments in, exit code out. The only place that ends the process.
//!
//! | File | What it does |
//! |---|---|
//! | `arguments` | the command line as types |
//! | `command/` | one command, one file: its arguments, its examples, its call |
//! | `wire` | ports to implementations; the calls into the flow |
//! | `context` | what every command has: output, configuration, cancel |
//! | `failure` | what went wrong, to exit code and text |
//! | `private_file` | files that only the operator may read |
//! | `interrupt`, `logging`, `panic` | the process's surroundings |

mod arguments;
mod command;
mod context;
mod environment;
mod failure;
mod interrupt;
mod logging;
mod panic;
mod private_file;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

use crate::{arguments::Arguments, context::Context};

fn main() -> ExitCode {
    panic::install();
    let arguments = Arguments::parse();
    let context = Context::new(&arguments.global);
    let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        logging::install(&context);
        command::run(&context, arguments.command)
    }));
    match ended {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(failure)) => failure.report(&context).into(),
        Err(_) => failure::Exit::Failed.into(),
    }
}
