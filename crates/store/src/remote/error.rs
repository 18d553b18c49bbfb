//! What may go wrong with a store.

use std::error::Error;
use std::time::Duration;

use object_store::client::{HttpError, HttpErrorKind};
use thiserror::Error;

use super::url::ObjectUrl;

/// Characters of what a store says that are shown.
const MAX_WORDS: usize = 200;
/// Why nothing can be asked for.
pub(crate) const NO_KEY: &str = "there is no access key: give access_key_id and secret_access_key in [s3], or \
                                 AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
/// Where machines at Amazon get their keys.
const METADATA: &str = "http://169.254.";
/// What `object_store` says of an answer that is an error; the status follows.
const ANSWERED: &str = "Server returned non-2xx status code: ";

/// Something that could not be done with an object or a bucket. Neither the text nor its causes have any key.
#[derive(Debug, Error)]
#[error("cannot {doing} {what}: {why}")]
pub struct RemoteError {
    doing: &'static str,
    what: String,
    why: String,
    /// Another try may succeed without any change of the configuration.
    is_passing: bool,
}

impl RemoteError {
    pub(crate) fn new(doing: &'static str, what: &ObjectUrl, why: impl Into<String>) -> Self {
        Self { doing, what: what.to_string(), why: why.into(), is_passing: false }
    }

    pub(crate) fn of(doing: &'static str, what: &ObjectUrl) -> impl Fn(object_store::Error) -> Self {
        move |error| {
            let answer = Answer::of(&error);
            let is_passing = match (&error, answer.status) {
                (_, Some(status)) => status == 429 || status >= 500,
                (error, None) => matches!(error, object_store::Error::Generic { .. }),
            };
            Self { is_passing, ..Self::new(doing, what, why(&error, &answer)) }
        }
    }

    pub(crate) fn late(doing: &'static str, what: &ObjectUrl, after: Duration) -> Self {
        let why = format!("there is no answer after {} s", after.as_secs());
        Self { is_passing: true, ..Self::new(doing, what, why) }
    }

    pub(crate) fn io(doing: &'static str, what: &ObjectUrl) -> impl Fn(std::io::Error) -> Self {
        move |error| Self::new(doing, what, error.to_string())
    }

    /// The store is away or busy: another try may succeed.
    pub fn is_passing(&self) -> bool {
        self.is_passing
    }
}

/// The reason for people, with what to do about it.
fn why(error: &object_store::Error, answer: &Answer) -> String {
    use object_store::Error as E;
    let words = &answer.words;
    if chain(error).any(|cause| cause.to_string().contains(METADATA)) {
        return format!("{NO_KEY}; this machine has no role at Amazon either");
    }
    match (error, answer.status) {
        (E::PermissionDenied { .. } | E::Unauthenticated { .. }, _) | (_, Some(401 | 403)) => format!(
            "the store refuses{words}: check the keys in [s3], or in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and \
             what they permit"
        ),
        (E::NotFound { .. }, _) | (_, Some(404)) => format!("there is no such object or bucket{words}"),
        (E::Precondition { .. }, _) => format!("it was replaced meanwhile{words}"),
        _ => match http_error(error) {
            Some((HttpErrorKind::Connect, cause)) => {
                format!("the store cannot be reached ({cause}): check endpoint and region in [s3]")
            }
            Some((_, cause)) => format!("the connection to the store failed ({cause})"),
            None if !words.is_empty() => format!("the store reports an error{words}"),
            None => innermost(error),
        },
    }
}

/// What a store answered: the status, and its code and message as words. Nothing else of it is used, for it may quote
/// the request.
#[derive(Default)]
struct Answer {
    status: Option<u16>,
    words: String,
}

impl Answer {
    fn of(error: &object_store::Error) -> Self {
        // The type with the status and the body is private: they are taken from its text.
        let Some(text) = chain(error).map(ToString::to_string).find(|text| text.starts_with(ANSWERED)) else {
            return Self::default();
        };
        let status = text.strip_prefix(ANSWERED).and_then(|rest| rest.get(..3)).and_then(|status| status.parse().ok());
        let element = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            let (text, _) = rest.split_once(&format!("</{name}>"))?;
            Some(plain(text))
        };
        let words = match (element("Code"), element("Message"), status) {
            (Some(code), Some(message), _) => format!(" ({code}: {message})"),
            (Some(code), None, _) => format!(" ({code})"),
            (None, _, Some(status)) => format!(" (status {status})"),
            (None, _, None) => String::new(),
        };
        Self { status, words }
    }
}

fn http_error(error: &object_store::Error) -> Option<(HttpErrorKind, String)> {
    let http = chain(error).find_map(|cause| cause.downcast_ref::<HttpError>())?;
    Some((http.kind(), innermost(http)))
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    chain(error).last().map(|cause| plain(&cause.to_string())).unwrap_or_default()
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

/// Text of others that can be shown: short, and in one line.
fn plain(text: &str) -> String {
    event::quote::Plain(text).to_string().chars().take(MAX_WORDS).collect()
}
