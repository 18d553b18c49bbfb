//! The live feed: each event is turned into JSON once, and queued for the clients that subscribed to it.

mod client;
mod hub;
mod sse;
mod subscribe;
mod ws;

pub use hub::Hub;
pub use sse::events;
pub use subscribe::{Form, SubscribeError, SubscribeRequest};
pub use ws::socket;
