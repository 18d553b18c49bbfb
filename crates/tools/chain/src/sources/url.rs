//! URLs of servers, as they are configured.

use std::fmt;
use std::str::FromStr;

use hyper::Uri;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest URL.
const MAX_URL: usize = 500;

/// `http:` or `https:`, a host, and a path below which the API is. It has no user, password or query.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    text: String,
    /// Without the path, which can have a key in it.
    origin: String,
}

/// Text that is no URL of a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no URL of a server: {0}; write https://HOST/PATH or http://HOST:PORT")]
pub struct UrlError(&'static str);

impl ServerUrl {
    /// The server without the path: for people.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether it is reached by TLS.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// A place below it; `path` begins with a slash.
    pub(super) fn at(&self, path: &str) -> Option<Uri> {
        format!("{}{path}", self.text).parse().ok()
    }
}

impl FromStr for ServerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let text = text.trim().trim_end_matches('/');
        if text.len() > MAX_URL {
            return Err(UrlError("it is too long"));
        }
        let uri: Uri = text.parse().map_err(|_| UrlError("it has characters that no URL has, or no host"))?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(UrlError("it does not begin with http:// or https:// and a host"));
        };
        if authority.as_str().contains('@') {
            return Err(UrlError("it has a user or a password in it"));
        }
        if uri.query().is_some() {
            return Err(UrlError("it has a question mark in it"));
        }
        let origin = format!("{scheme}://{authority}");
        Ok(Self { text: format!("{origin}{}", uri.path().trim_end_matches('/')), origin })
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl<'de> Deserialize<'de> for ServerUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Serialize for ServerUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_servers() {
        for (text, origin, at) in [
            ("https://a.example/api/", "https://a.example", "https://a.example/api/x"),
            ("http://[::1]:3002", "http://[::1]:3002", "http://[::1]:3002/x"),
            ("https://a.example/key/api", "https://a.example", "https://a.example/key/api/x"),
        ] {
            let url: ServerUrl = text.parse().unwrap();
            assert_eq!((url.origin(), url.at("/x").unwrap().to_string().as_str()), (origin, at));
            assert!(!format!("{url:?}").contains("key"));
        }
        let long = format!("https://a/{}", "a".repeat(MAX_URL));
        for text in ["", "a.example", "ftp://a", "https://", "https://u:p@a", "https://a/?key=b", "https://a b", &long]
        {
            let error = text.parse::<ServerUrl>().unwrap_err().to_string();
            assert!(!error.contains("u:p") && !error.contains("key=b"), "{error}");
        }
    }
}
