//! Each backend: by dialogues written down by the published formats of the protocols (see `recorded`), and Bitcoin Core by real nodes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use bitcoin::consensus::encode::serialize_hex;
use bitcoin::consensus::serialize;
use bitcoin::{Block, BlockHash};
use chain::settings::SourceSettings;
use chain::sources::{Answer, Asked, MAX_TIPS, RawHeader, Source, SourceError, Status, Tip, missing_headers, open};
use futures_util::FutureExt as _;
use node::{Secret, Target};
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::{Value, json};
use testbed::Node;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::recorded::{Answered, Chain, Served, announcement, electrum, elsewhere, raw, serve_electrum};

/// How long to wait for what must happen. Generous: the machine may be busy with a build.
const PATIENCE: Duration = Duration::from_secs(60);

fn hash(header: &RawHeader) -> BlockHash {
    bitcoin::consensus::deserialize::<bitcoin::block::Header>(header).unwrap().block_hash()
}

/// Asks for what is missing until nothing is, and adds it to what is known. The number of answers that it took.
async fn fill(
    source: &dyn Source,
    tip: &Tip,
    floor: u32,
    known: &mut HashSet<BlockHash>,
) -> Result<usize, SourceError> {
    for answers in 1.. {
        let seen = known.clone();
        let missing = missing_headers(source, tip, floor, &move |hash| seen.contains(hash)).await?;
        assert!(missing.linked);
        assert!(missing.headers.windows(2).all(|two| two[1].0 == two[0].0 + 1));
        assert!(missing.headers.len() <= 2_000);
        known.extend(missing.headers.iter().map(|(_, header)| hash(header)));
        if !missing.more {
            return Ok(answers);
        }
        assert!(!missing.headers.is_empty());
    }
    panic!("there is no end")
}

fn esplora(url: &str) -> Arc<dyn Source> {
    open(&SourceSettings::Esplora { url: url.parse().unwrap(), certificate: None }).unwrap()
}

fn mempool_space(url: &str) -> Arc<dyn Source> {
    open(&SourceSettings::MempoolSpace { url: url.parse().unwrap(), certificate: None }).unwrap()
}

fn electrum_at(address: &str) -> Arc<dyn Source> {
    open(&SourceSettings::Electrum { server: address.parse().unwrap(), tls: false, certificate: None }).unwrap()
}

/// A btcd of a chain; `without` are methods that it has not.
async fn btcd(chain: Arc<Chain>, without: &'static [&'static str]) -> Served {
    Served::by(move |asked| {
        let request: Value = serde_json::from_slice(&asked.body).unwrap();
        let (method, params) = (request["method"].as_str().unwrap(), &request["params"]);
        let result = match method {
            method if without.contains(&method) => {
                let error = json!({ "code": -32601, "message": "Method not found" });
                return (200, json!({ "result": null, "error": error, "id": 1 }).to_string().into_bytes());
            }
            "getchaintips" => chain.tips(),
            "getbestblock" => json!({ "hash": chain.tip().to_string(), "height": chain.height() }),
            "getblockhash" => json!(chain.blocks[params[0].as_u64().unwrap() as usize].block_hash().to_string()),
            "getblockheader" => json!(hex::encode(raw(chain.find(params[0].as_str().unwrap()).unwrap()))),
            "getblock" => json!(serialize_hex(chain.find(params[0].as_str().unwrap()).unwrap())),
            "getinfo" => json!({ "version": 240_200, "protocolversion": 70_002 }),
            _ => panic!("{method}"),
        };
        (200, json!({ "jsonrpc": "1.0", "result": result, "error": null, "id": 1 }).to_string().into_bytes())
    })
    .await
}

#[tokio::test]
async fn btcd_by_a_recorded_dialogue() {
    let chain = Arc::new(Chain::of(30));
    let (user, password) = ("observer".to_owned(), Secret::new("geheim"));
    let settings = |url: &str| SourceSettings::Btcd {
        url: url.parse().unwrap(),
        user: user.clone(),
        password: password.clone(),
        certificate: None,
    };
    let served = btcd(Arc::clone(&chain), &[]).await;
    let source = open(&settings(&served.url)).unwrap();
    let answer = source.tips().await.unwrap();
    let statuses: Vec<_> = answer.tips.iter().map(|tip| tip.status).collect();
    assert_eq!(statuses, [Status::Active, Status::ValidFork]);
    let mut known = HashSet::new();
    fill(&*source, &answer.tips[0], 0, &mut known).await.unwrap();
    assert_eq!(known.len(), 30);
    fill(&*source, &answer.tips[1], 0, &mut known).await.unwrap();
    assert!(known.contains(&chain.stale.block_hash()) && known.len() == 31);
    assert_eq!(source.block(chain.stale.block_hash()).await.unwrap(), serialize(&chain.stale));
    assert_eq!(source.coinbase(chain.tip(), 29).await.unwrap(), chain.blocks[29].txdata[0]);
    assert_eq!(source.version().await.unwrap(), "btcd 0.24.2");
    let login = base64::prelude::BASE64_STANDARD.encode("observer:geheim");
    assert_eq!(served.count(|asked| asked.headers["authorization"] != format!("Basic {login}").as_str()), 0);

    // An older one has only its best block, and is not asked for what it has not each time.
    let served = btcd(Arc::clone(&chain), &["getchaintips"]).await;
    let source = open(&settings(&served.url)).unwrap();
    for _ in 0..3 {
        let tips = source.tips().await.unwrap().tips;
        assert_eq!(tips, [Tip { hash: chain.tip(), height: 29, status: Status::Active }]);
    }
    assert_eq!(served.count(|asked| String::from_utf8_lossy(&asked.body).contains("getchaintips")), 1);
}

