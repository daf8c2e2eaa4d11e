//! The log of a job. GitHub keeps it elsewhere and hands out an address that is key
//! enough: the token does not go there.

use std::collections::VecDeque;
use std::time::Duration;

use super::client::{Client, Trouble};
use crate::redaction::strike_out;
use crate::room::logs::{MAX_LINE, sanitise};
use crate::room::message::JobLog;
use crate::sources::http::spoken;
use crate::sources::kubernetes::explain_error;

/// Lines kept: the last ones.
const MOST_LINES: usize = 5_000;
/// Bytes of lines kept: 2 MiB.
const MOST_BYTES: usize = 2 << 20;
/// Lines of an excerpt.
const EXCERPT: usize = 40;
/// Most that is read of a log, in bytes: 64 MiB.
const LONGEST: usize = 64 << 20;
/// How long reading it may take.
const LIMIT: Duration = Duration::from_secs(60);

/// The last lines of a job's log, cleaned, and whether there were more.
///
/// # Errors
/// When there is none, or it cannot be read.
pub(super) async fn read(
    client: &Client,
    repository: &str,
    job: u64,
) -> Result<(Vec<String>, bool), Trouble> {
    let path = format!("/repos/{repository}/actions/jobs/{job}/logs");
    let address = match client.location(&path).await {
        Ok(Ok(address)) => address,
        Ok(Err(body)) => {
            let mut tail = Tail::default();
            tail.take_in(&body);
            return Ok(tail.end());
        }
        Err(trouble) => return Err(gone(trouble)),
    };
    let lost = |error: &reqwest::Error| {
        let words = if error.is_timeout() {
            format!("no answer within {}", spoken(LIMIT))
        } else {
            explain_error(error)
        };
        Trouble::Lost(format!("the log cannot be read: {words}"))
    };
    let mut response =
        client.ask_stranger(address).timeout(LIMIT).send().await.map_err(|error| lost(&error))?;
    let status = response.status();
    if !status.is_success() {
        let words = format!("the log cannot be read from where GitHub keeps it ({})", status.as_u16());
        return Err(Trouble::Refused { status: Some(status.as_u16()), words });
    }
    let (mut tail, mut read) = (Tail::default(), 0_usize);
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
        read += chunk.len();
        if read > LONGEST {
            return Err(Trouble::Lost(format!(
                "the log has more than {} MiB: open it on GitHub",
                LONGEST >> 20
            )));
        }
        tail.take_in(&chunk);
    }
    Ok(tail.end())
}

/// What of a failed job's log tells why: the lines up to its last error, else its last
/// ones, without their times.
pub(super) fn excerpt(lines: &[String]) -> Vec<String> {
    let end = lines.iter().rposition(|line| line.contains("##[error]")).map_or(lines.len(), |at| at + 1);
    lines[end.saturating_sub(EXCERPT)..end].iter().map(|line| without_time(line).to_owned()).collect()
}

/// Each line begins with the time at which it was written.
fn without_time(line: &str) -> &str {
    match line.split_once(' ') {
        Some((time, rest)) if time.parse::<jiff::Timestamp>().is_ok() => rest,
        _ => line,
    }
}

/// The log as the room takes it.
pub(super) async fn job_log(client: &Client, repository: &str, job: u64) -> JobLog {
    match read(client, repository, job).await {
        Ok((lines, cut)) => JobLog { job, lines: Ok(lines), cut },
        Err(trouble) => JobLog { job, lines: Err(trouble.words().to_owned()), cut: false },
    }
}

/// There is no log before a job's end, and none long after it.
fn gone(trouble: Trouble) -> Trouble {
    match trouble.status() {
        Some(status @ (404 | 410)) => Trouble::Refused {
            status: Some(status),
            words: format!(
                "GitHub has no log of this job ({status}): it comes with the job's end, and goes when it is too old"
            ),
        },
        _ => trouble,
    }
}

