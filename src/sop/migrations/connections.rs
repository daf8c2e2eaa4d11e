//! Whether a database has connections enough while both colours are up.

use super::judge::Look;
use crate::sop::checklist::evidence::Found;

/// The connections of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// `max_connections`.
    pub maximum: u32,
    /// Kept for superusers and others with a right to them.
    pub reserved: u32,
    /// Taken now, by everybody else.
    pub used: u32,
    /// What one colour takes; `None`: as many as are taken now.
    pub per_colour: Option<u32>,
}

/// Whether one more colour has room.
#[must_use]
pub fn judge(room: Room) -> Look {
    let usable = room.maximum.saturating_sub(room.reserved);
    let needed = room.per_colour.unwrap_or(room.used);
    let both = room.used.saturating_add(needed);
    let now = format!("{} of {usable} connections are taken", room.used);
    let more = match room.per_colour {
        Some(count) => format!("a second colour takes {count} more"),
        None => "with both colours up it may be twice that".to_owned(),
    };
    match both <= usable {
        true => (Found::Pass, format!("{now}; {more}: {} left", usable - both)),
        false => (Found::Fail, format!("{now}; {more}: {} too few", both - usable)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_colour_needs_room() {
        let room = |used, per_colour| Room { maximum: 100, reserved: 3, used, per_colour };
        let cases = [
            (
                room(40, None),
                Found::Pass,
                "40 of 97 connections are taken; with both colours up it may be twice that: 17 left",
            ),
            (
                room(48, None),
                Found::Pass,
                "48 of 97 connections are taken; with both colours up it may be twice that: 1 left",
            ),
            (
                room(49, None),
                Found::Fail,
                "49 of 97 connections are taken; with both colours up it may be twice that: 1 too few",
            ),
            (
                room(49, Some(20)),
                Found::Pass,
                "49 of 97 connections are taken; a second colour takes 20 more: 28 left",
            ),
            (
                room(90, Some(20)),
                Found::Fail,
                "90 of 97 connections are taken; a second colour takes 20 more: 13 too few",
            ),
            (
                room(u32::MAX, Some(1)),
                Found::Fail,
                "4294967295 of 97 connections are taken; a second colour takes 1 more: 4294967198 too few",
            ),
        ];
        for (room, found, words) in cases {
            assert_eq!(judge(room), (found, words.to_owned()));
        }
    }
}
