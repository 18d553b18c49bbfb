//! `GET /api/<id>/block/<hash>/hex` and `bin`: a stale block, which few nodes have.

use std::io;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;
use bytes::Bytes;
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::{Context, network_id, refusal};

/// How long a download may take.
const MAX_TIME: Duration = Duration::from_secs(120);

/// Bytes of a block that are sent at once.
const CHUNK: usize = 32 * 1_024;

/// What a block is sent as.
#[derive(Clone, Copy)]
enum Form {
    Hex,
    Bin,
}

/// A stale block.
pub(super) async fn block(
    State(context): State<Context>,
    Path((network, hash, form)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let form = match form.as_str() {
        "hex" => Form::Hex,
        "bin" => Form::Bin,
        _ => return refusal(StatusCode::NOT_FOUND, "blocks come as hex or bin: /api/<network>/block/<hash>/hex"),
    };
    let Ok(hash) = BlockHash::from_str(&hash) else {
        return refusal(StatusCode::BAD_REQUEST, "the hash of a block has 64 hexadecimal digits");
    };
    // Events, and so the pages of `web`, have the name of a network and not its number.
    let named =
        || context.published.latest().networks.values().find(|known| known.name == network).map(|known| known.id);
    let id = match network_id(&network).or_else(|refusal| named().ok_or(refusal)) {
        Ok(id) => id,
        Err(refusal) => return *refusal,
    };
    let unknown =
        || refusal(StatusCode::NOT_FOUND, "no stale block of this network is known by that hash: see stale.json");
    let bytes = hash.to_byte_array();
    let Some(network) = context.published.network(id) else { return unknown() };
    if !network.stale.iter().any(|stale| stale.hash == bytes) {
        return unknown();
    }
    // A block never changes.
    let tag = format!("\"{hash}\"");
    if ::serve::is_known(&headers, &tag) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
    }
    let Ok(place) = Arc::clone(&context.downloads).try_acquire_owned() else {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "too many blocks are being downloaded; try again later");
    };
    let Some(block) = context.kept.block(id, bytes).await else {
        return refusal(StatusCode::NOT_FOUND, "the block is known by its header only: no node that is asked has it");
    };
    let (kind, length) = match form {
        Form::Hex => ("text/plain; charset=utf-8", 2 * block.len()),
        Form::Bin => ("application/octet-stream", block.len()),
    };
    let name = match form {
        Form::Hex => format!("attachment; filename=\"{hash}.hex\""),
        Form::Bin => format!("attachment; filename=\"{hash}.bin\""),
    };
    let headers = [
        (CONTENT_TYPE, kind.to_owned()),
        (CONTENT_LENGTH, length.to_string()),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, "private, max-age=604800, immutable".to_owned()),
        (ETAG, tag),
    ];
    (headers, body(block, form, place)).into_response()
}

/// The block in pieces, so that many slow clients hold no more than the block itself, and not for ever.
fn body(block: Bytes, form: Form, place: OwnedSemaphorePermit) -> Body {
    let end = Instant::now() + MAX_TIME;
    let pieces = stream::unfold((block, place), move |(mut rest, place)| async move {
        if rest.is_empty() {
            return None;
        }
        let piece = if Instant::now() < end { Ok(rest.split_to(CHUNK.min(rest.len()))) } else { Err(too_slow()) };
        let piece = piece.map(|piece| match form {
            Form::Bin => piece,
            Form::Hex => hex::encode(&piece).into(),
        });
        Some((piece, (rest, place)))
    });
    Body::from_stream(pieces)
}

fn too_slow() -> io::Error {
    io::ErrorKind::TimedOut.into()
}
