//! Requests to JetStream, the part of a NATS server that keeps messages in streams, and why they fail.

use std::time::Duration;

use async_nats::Client;
use async_nats::jetstream::context::RequestErrorKind;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::RetentionPolicy;
use async_nats::jetstream::{self, Context, ErrorCode, consumer, stream};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use thiserror::Error;
use tokio::sync::watch;

use crate::nats::link::Link;

/// How long the server may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A stream cannot be used.
#[derive(Debug, Error)]
pub enum StreamError {
    /// The server does not let our user do what streams take.
    #[error(
        "the NATS server at {url} does not let us use JetStream, since it forbids us {subject}; allow our user to publish under \
         $JS.API.> and $JS.ACK.> and to subscribe to _INBOX.> (permissions in the configuration of the server)"
    )]
    Forbidden {
        /// Of the server, without password.
        url: String,
        /// The subject that is forbidden.
        subject: String,
    },
    /// The server, or our account on it, has no JetStream.
    #[error(
        "the NATS server at {url} has no JetStream; enable it (`jetstream {{ store_dir: \"/var/lib/nats\" }}` in its configuration, or \
         the option -js)"
    )]
    NotEnabled {
        /// Of the server, without password.
        url: String,
    },
    /// Other streams have our subjects.
    #[error(
        "the stream {name} cannot be made, since other streams keep some of its subjects: {others}; use one of them (--nats-stream), \
         or take these subjects from them: {subjects}"
    )]
    Overlap {
        /// The stream that was to be made.
        name: String,
        /// The others.
        others: String,
        /// What it was to keep.
        subjects: String,
    },
    /// It is for other subjects.
    #[error(
        "the stream {name} keeps {subjects}, and no events of peer-observer are published under that; choose another stream"
    )]
    Foreign {
        /// The stream.
        name: String,
        /// What it keeps.
        subjects: String,
    },
    /// It does not keep what was read.
    #[error(
        "the stream {name} has the retention {retention:?}, which does not keep events for several readers; use one with the retention limits"
    )]
    Retention {
        /// The stream.
        name: String,
        /// Its retention.
        retention: RetentionPolicy,
    },
    /// The server has no room for it.
    #[error(
        "the NATS server at {url} has no room for the stream {name} of {gib} GiB; raise max_file_store in its configuration, or make a \
         smaller stream: nats stream add {name} --subjects '{subjects}' --storage file --retention limits --discard old"
    )]
    NoRoom {
        /// Of the server, without password.
        url: String,
        /// The stream that was to be made.
        name: String,
        /// Its size.
        gib: i64,
        /// What it was to keep.
        subjects: String,
    },
    /// The server refuses something else.
    #[error("the NATS server at {url} refuses the stream {name}: {reason}")]
    Refused {
        /// Of the server, without password.
        url: String,
        /// The stream.
        name: String,
        /// As the server says it.
        reason: String,
    },
    /// It does not answer now.
    #[error("the stream {name} at {url} cannot be read now: {reason}")]
    Unavailable {
        /// Of the server, without password.
        url: String,
        /// The stream.
        name: String,
        /// Why.
        reason: String,
    },
}

impl StreamError {
    /// Whether the server lets nobody like us use any stream.
    pub fn is_without_jetstream(&self) -> bool {
        matches!(self, Self::Forbidden { .. } | Self::NotEnabled { .. })
    }
}

/// Requests over one connection, about one stream.
pub(super) struct Api {
    context: Context,
    forbidden: watch::Receiver<Vec<String>>,
    pub url: String,
    /// The stream.
    pub name: String,
}

impl Api {
    pub fn new(link: &Link, url: String, name: String) -> Self {
        let context = jetstream::ContextBuilder::new().timeout(TIMEOUT).build(link.client.clone());
        Self { context, forbidden: link.forbidden.clone(), url, name }
    }

    pub fn client(&self) -> Client {
        self.context.client()
    }

    pub fn context(&self) -> Context {
        self.context.clone()
    }

    /// The subject that we need and may not use, once the server has reported one.
    pub async fn forbidden(&self) -> StreamError {
        let needed = |subject: &String| ["$JS.", "_INBOX."].iter().any(|prefix| subject.starts_with(prefix));
        let mut forbidden = self.forbidden.clone();
        let known = forbidden.wait_for(|subjects| subjects.iter().any(needed)).await;
        let subject = known.map(|subjects| subjects.iter().find(|subject| needed(subject)).cloned());
        let Ok(Some(subject)) = subject else { return std::future::pending().await };
        StreamError::Forbidden { url: self.url.clone(), subject }
    }

    pub fn unavailable(&self, reason: impl Into<String>) -> StreamError {
        StreamError::Unavailable { url: self.url.clone(), name: self.name.clone(), reason: reason.into() }
    }

    /// A request; the inner error is the server's.
    pub async fn ask<T: DeserializeOwned>(
        &self,
        subject: String,
        payload: &(impl Serialize + Sync),
    ) -> Result<Result<T, jetstream::Error>, StreamError> {
        let answer = tokio::select! {
            answer = self.context.request::<_, _, Response<T>>(subject, payload) => answer,
            forbidden = self.forbidden() => return Err(forbidden),
        };
        match answer {
            Ok(Response::Ok(answer)) => Ok(Ok(answer)),
            Ok(Response::Err { error }) => match error.error_code() {
                ErrorCode::JETSTREAM_NOT_ENABLED | ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT => {
                    Err(StreamError::NotEnabled { url: self.url.clone() })
                }
                ErrorCode::CLUSTER_NOT_AVAILABLE => Err(self.unavailable(error.to_string())),
                _ => Ok(Err(error)),
            },
            Err(error) if error.kind() == RequestErrorKind::NoResponders => {
                Err(StreamError::NotEnabled { url: self.url.clone() })
            }
            Err(error) => Err(self.unavailable(error.to_string())),
        }
    }

    /// The same, where the server has no reason to refuse.
    pub async fn get<T: DeserializeOwned>(
        &self,
        subject: String,
        payload: &(impl Serialize + Sync),
    ) -> Result<T, StreamError> {
        self.ask(subject, payload).await?.map_err(|error| self.refused(&error))
    }

    pub fn refused(&self, error: &jetstream::Error) -> StreamError {
        StreamError::Refused { url: self.url.clone(), name: self.name.clone(), reason: error.to_string() }
    }

    /// The stream of a name; none if there is none.
    pub async fn stream(&self, name: &str) -> Result<Option<stream::Info>, StreamError> {
        match self.ask(format!("STREAM.INFO.{name}"), &json!({})).await? {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND => Ok(None),
            Err(error) => Err(self.refused(&error)),
        }
    }

    /// A consumer of the stream; none if there is none.
    pub async fn consumer(&self, consumer: &str) -> Result<Option<consumer::Info>, StreamError> {
        match self.ask(format!("CONSUMER.INFO.{}.{consumer}", self.name), &json!({})).await? {
            Ok(info) => Ok(Some(info)),
            Err(error) if error.error_code() == ErrorCode::CONSUMER_NOT_FOUND => Ok(None),
            Err(error) => Err(self.refused(&error)),
        }
    }
}
