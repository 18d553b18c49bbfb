//! Silences: until a time, nothing is sent of alerts that are so and so.

use std::collections::BTreeMap;

use event::filter::ip_of;
use event::pb::alerts::{Alert, Severity, State, Subject, SubjectKind};
use ipnet::IpNet;
use rusqlite::{Row, params};
use smol_str::SmolStr;
use store::sqlite::{DatabaseError, signed};

use crate::decisions::{severity, unsigned, within};
use crate::{Decision, Error, Store};

/// Silences that have not ended at most.
pub const MAX_SILENCES: u32 = 500;
/// Bytes of what an alert must be at most.
const MAX_PART: usize = 256;
/// A silence that ended is kept for so long.
const KEPT_NS: u64 = 30 * DAY_NS;
/// A silence takes so long at most.
const LONGEST_NS: u64 = 366 * DAY_NS;
const DAY_NS: u64 = 24 * 3_600 * 1_000_000_000;

/// Which alerts: those for which all is so that is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matcher {
    /// Name of the detector, or of its family.
    pub detector: Option<SmolStr>,
    /// The text of the subject; of a peer, the address does; and a subnet has its peers and smaller subnets in it.
    pub subject: Option<SmolStr>,
    /// The only node at which it is seen.
    pub node: Option<SmolStr>,
    /// Id of the incident.
    pub incident: Option<SmolStr>,
}

impl Matcher {
    /// Whether an alert is one of them.
    pub fn matches(&self, alert: &Alert) -> bool {
        let is = |wanted: &Option<SmolStr>, is_so: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(is_so);
        is(&self.detector, &|name| name == alert.detector || name == alert.family)
            && is(&self.subject, &|text| is_about(text, &alert.subject))
            && is(&self.node, &|node| matches!(&*alert.nodes, [only] if only == node))
            && is(&self.incident, &|id| id == alert.incident)
    }

    fn check(&self) -> Result<(), Error> {
        let parts = [&self.detector, &self.subject, &self.node, &self.incident];
        let mut given = parts.into_iter().flatten().peekable();
        if given.peek().is_none() {
            return Err(Error::Everything);
        }
        given.try_for_each(|part| within("what is silenced", part, 1, MAX_PART))
    }
}

/// Whether a text means the subject, or one that it is a part of.
fn is_about(text: &str, subject: &Subject) -> bool {
    if text == subject.text {
        return true;
    }
    let net = |text: &str| text.parse::<IpNet>().ok().or_else(|| ip_of(text).map(IpNet::from));
    match subject.kind() {
        SubjectKind::Peer | SubjectKind::Subnet => {
            net(text).zip(net(&subject.text)).is_some_and(|(silenced, own)| silenced.contains(&own))
        }
        _ => false,
    }
}

/// Nothing is sent of some alerts until a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Silence {
    /// Its number.
    pub id: i64,
    /// Which alerts.
    pub matcher: Matcher,
    /// Who, why, and since when.
    pub decision: Decision,
    /// When it ends, nanoseconds since the UNIX epoch.
    pub until_ns: u64,
}

impl Silence {
    fn read(row: &Row) -> rusqlite::Result<Self> {
        let part = |index| row.get::<_, Option<String>>(index).map(|part| part.map(SmolStr::from));
        let matcher = Matcher { detector: part(1)?, subject: part(2)?, node: part(3)?, incident: part(4)? };
        Ok(Self { id: row.get(0)?, matcher, decision: Decision::read(row, 5)?, until_ns: unsigned(row, 8)? })
    }
}

/// Why nothing is sent of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quiet {
    /// It is silenced.
    Silenced,
    /// Somebody looks after it.
    Acknowledged,
}

/// What people have decided, as it is at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decisions {
    /// Silences that have not ended, oldest first.
    pub silences: Vec<Silence>,
    /// Incidents that somebody looks after and that are open, with the highest severity that each had then.
    pub acknowledged: BTreeMap<SmolStr, Severity>,
}

