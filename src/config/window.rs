//! `[policy.window]` and `[policy.freeze]`: when releases may go out.

use jiff::civil::{Date, Time, Weekday};

use super::nearest::nearest;
use super::reader::Table;
use super::source::printable;
use super::types::TeamZone;
use super::values::{self, Form, Reason};
use crate::sop::window::{Days, DeployWindow, Freeze, Hours, short_name};

/// Most freezes: a year has no more holidays.
const MOST_FREEZES: usize = 100;

pub(super) const DAYS: Form<Days> =
    Form { expected: "days of the week such as \"tue-thu\" or \"mon, wed\"", parse: days };
const TIME: Form<Time> = Form { expected: "a time of day such as \"22:00\"", parse: time };
const DATES: Form<(Date, Date)> =
    Form { expected: "a date such as \"2026-12-25\", or two: \"2026-12-24..2027-01-03\"", parse: dates };

/// Reads both tables of `[policy]`; `None` where neither says anything.
pub(super) fn read(policy: &Table<'_>, team: &TeamZone) -> Option<DeployWindow> {
    let (hours, zone) =
        policy.within("window", |table| (hours(table), table.text("time_zone", &values::ZONE)));
    let freezes = freezes(policy);
    let TeamZone { zone, label } = zone.unwrap_or_else(|| team.clone());
    (hours.is_some() || !freezes.is_empty()).then_some(DeployWindow { zone, label, hours, freezes })
}

/// The hours; `None` where none are named.
fn hours(table: &Table<'_>) -> Option<Hours> {
    let named = ["days", "from", "to", "team_until"].into_iter().filter(|key| table.find(key).is_some());
    if named.count() == 0 {
        return None;
    }
    // The procedure's own days (sop.md, "Anti-patterns").
    let days = table.text("days", &DAYS).unwrap_or_else(|| Days::range(Weekday::Tuesday, Weekday::Thursday));
    let (from, to) = (table.required("from", &TIME), table.required("to", &TIME));
    let team_until = table.text("team_until", &TIME);
    Some(Hours { days, from: from?, to: to?, team_until })
}

fn freezes(policy: &Table<'_>) -> Vec<Freeze> {
    let mut freezes: Vec<Freeze> = Vec::new();
    for (name, found) in policy.entries("freeze") {
        let name = policy.parse_key(&found, name, &values::TEXT);
        let dates = policy.parse(&found, &DATES);
        freezes.extend(name.zip(dates).map(|(name, (first, last))| Freeze { name, first, last }));
    }
    if freezes.len() > MOST_FREEZES {
        policy.blame("freeze", format!("expected at most {MOST_FREEZES}"), None);
    }
    freezes
}

fn days(text: &str) -> Result<Days, Reason> {
    let mut all = Days::default();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        all = all.and(Days::range(day(first)?, day(last)?));
    }
    Ok(all)
}

fn day(name: &str) -> Result<Weekday, Reason> {
    let name = name.trim();
    let found = Days::ALL.into_iter().find(|day| short_name(*day).eq_ignore_ascii_case(name));
    found.ok_or_else(|| {
        let near = nearest(name, ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]);
        Reason {
            help: near.map(|near| format!("did you mean `{near}`?")),
            ..Reason::from(format!("`{}` is none of mon, tue, wed, thu, fri, sat, sun", printable(name)))
        }
    })
}

fn time(text: &str) -> Result<Time, Reason> {
    let (hours, minutes) = text.split_once(':').ok_or("there is no `:` between hours and minutes")?;
    let number = |digits: &str| match digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        true => digits.parse::<i8>().ok(),
        false => None,
    };
    let time =
        number(hours).zip(number(minutes)).and_then(|(hours, minutes)| Time::new(hours, minutes, 0, 0).ok());
    time.ok_or_else(|| "no clock shows it; midnight is \"00:00\"".into())
}

fn dates(text: &str) -> Result<(Date, Date), Reason> {
    let date = |text: &str| {
        let text = text.trim();
        text.parse::<Date>().ok().filter(|date| date.to_string() == text)
    };
    let (first, last) = text.split_once("..").unwrap_or((text, text));
    match (date(first), date(last)) {
        (Some(first), Some(last)) if first > last => Err("its end lies before its beginning".into()),
        (Some(first), Some(last)) => Ok((first, last)),
        _ => Err("there is no such date".into()),
    }
}
