//! Questions before something is changed. Asked on standard error, answered
//! on standard input; where nobody can answer, the answer is no.

use std::io::{BufRead, IsTerminal as _, Write};

/// How a question ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on.
    Yes,
    /// Do not.
    No,
    /// Standard input is not a terminal.
    Nobody,
}

/// Whether somebody is there to answer.
pub fn interactive() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks yes or no on the terminal.
pub fn confirm(question: &str) -> Answer {
    if !interactive() {
        return Answer::Nobody;
    }
    confirm_with(question, &mut std::io::stdin().lock(), &mut std::io::stderr().lock())
}

/// Asks for a name to be typed.
pub fn confirm_name(question: &str, name: &str) -> Answer {
    if !interactive() {
        return Answer::Nobody;
    }
    confirm_name_with(question, name, &mut std::io::stdin().lock(), &mut std::io::stderr().lock())
}

fn confirm_with(question: &str, input: &mut dyn BufRead, output: &mut dyn Write) -> Answer {
    match ask(&format!("{question} [y/N] "), input, output).to_lowercase().as_str() {
        "y" | "yes" => Answer::Yes,
        _ => Answer::No,
    }
}

fn confirm_name_with(question: &str, name: &str, input: &mut dyn BufRead, output: &mut dyn Write) -> Answer {
    if ask(&format!("{question}\nType {name} to go on: "), input, output) == name {
        Answer::Yes
    } else {
        Answer::No
    }
}

fn ask(question: &str, input: &mut dyn BufRead, output: &mut dyn Write) -> String {
    let _ = output.write_all(question.as_bytes());
    let _ = output.flush();
    let mut line = String::new();
    match input.read_line(&mut line) {
        Ok(_) => line.trim().to_owned(),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, confirm_name_with, confirm_with};

    #[test]
    fn only_a_clear_yes_counts() {
        for (line, answer) in
            [("y\n", Answer::Yes), ("YES\n", Answer::Yes), ("", Answer::No), ("yep\n", Answer::No)]
        {
            assert_eq!(confirm_with("?", &mut line.as_bytes(), &mut Vec::new()), answer, "{line:?}");
        }
    }

    #[test]
    fn a_name_must_be_typed_whole() {
        let answer =
            |line: &str| confirm_name_with("?", "honeydue-ovh", &mut line.as_bytes(), &mut Vec::new());
        assert_eq!(answer("honeydue-ovh\n"), Answer::Yes);
        assert_eq!(answer("honeydue-ov\n"), Answer::No);
        assert_eq!(answer("y\n"), Answer::No);
    }
}
