//! Bad input: one clear sentence, the right exit code.

use std::io::Write;

use super::process::{command, end_of, end_of_command};

#[tokio::test]
async fn each_mistake_has_its_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let config = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let unknown_key = config("key.toml", "[bus]\nnatz = \"nats://x\"\n");
    let unknown_section = config("section.toml", "\n[metrcs]\n");
    let misplaced_key = config("misplaced.toml", "nats = \"nats://x\"\n");
    let unknown_tool = config("tool.toml", "tools = [\n  \"watch\",\n  \"metric\",\n]\n");
    let unknown_extractor = config("extractor.toml", "[[node]]\nname = \"a\"\nextract = [\"rpcs\"]\n");
    let unknown_value = config("variant.toml", "[watch]\noutput = \"jsn\"\n");
    let bad_value = config("value.toml", "[rpc]\ntimeout = \"soon\"\n");
    let bad_method = config("method.toml", "[rpc.interval]\ngetpeerinfos = \"5s\"\n");
    let twice = config("twice.toml", "[[node]]\nname = \"a\"\n[[node]]\nname = \"a\"\n");
    let nameless = config("nameless.toml", "[[node]]\nname = \"a\"\n[[node]]\nchain = \"regtest\"\n");
    let bad_capture = config("capture.toml", "[ebpf]\ncapture = {block = \"most\"}\n");
    // A program without tracepoints: our own.
    let own = env!("CARGO_BIN_EXE_peer-observer");
    let node_key = config("node.toml", "[[node]]\nnmae = \"a\"\n");
    let cases: &[(&[&str], &[&str])] = &[
        (&["run", "--config", "/nonexistent.toml"], &["/nonexistent.toml", "cannot read"]),
        (&["run", "--config", &unknown_key], &["key.toml", "line 2", "natz", "did you mean `nats`?"]),
        (&["run", "--config", &unknown_section], &["section.toml", "line 2", "did you mean `metrics`?"]),
        (&["run", "--config", &misplaced_key], &["misplaced.toml", "line 1", "`nats` belongs in the section [bus]"]),
        (
            &["run", "--config", &unknown_tool],
            &["tool.toml", "line 3", "no tool \"metric\"; did you mean \"metrics\"?"],
        ),
        (&["run", "--config", &unknown_extractor], &["line 3", "no extractor \"rpcs\"; did you mean \"rpc\"?"]),
        (&["run", "--config", &unknown_value], &["variant.toml", "watch.output", "line 2", "did you mean `json`?"]),
        (&["run", "--config", &node_key], &["node.toml", "nmae", "did you mean `name`?"]),
        (&["run", "--config", &bad_value], &["rpc.timeout", "\"soon\"", "10s"]),
        (&["run", "--config", &bad_method], &["line 2", "getpeerinfos", "did you mean \"getpeerinfo\"?"]),
        (&["run", "--rpc-interval", "getpeerinfo"], &["--rpc-interval", "getpeerinfo=5s"]),
        (&["run", "--config", &twice], &["two nodes", "\"a\""]),
        (&["run", "--config", &nameless], &["node 2", "no name"]),
        (&["run", "--config", &twice, "--datadir", "/x"], &["2 nodes", "[[node]]"]),
        (&["run", "--name", "a.b"], &["a.b"]),
        (&["run", "--chain", "mainet"], &["mainet", "main"]),
        (&["run", "--kind", "misbehavin"], &["misbehavin", "did you mean \"misbehaving\"?"]),
        (&["run", "--kind", "xyz"], &["xyz", "there are: ", "peer_infos"]),
        (&["watch", "--message", "inv,invv"], &["invv", "did you mean \"inv\"?", "=invv"]),
        (&["run", "--tools", "wach"], &["wach", "similar", "'watch'"]),
        (&["run", "--metrics-lisen", "127.0.0.1:1"], &["--metrics-lisen", "'--metrics-listen'"]),
        (&["run", "--addr", "1.2.3"], &["1.2.3", "10.0.0.0/8"]),
        (&["run", "--since", "yesterday"], &["yesterday", "10m"]),
        (&["run", "--direction", "up"], &["up", "inbound"]),
        (&["run", "--nats", "nats://h", "--nats-user", "u"], &["nats_user", "nats_password"]),
        (&["watch", "--nats", "nats://not a host"], &["nats://127.0.0.1:4222"]),
        (&["run", "--nats", "foo://x"], &["foo://", "nats://127.0.0.1:4222", "tls://"]),
        (&["extract", "rpc", "--ring-size", "8MiB"], &["--ring-size", "ebpf extractor"]),
        (&["extract", "log", "--once", "/nonexistent.log", "-o", "json"], &["/nonexistent.log"]),
        (&["extract", "rpc", "--from-start"], &["--from-start", "log extractor"]),
        (
            &["run", "--tracepoints", "net,mempool:add"],
            &["--tracepoints", "\"mempool:add\"", "did you mean \"mempool:added\"?"],
        ),
        (&["demo", "--tracepoints", "net,-net"], &["--tracepoints", "no tracepoint is left"]),
        (&["watch", "--capture", "block"], &["--capture", "\"block\"", "block=full"]),
        (&["run", "--capture", "getcfheaderss=5"], &["--capture", "getcfheaderss", "12 characters"]),
        (&["run", "--ring-size", "33MiB"], &["--ring-size", "33MiB", "power of two", "64MiB"]),
        (&["run", "--ring-size", "2GiB"], &["--ring-size", "4MiB to 1GiB", "8MiB"]),
        (&["run", "--config", &bad_capture], &["ebpf.capture", "block=most", "block=full"]),
        (&["extract", "ebpf", "--binary", "/nonexistent"], &["/nonexistent", "does not exist"]),
        (&["extract", "ebpf", "--binary", "/"], &["cannot read the tracepoints of /"]),
        (&["extract", "ebpf", "--binary", own], &[own, "has no tracepoints", "bitcoincore.org", "-DWITH_USDT=ON"]),
        (&["extract", "ebpf", "--all", "--binary", own], &[own, "has no tracepoints", "-DWITH_USDT=ON"]),
        (&["extract", "ebpf", "--all", "--pid", "1"], &["--all", "--pid"]),
        (&["extract", "rpc", "--all"], &["--all", "ebpf extractor"]),
        (&["extract", "ebpf", "--rpc", "[100::1]:8332"], &["on another machine", "peer-observer extract ebpf there"]),
    ];
    for (args, words) in cases {
        let ended = end_of(args).await;
        assert_eq!(ended.code, 2, "{args:?}: {}", ended.stderr);
        for word in *words {
            assert!(ended.stderr.contains(word), "{args:?} does not say {word:?}: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("panicked"), "{args:?}: {}", ended.stderr);
        let events = ended.stdout.lines().filter(|line| !line.contains(r#""kind":"status""#));
        assert_eq!(events.count(), 0, "{args:?}: {}", ended.stdout);
    }
}

#[tokio::test]
async fn a_truncated_archive_is_reported_and_the_other_files_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let line = "2026-01-31T12:00:00.123456Z [msghand] [net] Misbehaving: peer=1: mutated block\n";
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for n in 0..20_000 {
        writeln!(gz, "2026-01-31T12:00:00.{n:06}Z [msghand] [net] number {n}").unwrap();
    }
    let bytes = gz.finish().unwrap();
    let (cut, whole) = (dir.path().join("cut.log.gz"), dir.path().join("whole.log"));
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    std::fs::write(&whole, line.repeat(10)).unwrap();
    let args = ["extract", "log", "--once", cut.to_str().unwrap(), whole.to_str().unwrap(), "-o", "json"];
    let ended = end_of_command(command(&args), b"").await;
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("cut.log.gz"), "{}", ended.stderr);
    assert_eq!(ended.stdout.matches(r#""kind":"misbehaving""#).count(), 10);
    assert!(ended.stdout.contains("number 1"), "what could be read of the other file is there");
}
