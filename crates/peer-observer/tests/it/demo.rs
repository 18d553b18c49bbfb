//! The demo ends by itself, with a summary and nothing left behind.

use extractor_ebpf::kernel::KernelSupport;

use super::process::end_of;

#[tokio::test]
async fn demo() {
    let Some(bitcoind) = testbed::require_bitcoind() else { return };
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let ended = end_of(&["demo", "--duration", "5", "--nodes", "2", "--dir", folder]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("\nlost: 0\n"), "{}", ended.stdout);
    let banner = ["  pages     http://127.0.0.1:", "  metrics   http://127.0.0.1:", "alice, bob\n"];
    for word in banner.into_iter().chain(["peer_infos", "update_tip", "Events by node, source and kind"]) {
        assert!(ended.stdout.contains(word), "no {word}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("getpeerinfo"), "events are not printed: {}", ended.stdout);
    let traced = extractor_ebpf::tracepoints_of(&bitcoind).is_ok_and(|found| found.contains("net:inbound_message"));
    let followed = traced && KernelSupport::this().obstacle().is_none();
    assert_eq!(ended.stdout.contains("\n  ebpf "), followed, "{}", ended.stdout);
    // That there are no messages comes first, with what doctor says of it.
    let first =
        ended.stdout.trim_start().starts_with("No tracepoints of alice, bob, so that no P2P message is seen:\n");
    assert_eq!(first, !followed, "{}", ended.stdout);
    assert!(traced || ended.stdout.contains("\n      cmake -B build -DWITH_USDT=ON\n"), "{}", ended.stdout);
    assert_eq!(
        ended.stderr.matches("the demo goes on without ebpf: tracepoints are not followed: ").count(),
        usize::from(!followed)
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
}
