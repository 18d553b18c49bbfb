//! What the command line looks like, and the forms in which events go in and out.

use tokio::process::Command;

use super::process::{command, end_of, end_of_command};

/// Every kind of event, as the event crate's own golden file has it.
pub const SAMPLES: &str = include_str!("../../../event/tests/it/samples.jsonl");

async fn help_of(args: &[&str], columns: u16) -> String {
    let mut command = command(args);
    command.env("COLUMNS", columns.to_string());
    let ended = end_of_command(command, b"").await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.stdout
}

#[tokio::test]
async fn help() {
    for name in ["", "run", "watch", "top", "metrics", "connectivity", "archive", "extract", "doctor", "demo"] {
        let args: Vec<_> = [name, "--help"].into_iter().filter(|arg| !arg.is_empty()).collect();
        insta::assert_snapshot!(format!("help_{name}"), help_of(&args, 110).await);
    }
}

#[tokio::test]
async fn short_help_fits_on_a_screen() {
    for name in ["run", "watch", "metrics", "web", "extract", "doctor", "demo"] {
        let help = help_of(&[name, "-h"], 100).await;
        assert!(help.lines().count() <= 40, "{help}");
        assert!(help.contains("see more with '--help'") && !help.contains("PEER_OBSERVER"), "{help}");
    }
    insta::assert_snapshot!("short_help_run", help_of(&["run", "-h"], 100).await);
}

#[tokio::test]
async fn the_version_names_the_commit() {
    let version = end_of(&["--version"]).await.stdout;
    let (number, commit) = version.trim().rsplit_once(' ').unwrap();
    assert_eq!(number, concat!("peer-observer ", env!("CARGO_PKG_VERSION")));
    let commit = commit.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap();
    assert!(commit.len() == 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()), "{version}");
}

#[tokio::test]
async fn shells_and_man_know_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    assert_eq!(end_of(&["man", folder]).await.code, 0);
    let page = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap().replace('\\', "");
    let run = page("peer-observer-run.1");
    for words in ["--metrics-listen", "PEER_OBSERVER_METRICS_LISTEN", "127.0.0.1:8282", "--check"] {
        assert!(run.contains(words), "{words}: {run}");
    }
    assert!(end_of(&["man"]).await.stdout.contains("peer-observer") && page("peer-observer.1").contains("doctor"));
    for shell in ["bash", "zsh", "fish"] {
        let script = end_of(&["completions", shell]).await.stdout;
        assert!(script.contains("metrics-listen") && script.contains("doctor"), "{shell}");
    }
    let script = end_of(&["completions", "bash"]).await.stdout;
    let function = script.split_once("complete -F ").and_then(|(_, rest)| rest.split_whitespace().next()).unwrap();
    let test = format!(
        "{script}\nCOMP_WORDS=(peer-observer run --metrics-l); COMP_CWORD=2; {function} peer-observer --metrics-l run; echo \"${{COMPREPLY[@]}}\""
    );
    let file = dir.path().join("test.sh");
    std::fs::write(&file, test).unwrap();
    let output = Command::new("bash").arg(file).output().await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "--metrics-listen", "{output:?}");
}

