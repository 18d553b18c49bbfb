//! Answers of the API over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawPathParams, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use super::Context;
use super::cache::{Cache, cache};
use super::endpoint::Row;
use super::parameters::{ApiError, Arguments};

/// Answers a request for the endpoint of a row.
pub(crate) async fn respond(
    row: Row,
    State(context): State<Context>,
    path: RawPathParams,
    RawQuery(query): RawQuery,
) -> Response {
    let path = path.iter().map(|(_, segment)| segment.to_owned()).collect();
    let arguments = match Arguments::read(&query.unwrap_or_default(), row.parameters, path) {
        Ok(arguments) => arguments,
        Err(error) => return super::error(error.status, &error.text),
    };
    // Large answers take milliseconds to make: this must not hold up the threads that carry events.
    let rendered = tokio::task::spawn_blocking(move || (row.render)(&context, &arguments)).await;
    let broken = || ApiError {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        text: "internal error while the answer was made".to_owned(),
    };
    match rendered.unwrap_or_else(|_| Err(broken())) {
        Ok(body) => json(body.into()),
        Err(error) => super::error(error.status, &error.text),
    }
}

/// Adds compression and the [`Cache`] to all routes of a router.
pub(crate) fn compressed_and_cached(router: Router) -> Router {
    router
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(from_fn_with_state(Arc::new(Cache::new()), cache))
}

/// A response with a JSON body.
pub(crate) fn json(body: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (VARY, "accept-encoding")], body).into_response()
}
