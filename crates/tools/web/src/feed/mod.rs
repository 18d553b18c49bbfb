//! Events as they happen: each is turned into JSON once, and queued for the clients that want it.

mod client;
mod hub;
mod sse;
mod wish;
mod ws;

pub use hub::Hub;
pub use sse::events;
pub use wish::{Form, Wish, WishError};
pub use ws::socket;
