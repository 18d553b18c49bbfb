//! What runs: events come in, addresses wait, are tried in their turn, and results go out.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::counters::CONNECTIVITY_SKIPPED;
use bus::{Delivery, Publisher, Subscription};
use event::time::{nanoseconds, now_ns};
use networks::Enrichment;
use node::Chain;
use parking_lot::Mutex;
use reach::{Dialer, Endpoint, Host};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinSet, spawn_blocking};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::Options;
use crate::attempt::{Attempt, Outcomes, Turn};
use crate::budget::{Budget, Neighbourhood};
use crate::csv::Csv;
use crate::heard::Heard;
use crate::queue::{Next, Queue};
use crate::skipped::Skipped;
use crate::store::{Finding, Place, Store};

/// Others that wait for the result of an attempt that is under way, at most.
const MAX_FOLLOWERS: usize = 64;
/// How soon addresses are looked at again that wait for the chain of the node that heard them.
const CHAIN_PAUSE: Duration = Duration::from_secs(1);
/// For how long after the start that is nothing to speak of.
const CHAIN_PATIENCE: Duration = Duration::from_secs(60);
/// Results of before that are published a second, at most.
const KNOWN_PER_SECOND: f64 = 100.0;
/// How soon the queue is looked at again when something came.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// How soon onion services and I2P are looked at again, when they have no slot, or no session yet.
const OVERLAY_PAUSE: Duration = Duration::from_millis(200);
/// How soon a database is tried again that could not be used.
const DATABASE_PAUSE: Duration = Duration::from_secs(5);
/// How often files are looked at that may have changed, and old results are forgotten.
const HOUSEKEEPING: Duration = Duration::from_secs(60);
/// Old results that are forgotten at a time.
const FORGET: u32 = 10_000;

/// What an attempt occupies: a slot, and one of those for onion services and I2P if it is at one.
type Slots = (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>);

type Publishers = Box<dyn Fn(&str) -> Publisher + Send + Sync>;

/// The check at work.
pub struct Engine(Arc<Shared>);

/// What all its parts use.
pub struct Shared {
    pub options: Options,
    pub dialer: Dialer,
    pub store: Store,
    pub csv: Option<Csv>,
    pub publishers: Publishers,
    pub enrichment: Mutex<Enrichment>,
    pub state: Mutex<State>,
    pub budget: Mutex<Budget>,
    /// Attempts at onion services and I2P destinations, which take long: they leave half of the slots to others.
    pub overlay_slots: Arc<Semaphore>,
    /// Something was added to the queue.
    pub added: Notify,
    pub started: Instant,
    /// Results are being written: whoever waits for that knows that his are, too.
    pub saving: tokio::sync::Mutex<()>,
    /// What was warned of last, so that it is not repeated.
    pub warned: Mutex<Option<String>>,
}

/// What changes all the time.
pub struct State {
    pub queue: Queue<Waiting>,
    /// Attempts that are under way, and who else waits for the result.
    pub under_way: HashMap<Place, Vec<Heard>>,
    pub nodes: HashMap<Arc<str>, Node>,
    /// Hosts that are the nodes' own.
    pub own: HashSet<Host>,
    /// Results that could not be written yet.
    pub unsaved: Vec<(Place, Finding)>,
}

/// A node whose events come.
pub struct Node {
    pub number: u16,
    pub publisher: Publisher,
    pub chain: Option<Chain>,
}

/// An address that waits.
pub struct Waiting {
    pub heard: Heard,
    pub to: Neighbourhood,
}

/// Waits for the budget of a further connection to a neighbourhood.
struct BudgetTurn {
    shared: Arc<Shared>,
    to: Neighbourhood,
}

impl Turn for BudgetTurn {
    async fn wait(&self) {
        let at = self.shared.budget.lock().reserve(self.to, Instant::now());
        tokio::time::sleep_until(at.into()).await;
    }
}

impl Engine {
    pub fn new(
        options: Options,
        dialer: Dialer,
        store: Store,
        csv: Option<Csv>,
        enrichment: Enrichment,
        publishers: Publishers,
    ) -> Self {
        let started = Instant::now();
        let state = State {
            queue: Queue::new(options.waiting),
            under_way: HashMap::new(),
            nodes: HashMap::new(),
            own: HashSet::new(),
            unsaved: Vec::new(),
        };
        Self(Arc::new(Shared {
            budget: Mutex::new(Budget::new(options.rates, started)),
            overlay_slots: Arc::new(Semaphore::new(options.concurrent.div_ceil(2))),
            options,
            dialer,
            store,
            csv,
            publishers,
            enrichment: Mutex::new(enrichment),
            state: Mutex::new(state),
            added: Notify::new(),
            started,
            saving: tokio::sync::Mutex::default(),
            warned: Mutex::default(),
        }))
    }

