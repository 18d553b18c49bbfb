//! What runs: each node is asked at its pace, and at once when its tip is known to have changed; what follows is published, kept and served.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;
use bus::task::{named, spawn};
use bus::{Delivery, Publisher, Subscription};
use event::Body;
use event::pb::chain::Chain as ChainBody;
use event::pb::chain::chain::ChainEvent;
use event::time::{now_ns, now_s};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::header::{Header, HeaderError};
use crate::network::{Effects, NetworkState};
use crate::pools::Pools;
use crate::settings::{Network, NodeSettings, SourceSettings};
use crate::snapshot::{ActivityRow, Hash, Published};
use crate::sources::{Answer, Source, SourceError, Status, Tip, missing_headers};
use crate::stale::{Failure, Fetcher, Kept as KeptBlocks, NotThere};
use crate::store::{KeptBlock, Store};
use crate::wake::{Wake, new_tip, shows_a_tip};

/// Nodes of all networks that are asked at the same time at most: those that answered when they were asked last, and the others, which may say
/// nothing for as long as they are waited for, and must not take the turns of the former.
const AT_ONCE: [usize; 2] = [48, 16];
/// Tips of one answer whose headers are asked for at most. The others have their turn with the next answer.
const MAX_WALKS: usize = 32;
/// Answers with headers that are asked for on one occasion at most: of a node of one's own, and of a server that others pay for.
const MAX_ROUNDS: [u32; 2] = [1_000, 50];
/// How long a node waits for another one that gives headers of the same gap.
const GAP_PATIENCE: Duration = Duration::from_secs(5);
/// How often all that is shown is published again, for those who came later.
const REPEAT: Duration = Duration::from_secs(60);
/// How long a node may take until it says that its tip has changed. Bitcoin Core's own connections end after 30 s without a request.
const LONG_POLL: Duration = Duration::from_secs(25);
/// How soon a node is asked again that could not be waited for.
const WAIT_FAILED: Duration = Duration::from_secs(1);
/// How soon a node is asked again at most, and how many times longer than its answer took: one that catches up has new tips all the time, and
/// `getchaintips` holds it up.
const ASK: (Duration, u32) = (Duration::from_millis(20), 5);
/// How soon what is shown is made anew at most, and how many times longer than that takes.
const REFRESH: (Duration, u32) = (Duration::from_millis(5), 10);
/// How often a node is asked for its version.
const VERSION_AGAIN: Duration = Duration::from_secs(3_600);
/// How often old activity goes to archives.
const RETIRE: Duration = Duration::from_secs(6 * 3_600);
/// How soon that is after the start, so that it is done where the program does not run for long.
const RETIRE_FIRST: Duration = Duration::from_secs(60);
/// Rows of activity that wait for a database that cannot be written at most.
const MAX_UNSAVED: usize = 10_000;
/// Blocks whose miners are asked for, below the best one.
const MINERS_BELOW: u32 = 100;
/// Nodes that are asked for the coinbase of a block at most.
const MINER_TRIES: usize = 3;
/// How soon the next coinbase is asked for.
const MINER_PAUSE: Duration = Duration::from_millis(100);
/// How soon a coinbase is asked for again that no node gave.
const MINER_AGAIN: Duration = Duration::from_secs(60);
/// Blocks whose miner is not known after all, which are remembered.
const MAX_UNKNOWN_MINERS: usize = 10_000;

/// How soon the next stale block is fetched.
const STALE_PAUSE: Duration = Duration::from_secs(1);
/// How soon one is fetched that has just become stale, or could not be asked for.
const STALE_WAIT: Duration = Duration::from_secs(5);
/// How long whoever asks for a stale block that is being fetched waits for it, and how often it is looked for.
const STALE_PATIENCE: Duration = Duration::from_secs(30);
const STALE_LOOK: Duration = Duration::from_millis(500);

/// Makes a publisher for a node, by its name.
pub type Publishers = Box<dyn Fn(&str) -> Publisher + Send + Sync>;

/// Some of the sources of a network.
type Sources = Vec<Arc<dyn Source>>;

