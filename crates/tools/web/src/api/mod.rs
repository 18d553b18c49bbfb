//! The JSON API: what is known now, and for the last day, under `api/`.

mod addresses;
mod addrman;
mod blocks;
mod cache;
mod chain;
mod endpoint;
mod info;
mod log;
mod losses;
mod manual;
mod marks;
mod mempool;
mod messages;
mod nodes;
mod openapi;
mod parameters;
mod peer;
mod peers;
mod pings;
mod respond;
mod transactions;
mod values;

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::state::State;
use endpoint::Row;
pub use manual::manual;
pub use openapi::document;
use respond::{compressed_and_cached, respond};

/// What the API tells of.
#[derive(Clone)]
pub struct Context {
    /// What is known.
    pub state: Arc<Mutex<State>>,
    /// Tells who is connected for live events.
    pub clients: Arc<dyn Fn() -> Vec<Client> + Send + Sync>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// Somebody who gets live events.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Client {
    /// Its number.
    pub id: u64,
    /// `ws` or `sse`.
    pub kind: &'static str,
    /// Events that it got.
    pub sent: u64,
    /// Events that it missed because it was too slow.
    pub dropped: u64,
    /// Events that wait for it.
    pub waiting: u64,
    /// When it connected.
    pub since: String,
}

/// All that can be asked for.
const ENDPOINTS: &[Row] = &[
    Row::of::<info::Endpoint>(),
    Row::of::<nodes::Endpoint>(),
    Row::of::<peers::Endpoint>(),
    Row::of::<peer::Endpoint>(),
    Row::of::<messages::Endpoint>(),
    Row::of::<addresses::Endpoint>(),
    Row::of::<transactions::Endpoint>(),
    Row::of::<blocks::Endpoint>(),
    Row::of::<chain::Endpoint>(),
    Row::of::<mempool::Endpoint>(),
    Row::of::<log::Endpoint>(),
    Row::of::<pings::Endpoint>(),
    Row::of::<addrman::Endpoint>(),
    Row::of::<losses::Endpoint>(),
];

/// The API, to be nested under `api`.
pub fn router(context: Context) -> Router {
    let mut router = Router::new();
    for row in ENDPOINTS {
        let row = *row;
        let path = format!("/{}", row.path);
        router = router.route(&path, get(move |state, path, query| respond(row, state, path, query)));
    }
    router = router.route("/openapi.json", get(|| async { respond::json(document().into()) }));
    let only_get = || async { error(StatusCode::METHOD_NOT_ALLOWED, "only GET is answered here") };
    let router = router.route("/{*rest}", get(not_found)).method_not_allowed_fallback(only_get).with_state(context);
    compressed_and_cached(router)
}

async fn not_found() -> Response {
    let paths: Vec<String> = ENDPOINTS.iter().map(|row| format!("api/{}", row.path)).collect();
    error(StatusCode::NOT_FOUND, &format!("there is nothing here; there are: {}", paths.join(", ")))
}

/// An answer that tells what is wrong.
pub fn error(status: StatusCode, text: &str) -> Response {
    let body = json!({ "error": text }).to_string();
    let mut response = respond::json(body.into());
    *response.status_mut() = status;
    response.into_response()
}
