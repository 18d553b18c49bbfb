//! The pages' server, from outside: as browsers and programs use it, and as attackers do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod addrman;
mod alerts;
mod api;
mod browser;
mod chain;
mod compression;
mod connectivity;
mod feed;
mod guard;
mod happenings;
mod health;
mod own;
mod pages;
mod public;
mod running;
mod site;
mod state;
mod to_us;
