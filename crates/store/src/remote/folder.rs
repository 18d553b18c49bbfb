//! A place in a store where files are put.

use std::fs::File;
use std::future::Future;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use object_store::aws::AmazonS3;
use object_store::{
    Attribute, Attributes, GetOptions, GetResult, MultipartUpload, ObjectStore, ObjectStoreExt, PutMultipartOptions,
    PutOptions, PutPayload,
};
use sha2::{Digest as _, Sha256};

use super::client::list;
use super::digest::{Digest, hex, part_bytes};
use super::error::RemoteError;
use super::url::ObjectUrl;

/// Parts that are under way at once.
const AT_ONCE: usize = 3;
/// Bytes of what is read at once at most.
const MAX_SMALL: u64 = 16 << 20;
/// How long to wait for the next bytes of an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an upload that is given up may take to say so.
const GIVE_UP: Duration = Duration::from_secs(2);
/// The metadata of an object that tell what it was put as.
const SHA256: &str = "sha256";

/// A place where files are put.
#[derive(Clone, Debug)]
pub struct Folder {
    store: Arc<AmazonS3>,
    url: ObjectUrl,
}

/// What a store has in the place of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    Missing,
    /// The same content.
    Same,
    /// Something else that was put as this file: it was damaged, or is not complete.
    Damaged,
    /// Something else, which was not put as this file.
    Other,
}

impl Folder {
    pub(crate) fn new(store: Arc<AmazonS3>, url: ObjectUrl) -> Self {
        Self { store, url }
    }

    /// Where it is.
    pub fn url(&self) -> &ObjectUrl {
        &self.url
    }

    /// The name of what is at a path below.
    ///
    /// # Errors
    /// The path cannot be part of a name.
    pub fn at(&self, path: &str) -> Result<ObjectUrl, RemoteError> {
        self.url.join(path).map_err(|error| RemoteError::new("use", &self.url, error.to_string()))
    }

