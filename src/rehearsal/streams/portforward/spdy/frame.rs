//! SPDY/3.1 frames: read, bounded, and written (SPDY Protocol draft 3.1, section 2.2).

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longest frame that is taken.
const LONGEST: usize = 1024 * 1024;

const SYN_STREAM: u16 = 1;
const SYN_REPLY: u16 = 2;
const RST_STREAM: u16 = 3;
const PING: u16 = 6;
const GOAWAY: u16 = 7;
const HEADERS: u16 = 8;
const VERSION: u16 = 3;
/// The sender will send no more on this stream.
const FIN: u8 = 1;

/// Status of a reset: the rules were broken.
pub(super) const PROTOCOL_ERROR: u32 = 1;
/// Status of a reset: no more streams.
pub(super) const REFUSED: u32 = 3;

/// A frame, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    SynStream {
        stream: u32,
        finished: bool,
        headers: Vec<u8>,
    },
    Headers {
        headers: Vec<u8>,
    },
    Data {
        stream: u32,
        finished: bool,
        data: Vec<u8>,
    },
    Reset {
        stream: u32,
    },
    Ping {
        id: u32,
    },
    GoAway,
    /// Settings, replies, window updates, and what is not known.
    Other,
}

/// Reads a frame; `None` at the end.
///
/// # Errors
/// When it breaks off, is too long, or is no frame.
pub(super) async fn read_frame(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Frame>> {
    let mut head = [0; 8];
    match reader.read_exact(&mut head).await {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let [a, b, c, d, flags, x, y, z] = head;
    let length = usize::try_from(u32::from_be_bytes([0, x, y, z])).unwrap_or(usize::MAX);
    if length > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a frame of {length} bytes")));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).await?;
    let finished = flags & FIN != 0;
    if a & 0x80 == 0 {
        let stream = u32::from_be_bytes([a, b, c, d]);
        return Ok(Some(Frame::Data { stream, finished, data: body }));
    }
    control(u16::from_be_bytes([c, d]), finished, &body).map(Some)
}

fn control(kind: u16, finished: bool, body: &[u8]) -> io::Result<Frame> {
    let number = |at: usize| {
        let bytes = body.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_be_bytes).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    };
    let from = |at: usize| body.get(at..).unwrap_or_default().to_vec();
    Ok(match kind {
        SYN_STREAM => Frame::SynStream { stream: number(0)? & 0x7fff_ffff, finished, headers: from(10) },
        HEADERS => Frame::Headers { headers: from(4) },
        RST_STREAM => Frame::Reset { stream: number(0)? & 0x7fff_ffff },
        PING => Frame::Ping { id: number(0)? },
        GOAWAY => Frame::GoAway,
        _ => Frame::Other,
    })
}

fn frame(head: [u8; 4], flags: u8, body: &[&[u8]]) -> Vec<u8> {
    let length = body.iter().map(|part| part.len()).sum::<usize>();
    // Bodies are chunks of this program's own, far below the 24 bits of the length.
    let [_, x, y, z] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    let mut frame = Vec::with_capacity(8 + length);
    frame.extend_from_slice(&head);
    frame.extend_from_slice(&[flags, x, y, z]);
    body.iter().for_each(|part| frame.extend_from_slice(part));
    frame
}

fn control_head(kind: u16) -> [u8; 4] {
    let [version, kind] = [(VERSION | 0x8000).to_be_bytes(), kind.to_be_bytes()];
    [version[0], version[1], kind[0], kind[1]]
}

/// Data on a stream; `finished` where no more will come.
pub(super) fn data(stream: u32, data: &[u8], finished: bool) -> Vec<u8> {
    frame((stream & 0x7fff_ffff).to_be_bytes(), if finished { FIN } else { 0 }, &[data])
}

/// The answer to a stream that was opened.
pub(super) fn syn_reply(stream: u32, headers: &[u8]) -> Vec<u8> {
    frame(control_head(SYN_REPLY), 0, &[&stream.to_be_bytes(), headers])
}

/// The end of a stream that went wrong.
pub(super) fn reset(stream: u32, status: u32) -> Vec<u8> {
    frame(control_head(RST_STREAM), 0, &[&stream.to_be_bytes(), &status.to_be_bytes()])
}

/// The answer to a ping.
pub(super) fn ping(id: u32) -> Vec<u8> {
    frame(control_head(PING), 0, &[&id.to_be_bytes()])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(mut bytes: &[u8]) -> io::Result<Option<Frame>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read_frame(&mut bytes))
    }

    #[test]
    fn frames_are_read_as_they_are_written() {
        assert_eq!(
            read(&data(5, b"abc", true)).unwrap(),
            Some(Frame::Data { stream: 5, finished: true, data: b"abc".into() })
        );
        assert_eq!(read(&ping(7)).unwrap(), Some(Frame::Ping { id: 7 }));
        assert_eq!(read(&reset(3, REFUSED)).unwrap(), Some(Frame::Reset { stream: 3 }));
        assert_eq!(read(&syn_reply(1, b"")).unwrap(), Some(Frame::Other));
        let opened = frame(control_head(SYN_STREAM), FIN, &[&[0, 0, 0, 9, 0, 0, 0, 0, 0, 0], b"block"]);
        assert_eq!(
            read(&opened).unwrap(),
            Some(Frame::SynStream { stream: 9, finished: true, headers: b"block".into() })
        );
        assert_eq!(read(&[]).unwrap(), None);
        assert!(read(&[0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff]).is_err(), "too long");
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = read(&bytes);
        }
    }
}
