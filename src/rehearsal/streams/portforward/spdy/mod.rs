//! A SPDY/3.1 session as the API server speaks it: streams in pairs, one for the data of
//! a forwarded connection and one for its errors, told apart by their headers.
//!
//! Clients that speak it here (Go's spdystream) know no flow control, so none is done;
//! what may be on its way is bounded by the pipes.

mod dictionary;
mod frame;
mod header;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use futures::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, WriteHalf, split};
use tokio::io::{DuplexStream, ReadHalf, duplex};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use self::frame::{Frame, read_frame};
use self::header::{Deflater, Inflater};
use super::pipe;
use crate::rehearsal::world::World;

/// Frames on their way to the client.
const QUEUE: usize = 32;
/// Bytes of one data frame.
const CHUNK: usize = 16 * 1024;
/// Most streams of one session at a time: two for each connection.
const MOST_STREAMS: usize = 256;

/// Runs a session within a websocket: its binary messages are one stream of bytes.
pub(super) async fn tunnel<S>(world: Arc<World>, pod: String, socket: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (near, far) = duplex(4 * CHUNK);
    let (mut from_session, mut to_session) = split(near);
    let (mut sink, mut stream) = socket.split();
    let inward = async {
        while let Some(Ok(message)) = stream.next().await {
            match message {
                Message::Binary(data) if to_session.write_all(&data).await.is_ok() => {}
                Message::Ping(_) | Message::Pong(_) | Message::Text(_) => {}
                _ => return,
            }
        }
    };
    let outward = async {
        let mut buffer = vec![0; CHUNK];
        while let Ok(count @ 1..) = from_session.read(&mut buffer).await {
            let message = Message::Binary(buffer[..count].to_vec().into());
            if sink.send(message).await.is_err() {
                return;
            }
        }
        // Whether the client still hears it does not matter.
        let _ = sink.close().await;
    };
    tokio::select! {
        () = inward => {}
        () = outward => {}
        () = session(world, pod, far) => {}
    }
}

/// Runs a session until the client leaves or breaks the rules.
pub(super) async fn session<S>(world: Arc<World>, pod: String, io: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (reader, mut writer) = split(io);
    let (sender, mut outgoing) = mpsc::channel::<Vec<u8>>(QUEUE);
    let Ok(deflater) = Deflater::new() else { return };
    let mut session = Session {
        world,
        pod,
        sender,
        deflater,
        streams: HashMap::new(),
        requests: HashMap::new(),
        tasks: JoinSet::new(),
    };
    let writing = async {
        while let Some(frame) = outgoing.recv().await {
            if writer.write_all(&frame).await.is_err() || writer.flush().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = writing => {}
        ended = session.take(reader) => {
            if let Err(error) = ended {
                tracing::debug!("a SPDY session ended: {error}");
            }
        }
    }
}

struct Session {
    world: Arc<World>,
    pod: String,
    sender: mpsc::Sender<Vec<u8>>,
    /// Of the headers that go to the client.
    deflater: Deflater,
    /// The writing ends of data streams; `None` for error streams and closed ones.
    streams: HashMap<u32, Option<WriteHalf<DuplexStream>>>,
    /// The error stream of each request whose data stream has not come yet.
    requests: HashMap<String, u32>,
    /// End with the session.
    tasks: JoinSet<()>,
}

impl Session {
    async fn take(&mut self, mut reader: impl AsyncRead + Unpin) -> io::Result<()> {
        let mut inflater = Inflater::default();
        while let Some(frame) = read_frame(&mut reader).await? {
            match frame {
                Frame::SynStream { stream, finished, headers } => {
                    let headers = inflater.headers(&headers)?;
                    self.open(stream, finished, &headers).await?;
                }
                // The context of compression goes on with every block.
                Frame::Headers { headers } => drop(inflater.headers(&headers)?),
                Frame::Data { stream, finished, data } => self.data(stream, finished, &data).await,
                Frame::Reset { stream } => {
                    self.streams.remove(&stream);
                }
                Frame::Ping { id } => self.send(frame::ping(id)).await?,
                Frame::GoAway => return Ok(()),
                Frame::Other => {}
            }
        }
        Ok(())
    }

    async fn send(&self, frame: Vec<u8>) -> io::Result<()> {
        self.sender.send(frame).await.map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    async fn open(
        &mut self,
        stream: u32,
        finished: bool,
        headers: &HashMap<String, String>,
    ) -> io::Result<()> {
        if self.streams.len() >= MOST_STREAMS {
            return self.send(frame::reset(stream, frame::REFUSED)).await;
        }
        let header = |name: &str| headers.get(name).map(String::as_str).unwrap_or_default();
        let request = header("requestid").to_owned();
        let headers = self.deflater.block(&[])?;
        self.send(frame::syn_reply(stream, &headers)).await?;
        self.streams.insert(stream, None);
        match header("streamtype") {
            "error" => {
                self.requests.insert(request, stream);
                Ok(())
            }
            "data" => {
                let errors = self.requests.remove(&request);
                self.connect(stream, errors, header("port"), finished).await
            }
            _ => self.send(frame::reset(stream, frame::PROTOCOL_ERROR)).await,
        }
    }

    async fn connect(
        &mut self,
        data: u32,
        errors: Option<u32>,
        port: &str,
        finished: bool,
    ) -> io::Result<()> {
        let connected = match port.parse() {
            Ok(port) => pipe::connect(&self.world, &self.pod, port),
            Err(_) => Err(format!("unable to parse port \"{port}\"")),
        };
        match connected {
            Ok(pipe) => {
                let (from, mut to) = split(pipe);
                if finished {
                    // The far end may be gone already, which is as good.
                    let _ = to.shutdown().await;
                } else {
                    self.streams.insert(data, Some(to));
                }
                self.tasks.spawn(read(data, errors, from, self.sender.clone()));
                while self.tasks.try_join_next().is_some() {}
                Ok(())
            }
            Err(words) => {
                if let Some(errors) = errors {
                    self.send(frame::data(errors, words.as_bytes(), true)).await?;
                }
                self.send(frame::data(data, &[], true)).await
            }
        }
    }

    async fn data(&mut self, stream: u32, finished: bool, data: &[u8]) {
        let Some(known) = self.streams.get_mut(&stream) else { return };
        if let Some(writer) = known {
            let written = writer.write_all(data).await;
            if finished || written.is_err() {
                // The far end may be gone already, which is as good.
                let _ = writer.shutdown().await;
            }
            if written.is_err() {
                *known = None;
            }
        }
        if finished {
            self.streams.remove(&stream);
        }
    }
}

/// Carries what the far end says to the client, then ends both streams.
async fn read(
    data: u32,
    errors: Option<u32>,
    mut from: ReadHalf<DuplexStream>,
    sender: mpsc::Sender<Vec<u8>>,
) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if sender.send(frame::data(data, &buffer[..count], false)).await.is_err() {
            return;
        }
    }
    for stream in [Some(data), errors].into_iter().flatten() {
        if sender.send(frame::data(stream, &[], true)).await.is_err() {
            return;
        }
    }
}
