//! What is usual at each node, so that it has not to be learned again after each start.

use rusqlite::params;
use store::sqlite::{DatabaseError, signed};

use crate::Store;

pub(crate) const TABLES: &str = "
-- what is usual of a series at a node
CREATE TABLE baseline (
    node TEXT NOT NULL,
    series TEXT NOT NULL,
    -- nanoseconds since the UNIX epoch: when it was written
    written_ns INTEGER NOT NULL,
    -- of a form, with a version, that the tool alerts has for itself
    baseline BLOB NOT NULL,
    PRIMARY KEY (node, series)
) WITHOUT ROWID;
";

/// Baselines that are kept: those of some thousand nodes. The oldest are forgotten.
pub const MAX_BASELINES: u32 = 200_000;
/// What was not written for so long is forgotten: 60 days, in nanoseconds.
const FORGOTTEN_NS: u64 = 60 * 86_400 * 1_000_000_000;

/// What is usual of a series at a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// Name of the node.
    pub node: String,
    /// Name of the series.
    pub series: String,
    /// What is usual, as the tool has it.
    pub baseline: Vec<u8>,
}

impl Store {
    /// All baselines.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn baselines(&self) -> Result<Vec<Baseline>, DatabaseError> {
        self.with(|connection| {
            let mut statement =
                connection.prepare("SELECT node, series, baseline FROM baseline ORDER BY node, series")?;
            let rows = statement.query_map(params![], |row| {
                Ok(Baseline { node: row.get(0)?, series: row.get(1)?, baseline: row.get(2)? })
            })?;
            rows.collect()
        })
    }

    /// Keeps baselines, each in place of the one before, and forgets old ones.
    ///
    /// # Errors
    /// The database cannot be written.
    pub fn keep_baselines(&self, baselines: &[Baseline], now_ns: u64) -> Result<(), DatabaseError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            {
                let mut statement =
                    transaction.prepare_cached("INSERT OR REPLACE INTO baseline VALUES (?1, ?2, ?3, ?4)")?;
                for Baseline { node, series, baseline } in baselines {
                    statement.execute(params![node, series, signed(now_ns), baseline])?;
                }
                let oldest = signed(now_ns.saturating_sub(FORGOTTEN_NS));
                transaction.execute("DELETE FROM baseline WHERE written_ns < ?1", params![oldest])?;
                transaction.execute(
                    "DELETE FROM baseline WHERE (node, series) IN (SELECT node, series FROM baseline ORDER BY written_ns DESC \
                     LIMIT -1 OFFSET ?1)",
                    params![MAX_BASELINES],
                )?;
            }
            transaction.commit()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_baseline_of_a_series_is_kept_for_two_months() {
        let store = Store::in_memory().unwrap();
        let of = |series: &str, baseline: u8| Baseline {
            node: "alice".to_owned(),
            series: series.to_owned(),
            baseline: vec![baseline],
        };
        let start = 1_769_860_800_000_000_000;
        store.keep_baselines(&[of("evictions", 1), of("bytes_sent", 1)], start).unwrap();
        store.keep_baselines(&[of("evictions", 2)], start + FORGOTTEN_NS).unwrap();
        assert_eq!(store.baselines().unwrap(), [of("bytes_sent", 1), of("evictions", 2)]);
        store.keep_baselines(&[], start + FORGOTTEN_NS + 1).unwrap();
        assert_eq!(store.baselines().unwrap(), [of("evictions", 2)]);
    }
}
