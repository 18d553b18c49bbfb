//! The values of a column as pages of a Parquet file. What differs from row to row is encoded by the crate `parquet`.
//! Words, hashes and numbers that repeat are here already in the form that Parquet wants, which saves most of the time
//! that it would take to hand them over one by one.

use std::io::Write;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::{BoolType, ByteArray, DoubleType, FixedLenByteArray, Int64Type};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, SerializedRowGroupWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

use crate::rows::{Data, Values};
use crate::runs::{self, Runs};
use crate::words::{Dictionary, Words};

/// How hard zstd tries. Higher levels take more time and save little: most of what is large are hashes.
const LEVEL: i32 = 1;
/// Rows of a page without dictionary.
const PAGE_ROWS: usize = 1 << 15;
/// Numbers that are another one than in the row before more often than in one of so many rows are written by the crate.
const MIN_REPETITION: usize = 4;
/// Bytes of a dictionary, of which a larger one is only written if its values are there twice on average.
const SMALL_DICTIONARY: usize = 1 << 20;
/// Bytes of words at the two ends of the alphabet that are stored in full. If they are longer, neither is.
const MAX_STATISTICS: usize = 128;

/// The compression of columns.
pub(crate) fn compression() -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(LEVEL).unwrap_or_default())
}

/// What compresses columns, one after another.
pub(crate) fn compressor() -> Result<Compressor<'static>> {
    Compressor::new(LEVEL).map_err(external)
}

/// Writes the next column of a row group.
pub(crate) fn write<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<W>,
    column: ColumnDescPtr,
    compressor: &mut Compressor<'static>,
    values: &Values,
) -> Result<()> {
    let present = (column.max_def_level() > 0).then_some(&values.present);
    macro_rules! typed {
        ($type:ty, $numbers:expr) => {{
            let levels: Option<Vec<i16>> =
                present.map(|present| present.values().into_iter().map(|level| level as i16).collect());
            let mut writer = group.next_column()?.ok_or_else(|| ParquetError::EOF("a column too many".to_owned()))?;
            writer.typed::<$type>().write_batch($numbers, levels.as_deref(), None)?;
            return writer.close();
        }};
    }
    let nulls = Some(values.present.count_of(0) as u64);
    let mut chunk = Chunk::new(column, compressor, values.present.len(), present);
    let statistics = match &values.data {
        Data::Ints(numbers) if numbers.changes() * MIN_REPETITION > numbers.len() => {
            typed!(Int64Type, &numbers.values());
        }
        Data::Floats(numbers) => typed!(DoubleType, numbers),
        Data::Bools(flags) => typed!(BoolType, flags),
        Data::Ints(numbers) => {
            let distinct = || numbers.iter().map(|(number, _)| number);
            chunk.dictionary(&numbered(numbers)?, put_number)?;
            Statistics::int64(distinct().min(), distinct().max(), None, nulls, false)
        }
        Data::Unsigned(numbers) => {
            chunk.words(numbers, put_number)?;
            Statistics::int64(None, None, None, nulls, false)
        }
        Data::Words(words) => {
            chunk.words(words, put_text)?;
            let (min, max) = ends(&words.words).unzip();
            Statistics::byte_array(min, max, None, nulls, false)
        }
        Data::Hashes(hashes) => {
            chunk.words(hashes, put_hash)?;
            let none = ValueStatistics::<FixedLenByteArray>::new(None, None, None, nulls, false);
            Statistics::FixedLenByteArray(none)
        }
        Data::Texts(texts) => {
            chunk.plain(Texts(texts), put_text)?;
            Statistics::byte_array(None, None, None, nulls, false)
        }
    };
    chunk.append(group, statistics)
}

/// Numbers that repeat, each held once.
fn numbered(numbers: &Runs<i64>) -> Result<Dictionary> {
    let mut dictionary = Dictionary::default();
    for (number, count) in numbers.iter() {
        if !dictionary.push(&number.to_le_bytes(), count_of(count)?) {
            return Err(ParquetError::General("more numbers than a dictionary can have".to_owned()));
        }
    }
    Ok(dictionary)
}

/// The first and the last word in the order of the alphabet.
fn ends(words: &Words) -> Option<(ByteArray, ByteArray)> {
    let (min, max) = (words.iter().min()?, words.iter().max()?);
    let bytes_of = |word: &[u8]| ByteArray::from(word.to_vec());
    (min.len().max(max.len()) <= MAX_STATISTICS).then(|| (bytes_of(min), bytes_of(max)))
}

/// Appends a value in the form of Parquet's encoding PLAIN.
type Put = fn(&mut Vec<u8>, &[u8]);

fn put_number(out: &mut Vec<u8>, number: &[u8]) {
    out.extend_from_slice(number);
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

/// As explorers show it: the last byte on the wire first.
fn put_hash(out: &mut Vec<u8>, wire: &[u8]) {
    out.extend(wire.iter().rev());
}

/// Texts that stand one after the other, each after its length.
struct Texts<'a>(&'a [u8]);

impl<'a> Iterator for Texts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (text, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        self.0 = rest;
        Some(text)
    }
}

/// A column that is encoded here.
struct Chunk<'a> {
    column: ColumnDescPtr,
    compressor: &'a mut Compressor<'static>,
    rows: usize,
    /// Which rows have a value. None if all must have one.
    present: Option<&'a Runs<u32>>,
    pages: TrackedWrite<Vec<u8>>,
    /// Bytes of the pages before compression.
    uncompressed: usize,
    /// Where the pages with values begin, if a dictionary comes before them.
    after_dictionary: Option<usize>,
}

