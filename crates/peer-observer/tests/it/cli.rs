//! What the command line looks like, and the forms in which events go in and out.

use super::process::{command, end_of, end_of_command};

/// Every kind of event, as the event crate's own golden file has it.
const SAMPLES: &str = include_str!("../../../event/tests/it/samples.jsonl");

#[tokio::test]
async fn help() {
    for verb in ["", "run", "watch", "extract", "doctor", "demo"] {
        let mut command = command(&[]);
        if !verb.is_empty() {
            command.arg(verb);
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
        insta::assert_snapshot!(format!("help_{verb}"), ended.stdout);
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
async fn what_is_no_event_is_skipped_and_said() {
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
    for verb in ["run", "watch"] {
        let ended = end_of(&[verb, "--extract", "rpc", "--print-config"]).await;
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(ended.stdout.contains("extract = [\"rpc\"]"), "{verb}: {}", ended.stdout);
    }
}
