//! Finds or makes the stream, and a consumer that begins where the last one's acknowledgements end.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy};
use async_nats::jetstream::stream::{self, DiscardPolicy, RetentionPolicy, StorageType};
use bytes::Bytes;
use event::subject;
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};

use super::api::{Api, StreamError};

/// How long a stream of ours keeps an event.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// Bytes that it keeps, in GiB.
const MAX_GIB: i64 = 10;
/// Messages that may wait for their acknowledgement: more than the queue of a reader and a frame of an archive hold.
const MAX_ACK_PENDING: i64 = 1 << 19;
/// After this time the server would send again what is not acknowledged. We ask for it earlier, when there is a reason.
const ACK_WAIT: Duration = Duration::from_secs(60 * 60);

/// What says to the server that a message is still being handled.
pub(super) const IN_PROGRESS: Bytes = Bytes::from_static(b"+WPI");

/// Where acknowledgements of a consumer go, of no message.
pub(super) fn probe(stream: &str, consumer: &str) -> String {
    format!("$JS.ACK.{stream}.{consumer}.1.0.0.0.0")
}

/// What a stream of ours keeps.
fn subjects() -> Vec<String> {
    std::iter::once(subject::NAMED).chain(subject::TOKENS).map(str::to_owned).collect()
}

fn config(name: &str) -> stream::Config {
    stream::Config {
        name: name.to_owned(),
        description: Some("events of peer-observer".to_owned()),
        subjects: subjects(),
        retention: RetentionPolicy::Limits,
        storage: StorageType::File,
        discard: DiscardPolicy::Old,
        max_age: MAX_AGE,
        max_bytes: MAX_GIB << 30,
        max_messages: -1,
        max_messages_per_subject: -1,
        max_consumers: -1,
        num_replicas: 1,
        ..stream::Config::default()
    }
}

/// The stream, which is made if it is not there. Another one is used, and logged, if that has our subjects.
pub(super) async fn find_or_make(api: &mut Api) -> Result<stream::Info, StreamError> {
    if let Some(info) = api.stream(&api.name).await? {
        return check(info);
    }
    match api.ask(format!("STREAM.CREATE.{}", api.name), &config(&api.name)).await? {
        Ok(made) => {
            info!(
                "made the stream {} at {}: events of {} days, up to {MAX_GIB} GiB",
                api.name,
                api.url,
                MAX_AGE.as_secs() / 86_400
            );
            Ok(made)
        }
        Err(error) if error.error_code() == ErrorCode::STREAM_SUBJECT_OVERLAP => other(api).await,
        Err(error) if error.error_code() == ErrorCode::STORAGE_RESOURCES_EXCEEDED => Err(StreamError::NoRoom {
            url: api.url.clone(),
            name: api.name.clone(),
            gib: MAX_GIB,
            subjects: subjects().join(","),
        }),
        Err(error) => Err(api.refused(&error)),
    }
}

#[derive(Deserialize)]
struct Names {
    /// Absent or null if there are none.
    streams: Option<Vec<String>>,
}

/// The one stream that has our subjects, in place of the one that could not be made.
async fn other(api: &mut Api) -> Result<stream::Info, StreamError> {
    let mut others = BTreeSet::new();
    for subject in subjects() {
        let names: Names = api.get("STREAM.NAMES".to_owned(), &json!({ "subject": subject })).await?;
        others.extend(names.streams.into_iter().flatten());
    }
    let mut names = others.iter();
    if let (Some(name), None) = (names.next(), names.next())
        && let Some(info) = api.stream(name).await?
    {
        warn!(
            "the stream {} is not made, since the stream {name} at {} keeps its subjects already: using that",
            api.name, api.url
        );
        api.name.clone_from(name);
        return check(info);
    }
    Err(StreamError::Overlap {
        name: api.name.clone(),
        others: others.into_iter().collect::<Vec<_>>().join(", "),
        subjects: subjects().join(", "),
    })
}

/// Whether events can be read from it, and again after a restart.
pub(super) fn check(info: stream::Info) -> Result<stream::Info, StreamError> {
    let stream::Config { name, subjects: kept, retention, .. } = &info.config;
    if *retention != RetentionPolicy::Limits {
        return Err(StreamError::Retention { name: name.clone(), retention: *retention });
    }
    // One that mirrors others has no subjects of its own.
    if !kept.is_empty() && !kept.iter().any(|kept| subjects().iter().any(|ours| overlap(kept, ours))) {
        return Err(StreamError::Foreign { name: name.clone(), subjects: kept.join(", ") });
    }
    Ok(info)
}

