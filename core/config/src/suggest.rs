//! The known word that a misspelt one was meant to be.

/// The nearest known word, where one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let word = plain(word);
    let allowed = word.chars().count() / 3;
    known
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&word, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `did you mean `x`?` or the list of what is known.
pub(crate) fn help<'a>(
    word: &str,
    known: impl IntoIterator<Item = &'a str> + Clone,
    nothing: &str,
) -> String {
    if let Some(near) = nearest(word, known.clone()) {
        return format!("did you mean `{near}`?");
    }
    let all: Vec<&str> = known.into_iter().collect();
    match all.len() {
        0 => nothing.to_owned(),
        1..=16 => format!("known here: {}", all.join(", ")),
        more => format!("known here: {} and {} more", all[..12].join(", "), more - 12),
    }
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_only() {
        assert_eq!(nearest("servrs", ["servers", "k3s"]), Some("servers"));
        assert_eq!(nearest("ssh_public_key", ["ssh-public-key"]), Some("ssh-public-key"));
        assert_eq!(nearest("b", ["a"]), None);
        assert_eq!(nearest("banana", ["servers", "k3s"]), None);
    }
}