impl Decisions {
    /// Why nothing is sent of an alert, if that is so. That an alert is over is sent to those who know of it although
    /// somebody looks after it.
    pub fn quiet(&self, alert: &Alert) -> Option<Quiet> {
        if self.silences.iter().any(|silence| silence.matcher.matches(alert)) {
            return Some(Quiet::Silenced);
        }
        let acknowledged = self.acknowledged.get(alert.incident.as_str())?;
        let is_known = alert.severity() <= *acknowledged && alert.state() == State::Open;
        is_known.then_some(Quiet::Acknowledged)
    }
}

impl Store {
    /// Silences alerts until a time, and returns the number of the silence. An incident may be given by a beginning of
    /// its id.
    ///
    /// # Errors
    /// It would silence everything, or never end; a text is too long; there are too many; or the database cannot be
    /// written.
    pub fn silence(&self, matcher: &Matcher, decision: &Decision, until_ns: u64) -> Result<i64, Error> {
        matcher.check()?;
        decision.check()?;
        let Decision { by, why, time_ns } = decision;
        if until_ns <= *time_ns || until_ns - *time_ns > LONGEST_NS {
            return Err(Error::Time);
        }
        let incident = matcher.incident.as_ref().map(|incident| self.incident(incident)).transpose()?;
        let incident = incident.as_ref().map(|incident| &*incident.id);
        let part = |part: &Option<SmolStr>| part.as_ref().map(ToString::to_string);
        let (detector, subject, node) = (part(&matcher.detector), part(&matcher.subject), part(&matcher.node));
        let (now, until) = (signed(*time_ns), signed(until_ns));
        let id = self.with(|connection| {
            let forgotten = signed(time_ns.saturating_sub(KEPT_NS));
            connection.execute("DELETE FROM silence WHERE until_ns < ?1", params![forgotten])?;
            let sql = "INSERT INTO silence (detector, subject, node, incident, by, why, time_ns, until_ns) \
                       SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 \
                       WHERE (SELECT count(*) FROM silence WHERE until_ns > ?7) < ?9";
            let parameters = params![detector, subject, node, incident, &**by, &**why, now, until, MAX_SILENCES];
            let added = connection.execute(sql, parameters)?;
            Ok((added > 0).then(|| connection.last_insert_rowid()))
        })?;
        id.ok_or(Error::Full { what: "silences", most: MAX_SILENCES, remedy: "end one first" })
    }

    /// Ends a silence now.
    ///
    /// # Errors
    /// There is none of this number that has not ended, or the database cannot be written.
    pub fn end_silence(&self, id: i64, now_ns: u64) -> Result<(), Error> {
        let sql = "UPDATE silence SET until_ns = ?2 WHERE id = ?1 AND until_ns > ?2";
        let ended = self.with(|connection| connection.execute(sql, params![id, signed(now_ns)]))?;
        if ended == 0 { Err(Error::NoSilence(id)) } else { Ok(()) }
    }

    /// What people have decided, as it is now.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn decisions(&self, now_ns: u64) -> Result<Decisions, DatabaseError> {
        self.with(|connection| {
            let sql = "SELECT id, detector, subject, node, incident, by, why, time_ns, until_ns FROM silence \
                       WHERE until_ns > ?1 ORDER BY id";
            let mut statement = connection.prepare_cached(sql)?;
            let silences = statement.query_map(params![signed(now_ns)], Silence::read)?;
            let silences = silences.collect::<rusqlite::Result<_>>()?;
            let sql = "SELECT DISTINCT acknowledgement.incident, severity FROM acknowledgement \
                       JOIN alert ON alert.incident = acknowledgement.incident WHERE state = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            let acknowledged = statement.query_map(params![State::Open.as_str_name()], |row| {
                Ok((SmolStr::from(row.get::<_, String>(0)?), severity(row.get(1)?)))
            })?;
            Ok(Decisions { silences, acknowledged: acknowledged.collect::<rusqlite::Result<_>>()? })
        })
    }
}
