//! Who mined a block, and stale blocks: fetched from real nodes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bitcoin::consensus::{deserialize, serialize};
use bitcoin::hashes::Hash as _;
use bitcoin::{Address, Block, BlockHash, ScriptBuf, Transaction};
use chain::pools::{MAX_NAME, Miner, Pools};
use chain::settings::SourceSettings;
use chain::sources::{Source, Status, open};
use chain::stale::{Failure, Fetcher, Kept, NotThere};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use node::Target;
use parking_lot::Mutex;
use proptest::prelude::*;
use serde_json::json;
use testbed::{Node, eventually, sync_blocks};

use crate::recorded::{Chain, Served, elsewhere, mine};

const PATIENCE: Duration = Duration::from_secs(60);

fn coinbase(script: &[u8]) -> Transaction {
    let mut transaction = mine(BlockHash::all_zeros(), 500_000, "").txdata[0].clone();
    transaction.input[0].script_sig = ScriptBuf::from_bytes(script.to_vec());
    transaction
}

/// A coinbase at height 500,000 with a text among bytes that are none.
fn with_text(text: &str) -> Transaction {
    coinbase(&[b"\x03\x20\xa1\x07\x00\xff".as_slice(), text.as_bytes(), b"\xff\x01\x02"].concat())
}

fn pool(name: &str) -> Option<Miner> {
    Some(Miner { name: name.to_owned(), pool: true })
}

fn by_text(name: &str) -> Option<Miner> {
    Some(Miner { name: name.to_owned(), pool: false })
}

#[test]
fn pools_are_known_by_tags_and_addresses_in_both_forms_of_the_file() {
    let address = "1KFHE7w8BhaENAswwryaoccDb6qcT6DbYY";
    let by_tag = json!({
        "coinbase_tags": {
            "/one/": { "name": "One", "link": "https://one.example" },
            "/one/two/": { "name": "Two", "link": "" },
            "a": { "name": "Everybody" },
            "": { "name": "Everybody" },
        },
        "payout_addresses": { address: { "name": "By address", "link": "" }, "no address": { "name": "One" } },
    });
    let listed = json!([
        { "id": 1, "name": "One", "addresses": [], "tags": ["/one/", ""], "link": "https://one.example" },
        { "id": 2, "name": "Two", "addresses": ["no address"], "tags": ["/one/two/", "a"], "link": "" },
        { "id": 3, "name": "By address", "addresses": [address], "tags": [], "link": "" },
    ]);
    let script = address.parse::<Address<_>>().unwrap().assume_checked().script_pubkey();
    for (file, any_case) in [(by_tag, false), (listed, true)] {
        let pools = Pools::parse(file.to_string().as_bytes()).unwrap();
        assert_eq!(pools.ignored(), 3);
        assert_eq!(pools.miner(&with_text("x/one/y")), pool("One"));
        assert_eq!(pools.miner(&with_text("x/one/two/y")), pool("Two"), "the longer tag says more");
        assert_eq!(pools.miner(&with_text("x/ONE/y")), if any_case { pool("One") } else { by_text("/ONE/") });
        let mut paid = with_text("x/one/y");
        paid.output[0].script_pubkey = script.clone();
        assert_eq!(pools.miner(&paid), pool("By address"), "an address costs more than a text");
        assert_eq!(pools.miner(&with_text("banana")), by_text("banana"));
    }
}

#[test]
fn the_text_of_a_coinbase_is_taken_where_no_pool_is_known() {
    let pools = Pools::default();
    let long = "y".repeat(90);
    for (text, expected) in [
        ("/a miner/", by_text("/a miner/")),
        ("mined by /slash/ and others", by_text("/slash/")),
        ("short \u{1} longer text", by_text("longer text")),
        ("abc", None),
        ("", None),
        ("\u{202e}evil\u{1b}[2J", by_text("evil")),
        (&long, by_text(&long[..MAX_NAME])),
    ] {
        assert_eq!(pools.miner(&with_text(text)), expected, "{text:?}");
    }
    // The height is no text, though its bytes may be printable.
    assert_eq!(pools.miner(&coinbase(b"\x04AAAA")), None);
    assert_eq!(pools.miner(&coinbase(b"")), None);
    // An old coinbase begins with something else.
    let genesis = bitcoin::constants::genesis_block(bitcoin::Network::Bitcoin);
    assert_eq!(pools.miner(&genesis.txdata[0]), by_text("/Jan/"));
}

