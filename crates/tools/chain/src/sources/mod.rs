//! Where tips and headers come from: nodes, servers of block explorers and wallets, and other fork-observers.
//!
//! Each backend is a [`Source`]. What one of them has not, or does not permit, is left out by itself and remembered for a while: operators
//! withhold methods on purpose. Answers are untrusted: bounded in size and time before anything is made of them. An error is one line that
//! names the server and what helps, and has no password, key or path of a URL in it.

mod block_dn;
mod btcd;
mod core;
mod electrum;
mod esplora;
mod fork_observer;
mod http;
mod mempool_space;
mod parse;
mod tls;
mod url;
mod walk;
mod withheld;

use std::sync::Arc;
use std::time::Duration;

use bitcoin::{BlockHash, Transaction};
pub use event::pb::chain::Status;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;

pub use self::url::{ServerUrl, UrlError};
pub use self::walk::{Missing, missing_headers};
use crate::settings::SourceSettings;

/// A header as Bitcoin serializes it.
pub type RawHeader = [u8; 80];

/// Headers of one answer at most: as many as a `headers` message and REST have.
pub const MAX_HEADERS: u32 = 2_000;

/// Tips of an answer that are kept at most, the active one and then the highest ones. Headers need work, but little on test networks.
pub const MAX_TIPS: usize = 500;

/// Nodes of another fork-observer that are taken at most.
pub const MAX_REMOTE_NODES: usize = 500;

/// Bytes of a block at most: its weight is at most 4,000,000.
pub const MAX_BLOCK: usize = 4_000_000;

/// Bytes of a name, a version or a description that are kept at most.
pub const MAX_TEXT: usize = 200;

/// How long a method that is withheld is not called again. If the server was away meanwhile, it is called at once.
pub const REMEMBERED: Duration = Duration::from_secs(600);

/// The status of a word of `getchaintips`. Words that are not known are [`Status::Unknown`].
#[must_use]
pub fn status(word: &str) -> Status {
    match word {
        "active" => Status::Active,
        "invalid" => Status::Invalid,
        "headers-only" => Status::HeadersOnly,
        "valid-headers" => Status::ValidHeaders,
        "valid-fork" => Status::ValidFork,
        _ => Status::Unknown,
    }
}

/// The end of a branch that a source knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// Hash of the last block.
    pub hash: BlockHash,
    /// Its height.
    pub height: u32,
    /// Its status.
    pub status: Status,
}

/// What a source answered to the question for its tips.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The active tip first, then the others from the highest on; in the same order whenever they are the same. None for another fork-observer, which
    /// has nodes instead.
    pub tips: Vec<Tip>,
    /// Tips beyond [`MAX_TIPS`].
    pub more_tips: u32,
    /// Headers that came along, each with its height as the source has it, the lowest first. They need not link.
    pub headers: Vec<(u32, RawHeader)>,
    /// Nodes of another fork-observer.
    pub nodes: Vec<RemoteNode>,
}

/// A node that another fork-observer asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteNode {
    /// Its number there.
    pub id: u32,
    /// Its name there: at most [`MAX_TEXT`] bytes, as all text here.
    pub name: String,
    /// What it is described as there.
    pub description: String,
    /// What it is, such as `Bitcoin Core`.
    pub implementation: String,
    /// Its version, if that is shown there.
    pub version: Option<String>,
    /// Whether it answered there.
    pub reachable: bool,
    /// Its tips, as in an [`Answer`].
    pub tips: Vec<Tip>,
    /// Tips beyond [`MAX_TIPS`].
    pub more_tips: u32,
    /// Seconds since the UNIX epoch when its tips changed last; none if that is not known there.
    pub changed_s: Option<u64>,
}

/// Why there is no answer. The text is for people: one line, which names the server and what helps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The backend has no such method, or the server has it switched off.
    #[error("{0}")]
    Unsupported(String),
    /// The server does not permit it.
    #[error("{0}")]
    Forbidden(String),
    /// The server has no such thing: a header that it does not know, a block that it has pruned.
    #[error("{0}")]
    Absent(String),
    /// The server cannot be reached, or gave no answer in time. That may pass.
    #[error("{0}")]
    Unreachable(String),
    /// The answer is not what it should be.
    #[error("{0}")]
    Invalid(String),
    /// The header that the server has under a hash has another by double SHA-256: its rules are not Bitcoin's.
    #[error("{0}")]
    OtherRules(String),
}

impl SourceError {
    /// Whether it says nothing against the server, which only lacks this method or withholds it.
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        matches!(self, Self::Unsupported(_) | Self::Forbidden(_))
    }
}

/// What a call gives.
pub type Asked<'a, T> = BoxFuture<'a, Result<T, SourceError>>;

/// Something that has tips. What a backend has not is [`SourceError::Unsupported`]. Each call has a time limit of its own, and may be dropped
/// at any time.
pub trait Source: Send + Sync {
    /// The server, as errors name it: no secrets, no path of a URL.
    fn place(&self) -> &str;

    /// How it is asked now: `rpc`, `rest`, `ipc`, `http`, `https`, `tcp` or `tls`.
    fn transport(&self) -> &'static str;

