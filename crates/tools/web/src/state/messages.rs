//! P2P messages by type and direction.

use super::rate::Rate;
use super::series::{Known, Series};
use super::types::Type;

/// Messages of one type in one direction.
#[derive(Debug)]
pub(crate) struct Row {
    pub kind: Type,
    pub inbound: bool,
    pub count: u64,
    pub bytes: u64,
    pub last_ns: u64,
    pub rate: Rate,
    pub byte_rate: Rate,
    pub counts: Series,
    pub sizes: Series,
}

/// Messages by type and direction, by one source.
#[derive(Debug, Default)]
pub(crate) struct Messages {
    rows: Vec<Row>,
    /// Positions in `rows`, from 1 on.
    places: Vec<u8>,
    pub known: Known,
}

impl Messages {
    /// Counts messages of a type.
    #[inline]
    pub fn add(&mut self, kind: Type, inbound: bool, count: u64, bytes: u64, time_ns: u64) {
        self.known.note(time_ns);
        let place = usize::from(kind) * 2 + usize::from(inbound);
        if self.places.len() <= place {
            self.places.resize(place + 1, 0);
        }
        let Some(at) = self.places.get_mut(place) else { return };
        if *at == 0 {
            self.rows.push(Row {
                kind,
                inbound,
                count: 0,
                bytes: 0,
                last_ns: 0,
                rate: Rate::default(),
                byte_rate: Rate::default(),
                counts: Series::sum(),
                sizes: Series::sum(),
            });
            *at = self.rows.len() as u8;
        }
        let Some(row) = self.rows.get_mut(usize::from(*at) - 1) else { return };
        row.count += count;
        row.bytes = row.bytes.saturating_add(bytes);
        row.last_ns = row.last_ns.max(time_ns);
        row.rate.add(time_ns, count);
        row.byte_rate.add(time_ns, bytes);
        row.counts.add(time_ns, count as f64);
        row.sizes.add(time_ns, bytes as f64);
    }

    /// All rows.
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}
