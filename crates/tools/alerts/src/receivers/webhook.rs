//! Any program that takes JSON: one alert a request, signed.

use event::pb::alerts::{Alert, State};
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::HeaderName;
use sha2::Sha256;

use super::http::Endpoint;
use super::outbox::Grouping;
use super::settings::{Values, key};
use super::{Boxed, Kind, Receiver, Sending};
use crate::report::json_of;

pub(super) const KIND: Kind = Kind {
    name: "webhook",
    keys: &[
        key("url", "where alerts are posted").required().secret(),
        key("key", "what requests are signed with").secret(),
        key("token", "what goes into the header Authorization, after Bearer").secret(),
    ],
    make,
};

struct Webhook {
    endpoint: Endpoint,
    key: Option<String>,
}

fn make(values: &mut Values) -> Result<Vec<Boxed>, String> {
    let endpoint = Endpoint::new(values.secret_url("url")?, values)?.with_token(values)?;
    Ok(vec![Box::new(Webhook { endpoint, key: values.secret("key")? })])
}

impl Receiver for Webhook {
    fn grouping(&self) -> Grouping {
        Grouping { most: 1, wait: None }
    }

    fn send<'a>(&'a self, alerts: &'a [&'a Alert]) -> Sending<'a> {
        Box::pin(async move {
            let Some(alert) = alerts.first() else { return Ok(0) };
            let body = json_of(alert);
            let state = if alert.state() == State::Open { "open" } else { "resolved" };
            let id = format!("{}-{state}-{}", alert.id, alert.updates);
            let mut headers = vec![(HeaderName::from_static("idempotency-key"), id)];
            if let Some(key) = &self.key {
                headers.push((HeaderName::from_static("x-signature"), signature(key, &body)));
            }
            self.endpoint.post_with(body, &headers).await.map(|()| 1)
        })
    }
}

/// The signature of a body: `sha256=` and its HMAC in hexadecimal.
fn signature(key: &str, body: &str) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    /// RFC 4231, test case 2.
    #[test]
    fn signatures() {
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(super::signature("Jefe", "what do ya want for nothing?"), expected);
    }
}
