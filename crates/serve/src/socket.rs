//! What tools send through WebSockets: texts that a queue holds, as soon as the other side takes them, and pings by which a side that is gone is
//! noticed.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Interval, interval, timeout};

/// A client that neither reads nor answers pings for this time is disconnected.
const STUCK: Duration = Duration::from_secs(60);
/// How often a client is pinged.
const PING: Duration = Duration::from_secs(20);

/// A client, as its connection sees it.
pub trait SocketClient: Send + Sync {
    /// Takes all that is queued, and waits until something is. The error is why nothing will be queued any more. Cancel safe.
    fn next(&self) -> impl Future<Output = Result<Vec<Utf8Bytes>, Farewell>> + Send;

    /// Handles a message of the client. Returns false if it must be disconnected.
    fn handle_message(&self, text: &str) -> bool;
}

/// Why a connection is closed: one of the codes of [`axum::extract::ws::close_code`], and a text for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// The code.
    pub code: u16,
    /// The reason, at most 123 bytes.
    pub reason: String,
}

/// An upgrade for clients whose messages have at most so many bytes.
pub fn with_messages_up_to(upgrade: WebSocketUpgrade, bytes: usize) -> WebSocketUpgrade {
    upgrade.max_message_size(bytes).max_frame_size(bytes)
}

/// Serves a client until it leaves, is stuck, or nothing will be queued any more.
pub async fn serve_socket(socket: WebSocket, client: &impl SocketClient) {
    let (sink, stream) = socket.split();
    // Whichever ends first ends the other: a connection with only one direction is of no use.
    tokio::select! {
        () = write(sink, client) => {}
        () = read(stream, client) => {}
    }
}

/// Sends what is queued, and pings, until nothing will be queued any more or the client is stuck.
async fn write(mut sink: SplitSink<WebSocket, Message>, client: &impl SocketClient) {
    let mut pings = interval(PING);
    while let Ok(Ok(true)) = timeout(STUCK, write_next(&mut sink, client, &mut pings)).await {}
}

/// Waits for texts or the next ping, and sends them. Returns false after the end.
async fn write_next(
    sink: &mut SplitSink<WebSocket, Message>,
    client: &impl SocketClient,
    pings: &mut Interval,
) -> Result<bool, axum::Error> {
    let texts = tokio::select! {
        texts = client.next() => texts,
        _ = pings.tick() => {
            sink.send(Message::Ping(Bytes::new())).await?;
            return Ok(true);
        }
    };
    match texts {
        Ok(texts) => {
            for text in texts {
                sink.feed(Message::Text(text)).await?;
            }
            sink.flush().await?;
            Ok(true)
        }
        Err(Farewell { code, reason }) => {
            sink.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await?;
            Ok(false)
        }
    }
}

/// Handles the client's messages until it closes the connection or is stuck.
async fn read(mut stream: SplitStream<WebSocket>, client: &impl SocketClient) {
    // A client that is there answers each ping, so something comes within this time.
    while let Ok(Some(Ok(message))) = timeout(STUCK, stream.next()).await {
        let go_on = match message {
            Message::Text(text) => client.handle_message(&text),
            Message::Close(_) => false,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => true,
        };
        if !go_on {
            return;
        }
    }
}
