//! `${…}` inside texts: which parts are text, which refer to something.
//!
//! Pure; nothing is looked up here. `$${` stands for `${` itself.

/// One part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// `${shared.NAME.OUTPUT}`: an output of a shared resource.
    Shared {
        /// Its name under `[shared]`.
        name: String,
        /// JSON pointer into its outputs: `/host`, `/endpoint/region`.
        pointer: String,
    },
    /// `${values.NAME}`: the value of `[values.NAME]`.
    Value {
        /// Its name.
        name: String,
    },
    /// `${secret:NAME}`: a secret's content.
    Secret {
        /// Its name.
        name: String,
    },
}

/// Why a text with `${` in it cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{reference}` is not a reference: {why}")]
pub struct InvalidTemplate {
    /// The reference as written, cut at 80 characters.
    pub reference: String,
    /// What is wrong with it.
    pub why: &'static str,
    /// Where it begins in the text, in bytes.
    pub offset: usize,
}

/// Reads texts with `${…}` in them.
pub struct Template;

impl Template {
    /// Splits a text into its parts. Adjacent text is one part; an empty text has none.
    pub fn parse(text: &str) -> Result<Vec<Part>, InvalidTemplate> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut at = 0;
        while let Some(found) = text[at..].find("${") {
            let start = at + found;
            if text[..start].ends_with('$') && start > at {
                plain.push_str(&text[at..start - 1]);
                plain.push_str("${");
                at = start + 2;
                continue;
            }
            plain.push_str(&text[at..start]);
            let invalid = |reference: &str, why| InvalidTemplate {
                reference: honey_model::text::visible(reference, 80),
                why,
                offset: start,
            };
            let Some(length) = text[start..].find('}') else {
                return Err(invalid(
                    &text[start..],
                    "it is not closed by `}`; `$${` stands for a plain `${`",
                ));
            };
            let whole = &text[start..=start + length];
            let part = reference(&text[start + 2..start + length]).map_err(|why| invalid(whole, why))?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(part);
            at = start + length + 1;
        }
        plain.push_str(&text[at..]);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(parts)
    }

    /// Whether the text refers to anything or is malformed; plain texts need no parsing.
    pub fn is_plain(text: &str) -> bool {
        !text.contains("${")
    }
}

fn reference(inner: &str) -> Result<Part, &'static str> {
    let named =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if let Some(name) = inner.strip_prefix("secret:") {
        return match named(name) {
            true => Ok(Part::Secret { name: name.to_owned() }),
            false => Err("a secret is named as in `${secret:redis-password}`"),
        };
    }
    if let Some(name) = inner.strip_prefix("values.") {
        return match named(name) && !name.contains('.') {
            true => Ok(Part::Value { name: name.to_owned() }),
            false => Err("a value is named as in `${values.first}`"),
        };
    }
    if let Some(rest) = inner.strip_prefix("shared.") {
        let mut segments = rest.split('.');
        let name = segments.next().unwrap_or_default();
        let outputs: Vec<&str> = segments.collect();
        let complete = named(name) && !outputs.is_empty() && outputs.iter().all(|output| named(output));
        return match complete {
            true => Ok(Part::Shared { name: name.to_owned(), pointer: format!("/{}", outputs.join("/")) }),
            false => Err("an output is named as in `${shared.database.host}`"),
        };
    }
    Err("it begins with none of `shared.`, `values.` and `secret:`")
}

#[cfg(test)]
mod tests {
    use super::{Part, Template};

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    #[test]
    fn a_connection_string_falls_into_its_parts() {
        let parts =
            Template::parse("postgres://${shared.db.role}:${secret:neon.db.password}@${shared.db.a.b}/x")
                .unwrap();
        assert_eq!(
            parts,
            vec![
                text("postgres://"),
                Part::Shared { name: "db".into(), pointer: "/role".into() },
                text(":"),
                Part::Secret { name: "neon.db.password".into() },
                text("@"),
                Part::Shared { name: "db".into(), pointer: "/a/b".into() },
                text("/x"),
            ]
        );
    }

    #[test]
    fn plain_texts_and_escapes_stay_text() {
        assert_eq!(Template::parse("").unwrap(), vec![]);
        assert_eq!(Template::parse("costs $5 {really}").unwrap(), vec![text("costs $5 {really}")]);
        assert_eq!(Template::parse("a $${shared.x.y} b").unwrap(), vec![text("a ${shared.x.y} b")]);
        assert_eq!(
            Template::parse("ü${values.a}").unwrap(),
            vec![text("ü"), Part::Value { name: "a".into() }]
        );
    }

    #[test]
    fn malformed_references_are_named() {
        for bad in [
            "${",
            "${}",
            "${shared}",
            "${shared.}",
            "${shared.x}",
            "${shared.x.}",
            "${shared..y}",
            "${values.}",
            "${values.a.b}",
            "${secret:}",
            "${secret:a b}",
            "${env.HOME}",
            "${secret:a\u{1b}}",
        ] {
            let error = Template::parse(&format!("before {bad} after")).unwrap_err();
            assert_eq!(error.offset, 7, "{bad:?}");
            assert!(!error.to_string().contains('\u{1b}'));
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics_and_keeps_plain_text(input in ".{0,60}") {
            if let Ok(parts) = Template::parse(&input)
                && Template::is_plain(&input)
            {
                let joined: String = parts.iter().map(|part| match part {
                    Part::Text(text) => text.as_str(),
                    _ => "",
                }).collect();
                proptest::prop_assert_eq!(joined, input);
            }
        }

        #[test]
        fn references_in_odd_text_never_panic(input in "[${}a.:\u{fc}-]{0,40}") {
            let _ = Template::parse(&input);
        }
    }
}