#[tokio::test]
async fn electrum_by_a_recorded_dialogue() {
    let chain = Arc::new(Chain::of(2_500));
    let (address, announce, asked) = electrum(Arc::clone(&chain)).await;
    let source = electrum_at(&address);
    assert_eq!(source.transport(), "tcp");
    let answer = source.tips().await.unwrap();
    assert_eq!(answer.headers, [(2_499, chain.raw(2_499))]);
    let mut known = HashSet::new();
    assert_eq!(fill(&*source, &answer.tips[0], 0, &mut known).await.unwrap(), 2);
    assert_eq!(known.len(), 2_500);
    // One new block costs few questions.
    known.remove(&chain.tip());
    let before = asked.lock().len();
    fill(&*source, &answer.tips[0], 0, &mut known).await.unwrap();
    assert!(asked.lock().len() - before <= 2, "{:?}", asked.lock().len() - before);
    assert_eq!(source.coinbase(chain.tip(), 2_499).await.unwrap(), chain.blocks[2_499].txdata[0]);
    assert!(matches!(source.coinbase(chain.stale.block_hash(), 2_499).await, Err(SourceError::Absent(_))));
    assert_eq!(source.version().await.unwrap(), "ElectrumX 1.16.0");
    assert!(source.header(chain.tip()).await.unwrap_err().is_withheld());
    assert!(source.block(chain.tip()).await.unwrap_err().is_withheld());

    // Another tip is announced while somebody waits for it; an announcement of the same one is none.
    assert_eq!(source.wait_for_tip(chain.blocks[0].block_hash(), PATIENCE).await.unwrap(), chain.tip());
    assert_eq!(source.wait_for_tip(chain.tip(), Duration::from_millis(10)).await.unwrap(), chain.tip());
    let next = Chain::of(2_501);
    let (waited, ()) = tokio::join!(source.wait_for_tip(chain.tip(), PATIENCE), async {
        announce.send(announcement(&chain)).unwrap();
        announce.send(announcement(&next)).unwrap();
    });
    assert_eq!(waited.unwrap(), next.tip());
    // Meanwhile other questions are answered, on one connection.
    let asking = async {
        source.hash_at(7).await.unwrap();
        announce.send(announcement(&next)).unwrap();
    };
    let (waited, ()) = tokio::join!(source.wait_for_tip(chain.tip(), PATIENCE), asking);
    assert_eq!(waited.unwrap(), next.tip());
    assert_eq!(asked.lock().iter().filter(|method| *method == "server.version").count(), 1);
}

#[tokio::test]
async fn an_electrum_server_by_tls_is_trusted_by_its_certificate_only() {
    let folder = tempfile::tempdir().unwrap();
    // The name in it is not the one by which it is reached: those who sign their own do not care.
    let made = rcgen::generate_simple_self_signed(["electrum.example".to_owned()]).unwrap();
    let file = folder.path().join("certificate.pem");
    std::fs::write(&file, made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server: node::HostPort = listener.local_addr().unwrap().to_string().parse().unwrap();
    let chain = Arc::new(Chain::of(3));
    let tip = chain.tip();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let chain = Arc::clone(&chain);
            tokio::spawn(async move {
                let (_announce, mut announced) = tokio::sync::mpsc::unbounded_channel();
                serve_electrum(stream, &chain, &mut announced, &Mutex::default()).await;
            });
        }
    });
    let settings = |certificate| SourceSettings::Electrum { server: server.clone(), tls: true, certificate };
    let source = open(&settings(Some(file.clone()))).unwrap();
    assert_eq!((source.tips().await.unwrap().tips[0].hash, source.transport()), (tip, "tls"));
    // Another certificate, of the same name.
    let other = rcgen::generate_simple_self_signed(["electrum.example".to_owned()]).unwrap();
    std::fs::write(&file, other.cert.pem()).unwrap();
    let error = open(&settings(Some(file.clone()))).unwrap().tips().await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Unreachable(text) if text.contains(&format!("cannot trust {server}"))),
        "{error}"
    );
    std::fs::write(&file, "nothing").unwrap();
    let error = open(&settings(Some(file))).err().unwrap().to_string();
    assert!(error.contains("certificate.pem cannot be used") && error.contains("PEM"), "{error}");
}

