//! The JSON API below `api/`: the present state of the nodes and their peers, and time series of the last day.

mod addresses;
mod addrman;
mod alerts;
mod blocks;
mod browsers;
mod chain;
mod connectivity;
mod endpoint;
mod happenings;
mod incident;
mod info;
mod log;
mod losses;
mod manual;
mod marks;
mod mempool;
mod messages;
mod nodes;
mod openapi;
mod own;
mod parameters;
mod peer;
mod peers;
mod pings;
mod relay;
mod replay;
mod respond;
mod tables;
mod to_us;
mod transactions;
mod values;

use std::fmt;
use std::sync::Arc;

use alert_state::Store;
use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use parking_lot::Mutex;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::state::State;
pub use browsers::Browsers;
use endpoint::Row;
pub use manual::manual;
pub use openapi::document;
pub(crate) use parameters::{ApiError, Arguments, Parameter, ParameterKind};
pub(crate) use respond::json;
use respond::{command, respond};
use serve::{compressed_and_cached, compressed_and_shared};
pub(crate) use tables::router as tables;
pub(crate) use values::Time;

/// How long proxies may keep the answers of the public, in seconds: the pages ask each second.
const SHARED: u32 = 1;

/// The sources of the answers.
#[derive(Clone)]
pub struct Context {
    /// The state of all nodes.
    pub state: Arc<Mutex<State>>,
    /// Returns the clients of the live feed.
    pub clients: Arc<dyn Fn() -> Vec<Client> + Send + Sync>,
    /// Whether clients may control a replay.
    pub may_control: bool,
    /// The browsers that show the pages.
    pub browsers: Arc<Browsers>,
    /// What is kept of alerts, and what people decide about them.
    pub alerts: Option<Store>,
    /// Whether all clients get the same answers, and whoever is between them and us may keep those for a moment.
    pub is_shared: bool,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

/// A client of the live feed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Client {
    /// Id of the client, unique since the program started.
    pub id: u64,
    /// How it is connected: `ws` (WebSocket) or `sse` (server-sent events).
    pub kind: &'static str,
    /// Number of events sent to it.
    pub sent: u64,
    /// Number of events dropped because it was too slow.
    pub dropped: u64,
    /// Number of queued events and control messages.
    pub waiting: u64,
    /// When it connected.
    pub(crate) since: Time,
}

/// All endpoints, in the order of the manual.
const ENDPOINTS: &[Row] = &[
    Row::of::<info::Endpoint>(),
    Row::of::<nodes::Endpoint>(),
    Row::of::<happenings::Endpoint>(),
    Row::of::<alerts::Endpoint>(),
    Row::of::<incident::Endpoint>(),
    Row::of::<peers::Endpoint>(),
    Row::of::<peer::Endpoint>(),
    Row::of::<messages::Endpoint>(),
    Row::of::<addresses::Endpoint>(),
    Row::of::<transactions::Endpoint>(),
    Row::of::<blocks::Endpoint>(),
    Row::of::<chain::Endpoint>(),
    Row::of::<chain::networks::Endpoint>(),
    Row::of::<chain::tree::Endpoint>(),
    Row::of::<chain::activity::Endpoint>(),
    Row::of::<chain::block::Endpoint>(),
    Row::of::<relay::Endpoint>(),
    Row::of::<mempool::Endpoint>(),
    Row::of::<log::Endpoint>(),
    Row::of::<pings::Endpoint>(),
    Row::of::<addrman::Endpoint>(),
    Row::of::<connectivity::Endpoint>(),
    Row::of::<losses::Endpoint>(),
    Row::of::<replay::Endpoint>(),
];

/// The API, to be nested under `api`.
pub fn router(context: Context) -> Router {
    let browsers = Arc::clone(&context.browsers);
    let is_shared = context.is_shared;
    let mut router = Router::new();
    for row in ENDPOINTS {
        let row = *row;
        let path = format!("/{}", row.path);
        let mut methods = get(move |state, path, query| respond(row, state, path, query));
        if let Some(posted) = row.command {
            methods = methods.post(move |state, headers, body| command(row, posted, state, headers, body));
        }
        router = router.route(&path, methods);
    }
    router = router.route("/openapi.json", get(|| async { json(document().into()) }));
    let only_get = || async { error(StatusCode::METHOD_NOT_ALLOWED, "only GET is allowed") };
    let router = router.route("/{*rest}", get(not_found)).method_not_allowed_fallback(only_get).with_state(context);
    let router = if is_shared { compressed_and_shared(router, SHARED) } else { compressed_and_cached(router) };
    router.layer(from_fn_with_state(browsers, browsers::note))
}

async fn not_found() -> Response {
    let paths: Vec<String> = ENDPOINTS.iter().map(|row| format!("api/{}", row.path)).collect();
    error(StatusCode::NOT_FOUND, &format!("there is nothing here; there are: {}", paths.join(", ")))
}

/// A response with an error message, as JSON.
pub fn error(status: StatusCode, text: &str) -> Response {
    let body = json!({ "error": text }).to_string();
    let mut response = json(body.into());
    *response.status_mut() = status;
    response.into_response()
}
