//! Operators between two values: of numbers, of vectors, of both.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::parser::token::{
    T_ADD, T_ATAN2, T_DIV, T_EQLC, T_GTE, T_GTR, T_LAND, T_LOR, T_LSS, T_LTE, T_LUNLESS, T_MOD, T_MUL, T_NEQ,
    T_POW, T_SUB, TokenId,
};
use promql_parser::parser::{BinModifier, LabelModifier, VectorMatchCardinality};

use super::eval::evaluate;
use super::plan::{Grouping, Node, shown, unsupported};
use super::{Element, QueryError, Value, unique};
use crate::rehearsal::prometheus::series::Labels;

/// One operator with its two sides.
#[derive(Debug)]
pub(super) struct Binary {
    operator: Operator,
    left: Node,
    right: Node,
    /// Which labels make a pair.
    matching: Grouping,
    cardinality: Cardinality,
    /// A comparison says 0 or 1 rather than leaving elements out.
    as_number: bool,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    Arithmetic(fn(f64, f64) -> f64),
    Comparison(fn(f64, f64) -> bool),
    And,
    Or,
    Unless,
}

/// How many elements of each side may belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cardinality {
    OneToOne,
    /// `group_left`, with the labels that are taken from the right side.
    ManyToOne(Vec<String>),
    /// `group_right`, with the labels that are taken from the left side.
    OneToMany(Vec<String>),
}

impl Binary {
    pub(super) fn new(
        operator: TokenId,
        left: Node,
        right: Node,
        modifier: Option<&BinModifier>,
    ) -> Result<Self, QueryError> {
        let matching = match modifier.and_then(|modifier| modifier.matching.as_ref()) {
            None => Grouping::Without(Vec::new()),
            Some(LabelModifier::Include(labels)) => Grouping::By(labels.labels.clone()),
            Some(LabelModifier::Exclude(labels)) => Grouping::Without(labels.labels.clone()),
        };
        let cardinality = match modifier.map(|modifier| &modifier.card) {
            Some(VectorMatchCardinality::ManyToOne(labels)) => Cardinality::ManyToOne(labels.labels.clone()),
            Some(VectorMatchCardinality::OneToMany(labels)) => Cardinality::OneToMany(labels.labels.clone()),
            _ => Cardinality::OneToOne,
        };
        let filled = modifier
            .is_some_and(|modifier| modifier.fill_values.lhs.is_some() || modifier.fill_values.rhs.is_some());
        if filled {
            return Err(unsupported("a value to fill in"));
        }
        let as_number = modifier.is_some_and(|modifier| modifier.return_bool);
        Ok(Self { operator: self::operator(operator)?, left, right, matching, cardinality, as_number })
    }

    pub(super) fn evaluate(&self, at: i64) -> Result<Value, QueryError> {
        Ok(match (evaluate(&self.left, at)?, evaluate(&self.right, at)?) {
            (Value::Scalar(left), Value::Scalar(right)) => Value::Scalar(match self.operator {
                Operator::Arithmetic(of) => of(left, right),
                Operator::Comparison(holds) => f64::from(u8::from(holds(left, right))),
                _ => return Err(sets_only()),
            }),
            (Value::Vector(elements), Value::Scalar(number)) => {
                Value::Vector(self.each(elements, |value| (value, number))?)
            }
            (Value::Scalar(number), Value::Vector(elements)) => {
                Value::Vector(self.each(elements, |value| (number, value))?)
            }
            (Value::Vector(left), Value::Vector(right)) => Value::Vector(match self.operator {
                Operator::And => self.kept(left, &right, true),
                Operator::Unless => self.kept(left, &right, false),
                Operator::Or => self.either(left, right),
                _ => self.pairs(left, right)?,
            }),
            _ => {
                return Err(QueryError::BadData(
                    "parse error: operators need numbers or instant vectors".into(),
                ));
            }
        })
    }

    /// The value of two, and whether the name is dropped; `None`: it is left out.
    /// `kept` is what a comparison that holds leaves.
    fn value(&self, (left, right): (f64, f64), kept: f64) -> Option<f64> {
        match self.operator {
            Operator::Arithmetic(of) => Some(of(left, right)),
            Operator::Comparison(holds) if self.as_number => Some(f64::from(u8::from(holds(left, right)))),
            Operator::Comparison(holds) => holds(left, right).then_some(kept),
            _ => None,
        }
    }

    fn drops_name(&self) -> bool {
        self.as_number || matches!(self.operator, Operator::Arithmetic(_))
    }

