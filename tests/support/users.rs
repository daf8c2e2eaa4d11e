//! The application's users: what they see while the program moves the traffic.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::Value;

/// How long users ask at most, whatever happens to the test.
const AT_MOST: Duration = Duration::from_secs(300);
/// How long they wait for an answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// What they ask for.
const PATH: &str = "/api/v1/fiscal-services?limit=1";

/// A user's steady requests: every second one on a new connection, the others on one
/// that is kept alive.
pub enum Traffic {
    /// The lab's own script.
    Script(Child),
    /// The same in this process.
    Own { stop: Arc<AtomicBool>, asks: Option<JoinHandle<Seen>> },
}

/// What users saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub requests: u64,
    /// Requests without a good answer: those that were lost, and the application's own errors.
    pub failures: u64,
    /// Connections that the server had closed between two requests.
    pub reconnects: u64,
    /// Requests without an answer, and why. The application's own status 500s are answers.
    pub lost: Vec<String>,
}

impl Traffic {
    /// Users whose requests a script makes.
    pub const fn of_script(script: Child) -> Self {
        Self::Script(script)
    }

    /// Users whose requests are made here.
    pub fn begin(url: &str) -> Self {
        let (stop, address) = (Arc::new(AtomicBool::new(false)), address(url));
        let stopped = Arc::clone(&stop);
        Self::Own { stop, asks: Some(std::thread::spawn(move || ask(&address, &stopped))) }
    }

