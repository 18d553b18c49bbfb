//! The demo ends by itself, with a summary and nothing left behind.

use super::process::end_of;

#[tokio::test]
async fn demo() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let ended = end_of(&["demo", "--duration", "5", "--nodes", "2", "--dir", folder]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("\nlost: 0\n"), "{}", ended.stdout);
    for word in ["alice", "bob", "peer_infos", "update_tip", "Events by node, source and kind"] {
        assert!(ended.stdout.contains(word), "no {word}: {}", ended.stdout);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
}
