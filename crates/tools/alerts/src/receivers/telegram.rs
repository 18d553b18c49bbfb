//! A chat of Telegram, by a bot.

use event::pb::alerts::Alert;
use serde_json::json;

use super::http::{Endpoint, below};
use super::settings::{Values, key};
use super::text::{HTML, facts, fit, headline, sentence, urgency};
use super::{Boxed, Kind, Receiver, Sending};

pub(super) const KIND: Kind = Kind {
    name: "telegram",
    keys: &[
        key("url", "the server of the API [default: https://api.telegram.org]"),
        key("chat", "id of the chat in quotes, or @NAME of a channel").required(),
        key("token", "token of the bot").required().secret(),
    ],
    make,
};

/// Bytes of a text, of which Telegram takes 4096 characters.
const MAX_TEXT: usize = 4_096;

struct Telegram {
    endpoint: Endpoint,
    chat: String,
}

fn make(values: &mut Values) -> Result<Vec<Boxed>, String> {
    let url = values.text("url")?.unwrap_or_else(|| "https://api.telegram.org".to_owned());
    let token = values.secret("token")?.unwrap_or_default();
    if !token.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_')) {
        return Err(values.wrong("token", "a token of Telegram has letters, digits and : - _ only"));
    }
    let uri = below(&values.url("url", &url)?, &format!("bot{token}/sendMessage"));
    let uri = uri.map_err(|error| values.wrong("url", &error))?;
    let endpoint = Endpoint::new(uri, values)?;
    Ok(vec![Box::new(Telegram { endpoint, chat: values.required("chat")? })])
}

impl Receiver for Telegram {
    fn send<'a>(&'a self, alerts: &'a [&'a Alert]) -> Sending<'a> {
        Box::pin(async move {
            let render = |alert: &Alert| {
                let (headline, facts) = ((HTML.plain)(&headline(alert)), (HTML.plain)(&facts(alert)));
                format!("<b>{headline}</b>\n{}\n<i>{facts}</i>", sentence(alert, HTML))
            };
            let (text, count) = fit(alerts, MAX_TEXT, HTML, render);
            let is_urgent = alerts.iter().any(|alert| urgency(alert) > 1);
            let body = json!({
                "chat_id": self.chat, "text": text, "parse_mode": "HTML", "disable_notification": !is_urgent,
                "link_preview_options": { "is_disabled": true },
            });
            self.endpoint.post(&body).await.map(|()| count)
        })
    }
}
