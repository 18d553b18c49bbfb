//! The browsers that show the pages. Each names itself in its requests, by a random id that it has as long as it shows them.

use std::collections::HashMap;
use std::hash::RandomState;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use parking_lot::Mutex;

/// The header with the id.
const HEADER: &str = "x-page";
/// The maximum length of an id.
const MAX_ID: usize = 32;
/// The maximum number of browsers. Their ids are untrusted.
const MAX_BROWSERS: usize = 10_000;
/// A browser counts for so long after a request. Pages ask every 5 s; a browser lets those that nobody sees ask once a minute.
const RECENT: Duration = Duration::from_secs(60);

/// The browsers that show the pages, and when each last asked for something.
#[derive(Debug, Default)]
pub struct Browsers(Mutex<HashMap<Box<[u8]>, Instant, RandomState>>);

impl Browsers {
    /// How many there are.
    pub fn count(&self) -> usize {
        let now = Instant::now();
        let mut browsers = self.0.lock();
        browsers.retain(|_, seen| now.saturating_duration_since(*seen) <= RECENT);
        browsers.len()
    }

    fn seen(&self, id: &[u8]) {
        let mut browsers = self.0.lock();
        if let Some(seen) = browsers.get_mut(id) {
            *seen = Instant::now();
        } else if id.len() <= MAX_ID && browsers.len() < MAX_BROWSERS {
            browsers.insert(id.into(), Instant::now());
        }
    }
}

/// Notes which browser sends a request.
pub(super) async fn note(State(browsers): State<Arc<Browsers>>, request: Request, next: Next) -> Response {
    if let Some(id) = request.headers().get(HEADER) {
        browsers.seen(id.as_bytes());
    }
    next.run(request).await
}
