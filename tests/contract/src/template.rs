//! Paths with variables: which requests ask the same thing of a vendor.

use serde::Serialize;

/// `/v1/servers/{id}`; a variable called `{name}` may stand for several segments.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Template(pub String);

impl Template {
    /// Whether a path, with or without variables of its own, is of this form.
    pub fn matches(&self, path: &str) -> bool {
        let wanted: Vec<&str> = split(&self.0);
        let given: Vec<&str> = split(path);
        fits(&wanted, &given)
    }

    /// How many of its segments are not variable.
    pub fn literals(&self) -> usize {
        split(&self.0).iter().filter(|segment| !is_variable(segment)).count()
    }
}

impl std::fmt::Display for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a segment is `{…}`.
pub fn is_variable(segment: &str) -> bool {
    segment.starts_with('{') && segment.ends_with('}')
}

/// Segments without empty ends and without the query.
pub fn split(path: &str) -> Vec<&str> {
    path.split('?').next().unwrap_or(path).split('/').filter(|segment| !segment.is_empty()).collect()
}

fn fits(wanted: &[&str], given: &[&str]) -> bool {
    let Some((first, rest)) = wanted.split_first() else { return given.is_empty() };
    if !is_variable(first) {
        return given.first() == Some(first) && fits(rest, &given[1..]);
    }
    let most = if *first == "{name}" { given.len() } else { given.len().min(1) };
    (1..=most).any(|length| fits(rest, &given[length..]))
}

#[cfg(test)]
mod tests {
    use super::Template;

    #[test]
    fn variables_stand_for_values_and_for_other_variables() {
        let one = Template("/v1/servers/{id}/actions".to_owned());
        assert!(one.matches("/v1/servers/42/actions?page=2"));
        assert!(one.matches("/v1/servers/{server}/actions"));
        assert!(!one.matches("/v1/servers/42"));
        let image = Template("/v2/{name}/manifests/{reference}".to_owned());
        assert!(image.matches("/v2/admin/app/manifests/latest"));
        assert!(Template("/v2/".to_owned()).matches("/v2"));
    }
}
