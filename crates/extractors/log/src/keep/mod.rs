//! Keeps the log of a node: its lines as they are, in a file a day.
//!
//! [`keep`] follows the log as [`run`](crate::run) does, and writes what comes to files ([`store::logs`]). Beside them is the place
//! in the log that is safe in them, so that a later process goes on there, also in what was rotated meanwhile. Where it does not
//! find that place, the files say that something is missing.

mod keeper;
mod position;
mod retention;
mod upload;

use std::path::PathBuf;
use std::time::Duration;

use bus::Publisher;
use tokio_util::sync::CancellationToken;

pub use self::upload::Destination;

use self::keeper::Keeper;
use self::upload::Uploads;
use crate::follow::Follower;
use crate::{Error, Options, Source, ended_early};

/// How logs are kept.
#[derive(Clone, Debug)]
pub struct KeepOptions {
    /// Where. It is made if it is not there.
    pub directory: PathBuf,
    /// How files are written.
    pub files: store::logs::Options,
    /// Bytes of all files of a node, above which the oldest are removed; none if none are.
    pub keep_bytes: Option<u64>,
    /// Time after which a file is removed; none if none is.
    pub keep_age: Option<Duration>,
    /// Where complete files are put, too.
    pub upload: Option<Destination>,
}

/// Keeps the log of a node until shutdown. The publisher's node is whose log it is; nothing but its status is published.
///
/// # Errors
/// The files that are there cannot be used, or what no waiting can mend. A log that cannot be read, and files that cannot be
/// written, are waited for.
pub async fn keep(
    source: Source,
    options: KeepOptions,
    publisher: Publisher,
    shutdown: CancellationToken,
) -> Result<(), Error> {
    let stop = shutdown.child_token();
    let _stopped_with_this = stop.clone().drop_guard();
    let node = publisher.node().to_owned();
    let uploads = Uploads::start(&options, &node);
    let opened = {
        let (stop, options, completed) = (stop.clone(), options.clone(), uploads.notice());
        tokio::task::spawn_blocking(move || Keeper::open(publisher, options, completed, stop)).await
    };
    let (keeper, place) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(cause)) => return Err(Error::Keep { node, cause }),
        Err(end) => return ended_early(end, Ok(())),
    };
    // All that the log has is kept the first time.
    let mut follower = Follower::new(source, Options { from_start: true, ..Options::default() }, keeper, stop)?;
    if let Some(place) = place {
        follower.resume(place);
    }
    let outcome = tokio::task::spawn_blocking(|| follower.run()).await;
    uploads.end().await;
    outcome.unwrap_or_else(|end| ended_early(end, Ok(())))
}
