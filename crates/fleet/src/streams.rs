//! The streams of JetStream by which nothing is lost while the hub, or the way to it, is away.
//!
//! Each host has a stream for each of its nodes, with what its extractors publish. At the hub, the stream `EVENTS` takes over what those have, in
//! order, each message once, and from where it was when the connection broke. The archive reads it. All else there reads what the consumer
//! `live` delivers of it: it needs somebody who listens at its very subject, which is the stream `LIVE`, that keeps nothing.

use std::time::Duration;

use async_nats::{Client, ConnectOptions};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::FleetError;
use crate::nats::{HUB_USER, api, delivery, stream};
use crate::roll::{Member, Roll};

/// The stream of all events at the hub.
pub const EVENTS: &str = "EVENTS";
/// The stream that listens where live events are delivered.
const LIVE: &str = "LIVE";
/// Where they are delivered: readers of `peer-observer.>` get them, each under its own subject.
const LIVE_SUBJECT: &str = "peer-observer.live";
const LIVE_CONSUMER: &str = "live";
/// After the hub was away, what waited comes at most this fast, bits per second: readers that are slower lose their connection.
const LIVE_BITS: u64 = 320_000_000;
/// What the hub's own tools publish.
const OF_TOOLS: [&str; 4] =
    ["peer-observer.*.alert", "peer-observer.*.chain", "peer-observer.*.connectivity", "peer-observer.*.status"];
/// How long events stay at most, nanoseconds.
const WEEK: u64 = 7 * 86_400 * 1_000_000_000;

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

const HUB_API: &str = "$JS.API";
/// What JetStream answers where there is no such stream or consumer.
const ABSENT: [u64; 2] = [10_059, 10_014];

/// What was done, in sentences.
#[derive(Debug, Default)]
pub struct Prepared {
    /// Streams that were made, changed or removed.
    pub done: Vec<String>,
    /// Hosts that could not be asked.
    pub away: Vec<String>,
}

/// Makes the streams of the hub and of all hosts that are connected, and changes those that are otherwise.
///
/// # Errors
/// The hub's nats-server cannot be reached, or refuses something.
pub async fn prepare(roll: &Roll) -> Result<Prepared, FleetError> {
    let client = connect(roll, HUB_USER, &roll.password).await?;
    let mut prepared = Prepared::default();
    let hosts = join_all(roll.hosts.iter().map(|host| prepare_host(&client, host))).await;
    for (host, outcome) in roll.hosts.iter().zip(hosts) {
        match outcome {
            Ok(done) => prepared.done.extend(done),
            Err(Failure::Away(_)) => prepared.away.push(host.name.clone()),
            Err(Failure::Refused { reason, .. }) => {
                return Err(FleetError::Refused { what: format!("a stream of the host {}", host.name), reason });
            }
        }
    }
    let sources: Vec<Value> = roll.hosts.iter().flat_map(sources).collect();
    let events = json!({ "subjects": OF_TOOLS, "max_age": WEEK, "max_bytes": roll.keep, "sources": sources });
    let live = json!({ "subjects": [LIVE_SUBJECT], "max_msgs": 1, "discard": "new", "no_ack": true });
    for (name, config) in [(EVENTS, events), (LIVE, live)] {
        let done = ensure_stream(&client, HUB_API, name, config).await.map_err(|failure| at_hub(roll, failure))?;
        prepared.done.extend(done.map(|done| format!("hub: {done}")));
    }
    let consumer = json!({ "stream_name": EVENTS, "config": {
        "durable_name": LIVE_CONSUMER, "deliver_subject": LIVE_SUBJECT, "ack_policy": "none", "deliver_policy": "new",
        "rate_limit_bps": LIVE_BITS, "description": "events as they come, for the tools of the hub",
    } });
    let subject = |verb: &str| format!("{HUB_API}.CONSUMER.{verb}.{EVENTS}.{LIVE_CONSUMER}");
    match ask(&client, subject("INFO"), &json!({})).await {
        Err(Failure::Refused { code, .. }) if ABSENT.contains(&code) => {
            ask(&client, subject("DURABLE.CREATE"), &consumer).await.map_err(|failure| at_hub(roll, failure))?;
            prepared.done.push(format!("hub: made the consumer {LIVE_CONSUMER}"));
        }
        known => _ = known.map_err(|failure| at_hub(roll, failure))?,
    }
    Ok(prepared)
}

/// Why a server does not do what it is asked for.
pub(crate) enum Failure {
    /// It does not answer.
    Away(String),
    /// It refuses.
    Refused { code: u64, reason: String },
}

fn at_hub(roll: &Roll, failure: Failure) -> FleetError {
    match failure {
        Failure::Away(reason) => FleetError::Hub { url: roll.nats.clone(), reason },
        Failure::Refused { reason, .. } => FleetError::Refused { what: "a stream of the hub".to_owned(), reason },
    }
}

