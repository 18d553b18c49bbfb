//! The feed as server-sent events, for clients without WebSocket: `curl -N http://…/events?kind=message`.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, StreamExt};

use super::client::Transport;
use super::hub::Hub;
use super::subscribe::SubscribeRequest;
use super::ws::too_many;
use crate::api;

/// `GET /events`: a stream of the events that the query subscribes to. Messages that are no events have the type `control`.
pub async fn events(State(hub): State<Arc<Hub>>, RawQuery(query): RawQuery) -> Response {
    let request = match SubscribeRequest::from_query(&query.unwrap_or_default()) {
        Ok(request) => request,
        Err(error) => return api::error(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let Some(connected) = hub.connect(Transport::ServerSentEvents, request) else {
        return too_many();
    };
    let batches = stream::unfold(connected, |connected| async move {
        let items = connected.client.next().await?;
        Some((stream::iter(items), connected))
    });
    let events = batches.flatten().map(|item| {
        let event = if item.control { Event::default().event("control") } else { Event::default() };
        Ok::<_, Infallible>(event.data(item.text.as_str()))
    });
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}
