//! The extractor against real nodes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use bus::{Bus, Delivery, Publisher, Subscription, WhenFull};
use event::pb::ipc_extractor::ipc::IpcEvent;
use event::{Body, Filter};
use extractor_ipc::Options;
use node::Target;
use testbed::Node;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// How long to wait for what must happen. Generous: the machine may be busy with a build.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running extractor and what it publishes.
struct Observed {
    events: Subscription,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), extractor_ipc::Error>>,
}

impl Observed {
    fn start(target: Target, options: Options) -> Self {
        let bus = Bus::new();
        let events = bus.subscribe("test", Filter::default(), 100_000, WhenFull::Block);
        let shutdown = CancellationToken::new();
        let publisher = Publisher::new(&bus, "alice", "ipc");
        let task = tokio::spawn(extractor_ipc::run(target, options, publisher, shutdown.clone()));
        Self { events, shutdown, task }
    }

    /// The next event by IPC, and its run.
    async fn next(&mut self) -> (u64, IpcEvent) {
        loop {
            let delivery = timeout(PATIENCE, self.events.next()).await.expect("an event in time");
            let Some(Delivery::Event(record)) = delivery else { panic!("{delivery:?}") };
            if let Some(Body::IpcExtractor(ipc)) = record.body() {
                return (record.envelope().run, ipc.ipc_event.clone().unwrap());
            }
        }
    }

    /// The next tip, with the run: its height and hash.
    async fn tip(&mut self) -> (u64, i32, Vec<u8>) {
        loop {
            if let (run, IpcEvent::BlockTip(tip)) = self.next().await {
                return (run, tip.height, tip.hash.to_vec());
            }
        }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        timeout(Duration::from_secs(5), self.task).await.expect("stops promptly").unwrap().unwrap();
    }
}

/// A node with an IPC socket, and how to find it; none after saying that the test is skipped.
async fn node_with_socket() -> Option<(Node, Target)> {
    let bitcoind = testbed::require_ipc()?;
    let node = Node::builder().name("alice").binary(bitcoind).arg("-ipcbind=unix").start().await.unwrap();
    let target = Target { datadir: Some(node.datadir().to_owned()), ..Target::default() };
    Some((node, target))
}

#[tokio::test(flavor = "multi_thread")]
async fn each_tip_is_published_once_and_a_restart_is_a_new_run() {
    let Some((node, target)) = node_with_socket().await else { return };
    let mut observed = Observed::start(target, Options::default());
    let (run, height, genesis) = observed.tip().await;
    assert_eq!((height, genesis.len()), (0, 32));
    // A block that is mined now has the present time, so that the node has caught up.
    let mut downloads = Vec::new();
    while downloads.is_empty() {
        if let (_, IpcEvent::InitialBlockDownload(download)) = observed.next().await {
            downloads.push(download.active);
        }
    }
    for expected in 1..=5 {
        let block = node.mine(1).await.unwrap()[0];
        let (of, height, hash) = loop {
            match observed.next().await {
                (run, IpcEvent::BlockTip(tip)) => break (run, tip.height, tip.hash.to_vec()),
                (_, IpcEvent::InitialBlockDownload(download)) => downloads.push(download.active),
            }
        };
        let expected_hash: [u8; 32] = *block.as_ref();
        assert_eq!((of, height, &hash[..]), (run, expected, &expected_hash[..]));
    }
    while downloads.len() < 2 {
        if let (_, IpcEvent::InitialBlockDownload(download)) = observed.next().await {
            downloads.push(download.active);
        }
    }
    assert_eq!(downloads, [true, false]);
    node.restart().await.unwrap();
    let (new_run, height, _) = observed.tip().await;
    assert_eq!(height, 5);
    assert_ne!(new_run, run);
    // One that is invalidated gives the tip before it.
    let tip = node.tip().await.unwrap().1;
    node.rpc("invalidateblock", serde_json::json!([tip.to_string()])).await.unwrap();
    let (_, height, _) = observed.tip().await;
    assert_eq!(height, 4);
    observed.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_end_of_a_node_or_of_the_extractor_harms_the_other() {
    let Some((node, target)) = node_with_socket().await else { return };
    for round in 0..30 {
        let mut observed = Observed::start(target.clone(), Options::default());
        observed.tip().await;
        match round % 3 {
            // The node stops in the middle of a wait.
            0 => {
                timeout(PATIENCE, node.stop()).await.expect("stops").unwrap();
                observed.stop().await;
                node.start().await.unwrap();
            }
            // It is killed.
            1 => {
                node.kill().await.unwrap();
                node.start().await.unwrap();
                observed.tip().await;
                observed.stop().await;
            }
            // The extractor stops.
            _ => {
                observed.stop().await;
                node.tip().await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_original_s_form_repeats_the_tip() {
    let Some((node, target)) = node_with_socket().await else { return };
    let options = Options { query_interval: Some(Duration::from_millis(500)) };
    let mut observed = Observed::start(target, options);
    let first = observed.tip().await;
    assert_eq!(observed.tip().await, first);
    assert_eq!(observed.tip().await, first);
    observed.stop().await;
    drop(node);
}
