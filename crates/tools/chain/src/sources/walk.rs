//! From a tip down to what is known: which headers are missing, in pieces of one answer each.

use bitcoin::BlockHash;

use super::parse::{do_link, hash, previous};
use super::{MAX_HEADERS, RawHeader, Source, SourceError, Status, Tip, invalid};

/// Headers that are asked for one by one, from the tip down, before a larger gap is supposed: what comes within an hour.
const STEPS: u32 = 8;

/// Headers of a branch that is not active at most: they are asked for one by one.
const MAX_BRANCH: u32 = 500;

/// Headers that were missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Each with its height, from low to high. Each is the parent of the next. Empty if the tip is known, or lower than the floor.
    pub headers: Vec<(u32, RawHeader)>,
    /// The first one is that of the floor, or its parent is known. If not, there is no way from here to what is known.
    pub linked: bool,
    /// The tip is not reached: ask again when these are known.
    pub more: bool,
}

impl Missing {
    fn none() -> Self {
        Self { headers: Vec::new(), linked: true, more: false }
    }

    /// Headers from the tip down, as they were asked for.
    fn of_branch(mut branch: Vec<(u32, RawHeader)>, linked: bool) -> Self {
        branch.reverse();
        Self { headers: branch, linked, more: false }
    }
}

/// Asks for the headers between what is known and a tip of a source, but for none below `floor`. At most [`MAX_HEADERS`]: of a larger gap the
/// lower end, so that repeating this fills it. Headers link up to the tip, or to each other; they are not checked otherwise.
///
/// # Errors
/// What the source answers; an answer with headers that do not link, as in a reorg in between; headers by other rules.
pub async fn missing_headers(
    source: &dyn Source,
    tip: &Tip,
    floor: u32,
    known: &(dyn Fn(&BlockHash) -> bool + Send + Sync),
) -> Result<Missing, SourceError> {
    if tip.height < floor || known(&tip.hash) {
        return Ok(Missing::none());
    }
    let is_active = tip.status == Status::Active;
    let steps = if is_active { STEPS } else { MAX_BRANCH };
    let (mut branch, mut next) = match down(source, (tip.height, tip.hash), floor, steps, known).await {
        Ok(Walked::Linked(branch)) => return Ok(Missing::of_branch(branch, true)),
        Ok(Walked::Gap(branch, next)) => (branch, Some(next)),
        // There are those who have headers by height only.
        Err(error) if error.is_withheld() && is_active => (Vec::new(), None),
        Err(error) => return Err(error),
    };
    if !is_active {
        return Ok(Missing::of_branch(branch, false));
    }
    match up(source, tip, floor, known).await {
        // Nor are there by height: one by one, as far as that goes.
        Err(error) if error.is_withheld() => {
            let Some(from) = next.take() else { return Err(error) };
            let rest = MAX_HEADERS.saturating_sub(STEPS);
            let (more, linked) = match down(source, from, floor, rest, known).await? {
                Walked::Linked(more) => (more, true),
                Walked::Gap(more, _) => (more, false),
            };
            branch.extend(more);
            Ok(Missing::of_branch(branch, linked))
        }
        outcome => outcome,
    }
}

/// Where a walk from the tip down ended.
enum Walked {
    /// At the floor, or above what is known.
    Linked(Vec<(u32, RawHeader)>),
    /// With as many headers as were allowed; and which one would be next.
    Gap(Vec<(u32, RawHeader)>, (u32, BlockHash)),
}

/// Goes down by the hashes of parents, for at most `max` headers.
async fn down(
    source: &dyn Source,
    (mut height, mut next): (u32, BlockHash),
    floor: u32,
    max: u32,
    known: &(dyn Fn(&BlockHash) -> bool + Send + Sync),
) -> Result<Walked, SourceError> {
    let mut branch = Vec::new();
    for _ in 0..max {
        let header = source.header(next).await?;
        branch.push((height, header));
        next = previous(&header);
        if height == floor || known(&next) {
            return Ok(Walked::Linked(branch));
        }
        // Above the floor, so not 0.
        height -= 1;
    }
    Ok(Walked::Gap(branch, (height, next)))
}

/// Finds the highest block of the active chain that is known, and asks for those after it.
async fn up(
    source: &dyn Source,
    tip: &Tip,
    floor: u32,
    known: &(dyn Fn(&BlockHash) -> bool + Send + Sync),
) -> Result<Missing, SourceError> {
    // What is below a block that is known, is known down to the floor. Of `low..=high` one is the first that is not; mostly it is near the tip.
    let (mut low, mut high) = (floor, tip.height);
    let mut step = 1_u32;
    while low < high {
        let near = high.saturating_sub(step).max(low);
        let middle = if step > 0 { near } else { low + (high - low) / 2 };
        if known(&source.hash_at(middle).await?) {
            low = middle + 1;
            step = 0;
        } else {
            high = middle;
            step = step.saturating_mul(4);
        }
    }
    let count = (tip.height - low).saturating_add(1).min(MAX_HEADERS);
    let headers = source.active_headers(low, count).await?;
    let (Some(first), Some(last)) = (headers.first(), headers.last()) else {
        return Err(invalid(source.place(), "it has no headers of its active chain"));
    };
    let reached = low.saturating_add(u32::try_from(headers.len()).unwrap_or(u32::MAX).saturating_sub(1));
    let is_tip = reached == tip.height;
    if reached > tip.height || !do_link(&headers) || (is_tip && hash(last) != tip.hash) {
        return Err(invalid(
            source.place(),
            "headers of its active chain do not link; it changed meanwhile, or its rules are not Bitcoin's",
        ));
    }
    let linked = low == floor || known(&previous(first));
    Ok(Missing { headers: (low..).zip(headers).collect(), linked, more: !is_tip })
}
