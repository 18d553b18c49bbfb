//! The HTTP API of mempool.space: esplora's, and below `/v1` the tips of the node behind it.

use std::path::Path;

use bitcoin::{BlockHash, Transaction};
use futures_util::FutureExt;
use serde::Deserialize;

use super::esplora::Esplora;
use super::http::{LIST, Question};
use super::parse::{self, ChainTip};
use super::withheld::Withheld;
use super::{Answer, Asked, RawHeader, ServerUrl, Source, SourceError, invalid};

/// A server.
pub(super) struct MempoolSpace {
    esplora: Esplora,
    withheld: Withheld,
}

#[derive(Deserialize)]
struct Block {
    extras: Extras,
}

#[derive(Deserialize)]
struct Extras {
    header: String,
}

#[derive(Deserialize)]
struct BackendInfo {
    #[serde(default)]
    version: String,
}

impl MempoolSpace {
    /// Nothing is sent yet.
    pub fn new(url: &ServerUrl, certificate: Option<&Path>) -> Result<Self, SourceError> {
        Ok(Self { esplora: Esplora::new(url, certificate)?, withheld: Withheld::default() })
    }

    async fn try_tips(&self) -> Result<Answer, SourceError> {
        let http = &self.esplora.http;
        let listed = async {
            let tips = http.json::<Vec<ChainTip>>(Question::get("/v1/chain-tips").max(LIST)).await;
            // A server without it.
            tips.map_err(|error| match error {
                SourceError::Absent(text) => SourceError::Unsupported(text),
                error => error,
            })
        };
        match self.withheld.call("chain-tips", listed).await {
            Ok(tips) => parse::answer(http.place(), tips),
            Err(error) if error.is_withheld() => self.esplora.try_tip().await,
            Err(error) => Err(error),
        }
    }

    async fn try_header(&self, hash: BlockHash) -> Result<RawHeader, SourceError> {
        let http = &self.esplora.http;
        let absent = match self.esplora.try_header(hash).await {
            Err(error @ SourceError::Absent(_)) => error,
            outcome => return outcome,
        };
        // What esplora has forgotten, as it is stale, may be there still.
        let block = http.json::<Block>(Question::get(&format!("/v1/block/{hash}")).max(LIST)).await;
        let header = parse::header(&block.map_err(|_| absent)?.extras.header);
        http.checked(header.ok_or_else(|| invalid(http.place(), "a header is none"))?, hash)
    }
}

impl Source for MempoolSpace {
    fn place(&self) -> &str {
        self.esplora.http.place()
    }

    fn transport(&self) -> &'static str {
        self.esplora.http.transport()
    }

    fn tips(&self) -> Asked<'_, Answer> {
        self.try_tips().boxed()
    }

    fn header(&self, hash: BlockHash) -> Asked<'_, RawHeader> {
        self.try_header(hash).boxed()
    }

    fn hash_at(&self, height: u32) -> Asked<'_, BlockHash> {
        self.esplora.try_hash_at(height).boxed()
    }

    fn active_headers(&self, from: u32, count: u32) -> Asked<'_, Vec<RawHeader>> {
        self.esplora.try_listed("/v1/blocks", from, count).boxed()
    }

    fn block(&self, hash: BlockHash) -> Asked<'_, Vec<u8>> {
        self.esplora.try_block(hash).boxed()
    }

    fn coinbase(&self, hash: BlockHash, _: u32) -> Asked<'_, Transaction> {
        self.esplora.try_coinbase(hash).boxed()
    }

    fn version(&self) -> Asked<'_, String> {
        async move {
            let info: BackendInfo = self.esplora.http.json(Question::get("/v1/backend-info")).await?;
            Ok(parse::text(&info.version))
        }
        .boxed()
    }
}
