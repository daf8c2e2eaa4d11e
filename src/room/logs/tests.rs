//! The log as a whole: what comes in, what is shown, where it stands.

use proptest::prelude::*;

use super::*;
use crate::config::LogFilter;
use crate::sop::colour::Colour;

fn logs(max_lines: usize) -> Logs {
    Logs::new(&config::Logs {
        filter: LogFilter::Level(Level::Error),
        tail: 100,
        max_lines,
        max_bytes: 1 << 20,
        max_streams: 40,
    })
}

fn line(number: usize, text: &str) -> Entry {
    let colour = if number.is_multiple_of(2) { Colour::Blue } else { Colour::Green };
    Entry::Line(LogLine {
        at: Timestamp::from_second(i64::try_from(number).unwrap()).unwrap(),
        origin: Origin { pod: format!("pod-{colour}").into(), colour },
        level: Some(Level::Error),
        text: text.into(),
        shape: shape(text).into(),
        previous: false,
    })
}

fn batch(entries: Vec<Entry>) -> LogEvent {
    let read = entries.len() as u64 * 2;
    LogEvent { generation: 0, news: LogNews::Batch(LogBatch { entries, read }) }
}

/// Lines `l0`, `l1`, … in the range.
fn fill(logs: &mut Logs, range: std::ops::Range<usize>) {
    logs.apply(batch(range.map(|number| line(number, &format!("l{number}"))).collect()));
}

fn shown(logs: &Logs, height: usize) -> Vec<String> {
    logs.visible(height).iter().map(|line| line.text.to_string()).collect()
}

#[test]
fn following_shows_the_newest_and_pausing_stays() {
    let mut logs = logs(100);
    fill(&mut logs, 0..5);
    assert_eq!(shown(&logs, 2), ["l3", "l4"]);
    logs.follow(false);
    fill(&mut logs, 5..8);
    assert_eq!(shown(&logs, 2), ["l3", "l4"]);
    logs.follow(true);
    assert_eq!(shown(&logs, 2), ["l6", "l7"]);
    assert_eq!((logs.read(), logs.captured()), (16, 8));
}

#[test]
fn steps_stop_at_the_ends_and_the_end_follows() {
    let mut logs = logs(100);
    fill(&mut logs, 0..10);
    logs.step(Step::Up(1), 3);
    assert_eq!(shown(&logs, 3), ["l6", "l7", "l8"]);
    logs.step(Step::PageUp, 3);
    assert_eq!(shown(&logs, 3), ["l4", "l5", "l6"]);
    logs.step(Step::Home, 3);
    assert_eq!(shown(&logs, 3), ["l0", "l1", "l2"]);
    logs.step(Step::Up(9), 3);
    assert_eq!(shown(&logs, 3), ["l0", "l1", "l2"]);
    logs.step(Step::PageDown, 3);
    assert_eq!(shown(&logs, 3), ["l2", "l3", "l4"]);
    logs.step(Step::Down(5), 3);
    assert!(!logs.view().is_following());
    logs.step(Step::Down(1), 3);
    assert!(logs.view().is_following());
    logs.step(Step::Home, 30);
    assert_eq!(shown(&logs, 30).len(), 10);
}

#[test]
fn a_paused_view_slides_only_when_its_lines_are_dropped() {
    let mut logs = logs(6);
    fill(&mut logs, 0..6);
    logs.step(Step::Up(2), 2);
    assert_eq!(shown(&logs, 2), ["l2", "l3"]);
    fill(&mut logs, 6..8);
    assert_eq!(shown(&logs, 2), ["l2", "l3"]);
    fill(&mut logs, 8..11);
    assert_eq!(shown(&logs, 2), ["l5", "l6"]);
    assert_eq!(logs.store().dropped(), 5);
}

