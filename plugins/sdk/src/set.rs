//! Lists whose order means nothing.

/// In order, each item once: the form in which such lists compare. Meant for
/// the short lists of a desired value.
pub fn normal<T: Ord>(items: Vec<T>) -> Vec<T> {
    let mut set = Vec::with_capacity(items.len());
    for item in items {
        if let Err(at) = set.binary_search(&item) {
            set.insert(at, item);
        }
    }
    set
}

#[cfg(test)]
mod tests {
    #[test]
    fn order_and_repetition_mean_nothing() {
        assert_eq!(super::normal(vec!["b", "a", "c", "a", "b"]), ["a", "b", "c"]);
        assert!(super::normal(Vec::<u8>::new()).is_empty());
    }
}