    /// Runs until the events end, or shutdown. Reading goes on whatever attempts wait for.
    pub async fn run(self, mut events: Subscription, shutdown: CancellationToken) {
        let shared = self.0;
        let mut working = JoinSet::new();
        working.spawn(shutdown.clone().run_until_cancelled_owned(Arc::clone(&shared).dispatch()));
        working.spawn(shutdown.clone().run_until_cancelled_owned(Arc::clone(&shared).keep_house()));
        loop {
            let items = events.next_many().await;
            if items.is_empty() {
                break;
            }
            for item in items {
                if let Delivery::Event(record) = item {
                    shared.take(&record);
                }
            }
        }
        working.abort_all();
        while working.join_next().await.is_some() {}
        let waiting = shared.state.lock().queue.len();
        if waiting > 0 {
            info!("connectivity: {waiting} addresses waited for their turn");
        }
        // What is being written is written to its end.
        let _ = spawn_blocking(move || shared.save_now()).await;
    }
}

impl Shared {
    /// Why an address is not tried, as far as that takes a system call to find out.
    fn unreachable_from_here(&self, endpoint: &Endpoint) -> Option<Skipped> {
        let ip = endpoint.host.ip()?;
        let is_own = |source: Result<IpAddr, _>| source.is_ok_and(|source| source == ip);
        if !self.options.ranges.allows(ip) && is_own(reach::source_address(ip)) {
            return Some(Skipped::Own);
        }
        self.dialer.check(endpoint).err().map(|error| Skipped::of(&error))
    }

    /// Tries addresses in their turn.
    async fn dispatch(self: Arc<Self>) {
        let slots = Arc::new(Semaphore::new(self.options.concurrent.max(1)));
        let mut attempts = JoinSet::new();
        loop {
            while attempts.try_join_next().is_some() {}
            let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
            if !self.save().await {
                tokio::time::sleep(DATABASE_PAUSE).await;
                continue;
            }
            let Waiting { heard, to } = self.next().await;
            let Some(place) = self.place(&heard) else { continue };
            if let Some(why) =
                self.private(Some(place.chain), &heard.endpoint).or_else(|| self.unreachable_from_here(&heard.endpoint))
            {
                self.skip_all([heard], why);
                continue;
            }
            let Some(heard) = self.follow(&place, heard) else { continue };
            match self.known(&place).await {
                Ok(Some(finding)) => {
                    let followers = self.finish(&place);
                    for heard in std::iter::once(heard).chain(followers) {
                        self.publish(&heard, &finding, true).await;
                    }
                    tokio::time::sleep(Duration::from_secs_f64(1.0 / KNOWN_PER_SECOND)).await;
                }
                Ok(None) => {
                    // The rest of the dispatcher waits until the budget has this one's turn.
                    BudgetTurn { shared: Arc::clone(&self), to }.wait().await;
                    let overlay =
                        heard.endpoint.host.is_overlay().then(|| Arc::clone(&self.overlay_slots).try_acquire_owned());
                    let slots = (slot, overlay.and_then(Result::ok));
                    attempts.spawn(Arc::clone(&self).try_it(slots, place, heard, to));
                }
                Err(why) => {
                    let followers = self.finish(&place);
                    self.skip_all(std::iter::once(heard).chain(followers), why);
                }
            }
        }
    }

    /// The next address whose neighbourhood may have a connection now.
    async fn next(&self) -> Waiting {
        loop {
            let now = Instant::now();
            let mut unknown = false;
            let next = {
                let mut state = self.state.lock();
                let State { queue, nodes, .. } = &mut *state;
                let budget = self.budget.lock();
                queue.next(|Waiting { heard, to }| {
                    if self.chain(nodes.get(&heard.by.node)).is_none() {
                        unknown = true;
                        return Err(now + CHAIN_PAUSE);
                    }
                    let has_slot = !heard.endpoint.host.is_overlay() || self.overlay_slots.available_permits() > 0;
                    if !has_slot || self.dialer.is_pending(&heard.endpoint) {
                        return Err(now + OVERLAY_PAUSE);
                    }
                    budget.check(*to, now)
                })
            };
            if unknown && now > self.started + CHAIN_PATIENCE {
                self.warn_once(
                    "no RPC server says which chain a node follows, so that its addresses are not tried: \
                     pass --connectivity-chain",
                );
            }
            let at = match next {
                Next::Item(waiting) => return waiting,
                Next::At(at) => at,
                Next::Nothing => {
                    self.added.notified().await;
                    continue;
                }
            };
            // What comes meanwhile may have its turn before.
            let at_least = now + LOOK_AGAIN;
            tokio::select! {
                () = tokio::time::sleep_until(at.max(at_least).into()) => {}
                () = self.added.notified() => tokio::time::sleep_until(at_least.into()).await,
            }
        }
    }

    /// The chain whose network the addresses of a node are of. That of a node on a private chain is never taken for
    /// another one.
    pub fn chain(&self, node: Option<&Node>) -> Option<Chain> {
        let learned = node.and_then(|node| node.chain);
        if learned == Some(Chain::Regtest) { learned } else { self.options.chain.or(learned) }
    }

