//! A program in a terminal of its own: a real pty, its output fed into a terminal
//! emulator, so that tests see what an operator would.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A program in a pty.
pub struct Pty {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    master: Option<Arc<File>>,
    reader: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    child: Child,
}

/// What came out of it so far.
struct Seen {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    first_byte: Option<Instant>,
    closed: bool,
}

impl Seen {
    /// Whether a synchronized update (DEC private mode 2026) has begun and not ended.
    fn is_within_update(&self) -> bool {
        let last = |mark: &[u8]| self.bytes.windows(mark.len()).rposition(|bytes| bytes == mark);
        last(b"\x1b[?2026h") > last(b"\x1b[?2026l")
    }
}

impl Pty {
    /// Starts a program in a terminal of this size, as the leader of a session whose
    /// controlling terminal it is (`setsid --ctty`), like a login shell.
    pub fn spawn(command: &Command, columns: u16, rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        tcsetwinsize(&master, size(columns, rows)).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let terminal = OpenOptions::new().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let child = in_session(command, terminal).spawn().unwrap();
        let parser = vt100::Parser::new(nonzero(rows), nonzero(columns), 0);
        let seen = Seen { parser, bytes: Vec::new(), first_byte: None, closed: false };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let master = Arc::new(File::from(master));
        let stop = Arc::new(AtomicBool::new(false));
        let (told, from, stopped) = (Arc::clone(&seen), Arc::clone(&master), Arc::clone(&stop));
        let reader = std::thread::spawn(move || follow(&from, &told, &stopped));
        Self { seen, master: Some(master), reader: Some(reader), stop, child }
    }

    /// Types something.
    pub fn type_keys(&self, keys: &str) {
        let mut writer: &File = self.master();
        writer.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a word into the field that has the keys until the screen shows `shown`. A
    /// dialog swallows what is typed in its first moments, so the line is cleared
    /// (Ctrl-U) and typed again until it was taken.
    pub fn type_until(&self, word: &str, shown: &str) {
        for _ in 0..100 {
            self.type_keys(&format!("\u{15}{word}"));
            let taken = |screen: &vt100::Screen| screen.contents().contains(shown);
            if self.found_within(Duration::from_millis(200), taken).is_some() {
                return;
            }
        }
        panic!("`{word}` was typed, `{shown}` never shown:\n{}", self.contents());
    }

    /// Opens a dialog, types the word that it wants, and gives the order once it is armed.
    pub fn order(&self, key: &str, dialog: &str, word: &str, armed: &str) {
        self.type_keys(key);
        self.wait_for_text(dialog, Duration::from_secs(20));
        self.type_until(word, armed);
        self.type_keys("\r");
    }

    /// Changes the terminal's size.
    pub fn resize(&self, columns: u16, rows: u16) {
        self.seen.0.lock().unwrap().parser.set_size(nonzero(rows), nonzero(columns));
        tcsetwinsize(self.master(), size(columns, rows)).unwrap();
    }

    /// Takes the terminal away, as a lost SSH connection does.
    pub fn hang_up(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.master = None;
    }

    fn master(&self) -> &File {
        self.master.as_ref().expect("the terminal is still there")
    }

    /// Sends the program a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// The program's process id.
    pub fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }

    /// Waits until the screen shows what is wanted; returns its text.
    ///
    /// Panics with the screen when it does not within `limit`.
    pub fn wait_for(&self, what: &str, limit: Duration, wanted: impl Fn(&vt100::Screen) -> bool) -> String {
        self.found_within(limit, wanted).unwrap_or_else(|| {
            let seen = self.seen.0.lock().unwrap();
            let (closed, text) = (seen.closed, seen.parser.screen().contents());
            drop(seen);
            panic!("waited for {what}; the screen shows (closed: {closed}):\n{text}")
        })
    }

    /// The screen's text as soon as it shows what is wanted; `None` when it does not
    /// within `limit`.
    pub fn found_within(&self, limit: Duration, wanted: impl Fn(&vt100::Screen) -> bool) -> Option<String> {
        let deadline = Instant::now() + limit;
        let (lock, changed) = &*self.seen;
        let mut seen = lock.lock().unwrap();
        loop {
            // A terminal shows no half of a synchronized update, and neither is one looked at.
            if !seen.is_within_update() && wanted(seen.parser.screen()) {
                return Some(seen.parser.screen().contents());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || seen.closed {
                return None;
            }
            seen = changed.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// Waits until the screen's text contains `text`.
    pub fn wait_for_text(&self, text: &str, limit: Duration) -> String {
        self.wait_for(&format!("`{text}`"), limit, |screen| screen.contents().contains(text))
    }

    /// Waits for the program's end; its exit status.
    pub fn wait_for_exit(&mut self, limit: Duration) -> i32 {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                use std::os::unix::process::ExitStatusExt as _;
                return status.code().unwrap_or_else(|| -status.signal().unwrap_or(0));
            }
            assert!(Instant::now() < deadline, "the program did not end:\n{}", self.contents());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// The screen's text.
    pub fn contents(&self) -> String {
        self.with_screen(vt100::Screen::contents)
    }

    /// Looks at the screen.
    pub fn with_screen<T>(&self, look: impl Fn(&vt100::Screen) -> T) -> T {
        look(self.seen.0.lock().unwrap().parser.screen())
    }

    /// Everything that was written to the terminal so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.seen.0.lock().unwrap().bytes.clone()
    }

    /// When the first byte arrived.
    pub fn first_byte(&self) -> Option<Instant> {
        self.seen.0.lock().unwrap().first_byte
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.hang_up();
    }
}

/// `command`, made the leader of a session with its terminal.
fn in_session(command: &Command, terminal: File) -> Command {
    let mut leader = Command::new("setsid");
    leader.arg("--ctty").arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => leader.env(name, value),
            None => leader.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        leader.current_dir(directory);
    }
    let again = || terminal.try_clone().unwrap();
    leader.stdin(again()).stdout(again()).stderr(again());
    leader
}

fn follow(mut master: &File, seen: &(Mutex<Seen>, Condvar), stop: &AtomicBool) {
    let mut buffer = [0; 16 * 1024];
    let beat = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    while !stop.load(Ordering::SeqCst) {
        let mut fds = [PollFd::new(master, PollFlags::IN)];
        if rustix::event::poll(&mut fds, Some(&beat)) == Ok(0) {
            continue;
        }
        let count = master.read(&mut buffer).unwrap_or(0);
        let mut state = seen.0.lock().unwrap();
        if count == 0 {
            state.closed = true;
        } else {
            state.first_byte.get_or_insert_with(Instant::now);
            state.parser.process(&buffer[..count]);
            state.bytes.extend_from_slice(&buffer[..count]);
        }
        seen.1.notify_all();
        if count == 0 {
            return;
        }
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn nonzero(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("a terminal has rows and columns")
}
