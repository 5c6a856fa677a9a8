//! `honey completions`: a script for the shell.

use clap::{Args, CommandFactory as _};

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

/// Print a completion script for a shell.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The shell
    shell: clap_complete::Shell,
}

const EXAMPLES: &str = "\
Examples:
  honey completions bash > ~/.local/share/bash-completion/completions/honey
  honey completions zsh > ~/.zfunc/_honey
  honey completions fish > ~/.config/fish/completions/honey.fish";

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(
        arguments.shell,
        &mut crate::arguments::Arguments::command(),
        "honey",
        &mut script,
    );
    context.output.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Done)
}
