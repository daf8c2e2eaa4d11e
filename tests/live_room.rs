//! In both worlds: the room itself, by keys, in a terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use serde_json::Value;
use support::bastion::Bastion;
use support::pty::Pty;
use support::world::{COLLEAGUE, World, worlds};

worlds!(
    the_traffic_is_switched_and_taken_back_by_keys,
    a_selector_that_moves_while_the_dialog_is_open_disarms_it,
);

const SOON: Duration = Duration::from_secs(20);
const ROLLOUT: Duration = Duration::from_secs(120);

fn the_traffic_is_switched_and_taken_back_by_keys(world: &World) {
    let bastion = Bastion::prepared(world);
    for (columns, rows) in [(120, 40), (80, 24)] {
        let mut room = Pty::spawn(&bastion.in_terminal(&[]), columns, rows);
        let text = room.wait_for("both colours", SOON, |screen| {
            let text = screen.contents();
            text.contains("BLUE has the traffic") && text.contains("GREEN") && text.contains("v1.1.0")
        });
        assert!(text.contains("PRODUCTION"), "{text}");

        // Enter and the wrong word give no order.
        room.wait_for("the switch to be clear", SOON, |screen| !screen.contents().contains("S switch ✗"));
        room.type_keys("S");
        room.wait_for_text("to confirm", SOON);
        room.type_until("blue", "confirm: blue");
        room.type_keys("\r");
        room.wait_for_text("the word is still to be typed", SOON);
        assert_eq!(world.selected(), "blue", "the wrong word gave no order");
        room.type_keys("\u{1b}");
        room.wait_for("the dialog to close", SOON, |screen| !screen.contents().contains("to confirm"));

        room.order("S", "to confirm", "green", "[ switch ]");
        room.wait_for_text("GREEN has the traffic", SOON);
        assert_eq!(world.selected(), "green");
        room.wait_for("the verification", ROLLOUT, |screen| screen.contents().contains("WATCH"));

        room.order("R", "to confirm", "blue", "[ rollback ]");
        room.wait_for_text("BLUE has the traffic", SOON);
        assert_eq!(world.selected(), "blue");
        room.wait_for("the order's end", ROLLOUT, |screen| !screen.contents().contains("is under way"));
        room.type_keys("qq");
        assert_eq!(room.wait_for_exit(SOON), 0);
        assert!(!room.with_screen(vt100::Screen::alternate_screen));
    }
}

fn a_selector_that_moves_while_the_dialog_is_open_disarms_it(world: &World) {
    let bastion = Bastion::prepared(world);
    let mut room = Pty::spawn(&bastion.in_terminal(&[]), 120, 40);
    room.wait_for_text("BLUE has the traffic", SOON);
    room.wait_for("the switch to be clear", SOON, |screen| !screen.contents().contains("S switch ✗"));
    room.type_keys("S");
    room.wait_for_text("to confirm", SOON);
    room.type_until("green", "[ switch ]");

    world.select("green");
    let theirs = world.get("service/backend")["metadata"].clone();
    room.wait_for_text("changed since it was shown: BLUE then, GREEN now", SOON);
    room.type_keys("\r");
    let text = room.wait_for("who moved it", SOON, |screen| screen.contents().contains(COLLEAGUE));
    assert!(!text.contains("[ switch ]"), "the dialog is disarmed:\n{text}");
    room.type_keys("\u{1b}");
    room.wait_for("the dialog to close", SOON, |screen| !screen.contents().contains("to confirm"));
    room.wait_for_text(&format!("selector set by {COLLEAGUE}"), SOON);
    room.type_keys("qq");
    assert_eq!(room.wait_for_exit(SOON), 0);
    let after = world.get("service/backend")["metadata"].clone();
    assert_eq!(after["resourceVersion"], theirs["resourceVersion"], "nothing was changed by us");
    assert_eq!(after["annotations"]["cutover.dev/operation"], Value::Null);
}
