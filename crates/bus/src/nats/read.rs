//! Brings the events that others publish on a NATS server into this process.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, Subscriber};
use event::quote::Quoted;
use event::{NodeNames, Record, subject, time};
use futures_util::StreamExt;
use futures_util::stream::select;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::link::Link;
use super::{NatsError, Options};
use crate::accounts::{Reason, Stage};
use crate::gaps::{GapTracker, Loss, Position};
use crate::local::Bus;
use crate::queue::Delivery;

/// The most messages that are handled at once.
const BATCH: usize = 1024;

/// Pause before a server that is away is tried again.
const RETRY_DELAY: Duration = Duration::from_millis(200);

/// All that peer-observers publish: of nodes with a name, and on flat subjects.
const SUBJECTS: [&str; 2] = [subject::NAMED, subject::FLAT];

/// Hands events that others publish on a server, and what is lost between them, to the bus until shutdown. Counts them in the account
/// "nats-reader". A server that is away is waited for, at the beginning as later.
///
/// # Errors
/// When the address or the files cannot be used, or the server refuses us.
pub async fn read(bus: Bus, options: Options, shutdown: CancellationToken) -> Result<(), NatsError> {
    let connecting = patiently(|| connect_reader(&bus, &options));
    match shutdown.run_until_cancelled(connecting).await {
        Some(reader) => reader?.run(bus, shutdown).await,
        None => Ok(()),
    }
}

/// Connects, and waits for a server that is away.
pub(super) async fn patiently<T, F>(connect: impl Fn() -> F) -> Result<T, NatsError>
where
    F: Future<Output = Result<T, NatsError>>,
{
    let mut waiting = false;
    loop {
        match connect().await {
            Err(error @ NatsError::Unreachable { .. }) => {
                if !waiting {
                    warn!("{error} (waiting for it)");
                    waiting = true;
                }
            }
            connected => return connected,
        }
        tokio::time::sleep(RETRY_DELAY).await;
    }
}

/// A reader that has subscribed: whatever is published from now on is brought in by [`Connected::run`].
pub struct Connected {
    link: Link,
    named: Subscriber,
    flat: Subscriber,
    stage: Arc<Stage>,
    url: String,
}

/// Subscribes to everything that peer-observers publish on a server. Counts it in the account "nats-reader".
///
/// # Errors
/// When the server cannot be reached, or refuses us. Once this has worked, the connection comes back by itself.
pub async fn connect_reader(bus: &Bus, options: &Options) -> Result<Connected, NatsError> {
    let stage = bus.accounts().stage("nats-reader");
    let link = Link::connect(options, Arc::clone(&stage)).await?;
    let closed = || NatsError::Closed { url: options.shown_url() };
    let named = link.client.subscribe(subject::NAMED).await.map_err(|_| closed())?;
    let flat = link.client.subscribe(subject::FLAT).await.map_err(|_| closed())?;
    link.client.flush().await.map_err(|_| closed())?;
    Ok(Connected { link, named, flat, stage, url: options.shown_url() })
}

impl Connected {
    /// Hands events, and what is lost between them, to the bus until shutdown.
    ///
    /// # Errors
    /// When the server does not let us subscribe, or the connection is closed for good.
    pub async fn run(mut self, bus: Bus, shutdown: CancellationToken) -> Result<(), NatsError> {
        let mut messages = select(self.named, self.flat).ready_chunks(BATCH);
        let mut reader = Reader::new(self.stage);
        let mut forbidden_known = 0;
        loop {
            let batch = tokio::select! {
                () = shutdown.cancelled() => break,
                Ok(forbidden) = self.link.forbidden.wait_for(|forbidden| forbidden.len() > forbidden_known) => {
                    forbidden_known = forbidden.len();
                    check_allowed(&self.url, &forbidden)?;
                    continue;
                }
                batch = messages.next() => batch,
            };
            let Some(batch) = batch else {
                return Err(NatsError::Closed { url: self.url });
            };
            let mut items = Vec::with_capacity(batch.len());
            batch.into_iter().for_each(|message| reader.take(message, &mut items));
            bus.deliver(items).await;
        }
        drop(self.link);
        Ok(())
    }
}

