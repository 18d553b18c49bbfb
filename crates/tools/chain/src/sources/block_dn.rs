//! block-dn, which serves headers in large files and blocks by hash.

use std::path::Path;

use bitcoin::BlockHash;
use futures_util::FutureExt;
use serde::Deserialize;

use super::http::{Http, Question};
use super::parse::{self, do_link};
use super::{Answer, Asked, MAX_BLOCK, MAX_HEADERS, RawHeader, ServerUrl, Source, SourceError, invalid};

/// Headers of a file.
const FILE: u32 = 100_000;

/// A server.
pub(super) struct BlockDn {
    http: Http,
}

#[derive(Deserialize)]
struct Status {
    best_block_height: u32,
    best_block_hash: String,
    #[serde(default)]
    version: String,
}

impl BlockDn {
    /// Nothing is sent yet.
    pub fn new(url: &ServerUrl, certificate: Option<&Path>) -> Result<Self, SourceError> {
        Ok(Self { http: Http::new(url, certificate)? })
    }

    async fn try_status(&self) -> Result<Status, SourceError> {
        self.http.json(Question::get("/status")).await
    }

    async fn try_tips(&self) -> Result<Answer, SourceError> {
        let Status { best_block_height, best_block_hash, .. } = self.try_status().await?;
        let hash = parse::block_hash(&best_block_hash).ok_or_else(|| invalid(self.place(), "its best block is odd"))?;
        Ok(Answer { tips: vec![parse::active(hash, best_block_height)], ..Answer::default() })
    }

    /// Some headers of a file.
    async fn try_headers(&self, from: u32, count: u32) -> Result<Vec<RawHeader>, SourceError> {
        let start = from % FILE;
        let count = count.clamp(1, MAX_HEADERS).min(FILE - start);
        let first = u64::from(start) * 80;
        let bytes = u64::from(count) * 80;
        let path = format!("/headers/{}", from - start);
        let question = Question::get(&path).max(80 * MAX_HEADERS as usize);
        let body = self.http.ask(Question { range: Some((first, first + bytes - 1)), ..question }).await?;
        let headers = parse::headers(&body, count).filter(|headers| !headers.is_empty() && do_link(headers));
        headers.ok_or_else(|| {
            invalid(self.place(), "its headers are none, do not link, or it sends more than was asked for")
        })
    }
}

impl Source for BlockDn {
    fn place(&self) -> &str {
        self.http.place()
    }

    fn transport(&self) -> &'static str {
        self.http.transport()
    }

    fn tips(&self) -> Asked<'_, Answer> {
        self.try_tips().boxed()
    }

    fn hash_at(&self, height: u32) -> Asked<'_, BlockHash> {
        async move {
            let headers = self.try_headers(height, 1).await?;
            headers.first().map(parse::hash).ok_or_else(|| invalid(self.place(), "it has no header at a height"))
        }
        .boxed()
    }

    fn active_headers(&self, from: u32, count: u32) -> Asked<'_, Vec<RawHeader>> {
        self.try_headers(from, count).boxed()
    }

    fn block(&self, hash: BlockHash) -> Asked<'_, Vec<u8>> {
        async move {
            let body = self.http.ask(Question::get(&format!("/block/{hash}")).max(MAX_BLOCK)).await?;
            super::checked_block(self.place(), body.to_vec(), hash)
        }
        .boxed()
    }

    fn version(&self) -> Asked<'_, String> {
        async move { Ok(parse::text(&self.try_status().await?.version)) }.boxed()
    }
}
