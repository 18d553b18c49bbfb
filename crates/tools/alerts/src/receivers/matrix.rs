//! A room of Matrix.

use event::pb::alerts::Alert;
use serde_json::json;

use super::http::{Endpoint, below};
use super::settings::{Values, key};
use super::text::{HTML, PLAIN, facts, fit, headline, identity, sentence};
use super::{Boxed, Kind, Receiver, Sending};

pub(super) const KIND: Kind = Kind {
    name: "matrix",
    keys: &[
        key("url", "the homeserver, such as https://matrix.example.org").required(),
        key("room", "id of the room, such as !abc:example.org: its user must be in it").required(),
        key("token", "access token of the user who sends").required().secret(),
    ],
    make,
};

/// Bytes of each form of the text. All of an event may have 65,536.
const MAX_TEXT: usize = 20_000;

struct Matrix(Endpoint);

fn make(values: &mut Values) -> Result<Vec<Boxed>, String> {
    let (url, room) = (values.required("url")?, values.required("room")?);
    if !room.starts_with('!') {
        return Err(values.wrong("room", "write the id of the room, which begins with !, and not one of its names"));
    }
    let room: String = room.bytes().map(percent).collect();
    let path = format!("_matrix/client/v3/rooms/{room}/send/m.room.message");
    let uri = below(&values.url("url", &url)?, &path).map_err(|error| values.wrong("url", &error))?;
    Ok(vec![Box::new(Matrix(Endpoint::new(uri, values)?.with_token(values)?))])
}

/// A byte as a part of a path.
fn percent(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    }
}

impl Receiver for Matrix {
    fn send<'a>(&'a self, alerts: &'a [&'a Alert]) -> Sending<'a> {
        Box::pin(async move {
            let html = |alert: &Alert| {
                let (headline, facts) = ((HTML.plain)(&headline(alert)), (HTML.plain)(&facts(alert)));
                format!("<strong>{headline}</strong><br>{}<br><small>{facts}</small><br>", sentence(alert, HTML))
            };
            let plain = |alert: &Alert| format!("{}\n{}\n{}", headline(alert), sentence(alert, PLAIN), facts(alert));
            let (html, count) = fit(alerts, MAX_TEXT, HTML, html);
            let shown = alerts.get(..count).unwrap_or(alerts);
            let (plain, _) = fit(shown, MAX_TEXT, PLAIN, plain);
            let body = json!({
                "msgtype": "m.notice", "body": plain, "format": "org.matrix.custom.html", "formatted_body": html,
                "m.mentions": {},
            });
            self.0.put(&identity(shown), &body).await.map(|()| count)
        })
    }
}
