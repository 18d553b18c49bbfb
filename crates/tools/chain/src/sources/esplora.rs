//! The HTTP API of esplora: one tip, and blocks by height and by hash.

use std::path::Path;

use bitcoin::{BlockHash, Transaction};
use futures_util::FutureExt;
use serde::Deserialize;

use super::http::{Http, Question};
use super::parse;
use super::{Answer, Asked, MAX_BLOCK, RawHeader, ServerUrl, Source, SourceError, invalid};

/// Blocks of a list of theirs: 10 with esplora, 15 with mempool.space.
pub(super) const LISTED: u32 = 10;
/// Bytes of such a list at most.
const MAX_LIST: usize = 512 << 10;
/// Bytes of a transaction in hexadecimal at most.
const MAX_TRANSACTION: usize = 2 * MAX_BLOCK;

/// A server.
pub(super) struct Esplora {
    pub(super) http: Http,
}

/// A block of a list, of which its header can be made.
#[derive(Deserialize)]
struct Listed {
    id: String,
    height: u32,
    version: i64,
    timestamp: u32,
    bits: u32,
    nonce: u32,
    merkle_root: String,
    #[serde(default)]
    previousblockhash: Option<String>,
}

impl Listed {
    /// Its header, if that has the hash that is with it.
    fn header(&self) -> Option<RawHeader> {
        let none = "0".repeat(64);
        let fields = parse::Fields {
            version: self.version,
            previous: self.previousblockhash.as_deref().unwrap_or(&none),
            merkle_root: &self.merkle_root,
            time: self.timestamp,
            bits: self.bits,
            nonce: self.nonce,
        };
        fields.header(&self.id).map(|(_, header)| header)
    }
}

impl Esplora {
    /// Nothing is sent yet.
    pub fn new(url: &ServerUrl, certificate: Option<&Path>) -> Result<Self, SourceError> {
        Ok(Self { http: Http::new(url, certificate)? })
    }

    pub(super) async fn try_tip(&self) -> Result<Answer, SourceError> {
        let body = self.http.ask(Question::get("/blocks/tip/height")).await?;
        let height = std::str::from_utf8(&body).ok().and_then(|text| text.trim().parse().ok());
        let height = height.ok_or_else(|| self.http.odd(&body))?;
        // By the height, so that both belong together.
        let hash = self.try_hash_at(height).await?;
        Ok(Answer { tips: vec![parse::active(hash, height)], ..Answer::default() })
    }

    pub(super) async fn try_header(&self, hash: BlockHash) -> Result<RawHeader, SourceError> {
        let body = self.http.ask(Question::get(&format!("/block/{hash}/header"))).await?;
        let header = std::str::from_utf8(&body).ok().and_then(parse::header).ok_or_else(|| self.http.odd(&body))?;
        self.http.checked(header, hash)
    }

    pub(super) async fn try_hash_at(&self, height: u32) -> Result<BlockHash, SourceError> {
        self.http.hash(&format!("/block-height/{height}")).await
    }

    /// Headers made of a list of blocks, which begins at its highest.
    pub(super) async fn try_listed(&self, list: &str, from: u32, count: u32) -> Result<Vec<RawHeader>, SourceError> {
        let top = from.saturating_add(count.clamp(1, LISTED) - 1);
        let path = format!("{list}/{top}");
        let mut listed: Vec<Listed> = self.http.json(Question { max: MAX_LIST, ..Question::get(&path) }).await?;
        listed.retain(|block| (from..=top).contains(&block.height));
        listed.sort_by_key(|block| block.height);
        let headers = listed.iter().map(Listed::header).collect::<Option<Vec<_>>>();
        let is_whole = listed.iter().map(|block| block.height).eq(from..=top);
        headers
            .filter(|_| is_whole)
            .ok_or_else(|| invalid(self.http.place(), "its list of blocks is not of this chain"))
    }

    pub(super) async fn try_block(&self, hash: BlockHash) -> Result<Vec<u8>, SourceError> {
        let body = self.http.ask(Question::get(&format!("/block/{hash}/raw")).max(MAX_BLOCK)).await?;
        super::checked_block(self.http.place(), body.to_vec(), hash)
    }

    pub(super) async fn try_coinbase(&self, hash: BlockHash) -> Result<Transaction, SourceError> {
        let body = self.http.ask(Question::get(&format!("/block/{hash}/txid/0"))).await?;
        let id = std::str::from_utf8(&body).ok().and_then(|text| text.trim().parse::<bitcoin::Txid>().ok());
        let id = id.ok_or_else(|| self.http.odd(&body))?;
        let body = self.http.ask(Question::get(&format!("/tx/{id}/hex")).max(MAX_TRANSACTION)).await?;
        let transaction = std::str::from_utf8(&body).ok().and_then(parse::transaction);
        let transaction =
            transaction.filter(|transaction| transaction.compute_txid() == id && transaction.is_coinbase());
        transaction.ok_or_else(|| invalid(self.http.place(), "a coinbase is none"))
    }
}

impl Source for Esplora {
    fn place(&self) -> &str {
        self.http.place()
    }

    fn transport(&self) -> &'static str {
        self.http.transport()
    }

    fn tips(&self) -> Asked<'_, Answer> {
        self.try_tip().boxed()
    }

    fn header(&self, hash: BlockHash) -> Asked<'_, RawHeader> {
        self.try_header(hash).boxed()
    }

    fn hash_at(&self, height: u32) -> Asked<'_, BlockHash> {
        self.try_hash_at(height).boxed()
    }

    fn active_headers(&self, from: u32, count: u32) -> Asked<'_, Vec<RawHeader>> {
        self.try_listed("/blocks", from, count).boxed()
    }

    fn block(&self, hash: BlockHash) -> Asked<'_, Vec<u8>> {
        self.try_block(hash).boxed()
    }

    fn coinbase(&self, hash: BlockHash, _: u32) -> Asked<'_, Transaction> {
        self.try_coinbase(hash).boxed()
    }
}