/// All networks at work.
pub struct Engine {
    networks: Vec<Arc<Running>>,
    store: Store,
}

/// What all networks share.
struct Common {
    publishers: Mutex<HashMap<Arc<str>, Publisher>>,
    make: Publishers,
    store: Store,
    published: Published,
    at_once: [Semaphore; 2],
    /// What was warned of last, so that it is not repeated.
    warned: Mutex<Option<String>>,
    /// Cancelled at the end: no more blocks are fetched.
    over: CancellationToken,
}

/// A network at work.
pub struct Running {
    settings: Arc<Network>,
    state: Mutex<NetworkState>,
    sources: Vec<Arc<dyn Source>>,
    /// Where reports of new tips of a node arrive, by its place.
    wakes: Vec<Wake>,
    /// What is shown has changed.
    changed: Notify,
    /// Held while an answer is taken and what follows is published, so that everybody gets it in order.
    turn: tokio::sync::Mutex<()>,
    /// Held by the node that gives headers of a large gap, so that not all of them give the same ones.
    gap: tokio::sync::Mutex<()>,
    /// Activity that could not be written yet.
    unsaved: Mutex<VecDeque<ActivityRow>>,
    fetcher: Fetcher,
    pools: Option<Pools>,
    common: Arc<Common>,
}

/// Stale blocks of a network in the database.
struct Blocks {
    network: u32,
    store: Store,
}

impl Blocks {
    /// Does something with the database, which blocks. What fails there is as if nothing were kept.
    fn with<T: Send + 'static>(
        &self,
        does: impl FnOnce(&Store, u32) -> T + Send + 'static,
    ) -> BoxFuture<'static, Option<T>> {
        let (store, network) = (self.store.clone(), self.network);
        async move { spawn_blocking(move || does(&store, network)).await.ok() }.boxed()
    }
}

impl KeptBlocks for Blocks {
    fn block(&self, hash: BlockHash) -> BoxFuture<'_, Option<Vec<u8>>> {
        let found = self.with(move |store, network| store.block(network, &hash.to_byte_array()));
        async move {
            match found.await {
                Some(Ok(Some(KeptBlock::Block(block)))) => Some(block.into()),
                _ => None,
            }
        }
        .boxed()
    }

    fn keep(&self, hash: BlockHash, block: Vec<u8>) -> BoxFuture<'_, ()> {
        let kept = KeptBlock::Block(block.into());
        self.with(move |store, network| {
            if let Err(error) = store.put_block(network, &hash.to_byte_array(), &kept, now_s()) {
                warn!("chain: block {hash} is not kept: {error}");
            }
        })
        .map(|_| ())
        .boxed()
    }

    fn failure(&self, hash: BlockHash) -> BoxFuture<'_, Option<Failure>> {
        let found = self.with(move |store, network| store.block(network, &hash.to_byte_array()));
        async move {
            match found.await {
                Some(Ok(Some(KeptBlock::Failed(failure)))) => Some(failure),
                _ => None,
            }
        }
        .boxed()
    }

    fn failed(&self, hash: BlockHash, failure: Failure) -> BoxFuture<'_, ()> {
        let kept = KeptBlock::Failed(failure);
        self.with(move |store, network| _ = store.put_block(network, &hash.to_byte_array(), &kept, now_s()))
            .map(|_| ())
            .boxed()
    }
}

/// A network before it runs: its sources are open, what was kept is read.
pub struct Prepared {
    pub settings: Arc<Network>,
    pub sources: Vec<Arc<dyn Source>>,
    pub pools: Option<Pools>,
    pub state: NetworkState,
}

