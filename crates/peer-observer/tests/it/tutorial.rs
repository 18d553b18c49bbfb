//! docs/development.md shows how a tool and an extractor are added. `examples/tutorial.rs` is its code: here it is compared and run.

use std::fs;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::cli::SAMPLES;
use super::process::{Ended, Running, command_of, end_of_command};

/// The program with one more tool and one more extractor. cargo builds it with the tests, except if asked for some of them only.
fn program() -> PathBuf {
    let folder = Path::new(env!("CARGO_BIN_EXE_peer-observer")).parent().unwrap();
    let program = folder.join("examples/tutorial");
    assert!(program.is_file(), "first run: cargo build -p peer-observer --example tutorial");
    program
}

fn command(args: &[&str]) -> Command {
    command_of(&program(), args)
}

async fn end_of(args: &[&str]) -> Ended {
    end_of_command(command(args), b"").await
}

#[test]
fn the_manual_has_the_code_that_is_tested() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let code = fs::read_to_string(root.join("examples/tutorial.rs")).unwrap();
    let manual = fs::read_to_string(root.join("../../docs/development.md")).unwrap();
    let unindented = |text: &str| text.lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let code = unindented(&code);
    let blocks: Vec<&str> = manual.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 6, "{}", blocks.len());
    for block in blocks {
        assert!(code.contains(&unindented(block)), "not in examples/tutorial.rs:\n{block}");
    }
}

#[tokio::test]
async fn a_row_gives_a_command_and_options() {
    let help = |command: &'static str| async move {
        let args: Vec<_> = [command, "--help"].into_iter().filter(|arg| !arg.is_empty()).collect();
        end_of(&args).await.stdout
    };
    let commands = help("").await;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let row = "tally Count events: from NATS, from standard input, or live";
    assert!(commands.lines().any(|line| words(line) == row), "{commands}");
    let options = [
        "--tally-step <NUMBER>",
        "[env: PEER_OBSERVER_TALLY_STEP]",
        "[default: 100]",
        "Tally:",
        "--pulse-every <DURATION>",
    ];
    for command in ["tally", "run", "metrics", "demo"] {
        let help = help(command).await;
        let missing: Vec<_> = options.iter().filter(|option| !help.contains(**option)).collect();
        assert!(missing.is_empty(), "{command}: {missing:?}: {help}");
    }
    let run = words(&help("run").await);
    assert!(run.contains("- tally: Counts events") && run.contains("- pulse: Nothing: how long"), "{run}");
    assert!(help("extract").await.contains("- pulse:"));
}

#[tokio::test]
async fn its_options_come_from_files_then_the_environment_then_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("peer-observer.toml");
    let path = config.to_str().unwrap();
    fs::write(&config, "[tally]\nstep = 7\n[pulse]\nevery = \"20ms\"\n").unwrap();
    let mut command = command(&["run", "--config", path, "--print-config"]);
    let ended = end_of_command(command, b"").await;
    let has = |text: &str, line: &str| {
        let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.lines().any(|printed| plain(printed) == line), "{line}: {text}");
    };
    has(&ended.stdout, &format!("every = \"20ms\" # {path}"));
    has(&ended.stdout, &format!("step = 7 # {path}"));
    command = self::command(&["tally", "--config", path, "--print-config", "--pulse-every", "2s"]);
    command.env("PEER_OBSERVER_TALLY_STEP", "5");
    let ended = end_of_command(command, b"").await;
    has(&ended.stdout, "every = \"2s\" # --pulse-every");
    has(&ended.stdout, "step = 5 # PEER_OBSERVER_TALLY_STEP");

    for (text, words) in [
        ("[tally]\nstepp = 7\n", ["line 2", "`stepp`", "`step`"]),
        ("[pulse]\nevery = \"often\"\n", ["line 2", "pulse.every", "10s"]),
        ("[talley]\nstep = 7\n", ["line 1", "`talley`", "tally"]),
        ("[tally]\nstep = 0\n", ["tally.step = 0", "1 or more", ""]),
        ("extract = [\"puls\"]\n", ["there is no extractor", "\"puls\"", "pulse"]),
    ] {
        fs::write(&config, text).unwrap();
        let ended = end_of(&["run", "--config", path, "--rpc", "[100::1]:8332"]).await;
        assert_eq!(ended.code, 2, "{text}: {}", ended.stderr);
        assert!(words.iter().all(|word| ended.stderr.contains(word)), "{text}: {}", ended.stderr);
    }
}

/// A node that is nowhere is enough for an extractor that does not look for it.
const NODE: &str = "[pulse]\nevery = \"10ms\"\n[[node]]\nname = \"alice\"\nrpc = \"[100::1]:8332\"\n";

#[tokio::test]
async fn it_runs_and_has_its_account() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("peer-observer.toml");
    let path = config.to_str().unwrap();
    fs::write(&config, format!("[tally]\nstep = 5\n[metrics]\nlisten = \"127.0.0.1:0\"\n{NODE}")).unwrap();
    // Started by its section, as metrics is.
    let program = Running::start_command(command(&["run", "--config", path, "--extract", "pulse"]));
    program.wait_until_logged("tally: 10 events").await;
    let address = super::metrics::address_of(&program).await;
    let account = "peerobserver_stage_events_total{stage=\"tally\"";
    super::metrics::wait_for_line(&address, account).await;
    program.signal("-TERM");
    let (status, stderr) = program.end().await;
    assert!(status.success() && stderr.contains("events in all") && stderr.contains("lost no events"), "{stderr}");

    // As processes of their own.
    let mut extractor = Running::start_command(command(&["extract", "pulse", "--config", path, "-o", "json"]));
    let event = extractor.wait_for("a pulse", |event| event["kind"] == "uptime").await;
    assert_eq!(event["node"], "alice");
    extractor.signal("-TERM");
    assert!(extractor.end().await.0.success());
    let ended = end_of_command(command(&["tally", "--stdin"]), SAMPLES.as_bytes()).await;
    let all = format!("tally: {} events in all", SAMPLES.lines().count());
    assert!(ended.code == 0 && ended.stderr.contains(&all), "{}", ended.stderr);
}

#[tokio::test]
async fn the_demo_has_it() {
    if testbed::require_bitcoind().is_none() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let args = ["demo", "--duration", "4", "--nodes", "2", "--dir", dir.path().to_str().unwrap(), "-o", "json"];
    let ended = end_of(&args).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("tally: 100 events"), "{}", ended.stderr);
}
