//! Bitcoin Core and Knots: by RPC, and by REST where that is on; by IPC where RPC cannot be used.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bitcoin::BlockHash;
use bitcoin::hashes::Hash as _;
use bytes::Bytes;
use event::quote::Plain;
use futures_util::FutureExt;
use ipc::IpcError;
use node::rpc::{RpcClient, RpcError};
use node::{Auth, LocateError, Located, Target};
use parking_lot::Mutex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};

use super::http::{Http, LONG, QUICK, Question, checked};
use super::parse::{self, ChainTip};
use super::withheld::Withheld;
use super::{
    Answer, Asked, MAX_BLOCK, MAX_HEADERS, RawHeader, ServerUrl, Source, SourceError, checked_block, invalid,
    one_by_one,
};

/// Bytes of an answer by RPC at most: a block in hexadecimal, with what is around it.
const MAX_ANSWER: usize = 2 * MAX_BLOCK + (64 << 10);

/// The longest wait for a tip.
const MAX_WAIT: Duration = Duration::from_secs(50);
/// The same for nodes up to v29, which do not take the tip that is known: what changed just before is noticed after it.
const MAX_BLIND_WAIT: Duration = Duration::from_secs(5);
/// How much longer the answer to a wait may take.
const GRACE: Duration = Duration::from_secs(10);

/// Peers that are asked for a block at most, one after the other.
const MAX_PEERS: usize = 8;
/// How long a peer may take to send a block.
const PEER_PATIENCE: Duration = Duration::from_secs(8);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(250);

/// After a connection by IPC that failed, the next is made so much later, and twice as long each time it fails again.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const MAX_BACKOFF: Duration = Duration::from_secs(60);

/// How long IPC is used until RPC is tried again, which could not be used: the node may have been starting, and up to v31 IPC has tips only.
const RPC_AGAIN: Duration = Duration::from_secs(300);

/// Texts of errors that are longer are cut.
const MAX_ERROR: usize = 500;

/// A node.
pub(super) struct Core {
    target: Target,
    place: String,
    rest: bool,
    long_poll: bool,
    withheld: Withheld,
    way: tokio::sync::Mutex<Way>,
    transport: Mutex<&'static str>,
    /// It has no second parameter of `waitfornewblock`.
    waits_blindly: AtomicBool,
    /// The last call did not get as far as the node, or was not let in at all.
    is_shut: AtomicBool,
}

/// How the node is reached in its present run.
#[derive(Default)]
struct Way {
    session: Option<Arc<Session>>,
    /// Of connections by IPC.
    backoff: Option<(Instant, Duration)>,
}

struct Session {
    rpc: RpcClient,
    rest: Option<Http>,
    /// What may be used instead where RPC does not work.
    sockets: Vec<PathBuf>,
    /// When the better way is tried again that did not work.
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct ChainInfo {
    blocks: u32,
    bestblockhash: String,
}

#[derive(Deserialize)]
struct Waited {
    hash: String,
}

#[derive(Deserialize)]
struct NetworkInfo {
    #[serde(default)]
    subversion: String,
}

#[derive(Deserialize)]
struct Peer {
    id: i64,
    #[serde(default)]
    servicesnames: Vec<String>,
    #[serde(default)]
    synced_headers: Option<i64>,
}

impl Core {
    /// Nothing is located yet.
    pub fn new(target: Target, rest: bool, long_poll: bool) -> Self {
        let place = match (&target.rpc, &target.ipc, &target.name) {
            (Some(rpc), ..) => rpc.to_string(),
            (None, Some(socket), _) => socket.display().to_string(),
            (None, None, Some(name)) => format!("the node {name}"),
            (None, None, None) => "the node on this machine".to_owned(),
        };
        Self {
            target,
            place,
            rest,
            long_poll,
            withheld: Withheld::default(),
            way: tokio::sync::Mutex::default(),
            transport: Mutex::new("rpc"),
            waits_blindly: AtomicBool::new(false),
            is_shut: AtomicBool::new(false),
        }
    }

