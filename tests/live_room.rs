//! On the real cluster: the room itself, by keys, in a terminal.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use cutover::room::dialog::DEAF_FOR;
use support::lab::{Bastion, lab};
use support::pty::Pty;

const SOON: Duration = Duration::from_secs(20);
const ROLLOUT: Duration = Duration::from_secs(120);

/// Opens a dialog, types the word that it wants, and gives the order.
fn order(room: &Pty, key: &str, dialog: &str, word: &str) {
    room.type_keys(key);
    room.wait_for_text(dialog, SOON);
    // What is typed earlier is swallowed on purpose.
    std::thread::sleep(DEAF_FOR + Duration::from_millis(100));
    room.type_keys(word);
    room.wait_for("the order to be armed", SOON, |screen| {
        screen.contents().contains("[ switch ]") || screen.contents().contains("[ rollback ]")
    });
    room.type_keys("\r");
}

#[test]
fn the_traffic_is_switched_and_taken_back_by_keys() {
    let Some(lab) = lab("the room by keys") else { return };
    let bastion = Bastion::new(&lab, "ops1", &lab.oncall, "");
    bastion.act(&["deploy", "--version", "v1.1.0", "--colour", "green"]).expect(0);
    bastion.act(&["verify", "--colour", "green"]).expect(0);

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
        std::thread::sleep(DEAF_FOR + Duration::from_millis(100));
        room.type_keys("blue\r");
        room.wait_for_text("blue", SOON);
        assert_eq!(lab.selected(), "blue", "the wrong word gave no order");
        room.type_keys("\u{1b}");
        room.wait_for("the dialog to close", SOON, |screen| !screen.contents().contains("to confirm"));

        order(&room, "S", "to confirm", "green");
        room.wait_for_text("GREEN has the traffic", SOON);
        assert_eq!(lab.selected(), "green");
        room.wait_for("the verification", ROLLOUT, |screen| screen.contents().contains("WATCH"));

        order(&room, "R", "to confirm", "blue");
        room.wait_for_text("BLUE has the traffic", SOON);
        assert_eq!(lab.selected(), "blue");
        room.wait_for("the order's end", ROLLOUT, |screen| !screen.contents().contains("is under way"));
        room.type_keys("qq");
        assert_eq!(room.wait_for_exit(SOON), 0);
        assert!(!room.with_screen(vt100::Screen::alternate_screen));
    }
}
