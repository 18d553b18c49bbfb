//! Reads events from standard input or a file, in the formats in which `watch` prints them.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;

use bus::{Bus, Delivery};
use bytes::Bytes;
use event::json::from_json;
use event::{NodeNames, Record};
use serde::Deserialize;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// The format of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// JSON or protobuf, detected by the first bytes.
    #[default]
    Auto,
    /// One JSON object per line.
    Json,
    /// Protobuf (`event.Event`), each event after its length as a varint.
    Protobuf,
}

/// The error with which reading events ends.
#[derive(Debug, Error)]
pub enum InputError {
    /// The input cannot be read.
    #[error("cannot read events: {0}")]
    Io(#[from] io::Error),
    /// An event claims to be larger than [`MAX_EVENT_BYTES`].
    #[error(
        "event {number} claims to be {length} B long, more than {MAX_EVENT_BYTES} B: is the input protobuf with lengths?"
    )]
    TooLong {
        /// The position of the event in the input, from 1 on.
        number: u64,
        /// The size that it claims, in bytes.
        length: u64,
    },
    /// The input has no event at all.
    #[error("the input is neither events as JSON lines nor as protobuf with lengths; its first one: {0}")]
    NoEvents(String),
}

/// The size of the largest event that is read, in bytes. The answer to getrawaddrman of a full address manager has some 10 MB.
const MAX_EVENT_BYTES: u64 = 256 << 20;

/// What was read of the input so far.
#[derive(Debug, Default)]
struct Progress {
    events: u64,
    /// How many records were no events.
    skipped: u64,
    /// Why the first of them was no event.
    first_error: Option<String>,
}

/// Reads all events of an input and delivers them to the bus, until the end of the input or the shutdown. Records that are no events are
/// skipped, and counted in the account "input".
///
/// # Errors
/// The input cannot be read, or has no event at all.
pub async fn read(
    input: impl Read + Send + 'static,
    form: Input,
    bus: Bus,
    shutdown: CancellationToken,
) -> Result<(), InputError> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<Vec<Delivery>>(16);
    let reading = tokio::task::spawn_blocking(move || {
        let mut input = BufReader::with_capacity(256 << 10, input);
        let form = if form == Input::Auto { detect(&mut input)? } else { form };
        let mut records = Records { input, form, names: NodeNames::default(), progress: Progress::default() };
        while let Some(batch) = records.next_batch()? {
            if sender.blocking_send(batch).is_err() {
                break;
            }
        }
        Ok::<_, InputError>(records.progress)
    });
    let stage = bus.accounts().stage("input");
    while let Some(Some(batch)) = shutdown.run_until_cancelled(receiver.recv()).await {
        let events = batch.len() as u64;
        stage.add_in(events);
        bus.deliver(batch).await;
        stage.add_out(events);
    }
    if shutdown.is_cancelled() {
        return Ok(()); // the thread may wait for input forever; it ends with the process
    }
    let progress: Progress = match reading.await {
        Ok(result) => result?,
        Err(panicked) => return Err(io::Error::other(panicked).into()),
    };
    stage.add_in(progress.skipped);
    stage.add_dropped(bus::Reason::Undecodable, progress.skipped);
    match progress.first_error {
        Some(error) if progress.events == 0 => Err(InputError::NoEvents(error)),
        Some(error) => {
            tracing::warn!("skipped {} records of the input that are no events; the first: {error}", progress.skipped);
            Ok(())
        }
        None => Ok(()),
    }
}

/// Detects the format. JSON lines begin with four printable characters. In protobuf with lengths, the second byte (the number of an
/// extractor's field) or the fourth (that of a field in it) is not printable.
fn detect(input: &mut BufReader<impl Read>) -> io::Result<Input> {
    let start = input.fill_buf()?;
    let is_text = start.iter().take(4).all(|byte| (b' '..=b'~').contains(byte));
    Ok(if is_text { Input::Json } else { Input::Protobuf })
}

/// Reads records, one after the other.
struct Records<R> {
    input: BufReader<R>,
    form: Input,
    names: NodeNames,
    progress: Progress,
}

/// How many events a batch has at most.
const BATCH: usize = 256;

impl<R: Read> Records<R> {
    /// The next events, as many as can be read without waiting for more input. `None` at the end.
    fn next_batch(&mut self) -> Result<Option<Vec<Delivery>>, InputError> {
        let mut batch = Vec::new();
        while batch.len() < BATCH && (batch.is_empty() || !self.input.buffer().is_empty()) {
            let more = match self.form {
                Input::Protobuf => self.next_protobuf(&mut batch)?,
                Input::Json | Input::Auto => self.next_json(&mut batch)?,
            };
            if !more {
                break;
            }
        }
        Ok((!batch.is_empty()).then_some(batch))
    }

    /// Reads a line. Returns false at the end.
    fn next_json(&mut self, batch: &mut Vec<Delivery>) -> Result<bool, InputError> {
        let mut line = Vec::new();
        (&mut self.input).take(MAX_EVENT_BYTES).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(false);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            return Ok(true);
        }
        match from_json(text, &mut self.names) {
            Ok(record) => self.push(record, batch),
            Err(_) if is_loss(text) => {}
            Err(error) => self.skip(error.to_string()),
        }
        Ok(true)
    }

    /// Reads a record in protobuf. Returns false at the end.
    fn next_protobuf(&mut self, batch: &mut Vec<Delivery>) -> Result<bool, InputError> {
        let Some(length) = self.read_varint()? else {
            return Ok(false);
        };
        if length > MAX_EVENT_BYTES {
            return Err(InputError::TooLong { number: self.progress.events + self.progress.skipped + 1, length });
        }
        let mut bytes = Vec::new();
        (&mut self.input).take(length).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < length {
            self.skip(format!("the last event is cut off after {} of {length} B", bytes.len()));
            return Ok(false);
        }
        match Record::from_bytes(Bytes::from(bytes), &mut self.names) {
            Ok(record) => self.push(record, batch),
            Err(error) => self.skip(error.to_string()),
        }
        Ok(true)
    }

    /// Reads the length of a record. `None` at the end.
    fn read_varint(&mut self) -> io::Result<Option<u64>> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            if self.input.read(&mut byte)? == 0 {
                return Ok(None);
            }
            let [byte] = byte;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(Some(value));
            }
        }
        Ok(Some(u64::MAX))
    }

    fn push(&mut self, record: Record, batch: &mut Vec<Delivery>) {
        self.progress.events += 1;
        batch.push(Delivery::Event(Arc::new(record)));
    }

    fn skip(&mut self, error: String) {
        self.progress.skipped += 1;
        self.progress.first_error.get_or_insert(error);
    }
}

/// Whether a line of JSON reports a loss. `watch` prints those between the events.
fn is_loss(line: &str) -> bool {
    #[derive(Deserialize)]
    struct Kind<'a> {
        kind: &'a str,
    }
    serde_json::from_str::<Kind>(line).is_ok_and(|object| object.kind == "lost")
}