    /// Its tips.
    fn tips(&self) -> Asked<'_, Answer>;

    /// The header of a hash, on any branch, checked against that.
    fn header(&self, hash: BlockHash) -> Asked<'_, RawHeader> {
        let _ = hash;
        unsupported(self.place(), "headers by their hash")
    }

    /// The hash of the block at a height of the active chain.
    fn hash_at(&self, height: u32) -> Asked<'_, BlockHash> {
        let _ = height;
        unsupported(self.place(), "hashes by height")
    }

    /// Headers of the active chain from a height on, which link. There may be fewer than `count` (at most [`MAX_HEADERS`]), at least one.
    fn active_headers(&self, from: u32, count: u32) -> Asked<'_, Vec<RawHeader>> {
        let _ = (from, count);
        unsupported(self.place(), "headers by height")
    }

    /// A block as Bitcoin serializes it: at most [`MAX_BLOCK`] bytes, its header has the hash. The rest is not checked.
    fn block(&self, hash: BlockHash) -> Asked<'_, Vec<u8>> {
        let _ = hash;
        unsupported(self.place(), "blocks")
    }

    /// The first transaction of a block of the active chain, or of any where the source has those.
    fn coinbase(&self, hash: BlockHash, height: u32) -> Asked<'_, Transaction> {
        let _ = height;
        async move {
            parse::coinbase(&self.block(hash).await?)
                .ok_or_else(|| invalid(self.place(), "what it has as a block is none"))
        }
        .boxed()
    }

    /// A block whose header the node has, of one of its peers (`getblockfrompeer`), which takes a while.
    fn block_from_peers(&self, hash: BlockHash) -> Asked<'_, Vec<u8>> {
        let _ = hash;
        unsupported(self.place(), "way to ask its peers for blocks")
    }

    /// What it says of its version, at most [`MAX_TEXT`] bytes.
    fn version(&self) -> Asked<'_, String> {
        unsupported(self.place(), "version")
    }

    /// Waits until the active tip is another than `known`, for at most `timeout`. What it is then; the same if nothing changed.
    fn wait_for_tip(&self, known: BlockHash, timeout: Duration) -> Asked<'_, BlockHash> {
        let _ = (known, timeout);
        unsupported(self.place(), "way to wait for a tip")
    }
}

/// The source that is configured. Nothing is asked yet.
///
/// # Errors
/// A file of certificates cannot be used, in one line with what helps.
pub fn open(settings: &SourceSettings) -> Result<Arc<dyn Source>, SourceError> {
    Ok(match settings {
        SourceSettings::Core { target, rest, long_poll } => {
            Arc::new(core::Core::new(target.clone(), *rest, *long_poll))
        }
        SourceSettings::Btcd { url, user, password, certificate } => {
            Arc::new(btcd::Btcd::new(url, user, password, certificate.as_deref())?)
        }
        SourceSettings::Esplora { url, certificate } => Arc::new(esplora::Esplora::new(url, certificate.as_deref())?),
        SourceSettings::MempoolSpace { url, certificate } => {
            Arc::new(mempool_space::MempoolSpace::new(url, certificate.as_deref())?)
        }
        SourceSettings::Electrum { server, tls, certificate } => {
            Arc::new(electrum::Electrum::new(server.clone(), *tls, certificate.as_deref())?)
        }
        SourceSettings::ForkObserver { url, network, certificate } => {
            Arc::new(fork_observer::ForkObserver::new(url, *network, certificate.as_deref())?)
        }
        SourceSettings::BlockDn { url, certificate } => Arc::new(block_dn::BlockDn::new(url, certificate.as_deref())?),
    })
}

/// What a method gives that a backend has not.
fn unsupported<'a, T: Send + 'a>(place: &str, what: &str) -> Asked<'a, T> {
    std::future::ready(Err(SourceError::Unsupported(format!("{place} has no {what}")))).boxed()
}

/// The error of an answer that is not understood.
fn invalid(place: &str, what: &str) -> SourceError {
    SourceError::Invalid(format!("{place}: {what}"))
}

/// Headers that [`one_by_one`] gives at most: two calls for each.
const PART: u32 = 200;

/// Headers of the active chain where each has to be asked for, a part of what is asked for.
async fn one_by_one(source: &dyn Source, from: u32, count: u32) -> Result<Vec<RawHeader>, SourceError> {
    let mut headers = Vec::new();
    for height in (from..=u32::MAX).take(count.clamp(1, PART) as usize) {
        let hash = source.hash_at(height).await?;
        headers.push(source.header(hash).await?);
    }
    Ok(headers)
}

/// A block, if it can be one and its header has this hash.
fn checked_block(place: &str, block: Vec<u8>, hash: BlockHash) -> Result<Vec<u8>, SourceError> {
    let header = block.first_chunk().filter(|_| block.len() <= MAX_BLOCK);
    let header = header.ok_or_else(|| invalid(place, "a block has not the size of one"))?;
    http::checked(place, *header, hash)?;
    Ok(block)
}
