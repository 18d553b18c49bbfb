//! One Parquet file: the rows of one archive, table and date. It has its name only when it is complete and on the
//! disk.

use std::fs::{DirBuilder, File};
use std::io::BufWriter;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type as Schema, TypePtr};
use tempfile::{NamedTempFile, TempPath};

use crate::chunk;
use crate::error::ExportError;
use crate::rows::Rows;
use crate::seen::Seen;
use crate::table::{COMMON, Column, Table, Type};

/// What the names of files begin with that are not complete.
const UNFINISHED: &str = ".part-";

/// A file that is being written.
pub(crate) struct Part {
    table: &'static Table,
    path: PathBuf,
    rows: Rows,
    /// None before the first row group.
    writer: Option<SerializedFileWriter<BufWriter<NamedTempFile>>>,
    written: u64,
}

/// A file that is complete, but for its name.
#[derive(Debug)]
pub(crate) struct Complete {
    pub table: &'static Table,
    pub path: PathBuf,
    pub rows: u64,
    pub bytes: u64,
    // Not open any more: there may be many.
    file: TempPath,
}

impl Part {
    /// No rows of a table yet. There is no file as long as there are none.
    pub fn new(table: &'static Table, path: PathBuf) -> Self {
        Self { table, path, rows: Rows::new(table), writer: None, written: 0 }
    }

    fn create(&self) -> Result<SerializedFileWriter<BufWriter<NamedTempFile>>, ExportError> {
        let path = &*self.path;
        let folder = path.parent().unwrap_or(Path::new("."));
        make_folder(folder)?;
        // Readable for the owner alone, as archives are.
        let file = tempfile::Builder::new().prefix(&unfinished(path)).suffix(".tmp").tempfile_in(folder);
        let file = file.map_err(ExportError::io("create a file in", folder))?;
        // So that nobody takes it for one that was left behind.
        file.as_file().lock().map_err(ExportError::io("lock", file.path()))?;
        let schema = schema(self.table).map_err(ExportError::parquet(path))?;
        let writer = SerializedFileWriter::new(BufWriter::new(file), schema, Arc::new(properties(self.table)));
        writer.map_err(ExportError::parquet(path))
    }

    /// Adds the rows of an event.
    pub fn add(&mut self, seen: &Seen) {
        (self.table.rows)(seen, &mut self.rows);
    }

    /// Rows that wait to be written.
    pub fn waiting(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of memory that these take.
    pub fn memory(&self) -> usize {
        self.rows.memory()
    }

    /// Writes what waits as a row group.
    pub fn flush(&mut self) -> Result<(), ExportError> {
        if self.rows.len() == 0 {
            return Ok(());
        }
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.create()?,
        };
        write_group(&mut writer, &self.rows).map_err(ExportError::parquet(&self.path))?;
        self.writer = Some(writer);
        self.written += self.rows.len() as u64;
        // Gives their memory back: the next ones may be few.
        self.rows = Rows::new(self.table);
        Ok(())
    }

    /// Writes what is left, and waits until all is on the disk. None if there are no rows.
    pub fn complete(mut self) -> Result<Option<Complete>, ExportError> {
        self.flush()?;
        let Self { table, path, writer, written, .. } = self;
        let Some(writer) = writer else { return Ok(None) };
        let out = writer.into_inner().map_err(ExportError::parquet(&path))?;
        let file = out.into_inner().map_err(|error| ExportError::io("write", &path)(error.into_error()))?;
        file.as_file().sync_all().map_err(ExportError::io("write", &path))?;
        let bytes = file.as_file().metadata().map_err(ExportError::io("read", &path))?.len();
        Ok(Some(Complete { table, path, rows: written, bytes, file: file.into_temp_path() }))
    }
}

impl Complete {
    /// Gives it its name. One of that name is replaced.
    pub fn publish(self) -> Result<(), ExportError> {
        give_name(self.file, &self.path)
    }
}

/// Gives a file that is on the disk its name, and waits until the disk has that. One of that name is replaced.
pub(crate) fn give_name(file: TempPath, path: &Path) -> Result<(), ExportError> {
    file.persist(path).map_err(|error| ExportError::io("rename a file to", path)(error.error))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(ExportError::io("write", folder))
}

/// Makes a folder that is readable for the owner alone, if it is not there.
pub(crate) fn make_folder(folder: &Path) -> Result<(), ExportError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(ExportError::io("create", folder))
}

fn write_group(
    writer: &mut SerializedFileWriter<BufWriter<NamedTempFile>>,
    rows: &Rows,
) -> parquet::errors::Result<()> {
    let columns = writer.schema_descr().columns().to_vec();
    let (mut group, mut compressor) = (writer.next_row_group()?, chunk::compressor()?);
    for (values, column) in rows.columns().iter().zip(columns) {
        chunk::write(&mut group, column, &mut compressor, values)?;
    }
    group.close().map(drop)
}

/// What the name of a file begins with before it is complete.
fn unfinished(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    format!("{UNFINISHED}{}.", stem.strip_prefix("part-").unwrap_or(&stem))
}

/// Whether a file is a part of the archive whose parts have this name: what comes after it is nothing, or numbers.
pub(crate) fn is_former(file: &str, name: &str) -> bool {
    let Some(numbers) = file.strip_prefix(name).and_then(|rest| rest.strip_suffix(".parquet")) else { return false };
    let mut numbers = numbers.split('-');
    numbers.next() == Some("") && numbers.all(|number| number.bytes().all(|digit| digit.is_ascii_digit()))
}

fn schema(table: &Table) -> parquet::errors::Result<TypePtr> {
    let fields: parquet::errors::Result<Vec<TypePtr>> =
        table.all_columns().map(|column| field(column).map(Arc::new)).collect();
    Ok(Arc::new(Schema::group_type_builder(table.name).with_fields(fields?).build()?))
}

