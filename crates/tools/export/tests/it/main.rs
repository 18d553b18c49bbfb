//! Archives become Parquet files, which are read with the crate `parquet`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod files;
mod manual;
mod read;
mod samples;
