//! Compression, and a cache for responses: a response is made and compressed once for all clients that send the same request within half a second.
//!
//! The cache is outside of the compression layer, so the cached bodies are compressed already. Those that clients may keep
//! (`Cache-Control: no-cache`) get a tag, and are not sent again to clients that have them.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::header::{ACCEPT_ENCODING, CACHE_CONTROL, ETAG, IF_NONE_MATCH, VARY};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use lru::LruCache;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::task::spawn_blocking;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

/// How long the same request gets the same response.
const MAX_AGE: Duration = Duration::from_millis(500);
/// How many responses are kept at most.
#[allow(clippy::unwrap_used)] // at compile time
const CAPACITY: NonZeroUsize = NonZeroUsize::new(64).unwrap();
/// Requests with a longer key, in bytes, are answered without the cache. Those of the pages have some 100 bytes.
const MAX_KEY: usize = 2_048;

/// A cached response, empty until the first request for it has made it.
type Slot = Arc<OnceCell<Cached>>;

/// Adds compression and a cache to all routes of a router.
pub fn compressed_and_cached(router: Router) -> Router {
    compressed_and_cached_while(router, || 0)
}

/// The same for what clients ask for as soon as they hear of a change: no response is of another `version` than that at the request.
pub fn compressed_and_cached_while(router: Router, version: impl Fn() -> u64 + Send + Sync + 'static) -> Router {
    layered(router, Cache::new(version))
}

/// The same for what is equal for all clients: whoever is between them and us may keep responses for so many seconds, too. All
/// of them get a tag. Errors are as they are otherwise.
pub fn compressed_and_shared(router: Router, seconds: u32) -> Router {
    let shared = HeaderValue::from_str(&format!("public, max-age={seconds}")).ok();
    layered(router, Cache { shared, ..Cache::new(|| 0) })
}

fn layered(router: Router, kept: Cache) -> Router {
    router
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .layer(from_fn_with_state(Arc::new(kept), cache))
}

/// Whether a client has the response with this tag, as its request shows.
pub fn is_known(request: &HeaderMap, tag: &str) -> bool {
    request.get_all(IF_NONE_MATCH).iter().any(|value| {
        let tags = value.to_str().unwrap_or_default().split(',');
        tags.map(|known| known.trim().trim_start_matches("W/")).any(|known| known == tag)
    })
}

/// The responses of the last half second.
struct Cache {
    /// With the time at which the slot was made. Slots are only peeked at, so that the oldest one is always evicted first.
    responses: Mutex<LruCache<Key, (Instant, Slot)>>,
    /// The version of what is served.
    version: Box<dyn Fn() -> u64 + Send + Sync>,
    /// The `Cache-Control` of responses that are the same for all.
    shared: Option<HeaderValue>,
}

/// The version, and what else a response depends on: path and query, and which compression the client accepts.
type Key = (u64, String);

/// A response, with its whole body.
#[derive(Clone)]
struct Cached {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Cache {
    /// An empty cache.
    fn new(version: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        Self { responses: Mutex::new(LruCache::new(CAPACITY)), version: Box::new(version), shared: None }
    }

    /// The slot of a request. Drops all responses that are too old.
    fn slot(&self, key: Key) -> Slot {
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
async fn cache(State(cache): State<Arc<Cache>>, request: Request, next: Next) -> Response {
    let Some(key) = key(&request) else { return next.run(request).await };
    let slot = cache.slot(((cache.version)(), key));
    let conditions = request.headers().clone();
    let cached =
        slot.get_or_init(|| async { Cached::read(next.run(request).await, cache.shared.as_ref()).await }).await.clone();
    match cached.headers.get(ETAG).and_then(|tag| tag.to_str().ok()) {
        Some(tag) if is_known(&conditions, tag) => cached.unchanged(),
        _ => cached.into_response(),
    }
}

/// The text of a [`Key`]. `None` if the cache is of no use to the request.
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
    async fn read(response: Response, shared: Option<&HeaderValue>) -> Self {
        let (parts, body) = response.into_parts();
        let (runtime, shared) = (Handle::current(), shared.filter(|_| parts.status == StatusCode::OK).cloned());
        // The body is compressed while it is read, which takes milliseconds: this must not hold up the threads that carry events.
        let read = spawn_blocking(move || {
            let (mut headers, body) = (parts.headers, runtime.block_on(to_bytes(body, usize::MAX))?);
            if let Some(shared) = &shared {
                headers.insert(CACHE_CONTROL, shared.clone());
            }
            let may_be_kept = shared.is_some() || headers.get(CACHE_CONTROL).is_some_and(|value| value == "no-cache");
            if may_be_kept && parts.status == StatusCode::OK && !headers.contains_key(ETAG) {
                headers.insert(ETAG, tag(&body));
            }
            Ok::<_, axum::Error>(Self { status: parts.status, headers, body })
        });
        match read.await {
            Ok(Ok(cached)) => cached,
            Ok(Err(_)) | Err(_) => {
                Self { status: StatusCode::INTERNAL_SERVER_ERROR, headers: HeaderMap::new(), body: Bytes::new() }
            }
        }
    }

    /// The response for a client that has it already.
    fn unchanged(&self) -> Response {
        let mut response = StatusCode::NOT_MODIFIED.into_response();
        for name in [ETAG, CACHE_CONTROL, VARY] {
            if let Some(value) = self.headers.get(&name) {
                response.headers_mut().insert(name, value.clone());
            }
        }
        response
    }
}

/// A tag that is another one for another body.
fn tag(body: &[u8]) -> HeaderValue {
    let digest = Sha256::digest(body);
    let hex: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("\"{hex}\"")).unwrap_or(HeaderValue::from_static("\"\""))
}

impl IntoResponse for Cached {
    fn into_response(self) -> Response {
        (self.status, self.headers, self.body).into_response()
    }
}