impl Engine {
    pub fn new(networks: Vec<Prepared>, store: Store, published: Published, make: Publishers) -> Self {
        let common = Arc::new(Common {
            publishers: Mutex::default(),
            make,
            store: store.clone(),
            published,
            at_once: AT_ONCE.map(Semaphore::new),
            warned: Mutex::default(),
            over: CancellationToken::new(),
        });
        let networks = networks.into_iter().map(|Prepared { settings, sources, pools, state }| {
            let blocks = Blocks { network: settings.id, store: store.clone() };
            Arc::new(Running {
                state: Mutex::new(state),
                wakes: sources.iter().map(|_| Wake::default()).collect(),
                sources,
                changed: Notify::new(),
                turn: tokio::sync::Mutex::default(),
                gap: tokio::sync::Mutex::default(),
                unsaved: Mutex::default(),
                fetcher: Fetcher::new(Arc::new(blocks)),
                pools,
                common: Arc::clone(&common),
                settings,
            })
        });
        Self { networks: networks.collect(), store }
    }

    /// What is kept of the networks, for those who serve it.
    pub fn kept(&self) -> KeptNetworks {
        let networks = self.networks.iter().map(|network| (network.settings.id, Arc::clone(network))).collect();
        KeptNetworks { networks, store: self.store.clone() }
    }

    /// Runs until the events end, or shutdown.
    pub async fn run(self, mut events: Subscription, shutdown: CancellationToken) {
        let mut working = JoinSet::new();
        let until_shutdown = |name: String, work: BoxFuture<'static, ()>| {
            let shutdown = shutdown.clone();
            named(name, async move { _ = shutdown.run_until_cancelled(work).await })
        };
        for network in &self.networks {
            network.serve();
            let of = |what: &str| format!("chain, {what} of {}", network.settings.name);
            for (place, node) in network.settings.nodes.iter().enumerate() {
                let watch = Arc::clone(network).watch(place).boxed();
                working.spawn(until_shutdown(of(&format!("node {}", node.name)), watch));
            }
            working.spawn(until_shutdown(of("headers"), Arc::clone(network).refresh().boxed()));
            working.spawn(until_shutdown(of("repetition"), Arc::clone(network).repeat().boxed()));
            working.spawn(until_shutdown(of("stale blocks"), Arc::clone(network).keep_stale().boxed()));
            working.spawn(until_shutdown(of("archives"), Arc::clone(network).retire().boxed()));
            if network.pools.is_some() {
                working.spawn(until_shutdown(of("miners"), Arc::clone(network).find_miners().boxed()));
            }
        }
        let observed = self.observed();
        loop {
            let items = events.next_many().await;
            if items.is_empty() {
                break;
            }
            for item in items {
                let Delivery::Event(record) = item else { continue };
                let envelope = record.envelope();
                if shows_a_tip(envelope.kind)
                    && let Some(places) = observed.get(&*envelope.node)
                {
                    let tip = new_tip(&record);
                    let wakes = places.iter().filter_map(|(network, place)| network.wakes.get(*place));
                    wakes.for_each(|wake| wake.wake(tip));
                }
            }
        }
        working.abort_all();
        while working.join_next().await.is_some() {}
        for network in &self.networks {
            network.common.over.cancel();
            network.save().await;
        }
    }

    /// Where each observed node is, by its name.
    fn observed(&self) -> HashMap<String, Vec<(Arc<Running>, usize)>> {
        let mut observed: HashMap<String, Vec<(Arc<Running>, usize)>> = HashMap::new();
        for network in &self.networks {
            for (place, node) in network.settings.nodes.iter().enumerate().filter(|(_, node)| node.observed) {
                observed.entry(node.name.clone()).or_default().push((Arc::clone(network), place));
            }
        }
        observed
    }
}

impl Running {
    /// Asks a node again and again.
    async fn watch(self: Arc<Self>, place: usize) {
        let (Some(source), Some(settings)) = (self.sources.get(place), self.settings.nodes.get(place)) else { return };
        // Not all of a thousand at once.
        let spread =
            settings.interval.min(Duration::from_millis(10).saturating_mul(u32::try_from(place).unwrap_or(u32::MAX)));
        tokio::time::sleep(spread).await;
        let mut version_due = Instant::now();
        loop {
            let begun = tokio::time::Instant::now();
            let known = self.poll(place, &**source, settings, &mut version_due).await;
            let now = tokio::time::Instant::now();
            let (least, times) = ASK;
            let pause = now.duration_since(begun).saturating_mul(times).max(least).min(settings.interval);
            tokio::select! {
                () = tokio::time::sleep(settings.interval) => {}
                () = self.woken(place) => tokio::time::sleep_until(now + pause).await,
                () = tip_changed(&**source, settings, known) => tokio::time::sleep_until(now + pause).await,
            }
        }
    }

