//! The parameters of requests: their declaration, and the values that a request has.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use event::quote::Quoted;

/// The declaration of a query parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parameter {
    pub name: &'static str,
    pub kind: ParameterKind,
    pub about: &'static str,
}

/// The type of a parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ParameterKind {
    /// Any text, up to [`MAX_TEXT`] bytes.
    Text,
    /// 1 or 0. The default is 0.
    Flag,
    /// A whole number: minimum, maximum, default.
    Number(u64, u64, u64),
}

/// The parameter `node`, which almost all endpoints have.
pub(crate) const NODE: Parameter = Parameter {
    name: "node",
    kind: ParameterKind::Text,
    about: "The name of a node; all nodes if it is absent or empty.",
};

/// The parameter `minutes`, which all endpoints with time series have.
pub(crate) const MINUTES: Parameter = Parameter {
    name: "minutes",
    kind: ParameterKind::Number(1, 1_440, 60),
    about: "How many minutes a series has: in steps of 10 s up to 120, in steps of 60 s beyond.",
};

/// The maximum length of a text, in bytes.
const MAX_TEXT: usize = 256;

/// The error that a request gets instead of an answer.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    pub status: StatusCode,
    pub text: String,
}

impl ApiError {
    /// The request is malformed. The text describes what would be right.
    pub fn query(text: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text }
    }

    /// It may not be done here. The text says why.
    pub fn forbidden(text: String) -> Self {
        Self { status: StatusCode::FORBIDDEN, text }
    }

    /// Something does not work on this side.
    pub fn broken(text: String) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, text }
    }

    /// What the request names does not exist.
    pub fn not_found(text: String) -> Self {
        Self { status: StatusCode::NOT_FOUND, text }
    }
}

/// The values of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arguments {
    values: BTreeMap<&'static str, String>,
    /// The variable segments of the path, in order.
    pub path: Vec<String>,
}

impl Arguments {
    /// Reads a query. Empty values count as absent.
    ///
    /// # Errors
    /// Names the parameter that is unknown, invalid or there twice.
    pub fn read(query: &str, parameters: &[Parameter], path: Vec<String>) -> Result<Self, ApiError> {
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
                let all: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
                let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
                return Err(ApiError::query(format!("there is no parameter {}; there are: {all}", Quoted(&name))));
            };
            if value.is_empty() {
                continue;
            }
            parameter.check(&value)?;
            if values.insert(parameter.name, value.into_owned()).is_some() {
                return Err(ApiError::query(format!("{name} is given twice: give it once")));
            }
        }
        Ok(Self { values, path })
    }

    /// The text of a parameter, if it was given.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The node that the request is about. `None` for all nodes.
    pub fn node(&self) -> Option<&str> {
        self.text(NODE.name)
    }

    /// Whether a flag was set.
    pub fn flag(&self, name: &str) -> bool {
        self.text(name) == Some("1")
    }

    /// The number of a parameter, or its default.
    pub fn number(&self, parameter: Parameter) -> u64 {
        let ParameterKind::Number(_, _, default) = parameter.kind else { return 0 };
        self.text(parameter.name).and_then(|text| text.parse().ok()).unwrap_or(default)
    }
}

impl Parameter {
    /// Checks a value that is not empty.
    fn check(&self, value: &str) -> Result<(), ApiError> {
        let wanted = match self.kind {
            ParameterKind::Text if value.len() <= MAX_TEXT => return Ok(()),
            ParameterKind::Text => {
                return Err(ApiError::query(format!("{} is too long: {MAX_TEXT} bytes at most", self.name)));
            }
            ParameterKind::Flag if matches!(value, "0" | "1") => return Ok(()),
            ParameterKind::Flag => "1 or 0".to_owned(),
            ParameterKind::Number(min, max, _) => match value.parse::<u64>() {
                Ok(number) if (min..=max).contains(&number) => return Ok(()),
                _ => format!("a whole number from {min} to {max}"),
            },
        };
        Err(ApiError::query(format!("{} cannot be {}: give {wanted}", self.name, Quoted(value))))
    }
}
