//! The connection itself, in a thread of its own, since what Cap'n Proto's RPC has of it cannot go from one thread to another.

use std::cell::Cell;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use capnp::ErrorKind;
use capnp::message::ReaderOptions;
use capnp_rpc::rpc_twoparty_capnp::Side;
use capnp_rpc::{RpcSystem, twoparty};
use tokio::sync::{Mutex, OnceCell, mpsc, oneshot};
use tokio::task::{JoinSet, LocalSet, spawn_local};
use tokio::time::timeout;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use crate::node_capnp::init::construct_results;
use crate::node_capnp::thread_map::make_thread_results;
use crate::node_capnp::{context, init, mining, rpc, thread, thread_map};
use crate::{IpcError, MAX_ANSWER, MAX_WAIT, Tip};

/// How long calls under way are waited for at the end. A node that does not answer for so long hangs, or still loads its chain.
const PATIENCE: Duration = Duration::from_secs(10);

/// RPCs that the node carries out at the same time.
const RPC_THREADS: usize = 4;

pub(crate) type Reply<T> = oneshot::Sender<Result<T, IpcError>>;

/// What can be asked of a node.
pub(crate) enum Request {
    Tip(Reply<Option<Tip>>),
    WaitTip { current: [u8; 32], reply: Reply<Tip> },
    IsInitialBlockDownload(Reply<bool>),
    Rpc { request: String, reply: Reply<String> },
}

/// Carries out requests until there is nobody left who could make some, and what was begun has ended.
pub(crate) fn run(stream: UnixStream, socket: &Path, requests: mpsc::Receiver<Request>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    // Without a runtime, who asks learns that the connection is over.
    if let Ok(runtime) = runtime {
        LocalSet::new().block_on(&runtime, serve(stream, socket.to_owned(), requests));
    }
}

async fn serve(stream: UnixStream, socket: PathBuf, mut requests: mpsc::Receiver<Request>) {
    let Ok(stream) = tokio::net::UnixStream::from_std(stream) else { return };
    let (reader, writer) = stream.into_split();
    let mut options = ReaderOptions::new();
    options.traversal_limit_in_words(Some(MAX_ANSWER / 8));
    let network = twoparty::VatNetwork::new(reader.compat(), writer.compat_write(), Side::Client, options);
    let mut system = RpcSystem::new(Box::new(network), None);
    let node = Rc::new(Node::new(socket, system.bootstrap(Side::Server)));
    let disconnector = system.get_disconnector();
    let mut connection = spawn_local(system);
    let mut calls = JoinSet::new();
    let mut lost = false;
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) => { calls.spawn_local(Rc::clone(&node).carry_out(request)); }
                None => break,
            },
            _ = &mut connection => {
                lost = true;
                break;
            }
            Some(_) = calls.join_next() => {}
        }
    }
    // What was begun is waited for, and gets its error where the connection is over.
    let rest = async { while calls.join_next().await.is_some() {} };
    let _ = timeout(PATIENCE, rest).await;
    if !lost {
        drop(node);
        let _ = timeout(PATIENCE, disconnector).await;
    }
}

/// What was made of a node's interfaces so far.
struct Node {
    socket: PathBuf,
    init: init::Client,
    threads: OnceCell<thread_map::Client>,
    mining: OnceCell<mining::Client>,
    /// It has the interface for miners of v30.
    is_v30: Cell<bool>,
    rpc: OnceCell<rpc::Client>,
    /// Waits for another tip.
    waits: Lane,
    /// All else.
    calls: Lane,
    rpcs: [Lane; RPC_THREADS],
    next: Cell<usize>,
}

/// A thread of the node, which is given one call at a time.
struct Lane {
    name: &'static str,
    thread: Mutex<Option<thread::Client>>,
}

impl Lane {
    fn new(name: &'static str) -> Self {
        Self { name, thread: Mutex::new(None) }
    }
}

impl Node {
    fn new(socket: PathBuf, init: init::Client) -> Self {
        Self {
            socket,
            init,
            threads: OnceCell::new(),
            mining: OnceCell::new(),
            is_v30: Cell::new(false),
            rpc: OnceCell::new(),
            waits: Lane::new("peer-observer wait"),
            calls: Lane::new("peer-observer call"),
            rpcs: std::array::from_fn(|_| Lane::new("peer-observer rpc")),
            next: Cell::new(0),
        }
    }