    /// Waits until the tip of a node is known to have changed since it was asked.
    async fn woken(&self, place: usize) {
        let Some(wake) = self.wakes.get(place) else { return std::future::pending().await };
        loop {
            match wake.woken().await {
                // Several interfaces report the same tip.
                Some(tip) if self.state.lock().active_tip(place) == Some(tip) => {}
                _ => return,
            }
        }
    }

    /// Asks a node once, and takes its answer. Returns its active tip if it has answered.
    async fn poll(
        &self,
        place: usize,
        source: &dyn Source,
        settings: &NodeSettings,
        version_due: &mut Instant,
    ) -> Option<BlockHash> {
        let answers = self.state.lock().is_reachable(place);
        let answer = {
            let [answering, others] = &self.common.at_once;
            // Never closed.
            let _turn = if answers { answering } else { others }.acquire().await;
            source.tips().await
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                *version_due = Instant::now();
                self.take(|state, now_ns| state.failed(place, &error.to_string(), now_ns)).await;
                return None;
            }
        };
        if settings.show_version && Instant::now() >= *version_due {
            let version = source.version().await;
            *version_due = Instant::now() + VERSION_AGAIN;
            self.state.lock().set_version(place, version.ok());
        }
        let is_first = !self.state.lock().has_answered(place);
        let transport = source.transport();
        // The headers of the first answer may take long.
        if is_first {
            self.take(|state, now_ns| state.answered(place, &answer, transport, now_ns)).await;
        }
        let problem = self.fetch(place, source, settings, &answer).await;
        self.take(|state, now_ns| {
            let mut effects = state.answered(place, &answer, transport, now_ns);
            state.set_problem(place, problem, &mut effects);
            state.had_time(place);
            effects.changed |= is_first;
            effects
        })
        .await;
        answer.tips.iter().find(|tip| tip.status == Status::Active).map(|tip| tip.hash)
    }

    /// Asks for the headers of the tips that are not known. Returns what is wrong, if something is.
    async fn fetch(
        &self,
        place: usize,
        source: &dyn Source,
        settings: &NodeSettings,
        answer: &Answer,
    ) -> Option<String> {
        let mut problem = None;
        if !answer.headers.is_empty() {
            // Of others' nodes each may have what is no header of Bitcoin: one by one.
            let mut state = self.state.lock();
            for header in &answer.headers {
                if let Err(error) = state.add(place, std::slice::from_ref(header), now_ns()) {
                    let tip = answer.tips.iter().find(|tip| tip.height == header.0);
                    if let Some(tip) = tip.filter(|_| error == HeaderError::Work) {
                        state.refuse(place, tip, true, now_ns());
                    }
                    problem = Some(format!("{}: a header is not taken: {error}", source.place()));
                }
            }
        }
        let is_public = matches!(settings.source, SourceSettings::Esplora { .. } | SourceSettings::MempoolSpace { .. });
        let [own, public] = MAX_ROUNDS;
        let mut rounds = if is_public { public } else { own };
        let wanted = self.state.lock().wanted(place, answer, now_ns());
        for tip in wanted.iter().take(MAX_WALKS) {
            match self.walk(place, source, tip, &mut rounds).await {
                Ok(()) => {}
                Err(Stopped::Here(why)) => problem = Some(why),
                Err(Stopped::All(why)) => return Some(why),
            }
        }
        problem
    }

    /// Asks for the headers between a tip and what is known.
    async fn walk(&self, place: usize, source: &dyn Source, tip: &Tip, rounds: &mut u32) -> Result<(), Stopped> {
        let refuse = |other_rules| self.state.lock().refuse(place, tip, other_rules, now_ns());
        let knows = |hash: &BlockHash| self.state.lock().knows(&hash.to_byte_array());
        let mut gap = None;
        loop {
            let Some(left) = rounds.checked_sub(1) else { return Ok(()) };
            *rounds = left;
            let floor = self.state.lock().floor();
            let missing = match missing_headers(source, tip, floor, &knows).await {
                Ok(missing) => missing,
                Err(error @ SourceError::OtherRules(_)) => {
                    refuse(true);
                    return Err(Stopped::Here(error.to_string()));
                }
                Err(error @ SourceError::Unreachable(_)) => return Err(Stopped::All(error.to_string())),
                Err(error) if error.is_withheld() => return Err(Stopped::All(error.to_string())),
                Err(error) => {
                    refuse(false);
                    return Err(Stopped::Here(error.to_string()));
                }
            };
            if !missing.linked {
                refuse(false);
                return Ok(());
            }
            if missing.headers.is_empty() {
                return Ok(());
            }
            let added = self.state.lock().add(place, &missing.headers, now_ns());
            let last = missing.headers.last().and_then(|(_, header)| Header::new(header).ok());
            match added {
                Err(error) => {
                    refuse(error == HeaderError::Work);
                    return Err(Stopped::Here(format!("{}: a header is not taken: {error}", source.place())));
                }
                // What has no place; or what another node gave meanwhile.
                Ok(0) if !last.is_some_and(|last| self.state.lock().knows(&last.hash())) => {
                    refuse(false);
                    return Ok(());
                }
                Ok(_) if !missing.more => return Ok(()),
                Ok(_) => self.changed.notify_one(),
            }
            drop(gap.take());
            // A slow one holds up no other for long.
            gap = tokio::time::timeout(GAP_PATIENCE, self.gap.lock()).await.ok();
        }
    }

    /// Takes something into the state, and passes on what follows.
    async fn take(&self, takes: impl FnOnce(&mut NetworkState, u64) -> Effects) {
        let turn = self.turn.lock().await;
        let effects = takes(&mut self.state.lock(), now_ns());
        let has_rows = !effects.rows.is_empty();
        self.pass_on(effects).await;
        drop(turn);
        if has_rows {
            self.save().await;
        }
    }

    /// Publishes what is to be published, and puts aside what is to be kept.
    async fn pass_on(&self, effects: Effects) {
        let Effects { events, rows, changed } = effects;
        if changed {
            self.changed.notify_one();
        }
        if !rows.is_empty() {
            let mut unsaved = self.unsaved.lock();
            unsaved.extend(rows);
            let excess = unsaved.len().saturating_sub(MAX_UNSAVED);
            unsaved.drain(..excess);
        }
        let mut events = events.into_iter().peekable();
        let time_ns = now_ns();
        while let Some((name, event)) = events.next() {
            let mut of_node = vec![(time_ns, body(event))];
            while let Some((_, event)) = events.next_if(|(other, _)| *other == name) {
                of_node.push((time_ns, body(event)));
            }
            self.common.publisher(&name).publish_all(of_node).await;
        }
    }

    /// Writes what waits for it.
    async fn save(&self) {
        let rows: Vec<ActivityRow> = self.unsaved.lock().drain(..).collect();
        if rows.is_empty() {
            return;
        }
        let (store, network) = (self.common.store.clone(), self.settings.id);
        let written = spawn_blocking(move || (store.append(network, &rows), rows)).await;
        let Ok((outcome, rows)) = written else { return };
        if let Err(error) = outcome {
            self.common.warn(&format!("chain: activity is not written: {error}"));
            let mut unsaved = self.unsaved.lock();
            for row in rows.into_iter().rev() {
                unsaved.push_front(row);
            }
        }
    }

    /// Makes what is shown anew when something has changed.
    async fn refresh(self: Arc<Self>) {
        loop {
            self.changed.notified().await;
            let begun = Instant::now();
            {
                let _turn = self.turn.lock().await;
                let effects = self.state.lock().refresh();
                self.pass_on(effects).await;
            }
            self.serve();
            let (least, times) = REFRESH;
            tokio::time::sleep(begun.elapsed().saturating_mul(times).max(least)).await;
        }
    }

    /// Hands what is known to those who serve it.
    fn serve(&self) {
        let snapshot = self.state.lock().snapshot();
        self.common.published.publish(snapshot);
    }

    async fn repeat(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(REPEAT);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let _turn = self.turn.lock().await;
            let effects = self.state.lock().repeat();
            self.pass_on(effects).await;
        }
    }

    /// Moves old activity to archives.
    async fn retire(self: Arc<Self>) {
        tokio::time::sleep(RETIRE_FIRST).await;
        loop {
            let (store, network) = (self.common.store.clone(), self.settings.id);
            let before = u64::try_from(now_s()).unwrap_or_default().saturating_sub(self.settings.retention.as_secs());
            if let Ok(Err(error)) = spawn_blocking(move || store.retire(network, before)).await {
                self.common.warn(&format!("chain: {error}"));
            }
            tokio::time::sleep(RETIRE).await;
        }
    }

    /// Finds out who mined the blocks that are shown.
    async fn find_miners(self: Arc<Self>) {
        // When they are asked for again; none: never.
        let mut unknown: HashMap<Hash, Option<Instant>> = HashMap::new();
        loop {
            tokio::time::sleep(MINER_PAUSE).await;
            let next = {
                let state = self.state.lock();
                let shown = state.without_miner();
                let lowest = shown.first().map_or(0, |(_, height)| height.saturating_sub(MINERS_BELOW));
                let now = Instant::now();
                let is_due =
                    |hash: &Hash| unknown.get(hash).is_none_or(|again| again.is_some_and(|again| again <= now));
                shown.into_iter().find(|(hash, height)| *height >= lowest && is_due(hash))
            };
            let Some((hash, height)) = next else {
                tokio::time::sleep(WAIT_FAILED).await;
                continue;
            };
            if unknown.len() >= MAX_UNKNOWN_MINERS {
                unknown.clear();
            }
            let has_coinbase = self.find_miner(hash, height).await;
            unknown.insert(hash, (!has_coinbase).then(|| Instant::now() + MINER_AGAIN));
        }
    }

    /// Whether a node gave the coinbase of a block. Who that names is noted.
    async fn find_miner(&self, hash: Hash, height: u32) -> bool {
        let Some(pools) = &self.pools else { return false };
        let (having, _) = self.state.lock().nodes_with(&hash);
        for source in self.sources_of(&having).into_iter().take(MINER_TRIES) {
            let Ok(coinbase) = source.coinbase(BlockHash::from_byte_array(hash), height).await else { continue };
            if let Some(miner) = pools.miner(&coinbase) {
                self.take(|state, now_ns| state.set_miner(&hash, miner, now_ns)).await;
            }
            return true;
        }
        false
    }

    fn sources_of(&self, places: &[usize]) -> Sources {
        places.iter().filter_map(|place| self.sources.get(*place).cloned()).collect()
    }

    /// A stale block.
    async fn stale_block(&self, hash: Hash) -> Option<bytes::Bytes> {
        self.state.lock().header(&hash)?;
        let (having, others) = self.sources_for(&hash);
        let begun = Instant::now();
        loop {
            match self.fetcher.fetch(BlockHash::from_byte_array(hash), &having, &others).await {
                Ok(block) => return Some(block.into()),
                // It may come soon.
                Err(NotThere::UnderWay { .. }) if begun.elapsed() < STALE_PATIENCE => {
                    tokio::time::sleep(STALE_LOOK).await;
                }
                Err(error) => {
                    // Whoever asks for it again and again does not fill the log.
                    if matches!(error, NotThere::Failed { .. }) {
                        self.common.warn(&format!("chain: {}: {error}", self.settings.name));
                    }
                    return None;
                }
            }
        }
    }

    /// Those who have a block, and the others that answer.
    fn sources_for(&self, hash: &Hash) -> (Sources, Sources) {
        let (having, others) = self.state.lock().nodes_with(hash);
        (self.sources_of(&having), self.sources_of(&others))
    }

    /// Fetches the stale blocks that are listed, one after the other, so that they are there when no node has them any more.
    async fn keep_stale(self: Arc<Self>) {
        // When they are asked for; none: never again.
        let mut due: HashMap<Hash, Option<Instant>> = HashMap::new();
        loop {
            tokio::time::sleep(STALE_PAUSE).await;
            let Some(network) = self.common.published.network(self.settings.id) else { continue };
            let now = Instant::now();
            // What is not active while headers come is not fetched at once: it may become so.
            due = network
                .stale
                .iter()
                .map(|stale| (stale.hash, due.remove(&stale.hash).unwrap_or(Some(now + STALE_WAIT))))
                .collect();
            let is_due = |hash: &Hash| due.get(hash).is_some_and(|at| at.is_some_and(|at| at <= now));
            let Some(hash) = network.stale.iter().map(|stale| stale.hash).find(is_due) else { continue };
            let (having, others) = self.sources_for(&hash);
            if having.is_empty() && others.is_empty() {
                due.insert(hash, Some(now + STALE_WAIT));
                continue;
            }
            let outcome = self.fetcher.fetch(BlockHash::from_byte_array(hash), &having, &others).await;
            let wait = match outcome {
                Ok(_) => None,
                Err(NotThere::Remembered { wait_s, .. }) => Some(Duration::from_secs(wait_s)),
                Err(NotThere::UnderWay { .. }) => Some(STALE_WAIT),
                Err(error @ NotThere::Failed { .. }) => {
                    // There are many that no node has.
                    debug!("chain: {}: {error}", self.settings.name);
                    Some(STALE_WAIT)
                }
            };
            due.insert(hash, wait.map(|wait| Instant::now() + wait));
        }
    }
}

