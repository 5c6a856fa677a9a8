//! Image references: `host/owner/name:tag` and `host/owner/name@sha256:…`. Pure.

/// A reference, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Host, with its port where there is one.
    pub host: String,
    /// Path of the repository: `owner/name`.
    pub repository: String,
    /// A tag, or `sha256:…`.
    pub version: String,
}

impl Reference {
    /// Takes a reference apart, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("`{text}` is not an image reference: {why}"));
        let Some((host, rest)) = text.split_once('/') else {
            return wrong("write host/owner/name:tag");
        };
        if !host.contains(['.', ':']) && host != "localhost" {
            return wrong("it has no registry host in front");
        }
        let (repository, version) = match rest.split_once('@') {
            Some((repository, digest)) => {
                // `name:tag@digest`: the digest decides.
                (repository.split_once(':').map_or(repository, |(name, _)| name), digest)
            }
            None => rest.split_once(':').unwrap_or((rest, "latest")),
        };
        if !repository.split('/').all(is_component) || !repository.contains('/') {
            return wrong("the repository is owner/name, in lower case");
        }
        if !is_digest(version) && !is_tag(version) {
            return wrong(
                "the tag is 1 to 128 letters, digits, `_`, `.` or `-`, the digest sha256: and 64 hex digits",
            );
        }
        Ok(Self { host: host.to_owned(), repository: repository.to_owned(), version: version.to_owned() })
    }

    /// Who owns the image.
    pub fn owner(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    /// Whether it names bytes and not a tag.
    pub fn is_by_digest(&self) -> bool {
        is_digest(&self.version)
    }
}

/// `sha256:` and 64 lower-case hex digits.
pub fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|hex| {
        hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

fn is_tag(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !text.is_empty()
        && text.len() <= 128
        && text.starts_with(plain)
        && text.chars().all(|c| plain(c) || c == '.' || c == '-')
}

fn is_component(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(plain)
        && text.ends_with(plain)
        && text.chars().all(|c| plain(c) || matches!(c, '.' | '_' | '-'))
}

#[cfg(test)]
mod tests {
    use super::Reference;

    #[test]
    fn tags_digests_and_ports() {
        let digest = format!("sha256:{}", "a".repeat(64));
        for (text, host, repository, version) in [
            ("git.example.com/admin/api:1.2", "git.example.com", "admin/api", "1.2"),
            ("git.example.com/admin/api", "git.example.com", "admin/api", "latest"),
            ("127.0.0.1:3000/admin/team/api:x", "127.0.0.1:3000", "admin/team/api", "x"),
            (
                &format!("git.example.com/admin/api:1@{digest}"),
                "git.example.com",
                "admin/api",
                digest.as_str(),
            ),
        ] {
            let reference = Reference::parse(text).expect(text);
            assert_eq!((reference.host.as_str(), reference.repository.as_str()), (host, repository));
            assert_eq!(reference.version, version);
        }
    }

    #[test]
    fn what_could_reach_another_path_is_refused() {
        for bad in [
            "admin/api:1",
            "git.example.com",
            "git.example.com/api",
            "git.example.com/admin/../api:1",
            "git.example.com/Admin/api:1",
            "git.example.com/admin/api:1?x",
            "git.example.com/admin/api@sha256:abc",
            "git.example.com/admin/api:",
        ] {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
    }
}
