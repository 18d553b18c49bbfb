//! Objects that are read a range at a time.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::AmazonS3;
use object_store::{GetOptions, GetRange, ObjectMeta, ObjectStore};

use super::blocking::wait;
use super::error::RemoteError;
use super::url::ObjectUrl;
use crate::archive::{Object, ReadAt};

/// Bytes that are fetched at least: a request takes as long as these.
const LEAST: u64 = 64 << 10;
/// Bytes of the end that are fetched with its first part: the table of frames, and of most files the index.
const END: u64 = 256 << 10;
/// Bytes that are fetched ahead at most of an object that is read to its end.
const MAX_AHEAD: u64 = 4 << 20;
/// Bytes that are kept, besides what was fetched last: of the end of an object and of where it is read.
const KEPT: usize = 512 << 10;
/// What is passed over so far still counts as reading on.
const NEAR: u64 = 256 << 10;
/// How long a range may take.
const PATIENCE: Duration = Duration::from_secs(180);

/// An object of this size, which was found.
#[derive(Clone, Debug)]
pub(crate) struct RemoteObject {
    store: Arc<AmazonS3>,
    url: ObjectUrl,
    meta: ObjectMeta,
}

impl RemoteObject {
    pub fn new(store: Arc<AmazonS3>, url: ObjectUrl, meta: ObjectMeta) -> Self {
        Self { store, url, meta }
    }
}

impl Object for RemoteObject {
    fn size(&self) -> u64 {
        self.meta.size
    }

    fn reader(&self) -> Box<dyn ReadAt> {
        Box::new(Reader { object: Arc::new(self.clone()), cache: Mutex::default() })
    }
}

#[derive(Debug)]
struct Reader {
    object: Arc<RemoteObject>,
    cache: Mutex<Cache>,
}

/// What was fetched, and how far ahead it is worth it.
#[derive(Debug, Default)]
struct Cache {
    /// The newest last.
    pieces: Vec<(u64, Bytes)>,
    /// Where the last read ended.
    position: u64,
    ahead: u64,
}

impl ReadAt for Reader {
    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let size = self.object.meta.size;
        let end = offset.checked_add(buffer.len() as u64).filter(|end| *end <= size);
        let end = end.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.note(offset..end);
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            let position = offset + filled as u64;
            let copied = cache.copy(rest, position);
            filled += copied;
            if copied == 0 {
                let range = cache.range(position..end, size);
                let start = range.start;
                cache.keep(start, self.object.fetch(range)?)?;
            }
        }
        Ok(())
    }
}

impl RemoteObject {
    fn fetch(self: &Arc<Self>, range: Range<u64>) -> io::Result<Bytes> {
        let object = Arc::clone(self);
        let fetched = wait(async move {
            let fetching = object.fetch_now(range);
            let late = |_| RemoteError::late("read", &object.url, PATIENCE);
            tokio::time::timeout(PATIENCE, fetching).await.map_err(late)?
        });
        fetched?.map_err(|error| {
            // The readers of archives know where something is missing, and this knows why.
            tracing::warn!("{error}");
            io::Error::other(error)
        })
    }

    async fn fetch_now(&self, range: Range<u64>) -> Result<Bytes, RemoteError> {
        let (if_match, range) = (self.meta.e_tag.clone(), Some(GetRange::Bounded(range)));
        let got = self.store.get_opts(&self.meta.location, GetOptions { if_match, range, ..GetOptions::default() });
        let error = RemoteError::of("read", &self.url);
        got.await.map_err(&error)?.bytes().await.map_err(error)
    }
}

impl Cache {
    /// Decides by where it is read how much is fetched ahead.
    fn note(&mut self, read: Range<u64>) {
        let reads_on = (self.position..=self.position.saturating_add(NEAR)).contains(&read.start) && self.position > 0;
        self.ahead = if reads_on { (self.ahead * 2).clamp(LEAST, MAX_AHEAD) } else { 0 };
        self.position = read.end;
    }

    /// Copies what there is from this place on.
    fn copy(&self, buffer: &mut [u8], position: u64) -> usize {
        let from = |(start, bytes): &(u64, Bytes)| {
            let skipped = usize::try_from(position.checked_sub(*start)?).ok()?;
            bytes.get(skipped..).filter(|rest| !rest.is_empty()).map(|rest| bytes.slice_ref(rest))
        };
        let Some(found) = self.pieces.iter().rev().find_map(from) else { return 0 };
        let count = found.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..count), found.get(..count)) {
            to.copy_from_slice(from);
        }
        count
    }

    /// What to fetch for something that is not there.
    fn range(&self, wanted: Range<u64>, size: u64) -> Range<u64> {
        if self.pieces.is_empty() && size - wanted.end < LEAST {
            return wanted.start.min(size.saturating_sub(END))..size;
        }
        let length = (wanted.end - wanted.start).max(LEAST).max(self.ahead);
        wanted.start..wanted.start.saturating_add(length).min(size)
    }

    fn keep(&mut self, start: u64, bytes: Bytes) -> io::Result<()> {
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut kept = 0;
        let first = self.pieces.iter().rposition(|(_, bytes)| {
            kept += bytes.len();
            kept > KEPT
        });
        self.pieces.drain(..first.map_or(0, |first| first + 1));
        self.pieces.push((start, bytes));
        Ok(())
    }
}