/// What esplora has at its paths; of heights from `first` on.
fn esplora_paths(chain: &Chain, list: &str, size: u32) -> Vec<(String, Vec<u8>)> {
    let listed = |height: u32| {
        let Block { header, .. } = &chain.blocks[height as usize];
        json!({
            "id": header.block_hash().to_string(), "height": height, "version": header.version.to_consensus(), "timestamp": header.time,
            "tx_count": 1,
            "size": 200, "weight": 800, "merkle_root": header.merkle_root.to_string(), "mediantime": header.time, "nonce": header.nonce,
            "bits": header.bits.to_consensus(), "difficulty": 0.5,
            "previousblockhash": (height > 0).then(|| header.prev_blockhash.to_string()),
        })
    };
    let mut paths = vec![("/api/blocks/tip/height".to_owned(), chain.height().to_string().into_bytes())];
    for (height, block) in chain.blocks.iter().enumerate() {
        let height = height as u32;
        let hash = block.block_hash();
        let low = height.saturating_sub(size - 1);
        let list_of = Value::from_iter((low..=height).rev().map(listed));
        paths.push((format!("/api{list}/{height}"), list_of.to_string().into_bytes()));
        paths.push((format!("/api/block-height/{height}"), hash.to_string().into_bytes()));
        paths.push((format!("/api/block/{hash}/header"), hex::encode(raw(block)).into_bytes()));
        paths.push((format!("/api/block/{hash}/raw"), serialize(block)));
        let id = block.txdata[0].compute_txid();
        paths.push((format!("/api/block/{hash}/txid/0"), id.to_string().into_bytes()));
        paths.push((format!("/api/tx/{id}/hex"), serialize_hex(&block.txdata[0]).into_bytes()));
    }
    paths
}

#[tokio::test]
async fn esplora_by_a_recorded_dialogue() {
    let chain = Chain::of(40);
    let served = Served::with(esplora_paths(&chain, "/blocks", 10)).await;
    let source = esplora(&format!("{}/api/", served.url));
    let answer = source.tips().await.unwrap();
    assert_eq!(answer.tips, [Tip { hash: chain.tip(), height: 39, status: Status::Active }]);
    let mut known = HashSet::new();
    fill(&*source, &answer.tips[0], 0, &mut known).await.unwrap();
    assert_eq!(known.len(), 40);
    assert_eq!(source.block(chain.tip()).await.unwrap(), serialize(&chain.blocks[39]));
    assert_eq!(source.coinbase(chain.tip(), 39).await.unwrap(), chain.blocks[39].txdata[0]);
    assert!(matches!(source.header(chain.stale.block_hash()).await, Err(SourceError::Absent(_))));
    assert!(source.version().await.unwrap_err().is_withheld());
}

#[tokio::test]
async fn mempool_space_by_a_recorded_dialogue() {
    let chain = Chain::of(40);
    let stale = chain.stale.block_hash();
    let mut paths = esplora_paths(&chain, "/v1/blocks", 15);
    paths.push(("/api/v1/chain-tips".to_owned(), chain.tips().to_string().into_bytes()));
    let block = json!({ "id": stale.to_string(), "stale": true, "extras": { "header": hex::encode(raw(&chain.stale)), "reward": 50 } });
    paths.push((format!("/api/v1/block/{stale}"), block.to_string().into_bytes()));
    let info = json!({ "hostname": "node1", "gitCommit": "abc", "version": "3.3.0-dev", "lightning": false, "backend": "esplora" });
    paths.push(("/api/v1/backend-info".to_owned(), info.to_string().into_bytes()));
    let served = Served::with(paths).await;
    let source = mempool_space(&format!("{}/api", served.url));
    let tips = source.tips().await.unwrap().tips;
    assert_eq!(tips.iter().map(|tip| tip.status).collect::<Vec<_>>(), [Status::Active, Status::ValidFork]);
    let mut known = HashSet::new();
    for tip in &tips {
        fill(&*source, tip, 0, &mut known).await.unwrap();
    }
    assert_eq!(known.len(), 41);
    assert_eq!(source.version().await.unwrap(), "3.3.0-dev");

    // One without the list of tips has the active one, as esplora has.
    let served = Served::with(esplora_paths(&chain, "/v1/blocks", 15)).await;
    let source = mempool_space(&format!("{}/api", served.url));
    for _ in 0..3 {
        assert_eq!(source.tips().await.unwrap().tips.len(), 1);
    }
    assert_eq!(served.count(|asked| asked.path == "/api/v1/chain-tips"), 1);
}

