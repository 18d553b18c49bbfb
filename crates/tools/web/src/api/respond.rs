//! Answers over HTTP: made once for all who ask the same at the same time, packed for those who take it.

use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{RawPathParams, RawQuery, State};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::Context;
use super::asked::{Asked, Problem};
use super::endpoint::Row;

/// So long the same question gets the same answer.
const SAME: Duration = Duration::from_millis(500);
/// Answers that are kept so long at the most.
const MAX_KEPT: usize = 64;
/// Smaller answers are not packed.
const MIN_PACKED: usize = 1_024;

type Answer = Result<(Bytes, bool), Problem>;
/// Where an answer is, or will be.
type Place = Arc<OnceCell<Answer>>;

/// What handlers share.
pub(crate) struct Shared {
    context: Context,
    kept: Mutex<HashMap<String, (Instant, Place), RandomState>>,
}

impl Shared {
    /// Nothing is kept yet.
    pub fn new(context: Context) -> Self {
        Self { context, kept: Mutex::default() }
    }

    /// Where the answer to a question is, or will be.
    fn place(&self, key: String) -> Place {
        let mut kept = self.kept.lock();
        kept.retain(|_, (since, _)| since.elapsed() < SAME);
        if let Some((_, place)) = kept.get(&key) {
            return Arc::clone(place);
        }
        let place = Arc::default();
        if kept.len() < MAX_KEPT {
            kept.insert(key, (Instant::now(), Arc::clone(&place)));
        }
        place
    }
}

/// Answers a question.
pub(crate) async fn respond(
    row: Row,
    State(shared): State<Arc<Shared>>,
    path: RawPathParams,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let path = path.iter().map(|(_, part)| part.to_owned()).collect();
    let asked = match Asked::read(&query.unwrap_or_default(), row.parameters, path) {
        Ok(asked) => asked,
        Err(problem) => return super::error(problem.status, &problem.text),
    };
    let packed = accepts_gzip(&headers);
    let place = shared.place(format!("{}{packed}{}", row.path, asked.key()));
    let make = || async {
        let shared = Arc::clone(&shared);
        // Putting together and packing take milliseconds: not in the threads that carry events.
        let made = tokio::task::spawn_blocking(move || {
            let text = (row.render)(&shared.context, &asked)?;
            let pack = packed && text.len() >= MIN_PACKED;
            Ok((Bytes::from(if pack { gzip(&text) } else { text }), pack))
        });
        let broken = || Problem { status: StatusCode::INTERNAL_SERVER_ERROR, text: "the answer broke down".to_owned() };
        made.await.unwrap_or_else(|_| Err(broken()))
    };
    match place.get_or_init(make).await {
        Ok((body, packed)) => json(body.clone(), *packed),
        Err(problem) => super::error(problem.status, &problem.text),
    }
}

/// JSON as it is sent.
pub(crate) fn json(body: Bytes, packed: bool) -> Response {
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (VARY, "accept-encoding")];
    let mut response = (headers, body).into_response();
    if packed {
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Whether a client takes gzip.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    let offers = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    offers.flat_map(|offers| offers.split(',')).any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        let named = matches!(parts.next(), Some("gzip" | "*"));
        let refused = parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse::<f32>().ok()) == Some(0.0));
        named && !refused
    })
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    // Writing to memory does not fail.
    let _ = encoder.write_all(text);
    encoder.finish().unwrap_or_default()
}
