//! The alert rule: the lab's.

use super::promql::{Query, QueryError, Value, instant};
use super::series::Labels;
use super::store::Source;

/// Its name.
pub const NAME: &str = "BackendErrors";
/// What is wrong, in PromQL.
pub const QUERY: &str =
    r#"sum(rate(http_requests_total{code=~"5.."}[30s])) / sum(rate(http_requests_total[30s])) > 0.05"#;
/// How long it has to be wrong, in milliseconds.
pub const FOR: i64 = 5_000;
/// The group that it stands in.
pub const GROUP: &str = "backend";

/// The labels of its alert, apart from its name.
#[must_use]
pub fn labels() -> Labels {
    [("severity", "P0"), ("service", "backend")].into_iter().collect()
}

/// How the rule stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Alerting {
    /// The alert, pending or firing.
    pub alert: Option<Alert>,
    /// Why it could not be evaluated the last time.
    pub trouble: Option<String>,
    /// When it was evaluated last, in milliseconds.
    pub evaluated: i64,
}

/// An alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Alert {
    pub labels: Labels,
    /// Since when it has been wrong, in milliseconds.
    pub active: i64,
    /// Since when it has been firing; `None`: it is pending.
    pub fired: Option<i64>,
    pub value: f64,
}

impl Alerting {
    /// Takes in what an evaluation at `at` found.
    pub(super) fn note(&mut self, at: i64, found: Result<Option<(Labels, f64)>, QueryError>) {
        self.evaluated = at;
        let found = match found {
            Ok(found) => {
                self.trouble = None;
                found
            }
            // What cannot be evaluated leaves an alert as it is.
            Err(error) => {
                self.trouble = Some(error.to_string());
                return;
            }
        };
        let before = self.alert.take();
        self.alert = found.map(|(labels, value)| {
            let active = before.as_ref().map_or(at, |alert| alert.active);
            let fired = before.and_then(|alert| alert.fired).or((at - active >= FOR).then_some(at));
            Alert { labels, active, fired, value }
        });
    }

    /// The alert, where it is firing.
    #[must_use]
    pub fn firing(&self) -> Option<&Alert> {
        self.alert.as_ref().filter(|alert| alert.fired.is_some())
    }
}

/// The labels and the value with which the rule would alert; `query` is [`QUERY`].
pub(super) fn evaluate(
    source: &impl Source,
    query: &Query,
    at: i64,
) -> Result<Option<(Labels, f64)>, QueryError> {
    let Value::Vector(elements) = instant(source, query, at)? else { return Ok(None) };
    let alert = |element: super::promql::Element| {
        let labels = element.labels.unnamed();
        let labels = self::labels().iter().fold(labels, |labels, (name, value)| labels.with(name, value));
        (labels.with("alertname", NAME), element.value)
    };
    Ok(elements.into_iter().next().map(alert))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_pending_before_it_fires_and_goes_at_once() {
        let mut alerting = Alerting::default();
        let wrong = || Ok(Some((labels(), 0.1)));
        alerting.note(10_000, wrong());
        assert!(alerting.alert.is_some() && alerting.firing().is_none());
        alerting.note(14_000, Err(QueryError::Execution("x".into())));
        assert_eq!(alerting.trouble.as_deref(), Some("x"));
        alerting.note(15_000, wrong());
        assert_eq!(alerting.firing().and_then(|alert| alert.fired), Some(15_000));
        alerting.note(16_000, wrong());
        assert_eq!(alerting.firing().map(|alert| (alert.active, alert.fired)), Some((10_000, Some(15_000))));
        alerting.note(17_000, Ok(None));
        assert_eq!(alerting.alert, None);
        alerting.note(18_000, wrong());
        assert!(alerting.firing().is_none(), "it has to be wrong for as long again");
    }
}
