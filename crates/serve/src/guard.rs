//! The layer that decides which requests are answered: those from our own pages, sent to our own names, by clients that are authenticated if that is
//! configured.
//!
//! A page of another site that is open in the same browser can send requests to us. Browsers do not let it read our responses, except through
//! WebSockets, and except for sites whose own name resolves to our address (DNS rebinding). So the name that a request was sent to (Host) and the page
//! that it comes from (Origin, Sec-Fetch-Site) are checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use event::quote::Quoted;
use tracing::warn;

use crate::auth::{Auth, Decision};
use crate::names::Names;

/// The Content-Security-Policy of all responses: pages may run our scripts and connect to us, nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; \
    manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// How much of a name is logged, in characters.
const LOGGED_NAME: usize = 100;

/// What requests are checked against.
#[derive(Debug)]
pub struct Guard {
    /// Whose server this is: its options are called after it.
    tool: &'static str,
    /// The names that requests may be sent to.
    names: Names,
    /// The secret, if authentication is configured.
    auth: Option<Auth>,
    /// Whether this server encrypts the connections.
    tls: bool,
    /// Whether the refusal of a name was logged. Only the first one is.
    warned: AtomicBool,
}

/// The middleware around everything that is served.
pub async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match guard.refuse(&request) {
        Some(refusal) => refusal,
        None => match guard.auth.as_ref().map(|auth| auth.decide(&request, guard.tls)) {
            None | Some(Decision::Allow) => next.run(request).await,
            Some(Decision::AllowAndSetCookie(cookie)) => {
                let mut response = next.run(request).await;
                response.headers_mut().append(header::SET_COOKIE, cookie);
                response
            }
            Some(Decision::Respond(response)) => response,
        },
    };
    let headers = response.headers_mut();
    for (name, value) in FIXED_HEADERS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// The headers of every response.
const FIXED_HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
];

impl Guard {
    /// Checks for the server of a tool.
    pub fn new(tool: &'static str, names: Names, auth: Option<Auth>, tls: bool) -> Self {
        Self { tool, names, auth, tls, warned: AtomicBool::new(false) }
    }

    /// The refusal of a request that comes from elsewhere or was sent to another name.
    fn refuse(&self, request: &Request) -> Option<Response> {
        let text = |name: HeaderName| request.headers().get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"));
        let host = match (text(header::HOST), request.uri().authority()) {
            (Some(host), _) => host,
            (None, Some(authority)) => authority.as_str(),
            (None, None) => return Some((StatusCode::BAD_REQUEST, "a request needs a Host header\n").into_response()),
        };
        if !self.names.are_ours(host) {
            return Some(self.refuse_name(host));
        }
        let elsewhere =
            || (StatusCode::FORBIDDEN, "requests from pages of other sites are not answered\n").into_response();
        if let Some(origin) = text(header::ORIGIN) {
            return (!self.names.is_same_site(origin, host)).then(elsewhere);
        }
        if self.names.are_any() {
            return None;
        }
        // Links on other sites may lead to us, but other sites may not embed our images, scripts and the like.
        let site = text(HeaderName::from_static("sec-fetch-site"));
        let navigates = text(HeaderName::from_static("sec-fetch-mode")) == Some("navigate")
            && text(HeaderName::from_static("sec-fetch-dest")) == Some("document");
        let ours = matches!(site, None | Some("same-origin" | "none"));
        (!ours && !navigates).then(elsewhere)
    }

    /// The refusal of a name. Some clients, such as Prometheus, do not show its text, so the first one is logged.
    fn refuse_name(&self, host: &str) -> Response {
        let tool = self.tool;
        if !self.warned.swap(true, Ordering::Relaxed) {
            let host: String = host.chars().take(LOGGED_NAME).collect();
            warn!("{tool}: a request to the name {} is refused; --{tool}-host allows names", Quoted(&host));
        }
        let advice =
            format!("this server does not answer under that name: start it with --{tool}-host NAME to allow it\n");
        (StatusCode::MISDIRECTED_REQUEST, advice).into_response()
    }
}