#[test]
fn filters_narrow_what_is_shown_and_search_walks_it() {
    let mut logs = logs(100);
    fill(&mut logs, 0..20);
    logs.narrow(Criteria { colour: Some(Colour::Green), ..Criteria::default() });
    assert_eq!(shown(&logs, 3), ["l15", "l17", "l19"]);
    let pattern = Regex::new("^l1").unwrap();
    assert!(logs.search(Some(pattern), 3));
    assert_eq!(logs.view().search().and_then(|search| search.hit), Some(19));
    assert!(logs.jump(Towards::Older, 3));
    let search = logs.view().search().unwrap();
    assert_eq!((search.hit, search.position(), search.len()), (Some(17), Some(5), 6));
    for _ in 0..4 {
        assert!(logs.jump(Towards::Older, 3));
    }
    assert_eq!(logs.view().search().and_then(|search| search.hit), Some(1));
    assert_eq!(shown(&logs, 3), ["l1", "l3", "l5"]);
    assert!(!logs.jump(Towards::Older, 3));
    assert!(logs.jump(Towards::Newer, 3));
    assert_eq!(logs.view().search().and_then(|search| search.hit), Some(11));
    assert!(shown(&logs, 3).contains(&"l11".to_owned()));
    logs.narrow(Criteria::default());
    assert_eq!(logs.view().search().map(Search::len), Some(11));
    assert!(!logs.search(None, 3) && logs.view().search().is_none());
}

#[test]
fn a_group_opens_into_its_lines() {
    let mut logs = logs(100);
    let texts = ["ERROR took 1ms", "ERROR other", "ERROR took 2ms"];
    logs.apply(batch(texts.iter().enumerate().map(|(number, text)| line(number, text)).collect()));
    logs.set_mode(Mode::Groups);
    assert!(!logs.open_group());
    logs.step(Step::Down(1), 10);
    assert_eq!(logs.ranked_groups()[0].count, 2);
    assert!(logs.open_group());
    assert_eq!(shown(&logs, 10), ["ERROR took 1ms", "ERROR took 2ms"]);
}

#[test]
fn another_filter_begins_again_and_ignores_what_was_under_way() {
    let mut logs = logs(100);
    fill(&mut logs, 0..5);
    let order = logs.set_filter(LogFilter::Level(Level::Info));
    assert_eq!(order.generation, 1);
    fill(&mut logs, 5..6);
    assert!(logs.store().is_empty() && logs.groups().is_empty() && logs.captured() == 0);
    let entries = vec![line(9, "new")];
    let news = LogNews::Batch(LogBatch { entries, read: 1 });
    assert!(logs.apply(LogEvent { generation: 1, news }));
    assert_eq!(shown(&logs, 5), ["new"]);
}

#[test]
fn a_gap_stands_among_the_lines_but_is_not_counted() {
    let mut logs = logs(100);
    let origin = Origin { pod: "p".into(), colour: Colour::Blue };
    let gap = Gap { origin, since: None, until: Timestamp::UNIX_EPOCH };
    logs.apply(batch(vec![line(0, "a"), Entry::Gap(gap), line(1, "b")]));
    assert_eq!(shown(&logs, 5), ["a", "earlier lines may be missing", "b"]);
    assert_eq!((logs.captured(), logs.groups().len()), (2, 2));
}

proptest! {
    /// However one moves while lines arrive and leave, the pane is as full as it can be
    /// and shows neighbours in order.
    #[test]
    fn the_pane_is_always_full_and_in_order(
        steps in proptest::collection::vec((0_usize..8, 0_usize..12), 1..60), height in 1_usize..12,
    ) {
        let mut logs = logs(25);
        let mut written = 0;
        for (kind, by) in steps {
            match kind {
                0 => logs.step(Step::Up(by), height),
                1 => logs.step(Step::Down(by), height),
                2 => logs.step(Step::PageUp, height),
                3 => logs.step(Step::PageDown, height),
                4 => logs.step(Step::Home, height),
                5 => logs.follow(by % 2 == 0),
                _ => {
                    fill(&mut logs, written..written + by);
                    written += by;
                }
            }
            let numbers: Vec<_> = logs.visible(height).iter().map(|line| line.number).collect();
            prop_assert_eq!(numbers.len(), height.min(logs.store().len()));
            prop_assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]));
            if logs.view().is_following() {
                prop_assert_eq!(numbers.last().copied(), logs.store().end().checked_sub(1).filter(|_| !logs.store().is_empty()));
            }
        }
    }
}