    /// The way to the node, which is located if it was away.
    async fn session(&self) -> Result<Arc<Session>, SourceError> {
        let mut way = self.way.lock().await;
        if let Some(session) = &way.session
            && session.until.is_none_or(|until| until > Instant::now())
        {
            return Ok(Arc::clone(session));
        }
        if way.session.take().is_some() {
            self.withheld.forget();
        }
        let target = self.target.clone();
        let located = tokio::task::spawn_blocking(move || target.locate()).await;
        let located =
            located.map_err(|error| invalid(&self.place, &error.to_string()))?.map_err(|error| not_located(&error))?;
        let has_login = !matches!(located.auth, Auth::Unknown);
        let session = match RpcClient::of(&located).map_err(|error| of_rpc(&error))? {
            Some(rpc) if has_login || located.ipc.is_empty() => self.by_rpc(rpc, located)?,
            _ if !located.ipc.is_empty() => self.by_ipc(&mut way, &located.ipc, None).await?,
            _ => {
                let advice = "put server=1 at the top of its bitcoin.conf, or configure its rpc address";
                return Err(SourceError::Unreachable(format!(
                    "{} has its RPC server off, or it is not known; {advice}",
                    self.place
                )));
            }
        };
        way.session = Some(Arc::clone(&session));
        Ok(session)
    }

    fn by_rpc(&self, rpc: RpcClient, located: Located) -> Result<Arc<Session>, SourceError> {
        let url: Option<ServerUrl> = located.rpc.and_then(|address| format!("http://{address}").parse().ok());
        let rest = url.filter(|_| self.rest).map(|url| Http::new(&url, None)).transpose()?;
        *self.transport.lock() = "rpc";
        Ok(Arc::new(Session { rpc: rpc.max_answer(MAX_ANSWER), rest, sockets: located.ipc, until: None }))
    }

    async fn by_ipc(
        &self,
        way: &mut Way,
        sockets: &[PathBuf],
        until: Option<Instant>,
    ) -> Result<Arc<Session>, SourceError> {
        let now = Instant::now();
        let (not_before, backoff) = way.backoff.unwrap_or((now, FIRST_BACKOFF));
        if not_before > now {
            return Err(SourceError::Unreachable(format!(
                "{} was away by IPC; it is tried again in a while",
                self.place
            )));
        }
        // Until a tip came, see [`Core::has_answered`].
        way.backoff = Some((now + backoff, (backoff * 2).min(MAX_BACKOFF)));
        let mut trouble = None;
        for socket in sockets {
            match ipc::Client::connect(socket).await {
                Ok(client) => {
                    *self.transport.lock() = "ipc";
                    let rpc = RpcClient::by_ipc(client).max_answer(MAX_ANSWER);
                    return Ok(Arc::new(Session { rpc, rest: None, sockets: Vec::new(), until }));
                }
                Err(error) => trouble = Some(of_ipc(&error)),
            }
        }
        Err(trouble.unwrap_or_else(|| SourceError::Unreachable(format!("{} has no IPC socket", self.place))))
    }

    /// Goes another way if RPC cannot be used and IPC may be. Whether that is worth a try.
    async fn try_ipc(&self, failed: &Arc<Session>) -> bool {
        if failed.sockets.is_empty() {
            return false;
        }
        let mut way = self.way.lock().await;
        match self.by_ipc(&mut way, &failed.sockets, Some(Instant::now() + RPC_AGAIN)).await {
            Ok(session) => {
                // It was RPC that was not let in.
                self.withheld.forget();
                way.session = Some(session);
                true
            }
            Err(_) => false,
        }
    }

    /// Lets the node be located again: it is away, or is another run.
    async fn lost(&self, session: &Arc<Session>) {
        let mut way = self.way.lock().await;
        if way.session.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            way.session = None;
            self.withheld.forget();
            self.waits_blindly.store(false, Ordering::Relaxed);
        }
    }

