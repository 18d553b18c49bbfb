//! The polling of one method: its calls, what they count, and what is logged when they fail.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bus::Publisher;
use bus::counters::{RPC_CALLS, RPC_ERRORS, RPC_SECONDS};
use event::pb::rpc_extractor::Rpc;
use event::pb::rpc_extractor::rpc::RpcEvent;
use event::{Body, time};
use node::rpc::{RpcClient, RpcError};
use parking_lot::Mutex;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::method::Method;
use crate::options::Options;

/// Pause between the first calls of two methods. All at once would fill half of the node's work queue (`rpcworkqueue`).
const STAGGER: Duration = Duration::from_millis(20);

/// How long to wait when the node answers that it is starting.
const WARM_UP: Duration = Duration::from_millis(250);

/// The polling of one run of the node.
pub(crate) struct Session {
    pub client: Arc<RpcClient>,
    pub options: Arc<Options>,
    pub publisher: Publisher,
    pub warnings: Arc<Warnings>,
    /// Takes failures after which the node may be away. It has room for one, which is enough.
    pub doubts: mpsc::Sender<Doubt>,
    pub stop: CancellationToken,
}

/// A call failed as it does when the node is away.
pub(crate) struct Doubt {
    pub method: &'static str,
    pub error: RpcError,
}

/// Warnings about methods. The last trouble with each is remembered, so that the same one is logged once, whatever the node's runs.
#[derive(Default)]
pub(crate) struct Warnings(Mutex<HashMap<&'static str, String>>);

impl Warnings {
    pub(crate) fn failed(&self, node: &str, method: &'static str, error: &RpcError) {
        // Not the whole text, parts of which may change each time.
        let trouble = match error {
            RpcError::Node { code, .. } => format!("node {code}"),
            error => error.kind().to_owned(),
        };
        if self.0.lock().insert(method, trouble.clone()).is_none_or(|last| last != trouble) {
            warn!("node {node}: {error} (logged once)");
        }
    }

    fn worked(&self, node: &str, method: &'static str) {
        if self.0.lock().remove(method).is_some() {
            info!("node {node}: {method} works again");
        }
    }
}

impl Session {
    /// Starts a task for each method.
    pub(crate) fn start(self: &Arc<Self>) -> JoinSet<()> {
        let mut polls = JoinSet::new();
        let mut first = Instant::now();
        for (method, every) in self.options.polled() {
            polls.spawn(bus::task::named(method.name, Arc::clone(self).poll(method, first, every)));
            first += STAGGER;
        }
        polls
    }

    /// Polls a method until the node or the program stops, or the node does not have the method.
    async fn poll(self: Arc<Self>, method: &'static Method, first: Instant, every: Duration) {
        let call = Call { session: &self, method: method.name };
        let node = self.publisher.node();
        let mut ticks = interval_at(first, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while self.stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let mut outcome = (method.poll)(&call).await;
            while matches!(outcome, Err(RpcError::WarmingUp { .. })) {
                let Some(()) = self.stop.run_until_cancelled(sleep(WARM_UP)).await else { return };
                outcome = (method.poll)(&call).await;
            }
            match outcome {
                Ok(()) if self.stop.is_cancelled() => return,
                Ok(()) => self.warnings.worked(node, method.name),
                // Nothing but a restart of the node changes that, and the node logs each forbidden call.
                Err(error @ (RpcError::NoMethod { .. } | RpcError::Forbidden { .. })) => {
                    self.warnings.failed(node, method.name, &error);
                    return;
                }
                Err(error) if error.is_away() => {
                    let _ = self.doubts.try_send(Doubt { method: method.name, error });
                }
                Err(error) => self.warnings.failed(node, method.name, &error),
            }
        }
    }
}

/// How a method is called.
pub(crate) struct Call<'a> {
    session: &'a Session,
    method: &'static str,
}

impl Call<'_> {
    pub(crate) fn options(&self) -> &Options {
        &self.session.options
    }

    /// Calls the method and publishes what `event` makes of its answer. Returns early, with success, when the session stops.
    ///
    /// # Errors
    /// The call failed.
    pub(crate) async fn ask<T: DeserializeOwned + Send + 'static, const N: usize>(
        &self,
        params: [Value; N],
        event: impl FnOnce(T) -> RpcEvent,
    ) -> Result<(), RpcError> {
        let Session { client, options, publisher, stop, .. } = self.session;
        let started = Instant::now();
        let answer = stop.run_until_cancelled(client.call(self.method, &params, options.timeout)).await;
        let Some(answer) = answer else { return Ok(()) };
        let answered = time::now_ns();
        let accounts = publisher.accounts();
        // That a node which starts cannot answer yet is no failure.
        if !matches!(answer, Err(RpcError::WarmingUp { .. })) {
            accounts.count(&RPC_CALLS, [self.method]).add(1.0);
            accounts.count(&RPC_SECONDS, [self.method]).add(started.elapsed().as_secs_f64());
        }
        match &answer {
            Ok(_) | Err(RpcError::WarmingUp { .. }) => {}
            Err(error) => accounts.count(&RPC_ERRORS, [self.method, error.kind()]).add(1.0),
        }
        let body = Body::RpcExtractor(Rpc { rpc_event: Some(event(answer?)) });
        publisher.publish(answered, body).await;
        Ok(())
    }
}