    /// Who asked may have gone meanwhile: what has not been sent is left out then.
    async fn carry_out(self: Rc<Self>, request: Request) {
        match request {
            Request::Tip(reply) if !reply.is_closed() => answer(reply, self.tip().await),
            Request::WaitTip { current, reply } if !reply.is_closed() => answer(reply, self.wait_tip(current).await),
            Request::IsInitialBlockDownload(reply) if !reply.is_closed() => answer(reply, self.is_ibd().await),
            Request::Rpc { request, reply } if !reply.is_closed() => {
                let result = self.execute(&request, &reply).await;
                answer(reply, result);
            }
            _ => {}
        }
    }

    async fn tip(&self) -> Result<Option<Tip>, IpcError> {
        const CALL: &str = "getTip";
        let mining = self.mining().await?;
        let mut request = mining.get_tip_request();
        let thread = self.enter(&self.calls, request.get().init_context()).await?;
        let answer = request.send().promise.await.map_err(|error| self.failed(CALL, error))?;
        drop(thread);
        let read = || {
            let answer = answer.get()?;
            answer.get_has_result().then(|| tip(answer.get_result()?)).transpose()
        };
        read().map_err(|error| self.failed(CALL, error))
    }

    async fn wait_tip(&self, current: [u8; 32]) -> Result<Tip, IpcError> {
        const CALL: &str = "waitTipChanged";
        let mining = self.mining().await?;
        let mut request = mining.wait_tip_changed_request();
        let thread = self.enter(&self.waits, request.get().init_context()).await?;
        request.get().set_current_tip(&current);
        request.get().set_timeout(self.on_wire(MAX_WAIT.as_secs_f64() * 1e3));
        let answer = request.send().promise.await.map_err(|error| self.failed(CALL, error))?;
        drop(thread);
        let answer = answer.get().map_err(|error| self.failed(CALL, error))?;
        if !answer.has_result() {
            return Err(self.lost()); // it is stopping
        }
        answer.get_result().and_then(tip).map_err(|error| self.failed(CALL, error))
    }

    /// A timeout as it travels. From v31 on, the node's schema has a default for it, the largest number, and Cap'n Proto sends by which bits a value
    /// differs from its default.
    fn on_wire(&self, timeout: f64) -> f64 {
        let default = if self.is_v30.get() { 0 } else { f64::MAX.to_bits() };
        f64::from_bits(timeout.to_bits() ^ default)
    }

    async fn is_ibd(&self) -> Result<bool, IpcError> {
        const CALL: &str = "isInitialBlockDownload";
        let mining = self.mining().await?;
        let mut request = mining.is_initial_block_download_request();
        let thread = self.enter(&self.calls, request.get().init_context()).await?;
        let answer = request.send().promise.await.map_err(|error| self.failed(CALL, error))?;
        drop(thread);
        Ok(answer.get().map_err(|error| self.failed(CALL, error))?.get_result())
    }

    async fn execute(&self, text: &str, reply: &Reply<String>) -> Result<String, IpcError> {
        const CALL: &str = "executeRpc";
        let rpc = self.rpc().await?;
        let turn = self.next.replace(self.next.get().wrapping_add(1));
        let [first, ..] = &self.rpcs;
        let lane = self.rpcs.get(turn % RPC_THREADS).unwrap_or(first);
        let mut request = rpc.execute_rpc_request();
        let thread = self.enter(lane, request.get().init_context()).await?;
        if reply.is_closed() {
            return Err(self.lost()); // nobody learns of it
        }
        request.get().set_request(text);
        request.get().set_uri("/");
        request.get().set_user("");
        let answer = request.send().promise.await.map_err(|error| self.failed(CALL, error))?;
        drop(thread);
        let read = || answer.get()?.get_result()?.to_string().map_err(capnp::Error::from);
        match read().map_err(|error| self.failed(CALL, error))?.as_str() {
            "null" | "" => Err(IpcError::Forbidden { socket: self.socket.clone() }),
            result => Ok(result.to_owned()),
        }
    }

