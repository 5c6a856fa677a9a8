//! Values in one line: references and secrets by what they stand for, images
//! by what differs, long ones as much as fits.

use std::cell::Cell;

use honey_model::{ImageReference, text::visible};
use honey_plan::MASK;
use serde_json::Value;

use super::leaf::is_special;

/// Digits of a digest that a person compares.
const DIGITS: usize = 12;

/// How wide, how much, and whether something was left out.
pub(super) struct Room {
    /// Columns for a line's text.
    pub(super) width: usize,
    /// Nothing is left out.
    pub(super) full: bool,
    /// Something was left out.
    pub(super) cut: Cell<bool>,
}

impl Room {
    /// As much of a text as fits, saying so by an ellipsis.
    pub(super) fn fit(&self, text: &str, limit: usize) -> String {
        if self.full || text.chars().count() <= limit {
            return text.to_owned();
        }
        self.cut.set(true);
        crate::Theme::cut(text, limit)
    }

    /// Both sides of a change: in one line, in two, or as much around the
    /// first difference as fits.
    pub(super) fn pair(&self, before: &str, after: &str, taken: usize) -> Vec<String> {
        let (left, right) = (before.chars().count(), after.chars().count());
        let room = self.width.saturating_sub(taken).max(20);
        if left + right + 3 <= room {
            return vec![format!("{before} → {after}")];
        }
        let (first, second) = (room, self.width.saturating_sub(4).max(20));
        if self.full || (left <= first && right <= second) {
            return vec![before.to_owned(), format!("→ {after}")];
        }
        self.cut.set(true);
        let common = before.chars().zip(after.chars()).take_while(|(one, other)| one == other).count();
        let window = |text: &str, limit: usize| {
            let skip = common.saturating_sub(8);
            match skip > 1 && text.chars().count() > limit {
                true => {
                    crate::Theme::cut(&format!("…{}", text.chars().skip(skip).collect::<String>()), limit)
                }
                false => crate::Theme::cut(text, limit),
            }
        };
        vec![window(before, first), format!("→ {}", window(after, second))]
    }
}