#[tokio::test]
async fn another_fork_observer_by_a_recorded_dialogue() {
    let chain = Chain::of(6);
    let info = |id: usize, height: usize, block: &Block| {
        let header = &block.header;
        json!({
            "id": id, "prev_id": if height == 0 { json!(usize::MAX) } else { json!(height - 1) }, "height": height,
            "hash": header.block_hash().to_string(),
            "version": header.version.to_consensus(), "prev_blockhash": header.prev_blockhash.to_string(),
            "merkle_root": header.merkle_root.to_string(),
            "time": header.time, "bits": header.bits.to_consensus(), "difficulty_int": 0, "nonce": header.nonce, "miner": "one pool",
        })
    };
    let mut headers: Vec<_> =
        chain.blocks.iter().enumerate().map(|(height, block)| info(height, height, block)).collect();
    headers.push(info(6, 5, &chain.stale));
    // One whose fields are not those of its hash is no header.
    let mut forged = info(7, 5, &chain.stale);
    forged["nonce"] = json!(chain.stale.header.nonce + 1);
    headers.push(forged);
    let node = |id: u32, more: Value| {
        let mut node = json!({
            "id": id, "name": format!("node {id}"), "description": "<b>", "implementation": "Bitcoin Core", "version": "/Satoshi:30.0.0/",
            "tips": [
                { "hash": chain.tip().to_string(), "status": "active", "height": 5 },
                { "hash": chain.stale.block_hash().to_string(), "status": "valid-fork", "height": 5 },
            ],
            "last_changed_timestamp": 1_700_000_000, "reachable": true,
        });
        node.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        node
    };
    let nodes = json!([
        node(0, json!({})),
        node(1, json!({ "name": format!("a\u{7}{}", "é".repeat(300)), "reachable": false, "tips": [], "version": "" })),
        node(2, json!({ "remote_source": "a third one" })),
        node(3, json!({ "tips": [{ "hash": "no hash", "status": "active", "height": 5 }] })),
    ]);
    let data = json!({ "header_infos": headers, "nodes": nodes });
    let empty = json!({ "header_infos": [], "nodes": [] });
    let served = Served::with([
        ("/page/api/1/data.json".to_owned(), data.to_string().into_bytes()),
        ("/page/api/9/data.json".to_owned(), empty.to_string().into_bytes()),
        (format!("/page/api/1/block/{}/hex", chain.stale.block_hash()), serialize_hex(&chain.stale).into_bytes()),
    ])
    .await;
    let at = |network| {
        let url = format!("{}/page", served.url).parse().unwrap();
        open(&SourceSettings::ForkObserver { url, network, certificate: None }).unwrap()
    };
    let source = at(1);
    let answer = source.tips().await.unwrap();
    assert_eq!(answer.tips, []);
    assert_eq!(answer.headers.len(), 7);
    assert!(answer.headers.is_sorted_by_key(|(height, _)| *height));
    // Those of a third server, and those with tips that are none, are left out.
    assert_eq!(answer.nodes.iter().map(|node| node.id).collect::<Vec<_>>(), [0, 1]);
    let [first, second] = answer.nodes.as_slice() else { panic!() };
    assert_eq!((first.version.as_deref(), first.reachable, first.tips.len()), (Some("/Satoshi:30.0.0/"), true, 2));
    assert_eq!((second.version.as_deref(), second.reachable, second.name.len()), (None, false, 199));
    assert!(!second.name.contains('\u{7}'));
    let stale = chain.stale.block_hash();
    assert_eq!(source.header(stale).await.unwrap(), raw(&chain.stale));
    assert_eq!(source.block(stale).await.unwrap(), serialize(&chain.stale));
    let error = at(9).tips().await.unwrap_err().to_string();
    assert!(error.contains("nothing of a network 9") && error.contains("/api/networks.json"), "{error}");
}

#[tokio::test]
async fn block_dn_by_a_recorded_dialogue() {
    let chain = Arc::new(Chain::of(30));
    let serving = Arc::clone(&chain);
    let served = Served::by(move |asked| match asked.path.as_str() {
        "/status" => {
            let best = serving.tip().to_string();
            let status = json!({ "best_block_height": 29, "best_block_hash": best, "version": "0.1.0", "all_files_synced": true });
            (200, status.to_string().into_bytes())
        }
        "/headers/0" => {
            let all: Vec<u8> = (0..30).flat_map(|height| serving.raw(height)).collect();
            let (first, last) = asked.headers["range"].to_str().unwrap()["bytes=".len()..].split_once('-').unwrap();
            let last: usize = last.parse().unwrap();
            (206, all[first.parse().unwrap()..=last].to_vec())
        }
        path => match path.strip_prefix("/block/").and_then(|hash| serving.find(hash)) {
            Some(block) => (200, serialize(block)),
            None => (404, Vec::new()),
        },
    })
    .await;
    let source = open(&SourceSettings::BlockDn { url: served.url.parse().unwrap(), certificate: None }).unwrap();
    let tip = source.tips().await.unwrap().tips[0].clone();
    let mut known = HashSet::new();
    fill(&*source, &tip, 5, &mut known).await.unwrap();
    assert_eq!(known.len(), 25);
    assert_eq!(source.block(chain.tip()).await.unwrap(), serialize(&chain.blocks[29]));
    assert_eq!(source.version().await.unwrap(), "0.1.0");
}

