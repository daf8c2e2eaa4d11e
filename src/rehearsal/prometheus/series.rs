//! Series: labels, and values over time.

use std::collections::BTreeMap;

/// The label with a series' name.
pub const NAME: &str = "__name__";

/// The value that says that a series ends here, in Prometheus' own bits.
const STALE: u64 = 0x7ff0_0000_0000_0002;

/// What tells one series from another, the name among it. A label with an empty value
/// is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// The value of a label; empty where there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Sets a label, or with an empty value takes it away.
    pub fn set(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            self.0.remove(name);
        } else {
            self.0.insert(name.to_owned(), value.to_owned());
        }
    }

    /// The same with one label more.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.set(name, value);
        self
    }

    /// The same without the name: what was made of a series is not that series.
    #[must_use]
    pub fn unnamed(mut self) -> Self {
        self.0.remove(NAME);
        self
    }

    /// These of the labels only.
    #[must_use]
    pub fn only(&self, names: &[String]) -> Self {
        let kept = names.iter().filter_map(|name| self.0.get_key_value(name));
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// All but these.
    #[must_use]
    pub fn without(&self, names: &[String]) -> Self {
        let kept = self.0.iter().filter(|(name, _)| !names.contains(name));
        Self(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
    }
}

impl<'l> FromIterator<(&'l str, &'l str)> for Labels {
    fn from_iter<T: IntoIterator<Item = (&'l str, &'l str)>>(labels: T) -> Self {
        let mut all = Self::default();
        labels.into_iter().for_each(|(name, value)| all.set(name, value));
        all
    }
}

/// One value at one time.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Milliseconds since 1970.
    pub at: i64,
    pub value: f64,
}

impl Sample {
    /// The end of a series, until it comes again.
    #[must_use]
    pub const fn stale(at: i64) -> Self {
        Self { at, value: f64::from_bits(STALE) }
    }

    /// Whether the series ends here.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        self.value.to_bits() == STALE
    }
}

/// The values of one series, the oldest first.
#[derive(Clone, Debug)]
pub struct Series {
    pub labels: Labels,
    pub samples: Vec<Sample>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_label_is_none_and_a_stale_value_is_no_other_nan() {
        let labels = Labels::from_iter([(NAME, "up"), ("job", "pods"), ("zone", "")]);
        assert_eq!(labels.iter().count(), 2);
        assert_eq!(labels.clone().unnamed(), Labels::default().with("job", "pods"));
        assert_eq!(labels.only(&["job".into(), "x".into()]).get("job"), "pods");
        assert_eq!(labels.without(&["job".into()]), Labels::default().with(NAME, "up"));
        assert!(Sample::stale(1).is_stale());
        assert!(!Sample { at: 1, value: f64::NAN }.is_stale());
    }
}
