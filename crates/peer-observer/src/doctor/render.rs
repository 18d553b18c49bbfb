//! The report as a table for people.

use std::fmt::{self, Display, Write};

use anstyle::{AnsiColor, Style};
use event::quote::Plain;

use super::report::{Check, Remedy, Report, State};

pub fn text(report: &Report, color: bool) -> String {
    let mut text = String::new();
    let table = Table { report, color };
    // Writing to a string does not fail.
    let _ = write!(text, "{table}");
    text
}

struct Table<'a> {
    report: &'a Report,
    color: bool,
}

impl Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for node in &self.report.nodes {
            let bold = self.style(Style::new().bold());
            writeln!(f, "{bold}{}{bold:#}: {}", Plain(&node.name), Plain(&node.what))?;
            node.notes.iter().try_for_each(|note| writeln!(f, "note: {}", Plain(note)))?;
            self.checks(f, &node.checks)?;
            writeln!(f)?;
        }
        self.report.remedies.iter().try_for_each(|remedy| self.remedy(f, "", remedy))?;
        if !self.report.remedies.is_empty() {
            writeln!(f)?;
        }
        writeln!(f, "this machine:")?;
        self.checks(f, &self.report.machine)
    }
}

impl Table<'_> {
    fn style(&self, style: Style) -> Style {
        if self.color { style } else { Style::new() }
    }

    fn checks(&self, f: &mut fmt::Formatter<'_>, checks: &[Check]) -> fmt::Result {
        let width = checks.iter().map(|check| check.interface.len()).max().unwrap_or(0).max("INTERFACE".len());
        writeln!(f, "  {:width$}  {:7}  WHAT", "INTERFACE", "STATE")?;
        for check in checks {
            let (state, color) = match check.state {
                State::Ok => ("ok", AnsiColor::Green),
                State::Limited => ("limited", AnsiColor::Yellow),
                State::Missing => ("missing", AnsiColor::Red),
            };
            let style = self.style(color.on_default());
            writeln!(f, "  {:width$}  {style}{state:7}{style:#}  {}", check.interface, Plain(&check.what))?;
            let indent = " ".repeat(width + 13);
            check.remedies.iter().try_for_each(|remedy| self.remedy(f, &indent, remedy))?;
        }
        Ok(())
    }

    /// Advice, and lines that can be copied.
    fn remedy(&self, f: &mut fmt::Formatter<'_>, indent: &str, remedy: &Remedy) -> fmt::Result {
        writeln!(f, "{indent}{}", Plain(&remedy.advice))?;
        let bold = self.style(Style::new().bold());
        remedy.lines.iter().try_for_each(|line| writeln!(f, "{indent}    {bold}{}{bold:#}", Plain(line)))
    }
}
