//! Runs tools, and tells what they said when they fail.

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use crate::Failure;

/// How a program ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Exit code, `None` where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Ended {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn errors(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Whether it ended with 0.
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }
}

/// A command from words.
pub(crate) fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null());
    command
}

/// Runs to the end, whatever that is.
pub(crate) fn ended(mut command: Command, input: Option<&[u8]>) -> Result<Ended, Failure> {
    let start = |command: &Command, error| Failure::Start {
        program: command.get_program().to_string_lossy().into_owned(),
        error,
    };
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn().map_err(|error| start(&command, error))?;
    let output = std::thread::scope(|scope| {
        if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
            // Who does not read its input says so by how it ends.
            scope.spawn(move || drop(pipe.write_all(input)));
        }
        child.wait_with_output()
    });
    let output = output.map_err(|error| start(&command, error))?;
    Ok(Ended { code: output.status.code(), stdout: output.stdout, stderr: output.stderr })
}

/// Runs to the end, which has to be good; gives back standard output.
pub(crate) fn run(command: Command) -> Result<String, Failure> {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let what = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
    let ended = ended(command, None)?;
    if ended.ok() {
        return Ok(ended.text());
    }
    let said = ended.errors();
    let from = said.char_indices().rev().nth(1500).map_or(0, |(at, _)| at);
    Err(Failure::Tool { what, said: said[from..].trim().to_owned() })
}

/// [`run`] for words.
pub(crate) fn tool(words: &[&str]) -> Result<String, Failure> {
    run(command(words))
}
