//! An account at a store.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{BackoffConfig, ClientOptions, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig};

use super::blocking::wait;
use super::error::{NO_KEY, RemoteError};
use super::folder::Folder;
use super::http::Http;
use super::read::RemoteObject;
use super::url::ObjectUrl;
use crate::archive::{FileName, Place};
use crate::logs::LogFile;

/// How long a request is tried again before it has failed.
const RETRY: Duration = Duration::from_secs(20);
/// How often.
const RETRIES: usize = 5;

/// What shows that there are keys, or that none are needed.
const KEYS: [&str; 4] =
    ["AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_SKIP_SIGNATURE"];

/// Where the store is, and what it knows us by. What is not given is taken from the environment, by the names that all
/// clients of S3 use (`AWS_REGION`, `AWS_ROLE_ARN`, ...).
#[derive(Clone, Default)]
pub struct Options {
    /// Its URL; none for Amazon's.
    pub endpoint: Option<String>,
    /// Where its data are.
    pub region: Option<String>,
    /// The name of a key.
    pub access_key_id: Option<String>,
    /// The key.
    pub secret_access_key: Option<String>,
    /// What comes with keys that are valid for some time only.
    pub session_token: Option<String>,
    /// The URL may begin with `http:`: everything but the key can be read and changed on the way.
    pub allow_http: bool,
}

impl fmt::Debug for Options {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { endpoint, region, allow_http, .. } = self;
        let mut shown = f.debug_struct("Options");
        shown
            .field("endpoint", endpoint)
            .field("region", region)
            .field("allow_http", allow_http)
            .finish_non_exhaustive()
    }
}

/// An account. Nothing is sent before something is asked for.
#[derive(Clone, Debug, Default)]
pub struct Client {
    options: Options,
}

impl Client {
    /// An account with these keys.
    pub fn new(options: Options) -> Self {
        Self { options }
    }

    /// A place where files are put.
    ///
    /// # Errors
    /// The options contradict each other, or there are no certificates of this system.
    pub fn folder(&self, url: &ObjectUrl) -> Result<Folder, RemoteError> {
        Ok(Folder::new(self.store(url)?, url.clone()))
    }

    /// The archives that a name means: an object is itself, whatever its name; what the names of objects begin with
    /// means the archives directly below, in the order of their times. Waits for the answer.
    ///
    /// # Errors
    /// There is no such object and nothing below, or the store does not answer.
    pub fn archives(&self, url: &ObjectUrl) -> Result<Vec<Place>, RemoteError> {
        let (client, found) = (self.clone(), url.clone());
        wait(async move { client.find(&found).await }).map_err(RemoteError::io("read", url))?
    }

    /// The kept logs directly below a place, by node and time. Waits for the answer.
    ///
    /// # Errors
    /// The store does not answer.
    pub fn logs(&self, url: &ObjectUrl) -> Result<Vec<LogFile>, RemoteError> {
        let (client, url_of_all) = (self.clone(), url.clone());
        wait(async move { client.find_logs(&url_of_all).await }).map_err(RemoteError::io("read", url))?
    }

    async fn find_logs(&self, url: &ObjectUrl) -> Result<Vec<LogFile>, RemoteError> {
        let store = self.store(url)?;
        let listed = store.list_with_delimiter(prefix(&url.key)).await.map_err(RemoteError::of("list", url))?;
        let mut files: Vec<LogFile> = listed
            .objects
            .into_iter()
            .filter_map(|meta| {
                let (node, begun_ms) = LogFile::parse(meta.location.filename()?)?;
                let url = ObjectUrl { bucket: url.bucket.clone(), key: meta.location.clone() };
                let (name, bytes) = (url.to_string(), meta.size);
                let place = Place::object(&name, Arc::new(RemoteObject::new(Arc::clone(&store), url, meta)));
                Some(LogFile { node, begun_ms, bytes, place })
            })
            .collect();
        files.sort_by(|a, b| (&a.node, a.begun_ms).cmp(&(&b.node, b.begun_ms)));
        Ok(files)
    }

    async fn find(&self, url: &ObjectUrl) -> Result<Vec<Place>, RemoteError> {
        let store = self.store(url)?;
        let place = |meta: ObjectMeta| {
            let url = ObjectUrl { bucket: url.bucket.clone(), key: meta.location.clone() };
            let name = url.to_string();
            Place::object(&name, Arc::new(RemoteObject::new(Arc::clone(&store), url, meta)))
        };
        let mut found = Vec::new();
        // Its name tells what it is, in most cases.
        if FileName::of(Path::new(url.key.as_ref())).is_none() {
            // What is far below an archive's folder may be very much, and is not of it.
            let listed = store.list_with_delimiter(prefix(&url.key)).await.map_err(RemoteError::of("list", url))?;
            for meta in listed.objects {
                if let Some(name) = FileName::of(Path::new(meta.location.as_ref())) {
                    found.push((name.created_ms, meta));
                }
            }
            found.sort_by(|a, b| (a.0, &a.1.location).cmp(&(b.0, &b.1.location)));
        }
        if found.is_empty() && !url.key.as_ref().is_empty() {
            match store.head(&url.key).await {
                Ok(meta) => found.push((0, meta)),
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(RemoteError::of("open", url)(error)),
            }
        }
        if found.is_empty() {
            let why = "there is no archive: their names end in .bin.zst or .bin";
            return Err(RemoteError::new("read", url, why));
        }
        Ok(found.into_iter().map(|(_, meta)| place(meta)).collect())
    }

    fn store(&self, url: &ObjectUrl) -> Result<Arc<AmazonS3>, RemoteError> {
        let Options { endpoint, region, access_key_id, secret_access_key, session_token, allow_http } = &self.options;
        if endpoint.is_some() && access_key_id.is_none() && !KEYS.iter().any(|name| std::env::var_os(name).is_some()) {
            return Err(RemoteError::new("use", url, NO_KEY));
        }
        let backoff = BackoffConfig { max_backoff: Duration::from_secs(5), ..BackoffConfig::default() };
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&url.bucket)
            .with_http_connector(Http)
            .with_client_options(ClientOptions::new().with_allow_http(*allow_http))
            .with_retry(RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY })
            // Amazon's way; its certificates are not for names with further dots. Others have it seldom.
            .with_virtual_hosted_style_request(endpoint.is_none() && !url.bucket.contains('.'));
        let given = [
            (AmazonS3ConfigKey::Endpoint, endpoint),
            (AmazonS3ConfigKey::S3Endpoint, endpoint),
            (AmazonS3ConfigKey::Region, region),
            (AmazonS3ConfigKey::AccessKeyId, access_key_id),
            (AmazonS3ConfigKey::SecretAccessKey, secret_access_key),
            (AmazonS3ConfigKey::Token, session_token),
        ];
        for (key, value) in given {
            if let Some(value) = value {
                builder = builder.with_config(key, value);
            }
        }
        builder.build().map(Arc::new).map_err(RemoteError::of("use", url))
    }
}

/// What to list: a whole bucket has no prefix.
pub(crate) fn prefix(key: &Key) -> Option<&Key> {
    Some(key).filter(|key| !key.as_ref().is_empty())
}

/// The objects below a place.
pub(crate) async fn list(store: &AmazonS3, url: &ObjectUrl) -> Result<Vec<ObjectMeta>, RemoteError> {
    let mut listed = store.list(prefix(&url.key));
    let mut found = Vec::new();
    while let Some(meta) = listed.next().await {
        found.push(meta.map_err(RemoteError::of("list", url))?);
    }
    Ok(found)
}
