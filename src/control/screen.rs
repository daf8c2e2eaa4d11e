//! The full screen: messages in, at most a few frames a second out, keys at once.

use std::io;
use std::time::Duration;

use crossterm::event::{Event, EventStream, KeyEvent, KeyEventKind};
use futures::StreamExt as _;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, spawn_blocking};

use super::Control;
use crate::diagnostics;
use crate::room::intent::{Edit, Intent};
use crate::room::message::{Body, Draft, Effect, Message, Notice, Observation, Outcome, Urgency};
use crate::term::signals::{self, Signal};
use crate::term::{Pace, Screen, editor, is_gone, restore, takes_output};
use crate::ui::{self, Look};

/// The exit status after a hang-up: 128 and SIGHUP's number, as shells have it.
const HUNG_UP: u8 = 129;
/// When a terminal that takes no more output is asked again.
const STALLED: Duration = Duration::from_millis(50);

/// What came of the operator's editor: the text, unless it is as it was.
type Edited = io::Result<Option<String>>;

/// Why the loop woke up.
#[expect(clippy::large_enum_variant, reason = "one at a time, for one turn of the loop")]
enum Wake {
    Input(Option<io::Result<Event>>),
    Message(Option<Message>),
    Signal(Option<Signal>),
    Edited(Result<Edited, JoinError>),
    Clock,
}

/// What the loop goes on with.
enum Next {
    Go,
    End(u8),
}

/// Runs the room on the screen until it is left; the exit status.
///
/// This thread draws and decides; everything that waits for the network or the disk
/// does so on the runtime's threads.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run(runtime: &Runtime, control: &mut Control, screen: Screen, look: Look) -> io::Result<u8> {
    let (signal_sender, signals) = mpsc::channel(8);
    signals::watch(move |signal| {
        // A full queue holds signals enough: the program is ending already.
        let _ = signal_sender.try_send(signal);
    })?;
    let pace = Pace::new(control.now());
    let mut desk = Desk { control, screen, look, pace, signals, input: None, editing: None, key: false };
    let status = match desk.run(runtime) {
        // Whatever failed on a terminal that is gone, failed because it is gone.
        Err(_) if is_gone() => HUNG_UP,
        other => other?,
    };
    let Desk { screen, input, .. } = desk;
    drop(input);
    drop(screen);
    Ok(status)
}

/// The keys. crossterm panics when it cannot open the terminal for them, and says so
/// without a panic only when it is asked first.
fn listen() -> io::Result<EventStream> {
    crossterm::event::poll(Duration::ZERO)?;
    Ok(EventStream::new())
}

/// The screen, the room and what wakes them.
struct Desk<'c> {
    control: &'c mut Control,
    screen: Screen,
    look: Look,
    pace: Pace,
    signals: mpsc::Receiver<Signal>,
    /// `None` while the terminal is not ours.
    input: Option<EventStream>,
    /// The operator's editor, which has the terminal while it runs.
    editing: Option<JoinHandle<Edited>>,
    /// A key was pressed since the last frame.
    key: bool,
}

