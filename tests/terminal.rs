//! The program in a real terminal, without any cluster: start, quit, signals, sizes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use support::pty::Pty;
use tempfile::TempDir;

const SOON: Duration = Duration::from_secs(10);

/// A home with a configuration whose API server is a port that nobody serves.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    // Bound and dropped: connections to it are refused.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    std::fs::write(
        home.path().join("config.toml"),
        "[environments.lab]\nproduction = true\n[environments.lab.kubernetes]\nnamespace = \"taxasge\"\n\
         service = \"backend\"\n[environments.lab.application]\nurl = \"http://127.0.0.1:1\"\n",
    )
    .unwrap();
    std::fs::write(
        home.path().join("kubeconfig"),
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: nowhere\n\
             clusters: [{{name: nowhere, cluster: {{server: \"http://127.0.0.1:{port}\"}}}}]\n\
             users: [{{name: nobody, user: {{token: planted-kube-token}}}}]\n\
             contexts: [{{name: nowhere, context: {{cluster: nowhere, user: nobody}}}}]\n"
        ),
    )
    .unwrap();
    home
}

fn environment(command: &mut Command, home: &Path) {
    for (name, value) in [("KUBECONFIG", "kubeconfig"), ("XDG_STATE_HOME", "state"), ("HOME", "")] {
        command.env(name, home.join(value));
    }
    for (name, value) in [("TERM", "xterm-256color"), ("LANG", "C.UTF-8"), ("LOGNAME", "ops1")] {
        command.env(name, value);
    }
    command.current_dir(home);
}

fn open(home: &TempDir, columns: u16, rows: u16) -> Pty {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cutover"));
    environment(&mut command, home.path());
    let room = Pty::spawn(&command, columns, rows);
    room.wait_for_text("PRODUCTION", SOON);
    room
}

/// Back to how a shell wants its terminal.
#[track_caller]
fn restored(room: &Pty) {
    room.with_screen(|screen| {
        assert!(!screen.alternate_screen(), "the alternate screen was left on");
        assert!(!screen.hide_cursor(), "the cursor was left hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste was left on");
    });
}

#[test]
fn it_opens_without_a_server_says_so_and_leaves_the_terminal_as_it_was() {
    let home = home();
    let mut room = open(&home, 120, 40);
    room.with_screen(|screen| assert!(screen.alternate_screen()));
    room.wait_for_text("refused", SOON);
    room.type_keys("q");
    assert_eq!(room.wait_for_exit(SOON), 0);
    restored(&room);
}

#[test]
fn signals_end_it_with_the_terminal_restored() {
    for (signal, status) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let home = home();
        let mut room = open(&home, 80, 24);
        room.signal(signal);
        assert_eq!(room.wait_for_exit(SOON), status);
        restored(&room);
    }
}

#[test]
fn a_terminal_that_is_gone_ends_it() {
    let home = home();
    let mut room = open(&home, 80, 24);
    room.hang_up();
    assert_eq!(room.wait_for_exit(SOON), 129);
}

#[test]
fn it_stops_and_continues_as_a_job() {
    let home = home();
    let mut room = open(&home, 80, 24);
    for stop in ["key", "signal"] {
        if stop == "key" {
            room.type_keys("\u{1a}");
        } else {
            room.signal(Signal::TSTP);
        }
        room.wait_for("the shell's screen", SOON, |screen| !screen.alternate_screen());
        restored(&room);
        let stopped = || {
            let stat =
                std::fs::read_to_string(format!("/proc/{}/stat", room.pid().as_raw_nonzero())).unwrap();
            stat.rsplit_once(") ").unwrap().1.starts_with('T')
        };
        support::until("the process to stop", SOON, || stopped().then_some(()));
        room.signal(Signal::CONT);
        room.wait_for("the room again", SOON, |screen| {
            screen.alternate_screen() && screen.contents().contains("PRODUCTION")
        });
    }
    room.type_keys("q");
    assert_eq!(room.wait_for_exit(SOON), 0);
}

#[test]
fn it_follows_the_terminals_size_and_stays_when_that_is_too_small() {
    let home = home();
    let mut room = open(&home, 120, 40);
    for (columns, rows) in [(80, 24), (300, 100), (60, 16)] {
        room.resize(columns, rows);
        room.wait_for("the header at the new width", SOON, |screen| {
            screen.contents().contains("PRODUCTION") && !screen.contents().contains("too small")
        });
    }
    room.resize(40, 10);
    room.wait_for("the words about the size", SOON, |screen| screen.contents().contains("60"));
    room.resize(100, 30);
    room.wait_for_text("PRODUCTION", SOON);
    room.type_keys("q");
    assert_eq!(room.wait_for_exit(SOON), 0);
}

#[test]
fn without_a_terminal_it_says_what_to_use_instead() {
    let home = home();
    let output = Command::new(env!("CARGO_BIN_EXE_cutover"))
        .current_dir(home.path())
        .env("KUBECONFIG", home.path().join("kubeconfig"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cutover status"));
}

#[test]
fn a_panic_while_drawing_restores_the_terminal_before_it_is_told() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "panics_with_the_screen_up", "--ignored", "--nocapture", "--test-threads=1"]);
    // A backtrace would scroll the words off the terminal, whose past is not kept.
    command.env("TERM", "xterm-256color").env("RUST_BACKTRACE", "0");
    let mut child = Pty::spawn(&command, 80, 24);
    assert_ne!(child.wait_for_exit(SOON), 0);
    child.wait_for_text("the room fell in", SOON);
    restored(&child);
}

/// The child of the test above: takes the terminal as the program does, then panics.
#[test]
#[ignore = "run by another test, in a terminal"]
fn panics_with_the_screen_up() {
    cutover::term::panic::install().unwrap();
    let mut screen = cutover::term::Screen::enter().unwrap();
    screen.terminal.draw(|_| panic!("the room fell in")).unwrap();
}
