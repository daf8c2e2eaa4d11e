//! The deploy window: when a release may go out (sop.md, "Timing": outside the peak
//! hours, never on a Friday, with the team there for an hour after it), and the dates on
//! which none may.
//!
//! Everything is said in the team's local time and worked out as instants, so that a
//! clock that is put forward or back moves no window. The instant comes in; no clock is
//! read here.

use std::fmt;
use std::ops::Range;

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Span, Timestamp};

#[cfg(test)]
mod tests;

/// How far ahead an opening is looked for: a freeze beyond that is no freeze but an end.
const LOOK_AHEAD_DAYS: i64 = 400;
/// Times less than this far away go without their date.
const NEAR: SignedDuration = SignedDuration::from_hours(12);
/// Windows that meet are one; beyond so many days in one piece it does not matter when
/// it ends.
const LONGEST_OPEN: SignedDuration = SignedDuration::from_hours(14 * 24);

/// When releases may go out.
#[derive(Clone, Debug, PartialEq)]
pub struct DeployWindow {
    /// The team's zone: all dates and times of day are in it.
    pub zone: TimeZone,
    /// What the zone is called on the screen.
    pub label: String,
    /// `None`: at any time outside the freezes.
    pub hours: Option<Hours>,
    pub freezes: Vec<Freeze>,
}

/// The hours of some days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hours {
    /// The days on which it opens. A window that crosses midnight belongs to the day
    /// before it.
    pub days: Days,
    pub from: Time,
    /// Not after `from`: on the next day.
    pub to: Time,
    /// Until when the team is there; not after `from`: until then on the next day.
    pub team_until: Option<Time>,
}

/// A set of days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Days(u8);

/// Dates on which nothing is released.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Freeze {
    /// Why: `year's end`.
    pub name: String,
    pub first: Date,
    /// The last frozen date.
    pub last: Date,
}

/// Whether a release may go out at an instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WindowState<'w> {
    /// `until`: the instant at which it closes; `None`: not for a long time.
    Open { until: Option<Timestamp> },
    /// `freeze`: the one that closes it now; `opens`: the next opening, `None` when there
    /// is none for more than a year.
    Closed { freeze: Option<&'w Freeze>, opens: Option<Timestamp> },
}

impl Days {
    /// Monday to Sunday.
    pub const ALL: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    /// The set with one more day.
    #[must_use]
    pub const fn with(self, day: Weekday) -> Self {
        Self(self.0 | 1 << day.to_monday_zero_offset())
    }

    /// From one day on to another, over Sunday where the second is the earlier one.
    #[must_use]
    pub fn range(first: Weekday, last: Weekday) -> Self {
        let further = usize::try_from(first.until(last)).unwrap_or(0);
        first.cycle_forward().take(1 + further).collect()
    }

    /// Whether a day is among them.
    #[must_use]
    pub const fn contains(self, day: Weekday) -> bool {
        self.0 >> day.to_monday_zero_offset() & 1 == 1
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The days of both sets.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Weekday> for Days {
    fn from_iter<I: IntoIterator<Item = Weekday>>(days: I) -> Self {
        days.into_iter().fold(Self::default(), Self::with)
    }
}

/// `Tue, Wed, Thu`.
impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> =
            Self::ALL.into_iter().filter(|day| self.contains(*day)).map(short_name).collect();
        f.write_str(&names.join(", "))
    }
}

/// `Mon`.
#[must_use]
pub const fn short_name(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Mon",
        Weekday::Tuesday => "Tue",
        Weekday::Wednesday => "Wed",
        Weekday::Thursday => "Thu",
        Weekday::Friday => "Fri",
        Weekday::Saturday => "Sat",
        Weekday::Sunday => "Sun",
    }
}

impl Freeze {
    /// Whether a date is frozen.
    #[must_use]
    pub fn contains(&self, date: Date) -> bool {
        (self.first..=self.last).contains(&date)
    }

    /// Where an end of it cannot be told, it has none: a freeze never lets more through.
    fn instants(&self, zone: &TimeZone) -> Range<Timestamp> {
        let begin = |date| instant(zone, date, Time::midnight());
        let end = self.last.tomorrow().ok().and_then(begin);
        begin(self.first).unwrap_or(Timestamp::MIN)..end.unwrap_or(Timestamp::MAX)
    }
}

