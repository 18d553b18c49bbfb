//! The methods that are polled: one table, from which options, polling and documentation follow.

use std::pin::Pin;
use std::time::Duration;

use event::pb::rpc_extractor::rpc::RpcEvent;
use node::rpc::RpcError;

use crate::convert;
use crate::poll::Call;

/// For what changes all the time.
const OFTEN: Duration = Duration::from_secs(10);

/// For what changes when an operator changes it.
const SOMETIMES: Duration = Duration::from_secs(60);

/// For what changes slowly, or costs the node something.
const SELDOM: Duration = Duration::from_secs(300);

type Poll = for<'a> fn(&'a Call<'a>) -> Pin<Box<dyn Future<Output = Result<(), RpcError>> + Send + 'a>>;

/// A method that is polled.
pub(crate) struct Method {
    /// Its name at the node.
    pub name: &'static str,
    /// How often it is polled by default.
    pub interval: Duration,
    /// Calls it and publishes its answer as an event.
    pub poll: Poll,
}

/// All of them.
pub(crate) const METHODS: &[Method] = &[
    Method { name: "getpeerinfo", interval: OFTEN, poll: |c| Box::pin(c.ask([], convert::peer_infos)) },
    Method { name: "getmempoolinfo", interval: OFTEN, poll: |c| Box::pin(c.ask([], convert::mempool_info)) },
    Method { name: "uptime", interval: OFTEN, poll: |c| Box::pin(c.ask([], convert::uptime)) },
    Method { name: "getnettotals", interval: OFTEN, poll: |c| Box::pin(c.ask([], convert::net_totals)) },
    Method { name: "getmemoryinfo", interval: OFTEN, poll: |c| Box::pin(c.ask([], convert::memory_info)) },
    Method { name: "getaddrmaninfo", interval: OFTEN, poll: |c| Box::pin(c.ask([], convert::addrman_info)) },
    Method { name: "getnetworkinfo", interval: OFTEN, poll: |c| Box::pin(c.ask([], convert::network_info)) },
    Method { name: "getblockchaininfo", interval: OFTEN, poll: |c| Box::pin(c.ask([], convert::blockchain_info)) },
    // Verbosity 2: with the transactions themselves.
    Method { name: "getorphantxs", interval: OFTEN, poll: |c| Box::pin(c.ask([2.into()], convert::orphan_txs)) },
    // Without parameters it changes nothing.
    Method { name: "logging", interval: SOMETIMES, poll: |c| Box::pin(c.ask([], convert::logging)) },
    Method { name: "getchaintxstats", interval: SELDOM, poll: |c| Box::pin(c.ask([], convert::chain_tx_stats)) },
    Method { name: "getrawaddrman", interval: SELDOM, poll: |c| Box::pin(c.ask([], convert::addrman)) },
    Method { name: "estimatesmartfee", interval: SELDOM, poll: |c| Box::pin(fees(c)) },
];

/// The methods that can be polled, and how often each is by default: for help texts, and for those who write the node's `rpcwhitelist`.
pub fn methods() -> impl Iterator<Item = (&'static str, Duration)> {
    METHODS.iter().map(|method| (method.name, method.interval))
}

/// Calls `estimatesmartfee` for each target in each mode, one after the other.
async fn fees(call: &Call<'_>) -> Result<(), RpcError> {
    let options = call.options();
    for &target in &options.fee_targets {
        for &mode in &options.fee_modes {
            let params = [target.into(), mode.as_str_name().to_lowercase().into()];
            let event = move |fee| RpcEvent::EstimateSmartFee(convert::smart_fee(fee, target, mode));
            call.ask(params, event).await?;
        }
    }
    Ok(())
}
