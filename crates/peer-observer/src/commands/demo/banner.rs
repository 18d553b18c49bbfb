//! What the demo prints first: what is missing, and where to look.

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::path::Path;

use crate::doctor::Advice;

/// Ten lines, and before them why there are no tracepoints, if there are none.
pub struct Banner<'a> {
    /// Names of the nodes.
    pub nodes: &'a [String],
    /// What is served, and where.
    pub services: &'a [(&'static str, String)],
    /// Why tracepoints report nothing of nodes.
    pub advice: &'a Advice,
    /// Where the nodes live.
    pub folder: &'a Path,
}

impl Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.missing(f)?;
        writeln!(f, "\n{} Bitcoin nodes on regtest, with traffic: {}\n", self.nodes.len(), self.nodes.join(", "))?;
        let mut line = |what: &str, value: &dyn Display| writeln!(f, "  {what:<9} {value}");
        // The pages first.
        let (pages, others): (Vec<_>, Vec<_>) = self.services.iter().partition(|(what, _)| *what == "pages");
        pages.into_iter().chain(others).try_for_each(|(what, url)| line(what, url))?;
        line("terminal", &"peer-observer top, in another terminal; events: peer-observer watch")?;
        line("missing", &"peer-observer doctor reports what else could be observed of them")?;
        line("data", &format_args!("{} until the demo ends", self.folder.display()))?;
        line("end", &"Ctrl-C\n")
    }
}

impl Banner<'_> {
    /// What `doctor` says of tracepoints, once for all nodes of which it says the same.
    fn missing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut nodes: BTreeMap<Vec<String>, Vec<&str>> = BTreeMap::new();
        for (node, check) in self.advice {
            nodes.entry(check.lines()).or_default().push(node);
        }
        for (lines, nodes) in nodes {
            writeln!(f, "\nNo tracepoints of {}, so that what messages contain is not seen:", nodes.join(", "))?;
            lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
        Ok(())
    }
}