/// Answers that nobody should give: each is one short line that names the server and gives away nothing.
#[tokio::test]
async fn hostile_answers_by_http_are_one_clear_line() {
    let chain = Chain::of(3);
    let other = raw(&chain.stale);
    let tip = chain.tip();
    let page = format!("<html>\u{1b}[2J\u{202e}{}</html>", "x".repeat(10_000)).into_bytes();
    let cases: Vec<(Answered, &str)> = vec![
        ((200, page.clone()), "is the URL that of its API?"),
        ((200, vec![b'1'; 100_000]), "is larger than"),
        ((200, Vec::new()), "is the URL that of its API?"),
        ((301, Vec::new()), "redirects to https://elsewhere.example;"),
        ((401, page.clone()), "refuses the login"),
        ((403, page.clone()), "does not permit"),
        ((404, page.clone()), "has no such thing"),
        ((429, page.clone()), "answers no more for now"),
        ((503, page.clone()), "has a trouble of its own"),
        ((418, page), "HTTP status 418"),
        ((200, hex::encode(other).into_bytes()), "its rules are not Bitcoin's"),
    ];
    for ((status, body), expected) in cases {
        let served = Served::by(move |_| (status, body.clone())).await;
        let source = esplora(&format!("{}/key-in-the-path", served.url));
        let error = source.header(tip).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected) && text.contains(&served.url), "{text}");
        assert!(text.len() < 600 && !text.contains("key-in-the-path") && !text.contains("secret"), "{text}");
        assert!(!text.contains(['\n', '\u{1b}', '\u{202e}']), "{text}");
        assert_eq!(error.is_withheld(), [401, 403].contains(&status), "{text}");
        assert_eq!(matches!(error, SourceError::OtherRules(_)), expected.contains("rules"), "{text}");
    }
    // Nobody is there.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = esplora(&format!("http://{address}")).tips().await.unwrap_err();
    assert!(
        matches!(&error, SourceError::Unreachable(text) if text.contains(&format!("cannot reach http://{address}"))),
        "{error}"
    );
}

/// Those who take a connection and never answer are given up. Takes as long as they may: 15 s.
#[tokio::test]
async fn who_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let mut kept = Vec::new();
        while let Ok((stream, _)) = listener.accept().await {
            kept.push(stream);
        }
    });
    let user = Target {
        rpc: Some(address.parse().unwrap()),
        rpc_user: Some("user".to_owned()),
        rpc_password: Some(Secret::new("geheim")),
        ..Target::default()
    };
    let sources = [esplora(&format!("http://{address}")), electrum_at(&address), core(user, true)];
    let answers = futures_util::future::join_all(sources.iter().map(|source| source.tips()));
    for outcome in timeout(PATIENCE, answers).await.unwrap() {
        let error = outcome.unwrap_err();
        assert!(matches!(&error, SourceError::Unreachable(text) if text.contains("gave no answer")), "{error}");
        assert!(error.to_string().contains(&address) && !error.to_string().contains("geheim"), "{error}");
    }
}

#[tokio::test]
async fn tips_are_bounded_and_odd_ones_are_refused() {
    let chain = Chain::of(3);
    let stale = |number: u32| {
        let mut hash = [0xff; 32];
        hash[..4].copy_from_slice(&number.to_le_bytes());
        json!({ "height": number, "hash": hex::encode(hash), "branchlen": 1, "status": "headers-only" })
    };
    let active = json!({ "height": 2, "hash": chain.tip().to_string(), "branchlen": 0, "status": "active" });
    let flood: Vec<Value> = (0..5_000).map(stale).chain([active.clone()]).collect();
    let at = |tips: Value| async move {
        let served = Served::with([("/v1/chain-tips".to_owned(), tips.to_string().into_bytes())]).await;
        mempool_space(&served.url).tips().await
    };
    let answer = at(Value::Array(flood)).await.unwrap();
    assert_eq!((answer.tips.len(), answer.more_tips), (MAX_TIPS, 5_001 - MAX_TIPS as u32));
    assert_eq!((answer.tips[0].hash, answer.tips[1].height), (chain.tip(), 4_999));
    let odd = [
        json!([]),
        json!([stale(1)]),
        json!([active, { "height": 3, "hash": chain.stale.block_hash().to_string(), "status": "active" }]),
        json!([{ "height": -1, "hash": chain.tip().to_string(), "status": "active" }]),
        json!([{ "height": 2, "hash": "é", "status": "active" }]),
        json!([{ "height": 1e30, "hash": chain.tip().to_string(), "status": "active" }]),
        json!({ "tips": [] }),
    ];
    for tips in odd {
        let outcome = at(tips.clone()).await;
        assert!(matches!(outcome, Err(SourceError::Invalid(_))), "{tips}: {outcome:?}");
    }
}

