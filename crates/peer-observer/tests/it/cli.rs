//! What the command line looks like, and the forms in which events go in and out.

use super::process::{command, end_of, end_of_command};

/// Every kind of event, as the event crate's own golden file has it.
pub const SAMPLES: &str = include_str!("../../../event/tests/it/samples.jsonl");

#[tokio::test]
async fn help() {
    for name in ["", "run", "watch", "metrics", "extract", "doctor", "demo"] {
        let mut command = command(&[]);
        if !name.is_empty() {
            command.arg(name);
        }
        let ended = end_of_command(
            {
                command.arg("--help").env("COLUMNS", "110");
                command
            },
            b"",
        )
        .await;
        assert_eq!(ended.code, 0);
        insta::assert_snapshot!(format!("help_{name}"), ended.stdout);
    }
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

#[tokio::test]
async fn secrets_are_not_printed() {
    let args =
        ["run", "--print-config", "--rpc-user", "u", "--rpc-password", "hunter2", "--nats", "nats://me:hunter2@h:1"];
    let ended = end_of(&args).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("rpc_user = \"u\"") && !ended.stdout.contains("hunter2"), "{}", ended.stdout);
}

#[tokio::test]
async fn options_override_the_configuration_in_run_and_watch_alike() {
    for command in ["run", "watch"] {
        let ended = end_of(&[command, "--extract", "rpc", "--print-config"]).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains("extract = [\"rpc\"]"), "{command}: {}", ended.stdout);
    }
}

#[tokio::test]
async fn the_example_in_the_manual_is_understood() {
    let manual = include_str!("../../../../docs/configuration.md");
    let example = manual.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), example).unwrap();
    let ended = end_of(&["run", "--config", file.path().to_str().unwrap(), "--print-config"]).await;
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for section in ["[bus]", "[rpc.interval]", "[log]", "[ebpf]", "[metrics]", "[web]", "[networks.sets]", "[[node]]"] {
        assert!(ended.stdout.contains(section), "{section}: {}", ended.stdout);
    }
}

#[tokio::test]
async fn flags_are_laid_over_the_files_one_by_one() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let text = "[web]\npublic = true\nlisten = \"127.0.0.1:1\"\nclients = 5\n[networks.sets]\na = \"/a\"\nb = \"/b\"\n\
                [ebpf]\ncapture = {block = \"full\", inv = 1000}\n[[node]]\nname = \"alice\"\ndatadir = \"/x\"\n";
    std::fs::write(file.path(), text).unwrap();
    let path = file.path().to_str().unwrap();
    let flags =
        ["--web-listen", "[::1]:2", "--set", "b=/c", "--set", "b=/d", "--capture", "inv=7", "--chain", "regtest"];
    let ended = end_of(&[&["run", "--config", path, "--print-config"][..], &flags].concat()).await;
    let expected = "\n[ebpf.capture]\nblock = \"full\"\ninv = 7\n\n[web]\nclients = 5\nlisten = \"[::1]:2\"\npublic = true\n\n\
                    [networks.sets]\na = \"/a\"\nb = [\"/c\", \"/d\"]\n\n[[node]]\nchain = \"regtest\"\ndatadir = \"/x\"\nname = \"alice\"\n";
    assert_eq!((ended.code, ended.stdout.as_str()), (0, expected), "{}", ended.stderr);

    // A flag without a value, in either order, and by the environment.
    for (args, environment) in [(&["--public", "--print-config"][..], ""), (&["--print-config"][..], "true")] {
        let mut command = command(&[&["web"][..], args].concat());
        if !environment.is_empty() {
            command.env("PEER_OBSERVER_PUBLIC", environment);
        }
        let ended = end_of_command(command, b"").await;
        assert_eq!((ended.code, ended.stdout.as_str()), (0, "\n[web]\npublic = true\n"), "{}", ended.stderr);
    }
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