impl DeployWindow {
    /// Whether a release may go out now.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> WindowState<'_> {
        let mut openings = self.openings(now).peekable();
        match openings.peek().cloned() {
            Some(open) if open.contains(&now) => {
                WindowState::Open { until: end_of(open, openings.skip(1), now) }
            }
            next => {
                let today = self.zone.to_datetime(now).date();
                WindowState::Closed {
                    freeze: self.freezes.iter().find(|freeze| freeze.contains(today)),
                    opens: next.map(|next| next.start),
                }
            }
        }
    }

    /// The times at which it is open, from the one that holds `from` or comes next after
    /// it, in their order; none of them empty.
    pub fn openings(&self, from: Timestamp) -> impl Iterator<Item = Range<Timestamp>> + use<'_> {
        // A window of a whole day may have begun the day before; dates that a zone left
        // out are why it is one more.
        let first = self.zone.to_datetime(from).date().saturating_sub(Span::new().days(2));
        let dates = first.series(Span::new().days(1));
        let days = usize::try_from(LOOK_AHEAD_DAYS).unwrap_or(usize::MAX);
        dates
            .take(days)
            .filter_map(|date| self.opening(date))
            .flat_map(|open| self.thawed(open))
            .filter(move |open| open.end > from)
    }

    /// When it opens on a date, freezes aside.
    fn opening(&self, date: Date) -> Option<Range<Timestamp>> {
        let (from, to) = match self.hours {
            Some(hours) if hours.days.contains(date.weekday()) => (hours.from, hours.to),
            Some(_) => return None,
            None => (Time::midnight(), Time::midnight()),
        };
        let open = instant(&self.zone, date, from)?..self.after(date, from, to)?;
        (!open.is_empty()).then_some(open)
    }

    /// A time of day at or after another one, on the next day where need be.
    fn after(&self, date: Date, from: Time, to: Time) -> Option<Timestamp> {
        let date = if to > from { date } else { date.tomorrow().ok()? };
        instant(&self.zone, date, to)
    }

    /// What the freezes leave of an opening.
    fn thawed(&self, open: Range<Timestamp>) -> Vec<Range<Timestamp>> {
        self.freezes.iter().map(|freeze| freeze.instants(&self.zone)).fold(vec![open], |open, frozen| {
            let parts = open.into_iter().flat_map(|open| {
                [open.start..open.end.min(frozen.start), open.start.max(frozen.end)..open.end]
            });
            parts.filter(|part| !part.is_empty()).collect()
        })
    }

    /// Until when the team is there after what goes out now; `None` when it is not open or
    /// nobody said until when.
    #[must_use]
    pub fn team_until(&self, now: Timestamp) -> Option<Timestamp> {
        let hours = self.hours?;
        let until = hours.team_until?;
        let today = self.zone.to_datetime(now).date();
        let days = [Some(today), today.yesterday().ok()];
        let date = days.into_iter().flatten().find(|date| {
            self.opening(*date).is_some_and(|open| self.thawed(open).iter().any(|open| open.contains(&now)))
        })?;
        self.after(date, hours.from, until)
    }

    /// Whether it is open, until when or from when on, and why it is not:
    /// `open until 23:00 Malabo (22:00 UTC)`, `opens Tue 1 Dec 22:00 Malabo (21:00 UTC)`,
    /// `freeze: year's end through 3 Jan; opens Tue 5 Jan 2027 22:00 Malabo (21:00 UTC)`.
    #[must_use]
    pub fn words(&self, now: Timestamp) -> String {
        match self.state(now) {
            WindowState::Open { until: None } => "open".to_owned(),
            WindowState::Open { until: Some(until) } => format!("open until {}", self.both(until, now)),
            WindowState::Closed { freeze, opens } => {
                let opens = match opens {
                    Some(opens) => format!("opens {}", self.both(opens, now)),
                    None => "no opening within a year".to_owned(),
                };
                match freeze {
                    Some(freeze) => {
                        let last = dated(freeze.last, self.zone.to_datetime(now).date());
                        format!("freeze: {} through {last}; {opens}", freeze.name)
                    }
                    None => opens,
                }
            }
        }
    }

    /// The same for a header: `window open until 23:00`, `outside window`.
    #[must_use]
    pub fn short(&self, now: Timestamp) -> String {
        match self.state(now) {
            WindowState::Open { until: None } => "window open".to_owned(),
            WindowState::Open { until: Some(until) } => {
                let local = self.zone.to_datetime(until);
                let day = if is_near(until, now) { String::new() } else { weekday(local.date()) };
                format!("window open until {day}{}", local.strftime("%H:%M"))
            }
            WindowState::Closed { freeze: Some(freeze), .. } => format!("freeze: {}", freeze.name),
            WindowState::Closed { freeze: None, .. } => "outside window".to_owned(),
        }
    }

    /// An instant in the team's zone and in UTC, with the date where it is not tonight.
    #[must_use]
    pub fn both(&self, at: Timestamp, now: Timestamp) -> String {
        let (local, today) = (self.zone.to_datetime(at), self.zone.to_datetime(now).date());
        let utc = TimeZone::UTC.to_datetime(at);
        let date = if is_near(at, now) {
            String::new()
        } else {
            format!("{}{} ", weekday(local.date()), dated(local.date(), today))
        };
        let day = if utc.date() == local.date() { String::new() } else { weekday(utc.date()) };
        format!("{date}{} {} ({day}{} UTC)", local.strftime("%H:%M"), self.label, utc.strftime("%H:%M"))
    }
}

/// Whether a time goes without its date: it can only be the coming one.
fn is_near(at: Timestamp, now: Timestamp) -> bool {
    at.duration_since(now).abs() < NEAR
}

fn weekday(date: Date) -> String {
    format!("{} ", short_name(date.weekday()))
}

/// `1 Dec`, in another year `5 Jan 2027`.
fn dated(date: Date, today: Date) -> String {
    let pattern = if date.year() == today.year() { "%-d %b" } else { "%-d %b %Y" };
    date.strftime(pattern).to_string()
}

/// When an opening ends, with those that follow it without a gap.
fn end_of(
    open: Range<Timestamp>,
    following: impl Iterator<Item = Range<Timestamp>>,
    now: Timestamp,
) -> Option<Timestamp> {
    let mut end = open.end;
    for next in following {
        if next.start > end {
            break;
        }
        end = end.max(next.end);
        if end.duration_since(now) > LONGEST_OPEN {
            return None;
        }
    }
    Some(end)
}

/// When a local time comes: a time that the clocks skip is the instant of the change, of
/// a time that comes twice it is the first. So windows keep their order, and one that
/// lies in a gap is empty. `None` beyond what can be told.
fn instant(zone: &TimeZone, date: Date, time: Time) -> Option<Timestamp> {
    let local = date.to_datetime(time);
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(local).ok(),
        AmbiguousOffset::Fold { before, .. } => before.to_timestamp(local).ok(),
        AmbiguousOffset::Gap { after, .. } => {
            let before_it = after.to_timestamp(local).ok()?;
            zone.following(before_it).next().map(|change| change.timestamp())
        }
    }
}
