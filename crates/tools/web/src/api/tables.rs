//! `addrman/NODE`: the tables of address managers, as getrawaddrman gives them, and in the compact form that the page draws.
//!
//! They are outside of `api/`: what they answer is large and no structure of the API, and programs for addrman-observer ask for the first
//! one there.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use event::quote::Quoted;
use event::time::rfc3339_micros;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::parameters::{ApiError, Arguments, Parameter, ParameterKind};
use crate::state;
use crate::state::addrman::columns::{Columns, packed, unpacked};
use crate::state::addrman::tables::Snapshot;

/// So many answers are made at once: one of full tables takes 20 million bytes and some tenths of a second.
const AT_ONCE: usize = 2;
/// Bytes that JSON of full tables has, about.
const JSON_SIZE: usize = 20_000_000;

/// The parameter that chooses a snapshot.
const TIME: Parameter = Parameter {
    name: "time",
    kind: ParameterKind::Text,
    about: "When getrawaddrman gave the tables, as `api/addrman` writes it; the last time if it is absent.",
};

/// What the answers are made from.
#[derive(Clone)]
struct Tables {
    state: Arc<Mutex<state::State>>,
    permits: Arc<Semaphore>,
}

/// The tables, to be nested under `addrman`.
pub(crate) fn router(state: Arc<Mutex<state::State>>) -> Router {
    let tables = Tables { state, permits: Arc::new(Semaphore::new(AT_ONCE)) };
    Router::new()
        .route("/{node}", get(raw))
        .route("/{node}/columns", get(columns))
        .route("/{node}/reachable", get(reachable))
        .with_state(tables)
}

/// `GET addrman/NODE`: the last response of getrawaddrman, as the node gave it.
async fn raw(State(tables): State<Tables>, Path(node): Path<String>, headers: HeaderMap) -> Response {
    if tables.state.lock().public {
        let reason = "the tables as the node gave them are not in the public mode; addrman/NODE/columns has pseudonyms";
        return super::error(StatusCode::NOT_FOUND, reason);
    }
    let snapshot = match tables.snapshot(&node, None) {
        Ok(snapshot) => snapshot,
        Err(error) => return super::error(error.status, &error.text),
    };
    let is_packed = accepts_gzip(&headers);
    let made = tables.make(move || {
        let bytes = unpacked(&snapshot.packed).ok()?;
        let mut json = Vec::with_capacity(JSON_SIZE.min(bytes.len() * 8));
        Columns::read(&bytes)?.write(&mut json).ok()?;
        Some(if is_packed { packed(&json) } else { json })
    });
    let mut response = answer(made.await, "application/json", is_packed);
    // The guard answers only to our own pages and to those of names that are configured: they may read it.
    if let Some(origin) = headers.get(ORIGIN) {
        response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    }
    response
}

/// `GET addrman/NODE/columns`: the tables in the compact form.
async fn columns(
    State(tables): State<Tables>,
    Path(node): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let snapshot = match tables.asked(&node, query) {
        Ok(snapshot) => snapshot,
        Err(error) => return super::error(error.status, &error.text),
    };
    if accepts_gzip(&headers) {
        // It was packed when it came.
        return answer(Some(snapshot.packed.clone()), "application/octet-stream", true);
    }
    let made = tables.make(move || unpacked(&snapshot.packed).ok());
    answer(made.await, "application/octet-stream", false)
}

/// `GET addrman/NODE/reachable`: a byte for each entry of the compact form: 1 if a node was there, 2 if none was, 0 if that is not known.
async fn reachable(State(tables): State<Tables>, Path(node): Path<String>, RawQuery(query): RawQuery) -> Response {
    let snapshot = match tables.asked(&node, query) {
        Ok(snapshot) => snapshot,
        Err(error) => return super::error(error.status, &error.text),
    };
    let state = Arc::clone(&tables.state);
    let made = tables.make(move || {
        let bytes = unpacked(&snapshot.packed).ok()?;
        let columns = Columns::read(&bytes)?;
        let state = state.lock();
        let known = &state.nodes.get(&node)?.pages.connectivity;
        let outcome = |(host, port)| match known.outcome_of(host, port) {
            None => 0,
            Some(true) => 1,
            Some(false) => 2,
        };
        Some(columns.endpoints().map(outcome).collect::<Vec<u8>>())
    });
    answer(made.await, "application/octet-stream", false)
}

impl Tables {
    /// The snapshot that a query asks for.
    fn asked(&self, node: &str, query: Option<String>) -> Result<Arc<Snapshot>, ApiError> {
        let arguments = Arguments::read(&query.unwrap_or_default(), &[TIME], Vec::new())?;
        self.snapshot(node, arguments.text(TIME.name))
    }

    /// The snapshot of a node of this time, or the last one.
    fn snapshot(&self, name: &str, time: Option<&str>) -> Result<Arc<Snapshot>, ApiError> {
        let state = self.state.lock();
        let name = Quoted(name);
        let Some(node) = state.nodes.get(name.0) else {
            return Err(ApiError::not_found(format!("there is no node {name}; api/nodes lists those that there are")));
        };
        let mut snapshots = node.pages.addrman.tables.iter().rev();
        let fits = |one: &&Arc<Snapshot>| time.is_none_or(|time| rfc3339_micros(one.at_ns) == time);
        snapshots.find(fits).map(Arc::clone).ok_or_else(|| {
            ApiError::not_found(match time {
                Some(time) => {
                    format!(
                        "tables of {name} of the time {} are not kept; api/addrman lists those that are",
                        Quoted(time)
                    )
                }
                None => format!(
                    "the tables of {name} are not known: the extractor rpc reads them (getrawaddrman, every 5 minutes)"
                ),
            })
        })
    }

    /// Makes an answer, when few others are being made.
    async fn make<T: Into<bytes::Bytes> + Send + 'static>(
        &self,
        make: impl FnOnce() -> Option<T> + Send + 'static,
    ) -> Option<bytes::Bytes> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok()?;
        let made = spawn_blocking(move || {
            let made = make().map(Into::into);
            drop(permit);
            made
        });
        made.await.ok().flatten()
    }
}

fn answer(body: Option<bytes::Bytes>, content_type: &'static str, is_packed: bool) -> Response {
    let Some(body) = body else {
        return super::error(StatusCode::INTERNAL_SERVER_ERROR, "internal error while the answer was made");
    };
    let fixed: [(HeaderName, &'static str); 3] =
        [(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-store"), (VARY, "accept-encoding, origin")];
    let mut response = (fixed, body).into_response();
    if is_packed {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether a client takes gzip.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let all = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    all.flat_map(|value| value.split(',')).any(|one| {
        let mut parts = one.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |weight| weight.parse().unwrap_or(0.0));
        is_gzip && weight > 0.0
    })
}
