//! Events as Parquet files, for analysis with DuckDB, Polars, ClickHouse or Spark.

mod chunk;
mod error;
mod part;
mod rows;
mod runs;
mod seen;
mod table;
mod words;

pub use crate::error::ExportError;
pub use crate::table::{COMMON, Column, Table, Type};
