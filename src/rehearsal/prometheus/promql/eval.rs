//! The value of a query at one time.

use super::plan::{LOOK_BACK, Node, Relabel, Selection};
use super::window::Window;
use super::{Element, QueryError, Value, histogram, unique};
use crate::rehearsal::prometheus::series::{Labels, Sample, Series};

/// What `node` comes to at `at`.
pub(super) fn evaluate(node: &Node, at: i64) -> Result<Value, QueryError> {
    Ok(match node {
        Node::Number(number) => Value::Scalar(*number),
        Node::Text(text) => Value::Text(text.clone()),
        Node::Time => Value::Scalar(at as f64 / 1000.0),
        Node::Select(selection) if selection.window.is_some() => {
            Value::Matrix(windows(selection, at).collect())
        }
        Node::Select(selection) => {
            Value::Vector(selected(selection, at).map(|(element, _)| element).collect())
        }
        Node::OverTime(function, selection) => {
            let window = selection.window.unwrap_or_default();
            let (end, begin) = (selection.time(at), selection.time(at) - window);
            let elements = windows(selection, at).filter_map(|series| {
                let value = (function.of)(&Window { samples: &series.samples, begin, end })?;
                let labels = if function.keeps_name { series.labels } else { series.labels.unnamed() };
                Some(Element { labels, value })
            });
            Value::Vector(unique(elements.collect())?)
        }
        Node::Map(function, of, numbers) => {
            let numbers = numbers.iter().map(|number| scalar(number, at)).collect::<Result<Vec<_>, _>>()?;
            let elements = vector(of, at)?.into_iter().filter_map(|element| {
                let value = (function.0)(element.value, &numbers)?;
                Some(Element { labels: element.labels.unnamed(), value })
            });
            Value::Vector(unique(elements.collect())?)
        }
        Node::Negative(of) => match evaluate(of, at)? {
            Value::Scalar(value) => Value::Scalar(-value),
            Value::Vector(elements) => {
                let negative =
                    |element: Element| Element { labels: element.labels.unnamed(), value: -element.value };
                Value::Vector(unique(elements.into_iter().map(negative).collect())?)
            }
            _ => return Err(no_vector()),
        },
        Node::Binary(binary) => binary.evaluate(at)?,
        Node::Aggregate(aggregate) => Value::Vector(aggregate.evaluate(at)?),
        Node::Quantile(quantile, of) => {
            Value::Vector(unique(histogram::quantiles(scalar(quantile, at)?, vector(of, at)?))?)
        }
        Node::Scalar(of) => Value::Scalar(match vector(of, at)?.as_slice() {
            [one] => one.value,
            _ => f64::NAN,
        }),
        Node::Vector(of) => {
            Value::Vector(vec![Element { labels: Labels::default(), value: scalar(of, at)? }])
        }
        Node::Timestamp(of) => Value::Vector(unique(timestamps(of, at)?)?),
        Node::Absent(of, labels) => {
            let empty = match evaluate(of, at)? {
                Value::Vector(elements) => elements.is_empty(),
                Value::Matrix(series) => series.is_empty(),
                _ => return Err(no_vector()),
            };
            let element = Element { labels: labels.clone(), value: 1.0 };
            Value::Vector(if empty { vec![element] } else { Vec::new() })
        }
        Node::Sorted(of, descending) => {
            let mut elements = vector(of, at)?;
            elements.sort_by(|a, b| a.value.total_cmp(&b.value));
            if *descending {
                elements.reverse();
            }
            Value::Vector(elements)
        }
        Node::Relabel(of, relabel) => {
            let elements = vector(of, at)?.into_iter().map(|element| relabelled(relabel, element));
            Value::Vector(unique(elements.collect())?)
        }
    })
}

/// The vector that `node` comes to.
pub(super) fn vector(node: &Node, at: i64) -> Result<Vec<Element>, QueryError> {
    match evaluate(node, at)? {
        Value::Vector(elements) => Ok(elements),
        _ => Err(no_vector()),
    }
}

/// The number that `node` comes to.
pub(super) fn scalar(node: &Node, at: i64) -> Result<f64, QueryError> {
    match evaluate(node, at)? {
        Value::Scalar(value) => Ok(value),
        _ => Err(QueryError::BadData("parse error: expected type scalar".into())),
    }
}

fn no_vector() -> QueryError {
    QueryError::BadData("parse error: expected type instant vector".into())
}

/// The newest value of each series, where it is not too old and the series has not ended.
fn selected(selection: &Selection, at: i64) -> impl Iterator<Item = (Element, i64)> + '_ {
    let time = selection.time(at);
    selection.series.iter().filter_map(move |series| {
        let end = series.samples.partition_point(|sample| sample.at <= time);
        let newest = series.samples[..end].last()?;
        if newest.at < time - LOOK_BACK || newest.is_stale() {
            return None;
        }
        Some((Element { labels: series.labels.clone(), value: newest.value }, newest.at))
    })
}

/// The values of each series within the window; the ends of series are none.
fn windows(selection: &Selection, at: i64) -> impl Iterator<Item = Series> + '_ {
    let (end, window) = (selection.time(at), selection.window.unwrap_or_default());
    selection.series.iter().filter_map(move |series| {
        let from = series.samples.partition_point(|sample| sample.at < end - window);
        let to = series.samples.partition_point(|sample| sample.at <= end);
        let within = series.samples.get(from..to)?;
        let samples: Vec<Sample> = within.iter().filter(|sample| !sample.is_stale()).copied().collect();
        (!samples.is_empty()).then(|| Series { labels: series.labels.clone(), samples })
    })
}

fn timestamps(of: &Node, at: i64) -> Result<Vec<Element>, QueryError> {
    let element = |labels: Labels, at: i64| Element { labels: labels.unnamed(), value: at as f64 / 1000.0 };
    Ok(match of {
        Node::Select(selection) if selection.window.is_none() => {
            selected(selection, at).map(|(found, at)| element(found.labels, at)).collect()
        }
        other => vector(other, at)?.into_iter().map(|found| element(found.labels, at)).collect(),
    })
}

fn relabelled(relabel: &Relabel, element: Element) -> Element {
    let Some(found) = relabel.pattern.captures(element.labels.get(&relabel.from)) else { return element };
    let mut value = String::new();
    found.expand(&relabel.replacement, &mut value);
    let labels = element.labels.clone().with(&relabel.to, &value);
    Element { labels, ..element }
}