#[tokio::test]
async fn events_go_through_each_form_unchanged() {
    let mut samples: Vec<&str> = SAMPLES.lines().collect();
    let json = |ended: &str| ended.lines().map(str::to_owned).collect::<Vec<_>>();
    let ended = end_of_command(command(&["watch", "--stdin", "-o", "json"]), SAMPLES.as_bytes()).await;
    assert_eq!((ended.code, json(&ended.stdout)), (0, samples.iter().map(|s| (*s).to_owned()).collect()));

    let mut to_protobuf = command(&["watch", "--stdin", "-o", "protobuf"]);
    let output = {
        use tokio::io::AsyncWriteExt;
        let mut child = to_protobuf.stdin(std::process::Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        tokio::spawn(async move { input.write_all(SAMPLES.as_bytes()).await });
        child.wait_with_output().await.unwrap().stdout
    };
    let ended = end_of_command(command(&["watch", "--stdin", "-o", "json"]), &output).await;
    assert_eq!((ended.code, ended.stdout.lines().collect::<Vec<_>>()), (0, samples.clone()), "{}", ended.stderr);

    let filtered = ["watch", "--stdin", "-o", "json", "--kind", "rpc", "--kind", "update_tip"];
    let ended = end_of_command(command(&filtered), SAMPLES.as_bytes()).await;
    samples.retain(|line| line.contains(r#""source":"rpc""#) || line.contains(r#""kind":"update_tip""#));
    assert_eq!(ended.stdout.lines().collect::<Vec<_>>(), samples);
}

#[tokio::test]
async fn what_is_no_event_is_skipped_and_logged() {
    let mixed = format!(
        "{}\nnonsense\n{{\"kind\":\"lost\"}}\n{}\n",
        SAMPLES.lines().next().unwrap(),
        SAMPLES.lines().last().unwrap()
    );
    let ended = end_of_command(command(&["watch", "--stdin"]), mixed.as_bytes()).await;
    assert_eq!((ended.code, ended.stdout.lines().count()), (0, 2));
    assert!(ended.stderr.contains("skipped 1 record"), "{}", ended.stderr);

    let ended = end_of_command(command(&["watch", "--stdin"]), b"nonsense\nmore of it\n").await;
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("neither events as JSON lines nor as protobuf"), "{}", ended.stderr);
}

/// The lines of `--print-config`: key, value, and where it comes from, with their section.
async fn printed(mut command: Command) -> Vec<String> {
    command.arg("--print-config");
    let ended = end_of_command(command, b"").await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(toml::from_str::<toml::Table>(&ended.stdout).is_ok(), "{}", ended.stdout);
    let mut section = String::new();
    let mut lines = Vec::new();
    for line in ended.stdout.lines().filter(|line| !line.is_empty()) {
        if line.starts_with('[') {
            section = line.split_whitespace().next().unwrap().to_owned();
        }
        lines.push(format!("{section} {}", line.split_whitespace().collect::<Vec<_>>().join(" ")));
    }
    lines
}

fn assert_has(lines: &[String], expected: &[&str]) {
    for line in expected {
        assert!(lines.iter().any(|printed| printed == line), "no {line}: {lines:#?}");
    }
}

#[tokio::test]
async fn secrets_are_not_printed() {
    let args = ["run", "--rpc-user", "u", "--rpc-password", "hunter2", "--nats", "nats://me:hunter2@h:1"];
    let lines = printed(command(&args)).await;
    assert_has(&lines, &["[[node]] rpc_user = \"u\" # --rpc-user", "[bus] nats = \"nats://h:1\" # --nats"]);
    assert!(!lines.concat().contains("hunter2"), "{lines:?}");
}

#[tokio::test]
async fn options_override_the_configuration_in_run_and_watch_alike() {
    for name in ["run", "watch"] {
        assert_has(&printed(command(&[name, "--extract", "rpc"])).await, &[" extract = [\"rpc\"] # --extract"]);
    }
}

#[tokio::test]
async fn the_example_in_the_manual_is_understood() {
    let manual = include_str!("../../../../docs/configuration.md");
    let example = manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    // Files that only the example has.
    let lines = example.lines().filter(|line| !line.starts_with("nats_tls") && !line.starts_with("pages"));
    let file = tempfile::NamedTempFile::new().unwrap();
    let example = lines.collect::<Vec<_>>().join("\n").replace("public = false", "public = true");
    std::fs::write(file.path(), example.replace("\"...\"", "\"long enough\"").replace(":...", ":long enough")).unwrap();
    let lines = printed(command(&["run", "--config", file.path().to_str().unwrap()])).await;
    for section in ["[bus]", "[rpc.interval]", "[log]", "[ebpf]", "[metrics]", "[web]", "[networks.sets]", "[[node]]"] {
        assert!(lines.iter().any(|line| line.starts_with(section)), "{section}: {lines:#?}");
    }
}

#[tokio::test]
async fn every_option_is_printed_with_where_it_comes_from() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "[web]\npublic = true\nlisten = \"127.0.0.1:1\"\nclients = 5\n[networks.sets]\na = \"/a\"\nb = \"/b\"\n\
                [ebpf]\ncapture = {block = \"full\", inv = 1000}\n[[node]]\nname = \"alice\"\ndatadir = \"/x\"\n";
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap();
    let flags =
        ["--web-listen", "[::1]:2", "--set", "b=/c", "--set", "b=/d", "--capture", "inv=7", "--chain", "regtest"];
    let mut run = command(&[&["run", "--config", path][..], &flags].concat());
    run.env("PEER_OBSERVER_LABEL_VALUES", "50");
    let lines = printed(run).await;
    let from_file = |line: &str| format!("{line} # {path}");
    assert_has(
        &lines,
        &[
            // The section [web] is in the file, and an option of metrics in the environment.
            " tools = [\"watch\", \"metrics\", \"web\"] # default",
            " # extract # not set",
            "[ebpf.capture] block = \"full\"",
            "[ebpf.capture] blocktxn = 96",
            "[ebpf.capture] inv = 7",
            "[rpc] timeout = \"30s\" # default",
            "[rpc.interval] getpeerinfo = \"10s\"",
            "[metrics] listen = \"127.0.0.1:8282\" # default",
            "[metrics] label_values = 50 # PEER_OBSERVER_LABEL_VALUES",
            "[web] listen = \"[::1]:2\" # --web-listen",
            &from_file("[web] clients = 5"),
            &from_file("[web] public = true"),
            "[web] # auth # not set",
            "[networks.sets] a = \"/a\"",
            "[networks.sets] b = [\"/c\", \"/d\"]",
            "[[node]] chain = \"regtest\" # --chain",
            &from_file("[[node]] datadir = \"/x\""),
        ],
    );

    // A flag without a value, and by the environment.
    assert_has(&printed(command(&["web", "--public"])).await, &["[web] public = true # --public"]);
    let mut by_environment = command(&["web"]);
    by_environment.env("PEER_OBSERVER_PUBLIC", "true");
    assert_has(&printed(by_environment).await, &["[web] public = true # PEER_OBSERVER_PUBLIC"]);
}

#[tokio::test]
async fn a_check_names_everything_that_is_wrong() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("peer-observer.toml");
    let text = format!(
        "tools = [\"watch\", \"metrics\", \"web\"]\n[metrics]\nlisten = \"{taken}\"\n[web]\nlisten = \"127.0.0.1:0\"\n\
         [networks.sets]\nmine = \"/nonexistent\"\n[[node]]\nname = \"alice\"\ndatadir = \"/nonexistent\"\nextract = [\"log\"]\n"
    );
    std::fs::write(&config, text).unwrap();
    let check = ["run", "--check", "--config", config.to_str().unwrap()];
    let ended = end_of(&check).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    for words in
        [&taken, "choose another address", "web: set mine: cannot read", "node alice: there is no data directory"]
    {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }

    // Several options at once, and a file that cannot be read as one.
    let ended = end_of(&["watch", "--check", "--nats", "foo://x", "--label-values", "0", "--web-auth", "short"]).await;
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    for words in ["foo://", "nats://HOST:PORT", "metrics.label_values", "web.auth"] {
        assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
    }
    std::fs::write(&config, "[metrics]\nlisen = 5\n").unwrap();
    let ended = end_of(&check).await;
    assert!(ended.code == 1 && ended.stderr.contains("did you mean `listen`?"), "{}", ended.stderr);

    // A node elsewhere need not answer.
    let right = [
        "run",
        "--check",
        "--rpc",
        "[100::1]:8332",
        "--name",
        "bob",
        "--tools",
        "metrics",
        "--metrics-listen",
        "127.0.0.1:0",
    ];
    let ended = end_of(&right).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("node bob (at [100::1]:8332): rpc\nnothing is wrong\n"), "{}", ended.stdout);
}

/// What was read stays to be looked at when standard input has ended.
#[tokio::test]
async fn every_tool_takes_events_from_standard_input() {
    use tokio::io::AsyncWriteExt;
    let mut command = command(&["metrics", "--stdin", "--metrics-listen", "127.0.0.1:0"]);
    command.stdin(std::process::Stdio::piped());
    let (program, input) = super::process::Running::start_with_input(command);
    let mut input = input.unwrap();
    input.write_all(SAMPLES.as_bytes()).await.unwrap();
    drop(input);
    let address = super::metrics::address_of(&program).await;
    super::metrics::wait_for_line(&address, "peerobserver_stage_events_total{stage=\"metrics\"").await;
    program.wait_until_logged("standard input has ended").await;
    super::metrics::wait_for_line(&address, "peerobserver_stage_events_total{stage=\"metrics\"").await;
    program.signal("-TERM");
    let (status, stderr) = program.end().await;
    assert!(status.success() && stderr.contains("lost no events"), "{stderr}");
}