impl<'a> Chunk<'a> {
    fn new(
        column: ColumnDescPtr,
        compressor: &'a mut Compressor<'static>,
        rows: usize,
        present: Option<&'a Runs<u32>>,
    ) -> Self {
        let pages = TrackedWrite::new(Vec::new());
        Self { column, compressor, rows, present, pages, uncompressed: 0, after_dictionary: None }
    }

    /// Pages with words, with a dictionary if that saves something.
    fn words(&mut self, words: &Dictionary, put: Put) -> Result<()> {
        let Dictionary { numbers, words: distinct } = words;
        if distinct.bytes() <= SMALL_DICTIONARY || distinct.len() <= numbers.len() / 2 {
            return self.dictionary(words, put);
        }
        let values = numbers.iter().flat_map(|(number, count)| std::iter::repeat_n(distinct.get(number), count));
        self.plain(values, put)
    }

    /// A page with the distinct values, and one with their numbers.
    fn dictionary(&mut self, words: &Dictionary, put: Put) -> Result<()> {
        let Dictionary { numbers, words } = words;
        let mut content = Vec::with_capacity(words.bytes() + 4 * words.len());
        words.iter().for_each(|word| put(&mut content, word));
        let (num_values, encoding) = (count_of(words.len())?, Encoding::PLAIN);
        self.page(&content, |buf| Page::DictionaryPage { buf, num_values, encoding, is_sorted: false })?;
        self.after_dictionary = Some(self.pages.bytes_written());
        content.clear();
        if let Some(present) = self.present {
            put_levels(&mut content, present.iter());
        }
        let bits = runs::bits(num_values.saturating_sub(1)).max(1);
        content.push(bits as u8);
        runs::encode(&mut content, numbers.iter(), bits);
        self.values(&content, self.rows, Encoding::RLE_DICTIONARY)
    }

    /// Pages with values one after the other.
    fn plain<'v>(&mut self, mut values: impl Iterator<Item = &'v [u8]>, put: Put) -> Result<()> {
        let mut present = self.present.map(|present| present.iter().peekable());
        let (mut left, mut used) = (self.rows, 0); // rows of the run that is next
        while left > 0 {
            let rows = left.min(PAGE_ROWS);
            left -= rows;
            let mut content = Vec::new();
            let mut there = rows;
            if let Some(present) = &mut present {
                let (mut of_page, mut missing) = (Vec::new(), rows);
                while missing > 0
                    && let Some((level, count)) = present.peek().copied()
                {
                    let take = (count - used).min(missing);
                    of_page.push((level, take));
                    missing -= take;
                    used += take;
                    if used == count {
                        used = 0;
                        present.next();
                    }
                }
                there = of_page.iter().filter(|(level, _)| *level == 1).map(|(_, count)| count).sum();
                put_levels(&mut content, of_page.into_iter());
            }
            values.by_ref().take(there).for_each(|value| put(&mut content, value));
            self.values(&content, rows, Encoding::PLAIN)?;
        }
        Ok(())
    }

    fn values(&mut self, content: &[u8], rows: usize, encoding: Encoding) -> Result<()> {
        let (num_values, rle) = (count_of(rows)?, Encoding::RLE);
        self.page(content, |buf| Page::DataPage {
            buf,
            num_values,
            encoding,
            def_level_encoding: rle,
            rep_level_encoding: rle,
            statistics: None,
        })
    }

    fn page(&mut self, content: &[u8], page: impl FnOnce(Bytes) -> Page) -> Result<()> {
        let compressed = self.compressor.compress(content).map_err(external)?;
        let page = CompressedPage::new(page(compressed.into()), content.len());
        let written = SerializedPageWriter::new(&mut self.pages).write_page(page)?;
        self.uncompressed += written.uncompressed_size;
        Ok(())
    }

    /// Puts the column into its row group.
    fn append<W: Write + Send>(self, group: &mut SerializedRowGroupWriter<W>, statistics: Statistics) -> Result<()> {
        let Self { column, pages, rows, uncompressed, after_dictionary, .. } = self;
        let pages = Bytes::from(pages.into_inner()?);
        let encodings = match after_dictionary {
            Some(_) => vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY],
            None => vec![Encoding::PLAIN, Encoding::RLE],
        };
        let metadata = ColumnChunkMetaData::builder(column)
            .set_encodings(encodings)
            .set_compression(compression())
            .set_num_values(rows as i64)
            .set_total_compressed_size(pages.len() as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_dictionary_page_offset(after_dictionary.map(|_| 0))
            .set_data_page_offset(after_dictionary.unwrap_or_default() as i64)
            .set_statistics(statistics)
            .build()?;
        let (bytes_written, rows_written) = (pages.len() as u64, rows as u64);
        let (bloom_filter, column_index, offset_index) = Default::default();
        let close =
            ColumnCloseResult { bytes_written, rows_written, metadata, bloom_filter, column_index, offset_index };
        group.append_column(&pages, close)
    }
}

fn put_levels(out: &mut Vec<u8>, present: impl Iterator<Item = (u32, usize)>) {
    let mut levels = Vec::new();
    runs::encode(&mut levels, present, 1);
    out.extend_from_slice(&(levels.len() as u32).to_le_bytes());
    out.extend_from_slice(&levels);
}

fn count_of(values: usize) -> Result<u32> {
    u32::try_from(values).map_err(|_| ParquetError::General("more values than a page can have".to_owned()))
}

fn external(error: std::io::Error) -> ParquetError {
    ParquetError::External(error.into())
}