/// Why no more headers are asked for.
enum Stopped {
    /// Of this tip.
    Here(String),
    /// Of this node, for now.
    All(String),
}

/// Waits until a node says that its active tip has changed; for ever if it does not permit that.
async fn tip_changed(source: &dyn Source, settings: &NodeSettings, known: Option<BlockHash>) {
    // One that did not answer is asked at its pace.
    let Some(known) = known else { return std::future::pending().await };
    loop {
        match source.wait_for_tip(known, LONG_POLL).await {
            Ok(tip) if tip != known => return,
            // One that answers at once is not asked without a pause.
            Ok(_) => tokio::time::sleep(ASK.0).await,
            Err(error) if error.is_withheld() => return std::future::pending().await,
            Err(_) => return tokio::time::sleep(WAIT_FAILED.min(settings.interval)).await,
        }
    }
}

fn body(event: ChainEvent) -> Body {
    Body::Chain(ChainBody { chain_event: Some(event) })
}

impl Common {
    fn publisher(&self, name: &Arc<str>) -> Publisher {
        let mut publishers = self.publishers.lock();
        publishers.entry(Arc::clone(name)).or_insert_with_key(|name| (self.make)(name)).clone()
    }

    /// Warns, unless that was the last warning.
    fn warn(&self, text: &str) {
        let mut warned = self.warned.lock();
        if warned.as_deref() != Some(text) {
            warn!("{text}");
            *warned = Some(text.to_owned());
        }
    }
}

/// What is kept of all networks.
pub struct KeptNetworks {
    networks: HashMap<u32, Arc<Running>>,
    store: Store,
}

impl crate::snapshot::Kept for KeptNetworks {
    fn activity(&self, network: u32, before: u64, limit: usize) -> Result<Vec<ActivityRow>, String> {
        self.store.activity(network, before, limit).map_err(|error| error.to_string())
    }

    fn block(&self, network: u32, hash: Hash) -> BoxFuture<'_, Option<bytes::Bytes>> {
        let network = self.networks.get(&network).cloned();
        async move {
            let network = network?;
            // It goes on when whoever asked has gone, so that its outcome is remembered.
            let fetching = async move {
                let fetched = network.common.over.run_until_cancelled(network.stale_block(hash)).await;
                Ok::<_, Infallible>(fetched.flatten())
            };
            spawn("chain, a stale block", fetching).await.ok()?.ok()?
        }
        .boxed()
    }
}
