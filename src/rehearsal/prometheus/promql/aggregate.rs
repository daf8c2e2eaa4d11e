//! Aggregations: many elements of a vector made one, or chosen among.

use std::collections::BTreeMap;

use promql_parser::parser::token::{
    T_AVG, T_BOTTOMK, T_COUNT, T_GROUP, T_MAX, T_MIN, T_QUANTILE, T_STDDEV, T_STDVAR, T_SUM, T_TOPK, TokenId,
};

use super::eval::{scalar, vector};
use super::plan::{Grouping, Node, shown, unsupported};
use super::{Element, QueryError};
use crate::rehearsal::prometheus::series::Labels;

/// One aggregation.
#[derive(Debug)]
pub(super) struct Aggregate {
    how: How,
    of: Node,
    parameter: Option<Node>,
    grouping: Grouping,
}

#[derive(Debug)]
enum How {
    /// One value of many.
    Fold(fn(&[f64]) -> f64),
    Quantile,
    /// The greatest so many, or the least.
    Choose {
        greatest: bool,
    },
}

impl Aggregate {
    pub(super) fn new(
        operator: TokenId,
        of: Node,
        parameter: Option<Node>,
        grouping: Grouping,
    ) -> Result<Self, QueryError> {
        let how = match operator {
            T_SUM => How::Fold(|values| values.iter().sum()),
            T_AVG => How::Fold(mean),
            T_MIN => How::Fold(|values| extreme(values, |value, least| value < least)),
            T_MAX => How::Fold(|values| extreme(values, |value, most| value > most)),
            T_COUNT => How::Fold(|values| values.len() as f64),
            T_GROUP => How::Fold(|_| 1.0),
            T_STDDEV => How::Fold(|values| variance(values).sqrt()),
            T_STDVAR => How::Fold(variance),
            T_QUANTILE => How::Quantile,
            T_TOPK => How::Choose { greatest: true },
            T_BOTTOMK => How::Choose { greatest: false },
            other => return Err(unsupported(&format!("the aggregation {}", shown(other)))),
        };
        Ok(Self { how, of, parameter, grouping })
    }

    pub(super) fn evaluate(&self, at: i64) -> Result<Vec<Element>, QueryError> {
        let parameter = self.parameter.as_ref().map_or(Ok(0.0), |parameter| scalar(parameter, at))?;
        let mut groups: BTreeMap<Labels, Vec<Element>> = BTreeMap::new();
        for element in vector(&self.of, at)? {
            groups.entry(self.grouping.of(&element.labels)).or_default().push(element);
        }
        let values = |group: &[Element]| group.iter().map(|element| element.value).collect::<Vec<_>>();
        let elements = groups.into_iter().flat_map(|(labels, mut group)| match self.how {
            How::Fold(fold) => vec![Element { labels, value: fold(&values(&group)) }],
            How::Quantile => vec![Element { labels, value: quantile(parameter, values(&group)) }],
            How::Choose { greatest } => {
                // NaN is neither the greatest nor the least.
                group.sort_by(|a, b| {
                    let order = a.value.total_cmp(&b.value);
                    let order = if greatest { order.reverse() } else { order };
                    a.value.is_nan().cmp(&b.value.is_nan()).then(order)
                });
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
                group.truncate(parameter.max(0.0) as usize);
                group
            }
        });
        Ok(elements.collect())
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn extreme(values: &[f64], beats: impl Fn(f64, f64) -> bool) -> f64 {
    let found = values
        .iter()
        .copied()
        .reduce(|kept, value| if beats(value, kept) || kept.is_nan() { value } else { kept });
    found.unwrap_or(f64::NAN)
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64
}

/// What Prometheus answers for what is no quantile.
pub(super) fn beyond_quantiles(quantile: f64) -> Option<f64> {
    match quantile {
        _ if quantile.is_nan() => Some(f64::NAN),
        _ if quantile < 0.0 => Some(f64::NEG_INFINITY),
        _ if quantile > 1.0 => Some(f64::INFINITY),
        _ => None,
    }
}

/// Between the two values that are nearest in rank.
fn quantile(quantile: f64, mut values: Vec<f64>) -> f64 {
    if let Some(value) = beyond_quantiles(quantile) {
        return value;
    }
    values.sort_by(f64::total_cmp);
    let rank = quantile * (values.len().saturating_sub(1)) as f64;
    let value = |rank: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place, and not negative"
        )]
        values.get(rank as usize).or(values.last()).copied().unwrap_or(f64::NAN)
    };
    let share = rank - rank.floor();
    value(rank.floor()) * (1.0 - share) + value(rank.floor() + 1.0) * share
}
