//! The account at an S3-compatible store, and places in it: `s3://BUCKET/PREFIX` in place of files and folders.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::{ArgAction, Args, Command};
use node::Secret;
use serde::{Deserialize, Serialize};
use store::archive::{Place, files};

use super::files::FileArgs;
use crate::values::secret;

/// What the names of places in a store begin with.
const SCHEME: &str = "s3://";

/// Section `[s3]`, and its flags.
#[derive(Args, Clone, Debug, Default, Deserialize, Serialize)]
#[command(next_help_heading = "Object store (s3://BUCKET/PREFIX in place of files)")]
#[serde(default, deny_unknown_fields)]
pub struct S3Options {
    /// URL of an S3-compatible store, such as https://s3.example.org:9000 [default: Amazon's]
    #[arg(id = "s3_endpoint", long = "s3-endpoint", env = "AWS_ENDPOINT_URL", value_name = "URL")]
    endpoint: Option<String>,
    /// Region of the store [default: us-east-1]
    #[arg(id = "s3_region", long = "s3-region", env = "AWS_REGION", value_name = "NAME")]
    region: Option<String>,
    /// Access key [default: those of the machine's or the container's role at Amazon]
    #[arg(id = "s3_access_key_id", long = "s3-access-key-id", env = "AWS_ACCESS_KEY_ID", value_name = "ID")]
    access_key_id: Option<String>,
    /// Its secret (better in the environment or in the configuration file)
    #[arg(
        id = "s3_secret_access_key",
        long = "s3-secret-access-key",
        env = "AWS_SECRET_ACCESS_KEY",
        value_parser = secret,
        value_name = "SECRET",
        hide_env_values = true
    )]
    secret_access_key: Option<Secret>,
    /// The same secret in a file; a name without a slash is that of a credential of systemd
    #[arg(
        id = "s3_secret_access_key_file",
        long = "s3-secret-access-key-file",
        env = "PEER_OBSERVER_S3_SECRET_ACCESS_KEY_FILE",
        value_name = "FILE"
    )]
    secret_access_key_file: Option<PathBuf>,
    /// The token that comes with a key for some hours (better in the environment)
    #[arg(
        id = "s3_session_token",
        long = "s3-session-token",
        env = "AWS_SESSION_TOKEN",
        value_parser = secret,
        value_name = "TOKEN",
        hide_env_values = true
    )]
    session_token: Option<Secret>,
    /// Use an endpoint with http://, where everything but the secret can be read and changed on the way
    #[arg(
        id = "s3_allow_http",
        long = "s3-allow-http",
        env = "AWS_ALLOW_HTTP",
        action = ArgAction::Set,
        num_args = 0,
        default_missing_value = "true"
    )]
    allow_http: bool,
}

impl S3Options {
    /// Adds the options to a command that has no others of the configuration file.
    pub fn augment(command: Command) -> Command {
        Self::augment_args_for_update(FileArgs::augment_args(command)).next_help_heading(None::<&str>)
    }

    /// The archives that these paths mean: files, folders with files, and places in the store.
    ///
    /// # Errors
    /// One is not there, or has no archive.
    pub fn archives(&self, paths: &[PathBuf]) -> Result<Vec<Place>> {
        let mut places = Vec::new();
        for path in paths {
            if is_remote(path) {
                places.extend(self.find(path)?);
                continue;
            }
            ensure!(path.exists(), "there is no file {}", path.display());
            let found = files([path])?;
            let none = format!("there is no archive in {}: their names end in .bin.zst or .bin", path.display());
            ensure!(!found.is_empty(), none);
            places.extend(found.into_iter().map(Place::from));
        }
        Ok(places)
    }
}

/// A place in a store, and no file or folder.
pub fn is_remote(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.starts_with(SCHEME))
}

#[cfg(feature = "s3")]
mod with_client {
    use anyhow::Context;
    use archive::Upload;
    use extractor_log::keep::Destination;
    use store::remote::{Client, Folder, ObjectUrl, Options};

