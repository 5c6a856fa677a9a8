//! What commands show. One view, one folder or file: the data it shows as a
//! type, that type as text for people, and (through `Serialize`) as JSON.

pub mod alarm;
pub mod apply;
pub mod conformance;
pub mod cutover;
pub mod etcd;
pub mod node;
pub mod plan;
pub mod plugins;
pub mod role;
pub mod status;

use std::time::Duration;

/// `850 ms`, `12.3 s`, `4 min 07 s`.
pub(crate) fn took(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..=59 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

/// `1 thing`, `2 things`, `3 policies`, `4 classes`.
pub(crate) fn counted(count: usize, word: &str) -> String {
    let vowel = |c: char| "aeiouAEIOU".contains(c);
    match word.strip_suffix('y').filter(|stem| !stem.ends_with(vowel)) {
        _ if count == 1 => format!("1 {word}"),
        Some(stem) => format!("{count} {stem}ies"),
        None if word.ends_with(['s', 'x']) => format!("{count} {word}es"),
        None => format!("{count} {word}s"),
    }
}

/// A text in lines of at most `width` characters, broken after `between`; a
/// piece that is longer stays whole.
pub(crate) fn wrapped(text: &str, between: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in text.split_inclusive(between) {
        match lines.last_mut() {
            Some(line) if line.chars().count() + piece.trim_end().chars().count() <= width => {
                line.push_str(piece);
            }
            _ => lines.push(piece.to_owned()),
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn times_read_well() {
        let shown = [0, 850, 12_340, 247_000].map(|ms| super::took(Duration::from_millis(ms)));
        assert_eq!(shown, ["0 ms", "850 ms", "12.3 s", "4 min 07 s"]);
    }

    #[test]
    fn counts_read_well() {
        let shown = ["thing", "NetworkPolicy", "Ingress", "key"].map(|word| super::counted(2, word));
        assert_eq!(shown, ["2 things", "2 NetworkPolicies", "2 Ingresses", "2 keys"]);
        assert_eq!(super::counted(1, "policy"), "1 policy");
    }

    #[test]
    fn lines_are_broken_between_pieces_and_nothing_is_lost() {
        assert_eq!(super::wrapped("aa, bb, cc", ", ", 7), ["aa, bb,", "cc"].map(str::to_owned));
        assert_eq!(super::wrapped("aaaaaaaa, b", ", ", 4), ["aaaaaaaa,", "b"].map(str::to_owned));
        assert!(super::wrapped("", ", ", 4).is_empty());
    }
}
