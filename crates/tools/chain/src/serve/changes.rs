//! `GET /api/changes`: server-sent events that name the network that changed.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream, StreamExt};
use serde::Serialize;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::TryRecvError;

use super::{Context, refusal};

/// The type of the events.
const CHANGED: &str = "cache_changed";

#[derive(Serialize)]
struct Changed {
    network_id: u32,
}

/// A stream of changes. It ends if the client is too slow: it connects again, and asks for what is so then.
pub(super) async fn changes(State(context): State<Context>) -> Response {
    let Ok(place) = Arc::clone(&context.clients).try_acquire_owned() else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "too many clients follow the changes; try again later");
    };
    let keep_alive = KeepAlive::new().interval(context.options.keep_alive);
    Sse::new(events(context.published.changes(), place)).keep_alive(keep_alive).into_response()
}

/// One event for each network of those that changed since the client took the last ones.
fn events(
    changes: Receiver<u32>,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let batches = stream::unfold((changes, place), |(mut changes, place)| async move {
        let mut networks = BTreeSet::from([changes.recv().await.ok()?]);
        loop {
            match changes.try_recv() {
                Ok(network) => _ = networks.insert(network),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
                Err(TryRecvError::Lagged(_)) => return None,
            }
        }
        Some((stream::iter(networks), (changes, place)))
    });
    // Numbers can be written as JSON.
    batches.flatten().map(|network_id| {
        let data = serde_json::to_string(&Changed { network_id }).unwrap_or_default();
        Ok(Event::default().event(CHANGED).data(data))
    })
}
