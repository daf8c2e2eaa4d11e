//! PromQL, as far as a room asks it: parsed by a library, evaluated here as Prometheus
//! 2.42 does, the release that the answers are compared with. (From 3.0 on a window is
//! open at its left end, which makes a difference only to a sample that lies on it.)

mod aggregate;
mod binary;
mod eval;
mod histogram;
mod instant;
mod plan;
#[cfg(test)]
mod tests;
mod window;

use std::collections::BTreeMap;

use super::series::{Labels, Series};
use super::store::Source;
use eval::evaluate;
use plan::Plan;

/// Longest text of a query, in bytes.
const LONGEST: usize = 8 * 1024;
/// Most steps of a question about many times: Prometheus' own limit.
const MOST_STEPS: i64 = 11_000;

/// Why a query has no answer, in Prometheus' two kinds.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It is none, or asks for what is not done here.
    #[error("{0}")]
    BadData(String),
    /// It cannot be answered with the series that there are.
    #[error("{0}")]
    Execution(String),
}

/// One element of a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    pub labels: Labels,
    pub value: f64,
}

/// What a query comes to at one time.
#[derive(Clone, Debug)]
pub enum Value {
    Scalar(f64),
    Text(String),
    Vector(Vec<Element>),
    Matrix(Vec<Series>),
}

/// The times that a query is asked for, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    pub start: i64,
    pub end: i64,
    /// More than 0.
    pub step: i64,
}

/// A query, read.
#[derive(Clone, Debug)]
pub struct Query(promql_parser::parser::Expr);

impl Query {
    /// Reads a query.
    ///
    /// # Errors
    /// When the text is none.
    pub fn parse(text: &str) -> Result<Self, QueryError> {
        if text.len() > LONGEST {
            return Err(QueryError::BadData(format!("the query has more than {LONGEST} bytes")));
        }
        let parsed = promql_parser::parser::parse(text);
        parsed.map(Self).map_err(|error| QueryError::BadData(format!("parse error: {error}")))
    }

    /// The selector of series that it is, as `/api/v1/series` wants one.
    ///
    /// # Errors
    /// When it is none.
    pub fn selector(&self) -> Result<super::store::Selector, QueryError> {
        plan::selector(&self.0)
    }
}

/// A query's value at one time.
///
/// # Errors
/// When it asks for what is not done here, or has no answer.
pub fn instant(source: &impl Source, query: &Query, at: i64) -> Result<Value, QueryError> {
    let plan = Plan::new(source, &query.0, Times { start: at, end: at, step: 1 })?;
    evaluate(&plan.root, at)
}

/// A query's values over time: the series, each with its times and values.
///
/// # Errors
/// As [`instant`]; and when there are too many steps, or the values are no numbers.
pub fn range(source: &impl Source, query: &Query, times: Times) -> Result<Vec<Series>, QueryError> {
    if (times.end - times.start) / times.step.max(1) > MOST_STEPS {
        return Err(QueryError::BadData(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)".into(),
        ));
    }
    let plan = Plan::new(source, &query.0, times)?;
    let mut series: BTreeMap<Labels, Vec<super::series::Sample>> = BTreeMap::new();
    let mut at = times.start;
    while at <= times.end {
        let elements = match evaluate(&plan.root, at)? {
            Value::Scalar(value) => vec![Element { labels: Labels::default(), value }],
            Value::Vector(elements) => elements,
            other => {
                let kind = if matches!(other, Value::Text(_)) { "string" } else { "range vector" };
                return Err(QueryError::BadData(format!(
                    "invalid expression type \"{kind}\" for range query, must be Scalar or instant Vector"
                )));
            }
        };
        for Element { labels, value } in elements {
            series.entry(labels).or_default().push(super::series::Sample { at, value });
        }
        at += times.step.max(1);
    }
    Ok(series.into_iter().map(|(labels, samples)| Series { labels, samples }).collect())
}

/// Fails where two elements have the same labels, which happens when names were dropped.
fn unique(elements: Vec<Element>) -> Result<Vec<Element>, QueryError> {
    let labels: std::collections::BTreeSet<&Labels> =
        elements.iter().map(|element| &element.labels).collect();
    if labels.len() < elements.len() {
        return Err(QueryError::Execution("vector cannot contain metrics with the same labelset".into()));
    }
    Ok(elements)
}
