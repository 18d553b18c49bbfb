//! The feed through a WebSocket.

use std::sync::Arc;

use axum::extract::ws::{Utf8Bytes, WebSocketUpgrade, close_code};
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serve::{Farewell, SocketClient, serve_socket, with_messages_up_to};

use super::client::{Client, Transport};
use super::hub::Hub;
use super::subscribe::SubscribeRequest;
use crate::api;

/// The maximum size of a client's message, in bytes.
const MAX_MESSAGE: usize = 64 << 10;

/// `GET /ws`: a WebSocket with the events that the query subscribes to.
pub async fn socket(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery, upgrade: WebSocketUpgrade) -> Response {
    let request = match SubscribeRequest::from_query(&query.unwrap_or_default()) {
        Ok(request) => request,
        Err(error) => return api::error(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let Some(connected) = hub.connect(Transport::WebSocket, request) else {
        return too_many();
    };
    let upgrade = with_messages_up_to(upgrade, MAX_MESSAGE);
    upgrade.on_upgrade(move |socket| async move { serve_socket(socket, &*connected.client).await }).into_response()
}

/// The response to a client that the hub does not take.
pub(super) fn too_many() -> Response {
    api::error(StatusCode::SERVICE_UNAVAILABLE, "too many clients, or the server is shutting down: try again later")
}

impl SocketClient for Client {
    async fn next(&self) -> Result<Vec<Utf8Bytes>, Farewell> {
        let items = Self::next(self).await;
        let items = items
            .ok_or_else(|| Farewell { code: close_code::AWAY, reason: "the server is shutting down".to_owned() })?;
        Ok(items.into_iter().map(|item| item.text).collect())
    }

    fn handle_message(&self, text: &str) -> bool {
        Self::handle_message(self, text)
    }
}
