//! Through a stream of a real nats-server with JetStream.

use async_nats::jetstream::{self, stream};
use bus::nats::{NatsError, Options, StreamError, StreamOptions, StreamState, look_at_stream, read_stream};
use bus::{Checkpoint, WhenFull};
use event::{Filter, Record};
use testbed::{JETSTREAM, NatsServer};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;

/// The tools of other people's set-ups may only subscribe.
const USERS: &str = r#"authorization { users: [
    { user: all, password: secret }
    { user: reader, password: secret, permissions: { publish: { deny: ">" }, subscribe: ">" } }
    { user: no_acks, password: secret, permissions: { publish: { deny: "$JS.ACK.>" }, subscribe: ">" } }
    { user: no_inbox, password: secret, permissions: { publish: ">", subscribe: { deny: "_INBOX.>" } } }
] }"#;

async fn server(config: &str) -> Option<NatsServer> {
    testbed::require_nats_server()?;
    Some(NatsServer::start(config).await.unwrap())
}

fn user(server: &NatsServer, name: &str) -> Options {
    Options { user: Some((name.to_owned(), "secret".to_owned())), ..Options::new(server.url()) }
}

/// A reader of a stream.
struct Reading {
    events: Subscription,
    shutdown: CancellationToken,
    reading: JoinHandle<Result<(), NatsError>>,
    acknowledging: JoinHandle<()>,
}

impl Reading {
    fn start(options: &Options, name: &str) -> Self {
        let (bus, shutdown) = (Bus::new(), CancellationToken::new());
        let events = bus.subscribe("archive", Filter::default(), 1 << 16, WhenFull::Block);
        let stream = StreamOptions { name: name.to_owned(), consumer: "archive-1".to_owned() };
        let (reading, acknowledging) = read_stream(bus, options.clone(), stream, shutdown.clone());
        Self { events, shutdown, reading: tokio::spawn(reading), acknowledging: tokio::spawn(acknowledging) }
    }

    /// Reads up to the event with this number; then the next checkpoint.
    async fn until(&mut self, last: u32) -> (Got, Option<Checkpoint>) {
        let mut got = Got::default();
        loop {
            let next = tokio::time::timeout(PATIENCE, self.events.next()).await.expect("something comes in time");
            match next.expect("the bus has not ended") {
                Delivery::Checkpoint(checkpoint) if got.numbers.last() == Some(&last) => {
                    return (got, Some(checkpoint));
                }
                Delivery::Checkpoint(_) => {}
                other => got.note(&other),
            }
        }
    }

    async fn end(self) {
        self.shutdown.cancel();
        drop(self.events);
        tokio::time::timeout(PATIENCE, self.reading).await.unwrap().unwrap().unwrap();
        tokio::time::timeout(PATIENCE, self.acknowledging).await.unwrap().unwrap();
    }

    /// How reading fails.
    async fn error(self) -> NatsError {
        tokio::time::timeout(PATIENCE, self.reading).await.unwrap().unwrap().unwrap_err()
    }
}

/// A client that publishes, and waits until the stream has it.
struct Publishing {
    context: jetstream::Context,
    sequence: u32,
}

impl Publishing {
    async fn start(options: &Options) -> Self {
        let mut connect = async_nats::ConnectOptions::new();
        if let Some((user, password)) = options.user.clone() {
            connect = connect.user_and_password(user, password);
        }
        let context = jetstream::new(connect.connect(&options.url).await.unwrap());
        Self { context, sequence: 0 }
    }

    async fn make(&self, name: &str, subjects: &[&str], max_messages: i64) {
        let subjects = subjects.iter().map(|subject| (*subject).to_owned()).collect();
        let config = stream::Config { name: name.to_owned(), subjects, max_messages, ..stream::Config::default() };
        self.context.create_stream(config).await.unwrap();
    }

    /// Waits until the server knows that no request of a reader is open.
    async fn until_nobody_reads(&self, stream: &str) {
        let nobody = || async {
            let consumer =
                self.context.get_consumer_from_stream::<jetstream::consumer::pull::Config, _, _>("archive-1", stream);
            (consumer.await.ok()?.cached_info().num_waiting == 0).then_some(())
        };
        testbed::eventually("no open request", PATIENCE, nobody).await.unwrap();
    }

