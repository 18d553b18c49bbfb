//! Stale blocks: fetched from a node that has them, or through a node from its peers, and kept. What cannot be had is not asked for again and again.

use std::collections::HashSet;
use std::sync::Arc;

use bitcoin::consensus::deserialize;
use bitcoin::{Block, BlockHash, Transaction};
use event::time::now_s;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use crate::sources::{MAX_BLOCK, Source, SourceError};

/// Blocks that are fetched at the same time at most.
const AT_ONCE: usize = 2;
/// Nodes that are asked for a block at most.
const MAX_ASKED: usize = 16;
/// Nodes that ask their peers for a block at most. Each takes a while.
const MAX_ASKING_PEERS: usize = 2;
/// For how long a block is not asked for after it could not be had. Twice as long each time it fails again.
const FIRST_PAUSE: u64 = 10 * 60;
/// The longest such pause, in seconds as well.
const MAX_PAUSE: u64 = 24 * 60 * 60;
/// Characters of a reason that is kept at most.
const MAX_REASON: usize = 500;

/// That a block could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Seconds since the UNIX epoch of the last attempt.
    pub at_s: i64,
    /// Attempts.
    pub attempts: u32,
    /// Why, in one line.
    pub reason: String,
}

impl Failure {
    /// Seconds until it may be tried again; 0 if it may be.
    #[must_use]
    pub fn wait_s(&self, now_s: i64) -> u64 {
        let doublings = self.attempts.saturating_sub(1).min(16);
        let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(MAX_PAUSE);
        let wait = self.at_s.saturating_add(pause.cast_signed()).saturating_sub(now_s);
        // A clock that was set back makes it no longer.
        u64::try_from(wait).unwrap_or_default().min(pause)
    }
}

/// Where blocks and failures are kept.
pub trait Kept: Send + Sync {
    /// A block that is kept.
    fn block(&self, hash: BlockHash) -> BoxFuture<'_, Option<Vec<u8>>>;
    /// Keeps a block that was checked.
    fn keep(&self, hash: BlockHash, block: Vec<u8>) -> BoxFuture<'_, ()>;
    /// That a block could not be had.
    fn failure(&self, hash: BlockHash) -> BoxFuture<'_, Option<Failure>>;
    /// Keeps that it could not be had, in place of what was kept of it before.
    fn failed(&self, hash: BlockHash, failure: Failure) -> BoxFuture<'_, ()>;
}

/// Why a block is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotThere {
    /// It could not be had now.
    #[error("block {hash} cannot be had: {reason}")]
    Failed {
        /// Its hash.
        hash: BlockHash,
        /// Why, from the last who was asked.
        reason: String,
    },
    /// It could not be had some time ago, and is not asked for again yet.
    #[error("block {hash} could not be had: {}; it is asked for again in {wait_s} s", failure.reason)]
    Remembered {
        /// Its hash.
        hash: BlockHash,
        /// What happened then.
        failure: Failure,
        /// Seconds until then.
        wait_s: u64,
    },
    /// It is being fetched.
    #[error("block {hash} is being fetched; ask again in a while")]
    UnderWay {
        /// Its hash.
        hash: BlockHash,
    },
}

/// Fetches the stale blocks of a network.
pub struct Fetcher {
    kept: Arc<dyn Kept>,
    at_once: Semaphore,
    under_way: Mutex<HashSet<BlockHash>>,
}

/// Marks a block as being fetched until it is dropped.
struct UnderWay<'a> {
    all: &'a Mutex<HashSet<BlockHash>>,
    hash: BlockHash,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.all.lock().remove(&self.hash);
    }
}

impl Fetcher {
    /// One that keeps what it fetches here.
    #[must_use]
    pub fn new(kept: Arc<dyn Kept>) -> Self {
        Self { kept, at_once: Semaphore::new(AT_ONCE), under_way: Mutex::default() }
    }

    /// A stale block: the one that is kept, or else of those of `having`, which have its branch, or of the peers of these and of `others`.
    /// It is checked against its hash. If this is dropped, a failure is not remembered.
    ///
    /// # Errors
    /// It is not there, and why.
    pub async fn fetch(
        &self,
        hash: BlockHash,
        having: &[Arc<dyn Source>],
        others: &[Arc<dyn Source>],
    ) -> Result<Vec<u8>, NotThere> {
        if let Some(block) = self.kept.block(hash).await {
            return Ok(block);
        }
        if !self.under_way.lock().insert(hash) {
            return Err(NotThere::UnderWay { hash });
        }
        let _under_way = UnderWay { all: &self.under_way, hash };
        let before = self.kept.failure(hash).await;
        if let Some(failure) = &before {
            let wait_s = failure.wait_s(now_s());
            if wait_s > 0 {
                return Err(NotThere::Remembered { hash, failure: failure.clone(), wait_s });
            }
        }
        // Never closed.
        let _turn = self.at_once.acquire().await;
        match from_any(hash, having, others).await {
            Ok(block) => {
                self.kept.keep(hash, block.clone()).await;
                Ok(block)
            }
            Err(reason) => {
                let reason: String = reason.chars().take(MAX_REASON).collect();
                let attempts = before.map_or(0, |failure| failure.attempts).saturating_add(1);
                self.kept.failed(hash, Failure { at_s: now_s(), attempts, reason: reason.clone() }).await;
                Err(NotThere::Failed { hash, reason })
            }
        }
    }
}

/// Asks one after the other. The reason is that of the last who should have had it.
async fn from_any(hash: BlockHash, having: &[Arc<dyn Source>], others: &[Arc<dyn Source>]) -> Result<Vec<u8>, String> {
    let mut reason = "no node has it".to_owned();
    for source in having.iter().take(MAX_ASKED) {
        match checked(source.place(), hash, source.block(hash).await) {
            Ok(block) => return Ok(block),
            Err(why) => reason = why,
        }
    }
    // Those who have its branch may lack the block itself: `headers-only`.
    let mut asking = 0;
    for source in having.iter().chain(others) {
        if asking >= MAX_ASKING_PEERS {
            break;
        }
        let answer = source.block_from_peers(hash).await;
        // Those who cannot do it cost nothing.
        asking += usize::from(!answer.as_ref().is_err_and(SourceError::is_withheld));
        match checked(source.place(), hash, answer) {
            Ok(block) => return Ok(block),
            Err(why) if asking > 0 => reason = why,
            Err(_) => {}
        }
    }
    Err(reason)
}

/// A block that has this hash, and whose transactions are those of its header. Anybody can change a witness without that: its commitment is
/// checked too.
fn checked(place: &str, hash: BlockHash, answer: Result<Vec<u8>, SourceError>) -> Result<Vec<u8>, String> {
    let bytes = answer.map_err(|error| error.to_string())?;
    if bytes.len() > MAX_BLOCK {
        return Err(format!("what {place} has is too large for a block"));
    }
    let block: Block = deserialize(&bytes).map_err(|_| format!("what {place} has is no block"))?;
    // Transactions that are repeated at the end do not change the root (CVE-2012-2459).
    let ids: HashSet<_> = block.txdata.iter().map(Transaction::compute_txid).collect();
    let is_whole = block.block_hash() == hash
        && ids.len() == block.txdata.len()
        && block.check_merkle_root()
        && block.check_witness_commitment();
    if is_whole { Ok(bytes) } else { Err(format!("what {place} has is another block, or a changed one")) }
}