#[test]
fn files_that_are_none_of_pools_are_named_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pools.json");
    let error = || Pools::read(&path).unwrap_err().to_string();
    assert!(error().contains("cannot read the file of pools"));
    let many: serde_json::Map<_, _> =
        (0..10_001).map(|number| (format!("tag{number}"), json!({ "name": "x" }))).collect();
    let many = json!({ "coinbase_tags": many });
    for text in [
        "",
        "{}",
        "[]",
        "17",
        "{\"coinbase_tags\": 1}",
        "[{\"name\": 1}]",
        &many.to_string(),
        &"[".repeat(100_000),
        &format!("[\"{}\u{202e}\"]", "x".repeat(100_000)),
    ] {
        std::fs::write(&path, text).unwrap();
        let error = error();
        assert!(error.contains("pools.json cannot be used") && error.contains("coinbase_tags"), "{error}");
        assert!(error.len() < 500 && !error.contains('\n'), "{error}");
    }
    std::fs::write(&path, vec![b' '; 9 << 20]).unwrap();
    assert!(error().contains("larger than"));
    std::fs::write(&path, r#"[{"name": "A\u001b[2Jb", "tags": ["/tag/"]}]"#).unwrap();
    assert_eq!(Pools::read(&path).unwrap().miner(&with_text("/tag/")), pool("A[2Jb"));
}

proptest! {
    /// Whatever is in a file, it is taken or refused with a short reason.
    #[test]
    fn any_file_is_taken_or_refused(text in prop::collection::vec(any::<u8>(), 0..200), form in 0..4) {
        let around: [(&[u8], &[u8]); 4] =
            [(b"", b""), (b"[{\"name\":\"", b"\"}]"), (b"[{\"name\":\"x\",\"tags\":[\"", b"\"]}]"), (b"{", b"}")];
        let (before, after) = around[form as usize];
        if let Err(why) = Pools::parse(&[before, &text, after].concat()) {
            let is_short = why.len() < 2_000 && !why.chars().any(char::is_control);
            prop_assert!(is_short, "{:?}", why);
        }
    }

    /// Whatever is in a coinbase, a miner is short and printable.
    #[test]
    fn miners_are_short_and_printable(script in prop::collection::vec(any::<u8>(), 0..120)) {
        let pools = Pools::parse(br#"{"coinbase_tags": {"abc": {"name": "p"}}}"#).unwrap();
        if let Some(Miner { name, .. }) = pools.miner(&coinbase(&script)) {
            prop_assert!(!name.is_empty() && name.len() <= MAX_NAME && name.chars().all(|c| matches!(c, ' '..='~')));
        }
    }
}

/// What is kept, in memory.
#[derive(Default)]
struct Memory {
    blocks: Mutex<HashMap<BlockHash, Vec<u8>>>,
    failures: Mutex<HashMap<BlockHash, Failure>>,
}

impl Kept for Memory {
    fn block(&self, hash: BlockHash) -> BoxFuture<'_, Option<Vec<u8>>> {
        ready(self.blocks.lock().get(&hash).cloned()).boxed()
    }
    fn keep(&self, hash: BlockHash, block: Vec<u8>) -> BoxFuture<'_, ()> {
        self.blocks.lock().insert(hash, block);
        ready(()).boxed()
    }
    fn failure(&self, hash: BlockHash) -> BoxFuture<'_, Option<Failure>> {
        ready(self.failures.lock().get(&hash).cloned()).boxed()
    }
    fn failed(&self, hash: BlockHash, failure: Failure) -> BoxFuture<'_, ()> {
        self.failures.lock().insert(hash, failure);
        ready(()).boxed()
    }
}

fn esplora(url: &str) -> Arc<dyn Source> {
    open(&SourceSettings::Esplora { url: url.parse().unwrap(), certificate: None }).unwrap()
}

