//! The `WWW-Authenticate` header of a registry. Pure.

/// What a Bearer challenge asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Where the token is.
    pub realm: String,
    /// For whom it is.
    pub service: Option<String>,
    /// For what it is.
    pub scope: Option<String>,
}

impl Challenge {
    /// Reads the Bearer challenge out of one header value, which may hold several challenges.
    pub fn parse(header: &str) -> Option<Self> {
        let lower = header.to_ascii_lowercase();
        let first = lower.starts_with("bearer ").then_some(0);
        let later = lower.match_indices(", bearer ").map(|(at, _)| at + 2);
        // A quoted text of another challenge may look like one; it has no realm.
        first
            .into_iter()
            .chain(later)
            .find_map(|start| Self::parse_parameters(&header[start + "bearer ".len()..]))
    }

    fn parse_parameters(mut rest: &str) -> Option<Self> {
        let (mut realm, mut service, mut scope) = (None, None, None);
        while let Some((name, value, after)) = parameter(rest) {
            match name.to_ascii_lowercase().as_str() {
                "realm" => realm = Some(value),
                "service" => service = Some(value),
                "scope" => scope = Some(value),
                _ => {}
            }
            match after.trim_start().strip_prefix(',') {
                Some(next) => rest = next,
                None => break,
            }
        }
        Some(Self { realm: realm?, service, scope })
    }
}

/// `name="value"` or `name=value` at the front, and what follows. None where
/// the next challenge begins.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.trim_start().split_once('=')?;
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '"' || c == ',') {
        return None;
    }
    let Some(quoted) = rest.strip_prefix('"') else {
        let end = rest.find([',', ' ']).unwrap_or(rest.len());
        return Some((name, rest[..end].to_owned(), &rest[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((name, value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

/// Scheme, host and port of a URL, in lower case; none where it is not an http(s) URL.
pub fn origin(url: &str) -> Option<String> {
    let lower = url.to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://")?;
    let default_port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.is_empty() || authority.contains('@') {
        return None;
    }
    let authority = authority.strip_suffix(default_port).unwrap_or(authority);
    Some(format!("{scheme}://{authority}"))
}

/// Path and query of a URL.
pub fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}

#[cfg(test)]
mod tests {
    use super::{Challenge, origin, path_of};

    #[test]
    fn gitea_asks_for_a_bearer_token() {
        let header =
            r#"Bearer realm="https://git.example.com/v2/token",service="container_registry",scope="*""#;
        let challenge = Challenge::parse(header).expect("a challenge");
        assert_eq!(challenge.realm, "https://git.example.com/v2/token");
        assert_eq!(challenge.service.as_deref(), Some("container_registry"));
        assert_eq!(challenge.scope.as_deref(), Some("*"));
    }

    #[test]
    fn other_challenges_may_stand_beside_it() {
        let both = r#"Basic realm="a, Bearer b", Bearer realm="https://h/t" , service=x, Negotiate"#;
        assert!(Challenge::parse(both).is_some_and(|challenge| challenge.realm != "b"));
        let after = r#"Bearer realm="https://h/t", Basic realm="other""#;
        assert_eq!(Challenge::parse(after).map(|challenge| challenge.realm).as_deref(), Some("https://h/t"));
        assert_eq!(Challenge::parse(r#"Basic realm="x""#), None);
        assert_eq!(Challenge::parse(r#"Bearer realm="unfinished"#), None);
    }

    #[test]
    fn origins_compare_without_default_ports_and_never_hold_credentials() {
        assert_eq!(
            origin("https://Git.Example.com:443/v2/token").as_deref(),
            Some("https://git.example.com")
        );
        assert_eq!(origin("http://127.0.0.1:3000/x").as_deref(), Some("http://127.0.0.1:3000"));
        for bad in ["https://git.example.com@evil.org/", "ftp://x/", "//x/", "https:///x"] {
            assert_eq!(origin(bad), None, "{bad}");
        }
        assert_eq!(path_of("https://h/v2/token?x=1"), "/v2/token?x=1");
    }
}
