//! Prints events, one per line, until the subscription ends or the reader of the output goes away.

use std::io::{self, BufWriter, ErrorKind, Write};

use bus::{Delivery, Loss, Subscription};
use event::json::to_json;
use event::text::{Line, Look};
use event::{Record, time};
use thiserror::Error;
use tokio::runtime::Handle;
use tracing::warn;

use crate::status::Statuses;

/// The format of printed events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One line of text, for people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
    /// Protobuf (`event.Event`), each event after its length as a varint.
    Protobuf,
}

/// How events are printed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The format.
    pub format: Format,
    /// Whether text has colors, for a terminal.
    pub color: bool,
}

/// The error with which printing ends.
#[derive(Debug, Error)]
#[error("cannot write events to standard output: {0}")]
pub struct WatchError(#[from] io::Error);

/// The maximum width of the column with the node's name, in characters.
const MAX_NODE_WIDTH: usize = 20;

/// Prints events and losses until the subscription ends. It writes from a thread of its own, so that a slow terminal holds up nothing
/// else.
///
/// # Errors
/// The output cannot be written. That its reader went away is no error.
pub async fn run(
    subscription: Subscription,
    options: Options,
    out: impl Write + Send + 'static,
) -> Result<(), WatchError> {
    let runtime = Handle::current();
    let printing = tokio::task::spawn_blocking(move || print_all(&runtime, subscription, options, out));
    match printing.await {
        Ok(Err(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Ok(result) => Ok(result?),
        Err(panicked) => Err(io::Error::other(panicked).into()),
    }
}

fn print_all(runtime: &Handle, mut subscription: Subscription, options: Options, out: impl Write) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(64 << 10, out);
    let mut node_width = 0;
    let mut statuses = Statuses::default();
    loop {
        let items = runtime.block_on(subscription.next_many());
        if items.is_empty() {
            return out.flush();
        }
        for item in items {
            // For people, an extractor that has nothing to report is as quiet as its node.
            if let (Format::Text, Delivery::Event(record)) = (options.format, &item)
                && statuses.is_old(record)
            {
                continue;
            }
            let name = match &item {
                Delivery::Event(record) => &record.envelope().node,
                Delivery::Lost(loss) => &loss.node,
                Delivery::Mark(_) | Delivery::Checkpoint(_) => continue,
            };
            node_width = node_width.max(name.chars().count()).min(MAX_NODE_WIDTH);
            let look = Look { color: options.color, node_width };
            match item {
                Delivery::Event(record) => print_event(&mut out, options.format, look, &record)?,
                Delivery::Lost(loss) => print_loss(&mut out, options.format, look, &loss)?,
                Delivery::Mark(_) | Delivery::Checkpoint(_) => {}
            }
        }
        out.flush()?;
    }
}

fn print_event(out: &mut impl Write, format: Format, look: Look, record: &Record) -> io::Result<()> {
    match format {
        Format::Text => writeln!(out, "{}", Line { record, look }),
        Format::Json => writeln!(out, "{}", to_json(record)),
        Format::Protobuf => {
            let bytes = record.bytes();
            let mut length = Vec::with_capacity(prost::length_delimiter_len(bytes.len()));
            prost::encode_length_delimiter(bytes.len(), &mut length).map_err(io::Error::other)?;
            out.write_all(&length)?;
            out.write_all(bytes)
        }
    }
}

fn print_loss(out: &mut impl Write, format: Format, look: Look, loss: &Loss) -> io::Result<()> {
    match format {
        Format::Text => {
            let (red, reset) = if look.color { ("\x1b[31m", "\x1b[0m") } else { ("", "") };
            writeln!(out, "{} {red}!!!  {loss}{reset}", time::rfc3339_micros(time::now_ns()))
        }
        Format::Json => writeln!(out, "{}", loss.to_json()),
        Format::Protobuf => {
            warn!("{loss}");
            Ok(())
        }
    }
}
