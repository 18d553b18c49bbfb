//! What a service manager learns (sd_notify(3)).

use std::os::unix::net::UnixDatagram;

use super::super::process::{PATIENCE, Running, command};

/// Starts the program as systemd would, with a socket of ours, and gives what it says there.
fn start(folder: &std::path::Path, args: &[&str], environment: &[(&str, &str)]) -> (Running, UnixDatagram) {
    let path = folder.join("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut command = command(args);
    command.env("NOTIFY_SOCKET", &path).envs(environment.iter().copied());
    (Running::start_command(command), socket)
}

fn next(socket: &UnixDatagram) -> String {
    let mut buffer = [0; 1024];
    let length = socket.recv(&mut buffer).expect("it says something in time");
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

const NOBODY: [&str; 11] =
    ["run", "--name", "alice", "--rpc", "[100::1]:8332", "--rpc-user", "u", "--rpc-password", "p", "--extract", "rpc"];

#[tokio::test]
async fn a_service_manager_learns_that_it_is_ready_alive_and_ending() {
    let folder = tempfile::tempdir().unwrap();
    let args = [&NOBODY[..], &["--tools", "web", "--web-listen", "127.0.0.1:0"]].concat();
    let (program, socket) = start(folder.path(), &args, &[("WATCHDOG_USEC", "600000")]);
    assert_eq!(next(&socket), "READY=1\nSTATUS=observing alice, for web");
    for _ in 0..3 {
        assert_eq!(next(&socket), "WATCHDOG=1\nSTATUS=observing alice, for web; lost no events");
    }
    program.signal("-TERM");
    let mut last = next(&socket);
    while last.starts_with("WATCHDOG=1") {
        last = next(&socket);
    }
    assert_eq!(last, "STOPPING=1\nSTATUS=ending");
    assert!(program.end().await.0.success());
}

/// Who started us may have had a watchdog of its own, and left its environment.
#[tokio::test]
async fn the_watchdog_of_another_process_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let args = [&NOBODY[..], &["--tools", "watch"]].concat();
    let environment = [("WATCHDOG_USEC", "600000"), ("WATCHDOG_PID", "1")];
    let (program, socket) = start(folder.path(), &args, &environment);
    assert!(next(&socket).starts_with("READY=1\n"));
    assert_eq!(next(&socket), "STATUS=observing alice, for watch; lost no events");
    program.signal("-TERM");
    assert!(program.end().await.0.success());
}
