//! The way back as an operator has it in a terminal: the banner with its evidence, the
//! countdown, stopped by a key, and the rollback, on a rehearsal's world with its
//! Prometheus.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use cutover::rehearsal::scenario::Scenario;
use cutover::rehearsal::stage::Stage;
use support::pty::Pty;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_secs(120);
/// Signals are sampled more often than once in five seconds; the policy's times, which
/// stand in this test's own configuration, are not shortened by it.
const SPEED: u32 = 60;

/// What the night is about; where the release comes from is another test's matter.
const BAD: &str = r#"
title = "A release that fails one request in eight"
description = "Only users make it show."
[[faults]]
on = "switch"
fault = { name = "errors", rate = 0.12 }
"#;

/// A release that fails one request in eight, and an operator of it.
struct Night {
    directory: TempDir,
    stage: Stage,
    /// What the stage's tasks run on.
    _runtime: tokio::runtime::Runtime,
}

impl Night {
    /// The release has the traffic; whoever is in command rolls it back by a countdown.
    fn switched(countdown: &str) -> Self {
        // Without a provider of TLS the client panics; a second installation is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let world = directory.path().join("world");
        let scenario = Scenario::parse("bad", BAD).unwrap();
        let stage = runtime.block_on(Stage::raise(scenario, 1, SPEED, Some(&world))).unwrap();
        let night = Self { directory, stage, _runtime: runtime };
        let plain = std::fs::read_to_string(night.config()).unwrap();
        let rollback = format!("\n[policy.rollback]\nautomatic = true\ncountdown = \"{countdown}\"\n");
        std::fs::write(night.config(), plain + &rollback).unwrap();
        for order in [
            ["deploy", "--version", "v1.1.0", "--colour", "green"].as_slice(),
            &["verify", "--colour", "green"],
            &["switch", "--to", "green"],
        ] {
            night.act(order);
        }
        night
    }

    fn config(&self) -> PathBuf {
        self.stage.directory().join("config.toml")
    }

    /// The file in which the operator's bastion keeps what was done.
    fn journal(&self) -> PathBuf {
        let directory = self.directory.path().join("cutover");
        let files = std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        let journal = files.into_iter().find(|path| path.extension().is_some_and(|end| end == "jsonl"));
        journal.unwrap_or_else(|| panic!("no journal in {}", directory.display()))
    }

    /// The program as the operator runs it, on the same bastion each time.
    fn program(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
        command.arg("--config").arg(self.config());
        command.env("XDG_STATE_HOME", self.directory.path()).env("LOGNAME", "ops1");
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        command
    }

    fn act(&self, order: &[&str]) {
        let mut command = self.program();
        let ended = command.args(order).arg("--yes").stdin(Stdio::null()).output().unwrap();
        assert!(ended.status.success(), "{order:?}: {ended:?}");
    }

    fn room(&self) -> Pty {
        Pty::spawn(&self.program(), 120, 40)
    }

    /// Waits until the world's users get no bad answers any more.
    fn users_are_well(&self) {
        let counts = || self.stage.world.application.tally.counts();
        support::until("users to be well again", LATER, || {
            let before = counts();
            let more = || counts().requests >= before.requests + 2_000;
            support::until("users to ask", SOON, || more().then_some(()));
            (counts().errors - before.errors < 40).then_some(())
        });
    }
}

#[test]
fn a_countdown_is_stopped_by_a_key_and_the_release_rolled_back_by_keys() {
    let night = Night::switched("120s");
    let mut room = night.room();
    room.wait_for_text("ROLL BACK? ", LATER);
    room.wait_for_text("No countdown runs: nobody is in command; o takes it", SOON);
    room.type_keys("o");
    let screen = room.wait_for_text("AUTOMATIC ROLLBACK in 1", SOON);
    for words in ["error rate", "> 5 %", "x stops it, with a reason; R rolls back now"] {
        assert!(screen.contains(words), "no `{words}`:\n{screen}");
    }
    room.type_keys("x");
    room.wait_for_text("why", SOON);
    room.type_keys("\r");
    room.wait_for_text("a reason is needed", SOON);
    room.type_keys("a known batch job\r");
    let screen = room.wait_for("the countdown to be stopped", SOON, |screen| {
        let text = screen.contents();
        !text.contains("AUTOMATIC ROLLBACK") && !text.contains("why not?")
    });
    assert!(screen.contains("a known batch job"), "the reason is said:\n{screen}");
    assert!(screen.contains("GREEN has the traffic"), "{screen}");

    room.order("R", "to confirm", "blue", "[ rollback ]");
    room.wait_for_text("BLUE has the traffic", LATER);
    room.wait_for_text("stable again after", LATER);
    night.users_are_well();
    room.type_keys("qq");
    assert_eq!(room.wait_for_exit(SOON), 0);
}

#[test]
fn a_countdown_that_nobody_stops_takes_the_release_back() {
    let night = Night::switched("5s");
    let mut room = night.room();
    room.wait_for_text("nobody is in command", LATER);
    room.type_keys("o");
    room.wait_for_text("AUTOMATIC ROLLBACK in", SOON);
    room.wait_for_text("BLUE has the traffic", LATER);
    room.wait_for_text("stable again after", LATER);
    night.users_are_well();
    room.type_keys("qq");
    assert_eq!(room.wait_for_exit(SOON), 0);
    let told = std::fs::read_to_string(night.journal()).unwrap();
    assert!(told.contains("automatic"), "the journal says why: {told}");
}
