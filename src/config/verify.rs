//! `[verify]`: the HTTP checks that every pod of the idle colour must pass.

use std::time::Duration;

use toml::de::DeValue;

use super::reader::{Found, Table};
use super::types::{AnswerPart, Expect, HttpCheck, Must, Verify};
use super::values::{self, Form};

const LEAST: Duration = Duration::from_millis(1);
const MOST: Duration = Duration::from_secs(5 * 60);

/// Reads the table.
pub(super) fn read(table: &Table<'_>) -> Verify {
    Verify {
        timeout: table.duration("timeout", Duration::from_secs(5), LEAST..=MOST),
        checks: table.each("checks", check).unwrap_or_default().into_iter().flatten().collect(),
    }
}

fn check(table: &Table<'_>) -> Option<HttpCheck> {
    let path = table.required("path", &values::REQUEST_PATH);
    let status = table.number("status", 200, 100..=599);
    let max_latency = table.find("max_latency").map(|_| table.duration("max_latency", MOST, LEAST..=MOST));
    let only_version = table.text("only_version", &values::TEXT);
    let version = table.flag("version", false);
    let expect = expectations(table);
    Some(HttpCheck { path: path?, status, expect, max_latency, only_version, version })
}

fn expectations(table: &Table<'_>) -> Vec<Expect> {
    let headers = named_parts(table, "header", &values::HEADER, AnswerPart::Header);
    let values = named_parts(table, "json", &values::JSON_POINTER, AnswerPart::JsonPointer);
    let body = table
        .find("body")
        .and_then(|found| Some(Expect { part: AnswerPart::Body, must: must(table, &found)? }));
    headers.into_iter().chain(values).chain(body).collect()
}

/// `header` and `json`: tables from the part's name to what it must be.
fn named_parts(
    table: &Table<'_>,
    key: &'static str,
    form: &Form<String>,
    part: fn(String) -> AnswerPart,
) -> Vec<Expect> {
    let entries = table.entries(key).into_iter();
    let expectations = entries.map(|(name, found)| {
        let name = table.parse_key(&found, name, form);
        let must = must(table, &found);
        Some(Expect { part: part(name?), must: must? })
    });
    expectations.flatten().collect()
}

/// What a part must be: a value itself, or `{ matches = "REGEX" }`.
fn must(table: &Table<'_>, found: &Found<'_>) -> Option<Must> {
    match found.value {
        DeValue::String(text) => Some(Must::Equal(text.clone().into_owned())),
        DeValue::Boolean(flag) => Some(Must::Equal(flag.to_string())),
        DeValue::Integer(digits) => {
            let number = i64::from_str_radix(digits.as_str(), digits.radix()).ok();
            if number.is_none() {
                table.note(found.mistake("expected a whole number of at most 64 bits", None));
            }
            number.map(|number| Must::Equal(number.to_string()))
        }
        DeValue::Table(_) => {
            table.open(found, |table| table.required("matches", &values::REGEX)).flatten().map(Must::Match)
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Array(_) => {
            let what = "expected a string, a whole number, true or false, or { matches = \"REGEX\" }";
            table.note(found.mistake(what, None));
            None
        }
    }
}
