//! What a client wants.

use event::{Kind, subject};
use serde::Deserialize;

/// What a client subscribed to: nothing, until it says so. What it leaves out it does not want, and keys that we do not know mean nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Subscription {
    ebpf: Tracepoints,
    p2p: bool,
    log: bool,
    rpc: bool,
    ipc: bool,
}

/// The events of tracepoints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Tracepoints {
    messages: bool,
    mempool: bool,
    validation: bool,
    connections: bool,
}

impl Subscription {
    /// Whether events of a kind are wanted.
    pub fn has(&self, kind: Kind) -> bool {
        match subject::token(kind) {
            "netmsg" => self.ebpf.messages,
            "netconn" => self.ebpf.connections,
            "mempool" => self.ebpf.mempool,
            "validation" => self.ebpf.validation,
            "rpc" => self.rpc,
            "p2p-extractor" => self.p2p,
            "log-extractor" => self.log,
            "ipc" => self.ipc,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_not_wanted() {
        let kinds = [Kind::Message, Kind::ClosedConnection, Kind::MempoolAdded, Kind::BlockConnected, Kind::Uptime];
        for (text, wanted) in [
            ("{}", [false; 5]),
            (r#"{"ebpf":{"messages":true},"new":{"a":1}}"#, [true, false, false, false, false]),
            (r#"{"ebpf":{"connections":true,"mempool":true},"rpc":true}"#, [false, true, true, false, true]),
            (r#"{"ebpf":{"validation":true},"p2p":true,"log":true}"#, [false, false, false, true, false]),
        ] {
            let subscription: Subscription = serde_json::from_str(text).unwrap();
            assert_eq!(kinds.map(|kind| subscription.has(kind)), wanted, "{text}");
        }
        let all = r#"{"p2p":true,"log":true,"ipc":true}"#;
        let all: Subscription = serde_json::from_str(all).unwrap();
        assert!([Kind::PingDuration, Kind::UpdateTip, Kind::BlockTip].into_iter().all(|kind| all.has(kind)));
        assert!(!all.has(Kind::Status), "others have no such kind");
    }
}
