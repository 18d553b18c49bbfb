//! HTTP for stores, by what other parts of the program use anyway: `object_store`'s own client would give each client
//! of this process another TLS library.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use hyper_rustls::{ConfigBuilderExt, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use object_store::client::{
    HttpClient, HttpConnector as Connector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse,
    HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a request, with what it sends, and the beginning of its answer may take: 8 MiB at 70 kB/s.
const REQUEST: Duration = Duration::from_secs(120);
/// How long a connection is kept without use.
const IDLE: Duration = Duration::from_secs(60);
/// How long the other side may confirm nothing of what was sent.
const UNCONFIRMED: Duration = Duration::from_secs(30);

type Client = legacy::Client<hyper_rustls::HttpsConnector<HttpConnector>, HttpRequestBody>;

/// Makes clients.
#[derive(Debug)]
pub(crate) struct Http;

impl Connector for Http {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let plain = options.get_config_value(&ClientConfigKey::AllowHttp).is_some_and(|value| value == "true");
        let error = |source: io::Error| object_store::Error::Generic { store: "S3", source: source.into() };
        let tls = tls(plain).map_err(error)?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_keepalive(Some(IDLE));
        tcp.set_tcp_user_timeout(Some(UNCONFIRMED));
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let builder = if plain { builder.https_or_http() } else { builder.https_only() };
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .build(builder.enable_http1().wrap_connector(tcp));
        Ok(HttpClient::new(Service(client)))
    }
}

/// The certificates of the system. `optional`: there may be none, for connections without TLS.
fn tls(optional: bool) -> io::Result<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?;
    match builder.clone().with_native_roots() {
        Ok(config) => Ok(config.with_no_client_auth()),
        Err(_) if optional => Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()),
        Err(error) => Err(error),
    }
}

#[derive(Debug)]
struct Service(Client);

impl HttpService for Service {
    fn call<'a, 'b>(&'a self, request: HttpRequest) -> BoxFuture<'b, Result<HttpResponse, HttpError>>
    where
        'a: 'b,
        Self: 'b,
    {
        Box::pin(async move {
            let answer = tokio::time::timeout(REQUEST, self.0.request(request)).await;
            let late = |error| HttpError::new(HttpErrorKind::Timeout, error);
            let response = answer.map_err(late)?.map_err(|error| {
                let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
                HttpError::new(kind, error)
            })?;
            let body = |body| {
                HttpResponseBody::new(BodyExt::map_err(body, |error| HttpError::new(HttpErrorKind::Interrupted, error)))
            };
            Ok(response.map(body))
        })
    }
}