/// Whether there are subjects that both of these stand for.
fn overlap(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.split('.'), other.split('.'));
    loop {
        match (one.next(), other.next()) {
            (Some(">"), Some(_)) | (Some(_), Some(">")) | (None, None) => return true,
            (Some(a), Some(b)) if a == b || a == "*" || b == "*" => {}
            _ => return false,
        }
    }
}

/// Where a consumer begins.
pub(super) struct Begun {
    /// All messages up to here are acknowledged.
    pub acknowledged: u64,
    /// The number of its next delivery.
    pub delivery: u64,
    /// It was there before.
    pub is_known: bool,
}

/// Lets a consumer begin after a position; where its acknowledgements end, if that is not known here. What was delivered and not acknowledged must
/// come again before all else, since an acknowledgement includes all that is before it. The server would send it later: so a consumer that has
/// such messages is made anew.
pub(super) async fn begin(
    api: &Api,
    stream: &stream::Info,
    consumer: &str,
    after: Option<u64>,
) -> Result<Begun, StreamError> {
    let known = api.consumer(consumer).await?;
    let is_known = after.is_some() || known.is_some();
    let acknowledged = after.or(known.as_ref().map(acknowledged));
    let acknowledged = acknowledged.unwrap_or(stream.state.first_sequence.saturating_sub(1));
    if let Some(info) = &known {
        if can_go_on(info) && self::acknowledged(info) == acknowledged {
            return Ok(Begun { acknowledged, delivery: info.delivered.consumer_sequence + 1, is_known });
        }
        let _: serde_json::Value = api.get(format!("CONSUMER.DELETE.{}.{consumer}", api.name), &json!({})).await?;
    }
    let config = consumer::Config {
        durable_name: Some(consumer.to_owned()),
        description: Some("archive of peer-observer".to_owned()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: acknowledged + 1 },
        ack_policy: AckPolicy::All,
        ack_wait: ACK_WAIT,
        max_ack_pending: MAX_ACK_PENDING,
        ..consumer::Config::default()
    };
    let request = json!({ "stream_name": api.name, "config": config });
    let _: consumer::Info = api.get(format!("CONSUMER.DURABLE.CREATE.{}.{consumer}", api.name), &request).await?;
    Ok(Begun { acknowledged, delivery: 1, is_known })
}

/// The last message that need not come again.
fn acknowledged(info: &consumer::Info) -> u64 {
    let start = match info.config.deliver_policy {
        DeliverPolicy::ByStartSequence { start_sequence } => start_sequence.saturating_sub(1),
        _ => 0,
    };
    info.ack_floor.stream_sequence.max(start)
}

/// Whether a consumer is as we make it, and everything that it delivered is acknowledged.
fn can_go_on(info: &consumer::Info) -> bool {
    let consumer::Config { ack_policy, deliver_subject, filter_subject, max_ack_pending, .. } = &info.config;
    *ack_policy == AckPolicy::All
        && deliver_subject.is_none()
        && filter_subject.is_empty()
        && *max_ack_pending == MAX_ACK_PENDING
        && info.num_ack_pending == 0
        && info.delivered.consumer_sequence == info.ack_floor.consumer_sequence
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_subjects_have_some_in_common() {
        for (one, other, expected) in [
            ("netmsg", "netmsg", true),
            ("netmsg", "netconn", false),
            ("*", "netmsg", true),
            ("peer-observer.>", "peer-observer.alice.*", true),
            ("peer-observer.>", "peer-observer", false),
            (">", "rpc", true),
            ("*.*.netmsg", "peer-observer.>", true),
            ("orders.>", "peer-observer.>", false),
            ("peer-observer.alice", "peer-observer.alice.rpc", false),
        ] {
            assert_eq!(overlap(one, other), expected, "{one} {other}");
            assert_eq!(overlap(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn all_kinds_of_events_are_kept() {
        for kind in event::Kind::ALL.iter().filter(|kind| kind.source().is_some()) {
            for node in ["", "alice"] {
                let subject = subject::subject(node, *kind);
                assert!(subjects().iter().any(|kept| overlap(kept, &subject)), "{subject}");
            }
        }
    }
}
