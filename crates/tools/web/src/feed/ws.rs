//! The feed through a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{Interval, interval, timeout};

use super::client::{Client, Transport};
use super::hub::{Connected, Hub};
use super::subscribe::SubscribeRequest;
use crate::api;

/// The maximum size of a client's message, in bytes.
const MAX_MESSAGE: usize = 64 << 10;
/// A client that neither reads nor answers pings for this time is disconnected.
const STUCK: Duration = Duration::from_secs(60);
/// How often a client is pinged.
const PING: Duration = Duration::from_secs(20);

/// `GET /ws`: a WebSocket with the events that the query subscribes to.
pub async fn socket(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery, upgrade: WebSocketUpgrade) -> Response {
    let request = match SubscribeRequest::from_query(&query.unwrap_or_default()) {
        Ok(request) => request,
        Err(error) => return api::error(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let Some(connected) = hub.connect(Transport::WebSocket, request) else {
        return too_many();
    };
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    upgrade.on_upgrade(move |socket| serve(socket, connected)).into_response()
}

/// The response to a client that the hub does not take.
pub(super) fn too_many() -> Response {
    api::error(StatusCode::SERVICE_UNAVAILABLE, "too many clients, or the server is shutting down: try again later")
}

async fn serve(socket: WebSocket, connected: Connected) {
    let (sink, stream) = socket.split();
    let client = &connected.client;
    // Whichever ends first ends the other: a connection with only one direction is of no use.
    tokio::select! {
        () = write(sink, client) => {}
        () = read(stream, client) => {}
    }
}

/// Sends what is queued, and pings, until the feed ends or the client is stuck.
async fn write(mut sink: SplitSink<WebSocket, Message>, client: &Client) {
    let mut pings = interval(PING);
    while let Ok(Ok(true)) = timeout(STUCK, write_next(&mut sink, client, &mut pings)).await {}
}

/// Waits for items or the next ping, and sends them. Returns false after the end of the feed.
async fn write_next(
    sink: &mut SplitSink<WebSocket, Message>,
    client: &Client,
    pings: &mut Interval,
) -> Result<bool, axum::Error> {
    let items = tokio::select! {
        items = client.next() => items,
        _ = pings.tick() => {
            sink.send(Message::Ping(Bytes::new())).await?;
            return Ok(true);
        }
    };
    let Some(items) = items else {
        let reason = "the server is shutting down".into();
        sink.send(Message::Close(Some(CloseFrame { code: close_code::AWAY, reason }))).await?;
        return Ok(false);
    };
    for item in items {
        sink.feed(Message::Text(item.text)).await?;
    }
    sink.flush().await?;
    Ok(true)
}

/// Handles the client's messages until it closes the connection or is stuck.
async fn read(mut stream: SplitStream<WebSocket>, client: &Client) {
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
