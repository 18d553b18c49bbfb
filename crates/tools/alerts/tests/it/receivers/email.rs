//! A real SMTP server.

use std::process::Stdio;

use event::pb::alerts::State;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};

use super::{alert, note, settings, start};

/// A server that prints its port, and then each mail as a line of JSON. It refuses the first one for now.
const SERVER: &str = r#"
import asyncio, email, email.policy, json
from aiosmtpd.smtp import SMTP
class Handler:
    count = 0
    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        if self.count == 1:
            return "451 try again"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(json.dumps({"headers": {k.lower(): str(v) for k, v in mail.items()}, "to": envelope.rcpt_tos, "text": mail.get_content()}), flush=True)
        return "250 OK"
async def main():
    handler = Handler()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(handler), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"#;

#[tokio::test]
async fn mail_comes_when_the_server_takes_it() {
    let Some(python) = testbed::require_python("smtp") else { return };
    let mut command = tokio::process::Command::new(python);
    let mut server =
        command.args(["-c", SERVER]).stdout(Stdio::piped()).stdin(Stdio::null()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let port = lines.next_line().await.unwrap().unwrap();

    let section = json!({
        "type": "email", "server": format!("127.0.0.1:{port}"), "security": "none",
        "from": "Observer <observer@example.org>", "to": ["alice@example.org", "bob@example.org"],
    });
    let (receivers, _) = start(&[settings("r", section)], None);
    for (id, state) in [("a1", State::Open), ("a2", State::Open)] {
        note(&receivers, None, alert(id, "a1", state)).await;
    }
    let line = tokio::time::timeout(std::time::Duration::from_secs(60), lines.next_line()).await;
    let mail: Value = serde_json::from_str(&line.expect("it comes in time").unwrap().unwrap()).unwrap();
    assert_eq!(mail["to"], json!(["alice@example.org", "bob@example.org"]));
    let headers = &mail["headers"];
    assert_eq!(headers["subject"], "WARNING subnet_flood at alice (and 1 more)");
    assert_eq!(headers["auto-submitted"], "auto-generated");
    assert_eq!(headers["references"], "<incident-a1@peer-observer.invalid>");
    let text = mail["text"].as_str().unwrap();
    assert!(text.contains("alert a1") && text.contains("alert a2, incident a1"), "{text}");
    assert!(text.contains("@everyone") && !text.contains('\u{202e}'), "{text}");
    receivers.end().await;
}
