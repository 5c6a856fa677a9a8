//! Paths into the configuration: `instances.ovh.machines[0].service`.

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A key of a table.
    Key(String),
    /// A place in a list, from 0.
    Index(usize),
}

/// A path.
pub(crate) type Path = Vec<Step>;

/// A path of keys.
pub(crate) fn of(keys: &[&str]) -> Path {
    keys.iter().map(|key| Step::Key((*key).to_owned())).collect()
}

/// A path with one key more.
pub(crate) fn join(path: &[Step], key: &str) -> Path {
    let mut longer = path.to_vec();
    longer.push(Step::Key(key.to_owned()));
    longer
}

/// A path with one index more.
pub(crate) fn at(path: &[Step], index: usize) -> Path {
    let mut longer = path.to_vec();
    longer.push(Step::Index(index));
    longer
}

/// As a person writes it; odd keys are quoted.
pub(crate) fn render(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        match step {
            Step::Index(index) => text.push_str(&format!("[{index}]")),
            Step::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                if is_bare(key) {
                    text.push_str(key);
                } else {
                    text.push_str(&format!("{:?}", honey_model::text::visible(key, 80)));
                }
            }
        }
    }
    text
}

/// Whether TOML lets the key stand without quotes.
fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

/// Reads what `render` writes; `None` for what is not a path.
pub(crate) fn parse(text: &str) -> Option<Path> {
    let mut path = Path::new();
    let mut rest = text;
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let end = quoted.find('"')?;
            path.push(Step::Key(quoted[..end].to_owned()));
            rest = &quoted[end + 1..];
        } else {
            let end = rest.find(['.', '[', '"']).unwrap_or(rest.len());
            if !is_bare(&rest[..end]) {
                return None;
            }
            path.push(Step::Key(rest[..end].to_owned()));
            rest = &rest[end..];
        }
        while let Some(indexed) = rest.strip_prefix('[') {
            let end = indexed.find(']')?;
            path.push(Step::Index(indexed[..end].parse().ok()?));
            rest = &indexed[end + 1..];
        }
        if rest.is_empty() {
            return Some(path);
        }
        rest = rest.strip_prefix('.')?;
    }
}

#[cfg(test)]
mod tests {
    use super::{Step, parse, render};

    #[test]
    fn what_is_rendered_is_read_back() {
        for text in ["a", "a.b-c", "a.\"x/y\".c", "a[3].b[0][1]"] {
            assert_eq!(render(&parse(text).unwrap()), text);
        }
        assert_eq!(parse("a[1]").unwrap()[1], Step::Index(1));
        for bad in ["", ".", "a.", "a..b", "a[x]", "a[1", "a b", "\"a"] {
            assert!(parse(bad).is_none(), "{bad:?}");
        }
    }
}
