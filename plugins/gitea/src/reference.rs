//! Image references as Gitea's registry has them: `host/owner/name:tag` and
//! `host/owner/name@sha256:…`. Pure; the grammar is that of the core.

use honey_image::ImageReference;

/// A reference to an image of a Gitea.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference(ImageReference);

impl Reference {
    /// Takes a reference apart, or says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| format!("`{text}` is not an image of a Gitea: {why}");
        let reference = ImageReference::parse(text).map_err(|error| wrong(&error.to_string()))?;
        if !reference.repository().contains('/') {
            return Err(wrong("the repository is owner/name"));
        }
        if reference.digest().is_some_and(|digest| !is_digest(digest)) {
            return Err(wrong("its registry has sha256 digests only"));
        }
        Ok(Self(reference))
    }

    /// Host, with its port where there is one.
    pub fn host(&self) -> &str {
        self.0.host().as_str()
    }

    /// Path of the repository: `owner/name`.
    pub fn repository(&self) -> &str {
        self.0.repository()
    }

    /// A tag, or `sha256:…`, which decides where both are given.
    pub fn version(&self) -> &str {
        self.0.version()
    }

    /// Who owns the image.
    pub fn owner(&self) -> &str {
        self.repository().split('/').next().unwrap_or_default()
    }

    /// Whether it names bytes and not a tag.
    pub fn is_by_digest(&self) -> bool {
        self.0.digest().is_some()
    }
}

/// `sha256:` and 64 lower-case hex digits.
pub fn is_digest(text: &str) -> bool {
    text.starts_with("sha256:") && honey_image::is_digest(text)
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
            ("[::1]:3000/admin/api", "[::1]:3000", "admin/api", "latest"),
            (
                &format!("git.example.com/admin/api:1@{digest}"),
                "git.example.com",
                "admin/api",
                digest.as_str(),
            ),
        ] {
            let reference = Reference::parse(text).expect(text);
            assert_eq!((reference.host(), reference.repository()), (host, repository));
            assert_eq!(reference.version(), version);
        }
    }

    #[test]
    fn what_could_reach_another_path_is_refused() {
        let long = format!("git.example.com/admin/api@sha512:{}", "a".repeat(128));
        for bad in [
            "https://git.example.com/admin/api:1",
            "git.example.com/api",
            "git.example.com/admin/../api:1",
            "git.example.com/Admin/api:1",
            "git.example.com/admin/api:1?x",
            "git.example.com/admin/api@sha256:abc",
            "git.example.com/admin/api:",
            long.as_str(),
        ] {
            assert!(Reference::parse(bad).is_err(), "{bad}");
        }
    }
}
