//! Questions by HTTP/1.1, over TLS too, with bounded answers.

use std::path::Path;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bitcoin::BlockHash;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, LOCATION, RANGE, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use node::Secret;
use serde::de::DeserializeOwned;

use super::parse::{self, beginning};
use super::{RawHeader, ServerUrl, SourceError, invalid, tls};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a small question and its answer may take.
pub(super) const QUICK: Duration = Duration::from_secs(15);
/// How long a large answer may take, such as a block.
pub(super) const LONG: Duration = Duration::from_secs(60);
/// How long a connection is kept without use. Nodes close it after 30 s.
const IDLE: Duration = Duration::from_secs(20);
/// Bytes of a small answer at most.
pub(super) const SMALL: usize = 64 << 10;
/// Bytes of an answer with a list at most.
pub(super) const LIST: usize = 4 << 20;

/// A server that is asked by HTTP.
pub(super) struct Http {
    client: legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    url: ServerUrl,
    authorization: Option<HeaderValue>,
}

/// A question, and the bounds of its answer.
pub(super) struct Question<'a> {
    /// Below the server's URL, with a slash at the beginning.
    pub path: &'a str,
    /// What is posted, if it is.
    pub json: Option<String>,
    /// The first and the last byte that are asked for.
    pub range: Option<(u64, u64)>,
    /// Bytes of the answer.
    pub max: usize,
    /// For all of it.
    pub within: Duration,
}

impl<'a> Question<'a> {
    /// A question with a small answer.
    pub fn get(path: &'a str) -> Self {
        Self { path, json: None, range: None, max: SMALL, within: QUICK }
    }

    /// One with an answer of at most so many bytes.
    pub fn max(self, max: usize) -> Self {
        let within = if max > SMALL { LONG } else { QUICK };
        Self { max, within, ..self }
    }
}

impl Http {
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// The certificates cannot be used.
    pub fn new(url: &ServerUrl, certificate: Option<&Path>) -> Result<Self, SourceError> {
        let tls = if url.is_https() { tls::client(certificate)? } else { tls::none()? };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(2)
            .build(connector.wrap_connector(tcp));
        Ok(Self { client, url: url.clone(), authorization: None })
    }

    /// Logs in with each question.
    ///
    /// # Errors
    /// No header can have them.
    pub fn with_login(mut self, user: &str, password: &Secret) -> Result<Self, SourceError> {
        let login = BASE64_STANDARD.encode(format!("{user}:{}", password.expose()));
        let value = HeaderValue::from_str(&format!("Basic {login}"));
        let mut value = value.map_err(|_| invalid(self.place(), "user and password cannot be sent"))?;
        value.set_sensitive(true);
        self.authorization = Some(value);
        Ok(self)
    }

    /// The server, for people.
    pub fn place(&self) -> &str {
        self.url.origin()
    }

