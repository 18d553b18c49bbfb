//! `GET /api/<id>/activity.json?before=<id>`: what changed, in pages.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::task::spawn_blocking;
use tracing::warn;

use super::{Context, json, network_id, refusal};
use crate::snapshot::{ActivityRow, NetworkSnapshot};

/// Rows of a page.
const PAGE: usize = 100;

#[derive(Serialize)]
struct Activity<'a> {
    events: Vec<Event<'a>>,
}

#[derive(Serialize)]
struct Event<'a> {
    id: u64,
    /// Seconds since the UNIX epoch.
    timestamp: u64,
    node_id: u32,
    kind: &'a str,
    details: &'a RawValue,
}

/// The page of the newest rows, or of those before an id.
pub(super) async fn activity(
    State(context): State<Context>,
    Path(network): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let id = match network_id(&network) {
        Ok(id) => id,
        Err(refusal) => return *refusal,
    };
    let Some(before) = before(query.as_deref().unwrap_or_default()) else {
        return refusal(StatusCode::BAD_REQUEST, "before is the id of an event, a number such as before=1000");
    };
    let Some(network) = context.published.network(id) else { return page(&[]) };
    let mut rows = in_memory(&network, before);
    if rows.len() < PAGE {
        let Ok(_place) = context.queries.acquire().await else { return broken() };
        let (kept, before) = (Arc::clone(&context.kept), rows.last().map_or(before, |row| row.id));
        let older = spawn_blocking(move || kept.activity(id, before, PAGE)).await;
        match older.unwrap_or_else(|_| Err("the program failed".to_owned())) {
            Ok(older) => rows.extend(older.into_iter().take(PAGE.saturating_sub(rows.len()))),
            Err(error) => {
                warn!("chain: older activity cannot be shown: {error}");
                if rows.is_empty() {
                    return broken();
                }
            }
        }
    }
    page(&rows)
}

/// The id before which rows are wanted; all ids are before the largest one. None if the query cannot be understood.
fn before(query: &str) -> Option<u64> {
    match form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "before") {
        Some((_, value)) => value.parse().ok(),
        None => Some(u64::MAX),
    }
}

/// Those rows of a page that are in memory.
fn in_memory(network: &NetworkSnapshot, before: u64) -> Vec<ActivityRow> {
    network.activity.iter().filter(|row| row.id < before).take(PAGE).cloned().collect()
}

fn page(rows: &[ActivityRow]) -> Response {
    json(&Activity { events: rows.iter().map(Event::from).collect() })
}

impl<'a> From<&'a ActivityRow> for Event<'a> {
    fn from(row: &'a ActivityRow) -> Self {
        let ActivityRow { id, timestamp, node_id, kind, details } = row;
        Self { id: *id, timestamp: *timestamp, node_id: *node_id, kind, details }
    }
}

fn broken() -> Response {
    refusal(StatusCode::INTERNAL_SERVER_ERROR, "older activity cannot be read from the database")
}
