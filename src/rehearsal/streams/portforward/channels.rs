//! Channels over a websocket: each message begins with its channel. Of each port the
//! even channel carries data, the odd one errors; both begin with the port's number.

use std::sync::Arc;

use futures::stream::SplitStream;
use futures::{SinkExt as _, StreamExt as _};
use tokio::io::DuplexStream;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use super::pipe;
use crate::rehearsal::world::World;

/// Messages on their way to the client.
const QUEUE: usize = 32;
/// Bytes of one message.
const CHUNK: usize = 32 * 1024;
/// Channel of v5 on which the end of another one is told.
const CLOSE: u8 = 255;
/// Most ports of one session: a channel has one byte.
const MOST_PORTS: usize = 64;

/// Forwards until the client leaves or all ports are closed.
pub(super) async fn session<S>(world: Arc<World>, pod: String, ports: Vec<u16>, socket: WebSocketStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sink, stream) = socket.split();
    let (sender, mut outgoing) = mpsc::channel::<Message>(QUEUE);
    let mut far_ends = Vec::new();
    let mut reading = JoinSet::new();
    for (number, port) in ports.into_iter().take(MOST_PORTS).enumerate() {
        let data = u8::try_from(number * 2).unwrap_or(CLOSE - 1);
        let begin = |channel: u8| {
            let [low, high] = port.to_le_bytes();
            Message::Binary(Bytes::copy_from_slice(&[channel, low, high]))
        };
        // The queue is empty and longer than the greetings of a port.
        if sender.try_send(begin(data)).is_err() || sender.try_send(begin(data + 1)).is_err() {
            break;
        }
        match pipe::connect(&world, &pod, port) {
            Ok(pipe) => {
                let (from, to) = split(pipe);
                far_ends.push(Some(to));
                reading.spawn(read(data, from, sender.clone()));
            }
            Err(words) => {
                far_ends.push(None);
                let mut message = vec![data + 1];
                message.extend_from_slice(words.as_bytes());
                if sender.try_send(Message::Binary(message.into())).is_err() {
                    break;
                }
            }
        }
    }
    drop(sender);
    let writing = async {
        while let Some(message) = outgoing.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
        // All far ends are closed: so is the session.
        let _ = sink.close().await;
    };
    tokio::select! {
        () = writing => {}
        () = take(stream, &mut far_ends) => {}
    }
}

/// Carries what the client sends to the far ends until it leaves.
async fn take<S>(
    mut stream: SplitStream<WebSocketStream<S>>,
    far_ends: &mut [Option<WriteHalf<DuplexStream>>],
) where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(Ok(message)) = stream.next().await {
        let data = match message {
            Message::Binary(data) => data,
            Message::Close(_) => return,
            _ => continue,
        };
        let Some((channel, data)) = data.split_first() else { continue };
        let (channel, closes) = match (*channel, data) {
            (CLOSE, [closed, ..]) => (*closed, true),
            (channel, _) => (channel, false),
        };
        let Some(far_end) = far_ends.get_mut(usize::from(channel / 2)).filter(|_| channel % 2 == 0) else {
            continue;
        };
        let Some(writer) = far_end else { continue };
        let done = if closes { writer.shutdown().await } else { writer.write_all(data).await };
        if closes || done.is_err() {
            *far_end = None;
        }
    }
}

/// Carries what the far end says to the client.
async fn read(channel: u8, mut from: ReadHalf<DuplexStream>, sender: mpsc::Sender<Message>) {
    let mut buffer = vec![0; CHUNK];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let mut message = Vec::with_capacity(count + 1);
        message.push(channel);
        message.extend_from_slice(&buffer[..count]);
        if sender.send(Message::Binary(message.into())).await.is_err() {
            return;
        }
    }
}
