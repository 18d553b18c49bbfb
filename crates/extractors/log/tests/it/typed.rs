//! How much of a real node's log has a type, and whether what the log has of messages is true.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use decode::log::{Decoder, Splitter, Tail, lines_after};
use event::pb::log_extractor::Log;
use event::pb::log_extractor::log::LogEvent;
use testbed::{Network, Node, Plan, Traffic, eventually};

use crate::PATIENCE;

/// Bytes of each node's log that are enough: some 2,500 lines, a twentieth of them from the start of the node.
const ENOUGH: u64 = 320_000;

/// The number of messages and the bytes of their payloads, by type and whether the node received them.
type Messages = BTreeMap<(String, bool), (u64, u64)>;

fn add(messages: &mut Messages, message_type: &str, inbound: bool, bytes: u64) {
    let (count, sum) = messages.entry((message_type.to_owned(), inbound)).or_default();
    *count += 1;
    *sum += bytes;
}

/// The messages that the node wrote into files (-capturemessages).
fn captured(node: &Node) -> Messages {
    let mut messages = Messages::new();
    for folder in fs::read_dir(node.datadir().join("regtest/message_capture")).unwrap() {
        for (file, inbound) in [("msgs_recv.dat", true), ("msgs_sent.dat", false)] {
            let bytes = fs::read(folder.as_ref().unwrap().path().join(file)).unwrap_or_default();
            let mut rest = &bytes[..];
            // Time, type, length of the payload, payload.
            while let Some((head, after)) = rest.split_at_checked(8 + 12 + 4) {
                let length = u32::from_le_bytes(head[20..].try_into().unwrap());
                let message_type = String::from_utf8_lossy(&head[8..20]);
                // The log leaves out what is no plain text.
                let plain = |c: &char| c.is_ascii_alphanumeric() || " .,;-_/:?@()".contains(*c);
                let message_type: String = message_type.chars().filter(plain).collect();
                add(&mut messages, &message_type, inbound, length.into());
                rest = &after[length as usize..];
            }
        }
    }
    messages
}

/// The events of a whole log.
fn read(path: &Path) -> Vec<Log> {
    let (bytes, mut decoder, mut events) = (fs::read(path).unwrap(), Decoder::default(), Vec::new());
    for entry in Splitter::default().entries(&bytes, Tail::Ends) {
        let log = decoder.entry(entry, 0);
        let after: Vec<_> = lines_after(entry, &log).collect();
        events.push(log);
        events.extend(after.into_iter().map(|line| decoder.entry(line, 0)));
    }
    events
}

/// A line without its numbers and hashes, to count those that are alike.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for word in text.split(' ') {
        let word = if word.contains(|c: char| c.is_ascii_digit()) { "…" } else { word };
        shape.push_str(word);
        shape.push(' ');
    }
    shape
}

#[tokio::test(flavor = "multi_thread")]
async fn nearly_every_line_has_a_type_and_messages_are_those_that_there_were() {
    match testbed::bitcoinds() {
        Ok(nodes) => {
            for binary in nodes {
                nearly_every_line_has_a_type(&binary).await;
            }
        }
        Err(error) => testbed::skipped(&error.to_string()),
    }
}

async fn nearly_every_line_has_a_type(binary: &Path) {
    let dir = tempfile::tempdir().unwrap();
    // A node of the main network does not check its mempool all the time.
    let configure = |node: testbed::NodeBuilder| node.binary(binary).capture_messages().config("checkmempool=0");
    let network = Network::start_with(3, dir.path(), configure).await.unwrap();
    let traffic = Traffic::start(&network, Plan::default()).await.unwrap();
    let log = |node: &Node| node.datadir().join("regtest/debug.log");
    let shortest = || network.nodes().iter().map(|node| fs::metadata(log(node)).map_or(0, |file| file.len())).min();
    let patience = PATIENCE * 4;
    eventually("the logs are long enough", patience, || async { (shortest() > Some(ENOUGH)).then_some(()) })
        .await
        .unwrap();
    traffic.stop().await;
    for node in network.nodes() {
        node.stop().await.unwrap();
    }

    let (mut lines, mut untyped, mut kinds) = (0, 0, BTreeMap::<String, u64>::new());
    let mut shapes = BTreeMap::<String, u64>::new();
    for node in network.nodes() {
        let mut messages = Messages::new();
        // What a node prints as it starts is a large share only of a log that is as short as this one: the share is
        // that of the lines from the first connection on.
        let mut connected = false;
        for log in read(&log(node)) {
            let event = log.log_event.unwrap();
            connected |= matches!(event, LogEvent::ConnectionAdded(_));
            lines += u32::from(connected);
            let kind = match event {
                LogEvent::UnknownLogMessage(message) => {
                    if connected {
                        untyped += 1;
                        *shapes.entry(shape(&message.raw_message)).or_default() += 1;
                    }
                    continue;
                }
                LogEvent::MessageReceived(message) => {
                    add(&mut messages, &message.message_type, true, message.size);
                    continue;
                }
                LogEvent::MessageSent(message) => {
                    add(&mut messages, &message.message_type, false, message.size);
                    continue;
                }
                event => serde_json::to_value(event).unwrap().as_object().unwrap().keys().next().unwrap().clone(),
            };
            *kinds.entry(kind).or_default() += 1;
        }
        assert!(messages.len() > 20, "{messages:?}");
        assert_eq!(messages, captured(node), "{}", binary.display());
    }
    let share = 1.0 - f64::from(untyped) / f64::from(lines);
    let mut shapes: Vec<_> = shapes.into_iter().collect();
    shapes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    eprintln!("{}: {lines} lines, {:.2} % with a type; {kinds:#?}", binary.display(), share * 100.0);
    eprintln!("without: {:#?}", &shapes[..shapes.len().min(40)]);
    assert!(share >= 0.95, "{:.2} % have a type", share * 100.0);
}