/// Of the two subjects one will do: many servers have events under one of them only.
fn check_allowed(url: &str, forbidden: &[String]) -> Result<(), NatsError> {
    let (forbidden, allowed): (Vec<_>, Vec<_>) =
        SUBJECTS.into_iter().partition(|subject| forbidden.iter().any(|forbidden| forbidden == subject));
    if allowed.is_empty() {
        return Err(NatsError::Forbidden { url: url.to_owned(), needed: SUBJECTS.join(" and ") });
    }
    for subject in forbidden {
        warn!("the NATS server at {url} does not let us subscribe to {subject}: events under it are not seen");
    }
    Ok(())
}

/// Turns messages into events, and notices what is missing between them.
pub(super) struct Reader {
    stage: Arc<Stage>,
    names: NodeNames,
    gaps: GapTracker,
    warned_undecodable: bool,
    warned_misnamed: bool,
}

impl Reader {
    pub fn new(stage: Arc<Stage>) -> Self {
        Self {
            stage,
            names: NodeNames::default(),
            gaps: GapTracker::default(),
            warned_undecodable: false,
            warned_misnamed: false,
        }
    }

    /// Counts a message that was handled before.
    pub fn pass_over(&self) {
        self.stage.add_in(1);
        self.stage.add_out(1);
    }

    /// What is missing right here was noticed in another way.
    pub fn skip(&mut self) {
        self.gaps.skip();
    }

    /// Adds the event of a message, and what is missing before it.
    pub fn take(&mut self, message: Message, items: &mut Vec<Delivery>) {
        self.stage.add_in(1);
        let size = message.payload.len();
        let record = match Record::from_bytes(message.payload, &mut self.names) {
            Ok(record) => record,
            Err(error) => {
                self.stage.add_dropped(Reason::Undecodable, 1);
                if !self.warned_undecodable {
                    self.warned_undecodable = true;
                    let subject = Quoted(&message.subject);
                    warn!(
                        "skipping {size} B on subject {subject}: {error} (logged once; further ones are only counted)"
                    );
                }
                return;
            }
        };
        let envelope = record.envelope();
        // Whose events someone may publish, the server decides by the subject. What comes from a stream of one node is that node's: the subject
        // is what that server says.
        let origin = message.headers.as_ref().and_then(|headers| headers.get(subject::STREAM_SOURCE));
        let origin = origin.and_then(|origin| subject::node_of_source(origin.as_str()));
        let named =
            [origin, subject::node(&message.subject)].into_iter().flatten().find(|node| **node != *envelope.node);
        if let Some(node) = named {
            self.stage.add_dropped(Reason::Misnamed, 1);
            if !self.warned_misnamed {
                self.warned_misnamed = true;
                warn!(
                    "skipping an event that came as one of node {}, and says that it is of node {}: somebody may publish \
                     under another name (logged once; further ones are only counted)",
                    Quoted(node),
                    Quoted(&envelope.node)
                );
            }
            return;
        }
        match self.gaps.note(&record) {
            Position::Again => {
                // A repeated event is neither passed on nor lost.
                self.stage.add_out(1);
                return;
            }
            Position::After(missing) => {
                let loss = Loss {
                    node: Arc::clone(&envelope.node),
                    run: envelope.run,
                    missing,
                    time_ns: if envelope.time_ns > 0 { envelope.time_ns } else { time::now_ns() },
                    stage: "nats",
                };
                warn!("{loss}");
                items.push(Delivery::Lost(Arc::new(loss)));
            }
            Position::Next => {}
        }
        self.stage.add_out(1);
        items.push(Delivery::Event(Arc::new(record)));
    }
}
