//! Reports of incidents: what happened, for people and for programs, from alerts and the archives around them.
//!
//! [`Report::new`] reads what archives have of an incident, once, in bounded memory, and only the parts that may have something of it. What
//! it found has several forms: a page ([`Report::html`]) and Markdown, which are one document in two forms; STIX 2.1, OCSF, and a ban list.

mod bans;
mod document;
mod gather;
mod guide;
mod hosts;
mod html;
mod incidents;
mod markdown;
mod ocsf;
mod plan;
mod queries;
mod redacted;
mod scope;
mod series;
mod stix;
mod story;
mod svg;

use alert_state::{Incident, Silence};
use networks::Enrichment;
use redact::Redactor;
use store::archive::{ArchiveError, Place};

pub use crate::bans::{Ban, Bans};
pub use crate::guide::Guide;
pub use crate::incidents::incidents;

use crate::gather::Facts;
use crate::scope::Scope;

/// What a report is made of, besides the incident and the archives.
#[derive(Debug, Default)]
pub struct Options {
    /// Silences that concern it.
    pub silences: Vec<Silence>,
    /// Whose addresses are, by files.
    pub enrichment: Enrichment,
    /// What the catalogue of detectors has.
    pub guides: Vec<Guide>,
    /// It is to be shared: without what would reveal where a node is.
    pub redaction: Option<Redactor>,
    /// Version of this program.
    pub version: &'static str,
    /// The present, in nanoseconds since the UNIX epoch.
    pub now_ns: u64,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// An archive cannot be read.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// Nothing of the incident may be shown.
    #[error("the incident concerns only nodes that are not shared with this recipient: name them in its section")]
    NotShown,
}

/// With whom a STIX bundle may be shared: the Traffic Light Protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tlp {
    /// With all.
    White,
    /// With the community.
    Green,
    /// Within the organization, and with those of its clients who need to know.
    #[default]
    Amber,
    /// With nobody else.
    Red,
}

/// What is known of an incident.
#[derive(Debug)]
pub struct Report {
    incident: Incident,
    silences: Vec<Silence>,
    scope: Scope,
    /// None if there is no archive.
    facts: Option<Facts>,
    bans: Option<Bans>,
    guides: Vec<Guide>,
    archives: usize,
    is_redacted: bool,
    version: &'static str,
    made_ns: u64,
}

impl Report {
    /// Reads what archives have of an incident. With none of them, a report has what the alerts say.
    ///
    /// # Errors
    /// An archive cannot be opened.
    pub fn new(incident: Incident, places: &[Place], options: Options) -> Result<Self, ReportError> {
        let Options { silences, enrichment, guides, redaction, version, now_ns } = options;
        let mut scope = Scope::of(&incident);
        let mut redactor = redaction;
        if let Some(redactor) = &mut redactor {
            scope.nodes.iter().for_each(|node| redactor.knows_node(node));
        }
        let mut facts = match places {
            [] => None,
            places => Some(gather::gather(places, &incident, &scope, &enrichment, redactor.as_mut())?),
        };
        let bans = facts.as_ref().filter(|_| redactor.is_none()).map(|facts| Bans::of(facts, &scope));
        let is_redacted = redactor.is_some();
        let (incident, silences) = match &mut redactor {
            Some(redactor) => {
                redacted::name(redactor, &mut scope, facts.as_mut());
                (redacted::incident(redactor, &incident), Vec::new())
            }
            None => (incident, silences),
        };
        if incident.alerts.is_empty() {
            return Err(ReportError::NotShown);
        }
        let archives = places.len();
        Ok(Self { incident, silences, scope, facts, bans, guides, archives, is_redacted, version, made_ns: now_ns })
    }

    /// The beginning of its id, fit for the name of a file.
    pub fn name(&self) -> String {
        let plain: String = self.incident.id.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        if plain.is_empty() { "unnamed".to_owned() } else { plain }
    }

    /// One page, which needs nothing else.
    pub fn html(&self) -> String {
        html::html(&story::document(self))
    }

    /// The same without pictures, for GitHub and mailing lists.
    pub fn markdown(&self) -> String {
        markdown::markdown(&story::document(self))
    }

    /// A bundle of STIX 2.1. None if it is redacted: pseudonyms would be taken for addresses.
    pub fn stix(&self, tlp: Tlp) -> Option<String> {
        (!self.is_redacted).then(|| stix::stix(self, tlp))
    }

    /// OCSF's detection findings, one a line.
    pub fn ocsf(&self) -> String {
        ocsf::ocsf(self)
    }

    /// The ban list. None if it is redacted, or no archive tells who was there.
    pub fn bans(&self) -> Option<&Bans> {
        self.bans.as_ref()
    }

    /// What stands above a ban list.
    pub fn heading(&self) -> String {
        let scope = &self.scope;
        format!(
            "Peers of incident {}, seen from {} to {}.\nMade by peer-observer {} at {}. Read the report before you use it.",
            self.name(),
            story::time(scope.from_ns),
            story::time(scope.to_ns),
            self.version,
            story::time(self.made_ns)
        )
    }

    fn guide(&self, detector: &str) -> Option<&Guide> {
        self.guides.iter().find(|guide| guide.name == detector)
    }
}
