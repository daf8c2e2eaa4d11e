//! Cuts a byte stream into lines, in bounded memory.

use std::io;

use jiff::Timestamp;
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _};

use crate::room::logs::MAX_LINE;

/// Bytes of a raw line that are kept: escape sequences are still in it, so more than is shown.
const MAX_RAW: usize = 2 * MAX_LINE;

/// Reads lines. What is beyond the bound of a line is passed over without being kept.
#[derive(Debug)]
pub(super) struct LineReader<R> {
    source: R,
    line: Vec<u8>,
    unread: usize,
    /// The line was handed out: the next call begins a new one.
    complete: bool,
}

/// One line as the server sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RawLine<'l> {
    /// The timestamp that the server put before it. A line without one is not the
    /// application's: the node says something about the log itself.
    pub at: Option<Timestamp>,
    pub text: &'l [u8],
    /// Bytes that were left out at its end.
    pub unread: usize,
}

/// What [`LineReader::advance`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A whole line: [`LineReader::line`].
    Line,
    /// The end, and before it a line without a line break.
    Unfinished,
    End,
}

impl<R: AsyncBufRead + Unpin> LineReader<R> {
    pub(super) const fn new(source: R) -> Self {
        Self { source, line: Vec::new(), unread: 0, complete: false }
    }

    /// Reads up to the end of the next line. May be dropped at any point and called again:
    /// nothing is lost.
    pub(super) async fn advance(&mut self) -> io::Result<Found> {
        if self.complete {
            self.line.clear();
            self.unread = 0;
            self.complete = false;
        }
        loop {
            let available = self.source.fill_buf().await?;
            if available.is_empty() {
                self.complete = true;
                return Ok(if self.line.is_empty() { Found::End } else { Found::Unfinished });
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let piece = end.unwrap_or(available.len());
            let kept = piece.min(MAX_RAW.saturating_sub(self.line.len()));
            self.line.extend_from_slice(&available[..kept]);
            self.unread += piece - kept;
            self.source.consume(piece + usize::from(end.is_some()));
            if end.is_some() {
                self.complete = true;
                return Ok(Found::Line);
            }
        }
    }

    /// The line that was found last.
    pub(super) fn line(&self) -> RawLine<'_> {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let (at, text) = split_timestamp(line);
        RawLine { at, text, unread: self.unread }
    }
}

/// Takes the server's timestamp (RFC 3339, then one space) off a line.
fn split_timestamp(line: &[u8]) -> (Option<Timestamp>, &[u8]) {
    const LONGEST: usize = 40;
    let head = &line[..line.len().min(LONGEST)];
    let end = head.iter().position(|byte| *byte == b' ').unwrap_or(head.len());
    let at = std::str::from_utf8(&line[..end]).ok().and_then(|text| text.parse().ok());
    match at {
        Some(at) => (Some(at), line.get(end + 1..).unwrap_or_default()),
        None => (None, line),
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use futures::FutureExt as _;
    use proptest::prelude::*;
    use tokio::io::{AsyncRead, ReadBuf};

    use super::*;

    /// Gives its pieces one by one and is not ready before each of them.
    struct Pieces {
        pieces: Vec<Vec<u8>>,
        ready: bool,
    }

    impl AsyncRead for Pieces {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            unreachable!("lines are read from the buffer")
        }
    }

    impl AsyncBufRead for Pieces {
        fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
            let this = self.get_mut();
            this.ready = !this.ready;
            if this.ready {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(Ok(this.pieces.first().map_or(&[], Vec::as_slice)))
        }

        fn consume(self: Pin<&mut Self>, amount: usize) {
            let this = self.get_mut();
            if amount > 0 {
                this.pieces[0].drain(..amount);
                if this.pieces[0].is_empty() {
                    this.pieces.remove(0);
                }
            }
        }
    }

    /// All lines, with every future dropped once before it is finished.
    fn read_all(pieces: Vec<Vec<u8>>) -> Vec<(Vec<u8>, usize)> {
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
        let mut reader = LineReader::new(Pieces { pieces, ready: false });
        let mut lines = Vec::new();
        loop {
            let Some(found) = reader.advance().now_or_never() else { continue };
            let found = found.unwrap();
            if found != Found::End {
                lines.push((reader.line.clone(), reader.unread));
            }
            if found != Found::Line {
                return lines;
            }
        }
    }

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_the_bytes_arrive(
            pieces in proptest::collection::vec(proptest::collection::vec(
                prop_oneof![Just(b'\n'), any::<u8>()], 0..30), 0..20)
        ) {
            let whole: Vec<u8> = pieces.concat();
            let mut wanted: Vec<Vec<u8>> = whole.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
            if wanted.last().is_some_and(Vec::is_empty) {
                wanted.pop();
            }
            let lines: Vec<_> = read_all(pieces).into_iter().map(|(line, _)| line).collect();
            prop_assert_eq!(lines, wanted);
        }
    }

    #[test]
    fn an_endless_line_is_not_kept() {
        let mut pieces = vec![vec![b'x'; 1_000]; 100];
        pieces.push(b"y\nnext\n".to_vec());
        let lines = read_all(pieces);
        assert_eq!((lines[0].0.len(), lines[0].1), (MAX_RAW, 100_001 - MAX_RAW));
        assert_eq!(lines[1], (b"next".to_vec(), 0));
    }

    #[test]
    fn the_servers_timestamp_is_taken_off() {
        let at: Timestamp = "2026-11-22T21:25:00.123456789Z".parse().unwrap();
        let cases: &[(&[u8], Option<Timestamp>, &[u8])] = &[
            (b"2026-11-22T21:25:00.123456789Z  two blanks", Some(at), b" two blanks"),
            (b"2026-11-22T22:25:00.123456789+01:00 x", Some(at), b"x"),
            (b"2026-11-22T21:25:00.123456789Z", Some(at), b""),
            (b"2026-11-22T21:25:00.123456789Z ", Some(at), b""),
            (b"failed to open log file", None, b"failed to open log file"),
            (b"\xff\xfe", None, b"\xff\xfe"),
            (b"", None, b""),
        ];
        for (line, at, text) in cases {
            assert_eq!(split_timestamp(line), (*at, *text));
        }
    }
}
