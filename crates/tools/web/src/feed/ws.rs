//! Events through a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use tokio::time::{interval, timeout};

use super::client::{Client, Transport};
use super::hub::{Connected, Hub};
use super::wish::Wish;
use crate::api;

/// What a client may say at once, in bytes.
const MAX_MESSAGE: usize = 64 << 10;
/// A client that takes nothing for so long is gone.
const STUCK: Duration = Duration::from_secs(60);
/// How often a client is asked whether it is there.
const PING: Duration = Duration::from_secs(20);

/// `GET /ws`: a WebSocket whose query says what is wanted.
pub async fn socket(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery, upgrade: WebSocketUpgrade) -> Response {
    let wish = match Wish::from_query(&query.unwrap_or_default()) {
        Ok(wish) => wish,
        Err(error) => return api::error(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let Some(connected) = hub.connect(Transport::WebSocket, wish) else {
        return too_many();
    };
    let upgrade = upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    upgrade.on_upgrade(move |socket| serve(socket, connected)).into_response()
}

/// What a client is told for which there is no room.
pub(super) fn too_many() -> Response {
    api::error(StatusCode::SERVICE_UNAVAILABLE, "too many clients, or the server ends: try again later")
}

async fn serve(socket: WebSocket, connected: Connected) {
    let (sink, stream) = socket.split();
    let client = &connected.client;
    // Whichever ends first ends the other: a connection with only one direction serves nobody.
    tokio::select! {
        () = write(sink, client) => {}
        () = read(stream, client) => {}
    }
}

async fn write(mut sink: SplitSink<WebSocket, Message>, client: &Client) {
    let mut pings = interval(PING);
    loop {
        let writing = async {
            tokio::select! {
                items = client.next() => match items {
                    Some(items) => {
                        for item in items {
                            sink.feed(Message::Text(item.text)).await?;
                        }
                        sink.flush().await?;
                        Ok(true)
                    }
                    None => {
                        let reason = "the server ends".into();
                        sink.send(Message::Close(Some(CloseFrame { code: close_code::AWAY, reason }))).await?;
                        Ok(false)
                    }
                },
                _ = pings.tick() => {
                    sink.send(Message::Ping(Bytes::new())).await?;
                    Ok::<_, axum::Error>(true)
                }
            }
        };
        if !matches!(timeout(STUCK, writing).await, Ok(Ok(true))) {
            return;
        }
    }
}

async fn read(mut stream: SplitStream<WebSocket>, client: &Client) {
    // Pongs come at least as often as pings go.
    while let Ok(Some(Ok(message))) = timeout(STUCK, stream.next()).await {
        let go_on = match message {
            Message::Text(text) => client.hear(&text),
            Message::Close(_) => false,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => true,
        };
        if !go_on {
            return;
        }
    }
}