    /// Calls an RPC method, if the node permits it as far as is known.
    async fn call<T: DeserializeOwned + Send + 'static>(
        &self,
        session: &Arc<Session>,
        method: &'static str,
        params: &[Value],
        within: Duration,
    ) -> Result<T, SourceError> {
        let call = async {
            let outcome = session.rpc.call(method, params, within).await;
            self.is_shut.store(outcome.as_ref().is_err_and(is_shut), Ordering::Relaxed);
            if outcome.as_ref().is_err_and(RpcError::is_away) {
                self.lost(session).await;
            }
            outcome.map_err(|error| of_rpc(&error))
        };
        self.withheld.call(method, call).await
    }

    /// Asks by REST, if that is on as far as is known.
    async fn ask_rest(&self, session: &Session, question: Question<'_>) -> Result<Bytes, SourceError> {
        let Some(rest) = &session.rest else {
            return Err(SourceError::Unsupported(format!("{} is not asked by REST", self.place)));
        };
        self.withheld.call("rest", rest.rest(question)).await
    }

    async fn try_tips(&self) -> Result<Answer, SourceError> {
        let session = self.session().await?;
        let outcome = self.tips_of(&session).await;
        if outcome.is_err() && self.is_shut.load(Ordering::Relaxed) && self.try_ipc(&session).await {
            let session = self.session().await?;
            return self.tips_of(&session).await;
        }
        outcome
    }

    /// Its tips by the first method that is permitted; the active one alone where it is not `getchaintips`.
    async fn tips_of(&self, session: &Arc<Session>) -> Result<Answer, SourceError> {
        let withheld = match self.call::<Vec<ChainTip>>(session, "getchaintips", &[], QUICK).await {
            Ok(tips) => {
                self.has_answered(session).await;
                return parse::answer(&self.place, tips);
            }
            Err(error) if error.is_withheld() => error,
            Err(error) => return Err(error),
        };
        let only = |tip| Answer { tips: vec![tip], ..Answer::default() };
        if let Some(client) = session.rpc.ipc() {
            let late = |_| SourceError::Unreachable(format!("{} gave no tip within {} s", self.place, QUICK.as_secs()));
            let tip = match timeout(QUICK, client.tip()).await.map_err(late)? {
                Ok(tip) => tip,
                Err(error) => {
                    if error.is_away() {
                        self.lost(session).await;
                    }
                    return Err(of_ipc(&error));
                }
            };
            let tip = tip.ok_or_else(|| SourceError::Unreachable(format!("{} has no block yet", self.place)))?;
            self.has_answered(session).await;
            let height = tip.height.try_into().map_err(|_| invalid(&self.place, "a height below 0"))?;
            return Ok(only(parse::active(BlockHash::from_byte_array(tip.hash), height)));
        }
        let by_rest = self.ask_rest(session, Question::get("/rest/chaininfo.json")).await;
        let info = match by_rest {
            Ok(body) => serde_json::from_slice(&body).map_err(|_| invalid(&self.place, "its chaininfo is odd"))?,
            Err(error) if error.is_withheld() => {
                self.call::<ChainInfo>(session, "getblockchaininfo", &[], QUICK)
                    .await
                    // What would help most.
                    .map_err(|error| if error.is_withheld() { withheld } else { error })?
            }
            Err(error) => return Err(error),
        };
        let ChainInfo { blocks, bestblockhash } = info;
        let hash = parse::block_hash(&bestblockhash).ok_or_else(|| invalid(&self.place, "its best block is odd"))?;
        Ok(only(parse::active(hash, blocks)))
    }

    /// A connection by IPC works.
    async fn has_answered(&self, session: &Session) {
        if session.rpc.ipc().is_some() {
            self.way.lock().await.backoff = None;
        }
    }

    async fn try_header(&self, hash: BlockHash) -> Result<RawHeader, SourceError> {
        let session = self.session().await?;
        let params = [json!(hash.to_string()), json!(false)];
        let text = match self.call::<String>(&session, "getblockheader", &params, QUICK).await {
            Ok(text) => text,
            Err(error) if error.is_withheld() => {
                // Where REST gives none of a branch, what RPC said is the better reason.
                let headers = self.rest_headers(&session, hash, 1).await.map_err(|_| error.clone())?;
                return headers.first().copied().ok_or(error);
            }
            Err(error) => return Err(error),
        };
        let header = parse::header(&text).ok_or_else(|| invalid(&self.place, "a header is none"))?;
        checked(&self.place, header, hash)
    }

    async fn try_hash_at(&self, height: u32) -> Result<BlockHash, SourceError> {
        let session = self.session().await?;
        let text = match self.call::<String>(&session, "getblockhash", &[json!(height)], QUICK).await {
            Err(error) if error.is_withheld() => {
                let path = format!("/rest/blockhashbyheight/{height}.hex");
                let body = self.ask_rest(&session, Question::get(&path)).await.map_err(|_| error)?;
                String::from_utf8_lossy(&body).into_owned()
            }
            outcome => outcome?,
        };
        parse::block_hash(&text).ok_or_else(|| invalid(&self.place, "a hash is none"))
    }

    /// Headers of the active chain by REST. None for a block that is not in it.
    async fn rest_headers(
        &self,
        session: &Session,
        from: BlockHash,
        count: u32,
    ) -> Result<Vec<RawHeader>, SourceError> {
        let count = count.min(MAX_HEADERS);
        let path = format!("/rest/headers/{from}.bin?count={count}");
        let question = Question::get(&path).max(80 * MAX_HEADERS as usize);
        let body = self.ask_rest(session, question).await?;
        let headers = parse::headers(&body, count).ok_or_else(|| invalid(&self.place, "headers by REST are none"))?;
        if let Some(first) = headers.first() {
            checked(&self.place, *first, from)?;
        }
        Ok(headers)
    }

    async fn try_block(&self, hash: BlockHash) -> Result<Vec<u8>, SourceError> {
        let session = self.session().await?;
        let path = format!("/rest/block/{hash}.bin");
        let block = match self.ask_rest(&session, Question::get(&path).max(MAX_BLOCK)).await {
            Ok(body) => body.to_vec(),
            // By RPC there may be a better reason, and another outcome.
            Err(_) => {
                let params = [json!(hash.to_string()), json!(0)];
                let text = self.call::<String>(&session, "getblock", &params, LONG).await?;
                hex::decode(text).map_err(|_| invalid(&self.place, "a block is none"))?
            }
        };
        checked_block(&self.place, block, hash)
    }

    async fn try_block_from_peers(&self, hash: BlockHash) -> Result<Vec<u8>, SourceError> {
        let session = self.session().await?;
        let peers = self.call::<Vec<Peer>>(&session, "getpeerinfo", &[], QUICK).await?;
        let mut peers: Vec<_> = peers.into_iter().filter(|peer| has_blocks(&peer.servicesnames)).collect();
        // Those who are up to date know more of branches.
        peers.sort_by_key(|peer| std::cmp::Reverse(peer.synced_headers));
        let mut outcome = SourceError::Absent(format!("{} has no peer that has blocks", self.place));
        for Peer { id, .. } in peers.into_iter().take(MAX_PEERS) {
            let params = [json!(hash.to_string()), json!(id)];
            match self.call::<Value>(&session, "getblockfrompeer", &params, QUICK).await {
                Ok(_) => {}
                Err(SourceError::Absent(reason)) if reason.contains("already downloaded") => {
                    return self.try_block(hash).await;
                }
                // Another peer may do.
                Err(error @ SourceError::Absent(_)) => {
                    outcome = error;
                    continue;
                }
                Err(error) => return Err(error),
            }
            let asked = Instant::now();
            while asked.elapsed() < PEER_PATIENCE {
                sleep(LOOK).await;
                match self.try_block(hash).await {
                    Err(SourceError::Absent(_)) => {}
                    other => return other,
                }
            }
            outcome = SourceError::Absent(format!("{}: no peer sent block {hash}", self.place));
        }
        Err(outcome)
    }

    async fn try_version(&self) -> Result<String, SourceError> {
        let session = self.session().await?;
        let info = self.call::<NetworkInfo>(&session, "getnetworkinfo", &[], QUICK).await?;
        Ok(parse::text(&info.subversion))
    }

    async fn try_wait(&self, known: BlockHash, wait: Duration) -> Result<BlockHash, SourceError> {
        if !self.long_poll {
            return Err(SourceError::Unsupported(format!("{} is not asked to wait for a tip", self.place)));
        }
        let session = self.session().await?;
        let wait = wait.min(MAX_WAIT);
        if let Some(client) = session.rpc.ipc() {
            let until = Instant::now() + wait;
            loop {
                // A wait takes a second at most, and goes on in the background if this is dropped.
                let waited = timeout(ipc::MAX_WAIT + GRACE, client.wait_tip(known.to_byte_array())).await;
                let late = |_| SourceError::Unreachable(format!("{} does not answer by IPC; it hangs", self.place));
                match waited.map_err(late)? {
                    Ok(tip) if tip.hash == known.to_byte_array() && Instant::now() < until => {}
                    Ok(tip) => return Ok(BlockHash::from_byte_array(tip.hash)),
                    Err(error) => {
                        if error.is_away() {
                            self.lost(&session).await;
                        }
                        return Err(of_ipc(&error));
                    }
                }
            }
        }
        let method = "waitfornewblock";
        if !self.waits_blindly.load(Ordering::Relaxed) {
            let params = [json!(milliseconds(wait)), json!(known.to_string())];
            match self.call::<Waited>(&session, method, &params, wait + GRACE).await {
                // Up to v29 the second parameter makes it answer with its help.
                Err(SourceError::Absent(_) | SourceError::Invalid(_)) => {
                    self.waits_blindly.store(true, Ordering::Relaxed);
                }
                outcome => return self.waited(&outcome?),
            }
        }
        let wait = wait.min(MAX_BLIND_WAIT);
        let waited = self.call::<Waited>(&session, method, &[json!(milliseconds(wait))], wait + GRACE).await?;
        self.waited(&waited)
    }

    fn waited(&self, waited: &Waited) -> Result<BlockHash, SourceError> {
        parse::block_hash(&waited.hash).ok_or_else(|| invalid(&self.place, "what it waited for is no block"))
    }
}

