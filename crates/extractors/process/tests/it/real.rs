//! Real nodes.

use std::path::Path;

use event::time;
use node::Target;
use testbed::{Node, log};

use crate::{observe, threads};

#[tokio::test]
async fn a_node_that_is_restarted() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let before = time::now_ns();
    let node = Node::builder().start().await.unwrap();
    let target = Target { datadir: Some(node.datadir().to_owned()), ..Target::default() };
    let mut observed = observe("real", Path::new("/"), target);
    let (_, state) = observed.next_with(|state| state.directories.len() >= 2).await;
    assert_eq!(Some(state.pid), node.pid());
    for name in ["b-msghand", "b-net", "b-scheduler"] {
        assert_eq!(threads(&state, name).unwrap().0, 1, "{name} of {:?}", state.threads);
    }
    // To a few hundredths of a second.
    assert!(state.started_ns > before - 200_000_000 && state.started_ns < time::now_ns(), "{}", state.started_ns);
    let memory = state.memory.unwrap();
    assert!(memory.resident > 1 << 20 && memory.anonymous > 0 && memory.r#virtual > memory.resident, "{memory:?}");
    assert!(state.open_files.unwrap() > 10 && state.max_open_files >= state.open_files, "{state:?}");
    assert!(state.written_bytes.is_some() && state.major_faults.is_some(), "{state:?}");
    let disk = &state.filesystems[0];
    assert!(disk.name == "datadir" && disk.available > 0 && disk.size >= disk.available, "{disk:?}");
    let blocks = state.directories.iter().find(|directory| directory.name == "blocks").unwrap();
    assert!(blocks.files >= 2 && blocks.bytes > 0 && !blocks.partial, "{blocks:?}");

    // Work shows at the thread that does it, or one that did it and has ended.
    let log_bytes = state.debug_log_bytes.unwrap();
    let cpu = |state: &event::pb::observer::NodeProcess| {
        state.threads.iter().map(|threads| threads.cpu_user_seconds + threads.cpu_system_seconds).sum::<f64>()
    };
    node.mine(100).await.unwrap();
    let (record, _) =
        observed.next_with(|later| cpu(later) >= cpu(&state) + 0.02 && later.debug_log_bytes > Some(log_bytes)).await;
    let first = record.envelope().run;

    node.kill().await.unwrap();
    node.start().await.unwrap();
    let (record, again) = observed.next_with(|later| later.pid != state.pid).await;
    assert!(record.envelope().run != first && record.envelope().sequence == 1, "{:?}", record.envelope());
    assert!(Some(again.pid) == node.pid() && again.started_ns > state.started_ns, "{again:?}");
    observed.stop().await;
    assert_eq!(log::lines(&["WARN", "node real:"]), [""; 0]);
}
