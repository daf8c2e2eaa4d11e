//! The keys of items that the release's repository tells about.

use std::time::Duration;

use regex::{Regex, RegexBuilder};

use super::values::Reason;
use super::verifier::compare;
use super::{Form, SECOND, Table, values};
use crate::sop::checklist::Pattern;
use crate::sop::checklist::evidence::Found;
use crate::sop::checklist::repository::{Changed, Checks, Coverage, Reviews, Rule, Wanted};

/// The kinds of them.
pub(super) const KINDS: [&str; 7] =
    ["checks", "reviews", "changed", "issues", "release-notes", "deployed", "merged-back"];

const PATTERN: Form<Pattern> =
    Form { expected: "a regular expression", parse: |text| pattern(text).map(Pattern) };
const OTHERWISE: Form<Found> = Form {
    expected: "one of fail, unknown",
    parse: |name| values::one_of(name, &[("fail", Found::Fail), ("unknown", Found::Unknown)]),
};
const OPEN: Form<bool> = Form {
    expected: "one of none, some",
    parse: |name| values::one_of(name, &[("none", false), ("some", true)]),
};
/// Longest time that staging may be asked to have been as it is.
const LONGEST_STABLE: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long it is asked to where nothing is said (sop.md: more than 24 h).
const STABLE: Duration = Duration::from_secs(24 * 3600);

/// Names are the same in upper and lower case.
fn pattern(text: &str) -> Result<Regex, Reason> {
    // What is wrong with it is said as of every regular expression.
    (values::REGEX.parse)(text)?;
    RegexBuilder::new(text)
        .case_insensitive(true)
        .size_limit(1 << 20)
        .build()
        .map_err(|_| Reason::from("it is too large"))
}

/// What is judged by what the room reads anyway; `None` for the other kinds.
pub(super) fn rule(kind: &str, table: &Table<'_>) -> Option<Option<Rule>> {
    Some(match kind {
        "checks" => checks(table).map(Rule::Checks),
        "reviews" => {
            let approvals = table.find("approvals").is_some();
            let number = table.number("approvals", 1_u32, 1..=20) as usize;
            Some(Rule::Reviews(Reviews { approvals: approvals.then_some(number) }))
        }
        "changed" => patterns(table, "files").map(|files| {
            let otherwise = table.text("otherwise", &OTHERWISE).unwrap_or(Found::Fail);
            Rule::Changed(Changed { files, otherwise })
        }),
        _ => return None,
    })
}

/// What has to be asked for.
pub(super) fn wanted(kind: &str, table: &Table<'_>) -> Option<Wanted> {
    Some(match kind {
        "issues" => {
            let open = table.text("open", &OPEN).unwrap_or_default();
            Wanted::Issues { labels: some(table, "labels", &values::TEXT)?, open }
        }
        "release-notes" => Wanted::Notes {
            version: table.text("version", &values::TEXT).unwrap_or_else(|| "{{version}}".to_owned()),
        },
        "deployed" => Wanted::Deployed {
            stable: table.duration("stable", STABLE, SECOND..=LONGEST_STABLE),
            environment: table.required("environment", &values::TEXT)?,
        },
        _ => Wanted::MergedBack { into: table.required("into", &values::BRANCH)? },
    })
}

fn checks(table: &Table<'_>) -> Option<Checks> {
    let names = patterns(table, "names");
    let coverage = table.text("coverage", &PATTERN);
    let coverage = match coverage {
        None => None,
        Some(check) => Some(Coverage { check, compare: compare(table)? }),
    };
    Some(Checks { names: names?, coverage })
}

fn patterns(table: &Table<'_>, key: &'static str) -> Option<Vec<Pattern>> {
    some(table, key, &PATTERN)
}

/// The strings of an array that may not be empty: nothing would be asked for then.
fn some<T>(table: &Table<'_>, key: &'static str, form: &Form<T>) -> Option<Vec<T>> {
    let found = table.strings(key, form);
    match found {
        Some(all) if !all.is_empty() => Some(all),
        given => {
            if given.is_some() || table.find(key).is_none() {
                let what = format!("expected at least one string, each {}", form.expected);
                table.blame(key, what, None);
            }
            None
        }
    }
}
