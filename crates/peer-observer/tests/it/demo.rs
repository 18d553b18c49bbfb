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
    // What a tracepoint points to may have been paged out by a machine that is short of memory. That is reported, and rare.
    let (lost, total) = (number(&ended.stdout, "\nlost: "), number(&ended.stdout, "\ntotal: "));
    assert_eq!(lost, reported(&ended.stderr), "{}{}", ended.stdout, ended.stderr);
    assert!(lost * 1_000 <= total, "{}{}", ended.stdout, ended.stderr);
    let banner = ["  pages     http://127.0.0.1:", "  metrics   http://127.0.0.1:", "alice, bob\n"];
    for word in
        banner.into_iter().chain(["peer_infos", "update_tip", "ping_duration", "Events by node, source and kind"])
    {
        assert!(ended.stdout.contains(word), "no {word}: {}", ended.stdout);
    }
    assert!(!ended.stdout.contains("getpeerinfo"), "events are not printed: {}", ended.stdout);
    let traced = extractor_ebpf::tracepoints_of(&bitcoind).is_ok_and(|found| found.contains("net:inbound_message"));
    let followed = traced && KernelSupport::this().obstacle().is_none();
    assert_eq!(ended.stdout.contains("\n  ebpf "), followed, "{}", ended.stdout);
    // That there are none comes first, with what doctor reports of it.
    let why = "No tracepoints of alice, bob, so that what messages contain is not seen:\n";
    let first = ended.stdout.trim_start().starts_with(why);
    assert_eq!(first, !followed, "{}", ended.stdout);
    assert!(traced || ended.stdout.contains("\n      cmake -B build -DWITH_USDT=ON\n"), "{}", ended.stdout);
    assert_eq!(
        ended.stderr.matches("the demo goes on without ebpf: tracepoints are not followed: ").count(),
        usize::from(!followed)
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "nothing is left behind");
}

/// The number after a text.
fn number(text: &str, before: &str) -> u64 {
    let rest = text.split_once(before).expect(before).1;
    rest.split_whitespace().next().unwrap().parse().unwrap()
}

/// How many events the log reports as lost, at all stages.
fn reported(log: &str) -> u64 {
    let losses = log.lines().filter(|line| line.contains(" events at "));
    losses.map(|line| number(line, " lost ")).sum()
}
