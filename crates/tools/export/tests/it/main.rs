//! Archives become Parquet files, which are read with the crate `parquet`, with DuckDB and with Polars.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod analysis;
mod files;
#[cfg(feature = "s3")]
mod follow;
mod manual;
mod read;
mod samples;
mod scene;
