//! btcd, by its JSON-RPC 1.0 over HTTP or HTTPS.

use std::path::Path;

use bitcoin::BlockHash;
use futures_util::FutureExt;
use node::Secret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::http::{Http, LIST, Question};
use super::parse::{self, ChainTip, beginning};
use super::withheld::Withheld;
use super::{Answer, Asked, MAX_BLOCK, RawHeader, ServerUrl, Source, SourceError, invalid};

/// A btcd.
pub(super) struct Btcd {
    http: Http,
    withheld: Withheld,
}

#[derive(Deserialize)]
#[serde(bound = "T: DeserializeOwned")]
struct Reply<T> {
    #[serde(default = "Option::default")]
    result: Option<T>,
    #[serde(default)]
    error: Option<Trouble>,
}

#[derive(Deserialize)]
struct Trouble {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Best {
    hash: String,
    height: u32,
}

#[derive(Deserialize)]
struct Info {
    #[serde(default)]
    version: u32,
}

impl Btcd {
    /// Nothing is sent yet.
    pub fn new(
        url: &ServerUrl,
        user: &str,
        password: &Secret,
        certificate: Option<&Path>,
    ) -> Result<Self, SourceError> {
        let http = Http::new(url, certificate)?.with_login(user, password)?;
        Ok(Self { http, withheld: Withheld::default() })
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
        max: usize,
    ) -> Result<T, SourceError> {
        let request = json!({ "jsonrpc": "1.0", "id": 1, "method": method, "params": params });
        let question = Question { json: Some(request.to_string()), ..Question::get("/").max(max) };
        self.withheld.call(method, async { self.result(method, &self.http.ask(question).await?) }).await
    }

    fn result<T: DeserializeOwned>(&self, method: &str, body: &[u8]) -> Result<T, SourceError> {
        let reply: Reply<T> = serde_json::from_slice(body).map_err(|_| self.http.odd(body))?;
        let Some(Trouble { code, message }) = reply.error else {
            return reply.result.ok_or_else(|| self.http.odd(body));
        };
        let message = beginning(message.as_bytes());
        let text = format!("{method} at {}: error {code}: {message:?}", self.place());
        Err(match code {
            -32601 => SourceError::Unsupported(text),
            // What `rpclimituser` may not.
            _ if message.contains("not authorized") => {
                SourceError::Forbidden(format!("{text}; log in as rpcuser in place of rpclimituser"))
            }
            -5 | -1 | -8 => SourceError::Absent(text),
            _ => SourceError::Invalid(text),
        })
    }

    async fn try_tips(&self) -> Result<Answer, SourceError> {
        match self.call::<Vec<ChainTip>>("getchaintips", json!([]), LIST).await {
            Ok(tips) => parse::answer(self.place(), tips),
            // Older ones have it not.
            Err(error) if error.is_withheld() => {
                let Best { hash, height } = self.call("getbestblock", json!([]), LIST).await?;
                let hash = parse::block_hash(&hash).ok_or_else(|| invalid(self.place(), "its best block is odd"))?;
                Ok(Answer { tips: vec![parse::active(hash, height)], ..Answer::default() })
            }
            Err(error) => Err(error),
        }
    }

    async fn try_header(&self, hash: BlockHash) -> Result<RawHeader, SourceError> {
        let text: String = self.call("getblockheader", json!([hash.to_string(), false]), LIST).await?;
        let header = parse::header(&text).ok_or_else(|| invalid(self.place(), "a header is none"))?;
        self.http.checked(header, hash)
    }

    async fn try_hash_at(&self, height: u32) -> Result<BlockHash, SourceError> {
        let text: String = self.call("getblockhash", json!([height]), LIST).await?;
        parse::block_hash(&text).ok_or_else(|| invalid(self.place(), "a hash is none"))
    }
}

impl Source for Btcd {
    fn place(&self) -> &str {
        self.http.place()
    }

    fn transport(&self) -> &'static str {
        "rpc"
    }

    fn tips(&self) -> Asked<'_, Answer> {
        self.try_tips().boxed()
    }

    fn header(&self, hash: BlockHash) -> Asked<'_, RawHeader> {
        self.try_header(hash).boxed()
    }

    fn hash_at(&self, height: u32) -> Asked<'_, BlockHash> {
        self.try_hash_at(height).boxed()
    }

    fn active_headers(&self, from: u32, count: u32) -> Asked<'_, Vec<RawHeader>> {
        super::one_by_one(self, from, count).boxed()
    }

    fn block(&self, hash: BlockHash) -> Asked<'_, Vec<u8>> {
        async move {
            let max = 2 * MAX_BLOCK + (64 << 10);
            let text: String = self.call("getblock", json!([hash.to_string(), 0]), max).await?;
            let block = hex::decode(text).map_err(|_| invalid(self.place(), "a block is none"))?;
            super::checked_block(self.place(), block, hash)
        }
        .boxed()
    }

    fn version(&self) -> Asked<'_, String> {
        async move {
            let Info { version } = self.call("getinfo", json!([]), LIST).await?;
            // 1,000,000 for each major version, 10,000 for each minor one, 100 for each patch.
            Ok(format!("btcd {}.{}.{}", version / 1_000_000, version / 10_000 % 100, version / 100 % 100))
        }
        .boxed()
    }
}
