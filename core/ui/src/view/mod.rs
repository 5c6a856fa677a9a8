//! What commands show. One view, one folder or file: the data it shows as a
//! type, that type as text for people, and (through `Serialize`) as JSON.

pub mod apply;
pub mod conformance;
pub mod cutover;
pub mod etcd;
pub mod node;
pub mod plan;
pub mod plugins;
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

/// `1 thing`, `2 things`.
pub(crate) fn counted(count: usize, word: &str) -> String {
    match count {
        1 => format!("1 {word}"),
        count => format!("{count} {word}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn times_read_well() {
        let shown = [0, 850, 12_340, 247_000].map(|ms| super::took(Duration::from_millis(ms)));
        assert_eq!(shown, ["0 ms", "850 ms", "12.3 s", "4 min 07 s"]);
    }
}
