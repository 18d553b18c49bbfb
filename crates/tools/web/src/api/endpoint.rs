//! The endpoints of the API: the routes, the OpenAPI document and the manual's page are made from one table of them.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::parameters::{ApiError, Arguments, Parameter};
use super::{Client, Context};
use crate::kept::Kept;
use crate::state::State;
use crate::state::node::Node;
use crate::state::series::Window;

/// What an answer is made from.
pub(crate) struct RequestContext<'a> {
    /// The state of all nodes.
    pub state: &'a State,
    /// The clients of the feed.
    pub clients: &'a [Client],
    /// Whether whoever asks may control a replay.
    pub may_control: bool,
    /// The number of browsers that show the pages.
    pub browsers: usize,
    /// What people decided about alerts, for endpoints that show it. None where it is not at hand.
    pub kept: Option<&'a Kept>,
    /// The values of the request.
    pub arguments: &'a Arguments,
    /// The time of the answer, in nanoseconds since the UNIX epoch.
    pub now_ns: u64,
}

impl<'a> RequestContext<'a> {
    /// The nodes that the request is about, with their names.
    ///
    /// # Errors
    /// The request names a node that does not exist.
    pub fn nodes(&self) -> Result<Vec<(&'a str, &'a Node)>, ApiError> {
        match self.arguments.node() {
            Some(name) => self.node(name).map(|node| vec![node]),
            None => Ok(self.state.nodes.iter().map(|(name, node)| (&**name, node)).collect()),
        }
    }

    /// A node by its name.
    ///
    /// # Errors
    /// There is no such node. The text lists those that exist.
    pub fn node(&self, name: &str) -> Result<(&'a str, &'a Node), ApiError> {
        let node = self.state.nodes.get_key_value(name).map(|(name, node)| (&**name, node));
        node.ok_or_else(|| {
            let names: Vec<String> =
                self.state.nodes.keys().take(50).map(|name| event::quote::Quoted(name).to_string()).collect();
            let there_are = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
            ApiError::not_found(format!("there is no node {}; there are: {there_are}", event::quote::Quoted(name)))
        })
    }

    /// The period of the answer's time series.
    pub fn window(&self) -> Window<'a> {
        Window::new(self.arguments.number(super::parameters::MINUTES), self.now_ns, &self.state.holes)
    }
}

/// An endpoint of the API.
pub(crate) trait Endpoint {
    /// The structure of the answer.
    type Answer: Serialize + JsonSchema;
    /// The path, below `api`.
    const PATH: &'static str;
    /// What the answer is, in a few words.
    const TITLE: &'static str;
    /// What else a user must know, in whole sentences.
    const ABOUT: &'static str;
    /// The query parameters.
    const PARAMETERS: &'static [Parameter];
    /// Whether it shows what people decided about alerts.
    const KEPT: bool = false;
    /// What POST does. Of most, nothing: it is refused.
    const COMMAND: Option<Command> = None;

    /// Makes the answer.
    ///
    /// # Errors
    /// The request names something that does not exist.
    fn answer(request: &RequestContext) -> Result<Self::Answer, ApiError>;
}

/// What POST does at an endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Command {
    /// What a user must know of it, in whole sentences.
    pub about: &'static str,
    /// The JSON schema of the body.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Does it. The body is untrusted.
    pub run: fn(&Context, &[u8]) -> Result<(), ApiError>,
}

/// An [`Endpoint`], as a row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub path: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    pub parameters: &'static [Parameter],
    pub command: Option<Command>,
    /// The JSON schema of the answer.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Makes the answer, as JSON.
    pub render: fn(&Context, &Arguments) -> Result<Vec<u8>, ApiError>,
}

impl Row {
    /// The row of an endpoint.
    pub const fn of<E: Endpoint>() -> Self {
        Self {
            path: E::PATH,
            title: E::TITLE,
            about: E::ABOUT,
            parameters: E::PARAMETERS,
            command: E::COMMAND,
            schema: |generator| generator.subschema_for::<E::Answer>(),
            render: render::<E>,
        }
    }
}

fn render<E: Endpoint>(context: &Context, arguments: &Arguments) -> Result<Vec<u8>, ApiError> {
    let (mut clients, browsers, may_control) = ((context.clients)(), context.browsers.count(), context.may_control);
    // It is read before the state is locked, which must not wait for a disk.
    let incident = arguments.path.first().map(String::as_str);
    let kept = context.alerts.as_ref().filter(|_| E::KEPT).map(|store| Kept::read(store, incident));
    let kept = kept.transpose().map_err(|error| ApiError::broken(error.to_string()))?;
    let answer = {
        // The lock is held while the answer is put together, not while it is written as JSON.
        let state = context.state.lock();
        let now_ns = state.now_ns();
        if state.is_past() {
            // By the clock that is shown, so that their ages are right.
            let ahead_ns = event::time::now_ns().saturating_sub(now_ns);
            clients.iter_mut().for_each(|client| client.since.0 = client.since.0.saturating_sub(ahead_ns));
        }
        let (clients, kept) = (&*clients, kept.as_ref());
        E::answer(&RequestContext { state: &state, clients, may_control, browsers, kept, arguments, now_ns })?
    };
    // Writing fails only for maps whose keys are not text, and answers have none.
    Ok(serde_json::to_vec(&answer).unwrap_or_default())
}
