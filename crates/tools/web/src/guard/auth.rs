//! Logging in, where that is asked for: by a token, or by name and password.
//!
//! Programs send `Authorization`. Browsers ask their user for it once, or are given the token in the address (`/?token=…`); from then on they send a cookie, which a
//! restart of the server does not make void, for it is derived from the secret.

use std::fmt;

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Name of the cookie.
const COOKIE: &str = "peer-observer";
/// What a secret must have at the least, in bytes.
const MIN_SECRET: usize = 8;

/// A secret that cannot be used.
#[derive(Debug, Error)]
pub enum AuthError {
    /// Too short to be one.
    #[error("the token, or the password, must have {MIN_SECRET} characters at least")]
    Short,
}

/// What people log in with. Only digests are held.
#[derive(Clone)]
pub struct Auth {
    /// Of the token; of `user:password` if a name is asked for.
    secret: [u8; 32],
    /// A name is asked for.
    named: bool,
    /// What the cookie holds.
    session: String,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("Auth")
    }
}

/// What is found of a request.
pub enum Verdict {
    /// It has the cookie, or comes from a program.
    Known,
    /// It has the secret; this cookie makes it known.
    Proven(HeaderValue),
    /// It gets this answer.
    Other(Response),
}

impl Auth {
    /// `TOKEN` or `USER:PASSWORD`.
    ///
    /// # Errors
    /// It is too short.
    pub fn new(text: &str) -> Result<Self, AuthError> {
        let (named, secret) = text.split_once(':').map_or((false, text), |(_, password)| (true, password));
        if secret.len() < MIN_SECRET {
            return Err(AuthError::Short);
        }
        let session = hex(&digest(&[b"session of peer-observer", &digest(&[text.as_bytes()])]));
        Ok(Self { secret: digest(&[text.as_bytes()]), named, session })
    }

    /// Whether a request may be answered.
    pub fn judge(&self, request: &Request, tls: bool) -> Verdict {
        if self.has_cookie(request) {
            return Verdict::Known;
        }
        if self.has_credentials(request) {
            return self.cookie(request, tls).map_or(Verdict::Known, Verdict::Proven);
        }
        if let Some(rest) = self.token_in_query(request) {
            let Some(cookie) = self.cookie(request, tls) else { return Verdict::Known };
            // The secret leaves the address bar.
            let location = HeaderValue::from_str(&rest).unwrap_or(HeaderValue::from_static("/"));
            let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, location)];
            return Verdict::Other((StatusCode::SEE_OTHER, headers).into_response());
        }
        let challenge = [(header::WWW_AUTHENTICATE, "Basic realm=\"peer-observer\", charset=\"UTF-8\"")];
        let text = if self.named {
            "log in with name and password\n"
        } else {
            "log in with the token as the password, or open /?token=TOKEN\n"
        };
        Verdict::Other((StatusCode::UNAUTHORIZED, challenge, text).into_response())
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
                !self.named && self.is(token.trim().as_bytes())
            }
            Some((scheme, encoded)) if scheme.eq_ignore_ascii_case("basic") => {
                let Ok(decoded) = STANDARD.decode(encoded.trim()) else { return false };
                let password = decoded.splitn(2, |byte| *byte == b':').nth(1).unwrap_or_default();
                self.is(if self.named { &decoded } else { password })
            }
            _ => false,
        })
    }

    /// The address without the token, if the token is in it.
    fn token_in_query(&self, request: &Request) -> Option<String> {
        if self.named {
            return None;
        }
        let pairs = || form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
        pairs().find(|(key, value)| key == "token" && self.is(value.as_bytes()))?;
        let rest = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs().filter(|(key, _)| key != "token"))
            .finish();
        // Relative: a proxy may have put a prefix before it.
        let name = request.uri().path().rsplit('/').next().unwrap_or_default();
        Some(if rest.is_empty() { format!("./{name}") } else { format!("./{name}?{rest}") })
    }

    fn cookie(&self, request: &Request, tls: bool) -> Option<HeaderValue> {
        let proxied = request.headers().get("x-forwarded-proto").is_some_and(|value| value == "https");
        let secure = if tls || proxied { "; Secure" } else { "" };
        let session = &self.session;
        HeaderValue::from_str(&format!(
            "{COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000{secure}"
        ))
        .ok()
    }

    fn is(&self, told: &[u8]) -> bool {
        digest(&[told]) == self.secret
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// Compares digests, so that the time it takes tells nothing of the text.
fn same(a: &[u8], b: &[u8]) -> bool {
    digest(&[a]) == digest(&[b])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
