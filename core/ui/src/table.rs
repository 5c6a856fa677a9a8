//! Columns for people. The last column is cut to what the width leaves.

use crate::Theme;

/// Rows as aligned columns, two spaces between them, `indent` in front.
pub(crate) fn columns(rows: &[Vec<String>], indent: usize, theme: &Theme) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..count).map(widest).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = " ".repeat(indent);
        for (column, cell) in row.iter().enumerate() {
            if column > 0 {
                line.push_str("  ");
            }
            line.push_str(cell);
            if column + 1 < row.len() {
                line.push_str(&" ".repeat(widths[column].saturating_sub(cell.chars().count())));
            }
        }
        let line = line.trim_end();
        text.push_str(&if theme.terminal { Theme::cut(line, theme.width) } else { line.to_owned() });
        text.push('\n');
    }
    text
}