impl Source for Core {
    fn place(&self) -> &str {
        &self.place
    }

    fn transport(&self) -> &'static str {
        *self.transport.lock()
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
        async move {
            let first = self.try_hash_at(from).await?;
            let session = self.session().await?;
            match self.rest_headers(&session, first, count).await {
                Ok(headers) if headers.is_empty() => {
                    Err(invalid(&self.place, "its active chain changed meanwhile; it is asked again"))
                }
                Ok(headers) => {
                    *self.transport.lock() = "rest";
                    Ok(headers)
                }
                Err(error) if error.is_withheld() => one_by_one(self, from, count).await,
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn block(&self, hash: BlockHash) -> Asked<'_, Vec<u8>> {
        self.try_block(hash).boxed()
    }

    fn block_from_peers(&self, hash: BlockHash) -> Asked<'_, Vec<u8>> {
        self.try_block_from_peers(hash).boxed()
    }

    fn version(&self) -> Asked<'_, String> {
        self.try_version().boxed()
    }

    fn wait_for_tip(&self, known: BlockHash, timeout: Duration) -> Asked<'_, BlockHash> {
        self.try_wait(known, timeout).boxed()
    }
}

fn has_blocks(services: &[String]) -> bool {
    services.is_empty() || services.iter().any(|name| name == "NETWORK" || name == "NETWORK_LIMITED")
}

