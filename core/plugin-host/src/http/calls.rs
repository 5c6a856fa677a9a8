//! Counts of what was sent to vendors, per plugin, method and path.

use std::{collections::BTreeMap, sync::Mutex};

use serde::Serialize;

/// How often a plugin sent a kind of request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CallCount {
    /// The plugin's id.
    pub plugin: String,
    /// Method.
    pub method: String,
    /// Path with `{}` where an identifier stood.
    pub path: String,
    /// How often, retries included.
    pub count: u64,
}

/// The book of sent requests.
#[derive(Default)]
pub(crate) struct CallBook(Mutex<BTreeMap<(String, String, String), u64>>);

impl CallBook {
    pub(crate) fn note(&self, plugin: &str, method: &str, path: &str) {
        let key = (plugin.to_owned(), method.to_owned(), template(path));
        *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).entry(key).or_default() += 1;
    }

    pub(crate) fn all(&self) -> Vec<CallCount> {
        let book = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        book.iter()
            .map(|((plugin, method, path), count)| CallCount {
                plugin: plugin.clone(),
                method: method.clone(),
                path: path.clone(),
                count: *count,
            })
            .collect()
    }
}

/// The path with identifiers left out: what looks like a number, a hash, a
/// UUID, a host name, or is very long.
fn template(path: &str) -> String {
    path.split('/')
        .map(|segment| if identifier(segment) { "{}" } else { segment })
        .collect::<Vec<_>>()
        .join("/")
}

fn identifier(segment: &str) -> bool {
    if segment.is_empty() || segment == "1.0" {
        return false;
    }
    let digits = segment.chars().filter(char::is_ascii_digit).count();
    segment.contains(['.', ':', '%'])
        || digits == segment.len()
        || segment.len() > 40
        || (digits >= 3 && segment.len() >= 6)
}

#[cfg(test)]
mod tests {
    use super::template;

    #[test]
    fn identifiers_are_left_out_and_words_stay() {
        for (path, wanted) in [
            ("/v1/servers/4711/actions/poweroff", "/v1/servers/{}/actions/poweroff"),
            ("/1.0/vps/vps-1624d691.vps.ovh.us/tasks/12", "/1.0/vps/{}/tasks/{}"),
            (
                "/client/v4/zones/023e105f4ecef8ad9ca31a8372d0c353/dns_records",
                "/client/v4/zones/{}/dns_records",
            ),
            ("/api/v2/projects/aged-leaf-12345678/branches", "/api/v2/projects/{}/branches"),
            ("/b2api/v3/b2_create_bucket", "/b2api/v3/b2_create_bucket"),
        ] {
            assert_eq!(template(path), wanted);
        }
    }
}
