//! Servers that answer as recorded: small listeners on free ports, and a chain for them to have.
//!
//! The dialogues were written down by the formats that the protocols publish, not taken from running servers.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use bitcoin::absolute::LockTime;
use bitcoin::block::{Header, Version};
use bitcoin::consensus::serialize;
use bitcoin::hashes::Hash as _;
use bitcoin::{
    Address, Amount, Block, BlockHash, CompactTarget, Network, OutPoint, ScriptBuf, Sequence, Transaction, TxIn,
    TxMerkleNode, TxOut, Witness,
};
use chain::sources::RawHeader;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A block of regtest's difficulty on another one, whose coinbase has a text.
pub fn mine(previous: BlockHash, height: u32, text: &str) -> Block {
    let script = ScriptBuf::builder().push_int(height.into()).into_bytes();
    let script = ScriptBuf::from_bytes([script, text.as_bytes().to_vec()].concat());
    let input = TxIn {
        previous_output: OutPoint::null(),
        script_sig: script,
        sequence: Sequence::MAX,
        witness: Witness::new(),
    };
    let output = TxOut { value: Amount::from_sat(50), script_pubkey: ScriptBuf::new() };
    let coinbase = Transaction {
        version: bitcoin::transaction::Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![input],
        output: vec![output],
    };
    let mut header = Header {
        version: Version::from_consensus(0x2000_0000),
        prev_blockhash: previous,
        merkle_root: TxMerkleNode::from_raw_hash(coinbase.compute_txid().to_raw_hash()),
        time: 1_700_000_000 + height,
        bits: CompactTarget::from_consensus(0x207f_ffff),
        nonce: 0,
    };
    while header.validate_pow(header.target()).is_err() {
        header.nonce += 1;
    }
    Block { header, txdata: vec![coinbase] }
}

/// Blocks of heights from 0 on, and one that is stale, at the height of the last.
pub struct Chain {
    pub blocks: Vec<Block>,
    pub stale: Block,
}

impl Chain {
    pub fn of(length: u32) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        for height in 0..length {
            let previous = blocks.last().map_or(BlockHash::all_zeros(), Block::block_hash);
            blocks.push(mine(previous, height, "/one pool/"));
        }
        let before = blocks[blocks.len() - 2].block_hash();
        let stale = mine(before, length - 1, "/another pool/");
        Self { blocks, stale }
    }

    pub fn height(&self) -> u32 {
        self.blocks.len() as u32 - 1
    }

    pub fn tip(&self) -> BlockHash {
        self.blocks.last().unwrap().block_hash()
    }

    pub fn raw(&self, height: u32) -> RawHeader {
        raw(&self.blocks[height as usize])
    }

    /// The same in hexadecimal.
    pub fn hex(&self, height: u32) -> String {
        hex::encode(self.raw(height))
    }

    /// Any of its blocks.
    pub fn find(&self, hash: &str) -> Option<&Block> {
        self.blocks.iter().chain([&self.stale]).find(|block| block.block_hash().to_string() == hash)
    }

    /// Its tips, as `getchaintips` has them.
    pub fn tips(&self) -> Value {
        json!([
            { "height": self.height(), "hash": self.stale.block_hash().to_string(), "branchlen": 1, "status": "valid-fork" },
            { "height": self.height(), "hash": self.tip().to_string(), "branchlen": 0, "status": "active" },
        ])
    }
}

pub fn raw(block: &Block) -> RawHeader {
    serialize(&block.header).try_into().unwrap()
}

/// An address to which the testbed mines nothing else.
pub fn elsewhere() -> Address {
    Address::p2wsh(&ScriptBuf::from_bytes(vec![0x51, 0x51]), Network::Regtest)
}

/// What was asked of a server by HTTP.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

pub type Answered = (u16, Vec<u8>);

/// A server that answers by a function of what is asked.
pub struct Served {
    pub url: String,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

type Answering = Arc<dyn Fn(&Asked) -> Answered + Send + Sync>;

impl Served {
    pub async fn by(answer: impl Fn(&Asked) -> Answered + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer: Answering = Arc::new(answer);
        let router = Router::new().fallback(handle).with_state((Arc::clone(&asked), answer));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, asked }
    }