    /// The node's interface for miners. It is there when the chain is loaded.
    async fn mining(&self) -> Result<mining::Client, IpcError> {
        let make = || async {
            let mut request = self.init.make_mining_request();
            let thread = self.enter(&self.calls, request.get().init_context()).await?;
            let made = request.send().promise.await;
            let answer = match made {
                Ok(answer) => answer,
                Err(error) if error.kind == ErrorKind::Unimplemented => {
                    drop(thread);
                    return self.mining_of_v30().await;
                }
                Err(error) => return Err(self.failed("makeMining", error)),
            };
            let answer = answer.get().map_err(|error| self.failed("makeMining", error))?;
            if !answer.has_result() {
                return Err(self.lost()); // it is stopping
            }
            answer.get_result().map_err(|error| self.failed("makeMining", error))
        };
        self.mining.get_or_try_init(make).await.cloned()
    }

    async fn mining_of_v30(&self) -> Result<mining::Client, IpcError> {
        let mut request = self.init.make_mining_old_request();
        let _thread = self.enter(&self.calls, request.get().init_context()).await?;
        let failed = |error: capnp::Error| match error.kind {
            ErrorKind::Unimplemented => self.foreign(error),
            _ => self.failed("makeMining", error),
        };
        let answer = request.send().promise.await.map_err(failed)?;
        self.is_v30.set(true);
        let answer = answer.get().map_err(|error| self.failed("makeMining", error))?;
        if !answer.has_result() {
            return Err(self.lost());
        }
        answer.get_result().map_err(|error| self.failed("makeMining", error))
    }

    async fn rpc(&self) -> Result<rpc::Client, IpcError> {
        let make = || async {
            let mut request = self.init.make_rpc_request();
            let _thread = self.enter(&self.calls, request.get().init_context()).await?;
            let answer = request.send().promise.await.map_err(|error| match error.kind {
                ErrorKind::Unimplemented => IpcError::NoRpc { socket: self.socket.clone() },
                _ => self.failed("makeRpc", error),
            })?;
            let answer = answer.get().map_err(|error| self.failed("makeRpc", error))?;
            if !answer.has_result() {
                return Err(self.lost());
            }
            answer.get_result().map_err(|error| self.failed("makeRpc", error))
        };
        self.rpc.get_or_try_init(make).await.cloned()
    }

    /// Lets a call be carried out by a thread of the node, which no other call has until what is returned is dropped.
    async fn enter<'a>(
        &self,
        lane: &'a Lane,
        mut context: context::Builder<'_>,
    ) -> Result<tokio::sync::MutexGuard<'a, Option<thread::Client>>, IpcError> {
        let mut held = lane.thread.lock().await;
        if held.is_none() {
            let mut request = self.threads().await?.make_thread_request();
            request.get().set_name(lane.name);
            let answer = request.send().promise.await.map_err(|error| self.failed("makeThread", error))?;
            let thread = answer.get().and_then(make_thread_results::Reader::get_result);
            *held = Some(thread.map_err(|error| self.failed("makeThread", error))?);
        }
        if let Some(thread) = &*held {
            context.set_thread(thread.clone());
        }
        Ok(held)
    }

    async fn threads(&self) -> Result<&thread_map::Client, IpcError> {
        let make = || async {
            let answer = self.init.construct_request().send().promise.await.map_err(|error| match error.kind {
                ErrorKind::Disconnected => self.lost(),
                _ => self.foreign(error),
            })?;
            answer.get().and_then(construct_results::Reader::get_thread_map).map_err(|error| self.foreign(error))
        };
        self.threads.get_or_try_init(make).await
    }

    fn lost(&self) -> IpcError {
        IpcError::Lost { socket: self.socket.clone() }
    }

    fn foreign(&self, error: capnp::Error) -> IpcError {
        IpcError::Foreign { socket: self.socket.clone(), what: brief(error) }
    }

    fn failed(&self, call: &'static str, error: capnp::Error) -> IpcError {
        match error.kind {
            ErrorKind::Disconnected => self.lost(),
            _ => IpcError::Failed { socket: self.socket.clone(), call, what: brief(error) },
        }
    }
}

/// The text of an error, as far as it is not absurd.
fn brief(error: capnp::Error) -> String {
    error.extra.chars().take(200).collect()
}

fn tip(block: crate::node_capnp::block_ref::Reader<'_>) -> Result<Tip, capnp::Error> {
    let hash = block.get_hash()?;
    let hash = hash.try_into().map_err(|_| capnp::Error::failed(format!("a hash of {} bytes", hash.len())))?;
    Ok(Tip { hash, height: block.get_height() })
}

fn answer<T>(reply: Reply<T>, result: Result<T, IpcError>) {
    // Who asked may have gone.
    let _ = reply.send(result);
}
