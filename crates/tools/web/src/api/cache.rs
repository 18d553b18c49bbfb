//! A cache for responses of the API: a response is made and compressed once for all clients that send the same request within half a second.
//!
//! This layer is outside of the compression layer, so the cached bodies are compressed already.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::ACCEPT_ENCODING;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use lru::LruCache;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;

/// How long the same request gets the same response.
const MAX_AGE: Duration = Duration::from_millis(500);
/// How many responses are kept at most.
#[allow(clippy::unwrap_used)] // at compile time
const CAPACITY: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// Requests with a longer key, in bytes, are answered without the cache. Those of the pages have some 100 bytes.
const MAX_KEY: usize = 2_048;

/// A cached response, empty until the first request for it has made it.
type Slot = Arc<OnceCell<Cached>>;

/// The responses of the last half second.
pub(crate) struct Cache {
    /// By [`key`], with the time at which the slot was made. Slots are only peeked at, so that the oldest one is always evicted first.
    responses: Mutex<LruCache<String, (Instant, Slot)>>,
}

/// A response, with its whole body.
#[derive(Clone)]
struct Cached {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Cache {
    /// An empty cache.
    pub fn new() -> Self {
        Self { responses: Mutex::new(LruCache::new(CAPACITY)) }
    }

    /// The slot of a request. Drops all responses that are too old.
    fn slot(&self, key: String) -> Slot {
        let mut responses = self.responses.lock();
        while responses.peek_lru().is_some_and(|(_, (made, _))| made.elapsed() >= MAX_AGE) {
            responses.pop_lru();
        }
        if let Some((_, slot)) = responses.peek(&key) {
            return Arc::clone(slot);
        }
        let slot = Slot::default();
        responses.put(key, (Instant::now(), Arc::clone(&slot)));
        slot
    }
}

/// The middleware: answers a request from the cache, or passes it on and keeps the response.
pub(crate) async fn cache(State(cache): State<Arc<Cache>>, request: Request, next: Next) -> Response {
    let Some(key) = key(&request) else { return next.run(request).await };
    let slot = cache.slot(key);
    slot.get_or_init(|| async { Cached::read(next.run(request).await).await }).await.clone().into_response()
}

/// What the response depends on: path and query, and which compression the client accepts. `None` if the cache is of no use to the request.
fn key(request: &Request) -> Option<String> {
    if request.method() != Method::GET {
        return None;
    }
    let mut key = request.uri().to_string();
    for value in request.headers().get_all(ACCEPT_ENCODING) {
        key.push(' ');
        key.push_str(value.to_str().ok()?);
    }
    (key.len() <= MAX_KEY).then_some(key)
}

impl Cached {
    /// Reads the whole body of a response.
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let runtime = Handle::current();
        // The body is compressed while it is read, which takes milliseconds: this must not hold up the threads that carry events.
        match spawn_blocking(move || runtime.block_on(to_bytes(body, usize::MAX))).await {
            Ok(Ok(body)) => Self { status: parts.status, headers: parts.headers, body },
            Ok(Err(_)) | Err(_) => {
                Self { status: StatusCode::INTERNAL_SERVER_ERROR, headers: HeaderMap::new(), body: Bytes::new() }
            }
        }
    }
}

impl IntoResponse for Cached {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.body).into_response()
    }
}
