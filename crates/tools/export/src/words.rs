//! Values of which there are few, each held once.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::runs::Runs;

/// The values of a column, as numbers of words.
#[derive(Debug, Default)]
pub(crate) struct Dictionary {
    pub numbers: Runs<u32>,
    pub words: Words,
}

impl Dictionary {
    /// Adds a value so many times; false if there is no room for another word. Mostly it is the same as in the row
    /// before.
    pub fn push(&mut self, word: &[u8], times: u32) -> bool {
        match self.numbers.last() {
            Some(last) if self.words.get(last) == word => {
                self.numbers.push(last, times);
                true
            }
            _ => self.push_other(word, times),
        }
    }

    /// The same where it mostly is another one.
    pub fn push_other(&mut self, word: &[u8], times: u32) -> bool {
        let number = self.words.number_of(word);
        number.map(|number| self.numbers.push(number, times)).is_some()
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        self.numbers.memory() + self.words.memory()
    }
}

/// Distinct values, numbered in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Words {
    bytes: Vec<u8>,
    /// Where each value ends.
    ends: Vec<u32>,
    numbers: HashTable<u32>,
    // Words come from peers: nobody shall know which ones collide.
    hasher: RandomState,
}

/// Bytes that the values have together at most: positions are 32 bits.
const MAX_BYTES: usize = 1 << 30;

impl Words {
    /// The value of a number; nothing if there is none.
    pub fn get(&self, number: u32) -> &[u8] {
        value(&self.bytes, &self.ends, number)
    }

    /// The number of a value, which is added if it is new; none if there is no room for more.
    pub fn number_of(&mut self, word: &[u8]) -> Option<u32> {
        let Self { bytes, ends, numbers, hasher } = self;
        let hash = hasher.hash_one(word);
        if let Some(number) = numbers.find(hash, |number| value(bytes, ends, *number) == word) {
            return Some(*number);
        }
        let number = u32::try_from(ends.len()).ok()?;
        let end = bytes.len().checked_add(word.len()).filter(|end| *end <= MAX_BYTES)?;
        bytes.extend_from_slice(word);
        ends.push(u32::try_from(end).ok()?);
        numbers.insert_unique(hash, number, |number| hasher.hash_one(value(bytes, ends, *number)));
        Some(number)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes that they have together.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// All of them, by their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.ends.len() as u32).map(|number| self.get(number))
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * 4 + self.numbers.capacity() * 5
    }
}

fn value<'a>(bytes: &'a [u8], ends: &[u32], number: u32) -> &'a [u8] {
    let number = number as usize;
    let start = number.checked_sub(1).and_then(|before| ends.get(before)).map_or(0, |end| *end as usize);
    ends.get(number).and_then(|end| bytes.get(start..*end as usize)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_one_number() {
        let mut words = Words::default();
        let numbers: Vec<_> = [b"inv".as_slice(), b"", b"tx", b"inv", b""].map(|word| words.number_of(word)).into();
        assert_eq!(numbers, [0, 1, 2, 0, 1].map(Some));
        assert_eq!(words.iter().collect::<Vec<_>>(), [b"inv".as_slice(), b"", b"tx"]);
        assert_eq!((words.len(), words.bytes(), words.get(7)), (3, 5, [].as_slice()));
    }
}
