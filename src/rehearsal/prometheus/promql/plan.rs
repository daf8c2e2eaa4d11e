//! A query made ready: what it does, and the series that it needs, for all times at once.

use std::time::{SystemTime, UNIX_EPOCH};

use promql_parser::label::MatchOp;
use promql_parser::parser::token::{self, TokenId};
use promql_parser::parser::{AtModifier, Call, Expr, LabelModifier, Offset, VectorSelector};
use regex::Regex;

use super::binary::Binary;
use super::instant::{self, Map};
use super::window::{self, OverTime};
use super::{QueryError, Times, aggregate};
use crate::rehearsal::prometheus::series::{Labels, NAME, Series};
use crate::rehearsal::prometheus::store::{Selector, Source};

/// How far back a value is looked for, in milliseconds.
pub(super) const LOOK_BACK: i64 = 5 * 60_000;
/// Longest window, in milliseconds: more is not kept.
const LONGEST_WINDOW: i64 = 10 * 24 * 3_600_000;

/// How deep expressions may stand within each other.
const DEEPEST: usize = 100;

/// A query made ready.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) root: Node,
}

/// Series that a query looks at.
#[derive(Debug)]
pub(super) struct Selection {
    pub(super) series: Vec<Series>,
    /// Milliseconds by which it looks back; may be negative.
    offset: i64,
    /// The fixed time that it looks at.
    fixed: Option<i64>,
    /// How long its window is; `None`: it looks at one time.
    pub(super) window: Option<i64>,
    /// What it asks labels to be, exactly.
    pub(super) equal: Labels,
}

impl Selection {
    /// The time that is looked at when the query is asked for `at`.
    pub(super) fn time(&self, at: i64) -> i64 {
        self.fixed.unwrap_or(at) - self.offset
    }
}

/// One step of a query.
#[derive(Debug)]
pub(super) enum Node {
    Number(f64),
    Text(String),
    Select(Selection),
    /// A function of one value and of numbers.
    Map(Map, Box<Node>, Vec<Node>),
    /// A function of the values within a window.
    OverTime(OverTime, Selection),
    Negative(Box<Node>),
    Binary(Box<Binary>),
    Aggregate(Box<aggregate::Aggregate>),
    Quantile(Box<Node>, Box<Node>),
    Scalar(Box<Node>),
    Vector(Box<Node>),
    Time,
    Timestamp(Box<Node>),
    /// What stands for an absence has the labels that were asked for.
    Absent(Box<Node>, Labels),
    Sorted(Box<Node>, bool),
    Relabel(Box<Node>, Box<Relabel>),
}

/// `label_replace`.
#[derive(Debug)]
pub(super) struct Relabel {
    pub(super) to: String,
    pub(super) replacement: String,
    pub(super) from: String,
    pub(super) pattern: Regex,
}

impl Plan {
    pub(super) fn new(source: &impl Source, expr: &Expr, times: Times) -> Result<Self, QueryError> {
        Ok(Self { root: Planner { source, times }.node(expr, DEEPEST)? })
    }
}

/// The selector that an expression is.
pub(super) fn selector(expr: &Expr) -> Result<Selector, QueryError> {
    match expr {
        Expr::VectorSelector(selector) => Ok(meant(selector)),
        Expr::Paren(paren) => self::selector(&paren.expr),
        _ => Err(QueryError::BadData("expected a selector of series".into())),
    }
}

fn meant(selector: &VectorSelector) -> Selector {
    Selector { name: selector.name.clone(), matchers: selector.matchers.clone() }
}

pub(super) fn unsupported(what: &str) -> QueryError {
    QueryError::BadData(format!("{what} is not supported in a rehearsal"))
}

struct Planner<'s, S> {
    source: &'s S,
    times: Times,
}

