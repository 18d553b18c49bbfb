//! Why tracepoints report nothing of a node, and what would change that, as `peer-observer doctor` says it.

use schemars::JsonSchema;
use serde::Serialize;

/// Why tracepoints report nothing of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// What was found.
    pub what: String,
    /// What would help.
    pub steps: Vec<Step>,
}

/// Something to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AdviceStep")]
pub struct Step {
    /// What to do.
    pub text: String,
    /// Lines to type, or to put somewhere.
    pub lines: Vec<String>,
}