fn sources(host: &Member) -> impl Iterator<Item = Value> {
    let external = json!({ "api": api(&host.name), "deliver": delivery(&host.name) });
    host.nodes.iter().map(move |(node, _)| json!({ "name": stream(node), "external": external }))
}

async fn prepare_host(client: &Client, host: &Member) -> Result<Vec<String>, Failure> {
    let (api, mut done) = (api(&host.name), Vec::new());
    let names = ask(client, format!("{api}.STREAM.NAMES"), &json!({})).await?;
    let names = names.get("streams").and_then(Value::as_array).cloned().unwrap_or_default();
    let ours: Vec<String> = host.nodes.iter().map(|(node, _)| stream(node)).collect();
    for name in names.iter().filter_map(Value::as_str) {
        if name.starts_with(event::subject::NODE_STREAM) && !ours.iter().any(|one| one == name) {
            ask(client, format!("{api}.STREAM.DELETE.{name}"), &json!({})).await?;
            done.push(format!("{}: removed the stream {name}, whose node is no longer in the list", host.name));
        }
    }
    for (node, _) in &host.nodes {
        let config = json!({
            "subjects": [format!("peer-observer.{node}.>")], "max_age": WEEK, "max_bytes": host.keep,
        });
        let what = ensure_stream(client, &api, &stream(node), config).await?;
        done.extend(what.map(|what| format!("{}: {what}", host.name)));
    }
    Ok(done)
}

/// Makes a stream, or changes it, unless it is as it should be.
async fn ensure_stream(client: &Client, api: &str, name: &str, config: Value) -> Result<Option<String>, Failure> {
    let mut wanted = json!({
        "name": name, "retention": "limits", "storage": "file", "discard": "old", "num_replicas": 1,
        "max_consumers": -1, "max_msgs": -1, "max_bytes": -1, "max_age": 0, "description": "events of peer-observer",
    });
    if let (Some(wanted), Value::Object(config)) = (wanted.as_object_mut(), config) {
        wanted.extend(config);
    }
    let verb = match ask(client, format!("{api}.STREAM.INFO.{name}"), &json!({})).await {
        Ok(info) if has_all(info.get("config").unwrap_or(&Value::Null), &wanted) => return Ok(None),
        Ok(_) => "UPDATE",
        Err(Failure::Refused { code, .. }) if ABSENT.contains(&code) => "CREATE",
        Err(failure) => return Err(failure),
    };
    ask(client, format!("{api}.STREAM.{verb}.{name}"), &wanted).await?;
    Ok(Some(format!("{} the stream {name}", if verb == "CREATE" { "made" } else { "changed" })))
}

/// Whether a configuration has everything that is wanted; sources in any order.
fn has_all(config: &Value, wanted: &Value) -> bool {
    match (config, wanted) {
        (Value::Object(config), Value::Object(wanted)) => wanted.iter().all(|(key, wanted)| match config.get(key) {
            Some(value) => has_all(value, wanted),
            None => wanted.as_array().is_some_and(Vec::is_empty),
        }),
        (Value::Array(config), Value::Array(wanted)) => {
            config.len() == wanted.len() && wanted.iter().all(|wanted| config.iter().any(|one| has_all(one, wanted)))
        }
        (config, wanted) => config == wanted,
    }
}

/// A request to JetStream.
pub(crate) async fn ask(client: &Client, subject: String, body: &Value) -> Result<Value, Failure> {
    let answer = timeout(PATIENCE, client.request(subject, body.to_string().into())).await;
    let answer = answer.map_err(|_| Failure::Away("it does not answer".to_owned()))?;
    let answer = answer.map_err(|error| Failure::Away(error.to_string()))?;
    let answer: Value = serde_json::from_slice(&answer.payload).map_err(|error| Failure::Away(error.to_string()))?;
    let Some(error) = answer.get("error") else { return Ok(answer) };
    let reason = error.get("description").and_then(Value::as_str).unwrap_or("it gives no reason").to_owned();
    Err(Failure::Refused { code: error.get("err_code").and_then(Value::as_u64).unwrap_or_default(), reason })
}

/// A connection to the hub's nats-server.
pub(crate) async fn connect(roll: &Roll, user: &str, password: &str) -> Result<Client, FleetError> {
    let options = ConnectOptions::new().name("peer-observer fleet");
    let options = options.user_and_password(user.to_owned(), password.to_owned()).connection_timeout(PATIENCE);
    let connected = options.connect(&roll.nats).await;
    connected.map_err(|error| FleetError::Hub { url: roll.nats.clone(), reason: error.to_string() })
}