fn field(column: &Column) -> parquet::errors::Result<Schema> {
    let (physical, logical) = match column.kind {
        Type::Time => (Physical::INT64, Some(LogicalType::timestamp(true, TimeUnit::MICROS))),
        Type::Int => (Physical::INT64, None),
        Type::Unsigned => (Physical::INT64, Some(LogicalType::integer(64, false))),
        Type::Float => (Physical::DOUBLE, None),
        Type::Bool => (Physical::BOOLEAN, None),
        Type::Word | Type::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Type::Hash => (Physical::FIXED_LEN_BYTE_ARRAY, None),
    };
    let repetition = if is_required(column) { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    let field = Schema::primitive_type_builder(column.name, physical).with_repetition(repetition);
    field.with_logical_type(logical).with_length(if column.kind == Type::Hash { 32 } else { -1 }).build()
}

/// The time and the node: all events have them.
fn is_required(column: &Column) -> bool {
    COMMON.iter().take(2).any(|common| common.name == column.name)
}

fn properties(table: &Table) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(chunk::compression())
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_created_by(concat!("peer-observer ", env!("CARGO_PKG_VERSION")).to_owned());
    for column in table.all_columns() {
        if matches!(column.kind, Type::Time | Type::Int) {
            let path = ColumnPath::from(column.name);
            properties = properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    properties.build()
}

#[cfg(test)]
mod tests {
    use event::pb::p2p_extractor::p2p::P2pEvent;
    use event::pb::p2p_extractor::{P2p, PingDuration};
    use event::{Body, Record};
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::seen::Peers;
    use crate::table::{Value, flag, float, hash, int, text, unsigned, word};

    static TABLE: Table = Table {
        name: "test",
        meaning: "All types.",
        columns: &[
            int("i", ""),
            unsigned("u", ""),
            float("f", ""),
            flag("b", ""),
            word("w", ""),
            text("t", ""),
            hash("h", ""),
        ],
        rows: |_, _| {},
    };

    type Row = (Option<i64>, Option<u64>, Option<i32>, Option<bool>, Option<u8>, Option<String>, Option<u8>);

    fn field<T>(value: Option<T>, field: impl Fn(T) -> Field) -> Field {
        value.map_or(Field::Null, field)
    }

    /// Each row as often as it says, in groups: what is read is what was written.
    fn round_trip(groups: &[Vec<(Row, usize)>]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part-x.parquet");
        let p2p_event = Some(P2pEvent::PingDuration(PingDuration { duration: 1 }));
        let record = Record::new("n".into(), 7, 1, 5000, Body::P2pExtractor(P2p { p2p_event }));
        let peers = Peers::default();
        let seen = Seen::new(&record, None, &peers);
        let mut part = Part::new(&TABLE, path.clone());
        for group in groups {
            for ((i, u, f, b, w, t, h), times) in group {
                let word = w.map(|w| format!("word {w}"));
                let hash = h.map(|h| [h; 32]);
                for _ in 0..*times {
                    let u = u.map_or(Value::Null, Value::Unsigned);
                    let h = hash.as_ref().map_or(Value::Null, |hash| Value::Hash(hash));
                    let (f, w, t) = (f.map(f64::from), word.as_deref(), t.as_deref());
                    part.rows.push(&seen, [(*i).into(), u, f.into(), (*b).into(), w.into(), t.into(), h]);
                }
            }
            part.flush().unwrap();
        }
        let expected: Vec<&Row> = groups.iter().flatten().flat_map(|(row, n)| std::iter::repeat_n(row, *n)).collect();
        let Some(complete) = part.complete().unwrap() else { return assert!(expected.is_empty()) };
        complete.publish().unwrap();
        let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
        let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), expected.len());
        for (row, (i, u, f, b, w, t, h)) in rows.iter().zip(expected) {
            let fields: Vec<_> = row.get_column_iter().map(|(_, field)| field.clone()).collect();
            let common = [Field::TimestampMicros(5), Field::Str("n".to_owned()), Field::ULong(7), Field::Long(1)];
            let own = [
                field(*i, Field::Long),
                field(*u, Field::ULong),
                field(*f, |f| Field::Double(f.into())),
                field(*b, Field::Bool),
                field(*w, |w| Field::Str(format!("word {w}"))),
                field(t.clone(), Field::Str),
                field(*h, |h| Field::Bytes(vec![h; 32].into())),
            ];
            assert_eq!(fields, [common.as_slice(), &own].concat());
        }
    }

    #[test]
    fn many_pages() {
        let row = |n: u8| (Some(n.into()), None, None, Some(true), Some(n), Some("text".to_owned()), Some(n));
        let none = (None, None, None, None, None, None, None);
        round_trip(&[vec![(row(1), 40_000), (none.clone(), 7), (row(2), 30_000), (none, 40_000), (row(3), 1)]]);
    }

    #[test]
    fn more_values_than_a_dictionary_has() {
        let row = |n: u64| ((None, (!n.is_multiple_of(9)).then_some(n), None, None, None, None, None), 1);
        round_trip(&[(0..160_000).map(row).collect()]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read(groups in vec(vec((any::<Row>(), 1_usize..20), 0..40), 0..4)) {
            round_trip(&groups);
        }

        #[test]
        fn values_that_repeat(
            rows in vec((option::of(0_i64..3), option::of(0_u64..2), option::of(0_i32..2), any::<Option<bool>>(),
                option::of(0_u8..40), option::of("[ab]{0,2}"), option::of(0_u8..3)), 0..300),
        ) {
            round_trip(&[rows.into_iter().map(|row| (row, 1)).collect()]);
        }
    }
}