#[tokio::test]
async fn a_block_is_checked_kept_and_a_failure_remembered() {
    let chain = Chain::of(3);
    let (stale, hash) = (serialize(&chain.stale), chain.stale.block_hash());
    // The header is right, and what comes with it is of another block.
    let mut changed = chain.stale.clone();
    changed.txdata = chain.blocks[2].txdata.clone();
    let mut doubled = chain.stale.clone();
    doubled.txdata.push(doubled.txdata[0].clone());
    let bad = [serialize(&changed), serialize(&doubled), stale[..100].to_vec(), [&stale[..], b"x"].concat()];
    let mut bad_ones = Vec::new();
    for body in bad {
        let served = Served::with([(format!("/block/{hash}/raw"), body)]).await;
        bad_ones.push((esplora(&served.url), served));
    }
    let kept = Arc::new(Memory::default());
    let fetcher = Fetcher::new(Arc::clone(&kept) as _);
    let having: Vec<_> = bad_ones.iter().map(|(source, _)| Arc::clone(source)).collect();
    let error = fetcher.fetch(hash, &having, &[]).await.unwrap_err();
    assert!(matches!(&error, NotThere::Failed { reason, .. } if reason.contains("has is no block")), "{error}");
    let error = fetcher.fetch(hash, &having, &[]).await.unwrap_err();
    assert!(matches!(&error, NotThere::Remembered { wait_s: 500..=600, .. }), "{error}");
    assert!(bad_ones.iter().all(|(_, served)| served.asked.lock().len() == 1));

    // Each failure makes the next attempt wait longer.
    let failure = kept.failures.lock().get(&hash).cloned().unwrap();
    let waits = [1, 2, 3, 20, u32::MAX].map(|attempts| Failure { attempts, ..failure.clone() }.wait_s(failure.at_s));
    assert_eq!(waits, [600, 1_200, 2_400, 86_400, 86_400]);
    assert_eq!((failure.wait_s(failure.at_s + 600), failure.wait_s(i64::MIN), failure.wait_s(i64::MAX)), (0, 600, 0));

    // When that is over, there is one that has it; of several who want it one asks.
    kept.failures.lock().entry(hash).and_modify(|failure| failure.at_s -= 600);
    let served = Served::with([(format!("/block/{hash}/raw"), stale.clone())]).await;
    let all: Vec<_> = having.into_iter().chain([esplora(&served.url)]).collect();
    let (first, second) = tokio::join!(fetcher.fetch(hash, &all, &[]), fetcher.fetch(hash, &all, &[]));
    assert_eq!(first.unwrap(), stale);
    assert!(second.is_ok_and(|block| block == stale) || served.asked.lock().len() == 1);
    assert_eq!(Fetcher::new(kept).fetch(hash, &[], &[]).await.unwrap(), stale, "it is kept");
    assert_eq!(served.asked.lock().len(), 1);
}

fn core(node: &Node) -> Arc<dyn Source> {
    let rpc = Some(node.rpc_addr().to_string().parse().unwrap());
    let target = Target { rpc, rpc_cookie_file: Some(node.cookie()), ..Target::default() };
    open(&SourceSettings::Core { target, rest: true, long_poll: false }).unwrap()
}

/// Two nodes that were apart: one has a stale block, the other learns its header only.
#[tokio::test]
async fn a_stale_block_comes_from_the_node_that_has_it_or_through_one_that_has_not() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let alice = Node::builder().name("alice").start().await.unwrap();
    let bob = Node::builder().name("bob").start().await.unwrap();
    alice.connect(&bob).await.unwrap();
    alice.mine(2).await.unwrap();
    sync_blocks(&[&alice, &bob]).await.unwrap();
    alice.disconnect(&bob).await.unwrap();
    let stale = bob.mine_to(1, &elsewhere()).await.unwrap()[0];
    alice.mine(2).await.unwrap();
    alice.connect(&bob).await.unwrap();
    sync_blocks(&[&alice, &bob]).await.unwrap();
    let (with, without) = (core(&bob), core(&alice));
    let tips = with.tips().await.unwrap().tips;
    assert_eq!((tips[1].hash, tips[1].status), (stale, Status::ValidFork));

    let fetcher = || Fetcher::new(Arc::new(Memory::default()));
    let block = fetcher().fetch(stale, &[Arc::clone(&with)], &[]).await.unwrap();
    assert_eq!(deserialize::<Block>(&block).unwrap().block_hash(), stale);

    // One that does not know the header cannot ask for the block; Knots asks, but in vain.
    let unknown = Chain::of(2).tip();
    let error = fetcher().fetch(unknown, &[], &[Arc::clone(&without)]).await.unwrap_err();
    assert!(
        matches!(&error, NotThere::Failed { reason, .. } if reason.contains("getblockfrompeer") || reason.contains("no peer sent")),
        "{error}"
    );
    let header = bob.rpc("getblockheader", json!([stale.to_string(), false])).await.unwrap();
    alice.rpc("submitheader", json!([header])).await.unwrap();
    let known = || async {
        let tips = without.tips().await.ok()?.tips;
        tips.iter().any(|tip| tip.hash == stale && tip.status == Status::HeadersOnly).then_some(())
    };
    eventually("alice knows the header", PATIENCE, known).await.unwrap();
    // A busy machine may take longer than the peer is waited for.
    let fetched = || async { fetcher().fetch(stale, &[Arc::clone(&without)], &[]).await.ok() };
    assert_eq!(eventually("the block through alice", PATIENCE, fetched).await.unwrap(), block);
}