    use super::*;
    use crate::values::secret_of;

    impl S3Options {
        fn client(&self) -> Result<Client> {
            let key = "s3.secret_access_key";
            let secret_access_key =
                secret_of(key, self.secret_access_key.as_ref(), self.secret_access_key_file.as_ref())?;
            let Self { endpoint, region, access_key_id, session_token, allow_http, .. } = self.clone();
            if let Some(endpoint) = &endpoint {
                let is_http = endpoint.starts_with("http://");
                ensure!(
                    is_http || endpoint.starts_with("https://"),
                    "s3.endpoint is {endpoint:?}: write a URL such as https://s3.example.org:9000"
                );
                ensure!(
                    !is_http || allow_http,
                    "s3.endpoint is {endpoint:?}: what goes there could be read and changed on the way; use https://, or permit it \
                     with allow_http in [s3], --s3-allow-http or AWS_ALLOW_HTTP=true"
                );
            }
            ensure!(
                access_key_id.is_some() == secret_access_key.is_some(),
                "access_key_id and secret_access_key of [s3] go together: give both or neither"
            );
            let hidden = |secret: Option<Secret>| secret.map(|secret| secret.expose().to_owned());
            let (secret_access_key, session_token) = (hidden(secret_access_key), hidden(session_token));
            Ok(Client::new(Options { endpoint, region, access_key_id, secret_access_key, session_token, allow_http }))
        }

        /// A place where files are put.
        ///
        /// # Errors
        /// It is no such place, or the options do not fit together.
        pub fn folder(&self, place: &str) -> Result<Folder> {
            let url: ObjectUrl = place.parse()?;
            Ok(self.client()?.folder(&url)?)
        }

        /// Where an archive puts its files, and whether it removes them then.
        ///
        /// # Errors
        /// As for [`Self::folder`].
        pub fn upload(&self, place: &str, remove: bool) -> Result<Upload> {
            Ok(Upload { folder: self.folder(place)?, remove })
        }

        /// Where kept logs are put, too.
        ///
        /// # Errors
        /// As for [`Self::folder`].
        pub fn logs(&self, place: &str) -> Result<Destination> {
            self.folder(place).map(Destination::Store)
        }

        /// The kept logs at a place.
        ///
        /// # Errors
        /// It is no such place, or the store does not answer.
        pub fn kept_logs(&self, place: &Path) -> Result<Vec<store::logs::LogFile>> {
            let url: ObjectUrl = place.to_str().context("it is no text")?.parse()?;
            Ok(self.client()?.logs(&url)?)
        }

        pub(super) fn find(&self, path: &Path) -> Result<Vec<Place>> {
            let url: ObjectUrl = path.to_str().context("it is no text")?.parse()?;
            Ok(self.client()?.archives(&url)?)
        }
    }
}

#[cfg(not(feature = "s3"))]
impl S3Options {
    fn find(&self, path: &Path) -> Result<Vec<Place>> {
        none(&path.display())
    }

    /// Where kept logs are put, too.
    ///
    /// # Errors
    /// Always.
    pub fn logs(&self, place: &str) -> Result<extractor_log::keep::Destination> {
        none(&place)
    }

    /// The kept logs at a place.
    ///
    /// # Errors
    /// Always.
    pub fn kept_logs(&self, place: &Path) -> Result<Vec<store::logs::LogFile>> {
        none(&place.display())
    }

    /// Where an archive puts its files.
    ///
    /// # Errors
    /// Always.
    pub fn upload(&self, place: &str, _: bool) -> Result<archive::Upload> {
        none(&place)
    }
}

#[cfg(not(feature = "s3"))]
pub fn none<T>(place: &dyn std::fmt::Display) -> Result<T> {
    anyhow::bail!("{place} is in an object store, for which this program was not built (feature s3)")
}
