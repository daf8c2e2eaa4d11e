//! Windows over zones, clocks put forward and back, midnight, year's end and freezes.

use jiff::ToSpan as _;
use jiff::civil::{date, time};
use proptest::prelude::*;

use super::*;

fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

/// The procedure's window, Tuesday to Thursday 22:00 to 23:00, in a zone.
fn window(name: &str) -> DeployWindow {
    DeployWindow {
        zone: zone(name),
        label: name.rsplit('/').next().unwrap_or(name).to_owned(),
        hours: Some(Hours {
            days: Days::range(Weekday::Tuesday, Weekday::Thursday),
            from: time(22, 0, 0, 0),
            to: time(23, 0, 0, 0),
            team_until: Some(time(0, 30, 0, 0)),
        }),
        freezes: Vec::new(),
    }
}

fn hours(name: &str, days: &[Weekday], from: Time, to: Time) -> DeployWindow {
    let days = days.iter().copied().collect();
    DeployWindow { hours: Some(Hours { days, from, to, team_until: None }), ..window(name) }
}

fn freeze(name: &str, first: Date, last: Date) -> Freeze {
    Freeze { name: name.into(), first, last }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn the_procedures_window_says_when_it_is_open_and_when_it_opens() {
    let window = window("Africa/Malabo");
    // 2026-11-24 is a Tuesday; Malabo is an hour ahead of UTC all year.
    let cases = [
        ("2026-11-24T20:59:59Z", "opens 22:00 Malabo (21:00 UTC)", "outside window"),
        ("2026-11-24T21:00:00Z", "open until 23:00 Malabo (22:00 UTC)", "window open until 23:00"),
        ("2026-11-24T21:59:59Z", "open until 23:00 Malabo (22:00 UTC)", "window open until 23:00"),
        ("2026-11-24T22:00:00Z", "opens Wed 25 Nov 22:00 Malabo (21:00 UTC)", "outside window"),
        ("2026-11-26T22:00:00Z", "opens Tue 1 Dec 22:00 Malabo (21:00 UTC)", "outside window"),
        ("2026-11-27T21:30:00Z", "opens Tue 1 Dec 22:00 Malabo (21:00 UTC)", "outside window"),
        ("2026-12-31T22:30:00Z", "opens Tue 5 Jan 2027 22:00 Malabo (21:00 UTC)", "outside window"),
    ];
    for (now, words, short) in cases {
        assert_eq!((window.words(at(now)).as_str(), window.short(at(now)).as_str()), (words, short), "{now}");
    }
}

#[test]
fn a_freeze_closes_the_window_on_its_dates_in_the_teams_zone() {
    let mut window = window("Africa/Malabo");
    window.freezes = vec![
        freeze("year's end", date(2026, 12, 22), date(2027, 1, 3)),
        freeze("tax day", date(2026, 11, 25), date(2026, 11, 25)),
    ];
    let cases = [
        ("2026-11-24T21:30:00Z", "open until 23:00 Malabo (22:00 UTC)"),
        // The 25th begins at 23:00 UTC of the 24th, and is over a day later.
        ("2026-11-24T23:00:00Z", "freeze: tax day through 25 Nov; opens Thu 26 Nov 22:00 Malabo (21:00 UTC)"),
        ("2026-11-25T22:59:59Z", "freeze: tax day through 25 Nov; opens Thu 26 Nov 22:00 Malabo (21:00 UTC)"),
        ("2026-11-25T23:00:00Z", "opens Thu 26 Nov 22:00 Malabo (21:00 UTC)"),
        ("2026-11-26T09:30:00Z", "opens 22:00 Malabo (21:00 UTC)"),
        (
            "2026-12-31T21:30:00Z",
            "freeze: year's end through 3 Jan 2027; opens Tue 5 Jan 2027 22:00 Malabo (21:00 UTC)",
        ),
        ("2027-01-03T23:00:00Z", "opens Tue 5 Jan 22:00 Malabo (21:00 UTC)"),
    ];
    for (now, expected) in cases {
        assert_eq!(window.words(at(now)), expected, "{now}");
    }
    assert_eq!(window.short(at("2026-12-31T21:30:00Z")), "freeze: year's end");
}

#[test]
fn a_window_over_midnight_belongs_to_the_day_before_and_ends_where_a_freeze_begins() {
    let mut window = hours("Africa/Malabo", &[Weekday::Thursday], time(22, 0, 0, 0), time(2, 0, 0, 0));
    let friday = at("2026-11-27T00:30:00Z");
    assert_eq!(window.words(friday), "open until 02:00 Malabo (01:00 UTC)");
    assert_eq!(window.zone.to_datetime(friday).date().weekday(), Weekday::Friday);
    window.freezes = vec![freeze("holiday", date(2026, 11, 27), date(2026, 11, 27))];
    assert!(matches!(window.state(friday), WindowState::Closed { freeze: Some(_), .. }));
    let before = at("2026-11-26T22:30:00Z");
    assert_eq!(window.state(before), WindowState::Open { until: Some(at("2026-11-26T23:00:00Z")) });
    // What lies behind midnight opens again where the freeze ends within it.
    window.freezes = vec![freeze("holiday", date(2026, 11, 26), date(2026, 11, 26))];
    assert_eq!(window.openings(before).next(), Some(at("2026-11-26T23:00:00Z")..at("2026-11-27T01:00:00Z")));
}

#[test]
fn clocks_put_forward_and_back_move_no_window() {
    // Paris: 2026-03-29 02:00 → 03:00 at 01:00 UTC; 2026-10-25 03:00 → 02:00 at 01:00 UTC.
    let sunday = &[Weekday::Sunday];
    let cases = [
        // Within the gap: nothing is left of it.
        ((2, 10), (2, 50), "2026-03-28T12:00:00Z", "2026-04-05T00:10:00Z", "2026-04-05T00:50:00Z"),
        // Begins within the gap: it opens as the clocks change.
        ((2, 30), (3, 30), "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"),
        // Ends within it: it closes as they change.
        ((1, 30), (2, 30), "2026-03-28T12:00:00Z", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"),
        // Within what comes twice: the first time only.
        ((2, 10), (2, 50), "2026-10-24T12:00:00Z", "2026-10-25T00:10:00Z", "2026-10-25T00:50:00Z"),
        // From before it to after it: both times.
        ((1, 30), (3, 30), "2026-10-24T12:00:00Z", "2026-10-24T23:30:00Z", "2026-10-25T02:30:00Z"),
    ];
    for ((from, from_minute), (to, to_minute), now, opens, closes) in cases {
        let window = hours("Europe/Paris", sunday, time(from, from_minute, 0, 0), time(to, to_minute, 0, 0));
        assert_eq!(
            window.openings(at(now)).next(),
            Some(at(opens)..at(closes)),
            "{from}:{from_minute} {now}"
        );
    }
}

#[test]
fn midnight_itself_may_be_skipped() {
    // Beirut: 2026-03-29 00:00 → 01:00.
    let window = hours("Asia/Beirut", &[Weekday::Sunday], time(0, 0, 0, 0), time(2, 0, 0, 0));
    let opening = window.openings(at("2026-03-28T12:00:00Z")).next();
    assert_eq!(opening, Some(at("2026-03-28T22:00:00Z")..at("2026-03-28T23:00:00Z")));
    // Apia had no 30 December 2011 at all.
    let window = hours("Pacific/Apia", &[Weekday::Friday], time(10, 0, 0, 0), time(11, 0, 0, 0));
    let opening = window.openings(at("2011-12-28T12:00:00Z")).next();
    assert_eq!(opening, Some(at("2012-01-05T20:00:00Z")..at("2012-01-05T21:00:00Z")));
}

#[test]
fn without_hours_only_the_freezes_close_it() {
    let freezes = vec![freeze("year's end", date(2026, 12, 24), date(2027, 1, 3))];
    let window = DeployWindow { hours: None, freezes, ..window("UTC") };
    assert_eq!(window.words(at("2026-11-01T00:00:00Z")), "open");
    assert_eq!(window.words(at("2026-12-20T10:00:00Z")), "open until Thu 24 Dec 00:00 UTC (00:00 UTC)");
    assert_eq!(window.short(at("2026-12-20T10:00:00Z")), "window open until Thu 00:00");
    assert!(window.words(at("2026-12-24T00:00:00Z")).starts_with("freeze: year's end through 3 Jan 2027"));
    let freezes = vec![freeze("for good", date(2026, 1, 1), date(9999, 12, 31))];
    let window = DeployWindow { freezes, ..window };
    let words = window.words(at("2026-12-24T00:00:00Z"));
    assert_eq!(words, "freeze: for good through 31 Dec 9999; no opening within a year");
}

#[test]
fn the_team_is_there_until_after_midnight() {
    let window = window("Africa/Malabo");
    assert_eq!(window.team_until(at("2026-11-24T21:30:00Z")), Some(at("2026-11-24T23:30:00Z")));
    assert_eq!(window.team_until(at("2026-11-24T22:00:00Z")), None, "the window is closed");
    assert_eq!(
        hours("UTC", &Days::ALL, time(1, 0, 0, 0), time(2, 0, 0, 0)).team_until(at("2026-11-24T01:30:00Z")),
        None
    );
}

#[test]
fn days_are_sets_that_may_go_over_sunday() {
    assert_eq!(Days::range(Weekday::Friday, Weekday::Monday).to_string(), "Mon, Fri, Sat, Sun");
    assert_eq!(Days::range(Weekday::Friday, Weekday::Friday).to_string(), "Fri");
    assert!(Days::default().is_empty() && !Days::range(Weekday::Sunday, Weekday::Sunday).is_empty());
}

/// Zones with changes of every kind: half hours, at midnight, two hours, a day left out.
const ZONES: [&str; 9] = [
    "UTC",
    "Africa/Malabo",
    "Europe/Paris",
    "America/New_York",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Pacific/Apia",
    "Africa/Casablanca",
];

fn some_window() -> impl Strategy<Value = DeployWindow> {
    let freezes = proptest::collection::vec((0..1500_i64, 0..40_i64), 0..4);
    (0..ZONES.len(), 0..128_u8, (0..96_i8, 0..96_i8), any::<bool>(), freezes).prop_map(
        |(zone, days, (from, to), hours, freezes)| {
            let clock = |quarters: i8| time(quarters / 4, quarters % 4 * 15, 0, 0);
            let days = Days::ALL.into_iter().enumerate().filter(|(place, _)| days >> place & 1 == 1);
            let hours = hours.then(|| Hours {
                days: days.map(|(_, day)| day).collect(),
                from: clock(from),
                to: clock(to),
                team_until: None,
            });
            let frozen = |(from, length): (i64, i64)| {
                let first = date(2009, 12, 1).saturating_add(from.days());
                freeze("f", first, first.saturating_add(length.days()))
            };
            DeployWindow { hours, freezes: freezes.into_iter().map(frozen).collect(), ..window(ZONES[zone]) }
        },
    )
}

/// Quarters of an hour of some years with many changes.
fn some_instant() -> impl Strategy<Value = Timestamp> {
    (0..5 * 366 * 96_i64).prop_map(|quarter| Timestamp::from_second(1_262_304_000 + quarter * 900).unwrap())
}

proptest! {
    #[test]
    fn it_is_open_if_and_only_if_the_instant_lies_in_one_of_its_openings(window in some_window(), now in some_instant()) {
        let earlier = now.saturating_sub(72.hours()).unwrap();
        let listed: Vec<_> = window.openings(earlier).take_while(|open| open.start <= now).collect();
        let inside = listed.iter().any(|open| open.contains(&now));
        prop_assert_eq!(matches!(window.state(now), WindowState::Open { .. }), inside);
        for pair in listed.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start, "{:?}", pair);
        }
        // What the local calendar says of that instant: a freeze closes whatever the hours are.
        let local = window.zone.to_datetime(now);
        if window.freezes.iter().any(|freeze| freeze.contains(local.date())) {
            prop_assert!(!inside);
        }
    }

    #[test]
    fn the_next_opening_is_the_first_open_instant_and_the_end_the_first_closed_one(window in some_window(), now in some_instant()) {
        let is_open = |at: Timestamp| matches!(window.state(at), WindowState::Open { .. });
        let second = |at: Timestamp| at.checked_sub(1.second()).unwrap();
        match window.state(now) {
            WindowState::Closed { opens: Some(opens), .. } => {
                prop_assert!(opens > now && is_open(opens) && !is_open(second(opens)));
                // Nothing opens in between: it is looked at every quarter, the finest that is written here.
                let between = (1..200).filter_map(|step: i64| now.checked_add((step * 15).minutes()).ok());
                for at in between.take_while(|at| *at < opens) {
                    prop_assert!(!is_open(at), "{}", at);
                }
            }
            WindowState::Closed { opens: None, .. } => {
                let later = now.checked_add((24 * 30).hours()).unwrap();
                prop_assert!(!is_open(later));
            }
            WindowState::Open { until: Some(until) } => {
                prop_assert!(until > now && !is_open(until) && is_open(second(until)));
            }
            WindowState::Open { until: None } => {
                prop_assert!(is_open(now.checked_add((24 * 13).hours()).unwrap()));
            }
        }
    }

    #[test]
    fn hours_on_a_day_without_a_change_of_clocks_are_what_the_clock_shows(window in some_window(), now in some_instant()) {
        let local = window.zone.to_datetime(now);
        let day = 24.hours();
        let (before, after) = (now.saturating_sub(day).unwrap(), now.saturating_add(day).unwrap());
        let steady = window.zone.following(before).next().is_none_or(|change| change.timestamp() > after);
        prop_assume!(steady && window.freezes.is_empty());
        let Some(hours) = window.hours else { return Ok(()) };
        let (today, yesterday) = (local.date().weekday(), local.date().weekday().previous());
        let clock = local.time();
        let open = if hours.to > hours.from {
            hours.days.contains(today) && (hours.from..hours.to).contains(&clock)
        } else {
            (hours.days.contains(today) && clock >= hours.from)
                || (hours.days.contains(yesterday) && clock < hours.to)
        };
        prop_assert_eq!(matches!(window.state(now), WindowState::Open { .. }), open);
    }

    #[test]
    fn no_instant_of_all_time_is_too_strange(window in some_window(), second in -377_705_023_201..=253_402_207_200_i64) {
        let now = Timestamp::from_second(second).unwrap();
        prop_assert!(!window.words(now).is_empty() && !window.short(now).is_empty());
        let _ = window.team_until(now);
    }
}

#[test]
fn the_ends_of_time_are_borne() {
    for name in ZONES {
        for now in [Timestamp::MIN, Timestamp::MAX] {
            assert!(!window(name).words(now).is_empty());
            assert!(!DeployWindow { hours: None, ..window(name) }.words(now).is_empty());
        }
    }
}