#[tokio::test]
async fn hostile_electrum_servers_end_their_connection() {
    let endless = vec![b'1'; 3 << 20];
    let cases: [(Vec<u8>, &str); 4] = [
        (endless, "it sent a line of more than"),
        (b"<html>\n".to_vec(), "it sent what is no JSON-RPC"),
        (b"{\"id\":1,\"result\":17}\n".to_vec(), "is it an electrum server?"),
        (
            b"{\"id\":1,\"error\":{\"code\":1,\"message\":\"\\u001b[2J unsupported client\"}}\n".to_vec(),
            "unsupported client",
        ),
    ];
    for (bytes, expected) in cases {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                // After the first question.
                let _ = stream.read(&mut [0; 1_000]).await;
                let _ = stream.write_all(&bytes).await;
                kept.push(stream);
            }
        });
        let error = timeout(PATIENCE, electrum_at(&address).tips()).await.unwrap().unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(&address) && error.len() < 500, "{error}");
        assert!(!error.contains('\u{1b}'), "{error}");
    }
}

/// A source of a chain in memory, with or without headers by hash.
struct InMemory {
    chain: Chain,
    by_hash: bool,
    by_height: bool,
    /// The rules of its blocks are others.
    forged: bool,
}

impl Source for InMemory {
    fn place(&self) -> &str {
        "memory"
    }
    fn transport(&self) -> &'static str {
        "rpc"
    }
    fn tips(&self) -> Asked<'_, Answer> {
        std::future::ready(Ok(Answer::default())).boxed()
    }
    fn header(&self, hash: BlockHash) -> Asked<'_, RawHeader> {
        let found = self.chain.find(&hash.to_string()).map(raw).ok_or(SourceError::Absent(String::new()));
        let found = if self.by_hash { found } else { Err(SourceError::Forbidden(String::new())) };
        std::future::ready(found).boxed()
    }
    fn hash_at(&self, height: u32) -> Asked<'_, BlockHash> {
        let found = Ok(self.chain.blocks[height as usize].block_hash());
        std::future::ready(if self.by_height { found } else { Err(SourceError::Unsupported(String::new())) }).boxed()
    }
    fn active_headers(&self, from: u32, count: u32) -> Asked<'_, Vec<RawHeader>> {
        // Fewer than asked for, as some have it.
        let heights = (from..=self.chain.height()).take(count.min(70) as usize);
        let mut headers: Vec<RawHeader> = heights.map(|height| self.chain.raw(height)).collect();
        if self.forged {
            headers.reverse();
        }
        std::future::ready(if self.by_height { Ok(headers) } else { Err(SourceError::Unsupported(String::new())) })
            .boxed()
    }
}

fn tip(chain: &Chain, height: u32) -> Tip {
    Tip { hash: chain.blocks[height as usize].block_hash(), height, status: Status::Active }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever is known up to some height, and whatever the source has, exactly the rest is asked for.
    #[test]
    fn exactly_what_is_missing_is_asked_for(
        length in 2u32..200,
        known_to in 0u32..200,
        floor in 0u32..200,
        by_hash in any::<bool>(),
        by_height in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let chain = Chain::of(length);
        let height = chain.height();
        let floor = floor.min(height);
        let mut known: HashSet<_> =
            (floor..=height).take_while(|height| *height <= known_to).map(|height| chain.blocks[height as usize].block_hash()).collect();
        let active = tip(&chain, height);
        let stale = Tip { hash: chain.stale.block_hash(), status: Status::HeadersOnly, ..active.clone() };
        let source = InMemory { chain, by_hash, by_height, forged: false };
        let can = by_hash || by_height || known.contains(&active.hash);
        let outcome = runtime.block_on(fill(&source, &active, floor, &mut known));
        prop_assert_eq!(outcome.is_ok(), can, "{:?}", outcome);
        if can {
            prop_assert_eq!(known.len() as u32, height - floor + 1);
            let outcome = runtime.block_on(fill(&source, &stale, floor, &mut known));
            prop_assert_eq!(outcome.is_ok(), by_hash);
            prop_assert_eq!(known.contains(&stale.hash), by_hash);
        }
    }
}

#[tokio::test]
async fn headers_that_do_not_link_are_refused() {
    let chain = Chain::of(200);
    let active = tip(&chain, 199);
    let source = InMemory { chain, by_hash: true, by_height: true, forged: true };
    let error = missing_headers(&source, &active, 0, &|_| false).await.unwrap_err();
    assert!(matches!(&error, SourceError::Invalid(text) if text.contains("do not link")), "{error}");
}

const LIMITED: &str = "rpcauth=limited:00ff$e25eff9cabe1a2e7a78804066d842947e56313b402aad0ba104850a6b1ecbb36";

fn core(target: Target, rest: bool) -> Arc<dyn Source> {
    open(&SourceSettings::Core { target, rest, long_poll: true }).unwrap()
}

/// A node by its address and its cookie.
fn target(node: &Node) -> Target {
    let rpc = Some(node.rpc_addr().to_string().parse().unwrap());
    Target { rpc, rpc_cookie_file: Some(node.cookie()), ..Target::default() }
}

/// The same by a user who may call what operators give to a fork-observer. Password: geheim.
fn limited(node: &Node) -> Target {
    let (rpc_user, rpc_password) = (Some("limited".to_owned()), Some(Secret::new("geheim")));
    Target { rpc_user, rpc_password, rpc_cookie_file: None, ..target(node) }
}

