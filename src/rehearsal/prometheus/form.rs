//! The parameters of a question, as Prometheus reads them: in the address or in a form.

use std::time::Duration;

use jiff::Timestamp;

use super::promql::{QueryError, Times};

/// Named values; one name may stand there several times.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(pub(super) Vec<(String, String)>);

impl Parameters {
    /// The first value of that name.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All values of that name.
    pub(super) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A time in milliseconds; `default` where there is none.
    pub(super) fn time(&self, name: &str, default: i64) -> Result<i64, QueryError> {
        let Some(text) = self.get(name) else { return Ok(default) };
        time(text).ok_or_else(|| {
            QueryError::BadData(format!(
                "invalid parameter \"{name}\": cannot parse \"{text}\" to a valid timestamp"
            ))
        })
    }

    /// Start, end and step of a question about many times.
    pub(super) fn times(&self) -> Result<Times, QueryError> {
        let needed = |name: &str| {
            let missing = || {
                QueryError::BadData(format!(
                    "invalid parameter \"{name}\": cannot parse \"\" to a valid timestamp"
                ))
            };
            self.get(name).ok_or_else(missing).and_then(|_| self.time(name, 0))
        };
        let (start, end) = (needed("start")?, needed("end")?);
        if end < start {
            return Err(QueryError::BadData(
                "invalid parameter \"end\": end timestamp must not be before start time".into(),
            ));
        }
        let text = self.get("step").unwrap_or_default();
        let step = duration(text).ok_or_else(|| {
            QueryError::BadData(format!(
                "invalid parameter \"step\": cannot parse \"{text}\" to a valid duration"
            ))
        })?;
        if step <= 0 {
            return Err(QueryError::BadData(
                "invalid parameter \"step\": zero or negative query resolution step widths are not accepted. Try a positive integer".into(),
            ));
        }
        Ok(Times { start, end, step })
    }
}

/// A time as seconds since 1970 or RFC 3339, in milliseconds.
fn time(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => millis(seconds),
        Err(_) => text.parse::<Timestamp>().ok().map(|at| at.as_millisecond()),
    }
}

/// A duration as seconds or as Prometheus writes it (`15s`), in milliseconds.
fn duration(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => millis(seconds),
        Err(_) => {
            let duration: Duration = promql_parser::util::parse_duration(text).ok()?;
            i64::try_from(duration.as_millis()).ok()
        }
    }
}

fn millis(seconds: f64) -> Option<i64> {
    let millis = (seconds * 1000.0).round();
    // Beyond this no time is one, and the conversion would not be exact.
    #[expect(clippy::cast_possible_truncation, reason = "a whole number, and small enough")]
    (millis.is_finite() && millis.abs() < 1e14).then_some(millis as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        Parameters(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    #[test]
    fn times_are_read_in_both_forms() {
        let given =
            parameters(&[("time", "1435781451.781"), ("at", "2026-11-27T00:00:00Z"), ("bad", "soon")]);
        assert_eq!(given.time("time", 0), Ok(1_435_781_451_781));
        assert_eq!(given.time("at", 0), Ok(1_795_737_600_000));
        assert_eq!(given.time("none", 7), Ok(7));
        assert!(given.time("bad", 0).unwrap_err().to_string().contains("\"soon\""));
    }

    #[test]
    fn what_is_no_span_of_time_says_why() {
        let times = |start: &str, end: &str, step: &str| {
            parameters(&[("start", start), ("end", end), ("step", step)]).times()
        };
        assert_eq!(times("1", "2", "15s"), Ok(Times { start: 1_000, end: 2_000, step: 15_000 }));
        assert_eq!(times("1", "2", "0.5"), Ok(Times { start: 1_000, end: 2_000, step: 500 }));
        assert!(times("2", "1", "1").unwrap_err().to_string().contains("must not be before"));
        assert!(times("1", "2", "0").unwrap_err().to_string().contains("zero or negative"));
        assert!(times("1", "2", "").unwrap_err().to_string().contains("\"step\""));
        assert!(parameters(&[("start", "1")]).times().unwrap_err().to_string().contains("\"end\""));
    }
}