/// A value in one line, whole.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => bare(text),
        Value::Object(fields) if is_special(fields) => special(value),
        Value::Array(items) => {
            format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        Value::Object(fields) => {
            let field = |(name, inner): (&String, &Value)| format!("{}: {}", bare(name), text(inner));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// A text without quotes where it can be nothing else.
fn bare(text: &str) -> String {
    let shown = visible(text, usize::MAX);
    let other = serde_json::from_str::<Value>(text).is_ok() && text != MASK;
    let open = text.is_empty()
        || text.trim() != text
        || text.contains('→')
        || text.starts_with(['[', '{', '(', '"'])
        || text.contains(['\n', '\t']);
    match other || open {
        true => visible(&Value::from(text).to_string(), usize::MAX),
        false => shown,
    }
}

/// A reference, a secret, or a text put together from parts.
pub(super) fn special(value: &Value) -> String {
    if let Some(name) = honey_model::value::as_secret(value) {
        return format!("(secret {})", visible(name, 200));
    }
    if let Some(reference) = honey_model::value::as_reference(value) {
        return format!("(from {}{})", reference.address, visible(&reference.pointer, 200));
    }
    if let Some(parts) = value.get("$concat").and_then(Value::as_array) {
        let part = |part: &Value| match part {
            Value::String(text) => visible(text, usize::MAX),
            other => text(other),
        };
        return parts.iter().map(part).collect();
    }
    // What only honey knows how to fill in.
    let name = value.as_object().and_then(|fields| fields.keys().find_map(|key| key.strip_prefix('$')));
    format!("({})", visible(name.unwrap_or_default(), 200))
}

fn digits(digest: &str) -> String {
    match digest.split_once(':') {
        Some((algorithm, digits)) => {
            format!("@{algorithm}:{}", digits.chars().take(DIGITS).collect::<String>())
        }
        None => format!("@{digest}"),
    }
}

/// An image by as much of its digest as a person compares.
pub(super) fn short_image(image: &str) -> String {
    bare(&honey_model::image::short(image))
}

/// Two images of one repository by what differs in them: the tag, the digest, or both.
pub(super) fn image_pair(before: &str, after: &str) -> Option<(String, String)> {
    let (before, after) = (ImageReference::parse(before).ok()?, ImageReference::parse(after).ok()?);
    if before.name() != after.name() {
        return None;
    }
    let ((tag, digest), (new_tag, new_digest)) =
        ((before.tag(), before.digest()), (after.tag(), after.digest()));
    // A tag that is the same says nothing beside two digests.
    let keeps_tag = tag != new_tag || digest.is_none() || new_digest.is_none();
    let join = |tag: Option<&str>, digest: Option<&str>| {
        let tag = tag.filter(|_| keeps_tag).map(|tag| format!(":{}", visible(tag, 130))).unwrap_or_default();
        let shown = format!("{tag}{}", digest.map(digits).unwrap_or_default());
        if shown.is_empty() { "(no tag)".to_owned() } else { visible(&shown, 300) }
    };
    let (before, after) = (join(tag, digest), join(new_tag, new_digest));
    (before != after).then_some((before, after))
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use serde_json::json;

    use super::{Room, image_pair, text};

    #[test]
    fn images_show_what_differs() {
        let pair = |before: &str, after: &str| {
            image_pair(before, after).map(|(before, after)| format!("{before} → {after}"))
        };
        let digest = |digit: &str| format!("@sha256:{}", digit.repeat(64));
        assert_eq!(pair("r.io/a/api:a1b2", "r.io/a/api:c3d4").unwrap_or_default(), ":a1b2 → :c3d4");
        assert_eq!(pair("host:3000/api", "host:3000/api:1").unwrap_or_default(), "(no tag) → :1");
        assert_eq!(
            pair(&format!("api:1{}", digest("a")), &format!("api:1{}", digest("b"))).unwrap_or_default(),
            "@sha256:aaaaaaaaaaaa → @sha256:bbbbbbbbbbbb"
        );
        assert_eq!(
            pair(&format!("api:1{}", digest("a")), "api:1").unwrap_or_default(),
            ":1@sha256:aaaaaaaaaaaa → :1"
        );
        assert_eq!(pair("host:3000/api", "host:4000/api"), None, "another repository is told whole");
        let alike = |end: &str| format!("api@sha256:{}{end}", "a".repeat(63));
        assert_eq!(pair(&alike("b"), &alike("c")), None, "digests that only differ at their end too");
    }

    #[test]
    fn texts_are_quoted_only_where_they_could_be_something_else() {
        assert_eq!(text(&json!("info")), "info");
        for (value, shown) in [(json!("1"), "\"1\""), (json!(1), "1"), (json!("true"), "\"true\"")] {
            assert_eq!(text(&value), shown);
        }
        assert_eq!(text(&json!("")), "\"\"");
        assert_eq!(text(&json!("\u{1b}[31m")), "\\u{1b}[31m");
        assert_eq!(text(&json!({"$secret": "token"})), "(secret token)");
        assert_eq!(text(&json!({"$concat": ["a=", {"$secret": "t"}]})), "a=(secret t)");
        assert_eq!(text(&json!(["a", 1])), "[a, 1]");
    }

    #[test]
    fn what_does_not_fit_shows_the_difference_and_says_so() {
        let room = |full| Room { width: 40, full, cut: Cell::new(false) };
        let (before, after) = (format!("{}1", "x".repeat(100)), format!("{}2", "x".repeat(100)));
        let short = room(false);
        let lines = short.pair(&before, &after, 10);
        assert!(lines[0].ends_with("x1") && lines[1].ends_with("x2") && short.cut.get(), "{lines:?}");
        let whole = room(true);
        assert_eq!(whole.pair(&before, &after, 10), [before, format!("→ {after}")]);
        assert!(!whole.cut.get());
        assert_eq!(short.pair("a", "b", 10), ["a → b"]);
    }
}
