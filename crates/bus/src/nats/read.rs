//! Brings the events that others publish on a NATS server into this process.

use std::sync::Arc;

use async_nats::{Message, Subscriber};
use event::quote::Quoted;
use event::{NodeNames, Record, subject, time};
use futures_util::StreamExt;
use futures_util::stream::select;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::link::{Link, WhenBroken};
use super::{NatsError, Options};
use crate::accounts::{Reason, Stage};
use crate::gaps::{GapTracker, Loss, Position};
use crate::local::Bus;
use crate::queue::Delivery;

/// The most messages that are handled at once.
const BATCH: usize = 1024;

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
    let link = Link::connect(options, Arc::clone(&stage), WhenBroken::Reconnect).await?;
    let closed = || NatsError::Closed { url: options.shown_url() };
    let named = link.client.subscribe(format!("{}.>", subject::PREFIX)).await.map_err(|_| closed())?;
    let flat = link.client.subscribe(subject::FLAT).await.map_err(|_| closed())?;
    // The server has got the subscriptions when it answers what comes after them.
    link.client.flush().await.map_err(|_| closed())?;
    Ok(Connected { link, named, flat, stage, url: options.shown_url() })
}

impl Connected {
    /// Hands events, and what is lost between them, to the bus until shutdown.
    ///
    /// # Errors
    /// When the connection is closed for good.
    pub async fn run(self, bus: Bus, shutdown: CancellationToken) -> Result<(), NatsError> {
        let mut messages = select(self.named, self.flat).ready_chunks(BATCH);
        let mut reader = Reader {
            stage: self.stage,
            names: NodeNames::default(),
            gaps: GapTracker::default(),
            warned_undecodable: false,
        };
        while let Some(batch) = shutdown.run_until_cancelled(messages.next()).await {
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

/// Turns messages into events, and notices what is missing between them.
struct Reader {
    stage: Arc<Stage>,
    names: NodeNames,
    gaps: GapTracker,
    warned_undecodable: bool,
}

impl Reader {
    fn take(&mut self, message: Message, items: &mut Vec<Delivery>) {
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
