//! `top` on a terminal: a pseudo-terminal that reads what is drawn, and types.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use super::cli::SAMPLES;
use super::process::{PATIENCE, end_of_command};

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

/// The program on a terminal of its own, with events on standard input.
struct OnTerminal {
    child: Child,
    keyboard: File,
    terminal: File,
    before: Termios,
    drawn: Arc<Mutex<String>>,
    _events: tempfile::NamedTempFile,
}

/// The program, the other end of its terminal, the terminal's name, and the events.
fn spawn() -> (Child, File, String, tempfile::NamedTempFile) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    tcsetwinsize(&master, size(100, 30)).unwrap();
    let terminal = || File::options().read(true).write(true).open(&name).unwrap();
    let events = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(events.path(), SAMPLES).unwrap();
    let program = env!("CARGO_BIN_EXE_peer-observer");
    // setsid makes it the terminal from which keys are read, as standard input is not. It becomes the shell, and that the program.
    let child = Command::new("setsid")
        .args(["--ctty", "sh", "-c", "exec \"$0\" top --stdin < \"$1\"", program])
        .arg(events.path())
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .stdin(Stdio::from(terminal()))
        .stdout(Stdio::from(terminal()))
        .stderr(Stdio::from(terminal()))
        .spawn()
        .unwrap();
    (child, File::from(master), name, events)
}

impl OnTerminal {
    fn start() -> Self {
        let (child, keyboard, name, events) = spawn();
        let terminal = File::options().read(true).write(true).open(&name).unwrap();
        let before = tcgetattr(&terminal).unwrap();
        let mut reader = keyboard.try_clone().unwrap();
        let drawn = Arc::new(Mutex::new(String::new()));
        let seen = Arc::clone(&drawn);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                *seen.lock().unwrap() += &String::from_utf8_lossy(&buffer[..read]);
            }
        });
        Self { child, keyboard, terminal, before, drawn, _events: events }
    }

    /// Waits until this was drawn since the last time that was asked. Now and then another size lets all of it be drawn, and not only what
    /// differs: not at once, as a key and a size that come together are not both read.
    async fn wait_for(&self, words: &str) {
        let mut sizes = (1..).map(|look| match look % 100 {
            0 => Some(size(100, 30)),
            50 => Some(size(60, 20)),
            _ => None,
        });
        let drawn = || {
            let size = sizes.next().flatten();
            async move {
                let mut drawn = self.drawn.lock().unwrap();
                let Some(found) = drawn.find(words) else {
                    if let Some(size) = size {
                        tcsetwinsize(&self.keyboard, size).unwrap();
                    }
                    return None;
                };
                Some(drawn.drain(..found + words.len()).count())
            }
        };
        let found = testbed::eventually(words, PATIENCE, drawn).await;
        assert!(found.is_ok(), "{words:?} is not in {:?}", self.drawn.lock().unwrap());
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end. The terminal is as it was.
    async fn end(mut self) {
        self.wait_for(LEAVE).await;
        let child = Arc::new(Mutex::new(self.child));
        let ended = || {
            let child = Arc::clone(&child);
            async move { child.lock().unwrap().try_wait().unwrap() }
        };
        let status = testbed::eventually("its end", PATIENCE, ended).await.unwrap();
        assert!(status.success(), "{status}");
        let after = tcgetattr(&self.terminal).unwrap();
        let modes = |termios: &Termios| (termios.local_modes, termios.input_modes, termios.output_modes);
        assert_eq!(modes(&after), modes(&self.before));
        self.keyboard.flush().unwrap();
    }
}

fn size(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 }
}

#[tokio::test]
async fn keys_are_followed_and_the_terminal_is_left_as_it_was() {
    let mut top = OnTerminal::start();
    top.wait_for(ENTER).await;
    top.wait_for("alice").await;
    top.press("2");
    top.wait_for("[2 Peers]").await;
    top.wait_for("203.0.113.7:8333").await;
    top.press("/zz");
    top.wait_for("nothing has the text of the filter").await;
    top.press("\x1b");
    top.wait_for("203.0.113.7:8333").await;
    top.press("4");
    top.wait_for("[4 Events]").await;
    top.press("q");
    top.end().await;
}

#[tokio::test]
async fn a_signal_leaves_the_terminal_as_it_was() {
    let top = OnTerminal::start();
    top.wait_for(ENTER).await;
    top.wait_for("alice").await;
    Command::new("kill").args(["-TERM", &top.child.id().to_string()]).status().unwrap();
    top.end().await;
}

#[tokio::test]
async fn it_ends_when_the_terminal_hangs_up() {
    let (mut child, mut screen, _name, _events) = spawn();
    let mut drawn = Vec::new();
    while !String::from_utf8_lossy(&drawn).contains(ENTER) {
        let mut buffer = [0; 512];
        let read = screen.read(&mut buffer).unwrap();
        drawn.extend_from_slice(&buffer[..read]);
    }
    drop(screen);
    let ended = tokio::task::spawn_blocking(move || child.wait());
    tokio::time::timeout(PATIENCE, ended).await.expect("it ends without a terminal").unwrap().unwrap();
}

#[tokio::test]
async fn without_a_terminal_it_says_what_to_do() {
    let ended = end_of_command(super::process::command(&["top", "--stdin"]), SAMPLES.as_bytes()).await;
    assert_eq!((ended.code, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("ssh -t HOST peer-observer top"), "{}", ended.stderr);
    let command = super::process::command(&["run", "--tools", "watch,top"]);
    let ended = end_of_command(command, b"").await;
    assert!(ended.code == 2 && ended.stderr.contains("watch and top both use standard output"), "{}", ended.stderr);
}
