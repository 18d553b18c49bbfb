//! Requests to receivers: by HTTP/1.1, over TLS with the certificates of the system.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bus::task::Chain;
use bytes::Bytes;
use http_body_util::{BodyExt, Collected, Full, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use super::failure::Failure;
use super::settings::Values;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a request and its answer may take.
const REQUEST: Duration = Duration::from_secs(20);
/// How long a connection is kept without use.
const IDLE: Duration = Duration::from_secs(30);
/// Bytes of an answer that are read at most.
const MAX_ANSWER: usize = 64 * 1024;

type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A place that takes requests.
#[derive(Clone)]
pub(super) struct Endpoint {
    client: Client,
    uri: Uri,
    headers: HeaderMap,
}

impl Endpoint {
    /// At a URL that was checked (see [`Values::url`]), of the key `url`.
    ///
    /// # Errors
    /// It is one with TLS, and the system has no certificates.
    pub fn new(uri: Uri, values: &Values) -> Result<Self, String> {
        let needs_tls = uri.scheme_str() == Some("https");
        let tls = tls(needs_tls).map_err(|error| {
            let advice = "install the package ca-certificates";
            values.wrong("url", &format!("the certificates of this system cannot be read ({error}): {advice}"))
        })?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(connector.wrap_connector(tcp));
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static("peer-observer"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Ok(Self { client, uri, headers })
    }

    /// With the token of the key `token`, if there is one.
    ///
    /// # Errors
    /// It cannot be read, or cannot be sent.
    pub fn with_token(self, values: &mut Values) -> Result<Self, String> {
        match values.secret("token")? {
            Some(token) => self.authorized(&format!("Bearer {token}"), values, "token"),
            None => Ok(self),
        }
    }

    /// With a header of each request: `Authorization`. The key `name` has what is secret in it.
    ///
    /// # Errors
    /// The text cannot be one.
    pub fn authorized(mut self, value: &str, values: &Values, name: &str) -> Result<Self, String> {
        let value = HeaderValue::from_str(value);
        let mut value = value.map_err(|_| values.wrong(name, "it has characters that no header can have"))?;
        value.set_sensitive(true);
        self.headers.insert(AUTHORIZATION, value);
        Ok(self)
    }

    /// The same server, at another place.
    pub fn at(&self, uri: Uri) -> Self {
        Self { uri, ..self.clone() }
    }

    /// Posts JSON.
    pub async fn post(&self, body: &Value) -> Result<(), Failure> {
        self.send(Method::POST, self.uri.clone(), body.to_string(), &[]).await.map(drop)
    }

    /// Posts JSON, and reads the JSON of the answer; none if that is none.
    pub async fn ask(&self, body: &Value) -> Result<Option<Value>, Failure> {
        let answer = self.send(Method::POST, self.uri.clone(), body.to_string(), &[]).await?;
        Ok(serde_json::from_slice(&answer).ok())
    }

    /// Posts a text that is JSON, with more headers.
    pub async fn post_with(&self, body: String, headers: &[(HeaderName, String)]) -> Result<(), Failure> {
        self.send(Method::POST, self.uri.clone(), body, headers).await.map(drop)
    }

    /// Puts JSON at a path below the URL.
    pub async fn put(&self, path: &str, body: &Value) -> Result<(), Failure> {
        let uri = below(&self.uri, path).map_err(Failure::refused)?;
        self.send(Method::PUT, uri, body.to_string(), &[]).await.map(drop)
    }

    /// Deletes what is at a path below the URL.
    pub async fn delete(&self, path: &str) -> Result<(), Failure> {
        let uri = below(&self.uri, path).map_err(Failure::refused)?;
        self.send(Method::DELETE, uri, String::new(), &[]).await.map(drop)
    }

    async fn send(
        &self,
        method: Method,
        uri: Uri,
        body: String,
        headers: &[(HeaderName, String)],
    ) -> Result<Bytes, Failure> {
        let mut request = Request::new(Full::new(Bytes::from(body)));
        (*request.method_mut(), *request.uri_mut()) = (method, uri);
        request.headers_mut().extend(self.headers.clone());
        for (name, value) in headers {
            let value = HeaderValue::from_str(value).map_err(|_| Failure::refused("a header cannot be written"))?;
            request.headers_mut().insert(name.clone(), value);
        }
        let (status, headers, body) = tokio::time::timeout(REQUEST, self.exchange(request))
            .await
            .map_err(|_| Failure::later(format!("no answer within {} s", REQUEST.as_secs())))??;
        if status.is_success() {
            return Ok(body);
        }
        let answer: Option<Value> = serde_json::from_slice(&body).ok();
        let why = event::quote::Plain(&String::from_utf8_lossy(body.get(..200).unwrap_or(&body))).to_string();
        let what = if why.is_empty() { status.to_string() } else { format!("{status}: {why}") };
        Err(match status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY => {
                Failure::refused(what)
            }
            _ => Failure { wait: wait(&headers, answer.as_ref()), ..Failure::later(what) },
        })
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<(StatusCode, HeaderMap, Bytes), Failure> {
        let response = self.client.request(request).await.map_err(|error| Failure::later(Chain(&error).to_string()))?;
        let (head, body) = response.into_parts();
        // What is too long is not needed to know whether it was taken.
        let body = Limited::new(body, MAX_ANSWER).collect().await.map(Collected::to_bytes).unwrap_or_default();
        Ok((head.status, head.headers, body))
    }
}

/// A path below a URL.
pub(super) fn below(uri: &Uri, path: &str) -> Result<Uri, String> {
    let base = uri.to_string();
    format!("{}/{path}", base.trim_end_matches('/')).parse().map_err(|_| "that is no URL".to_owned())
}

/// How long to wait until the next request, as the other side asks.
fn wait(headers: &HeaderMap, body: Option<&Value>) -> Option<Duration> {
    let number = |value: &Value| value.as_f64().filter(|seconds| (0.0..1e9).contains(seconds));
    let of_body = body.and_then(|body| {
        let seconds = body.get("retry_after").or_else(|| body.get("parameters")?.get("retry_after"));
        seconds.and_then(number).or_else(|| Some(number(body.get("retry_after_ms")?)? / 1e3))
    });
    let of_header = || {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
        let at = |text| Some(jiff::fmt::rfc2822::parse(text).ok()?.timestamp().as_second());
        let seconds = text.parse::<f64>().ok().filter(|seconds| (0.0..1e9).contains(seconds));
        seconds.or_else(|| Some((at(text)? - event::time::now_s()).max(0) as f64))
    };
    of_body.or_else(of_header).map(Duration::from_secs_f64)
}

/// The certificates of the system. If they are not needed, there may be none.
fn tls(needed: bool) -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    if !needed {
        return Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    Ok(builder.with_native_roots()?.with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn how_long_others_want_us_to_wait() {
        let header = |text: &'static str| HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(text))]);
        for (headers, body, expected) in [
            (header("7"), None, Some(7.0)),
            (header("soon"), None, None),
            (header("-1"), None, None),
            (header("Wed, 21 Oct 2015 07:28:00 GMT"), None, Some(0.0)),
            (header("7"), Some(json!({ "retry_after": 1.5 })), Some(1.5)),
            (HeaderMap::new(), Some(json!({ "retry_after_ms": 2_000 })), Some(2.0)),
            (HeaderMap::new(), Some(json!({ "parameters": { "retry_after": 3 } })), Some(3.0)),
            (HeaderMap::new(), Some(json!({ "retry_after": -3 })), None),
            (HeaderMap::new(), Some(json!([])), None),
        ] {
            let found = wait(&headers, body.as_ref()).map(|wait| wait.as_secs_f64());
            assert_eq!(found, expected, "{headers:?} {body:?}");
        }
    }
}
