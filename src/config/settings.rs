//! `[policy]` and `[logs]`: times and numbers, all with defaults.

use std::time::Duration;

use super::reader::Table;
use super::types::{LogFilter, Logs, Policy, TeamZone};
use super::{values, window};
use crate::room::logs::Level;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
/// Longest time of any kind: keeps sums of times far from what clocks can hold.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Reads `[policy]`, whose deploy window is in the team's zone.
pub(super) fn policy(table: &Table<'_>, zone: &TeamZone) -> Policy {
    let default = Policy::default();
    let (automatic_rollback, countdown) = table.within("rollback", |table| {
        // In less time nobody could read what is about to happen.
        let countdown = table.duration("countdown", default.countdown, 5 * SECOND..=60 * MINUTE);
        (table.flag("automatic", default.automatic_rollback), countdown)
    });
    // Only times for which none at all makes sense may be zero.
    let policy = Policy {
        verify_holds: table.duration("verify_holds", default.verify_holds, SECOND..=LONGEST),
        standby: table.duration("standby", default.standby, Duration::ZERO..=LONGEST),
        watch: table.duration("watch", default.watch, Duration::ZERO..=LONGEST),
        first_look: table.duration("first_look", default.first_look, Duration::ZERO..=LONGEST),
        first_look_by: table.duration("first_look_by", default.first_look_by, Duration::ZERO..=LONGEST),
        on_call: table.duration("on_call", default.on_call, Duration::ZERO..=LONGEST),
        automatic_rollback,
        countdown,
        stale_after: table.duration("stale_after", default.stale_after, SECOND..=60 * MINUTE),
        rollout_timeout: table.duration("rollout_timeout", default.rollout_timeout, SECOND..=LONGEST),
        switch_timeout: table.duration("switch_timeout", default.switch_timeout, SECOND..=60 * MINUTE),
        stable_for: table.duration("stable_for", default.stable_for, Duration::ZERO..=60 * MINUTE),
        window: window::read(table, zone),
        // Whether one is kept stands in a table of its own.
        checklist: false,
    };
    if policy.stable_for >= policy.switch_timeout {
        let what = format!(
            "expected less than policy.switch_timeout ({}): no switch could succeed",
            values::spell(policy.switch_timeout)
        );
        table.blame("stable_for", what, None);
    }
    policy
}

/// Reads `[logs]`.
pub(super) fn logs(table: &Table<'_>) -> Logs {
    Logs {
        filter: filter(table),
        tail: table.number("tail", 100, 0..=10_000),
        max_lines: table.number("max_lines", 100_000, 100..=10_000_000),
        max_bytes: max_bytes(table),
        max_streams: table.number("max_streams", 40, 1..=1_000),
    }
}

fn filter(table: &Table<'_>) -> LogFilter {
    let filter = match table.one_of(&["level", "pattern"]) {
        Some("pattern") => table.text("pattern", &values::REGEX).map(LogFilter::Pattern),
        Some(key) => table.text(key, &values::LEVEL).map(LogFilter::Level),
        None => None,
    };
    filter.unwrap_or(LogFilter::Level(Level::Error))
}

fn max_bytes(table: &Table<'_>) -> usize {
    const DEFAULT: usize = 16 << 20;
    let Some(bytes) = table.text("max_bytes", &values::BYTES) else {
        return DEFAULT;
    };
    if !(64 << 10..=1 << 30).contains(&bytes) {
        table.blame("max_bytes", "expected a size from 64KiB to 1GiB", None);
    }
    bytes
}
