//! Colours and widths. Meaning never hangs on colour alone: every role also
//! has a symbol or a word.

use std::io::IsTerminal as _;

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Something comes.
    Add,
    /// Something changes.
    Change,
    /// Something goes.
    Remove,
    /// It went well.
    Good,
    /// It went wrong.
    Bad,
    /// Worth a look.
    Warning,
    /// Less important.
    Dim,
    /// A heading.
    Strong,
}

/// How text is shown on one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theme {
    /// Escape sequences are allowed.
    pub color: bool,
    /// Columns.
    pub width: usize,
    /// A person watches, on a terminal where what was written can be replaced.
    pub terminal: bool,
}

/// What the environment says of the terminal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `TERM` is `dumb`.
    pub dumb: bool,
}

/// Where no terminal says how wide it is.
const PLAIN_WIDTH: usize = 100;

impl Theme {
    /// No colour, fixed width: files, pipes, tests.
    pub fn plain() -> Self {
        Self { color: false, width: PLAIN_WIDTH, terminal: false }
    }

    /// For standard output, with what the environment says of colours and of the terminal.
    pub fn stdout(choice: ColorChoice, environment: Environment) -> Self {
        Self::detect(choice, environment, std::io::stdout().is_terminal())
    }

    /// For standard error.
    pub fn stderr(choice: ColorChoice, environment: Environment) -> Self {
        Self::detect(choice, environment, std::io::stderr().is_terminal())
    }

    fn detect(choice: ColorChoice, environment: Environment, terminal: bool) -> Self {
        // A dumb terminal shows escape sequences as they are, and cannot go back in a line.
        let Environment { no_color, dumb } = environment;
        let terminal = terminal && !dumb;
        let width =
            terminal.then(terminal_size::terminal_size).flatten().map_or(PLAIN_WIDTH, |size| size.0.0.into());
        let color = match choice {
            ColorChoice::Auto => terminal && !no_color,
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self { color, width: width.clamp(40, 160), terminal }
    }

    /// Colours a text by its role.
    pub fn paint(&self, role: Role, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let code = match role {
            Role::Add | Role::Good => "32",
            Role::Change | Role::Warning => "33",
            Role::Remove | Role::Bad => "31",
            Role::Dim => "2",
            Role::Strong => "1",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// Cuts a text to at most `limit` characters, saying so by an ellipsis.
    pub fn cut(text: &str, limit: usize) -> String {
        if text.chars().count() <= limit {
            return text.to_owned();
        }
        let mut short: String = text.chars().take(limit.saturating_sub(1)).collect();
        short.push('…');
        short
    }
}

#[cfg(test)]
mod tests {
    use super::{ColorChoice, Environment, Role, Theme};

    #[test]
    fn colour_only_where_wanted() {
        let (plain, no_color) = (Environment::default(), Environment { no_color: true, dumb: false });
        assert!(!Theme::detect(ColorChoice::Auto, no_color, true).color);
        assert!(!Theme::detect(ColorChoice::Auto, plain, false).color);
        assert!(Theme::detect(ColorChoice::Auto, plain, true).color);
        assert!(Theme::detect(ColorChoice::Always, no_color, false).color);
        assert_eq!(Theme::plain().paint(Role::Bad, "x"), "x");
    }

    #[test]
    fn a_dumb_terminal_has_neither_colours_nor_bars() {
        let dumb = Environment { no_color: false, dumb: true };
        let theme = Theme::detect(ColorChoice::Auto, dumb, true);
        assert!(!theme.color && !theme.terminal);
        assert!(Theme::detect(ColorChoice::Always, dumb, true).color, "asked for in so many words");
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(Theme::cut("äöü", 3), "äöü");
        assert_eq!(Theme::cut("äöüß", 3), "äö…");
    }
}