/// The last lines of what comes in pieces.
#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<String>,
    bytes: usize,
    cut: bool,
    /// The line that has no end yet, and how much of it was left out.
    open: Vec<u8>,
    left_out: usize,
}

impl Tail {
    fn take_in(&mut self, piece: &[u8]) {
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend(&rest[..end]);
            self.close();
            rest = &rest[end + 1..];
        }
        self.extend(rest);
    }

    fn extend(&mut self, piece: &[u8]) {
        let room = MAX_LINE.saturating_sub(self.open.len()).min(piece.len());
        self.open.extend_from_slice(&piece[..room]);
        self.left_out += piece.len() - room;
    }

    fn close(&mut self) {
        let raw = std::mem::take(&mut self.open);
        let raw = raw.strip_suffix(b"\r").unwrap_or(&raw);
        let raw = raw.strip_prefix("\u{feff}".as_bytes()).unwrap_or(raw);
        let line = sanitise(raw, MAX_LINE, std::mem::take(&mut self.left_out));
        let line = strike_out(&line).into_owned();
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > MOST_LINES || self.bytes > MOST_BYTES {
            self.bytes -= self.lines.pop_front().map_or(self.bytes, |line| line.len());
            self.cut = true;
        }
    }

    fn end(mut self) -> (Vec<String>, bool) {
        if !self.open.is_empty() || self.left_out > 0 {
            self.close();
        }
        (self.lines.into(), self.cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail(pieces: &[&[u8]]) -> (Vec<String>, bool) {
        let mut tail = Tail::default();
        pieces.iter().for_each(|piece| tail.take_in(piece));
        tail.end()
    }

    #[test]
    fn lines_come_together_and_are_harmless() {
        let pieces: [&[u8]; 3] =
            [b"\xef\xbb\xbffirst\r\nsec", b"ond \x1b[31mred\x1b[0m\nthi", b"rd\x07 \xff"];
        let lines = ["first", "second red", "third \u{fffd}"].map(str::to_owned);
        assert_eq!(tail(&pieces), (lines.to_vec(), false));
        assert_eq!(tail(&[b"\n\n"]).0.len(), 2);
        assert_eq!(tail(&[]).0.len(), 0);
    }

    #[test]
    fn an_excerpt_ends_with_the_error() {
        let time = "2026-11-27T02:00:00.1234567Z";
        let mut lines: Vec<String> = (0..100).map(|n| format!("{time} line {n}")).collect();
        assert_eq!(excerpt(&lines).last().map(String::as_str), Some("line 99"));
        lines[60] = format!("{time} ##[error]Process completed with exit code 1.");
        let excerpt = excerpt(&lines);
        assert_eq!((excerpt.len(), excerpt[0].as_str()), (EXCERPT, "line 21"));
        assert_eq!(excerpt[EXCERPT - 1], "##[error]Process completed with exit code 1.");
        assert_eq!(without_time("no time here"), "no time here");
    }

    #[test]
    fn of_a_long_log_the_end_is_kept_and_of_a_long_line_the_beginning() {
        let many: String = (0..MOST_LINES + 7).map(|n| format!("line {n}\n")).collect();
        let (lines, cut) = tail(&[many.as_bytes()]);
        assert_eq!((lines.len(), lines[0].as_str(), cut), (MOST_LINES, "line 7", true));
        let wide = vec![b'x'; 100_000];
        let (lines, cut) = tail(&[&wide, &wide]);
        assert!(lines.len() == 1 && !cut);
        assert!(lines[0].len() < MAX_LINE + 40 && lines[0].ends_with("bytes"), "{}", lines[0].len());
        let heavy = format!("{}\n", "y".repeat(4000)).repeat(1000);
        let (lines, cut) = tail(&[heavy.as_bytes()]);
        assert!(cut && lines.iter().map(String::len).sum::<usize>() <= MOST_BYTES);
    }
}