    fn each(
        &self,
        elements: Vec<Element>,
        pair: impl Fn(f64) -> (f64, f64),
    ) -> Result<Vec<Element>, QueryError> {
        if !matches!(self.operator, Operator::Arithmetic(_) | Operator::Comparison(_)) {
            return Err(sets_only());
        }
        let all = elements.into_iter().filter_map(|Element { labels, value }| {
            let labels = if self.drops_name() { labels.unnamed() } else { labels };
            Some(Element { labels, value: self.value(pair(value), value)? })
        });
        unique(all.collect())
    }

    fn kept(&self, left: Vec<Element>, right: &[Element], wanted: bool) -> Vec<Element> {
        let there: BTreeSet<Labels> = right.iter().map(|element| self.matching.of(&element.labels)).collect();
        left.into_iter()
            .filter(|element| there.contains(&self.matching.of(&element.labels)) == wanted)
            .collect()
    }

    fn either(&self, mut left: Vec<Element>, right: Vec<Element>) -> Vec<Element> {
        let there: BTreeSet<Labels> = left.iter().map(|element| self.matching.of(&element.labels)).collect();
        left.extend(right.into_iter().filter(|element| !there.contains(&self.matching.of(&element.labels))));
        left
    }

    /// Elements of both sides whose labels match.
    fn pairs(&self, left: Vec<Element>, right: Vec<Element>) -> Result<Vec<Element>, QueryError> {
        let swapped = matches!(self.cardinality, Cardinality::OneToMany(_));
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let mut ones: BTreeMap<Labels, Element> = BTreeMap::new();
        for element in one {
            let key = self.matching.of(&element.labels);
            if let Some(other) = ones.insert(key.clone(), element) {
                let side = if swapped { "left" } else { "right" };
                return Err(QueryError::Execution(format!(
                    "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}];many-to-many matching not allowed: matching labels must be unique on one side",
                    spelled(&key),
                    spelled(&other.labels)
                )));
            }
        }
        let mut seen = BTreeSet::new();
        let mut elements = Vec::new();
        for element in many {
            let key = self.matching.of(&element.labels);
            let Some(other) = ones.get(&key) else { continue };
            let pair = if swapped { (other.value, element.value) } else { (element.value, other.value) };
            let Some(value) = self.value(pair, pair.0) else { continue };
            let labels = self.labels(&element.labels, &other.labels);
            let is_new = match self.cardinality {
                Cardinality::OneToOne => seen.insert(key),
                _ => seen.insert(labels.clone()),
            };
            if !is_new {
                let why = match self.cardinality {
                    Cardinality::OneToOne => "many-to-one matching must be explicit (group_left/group_right)",
                    _ => "grouping labels must ensure unique matches",
                };
                return Err(QueryError::Execution(format!("multiple matches for labels: {why}")));
            }
            elements.push(Element { labels, value });
        }
        Ok(elements)
    }

    /// The labels of what a pair comes to.
    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        let labels = if self.drops_name() { many.clone().unnamed() } else { many.clone() };
        match &self.cardinality {
            Cardinality::OneToOne => match &self.matching {
                Grouping::By(names) => labels.only(names),
                Grouping::Without(names) => labels.without(names),
            },
            Cardinality::ManyToOne(taken) | Cardinality::OneToMany(taken) => {
                taken.iter().fold(labels, |labels, name| labels.with(name, one.get(name)))
            }
        }
    }
}

fn operator(id: TokenId) -> Result<Operator, QueryError> {
    Ok(match id {
        T_ADD => Operator::Arithmetic(|a, b| a + b),
        T_SUB => Operator::Arithmetic(|a, b| a - b),
        T_MUL => Operator::Arithmetic(|a, b| a * b),
        T_DIV => Operator::Arithmetic(|a, b| a / b),
        T_MOD => Operator::Arithmetic(|a, b| a % b),
        T_POW => Operator::Arithmetic(f64::powf),
        T_ATAN2 => Operator::Arithmetic(f64::atan2),
        T_EQLC => Operator::Comparison(|a, b| a == b),
        T_NEQ => Operator::Comparison(|a, b| a != b),
        T_GTR => Operator::Comparison(|a, b| a > b),
        T_GTE => Operator::Comparison(|a, b| a >= b),
        T_LSS => Operator::Comparison(|a, b| a < b),
        T_LTE => Operator::Comparison(|a, b| a <= b),
        T_LAND => Operator::And,
        T_LOR => Operator::Or,
        T_LUNLESS => Operator::Unless,
        other => return Err(unsupported(&format!("the operator {}", shown(other)))),
    })
}

fn sets_only() -> QueryError {
    QueryError::BadData("parse error: set operators need instant vectors".into())
}

fn spelled(labels: &Labels) -> String {
    let all: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", all.join(", "))
}
