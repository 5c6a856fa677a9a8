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
    /// A person watches.
    pub terminal: bool,
}

/// Where no terminal says how wide it is.
const PLAIN_WIDTH: usize = 100;

impl Theme {
    /// No colour, fixed width: files, pipes, tests.
    pub fn plain() -> Self {
        Self { color: false, width: PLAIN_WIDTH, terminal: false }
    }

    /// For standard output. `no_color` is whether `NO_COLOR` is set and not empty.
    pub fn stdout(choice: ColorChoice, no_color: bool) -> Self {
        Self::detect(choice, no_color, std::io::stdout().is_terminal())
    }

    /// For standard error.
    pub fn stderr(choice: ColorChoice, no_color: bool) -> Self {
        Self::detect(choice, no_color, std::io::stderr().is_terminal())
    }

    fn detect(choice: ColorChoice, no_color: bool, terminal: bool) -> Self {
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
    use super::{ColorChoice, Role, Theme};

    #[test]
    fn colour_only_where_wanted() {
        assert!(!Theme::detect(ColorChoice::Auto, true, true).color);
        assert!(!Theme::detect(ColorChoice::Auto, false, false).color);
        assert!(Theme::detect(ColorChoice::Auto, false, true).color);
        assert!(Theme::detect(ColorChoice::Always, true, false).color);
        assert_eq!(Theme::plain().paint(Role::Bad, "x"), "x");
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(Theme::cut("äöü", 3), "äöü");
        assert_eq!(Theme::cut("äöüß", 3), "äö…");
    }
}
