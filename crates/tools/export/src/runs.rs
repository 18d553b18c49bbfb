//! Values that often follow each other, and Parquet's encoding of small numbers of that kind.

/// Values, those that repeat once with their count.
#[derive(Debug)]
pub(crate) struct Runs<T> {
    runs: Vec<(T, u32)>,
    length: usize,
}

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self { runs: Vec::new(), length: 0 }
    }
}

impl<T: Copy + PartialEq> Runs<T> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// How many of them are another one than the value before.
    pub fn changes(&self) -> usize {
        self.runs.len()
    }

    /// The last value.
    pub fn last(&self) -> Option<T> {
        self.runs.last().map(|(value, _)| *value)
    }

    /// Adds a value so many times.
    pub fn push(&mut self, value: T, times: u32) {
        self.length += times as usize;
        match self.runs.last_mut() {
            Some((last, count)) if *last == value && times <= u32::MAX - *count => *count += times,
            _ => self.runs.push((value, times)),
        }
    }

    /// Each value with how often it follows itself.
    pub fn iter(&self) -> impl Iterator<Item = (T, usize)> {
        self.runs.iter().map(|(value, count)| (*value, *count as usize))
    }

    /// The values.
    pub fn values(&self) -> Vec<T> {
        let mut values = Vec::with_capacity(self.length);
        self.iter().for_each(|(value, count)| values.extend(std::iter::repeat_n(value, count)));
        values
    }

    /// How often a value is there.
    pub fn count_of(&self, value: T) -> usize {
        self.iter().filter(|(other, _)| *other == value).map(|(_, count)| count).sum()
    }

    /// Bytes of memory.
    pub fn memory(&self) -> usize {
        self.runs.capacity() * size_of::<(T, u32)>()
    }
}

/// Bits that numbers up to this one take.
pub(crate) fn bits(max: u32) -> u32 {
    u32::BITS - max.leading_zeros()
}

/// Appends numbers of so many bits in Parquet's hybrid of run lengths and bit-packing.
pub(crate) fn encode(out: &mut Vec<u8>, runs: impl Iterator<Item = (u32, usize)>, bits: u32) {
    // Numbers that are not repeated often enough, in packs of 8.
    let mut packed: Vec<u32> = Vec::new();
    for (number, mut count) in runs {
        let missing = packed.len().next_multiple_of(8) - packed.len();
        let fill = count.min(missing);
        packed.extend(std::iter::repeat_n(number, fill));
        count -= fill;
        if count >= 8 {
            pack(out, &mut packed, bits);
            varint(out, (count as u64) << 1);
            out.extend(number.to_le_bytes().iter().take(bits.div_ceil(8) as usize));
        } else {
            packed.extend(std::iter::repeat_n(number, count));
        }
    }
    pack(out, &mut packed, bits);
}

/// Appends numbers without repetition; the last pack may be filled up with zeros.
fn pack(out: &mut Vec<u8>, numbers: &mut Vec<u32>, bits: u32) {
    if numbers.is_empty() {
        return;
    }
    numbers.resize(numbers.len().next_multiple_of(8), 0);
    varint(out, (numbers.len() as u64 / 8) << 1 | 1);
    let (mut pending, mut length) = (0_u64, 0);
    for number in numbers.drain(..) {
        pending |= u64::from(number) << length;
        length += bits;
        while length >= 8 {
            out.push(pending as u8);
            pending >>= 8;
            length -= 8;
        }
    }
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(numbers: &[u32], bits: u32) -> Vec<u8> {
        let mut runs = Runs::default();
        numbers.iter().for_each(|number| runs.push(*number, 1));
        assert_eq!((runs.len(), runs.values()), (numbers.len(), numbers.to_vec()));
        let mut out = Vec::new();
        encode(&mut out, runs.iter(), bits);
        out
    }

    #[test]
    fn the_examples_of_the_format() {
        // The numbers 0 to 7 with 3 bits, as Parquet's description of its encodings has them.
        assert_eq!(encoded(&[0, 1, 2, 3, 4, 5, 6, 7], 3), [3, 0b1000_1000, 0b1100_0110, 0b1111_1010]);
        assert_eq!(encoded(&[1; 8], 1), [16, 1]);
        assert_eq!(encoded(&[300; 100], 9), [200, 1, 44, 1]);
        // What does not fill a pack is taken from the run that follows.
        assert_eq!(encoded(&[[0; 3].as_slice(), &[1; 20]].concat(), 1), [3, 0b1111_1000, 30, 1]);
        assert_eq!(encoded(&[], 1), [0_u8; 0]);
        assert_eq!((bits(0), bits(1), bits(255), bits(256)), (0, 1, 8, 9));
    }

    #[test]
    fn values_that_repeat_are_held_once() {
        let mut runs = Runs::default();
        [(7_i64, 3), (7, 2), (-1, u32::MAX), (-1, 1)].into_iter().for_each(|(value, times)| runs.push(value, times));
        assert_eq!((runs.changes(), runs.last(), runs.count_of(7)), (3, Some(-1), 5));
        assert_eq!(runs.len(), 6 + u32::MAX as usize);
    }
}