impl<S: Source> Planner<'_, S> {
    fn node(&self, expr: &Expr, depth: usize) -> Result<Node, QueryError> {
        let Some(depth) = depth.checked_sub(1) else { return Err(unsupported("so deep an expression")) };
        Ok(match expr {
            Expr::Paren(paren) => self.node(&paren.expr, depth)?,
            Expr::NumberLiteral(number) => Node::Number(number.val),
            Expr::StringLiteral(text) => Node::Text(text.val.clone()),
            Expr::VectorSelector(selector) => Node::Select(self.selection(selector, None)?),
            Expr::MatrixSelector(matrix) => {
                Node::Select(self.selection(&matrix.vs, Some(millis(matrix.range)?))?)
            }
            Expr::Unary(unary) => Node::Negative(Box::new(self.node(&unary.expr, depth)?)),
            Expr::Binary(binary) => {
                let (left, right) = (self.node(&binary.lhs, depth)?, self.node(&binary.rhs, depth)?);
                Node::Binary(Box::new(Binary::new(binary.op.id(), left, right, binary.modifier.as_ref())?))
            }
            Expr::Aggregate(aggregate) => {
                let parameter =
                    aggregate.param.as_ref().map(|parameter| self.node(parameter, depth)).transpose()?;
                let of = self.node(&aggregate.expr, depth)?;
                Node::Aggregate(Box::new(aggregate::Aggregate::new(
                    aggregate.op.id(),
                    of,
                    parameter,
                    grouping(aggregate.modifier.as_ref()),
                )?))
            }
            Expr::Call(call) => self.call(call, depth)?,
            Expr::Subquery(_) => return Err(unsupported("a subquery")),
            Expr::Extension(_) => return Err(unsupported("an extension")),
        })
    }

    fn selection(&self, selector: &VectorSelector, window: Option<i64>) -> Result<Selection, QueryError> {
        let offset = match &selector.offset {
            None => 0,
            Some(Offset::Pos(offset)) => millis(*offset)?,
            Some(Offset::Neg(offset)) => -millis(*offset)?,
        };
        let fixed = match &selector.at {
            None => None,
            Some(AtModifier::Start) => Some(self.times.start),
            Some(AtModifier::End) => Some(self.times.end),
            Some(AtModifier::At(time)) => Some(since_1970(*time)?),
        };
        let meant = meant(selector);
        let first = fixed.unwrap_or(self.times.start) - offset;
        let last = fixed.unwrap_or(self.times.end) - offset;
        let series = self.source.select(&meant, first - window.unwrap_or(LOOK_BACK), last);
        let equal = meant.matchers.matchers.iter().filter(|matcher| matcher.name != NAME);
        let equal = equal
            .filter(|matcher| matches!(matcher.op, MatchOp::Equal))
            .map(|matcher| (matcher.name.as_str(), matcher.value.as_str()))
            .collect();
        Ok(Selection { series, offset, fixed, window, equal })
    }

    fn call(&self, call: &Call, depth: usize) -> Result<Node, QueryError> {
        let name = call.func.name;
        let mut arguments = call.args.args.iter().map(|argument| self.node(argument, depth));
        let mut next = || {
            arguments.next().unwrap_or_else(|| {
                Err(QueryError::BadData(format!("parse error: not enough arguments for {name}")))
            })
        };
        if let Some(function) = window::function(name) {
            return match next()? {
                Node::Select(selection) if selection.window.is_some() => {
                    Ok(Node::OverTime(function, selection))
                }
                _ => Err(QueryError::BadData(format!("parse error: {name} needs a range vector"))),
            };
        }
        if let Some(function) = instant::function(name) {
            let of = next()?;
            let numbers = arguments.collect::<Result<Vec<_>, _>>()?;
            return Ok(Node::Map(function, Box::new(of), numbers));
        }
        Ok(match name {
            "histogram_quantile" => {
                let quantile = Box::new(next()?);
                Node::Quantile(quantile, Box::new(next()?))
            }
            "scalar" => Node::Scalar(Box::new(next()?)),
            "vector" => Node::Vector(Box::new(next()?)),
            "time" => Node::Time,
            "timestamp" => Node::Timestamp(Box::new(next()?)),
            "absent" | "absent_over_time" => {
                let of = next()?;
                let labels = if let Node::Select(selection) = &of {
                    selection.equal.clone()
                } else {
                    Labels::default()
                };
                Node::Absent(Box::new(of), labels)
            }
            "sort" => Node::Sorted(Box::new(next()?), false),
            "sort_desc" => Node::Sorted(Box::new(next()?), true),
            "label_replace" => {
                let of = next()?;
                let mut text = || match next()? {
                    Node::Text(text) => Ok(text),
                    _ => Err(QueryError::BadData("parse error: label_replace needs strings".into())),
                };
                let (to, replacement, from, pattern) = (text()?, text()?, text()?, text()?);
                let pattern = Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
                    QueryError::Execution(format!("invalid regular expression in label_replace(): {pattern}"))
                })?;
                Node::Relabel(Box::new(of), Box::new(Relabel { to, replacement, from, pattern }))
            }
            other => return Err(unsupported(&format!("the function {other}"))),
        })
    }
}

/// Which labels of elements are compared or kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Grouping {
    By(Vec<String>),
    Without(Vec<String>),
}

impl Grouping {
    /// The labels that elements of one group share.
    pub(super) fn of(&self, labels: &Labels) -> Labels {
        match self {
            Self::By(names) => labels.only(names),
            Self::Without(names) => labels.without(names).unnamed(),
        }
    }
}

pub(super) fn grouping(modifier: Option<&LabelModifier>) -> Grouping {
    match modifier {
        None => Grouping::By(Vec::new()),
        Some(LabelModifier::Include(labels)) => Grouping::By(labels.labels.clone()),
        Some(LabelModifier::Exclude(labels)) => Grouping::Without(labels.labels.clone()),
    }
}

/// What a token is called in a query.
pub(super) fn shown(id: TokenId) -> String {
    token::TokenType::new(id).to_string()
}

fn millis(time: std::time::Duration) -> Result<i64, QueryError> {
    i64::try_from(time.as_millis())
        .ok()
        .filter(|millis| *millis <= LONGEST_WINDOW)
        .ok_or_else(|| unsupported("a time of more than ten days"))
}

fn since_1970(time: SystemTime) -> Result<i64, QueryError> {
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| unsupported("a time before 1970"))?;
    i64::try_from(since.as_millis()).map_err(|_| unsupported("a time that far ahead"))
}
