//! A topic of ntfy: <https://ntfy.sh>, or a server of one's own.

use event::pb::alerts::Alert;
use serde_json::json;

use super::http::Endpoint;
use super::settings::{Values, key};
use super::text::{PLAIN, facts, fit, headline, sentence, title, urgency};
use super::{Boxed, Kind, Receiver, Sending};

pub(super) const KIND: Kind = Kind {
    name: "ntfy",
    keys: &[
        key("url", "the server [default: https://ntfy.sh]"),
        key("topic", "the topic: who knows it can read along").required().secret(),
        key("token", "access token, where the topic is protected").secret(),
    ],
    make,
};

/// By urgency: priorities from 1 to 5, and tags that are shown as pictures.
const LOOKS: [(u8, &str); 4] =
    [(2, "white_check_mark"), (3, "information_source"), (4, "warning"), (5, "rotating_light")];
/// Bytes of a text. One of more than 4096 would be made a file.
const MAX_TEXT: usize = 4_000;

struct Ntfy {
    endpoint: Endpoint,
    topic: String,
}

fn make(values: &mut Values) -> Result<Vec<Boxed>, String> {
    let url = values.text("url")?.unwrap_or_else(|| "https://ntfy.sh".to_owned());
    let endpoint = Endpoint::new(values.url("url", &url)?, values)?.with_token(values)?;
    Ok(vec![Box::new(Ntfy { endpoint, topic: values.secret("topic")?.unwrap_or_default() })])
}

impl Receiver for Ntfy {
    fn send<'a>(&'a self, alerts: &'a [&'a Alert]) -> Sending<'a> {
        Box::pin(async move {
            let is_one = alerts.len() == 1;
            let render = |alert: &Alert| {
                let headline = if is_one { String::new() } else { format!("{}\n", headline(alert)) };
                format!("{headline}{}\n{}", sentence(alert, PLAIN), facts(alert))
            };
            let (message, count) = fit(alerts, MAX_TEXT, PLAIN, render);
            let urgency = alerts.iter().map(|alert| urgency(alert)).max().unwrap_or_default();
            let (priority, tag) = LOOKS.get(urgency).copied().unwrap_or((3, ""));
            let body = json!({
                "topic": self.topic, "title": title(alerts), "message": message, "priority": priority, "tags": [tag],
            });
            self.endpoint.post(&body).await.map(|()| count)
        })
    }
}