/// A node with a branch that it calls invalid.
async fn split(builder: testbed::NodeBuilder) -> (Node, BlockHash) {
    let node = builder.start().await.unwrap();
    let blocks = node.mine(12).await.unwrap();
    node.rpc("invalidateblock", json!([blocks[10].to_string()])).await.unwrap();
    // To another address, lest the same blocks come out.
    node.mine_to(3, &elsewhere()).await.unwrap();
    (node, blocks[11])
}

#[tokio::test]
async fn a_node_that_permits_little_gives_what_it_permits() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder()
        .config(LIMITED)
        .config("rpcwhitelistdefault=0")
        .config("rpcwhitelist=limited:getchaintips,getblockhash,getblockheader,getblock");
    for rest in [false, true] {
        let (node, invalid) = split(node.clone().config(format!("rest={}", u8::from(rest)))).await;
        let (height, best) = node.tip().await.unwrap();
        let source = core(limited(&node), true);
        for _ in 0..3 {
            let tips = source.tips().await.unwrap().tips;
            assert_eq!(tips[0], Tip { hash: best, height, status: Status::Active });
            assert_eq!(tips[1], Tip { hash: invalid, height: 12, status: Status::Invalid });
            let mut known = HashSet::new();
            for tip in &tips {
                fill(&*source, tip, 0, &mut known).await.unwrap();
            }
            assert_eq!(known.len(), 16, "14 that are active, 2 that are invalid");
            // What is withheld is left out by itself.
            for withheld in [
                source.version().await.map(drop),
                source.wait_for_tip(best, PATIENCE).await.map(drop),
                source.block_from_peers(best).await.map(drop),
            ] {
                let error = withheld.unwrap_err();
                assert!(
                    matches!(&error, SourceError::Forbidden(text) if text.contains("rpcwhitelist=limited:...,")),
                    "{error}"
                );
                assert!(!error.to_string().contains("geheim"));
            }
        }
        assert_eq!(source.transport(), if rest { "rest" } else { "rpc" });
        let block: Block = bitcoin::consensus::deserialize(&source.block(best).await.unwrap()).unwrap();
        assert_eq!(block.block_hash(), best);
        assert!(source.coinbase(best, height).await.unwrap().is_coinbase());
        // The node logs what it refuses: once for each method, however often it was wanted.
        let log = std::fs::read_to_string(node.debug_log()).unwrap();
        for method in ["getnetworkinfo", "waitfornewblock", "getpeerinfo"] {
            assert_eq!(log.matches(&format!("not allowed to call method {method}")).count(), 1, "{method}");
        }
    }
}

#[tokio::test]
async fn a_node_that_permits_no_tips_has_its_active_one_by_rest() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().config(LIMITED).config("rpcwhitelistdefault=0").config("rpcwhitelist=limited:uptime");
    let node = node.config("rest=1").start().await.unwrap();
    node.mine(20).await.unwrap();
    let (height, best) = node.tip().await.unwrap();
    let source = core(limited(&node), true);
    let tips = source.tips().await.unwrap().tips;
    assert_eq!(tips, [Tip { hash: best, height, status: Status::Active }]);
    let mut known = HashSet::new();
    fill(&*source, &tips[0], 0, &mut known).await.unwrap();
    assert_eq!(known.len(), 21);
    // Without it, the reason is what would help most.
    let error = core(limited(&node), false).tips().await.unwrap_err();
    assert!(matches!(&error, SourceError::Forbidden(text) if text.contains("...,getchaintips")), "{error}");
    let wrong = Target { rpc_password: Some(Secret::new("falsch")), ..limited(&node) };
    let error = core(wrong, false).tips().await.unwrap_err().to_string();
    assert!(error.contains("refused user \"limited\"") && !error.contains("falsch"), "{error}");
}

#[tokio::test]
async fn a_new_tip_ends_the_wait_and_a_restart_is_survived() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let node = Node::builder().start().await.unwrap();
    node.mine(1).await.unwrap();
    let (_, before) = node.tip().await.unwrap();
    let source = core(target(&node), true);
    assert!(source.version().await.unwrap().contains("Satoshi"));
    // The one that is there already, if it is another; the same, if nothing happens.
    let first = source.hash_at(0).await.unwrap();
    assert_eq!(source.wait_for_tip(first, Duration::from_millis(200)).await.unwrap(), before);
    assert_eq!(source.wait_for_tip(before, Duration::from_millis(50)).await.unwrap(), before);
    let (waited, mined) = tokio::join!(source.wait_for_tip(before, PATIENCE), async { node.mine(1).await.unwrap() });
    assert_eq!(waited.unwrap(), mined[0]);
    node.stop().await.unwrap();
    let error = source.tips().await.unwrap_err();
    assert!(matches!(&error, SourceError::Unreachable(_)), "{error}");
    node.start().await.unwrap();
    assert_eq!(source.tips().await.unwrap().tips[0].hash, mined[0]);
}