    /// Puts a file there, or gives up when `stop` is done. It replaces what is in its place.
    ///
    /// # Errors
    /// It cannot be read, or the store does not take it.
    pub async fn put(
        &self,
        url: &ObjectUrl,
        file: &Path,
        digest: &Digest,
        stop: impl Future<Output = ()>,
    ) -> Result<(), RemoteError> {
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::Metadata(SHA256.into()), digest.sha256.clone().into());
        let (error, unreadable) = (RemoteError::of("write", url), RemoteError::io("write", url));
        let file = Arc::new(File::open(file).map_err(&unreadable)?);
        if digest.is_one_part() {
            let bytes = piece(&file, 0, digest.size).await.map_err(unreadable)?;
            let options = PutOptions { attributes, ..PutOptions::default() };
            return self.store.put_opts(&url.key, bytes.into(), options).await.map(drop).map_err(error);
        }
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut upload = self.store.put_multipart_opts(&url.key, options).await.map_err(&error)?;
        let done = tokio::select! {
            done = put_parts(&mut *upload, &file, digest.size, url) => done,
            () = stop => Err(RemoteError::new("write", url, "the program ends")),
        };
        let done = match done {
            Ok(()) => upload.complete().await.map(drop).map_err(error),
            failed => failed,
        };
        if done.is_err() {
            // What stays there otherwise is paid for. If this fails too, the rules of the bucket may help.
            let _ = tokio::time::timeout(GIVE_UP, upload.abort()).await;
        }
        done
    }

    /// Compares what is there with a file. The content is the same if its size is, and either what S3 calls ETag is that
    /// of the content, or the object, which is read to its end for this, has the same SHA-256: with some kinds of
    /// encryption, and in some stores, ETags say nothing of the content.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn verify(&self, url: &ObjectUrl, digest: &Digest) -> Result<State, RemoteError> {
        let error = RemoteError::of("verify", url);
        let options = GetOptions { head: true, ..GetOptions::default() };
        let head = match self.store.get_opts(&url.key, options).await {
            Ok(head) => head,
            Err(object_store::Error::NotFound { .. }) => return Ok(State::Missing),
            Err(cause) => return Err(error(cause)),
        };
        let was_put_as = head.attributes.get(&Attribute::Metadata(SHA256.into()));
        let other =
            if was_put_as.is_some_and(|sha256| **sha256 == *digest.sha256) { State::Damaged } else { State::Other };
        if head.meta.size != digest.size {
            return Ok(other);
        }
        if head.meta.e_tag.as_deref().is_some_and(|e_tag| e_tag.trim_matches('"') == digest.e_tag) {
            return Ok(State::Same);
        }
        let got = self.store.get(&url.key).await.map_err(error)?;
        Ok(if hash(got, url).await? == digest.sha256 { State::Same } else { other })
    }

    /// Puts something small there.
    ///
    /// # Errors
    /// The store does not take it.
    pub async fn put_small(&self, url: &ObjectUrl, bytes: Vec<u8>) -> Result<(), RemoteError> {
        self.store.put(&url.key, PutPayload::from(bytes)).await.map(drop).map_err(RemoteError::of("write", url))
    }

    /// Reads something small; none if it is not there.
    ///
    /// # Errors
    /// The store does not answer, or it is not small.
    pub async fn get_small(&self, url: &ObjectUrl) -> Result<Option<Bytes>, RemoteError> {
        let error = RemoteError::of("read", url);
        match self.store.get(&url.key).await {
            Ok(got) if got.meta.size > MAX_SMALL => Err(RemoteError::new("read", url, "it is too large")),
            Ok(got) => got.bytes().await.map(Some).map_err(error),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(error(cause)),
        }
    }

    /// All objects below a place.
    ///
    /// # Errors
    /// The store does not answer.
    pub async fn list(&self, url: &ObjectUrl) -> Result<Vec<ObjectUrl>, RemoteError> {
        let found = list(&self.store, url).await?;
        Ok(found.into_iter().map(|meta| ObjectUrl { bucket: url.bucket.clone(), key: meta.location }).collect())
    }

    /// Removes an object.
    ///
    /// # Errors
    /// The store does not.
    pub async fn remove(&self, url: &ObjectUrl) -> Result<(), RemoteError> {
        match self.store.delete(&url.key).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(cause) => Err(RemoteError::of("remove", url)(cause)),
        }
    }
}

async fn put_parts(
    upload: &mut dyn MultipartUpload,
    file: &Arc<File>,
    size: u64,
    url: &ObjectUrl,
) -> Result<(), RemoteError> {
    let mut under_way = FuturesUnordered::new();
    let (part, mut offset) = (part_bytes(size), 0);
    while offset < size {
        let length = part.min(size - offset);
        let bytes = piece(file, offset, length).await.map_err(RemoteError::io("write", url))?;
        under_way.push(upload.put_part(bytes.into()));
        offset += length;
        if under_way.len() >= AT_ONCE
            && let Some(done) = under_way.next().await
        {
            done.map_err(RemoteError::of("write", url))?;
        }
    }
    while let Some(done) = under_way.next().await {
        done.map_err(RemoteError::of("write", url))?;
    }
    Ok(())
}

/// Reads a piece of a file.
async fn piece(file: &Arc<File>, offset: u64, length: u64) -> std::io::Result<Bytes> {
    let file = Arc::clone(file);
    let reading = tokio::task::spawn_blocking(move || {
        let mut bytes = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
        file.read_exact_at(&mut bytes, offset)?;
        Ok(Bytes::from(bytes))
    });
    reading.await.map_err(std::io::Error::other)?
}

/// The SHA-256 of an object.
async fn hash(got: GetResult, url: &ObjectUrl) -> Result<String, RemoteError> {
    let (mut stream, mut sha256) = (got.into_stream(), Sha256::new());
    loop {
        let next = tokio::time::timeout(PATIENCE, stream.next()).await;
        match next.map_err(|_| RemoteError::late("verify", url, PATIENCE))? {
            Some(bytes) => sha256.update(bytes.map_err(RemoteError::of("verify", url))?),
            None => return Ok(hex(&sha256.finalize())),
        }
    }
}
