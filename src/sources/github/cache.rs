//! Answers that GitHub need not send again: a question that comes with the mark of the
//! last answer (`ETag`) is free when nothing has changed (304). For GET alone; octocrab's
//! own cache would put the mark on every method.

use std::collections::HashMap;
use std::sync::Arc;

use reqwest::header::HeaderValue;

/// Most answers kept.
const MOST: usize = 200;
/// Most bytes of all answers together: 4 MiB.
const MOST_BYTES: usize = 4 << 20;

/// An answer as it came.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub mark: HeaderValue,
    pub body: Arc<[u8]>,
    /// The address of the next page.
    pub next: Option<String>,
}

/// The answers by the path that was asked. What was not asked for longest goes first.
#[derive(Debug, Default)]
pub(super) struct Cache {
    answers: HashMap<String, (u64, Kept)>,
    bytes: usize,
    uses: u64,
}

impl Cache {
    pub(super) fn find(&mut self, path: &str) -> Option<Kept> {
        self.uses += 1;
        let (used, kept) = self.answers.get_mut(path)?;
        *used = self.uses;
        Some(kept.clone())
    }

    pub(super) fn keep(&mut self, path: &str, kept: Kept) {
        self.forget(path);
        if kept.body.len() > MOST_BYTES / 4 {
            return;
        }
        self.uses += 1;
        self.bytes += kept.body.len();
        self.answers.insert(path.to_owned(), (self.uses, kept));
        while self.answers.len() > MOST || self.bytes > MOST_BYTES {
            let oldest = self.answers.iter().min_by_key(|(_, (used, _))| *used).map(|(path, _)| path.clone());
            let Some(oldest) = oldest else { return };
            self.forget(&oldest);
        }
    }

    pub(super) fn forget(&mut self, path: &str) {
        if let Some((_, kept)) = self.answers.remove(path) {
            self.bytes -= kept.body.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(bytes: usize) -> Kept {
        Kept { mark: HeaderValue::from_static("\"a\""), body: vec![0; bytes].into(), next: None }
    }

    #[test]
    fn it_stays_within_its_bounds_and_drops_what_was_not_asked_for_longest() {
        let mut cache = Cache::default();
        for each in 0..MOST {
            cache.keep(&each.to_string(), kept(10));
        }
        assert!(cache.find("0").is_some());
        cache.keep("one more", kept(10));
        assert!(cache.find("0").is_some() && cache.find("1").is_none() && cache.find("one more").is_some());
        assert_eq!((cache.answers.len(), cache.bytes), (MOST, 10 * MOST));
        for each in 0..8 {
            cache.keep(&format!("large {each}"), kept(MOST_BYTES / 4));
        }
        assert!(cache.bytes <= MOST_BYTES);
        assert!(cache.find("large 7").is_some());
        cache.keep("large 7", kept(MOST_BYTES));
        assert!(cache.find("large 7").is_none(), "too large to keep, and the old one no longer holds");
    }
}