    /// Stops and tells what the users saw.
    pub fn end(mut self) -> Seen {
        match &mut self {
            Self::Own { stop, asks } => {
                stop.store(true, Ordering::SeqCst);
                asks.take().unwrap().join().unwrap()
            }
            Self::Script(script) => {
                let pid = rustix::process::Pid::from_child(script);
                rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
                let mut text = String::new();
                script.stdout.take().unwrap().read_to_string(&mut text).unwrap();
                script.wait().unwrap();
                told(&serde_json::from_str(&text).unwrap())
            }
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        match self {
            Self::Own { stop, .. } => stop.store(true, Ordering::SeqCst),
            Self::Script(script) => {
                let _ = script.kill();
                let _ = script.wait();
            }
        }
    }
}

/// What the script tells. It shows the first ten failures; when it counted more, the
/// others are lost requests for all that is known.
fn told(told: &Value) -> Seen {
    let shown = told["first_failures"].as_array().unwrap();
    let lost = shown.iter().filter(|failure| failure.get("error").is_some());
    let mut lost: Vec<String> = lost.map(Value::to_string).collect();
    let failures = told["failures"].as_u64().unwrap();
    if failures > 10 && !shown.iter().all(|failure| failure.get("error").is_none()) {
        lost.push(format!("{failures} failures in all"));
    }
    Seen {
        requests: told["requests"].as_u64().unwrap(),
        failures,
        reconnects: told["reconnects"].as_u64().unwrap(),
        lost,
    }
}

fn ask(address: &str, stop: &AtomicBool) -> Seen {
    let (mut seen, begun) = (Seen::default(), Instant::now());
    let mut kept = None;
    while !stop.load(Ordering::SeqCst) && begun.elapsed() < AT_MOST {
        let answered = if seen.requests % 2 == 0 {
            connect(address).and_then(|mut connection| once(&mut connection, false))
        } else {
            on_the_kept(address, &mut kept, &mut seen.reconnects)
        };
        match answered {
            Ok(head) => seen.failures += u64::from(head.starts_with("HTTP/1.1 5")),
            Err(error) => {
                kept = None;
                seen.failures += 1;
                seen.lost.push(format!("{:.3} s: {error}", begun.elapsed().as_secs_f64()));
            }
        }
        seen.requests += 1;
        std::thread::sleep(Duration::from_millis(40));
    }
    seen
}

/// As every HTTP client does: a connection that was closed meanwhile is opened again.
fn on_the_kept(address: &str, kept: &mut Option<TcpStream>, reconnects: &mut u64) -> std::io::Result<String> {
    let again = match kept.take() {
        None => false,
        Some(mut connection) => match once(&mut connection, true) {
            Ok(head) => {
                *kept = Some(connection);
                return Ok(head);
            }
            Err(error) if was_closed(&error) => true,
            Err(error) => return Err(error),
        },
    };
    *reconnects += u64::from(again);
    let mut connection = connect(address)?;
    let head = once(&mut connection, true)?;
    *kept = Some(connection);
    Ok(head)
}

fn was_closed(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

fn connect(address: &str) -> std::io::Result<TcpStream> {
    let connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    Ok(connection)
}

/// One request and its whole answer; the answer's head.
fn once(connection: &mut TcpStream, keep: bool) -> std::io::Result<String> {
    let end = if keep { "" } else { "Connection: close\r\n" };
    write!(connection, "GET {PATH} HTTP/1.1\r\nHost: backend\r\n{end}\r\n")?;
    let mut answer = Vec::new();
    loop {
        let mut buffer = [0; 4096];
        let count = connection.read(&mut buffer)?;
        if count == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        answer.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = header(head, "content-length").and_then(|length| length.parse().ok());
        if length.is_some_and(|length: usize| body.len() >= length) || body.ends_with("0\r\n\r\n") {
            return Ok(head.to_owned());
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).next()
}

/// Host and port of a URL.
fn address(url: &str) -> String {
    let host = url.trim_start_matches("http://");
    if host.contains(':') { host.to_owned() } else { format!("{host}:80") }
}

/// Someone who opens a new connection every few milliseconds and notes which version answers.
pub struct Visitor {
    stop: Arc<AtomicBool>,
    seen: JoinHandle<Vec<(Instant, String)>>,
}

impl Visitor {
    /// Begins to ask.
    pub fn begin(url: &str) -> Self {
        let (stop, address) = (Arc::new(AtomicBool::new(false)), address(url));
        let stopped = Arc::clone(&stop);
        let seen = std::thread::spawn(move || {
            let (mut seen, begun) = (Vec::new(), Instant::now());
            while !stopped.load(Ordering::SeqCst) && begun.elapsed() < AT_MOST {
                let head = connect(&address).and_then(|mut connection| once(&mut connection, false));
                if let Some(version) = head.ok().as_deref().and_then(|head| header(head, "x-version")) {
                    seen.push((Instant::now(), version.to_owned()));
                }
                std::thread::sleep(Duration::from_millis(15));
            }
            seen
        });
        Self { stop, seen }
    }

    /// Stops; when each answer came and which version gave it.
    pub fn end(self) -> Vec<(Instant, String)> {
        self.stop.store(true, Ordering::SeqCst);
        self.seen.join().unwrap()
    }
}

/// One answer, or none, as a user saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// When it was asked for.
    pub at: Instant,
    pub took: Duration,
    /// `None`: no answer.
    pub status: Option<u16>,
    pub version: Option<String>,
}

/// Users who note every answer: fifty of them, each request on a new connection, 25 a
/// second in all. They ask at their own times, however slow the answers are.
pub struct Witness {
    stop: Arc<AtomicBool>,
    seen: Vec<JoinHandle<Vec<Answer>>>,
}

impl Witness {
    const USERS: u32 = 50;
    /// Between two requests of one user.
    const EVERY: Duration = Duration::from_secs(2);

    /// Begins to ask.
    pub fn begin(url: &str) -> Self {
        let (stop, begun) = (Arc::new(AtomicBool::new(false)), Instant::now());
        let ask = |user| {
            let (stopped, address) = (Arc::clone(&stop), address(url));
            let first = begun + Self::EVERY * user / Self::USERS;
            std::thread::spawn(move || witnessed(&address, first, &stopped))
        };
        let seen = (0..Self::USERS).map(ask).collect();
        Self { stop, seen }
    }

    /// Stops; the answers in the order in which they were asked for.
    pub fn end(mut self) -> Vec<Answer> {
        self.stop.store(true, Ordering::SeqCst);
        let mut all: Vec<Answer> = self.seen.drain(..).flat_map(|user| user.join().unwrap()).collect();
        all.sort_by_key(|answer| answer.at);
        all
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
    }
}

fn witnessed(address: &str, first: Instant, stop: &AtomicBool) -> Vec<Answer> {
    let (mut seen, mut next) = (Vec::new(), first);
    while !stop.load(Ordering::SeqCst) && first.elapsed() < 2 * AT_MOST {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        next += Witness::EVERY;
        let at = Instant::now();
        let head = connect(address).and_then(|mut connection| once(&mut connection, false)).ok();
        let status = head.as_deref().and_then(|head| head.split(' ').nth(1)?.parse().ok());
        let version = head.as_deref().and_then(|head| header(head, "x-version")).map(str::to_owned);
        seen.push(Answer { at, took: at.elapsed(), status, version });
    }
    seen
}
