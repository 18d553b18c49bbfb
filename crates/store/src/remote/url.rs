//! Names of places in a store: `s3://BUCKET/PREFIX`.

use std::fmt::{self, Display};
use std::path::Path;
use std::str::FromStr;

use object_store::path::Path as Key;
use thiserror::Error;

/// What the names begin with.
const SCHEME: &str = "s3://";
/// Bytes of the longest key that S3 takes.
const MAX_KEY: usize = 1024;

/// The name of a bucket, of an object, or of what the names of several objects begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectUrl {
    pub(crate) bucket: String,
    pub(crate) key: Key,
}

/// Text that is no such name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0:?} is no place in a store: write s3://BUCKET or s3://BUCKET/PREFIX")]
pub struct UrlError(String);

impl ObjectUrl {
    /// Whether a path is meant as such a name, well-formed or not.
    pub fn is_meant_by(path: &Path) -> bool {
        path.to_str().is_some_and(|path| path.starts_with(SCHEME))
    }

    /// What is below it, by its path from there.
    ///
    /// # Errors
    /// The path cannot be part of an object's name.
    pub fn join(&self, path: &str) -> Result<Self, UrlError> {
        format!("{}/{path}", self.to_string().trim_end_matches('/')).parse()
    }

    /// The last part of its name.
    pub fn file_name(&self) -> &str {
        self.key.as_ref().rsplit('/').next().unwrap_or_default()
    }
}

impl FromStr for ObjectUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let error = || UrlError(text.to_owned());
        let (bucket, key) =
            text.strip_prefix(SCHEME).map(|rest| rest.split_once('/').unwrap_or((rest, ""))).ok_or_else(error)?;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        let key = Key::parse(key).map_err(|_| error())?;
        let is_bucket = (1..=255).contains(&bucket.len()) && bucket.chars().all(is_plain);
        let is_key = key.as_ref().len() <= MAX_KEY && !key.as_ref().contains(char::is_control);
        if is_bucket && is_key { Ok(Self { bucket: bucket.to_owned(), key }) } else { Err(error()) }
    }
}

impl Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { bucket, key } = self;
        if key.as_ref().is_empty() { write!(f, "{SCHEME}{bucket}") } else { write!(f, "{SCHEME}{bucket}/{key}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked() {
        for (text, whole) in
            [("s3://b", "s3://b"), ("s3://b/", "s3://b"), ("s3://b/a/c", "s3://b/a/c"), ("s3://b/a/", "s3://b/a")]
        {
            assert_eq!(text.parse::<ObjectUrl>().unwrap().to_string(), whole);
        }
        for text in ["", "b", "s3:/b", "s3://", "s3:///k", "s3://b/a//c", "s3://b/../c", "s3://a b/c", "s3://b/a\nb"] {
            assert_eq!(text.parse::<ObjectUrl>(), Err(UrlError(text.to_owned())));
        }
        let url: ObjectUrl = "s3://b".parse().unwrap();
        assert_eq!(url.join("x/y").unwrap().to_string(), "s3://b/x/y");
        assert_eq!(url.join("x/y").unwrap().file_name(), "y");
    }
}
