//! How an item is verified: `kind` and the keys that belong to it.

use std::time::Duration;

use toml::de::DeValue;

use super::{Form, SECOND, Table, each_word, on_github, values};
use crate::sop::checklist::database::DatabaseRule;
use crate::sop::checklist::{Ask, Clock, Command, Compare, Expect, Http, Query, Question, Verifier};

const KIND: Form<&'static str> = Form {
    expected: "one of manual, clock, on-call, configuration, http, command, query, database, checks, reviews, \
               changed, issues, release-notes, deployed, merged-back",
    parse: |name| {
        let kinds = ["manual", "clock", "on-call", "configuration", "http", "command", "query", "database"];
        let kinds: Vec<_> = kinds.into_iter().chain(on_github::KINDS).map(|kind| (kind, kind)).collect();
        values::one_of(name, &kinds)
    },
};
const RULE: Form<&'static str> = Form {
    expected: "one of window, not-on, no-freeze, team-time",
    parse: |name| {
        values::one_of(name, &["window", "not-on", "no-freeze", "team-time"].map(|rule| (rule, rule)))
    },
};
const DATABASE_RULE: Form<DatabaseRule> = Form {
    expected: "rules among single-head, pending, downgrade, not-destructive, at-head, staging-at-head, \
               no-locks, connections",
    parse: |name| values::one_of(name, &DatabaseRule::ALL.map(|rule| (rule.word(), rule))),
};
/// Longest time that a verifier may take.
const LONGEST: Duration = Duration::from_secs(30 * 60);
/// The time limit where none is said.
const LIMIT: Duration = Duration::from_secs(30);

/// Reads the verifier: the table's, without `kind` the one that was there before.
pub(super) fn read(table: &Table<'_>, before: Option<&Verifier>) -> Option<Verifier> {
    let kind = match before {
        Some(before) if table.find("kind").is_none() => return Some(before.clone()),
        _ => table.required("kind", &KIND)?,
    };
    Some(match kind {
        "manual" => Verifier::Manual,
        "clock" => Verifier::Clock(clock(table)?),
        "on-call" => Verifier::OnCall,
        "configuration" => Verifier::Configuration,
        asked => {
            if let Some(rule) = on_github::rule(asked, table) {
                return rule.map(Verifier::Repository);
            }
            let limit = table.duration("timeout", LIMIT, SECOND / 10..=LONGEST);
            let ask = match asked {
                "http" => http(table).map(Ask::Http),
                "command" => command(table).map(Ask::Command),
                "database" => rules(table).map(Ask::Database),
                "query" => query(table).map(Ask::Query),
                kind => on_github::wanted(kind, table).map(Ask::GitHub),
            };
            Verifier::Asked(Question { ask: ask?, limit })
        }
    })
}

fn clock(table: &Table<'_>) -> Option<Clock> {
    Some(match table.required("rule", &RULE)? {
        "window" => Clock::Window,
        "no-freeze" => Clock::NoFreeze,
        "team-time" => Clock::TeamTime,
        _ => Clock::NotOn(table.required("days", &super::super::window::DAYS)?),
    })
}

fn http(table: &Table<'_>) -> Option<Http> {
    let url = table.required("url", &values::LINK);
    let status = table.number("status", 200, 100..=599);
    let field = table.text("field", &values::JSON_POINTER);
    let expect = expect(table);
    Some(Http { url: url?, status, field, expect: expect? })
}

fn command(table: &Table<'_>) -> Option<Command> {
    let argv = argv(table);
    let expect = expect(table);
    Some(Command { argv: argv?, expect: expect? })
}

/// A program and its arguments; there is no shell to split a string.
fn argv(table: &Table<'_>) -> Option<Vec<String>> {
    let what = "expected a program and its arguments as an array of strings; no shell reads them";
    let help = || Some("for example [\"./check-backup\", \"--max-age\", \"24h\"]".to_owned());
    let Some(found) = table.find("command") else {
        table.blame("command", format!("missing: {what}"), help());
        return None;
    };
    let argv: Option<Vec<String>> = match found.value {
        DeValue::Array(array) => {
            array.iter().map(|element| element.get_ref().as_str().map(str::to_owned)).collect()
        }
        _ => None,
    };
    let argv = argv.filter(|argv| {
        argv.first().is_some_and(|program| !program.is_empty())
            && argv.iter().all(|word| !word.contains('\0'))
    });
    if argv.is_none() {
        table.note(found.mistake(what, help()));
    }
    argv
}

/// What the answer must be: without it an answer proves nothing.
fn expect(table: &Table<'_>) -> Option<Expect> {
    match table.one_of(&["equals", "matches"]) {
        Some("matches") => table.text("matches", &values::REGEX).map(Expect::Match),
        Some(key) => table.text(key, &values::TEXT).map(Expect::Equal),
        None => {
            if table.find("equals").is_none() {
                let what = "missing: expected what the answer must be; without it nothing is a pass";
                let help = "write `equals = \"…\"` or `matches = \"…\"` in this table".to_owned();
                table.blame("equals", what, Some(help));
            }
            None
        }
    }
}

fn rules(table: &Table<'_>) -> Option<Vec<DatabaseRule>> {
    let rules = each_word(table, "rules", &DATABASE_RULE);
    if rules.as_ref().is_none_or(Vec::is_empty) && !table.is_partial() {
        let help = "for example rules = [\"single-head\", \"downgrade\"]".to_owned();
        let what = format!("expected at least one: {}", DATABASE_RULE.expected);
        table.blame("rules", what, Some(help));
    }
    rules.filter(|rules| !rules.is_empty())
}

fn query(table: &Table<'_>) -> Option<Query> {
    let query = table.required("query", &values::QUERY);
    let compare = compare(table);
    Some(Query { query: query?, compare: compare? })
}

pub(super) fn compare(table: &Table<'_>) -> Option<Compare> {
    let key = table.one_of(&["below", "at_most", "above", "at_least"]);
    let Some(key) = key else {
        if table.find("below").is_none() {
            let what = "missing: expected what the value must be";
            let help = "write `below = …`, `at_most`, `above` or `at_least` in this table".to_owned();
            table.blame("below", what, Some(help));
        }
        return None;
    };
    let found = table.find(key)?;
    let bound = match found.value {
        DeValue::Integer(digits) => digits.as_str().replace('_', "").parse().ok(),
        DeValue::Float(digits) => digits.as_str().replace('_', "").parse().ok(),
        // Seconds are what Prometheus counts time in.
        DeValue::String(_) => table.parse(&found, &values::DURATION).map(|time| time.as_secs_f64()),
        _ => None,
    };
    let Some(bound) = bound.filter(|bound: &f64| bound.is_finite()) else {
        if !matches!(found.value, DeValue::String(_)) {
            table.note(found.mistake("expected a number, or a duration such as \"24h\", in seconds", None));
        }
        return None;
    };
    Some(match key {
        "below" => Compare::Below(bound),
        "at_most" => Compare::AtMost(bound),
        "above" => Compare::Above(bound),
        _ => Compare::AtLeast(bound),
    })
}