fn milliseconds(duration: Duration) -> u64 {
    // 0 would be for ever.
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

fn not_located(error: &LocateError) -> SourceError {
    match error {
        LocateError::Name(_) | LocateError::HalfLogin => SourceError::Invalid(line(error)),
        _ => SourceError::Unreachable(line(error)),
    }
}

/// Whether it is of no use to call other methods.
fn is_shut(error: &RpcError) -> bool {
    use RpcError as E;
    matches!(
        error,
        E::Refused { .. } | E::Unreachable { .. } | E::Cookie { .. } | E::NoLogin { .. } | E::Unauthorized { .. }
    )
}

/// The error of a call, for those who ask several sources.
fn of_rpc(error: &RpcError) -> SourceError {
    use RpcError as E;
    match error {
        E::Ipc(error) => of_ipc(error),
        E::Refused { .. }
        | E::Unreachable { .. }
        | E::Interrupted { .. }
        | E::Timeout { .. }
        | E::Cookie { .. }
        | E::CookieFormat(_)
        | E::WarmingUp { .. }
        | E::Busy { .. } => SourceError::Unreachable(line(error)),
        E::Unauthorized { .. } | E::Forbidden { .. } | E::NoLogin { .. } => SourceError::Forbidden(line(error)),
        E::NoMethod { .. } => SourceError::Unsupported(line(error)),
        // A block that is not known, one that is pruned or was never there, and a height above the tip.
        E::Node { code: -5 | -1 | -8, .. } => SourceError::Absent(line(error)),
        _ => SourceError::Invalid(line(error)),
    }
}

fn of_ipc(error: &IpcError) -> SourceError {
    match error {
        IpcError::Unreachable { .. } | IpcError::Lost { .. } | IpcError::Busy { .. } => {
            SourceError::Unreachable(line(error))
        }
        IpcError::NoRpc { .. } => SourceError::Unsupported(line(error)),
        IpcError::Forbidden { .. } => SourceError::Forbidden(line(error)),
        _ => SourceError::Invalid(line(error)),
    }
}

/// An error in one line that is not too long: some have a text of the node.
fn line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut kept = text.chars();
    let mut shown = Plain(&kept.by_ref().take(MAX_ERROR).collect::<String>()).to_string();
    if kept.next().is_some() {
        shown.push('…');
    }
    shown
}
