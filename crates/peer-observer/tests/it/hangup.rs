//! SIGHUP ends no command. Those that have files with networks read them again.

use std::fs;

use testbed::NatsServer;

use super::process::{PATIENCE, Running};

/// Whether a process has a handler for SIGHUP: its signal is the first bit of `SigCgt` (proc_pid_status(5)).
fn handles_hangup(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & 1 == 1
}

#[tokio::test]
async fn files_are_read_again_in_every_command_that_has_them() {
    let dir = tempfile::tempdir().unwrap();
    let list = dir.path().join("list.txt");
    fs::write(&list, "10.0.0.0/8\n").unwrap();
    let set = format!("mine={}", list.display());
    // A node that is nowhere; nothing is to be seen of it.
    let nobody = ["--rpc", "[100::1]:8332", "--rpc-user", "u", "--rpc-password", "p", "--extract", "rpc"];
    let files = ["--set", &set, "--web-listen", "127.0.0.1:0", "--metrics-listen", "127.0.0.1:0"];
    let server = match testbed::require_nats_server() {
        Some(_) => Some(NatsServer::start("").await.unwrap()),
        None => None,
    };
    let url = server.as_ref().map(NatsServer::url).unwrap_or_default();
    let nats = ["--nats", &url];
    let again = ["map of autonomous systems anew", "web: read the sets of networks"];
    let (both, web, none) = (&again[..], &again[1..], &again[..0]);
    let mut commands: Vec<(Vec<&str>, &[&str])> = vec![
        ([&["run", "--tools", "web"][..], &nobody, &files].concat(), web),
        ([&["run", "--tools", "metrics,web"][..], &nobody, &files].concat(), both),
        ([&["run", "--tools", "watch"][..], &nobody].concat(), none),
        ([&["extract", "rpc", "-o", "json"][..], &nobody[..6]].concat(), none),
    ];
    if server.is_some() {
        commands.push(([&["run"][..], &nats, &nobody].concat(), none));
        commands.push(([&["web"][..], &nats, &files].concat(), web));
        commands.push(([&["watch"][..], &nats].concat(), none));
    }
    let running: Vec<_> = commands.iter().map(|(args, _)| Running::start(args)).collect();
    for ((args, words), program) in commands.iter().zip(&running) {
        // Those with files handle the signal themselves once they serve; the others survive it from the start of the program on.
        for (tool, served) in [("web", "pages on http://"), ("metrics", "metrics on http://")] {
            if args.contains(&"--set") && args.iter().any(|arg| arg.split(',').any(|name| name == tool)) {
                program.wait_until_logged(served).await;
            }
        }
        let pid = program.pid();
        let handled = || async move { handles_hangup(pid).then_some(()) };
        testbed::eventually("a handler of SIGHUP", PATIENCE, handled).await.unwrap();
        program.signal("-HUP");
        for word in *words {
            program.wait_until_logged(word).await;
        }
    }
    for ((args, _), program) in commands.iter().zip(running) {
        program.signal("-TERM");
        let (status, stderr) = program.end().await;
        assert!(status.success(), "{args:?}: {status}: {stderr}");
        assert!(stderr.contains("ended, lost no events"), "{args:?} ended in order: {stderr}");
    }
}