    async fn publish(&mut self, events: u32) {
        for _ in 0..events {
            self.sequence += 1;
            let sequence = u64::from(self.sequence);
            let record = Record::new("alice".into(), 7, sequence, sequence, numbered(self.sequence));
            let subject = event::subject::subject("alice", record.envelope().kind);
            self.context.publish(subject, record.bytes().clone()).await.unwrap().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_confirmed_comes_no_more_and_all_else_comes_again() {
    let Some(mut server) = server(JETSTREAM).await else { return };
    let options = Options::new(server.url());
    let mut first = Reading::start(&options, "EVENTS");
    let (_, checkpoint) = {
        let mut publishing = first_publisher(&options, "EVENTS").await;
        publishing.publish(10).await;
        let got = first.until(10).await;
        publishing.publish(10).await;
        assert_eq!(first.until(20).await.0.numbers, Vec::from_iter(11..=20));
        got
    };
    checkpoint.unwrap().confirm();
    first.end().await;

    let mut second = Reading::start(&options, "EVENTS");
    let (got, checkpoint) = second.until(20).await;
    assert_eq!((got.numbers, got.missing), (Vec::from_iter(11..=20), 0));
    // The server forgets what it has sent when it is killed, and the reader knows it.
    server.kill().await.unwrap();
    server.start_again().await.unwrap();
    let mut publishing = Publishing { sequence: 20, ..Publishing::start(&options).await };
    publishing.publish(10).await;
    let (got, _) = second.until(30).await;
    assert_eq!((got.numbers, got.missing), (Vec::from_iter(21..=30), 0));
    // A checkpoint of the connection before counts, too.
    checkpoint.unwrap().confirm();
    server.kill().await.unwrap();
    server.start_again().await.unwrap();
    let mut publishing = Publishing { sequence: 30, ..Publishing::start(&options).await };
    publishing.publish(10).await;
    let (got, checkpoint) = second.until(40).await;
    assert_eq!((got.numbers, got.missing), (Vec::from_iter(31..=40), 0));
    checkpoint.unwrap().confirm();
    second.end().await;
    let consumer =
        publishing.context.get_consumer_from_stream::<jetstream::consumer::pull::Config, _, _>("archive-1", "EVENTS");
    let info = consumer.await.unwrap().cached_info().clone();
    assert_eq!((info.ack_floor.stream_sequence, info.num_ack_pending, info.num_pending), (40, 0, 0));
}

/// Waits until a reader has made its stream.
async fn first_publisher(options: &Options, name: &str) -> Publishing {
    let publishing = Publishing::start(options).await;
    let context = publishing.context.clone();
    let made = || async { context.get_stream(name).await.ok() };
    let mut made = testbed::eventually("a stream", PATIENCE, made).await.unwrap();
    let config = &made.info().await.unwrap().config;
    assert_eq!((config.max_bytes, config.max_age.as_secs()), (10 << 30, 7 * 86_400));
    publishing
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stream_removes_before_it_is_read_is_a_loss() {
    let Some(server) = server(JETSTREAM).await else { return };
    let options = Options::new(server.url());
    let mut publishing = Publishing::start(&options).await;
    publishing.make("SMALL", &["peer-observer.>", "orders.*"], 100).await;
    publishing.publish(150).await;
    let mut reading = Reading::start(&options, "SMALL");
    let (got, checkpoint) = reading.until(150).await;
    assert_eq!((got.numbers, got.missing), (Vec::from_iter(51..=150), 0), "what was before the first start is no loss");
    checkpoint.unwrap().confirm();
    reading.end().await;
    // What the server sends to a reader that has just gone counts as read when the stream removes it.
    publishing.until_nobody_reads("SMALL").await;
    publishing.publish(150).await;
    publishing.context.publish("orders.new", "of others".into()).await.unwrap().await.unwrap();
    let mut reading = Reading::start(&options, "SMALL");
    let (got, _) = reading.until(300).await;
    assert_eq!((got.numbers, got.missing), (Vec::from_iter(202..=300), 51));
    publishing.context.delete_stream("SMALL").await.unwrap();
    publishing.make("SMALL", &["peer-observer.>"], 100).await;
    publishing.publish(10).await;
    let (got, _) = reading.until(310).await;
    assert_eq!(got.numbers, Vec::from_iter(301..=310), "a stream that was made anew is read from its beginning");
    reading.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_there_are_used_or_named() {
    let Some(server) = server(JETSTREAM).await else { return };
    let options = Options::new(server.url());
    let mut publishing = Publishing::start(&options).await;
    publishing.make("OTHERS", &["orders.>"], -1).await;
    let error = Reading::start(&options, "OTHERS").error().await.to_string();
    assert!(error.contains("orders.>") && error.contains("choose another"), "{error}");
    publishing.make("MINE", &["peer-observer.*.*", "netmsg"], -1).await;
    publishing.publish(3).await;
    let mut reading = Reading::start(&options, "NEW");
    assert_eq!(reading.until(3).await.0.numbers, [1, 2, 3], "the one that has the subjects is used");
    reading.end().await;
    publishing.make("FLAT", &["rpc"], -1).await;
    let error = Reading::start(&options, "NEW").error().await.to_string();
    assert!(error.contains("FLAT, MINE") && error.contains("use one of them"), "{error}");
    let bus = Bus::new();
    let look = |name: &'static str| look_at_stream(&bus, &options, name);
    assert!(matches!(look("MINE").await, Ok(StreamState::There { messages: 3, .. })));
    assert_eq!(look("NEW").await.unwrap(), StreamState::Absent);
    assert!(matches!(look("OTHERS").await, Err(NatsError::Stream(StreamError::Foreign { .. }))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_permissions_or_jetstream_events_are_read_as_they_are_published() {
    let Some(with) = server(&format!("{JETSTREAM}{USERS}")).await else { return };
    let without = NatsServer::start(USERS).await.unwrap();
    let all = Publishing::start(&user(&with, "all")).await;
    all.make("EVENTS", &["peer-observer.>"], -1).await;
    for (server, name, words) in [
        (&with, "reader", "$JS.API"),
        (&with, "no_acks", "$JS.ACK"),
        (&with, "no_inbox", "_INBOX"),
        (&without, "all", "has no JetStream"),
    ] {
        let options = user(server, name);
        let error = look_at_stream(&Bus::new(), &options, "EVENTS").await.unwrap_err().to_string();
        assert!(error.contains(words), "{name}: {error}");
        let mut reading = Reading::start(&options, "EVENTS");
        let client = async_nats::ConnectOptions::with_user_and_password("all".to_owned(), "secret".to_owned());
        let client = client.connect(server.url()).await.unwrap();
        let arrives = async {
            let mut sequence = 0;
            loop {
                sequence += 1;
                let record = Record::new("alice".into(), 9, sequence, sequence, numbered(4));
                client.publish("peer-observer.alice.rpc", record.bytes().clone()).await.unwrap();
                let soon = tokio::time::timeout(Duration::from_millis(50), reading.events.next());
                if let Ok(Some(Delivery::Event(_))) = soon.await {
                    return;
                }
            }
        };
        tokio::time::timeout(PATIENCE, arrives).await.unwrap_or_else(|_| panic!("{name}: nothing comes"));
        reading.end().await;
    }
}
