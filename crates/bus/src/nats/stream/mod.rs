//! Reads a stream of JetStream, so that nothing is missed while this process or the server is away.
//!
//! The events go to the bus with a [`Checkpoint`] after each batch. What is confirmed is acknowledged, and comes no more; all else comes again when
//! this process begins anew, or the connection. Within a process it is recognized by its place in the stream.

mod acks;
mod api;
mod session;
mod setup;

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::link::Link;
use super::read::{Reader, patiently, read};
use super::{NatsError, Options};
use crate::checkpoint::{Checkpoint, Checkpoints};
use crate::local::Bus;
use crate::queue::Delivery;
use acks::Acks;
use api::Api;
pub use api::StreamError;
use session::{Ended, Session};

/// Pause before a stream that cannot be read is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(500);

/// How much later than an answer the client may notice what the server reported before it.
const NOTICE: Duration = Duration::from_millis(200);

/// Which stream, and as whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamOptions {
    /// Name of the stream. It is made if it is not there.
    pub name: String,
    /// Name of the durable consumer, which no other reader may use.
    pub consumer: String,
}

/// Hands events of a stream to the bus until shutdown, with a [`Checkpoint`] after each batch; and in the second future acknowledges what is
/// confirmed, until nothing can be any more. Counts them in the account "nats-reader". A server that is away is waited for.
///
/// Where the server lets us use no stream, events are read as by [`read`], without checkpoints, and this is logged.
pub fn read_stream(
    bus: Bus,
    options: Options,
    stream: StreamOptions,
    shutdown: CancellationToken,
) -> (impl Future<Output = Result<(), NatsError>>, impl Future<Output = ()>) {
    let (checkpoints, confirmed) = Checkpoints::new();
    let acks = Arc::new(Acks::default());
    let acknowledging = Arc::clone(&acks).acknowledge(confirmed);
    let reading = async move {
        let reading = keep_reading(&bus, &options, stream, acks, checkpoints);
        match shutdown.run_until_cancelled(reading).await {
            None => Ok(()),
            Some(NatsError::Stream(error)) if error.is_without_jetstream() => {
                warn!("{error}; going on without: what is published while this process is away is lost to it");
                read(bus, options, shutdown).await
            }
            Some(error) => Err(error),
        }
    };
    (reading, acknowledging)
}

/// Reads until that is not possible for good.
async fn keep_reading(
    bus: &Bus,
    options: &Options,
    stream: StreamOptions,
    acks: Arc<Acks>,
    checkpoints: Checkpoints,
) -> NatsError {
    let stage = bus.accounts().stage("nats-reader");
    let link = match patiently(|| Link::connect(options, Arc::clone(&stage))).await {
        Ok(link) => link,
        Err(error) => return error,
    };
    let mut api = Api::new(&link, options.shown_url(), stream.name);
    let mut session = Session::new(bus.clone(), stream.consumer, Reader::new(stage), acks, checkpoints);
    let mut warned = None;
    loop {
        let ended = session.run(&mut api, &link).await;
        match ended {
            Ended::Disconnected => {
                warned = None;
                continue;
            }
            Ended::Closed => return NatsError::Closed { url: options.shown_url() },
            Ended::Failed(error @ StreamError::Forbidden { .. }) => return error.into(),
            Ended::Failed(error) if !session.has_begun() && !matches!(error, StreamError::Unavailable { .. }) => {
                return error.into();
            }
            Ended::Failed(error) => {
                let error = error.to_string();
                if warned.as_ref() != Some(&error) {
                    warn!("{error} (trying again)");
                    warned = Some(error);
                }
            }
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// What became of a look at a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamState {
    /// It is there, and can be read.
    There {
        /// The subjects that it keeps.
        subjects: Vec<String>,
        /// Messages in it.
        messages: u64,
    },
    /// It is not there; a reader would make it.
    Absent,
}

/// Looks whether a stream can be used, and changes nothing.
///
/// # Errors
/// The server cannot be reached, or does not let us use it.
pub async fn look_at_stream(bus: &Bus, options: &Options, name: &str) -> Result<StreamState, NatsError> {
    let stage = bus.accounts().stage("nats-reader");
    let link = Link::connect(options, stage).await?;
    let api = Api::new(&link, options.shown_url(), name.to_owned());
    // Changes nothing, but a server that forbids us acknowledgements reports it before it answers what follows; the client notices both apart.
    let closed = |_| NatsError::Closed { url: options.shown_url() };
    link.client.publish(setup::probe(name, "peer-observer"), setup::IN_PROGRESS).await.map_err(closed)?;
    let info = api.stream(name).await?;
    if let Ok(forbidden) = tokio::time::timeout(NOTICE, api.forbidden()).await {
        return Err(forbidden.into());
    }
    let Some(info) = info else { return Ok(StreamState::Absent) };
    let info = setup::check(info)?;
    Ok(StreamState::There { messages: info.state.messages, subjects: info.config.subjects })
}

/// Hands items to the bus, with a checkpoint after them.
async fn deliver(bus: &Bus, mut items: Vec<Delivery>, checkpoint: Checkpoint) {
    items.push(Delivery::Checkpoint(checkpoint));
    bus.deliver(items).await;
}

/// Logs where reading begins.
fn log_begin(api: &Api, consumer: &str, subjects: &[String], behind: u64) {
    let (url, name, subjects) = (&api.url, &api.name, subjects.join(", "));
    info!("reading the stream {name} at {url} as its consumer {consumer}: {subjects}; {behind} messages wait");
}