    fn place(&self, heard: &Heard) -> Option<Place> {
        let chain = self.chain(self.state.lock().nodes.get(&heard.by.node))?;
        Some(Place { chain, endpoint: heard.endpoint.clone() })
    }

    /// Regtest is a private chain: whoever is at a public address is none of its nodes.
    pub fn private(&self, chain: Option<Chain>, endpoint: &Endpoint) -> Option<Skipped> {
        let is_allowed = || endpoint.host.ip().is_some_and(|ip| self.options.ranges.allows(ip));
        (chain == Some(Chain::Regtest) && !is_allowed()).then_some(Skipped::Regtest)
    }

    /// Notes that an address is under way. None if it was already: then it gets the same result, and the attempt is not
    /// made twice.
    fn follow(&self, place: &Place, heard: Heard) -> Option<Heard> {
        let mut state = self.state.lock();
        match state.under_way.get_mut(place) {
            None => {
                state.under_way.insert(place.clone(), Vec::new());
                Some(heard)
            }
            Some(followers) if followers.len() < MAX_FOLLOWERS => {
                followers.push(heard);
                None
            }
            Some(_) => {
                self.skip(&state, &heard.by.node, Skipped::QueueFull, 1);
                None
            }
        }
    }

    /// Who else waits for a result. It is not under way any more.
    fn finish(&self, place: &Place) -> Vec<Heard> {
        self.state.lock().under_way.remove(place).unwrap_or_default()
    }

    /// What came of the last attempt, if it is not time for another one.
    async fn known(&self, place: &Place) -> Result<Option<Finding>, Skipped> {
        let (store, place) = (self.store.clone(), place.clone());
        let after_ns = now_ns().saturating_sub(nanoseconds(self.options.retry_after));
        match spawn_blocking(move || store.find(&place, after_ns)).await {
            Ok(Ok(found)) => Ok(found),
            Ok(Err(error)) => {
                self.warn_once(&error.to_string());
                Err(Skipped::Database)
            }
            Err(_) => Err(Skipped::Database),
        }
    }

    /// Makes an attempt, and passes on what came of it.
    async fn try_it(self: Arc<Self>, slots: Slots, place: Place, heard: Heard, to: Neighbourhood) {
        let tried_ns = now_ns();
        let attempt = Attempt {
            dialer: &self.dialer,
            endpoint: &heard.endpoint,
            chain: place.chain,
            services: heard.services,
            user_agent: &self.options.user_agent,
            limits: self.options.limits,
        };
        let outcomes = attempt.run(&BudgetTurn { shared: Arc::clone(&self), to }).await;
        let Outcomes { outcome, version, reason, duration } = match outcomes {
            Ok(outcomes) => outcomes,
            Err(error) => {
                self.warn_once(&format!("an address could not be tried: {error}"));
                let why = Skipped::of(&error);
                let followers = self.finish(&place);
                self.skip_all(std::iter::once(heard).chain(followers), why);
                return;
            }
        };
        let finding = Finding { tried_ns, duration, outcome, version, reason };
        self.state.lock().unsaved.push((place.clone(), finding.clone()));
        self.save().await;
        let followers = self.finish(&place);
        self.publish(&heard, &finding, false).await;
        for heard in followers {
            self.publish(&heard, &finding, true).await;
        }
        drop(slots);
    }

    /// Reads files again that have changed, and forgets old results.
    async fn keep_house(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(HOUSEKEEPING);
        loop {
            ticks.tick().await;
            let shared = Arc::clone(&self);
            let _ = spawn_blocking(move || shared.keep_house_now()).await;
        }
    }

    fn keep_house_now(&self) {
        let before = self.enrichment.lock().clone();
        if before.changed() {
            match Enrichment::read(&self.options.files, Some(&before)) {
                Ok(enrichment) => *self.enrichment.lock() = enrichment,
                Err(error) => warn!("{error}"),
            }
        }
        // Twice the time, so that people can still look at them.
        let old = now_ns().saturating_sub(nanoseconds(self.options.retry_after.saturating_mul(2)));
        if let Err(error) = self.store.forget(old, FORGET) {
            self.warn_once(&error.to_string());
        }
    }

    /// Counts addresses that were not tried.
    pub(crate) fn skip(&self, state: &State, node: &Arc<str>, why: Skipped, count: u32) {
        let Some(known) = state.nodes.get(node) else { return };
        known.publisher.accounts().count(&CONNECTIVITY_SKIPPED, [node, why.name()]).add(count.into());
    }

    fn skip_all(&self, all: impl IntoIterator<Item = Heard>, why: Skipped) {
        let state = self.state.lock();
        all.into_iter().for_each(|heard| self.skip(&state, &heard.by.node, why, 1));
    }
}