    /// A server with something at each of these paths, and nothing elsewhere.
    pub async fn with(paths: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let paths: HashMap<String, Vec<u8>> = paths.into_iter().collect();
        Self::by(move |asked| match paths.get(&asked.path) {
            Some(body) => (200, body.clone()),
            None => (404, b"Block not found".to_vec()),
        })
        .await
    }

    /// How often something was asked.
    pub fn count(&self, is: impl Fn(&Asked) -> bool) -> usize {
        self.asked.lock().iter().filter(|asked| is(asked)).count()
    }
}

async fn handle(
    State((asked, answer)): State<(Arc<Mutex<Vec<Asked>>>, Answering)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let question = Asked { path: uri.path_and_query().unwrap().to_string(), headers, body };
    let (status, body) = answer(&question);
    asked.lock().push(question);
    let location = [("location", "https://elsewhere.example/secret")];
    let status = StatusCode::from_u16(status).unwrap();
    if status.is_redirection() { (status, location, body).into_response() } else { (status, body).into_response() }
}

/// An electrum server of a chain. What is sent to the channel that comes with it is written to the client as it is.
pub async fn electrum(chain: Arc<Chain>) -> (String, mpsc::UnboundedSender<String>, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (announce, mut announced) = mpsc::unbounded_channel();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let asking = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            serve_electrum(stream, &chain, &mut announced, &asking).await;
        }
    });
    (address, announce, asked)
}

/// Answers one client until it leaves.
pub async fn serve_electrum(
    stream: impl AsyncRead + AsyncWrite,
    chain: &Chain,
    announced: &mut mpsc::UnboundedReceiver<String>,
    asked: &Mutex<Vec<String>>,
) {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut lines = BufReader::new(reader).lines();
    loop {
        let answer = tokio::select! {
            line = lines.next_line() => match line {
                Ok(Some(line)) => answer_electrum(&line, chain, asked),
                _ => return,
            },
            Some(line) = announced.recv() => line,
        };
        if writer.write_all(format!("{answer}\n").as_bytes()).await.is_err() {
            return;
        }
        let _ = writer.flush().await;
    }
}

/// The announcement of the tip of a chain.
pub fn announcement(chain: &Chain) -> String {
    let tip = json!([{ "height": chain.height(), "hex": chain.hex(chain.height()) }]);
    json!({ "jsonrpc": "2.0", "method": "blockchain.headers.subscribe", "params": tip }).to_string()
}

fn answer_electrum(line: &str, chain: &Chain, asked: &Mutex<Vec<String>>) -> String {
    let request: Value = serde_json::from_str(line).unwrap();
    let method = request["method"].as_str().unwrap();
    let params = &request["params"];
    asked.lock().push(method.to_owned());
    let number = |index: usize| params[index].as_u64().unwrap() as u32;
    let coinbase = |height: u32| chain.blocks[height as usize].txdata[0].clone();
    let result = match method {
        "server.version" => json!(["ElectrumX 1.16.0", "1.4"]),
        "blockchain.headers.subscribe" => json!({ "height": chain.height(), "hex": chain.hex(chain.height()) }),
        "blockchain.block.header" => json!(chain.hex(number(0))),
        "blockchain.block.headers" => {
            let heights = (number(0)..=chain.height()).take(number(1) as usize);
            let hex: String = heights.clone().map(|height| chain.hex(height)).collect();
            json!({ "count": heights.count(), "hex": hex, "max": 2016 })
        }
        "blockchain.transaction.id_from_pos" => json!(coinbase(number(0)).compute_txid().to_string()),
        "blockchain.transaction.get" => {
            let found = chain
                .blocks
                .iter()
                .find(|block| block.txdata[0].compute_txid().to_string() == params[0].as_str().unwrap());
            json!(bitcoin::consensus::encode::serialize_hex(&found.unwrap().txdata[0]))
        }
        _ => {
            let error = json!({ "code": -32601, "message": format!("unknown method \"{method}\"") });
            return json!({ "jsonrpc": "2.0", "id": request["id"], "error": error }).to_string();
        }
    };
    json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }).to_string()
}