impl Desk<'_> {
    fn run(&mut self, runtime: &Runtime) -> io::Result<u8> {
        let _entered = runtime.enter();
        self.draw()?;
        self.input = Some(listen()?);
        loop {
            let wake = runtime.block_on(self.wait());
            if let Next::End(status) = self.handle(wake)? {
                return Ok(status);
            }
            self.draw_when_due()?;
        }
    }

    async fn wait(&mut self) -> Wake {
        let now = self.control.now();
        let to_second =
            1_000_000_000 - u64::from(now.wall.subsec_nanosecond().unsigned_abs() % 1_000_000_000);
        let clock = Duration::from_nanos(to_second);
        let pause = match self.pace.due(now) {
            _ if self.editing.is_some() => clock,
            Some(due) if !takes_output() => due.max(STALLED),
            Some(due) => due,
            None => clock,
        };
        let input = async {
            match &mut self.input {
                Some(input) => input.next().await,
                None => std::future::pending().await,
            }
        };
        let edited = async {
            match &mut self.editing {
                Some(editing) => editing.await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = self.signals.recv() => Wake::Signal(signal),
            edited = edited => Wake::Edited(edited),
            event = input => Wake::Input(event),
            message = self.control.next() => Wake::Message(message),
            () = tokio::time::sleep(pause.min(clock)) => Wake::Clock,
        }
    }

    fn handle(&mut self, wake: Wake) -> io::Result<Next> {
        let mut effects = match wake {
            Wake::Input(Some(Ok(event))) => self.input(event),
            // A terminal that cannot be read any more is as good as gone.
            Wake::Input(Some(Err(_)) | None) => return Ok(Next::End(HUNG_UP)),
            Wake::Message(None) => return Ok(Next::End(1)),
            Wake::Message(Some(message)) => {
                self.pace.touch();
                self.control.take_all(message)
            }
            Wake::Signal(signal) => return self.signal(signal),
            Wake::Edited(edited) => self.edited(edited)?,
            Wake::Clock => {
                diagnostics::collect();
                self.pace.touch();
                self.control.take(Body::Tick)
            }
        };
        effects.extend(self.control.fly());
        let terminal = self.control.carry_out(effects);
        for effect in terminal {
            if let Next::End(status) = self.on_terminal(effect)? {
                return Ok(Next::End(status));
            }
        }
        Ok(Next::Go)
    }

    fn input(&mut self, event: Event) -> Vec<Effect> {
        let intent = match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.intent(key),
            Event::Paste(text) => Some(Intent::Edit(Edit::Paste(text))),
            Event::Resize(..) => Some(Intent::Redraw),
            _ => None,
        };
        let Some(intent) = intent else { return Vec::new() };
        self.key = true;
        self.pace.touch();
        self.control.take(Body::Intent(intent))
    }

    fn intent(&self, key: KeyEvent) -> Option<Intent> {
        let size = self.screen.terminal.size().unwrap_or_default();
        ui::keymap::intent(&self.control.room, key, size)
    }

    fn signal(&mut self, signal: Option<Signal>) -> io::Result<Next> {
        match signal {
            Some(Signal::End(status)) => return Ok(Next::End(status)),
            // The editor has the terminal: it is not ours to give back or to take.
            Some(Signal::Stop) if self.editing.is_some() => signals::stop_this_process()?,
            Some(Signal::Continue) if self.editing.is_some() => {}
            Some(Signal::Stop) => self.suspend()?,
            Some(Signal::Continue) => self.resume()?,
            None => {}
        }
        Ok(Next::Go)
    }

    fn on_terminal(&mut self, effect: Effect) -> io::Result<Next> {
        match effect {
            Effect::Quit => return Ok(Next::End(0)),
            Effect::Suspend => self.suspend()?,
            Effect::EditDraft(draft) => self.edit(&draft),
            Effect::Redraw => self.screen.terminal.clear()?,
            Effect::Copy(text) => {
                let what = match text.lines().count() {
                    1 => format!("copied {text} (OSC 52)"),
                    lines => format!("copied {lines} lines (OSC 52)"),
                };
                self.copy(&text, what)?;
            }
            Effect::Open(url) => {
                let what = format!("this machine shows no browser: copied {url} (OSC 52)");
                self.copy(&url, what)?;
            }
            // Everything else was carried out before.
            _ => {}
        }
        Ok(Next::Go)
    }

    /// Puts a text into the clipboard and says `what`, or how much of it was taken.
    fn copy(&mut self, text: &str, what: String) -> io::Result<()> {
        let sent = self.screen.copy(text)?;
        let words = if sent == text.len() {
            what
        } else {
            format!("copied the first {sent} of {} bytes: a terminal takes no more", text.len())
        };
        let notice = Notice { urgency: Urgency::Info, words };
        self.control.take(Body::Outcome(Outcome::Told(notice)));
        Ok(())
    }

    /// Gives the terminal to the operator's editor. Meanwhile nothing is drawn; the room
    /// goes on.
    fn edit(&mut self, draft: &Draft) {
        self.input = None;
        restore();
        let text = draft.text();
        self.editing = Some(spawn_blocking(move || editor::edit(&text)));
    }

    /// Takes the terminal back, and what was written.
    fn edited(&mut self, edited: Result<Edited, JoinError>) -> io::Result<Vec<Effect>> {
        self.editing = None;
        self.resume()?;
        let body = match edited.unwrap_or_else(|failed| Err(io::Error::other(failed))) {
            Ok(None) => return Ok(Vec::new()),
            Ok(Some(text)) => {
                Body::Observation(Observation::Draft { draft: Draft::of_text(&text), edited: true })
            }
            Err(error) => {
                let words = format!("the text was not taken over: {error}");
                Body::Outcome(Outcome::Told(Notice { urgency: Urgency::Warning, words }))
            }
        };
        Ok(self.control.take(body))
    }

    /// Stops as a shell's job; comes back when it is continued.
    fn suspend(&mut self) -> io::Result<()> {
        self.input = None;
        self.screen.suspend()?;
        self.resume()
    }

    fn resume(&mut self) -> io::Result<()> {
        self.screen.resume()?;
        if self.input.is_none() {
            self.input = Some(listen()?);
        }
        self.key = true;
        self.pace.touch();
        Ok(())
    }

    fn draw_when_due(&mut self) -> io::Result<()> {
        let due = self.pace.due(self.control.now());
        let wanted = due.is_some_and(|due| self.key || due.is_zero());
        if wanted && self.editing.is_none() && takes_output() { self.draw() } else { Ok(()) }
    }

    fn draw(&mut self) -> io::Result<()> {
        let (room, look) = (&self.control.room, &self.look);
        self.screen.terminal.draw(|frame| ui::draw(frame, room, look))?;
        self.pace.drawn(self.key);
        self.key = false;
        Ok(())
    }
}
