//! Where a line of rendered text stands in its template.
//!
//! The template engine does not say. A line that stands once in the template and
//! again in the text is the same; one that follows such a line and only has its
//! braces filled in is too. Of others nothing is claimed.

use std::collections::HashMap;

/// Lines of a rendered text and of its template.
pub(crate) struct Lines {
    /// For each line of the text its line in the template, from 0.
    found: Vec<Option<usize>>,
    /// Whether nothing was replaced: columns are the same too.
    same: bool,
}

impl Lines {
    /// Compares both.
    pub(crate) fn of(template: &str, rendered: &str) -> Self {
        if template == rendered {
            return Self { found: Vec::new(), same: true };
        }
        let lines: Vec<&str> = template.lines().collect();
        let mut places: HashMap<&str, Option<usize>> = HashMap::new();
        for (number, line) in lines.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            places.entry(line).and_modify(|place| *place = None).or_insert(Some(number));
        }
        let mut last: Option<usize> = None;
        let found = rendered
            .lines()
            .map(|line| {
                let here = places.get(line).copied().flatten().or_else(|| follows(&lines, last, line));
                last = here.or(last);
                here
            })
            .collect();
        Self { found, same: false }
    }

    /// The line of the template for a line of the text, both from 1.
    pub(crate) fn line(&self, rendered: usize) -> Option<usize> {
        if self.same {
            return Some(rendered);
        }
        self.found.get(rendered.checked_sub(1)?).copied().flatten().map(|line| line + 1)
    }

    /// Whether the text is the template.
    pub(crate) fn same(&self) -> bool {
        self.same
    }
}

/// The next line of the template that is no statement, where the text's line can come from it.
fn follows(lines: &[&str], last: Option<usize>, line: &str) -> Option<usize> {
    let from = last.map_or(0, |last| last + 1);
    let statement = |line: &str| line.trim_start().starts_with("{%") || line.trim_start().starts_with("{#");
    let next = (from..lines.len()).find(|number| !statement(lines[*number]))?;
    let template = lines[next];
    if template == line {
        return Some(next);
    }
    let begin = template.find("{{")?;
    let end = template.rfind("}}")? + 2;
    let fits = end >= begin
        && line.len() + (end - begin) >= template.len()
        && line.starts_with(&template[..begin])
        && line.ends_with(&template[end..]);
    fits.then_some(next)
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_are_found_where_they_can_be() {
        let template = "{% for x in xs %}\na: {{ x }}\nb: c\n---\n{% endfor %}\nd: e\n---\n";
        let rendered = "a: 1\nb: c\n---\na: 2\nb: c\n---\nd: e\n---\n";
        let lines = Lines::of(template, rendered);
        let found: Vec<Option<usize>> = (1..=8).map(|line| lines.line(line)).collect();
        assert_eq!(found, [Some(2), Some(3), Some(4), None, Some(3), Some(4), Some(6), Some(7)]);
        assert_eq!(Lines::of("a\nb\n", "a\nb\n").line(2), Some(2));
        assert_eq!(Lines::of("a\n", "x\n").line(1), None);
    }
}
