//! `honey man`: manual pages for packagers.

use std::path::PathBuf;

use clap::{Args, CommandFactory as _};

use crate::{
    context::Context,
    failure::{Exit, Failure},
};

/// Write manual pages: the main one to standard output, or all into a folder.
#[derive(Args)]
#[command(hide = true)]
pub(crate) struct Arguments {
    /// Write `honey.1`, `honey-plan.1` … into this folder
    #[arg(long, value_name = "FOLDER")]
    directory: Option<PathBuf>,
}

pub(crate) fn run(context: &Context, arguments: &Arguments) -> Result<Exit, Failure> {
    let command = crate::arguments::Arguments::command();
    match &arguments.directory {
        Some(directory) => {
            std::fs::create_dir_all(directory)?;
            clap_mangen::generate_to(command, directory)?;
        }
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command).render(&mut page)?;
            context.output.data(&String::from_utf8_lossy(&page))?;
        }
    }
    Ok(Exit::Done)
}
