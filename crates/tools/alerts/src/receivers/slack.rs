//! A channel of Slack, or of what understands its webhooks.

use event::pb::alerts::Alert;
use serde_json::json;

use super::http::Endpoint;
use super::settings::{Values, key};
use super::text::{Form, facts, fit, headline, sentence, title};
use super::{Boxed, Kind, Receiver, Sending};

pub(super) const KIND: Kind = Kind {
    name: "slack",
    keys: &[key("url", "the webhook of the channel: https://hooks.slack.com/services/...").required().secret()],
    make,
};

/// Bytes of the text of a block, of which Slack takes 3000 characters.
const MAX_TEXT: usize = 3_000;

/// Text of which Slack's control sequences can be no part.
const TEXT: Form = Form { plain: escape, foreign: escape };

struct Slack(Endpoint);

fn make(values: &mut Values) -> Result<Vec<Boxed>, String> {
    let endpoint = Endpoint::new(values.secret_url("url")?, values)?;
    Ok(vec![Box::new(Slack(endpoint))])
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl Receiver for Slack {
    fn send<'a>(&'a self, alerts: &'a [&'a Alert]) -> Sending<'a> {
        Box::pin(async move {
            let render =
                |alert: &Alert| format!("{}\n{}\n{}", escape(&headline(alert)), sentence(alert, TEXT), facts(alert));
            let (text, count) = fit(alerts, MAX_TEXT, TEXT, render);
            // Plain text has no links, no names and no markup.
            let block = json!({ "type": "section", "text": { "type": "plain_text", "text": text, "emoji": false } });
            let body = json!({ "text": escape(&title(alerts)), "mrkdwn": false, "blocks": [block] });
            self.0.post(&body).await.map(|()| count)
        })
    }
}
