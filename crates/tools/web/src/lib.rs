//! The tool `web`: shows the node and its network live in a browser. It serves pages, a JSON API, and events through a WebSocket or as
//! server-sent events.

mod advice;
pub mod api;
mod assets;
mod atom;
mod feed;
mod kept;
mod logs;
mod server;
pub mod state;
mod status;

pub use advice::{Advice, Step};
pub use assets::has_view;
pub use feed::{Form, SubscribeError, SubscribeRequest};
pub use server::{Error, LISTEN, Options, Public, Server};
pub use state::Playlist;
