//! What somebody may have meant who wrote something else.

/// Longer words are not compared: nobody mistypes one, and a hostile one costs time.
const LONGEST: usize = 64;
/// How alike two words must be, from 0 to 1, to be mistaken for each other.
const ALIKE: f64 = 0.6;

/// The candidate that is most like `word`, if one is like it at all.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > LONGEST {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let word = plain(word);
    candidates
        .into_iter()
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&word, &plain(candidate)), candidate))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let keys = ["namespace", "service", "selector_key", "port"];
        assert_eq!(nearest("prot", keys), Some("port"));
        assert_eq!(nearest("Selector-Key", keys), Some("selector_key"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest(&"port".repeat(100), keys), None);
    }
}
