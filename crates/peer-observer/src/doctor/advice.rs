//! Why tracepoints report nothing of a node, for those who show the node: what `doctor` says of it, with its line.

use std::collections::BTreeMap;

use extractor_ebpf::kernel::KernelSupport;
use node::Target;

use super::report::{Check, Remedy, State, TRACEPOINTS};
use super::{ebpf, tracepoints};

/// By the name of the node.
pub type Advice = BTreeMap<String, Check>;

/// Looks at nodes: their names, where they are, and whether tracepoints are to be followed. Those of which nothing is known, as long as
/// they do not run, are left out. To be called before privileges are given up.
pub fn advice<'a>(nodes: impl Iterator<Item = (&'a str, &'a Target, bool)>) -> Advice {
    let this = KernelSupport::this();
    let found =
        nodes.filter_map(|(name, target, is_chosen)| Some((name.to_owned(), of_node(target, is_chosen, &this)?)));
    found.collect()
}

fn of_node(target: &Target, is_chosen: bool, this: &KernelSupport) -> Option<Check> {
    if target.is_remote() {
        return Some(Check::elsewhere(TRACEPOINTS, "ebpf"));
    }
    let located = target.locate().ok()?;
    if located.pid.is_none() && located.binary.is_none() {
        return None;
    }
    let check = tracepoints::check(&located, true);
    if check.state == State::Missing {
        return Some(check);
    }
    // The node has them.
    let obstacle = ebpf::checks(this).into_iter().find(|check| check.state == State::Missing);
    obstacle.or_else(|| (!is_chosen).then(not_chosen))
}

fn not_chosen() -> Check {
    let what = "the node has them, but the extractor ebpf is not among those that run";
    Check::new(TRACEPOINTS, State::Missing, what)
        .remedy(Remedy::new("add it to the option that chooses them:").line("--extract ebpf,rpc,log,process"))
}

impl Check {
    /// What was found and what would help, in lines for people. Lines to type are indented.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![self.what.clone()];
        for remedy in &self.remedies {
            lines.push(remedy.advice.clone());
            lines.extend(remedy.lines.iter().map(|line| format!("    {line}")));
        }
        lines
    }
}
