//! Authentication, if it is configured: by a token, or by user name and password.
//!
//! Programs send a header `Authorization`. Browsers ask their user once, or get the token in the address (`/?token=…`); from then on they send a cookie. The cookie is
//! derived from the secret, so it stays valid when the server restarts.

use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// The name of the cookie.
const COOKIE: &str = "peer-observer";
/// The minimum length of a secret, in bytes.
const MIN_SECRET: usize = 8;

/// A secret that cannot be used.
#[derive(Debug, Error)]
pub enum AuthError {
    /// The secret is too short.
    #[error("the token, or the password, must have {MIN_SECRET} characters at least")]
    Short,
}

/// The configured secret. Only digests of it are kept.
#[derive(Clone)]
pub struct Auth {
    /// SHA-256 of the token, or of `user:password`.
    secret: [u8; 32],
    /// Whether a user name is required.
    named: bool,
    /// The value of the cookie.
    session: String,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Auth")
    }
}

/// The decision on a request.
pub enum Decision {
    /// The request is allowed: it has the cookie.
    Allow,
    /// The request is allowed: it has the secret. The response sets this cookie.
    AllowAndSetCookie(HeaderValue),
    /// The request is answered with this response: a redirect without the token, or a refusal.
    Respond(Response),
}

impl Auth {
    /// Takes a secret in the form `TOKEN` or `USER:PASSWORD`.
    ///
    /// # Errors
    /// [`AuthError::Short`] if the token or the password is too short.
    pub fn new(text: &str) -> Result<Self, AuthError> {
        let (named, secret) = text.split_once(':').map_or((false, text), |(_, password)| (true, password));
        if secret.len() < MIN_SECRET {
            return Err(AuthError::Short);
        }
        let session = hex(&digest(&[b"session of peer-observer", &digest(&[text.as_bytes()])]));
        Ok(Self { secret: digest(&[text.as_bytes()]), named, session })
    }

    /// Decides on a request. `tls` is whether this server encrypts the connection.
    pub fn decide(&self, request: &Request, tls: bool) -> Decision {
        if self.has_cookie(request) {
            return Decision::Allow;
        }
        if self.has_credentials(request) {
            return self.cookie(request, tls).map_or(Decision::Allow, Decision::AllowAndSetCookie);
        }
        if let Some(rest) = self.token_in_query(request) {
            let Some(cookie) = self.cookie(request, tls) else { return Decision::Allow };
            // The redirect removes the secret from the address bar.
            let location = HeaderValue::from_str(&rest).unwrap_or(HeaderValue::from_static("/"));
            let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, location)];
            return Decision::Respond((StatusCode::SEE_OTHER, headers).into_response());
        }
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"peer-observer\", charset=\"UTF-8\"")];
        let text = if self.named {
            "log in with name and password\n"
        } else {
            "log in with the token as the password, or open /?token=TOKEN\n"
        };
        Decision::Respond((StatusCode::UNAUTHORIZED, challenge, text).into_response())
    }

    fn has_cookie(&self, request: &Request) -> bool {
        let cookies = request.headers().get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.any(|(name, value)| name == COOKIE && same(value.as_bytes(), self.session.as_bytes()))
    }

    fn has_credentials(&self, request: &Request) -> bool {
        let mut values =
            request.headers().get_all(header::AUTHORIZATION).iter().filter_map(|value| value.to_str().ok());
        values.any(|value| match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                !self.named && self.is_secret(token.trim().as_bytes())
            }
            Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => {
                let Ok(decoded) = STANDARD.decode(encoded.trim()) else { return false };
                let password = decoded.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default();
                self.is_secret(if self.named { &decoded } else { password })
            }
            _ => false,
        })
    }

    /// The relative address without the token, if the query has the right token.
    fn token_in_query(&self, request: &Request) -> Option<String> {
        if self.named {
            return None;
        }
        let pairs = || form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        pairs().find(|(key, value)| key == "token" && self.is_secret(value.as_bytes()))?;
        let rest = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs().filter(|(key, _)| key != "token"))
            .finish();
        // It is relative because a proxy may have put a prefix before the path.
        let name = request.uri().path().rsplit('/').next().unwrap_or_default();
        Some(if rest.is_empty() { format!("./{name}") } else { format!("./{name}?{rest}") })
    }

    /// The header that sets the cookie. It is `Secure` if the browser's connection is encrypted, by us or by a proxy.
    fn cookie(&self, request: &Request, tls: bool) -> Option<HeaderValue> {
        let proxied = request.headers().get("x-forwarded-proto").is_some_and(|value| value == "https");
        let secure = if tls || proxied { "; Secure" } else { "" };
        let session = &self.session;
        HeaderValue::from_str(&format!(
            "{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000{secure}"
        ))
        .ok()
    }

    fn is_secret(&self, presented: &[u8]) -> bool {
        digest(&[presented]) == self.secret
    }
}

/// SHA-256 of all parts, one after the other.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// Compares digests, so that the time that it takes reveals nothing of the texts.
fn same(a: &[u8], b: &[u8]) -> bool {
    digest(&[a]) == digest(&[b])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
