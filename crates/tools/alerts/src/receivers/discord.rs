//! A channel of Discord, by its webhook.

use event::pb::alerts::Alert;
use event::time::rfc3339_micros;
use serde_json::{Value, json};

use super::http::Endpoint;
use super::settings::{Values, key};
use super::text::{Form, facts, headline, sentence, urgency};
use super::{Boxed, Kind, Receiver, Sending};

pub(super) const KIND: Kind = Kind {
    name: "discord",
    keys: &[key("url", "the webhook of the channel: https://discord.com/api/webhooks/...").required().secret()],
    make,
};

/// By urgency: green, blue, orange, red.
const COLORS: [u32; 4] = [0x2e_cc71, 0x34_98db, 0xf3_9c12, 0xe7_4c3c];
/// Bytes of a title and of a text, of which Discord takes 256 and 4096 characters.
const MAX_TITLE: usize = 256;
const MAX_TEXT: usize = 4_096;
/// Bytes of all embeds of a message, of which Discord takes 6000 characters.
const MAX_ALL: usize = 5_900;

/// Markdown, in which all that may mean something is escaped.
const MARKDOWN: Form = Form { plain: escape, foreign: escape };

struct Discord(Endpoint);

fn make(values: &mut Values) -> Result<Vec<Boxed>, String> {
    let endpoint = Endpoint::new(values.secret_url("url")?, values)?;
    Ok(vec![Box::new(Discord(endpoint))])
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        // Not in numbers and addresses.
        if c.is_ascii_punctuation() && !matches!(c, '.' | ',' | '%' | '/') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

impl Receiver for Discord {
    fn send<'a>(&'a self, alerts: &'a [&'a Alert]) -> Sending<'a> {
        Box::pin(async move {
            let (mut embeds, mut length) = (Vec::<Value>::new(), 0);
            for alert in alerts {
                let mut title = escape(&headline(alert));
                title.truncate(title.floor_char_boundary(MAX_TITLE));
                let mut text = sentence(alert, MARKDOWN);
                text.truncate(text.floor_char_boundary(MAX_TEXT));
                let facts = facts(alert);
                length += title.len() + text.len() + facts.len();
                if length > MAX_ALL && !embeds.is_empty() {
                    break;
                }
                embeds.push(json!({
                    "title": title,
                    "description": text,
                    "color": COLORS.get(urgency(alert)),
                    "footer": { "text": facts },
                    "timestamp": rfc3339_micros(alert.resolved_ns.unwrap_or(alert.last_ns)),
                }));
            }
            let count = embeds.len();
            let body = json!({
                "username": "peer-observer", "embeds": embeds, "allowed_mentions": { "parse": [] },
            });
            self.0.post(&body).await.map(|()| count)
        })
    }
}
