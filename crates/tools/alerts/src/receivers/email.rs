//! Mail, by SMTP.

use std::net::IpAddr;
use std::time::Duration;

use bus::task::Chain;
use event::pb::alerts::Alert;
use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes};
use lettre::transport::smtp;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::failure::Failure;
use super::outbox::Grouping;
use super::settings::{Values, key};
use super::text::{PLAIN, facts, fit, headline, identity, sentence, title};
use super::{Boxed, Kind, Receiver, Sending};

pub(super) const KIND: Kind = Kind {
    name: "email",
    keys: &[
        key("server", "the server that takes mail: HOST, or HOST:PORT").required(),
        key("security", "\"starttls\" (as without it; port 587), \"tls\" (port 465), or \"none\" (port 25)"),
        key("username", "name to log in with"),
        key("password", "password to log in with").secret(),
        key("from", "address of the sender").required(),
        key("to", "address, or list of addresses, that mail goes to").required(),
    ],
    make,
};

/// How long the server may take for an answer.
const ANSWER: Duration = Duration::from_secs(20);
/// Bytes of a text.
const MAX_TEXT: usize = 100_000;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

struct Email {
    transport: Transport,
    from: Mailbox,
    to: Mailboxes,
}

fn make(values: &mut Values) -> Result<Vec<Boxed>, String> {
    let server = values.required("server")?;
    let parsed: Result<hyper::http::uri::Authority, _> = server.parse();
    let authority = parsed.ok().filter(|authority| !authority.as_str().contains('@') && !authority.host().is_empty());
    let authority =
        authority.ok_or_else(|| values.wrong("server", "write HOST or HOST:PORT, such as mail.example.org:587"))?;
    let host = authority.host().trim_matches(['[', ']']);
    let security = values.text("security")?.unwrap_or_else(|| "starttls".to_owned());
    let failed = |error: smtp::Error| values.wrong("server", &Chain(&error).to_string());
    let builder = match security.as_str() {
        "starttls" => Transport::starttls_relay(host).map_err(failed)?,
        "tls" => Transport::relay(host).map_err(failed)?,
        "none" => Transport::builder_dangerous(host),
        _ => return Err(values.wrong("security", "write \"starttls\", \"tls\" or \"none\"")),
    };
    let builder = builder.timeout(Some(ANSWER));
    let mut builder = match authority.port_u16() {
        Some(port) => builder.port(port),
        None => builder,
    };
    builder = match (values.text("username")?, values.secret("password")?) {
        (Some(_), Some(_)) if security == "none" && !is_here(host) => {
            let advice = "a password would be sent to another machine without encryption: use \"starttls\" or \"tls\"";
            return Err(values.wrong("security", advice));
        }
        (Some(username), Some(password)) => builder.credentials(Credentials::new(username, password)),
        (None, None) => builder,
        _ => return Err(values.wrong("username", "username and password go together: give both or neither")),
    };
    let mailbox = |name: &str, text: &str| {
        let wrong =
            |_| values.wrong(name, "write an address such as alice@example.org, or \"Alice <alice@example.org>\"");
        text.parse::<Mailbox>().map_err(wrong)
    };
    let from = mailbox("from", &values.required("from")?)?;
    let to = values.texts("to")?.unwrap_or_default();
    let to = to.iter().map(|text| mailbox("to", text)).collect::<Result<Vec<_>, _>>()?;
    Ok(vec![Box::new(Email { transport: builder.build(), from, to: to.into() })])
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// `Auto-Submitted`: so that nobody answers that they are on holiday (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Email {
    /// A message about alerts, and how many of them it has. Messages about one incident are shown as one thread.
    fn message(&self, alerts: &[&Alert]) -> Result<(Message, usize), Failure> {
        let render = |alert: &Alert| format!("{}\n{}\n{}", headline(alert), sentence(alert, PLAIN), facts(alert));
        let (text, count) = fit(alerts, MAX_TEXT, PLAIN, render);
        let shown = alerts.get(..count).unwrap_or(alerts);
        let incident = alerts.first().map_or("", |alert| &alert.incident);
        let message = Message::builder()
            .from(self.from.clone())
            .mailbox(lettre::message::header::To::from(self.to.clone()))
            .subject(title(shown))
            .message_id(Some(format!("<{}@peer-observer.invalid>", identity(shown))))
            .references(format!("<incident-{incident}@peer-observer.invalid>"))
            .header(AutoSubmitted)
            .header(ContentType::TEXT_PLAIN)
            .body(text + "\n");
        Ok((message.map_err(|error| Failure::refused(Chain(&error).to_string()))?, count))
    }
}

impl Receiver for Email {
    fn grouping(&self) -> Grouping {
        Grouping { most: 100, wait: Some(Duration::from_secs(10)) }
    }

    fn send<'a>(&'a self, alerts: &'a [&'a Alert]) -> Sending<'a> {
        Box::pin(async move {
            let (message, count) = self.message(alerts)?;
            let sent = self.transport.send(message).await;
            sent.map(|_| count).map_err(|error| {
                // A wrong password and an unknown address can be put right; a text that is not taken stays as it is.
                let is_final = error.status().is_some_and(|code| matches!(u16::from(code), 552 | 554));
                Failure { is_final, ..Failure::later(Chain(&error).to_string()) }
            })
        })
    }
}