#[tokio::test]
async fn a_node_without_rpc_is_asked_by_ipc() {
    let Some(bitcoind) = testbed::require_ipc() else { return };
    let node = Node::builder().binary(bitcoind).arg("-ipcbind=unix").start().await.unwrap();
    node.mine(5).await.unwrap();
    let (height, best) = node.tip().await.unwrap();
    // Its RPC server lets nobody in, as far as can be seen.
    let without = Target {
        rpc_cookie_file: Some(node.datadir().join("no cookie")),
        datadir: Some(node.datadir().to_owned()),
        chain: Some(node::Chain::Regtest),
        ..Target::default()
    };
    let source = core(without, true);
    let tips = source.tips().await.unwrap().tips;
    assert_eq!((tips[0].hash, tips[0].height, source.transport()), (best, height, "ipc"));
    let (waited, mined) = tokio::join!(source.wait_for_tip(best, PATIENCE), async { node.mine(1).await.unwrap() });
    assert_eq!(waited.unwrap(), mined[0]);
    // Headers come by IPC from v32 on.
    match source.header(best).await {
        Ok(header) => assert_eq!(hash(&header), best),
        Err(error) => assert!(error.is_withheld(), "{error}"),
    }
    // A wait that nobody waits for any more does not keep the node from stopping.
    let (_, tip) = node.tip().await.unwrap();
    let given_up = timeout(Duration::from_millis(100), source.wait_for_tip(tip, PATIENCE)).await;
    assert!(given_up.is_err());
    node.stop().await.unwrap();
    let error = source.tips().await.unwrap_err();
    assert!(matches!(&error, SourceError::Unreachable(_)), "{error}");
}

/// ElectrumX 2 at a node of its own, by TCP and by TLS.
#[tokio::test]
async fn a_real_electrum_server() {
    let Some(bitcoind) = testbed::require_bitcoind() else { return };
    if !testbed::has_option(&bitcoind, "-txospenderindex") {
        return testbed::skipped("ElectrumX needs a bitcoind with -txospenderindex, as v31 has it");
    }
    let Some(python) = testbed::require_python("electrum") else { return };
    let node = Node::builder().config("txindex=1").config("txospenderindex=1").start().await.unwrap();
    node.mine(30).await.unwrap();
    let (height, best) = node.tip().await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(file("certificate.pem"), made.cert.pem()).unwrap();
    std::fs::write(file("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let free = || testbed::free_port().unwrap().to_string();
    let (tcp, tls) = (free(), free());
    let cookie = std::fs::read_to_string(node.cookie()).unwrap();
    let log = std::fs::File::create(file("log")).unwrap();
    let _server = tokio::process::Command::new(python.with_file_name("electrumx_server"))
        .envs([("COIN", "Bitcoin"), ("NET", "regtest"), ("DB_ENGINE", "leveldb"), ("PEER_DISCOVERY", "off")])
        .envs([("ALLOW_ROOT", "1"), ("COST_SOFT_LIMIT", "0"), ("COST_HARD_LIMIT", "0")])
        .env("DB_DIRECTORY", folder.path())
        .env("DAEMON_URL", format!("http://{cookie}@{}/", node.rpc_addr()))
        .env("SERVICES", format!("tcp://{tcp},ssl://{tls}"))
        .env("SSL_CERTFILE", file("certificate.pem"))
        .env("SSL_KEYFILE", file("key.pem"))
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let source = electrum_at(&tcp);
    let up = || async { source.tips().await.ok().filter(|answer| answer.tips[0].hash == best) };
    let answer = testbed::eventually("ElectrumX has the tip", PATIENCE, up).await;
    let answer = answer.unwrap_or_else(|error| panic!("{error}: {}", std::fs::read_to_string(file("log")).unwrap()));
    let mut known = HashSet::new();
    fill(&*source, &answer.tips[0], 0, &mut known).await.unwrap();
    assert_eq!(known.len(), 31);
    let block: Block = bitcoin::consensus::deserialize(&core(target(&node), false).block(best).await.unwrap()).unwrap();
    assert_eq!(source.coinbase(best, height).await.unwrap(), block.txdata[0]);
    assert!(source.version().await.unwrap().starts_with("ElectrumX 2."));
    let error = source.active_headers(1_000, 10).await.unwrap_err();
    assert!(error.to_string().contains(&tcp), "{error}");

    let by_tls = |certificate| {
        let server = tls.parse().unwrap();
        open(&SourceSettings::Electrum { server, tls: true, certificate: Some(certificate) }).unwrap()
    };
    assert_eq!(by_tls(file("certificate.pem")).tips().await.unwrap().tips[0].hash, best);
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(file("other.pem"), other.cert.pem()).unwrap();
    let error = by_tls(file("other.pem")).tips().await.unwrap_err().to_string();
    assert!(error.contains("cannot trust"), "{error}");

    let (waited, mined) = tokio::join!(source.wait_for_tip(best, PATIENCE), async { node.mine(1).await.unwrap() });
    assert_eq!(waited.unwrap(), mined[0]);
}