    /// `http` or `https`.
    pub fn transport(&self) -> &'static str {
        if self.url.is_https() { "https" } else { "http" }
    }

    /// Asks for text or bytes.
    ///
    /// # Errors
    /// There is no answer, or none with what was asked for.
    pub async fn ask(&self, question: Question<'_>) -> Result<Bytes, SourceError> {
        let uri = self.url.at(question.path).ok_or_else(|| invalid(self.place(), "this cannot be asked for"))?;
        let (status, location, body) = self.exchange(uri, question).await?;
        if status.is_success() { Ok(body) } else { Err(self.refused(status, location, &body)) }
    }

    /// The error of a status.
    fn refused(&self, status: StatusCode, location: Option<String>, body: &[u8]) -> SourceError {
        let place = self.place();
        match status {
            StatusCode::UNAUTHORIZED => SourceError::Forbidden(format!(
                "{place} refuses the login (HTTP status 401); correct user and password, or look into what guards the server"
            )),
            StatusCode::FORBIDDEN => SourceError::Forbidden(format!(
                "{place} does not permit this (HTTP status 403); look into the settings of the server for this user and address"
            )),
            StatusCode::NOT_FOUND | StatusCode::GONE => SourceError::Absent(format!(
                "{place} has no such thing (HTTP status {}): {:?}",
                status.as_u16(),
                beginning(body)
            )),
            StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_IMPLEMENTED => {
                SourceError::Unsupported(format!("{place} has no such method (HTTP status {})", status.as_u16()))
            }
            StatusCode::TOO_MANY_REQUESTS => SourceError::Unreachable(format!(
                "{place} answers no more for now (HTTP status 429); ask it less often, or use a server of your own"
            )),
            status if status.is_redirection() => {
                let to = location.and_then(|to| to.parse::<ServerUrl>().ok());
                let to = to.map(|to| format!(" to {}", to.origin())).unwrap_or_default();
                SourceError::Invalid(format!("{place} redirects{to}; configure the URL to which it does"))
            }
            status if status.is_server_error() => SourceError::Unreachable(format!(
                "{place} has a trouble of its own (HTTP status {}): {:?}; it may pass",
                status.as_u16(),
                beginning(body)
            )),
            status => SourceError::Invalid(format!(
                "{place} answers with HTTP status {}: {:?}; is the URL that of its API?",
                status.as_u16(),
                beginning(body)
            )),
        }
    }

    /// Asks a node by REST, which has nothing to say where that is off.
    ///
    /// # Errors
    /// Those of [`Http::ask`]; [`SourceError::Unsupported`] if REST is off.
    pub async fn rest(&self, question: Question<'_>) -> Result<Bytes, SourceError> {
        let uri = self.url.at(question.path).ok_or_else(|| invalid(self.place(), "this cannot be asked for"))?;
        let (status, location, body) = self.exchange(uri, question).await?;
        match status {
            status if status.is_success() => Ok(body),
            StatusCode::NOT_FOUND if body.is_empty() => {
                let place = self.place();
                Err(SourceError::Unsupported(format!(
                    "{place} has REST off; rest=1 in its bitcoin.conf switches it on"
                )))
            }
            status => Err(self.refused(status, location, &body)),
        }
    }

    /// Sends a question, and reads the answer whatever its status is.
    async fn exchange(
        &self,
        uri: Uri,
        question: Question<'_>,
    ) -> Result<(StatusCode, Option<String>, Bytes), SourceError> {
        let Question { json, range, max, within, .. } = question;
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static("peer-observer"));
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        if let Some((first, last)) = range
            && let Ok(value) = HeaderValue::from_str(&format!("bytes={first}-{last}"))
        {
            headers.insert(RANGE, value);
        }
        if let Some(json) = json {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            *request.method_mut() = Method::POST;
            *request.body_mut() = Full::new(Bytes::from(json));
        }
        let place = self.place();
        let all = async {
            let response: Response<_> = self.client.request(request).await.map_err(|error| self.unreachable(&error))?;
            let (head, body) = response.into_parts();
            let location = head.headers.get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned);
            let collected = Limited::new(body, max).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    invalid(place, &format!("its answer is larger than {max} bytes: not read"))
                } else {
                    SourceError::Unreachable(format!(
                        "{place} broke off its answer; if it is not stopping, look into its log"
                    ))
                }
            })?;
            Ok((head.status, location, collected.to_bytes()))
        };
        let late = |_| {
            SourceError::Unreachable(format!(
                "{place} gave no answer within {} s; it is busy, or hangs",
                within.as_secs()
            ))
        };
        tokio::time::timeout(within, all).await.map_err(late)?
    }

    /// Asks for JSON.
    ///
    /// # Errors
    /// Those of [`Http::ask`]; or the answer is other JSON, or none.
    pub async fn json<T: DeserializeOwned>(&self, question: Question<'_>) -> Result<T, SourceError> {
        let body = self.ask(question).await?;
        serde_json::from_slice(&body).map_err(|_| self.odd(&body))
    }

    /// Asks for a hash in hexadecimal.
    pub async fn hash(&self, path: &str) -> Result<BlockHash, SourceError> {
        let body = self.ask(Question::get(path)).await?;
        std::str::from_utf8(&body).ok().and_then(parse::block_hash).ok_or_else(|| self.odd(&body))
    }

    /// The error of a body that is not what it should be.
    pub fn odd(&self, body: &[u8]) -> SourceError {
        let begins = beginning(body);
        SourceError::Invalid(format!("{} answers {begins:?}; is the URL that of its API?", self.place()))
    }

    /// A header, if it has this hash.
    pub fn checked(&self, header: RawHeader, hash: BlockHash) -> Result<RawHeader, SourceError> {
        checked(self.place(), header, hash)
    }

    fn unreachable(&self, error: &legacy::Error) -> SourceError {
        let place = self.place();
        let cause = bus::task::Chain(error).to_string();
        let cause = beginning(cause.as_bytes());
        SourceError::Unreachable(if cause.contains("certificate") {
            format!("cannot trust {place}: {cause}; give a file with its certificate if it signed that itself")
        } else if error.is_connect() {
            format!("cannot reach {place}: {cause}; check the address and what is between here and there")
        } else {
            format!("{place} broke off: {cause}; it is not there any more, or lets nobody in from this address")
        })
    }
}

/// A header that a server has under a hash, if it is the right one.
pub(super) fn checked(place: &str, header: RawHeader, hash: BlockHash) -> Result<RawHeader, SourceError> {
    if parse::hash(&header) == hash {
        return Ok(header);
    }
    Err(SourceError::OtherRules(format!(
        "{place} has a header under {hash} whose double SHA-256 is another: its rules are not Bitcoin's, or what it sends is wrong"
    )))
}
