//! Answers of the API over HTTP.

use axum::body::{Body, to_bytes};
use axum::extract::{RawPathParams, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::Context;
use super::endpoint::{Command, Row};
use super::parameters::{ApiError, Arguments};

/// Bytes of a command at most.
const MAX_COMMAND: usize = 32 * 1_024;

/// Answers a request for the endpoint of a row.
pub(crate) async fn respond(
    row: Row,
    State(context): State<Context>,
    path: RawPathParams,
    RawQuery(query): RawQuery,
) -> Response {
    let path = path.iter().map(|(_, segment)| segment.to_owned()).collect();
    match Arguments::read(&query.unwrap_or_default(), row.parameters, path) {
        Ok(arguments) => answer(row, context, arguments).await,
        Err(error) => super::error(error.status, &error.text),
    }
}

async fn answer(row: Row, context: Context, arguments: Arguments) -> Response {
    // Large answers take milliseconds to make: this must not hold up the threads that carry events.
    let rendered = tokio::task::spawn_blocking(move || (row.render)(&context, &arguments)).await;
    match rendered.unwrap_or_else(|_| Err(broken())) {
        Ok(body) => json(body.into()),
        Err(error) => super::error(error.status, &error.text),
    }
}

/// The program failed.
fn broken() -> ApiError {
    ApiError::broken("internal error while the answer was made".to_owned())
}

/// Does what was posted to the endpoint of a row, and answers as it would answer GET.
pub(crate) async fn command(
    row: Row,
    posted: Command,
    State(context): State<Context>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !context.may_control {
        return super::error(StatusCode::FORBIDDEN, "only those who log in may do this: see --web-auth");
    }
    // Pages of other sites cannot send this type unasked, whatever else they manage.
    let is_json = headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !is_json {
        return super::error(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send JSON, with Content-Type: application/json");
    }
    let Ok(body) = to_bytes(body, MAX_COMMAND).await else {
        return super::error(StatusCode::PAYLOAD_TOO_LARGE, "that is too much: a command has at most 32 KiB");
    };
    let done = {
        let context = context.clone();
        // Some write to a database.
        tokio::task::spawn_blocking(move || (posted.run)(&context, &body)).await
    };
    match done.unwrap_or_else(|_| Err(broken())) {
        Ok(()) => answer(row, context, Arguments::default()).await,
        Err(error) => super::error(error.status, &error.text),
    }
}

/// A response with a JSON body.
pub(crate) fn json(body: Bytes) -> Response {
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (VARY, "accept-encoding")], body).into_response()
}
