//! What can be asked for: one table, from which the routes, the OpenAPI document and the manual's page are made.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;

use super::asked::{Asked, Parameter, Problem};
use super::{Client, Context};
use crate::state::State;
use crate::state::node::Node;
use crate::state::series::Window;

/// What an answer is made of.
pub(crate) struct Known<'a> {
    pub state: &'a State,
    pub clients: &'a [Client],
    pub asked: &'a Asked,
    pub now_ns: u64,
}

impl<'a> Known<'a> {
    /// The nodes that were asked for, by name.
    pub fn nodes(&self) -> Result<Vec<(&'a str, &'a Node)>, Problem> {
        match self.asked.node() {
            Some(name) => self.node(name).map(|node| vec![node]),
            None => Ok(self.state.nodes.iter().map(|(name, node)| (&**name, node)).collect()),
        }
    }

    /// One node.
    pub fn node(&self, name: &str) -> Result<(&'a str, &'a Node), Problem> {
        let found = self.state.nodes.get_key_value(name).map(|(name, node)| (&**name, node));
        found.ok_or_else(|| {
            let names: Vec<String> =
                self.state.nodes.keys().take(50).map(|name| event::quote::Quoted(name).to_string()).collect();
            let there_are = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
            Problem::not_found(format!("there is no node {}; there are: {there_are}", event::quote::Quoted(name)))
        })
    }

    /// The time that series show.
    pub fn window(&self) -> Window {
        Window::new(self.asked.number(super::asked::MINUTES), self.now_ns)
    }
}

/// An answer that can be asked for.
pub(crate) trait Endpoint {
    /// What is answered.
    type Answer: Serialize + JsonSchema;
    /// Where, below `api`.
    const PATH: &'static str;
    /// What it is, in a few words.
    const TITLE: &'static str;
    /// What there is to know of it.
    const ABOUT: &'static str;
    /// What it takes.
    const PARAMETERS: &'static [Parameter];

    /// Makes the answer.
    fn answer(known: &Known) -> Result<Self::Answer, Problem>;
}

/// An [`Endpoint`] as a row of the table.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub path: &'static str,
    pub title: &'static str,
    pub about: &'static str,
    pub parameters: &'static [Parameter],
    /// The form of its answer.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Its answer in JSON.
    pub render: fn(&Context, &Asked) -> Result<Vec<u8>, Problem>,
}

impl Row {
    /// The row of an endpoint.
    pub const fn of<E: Endpoint>() -> Self {
        Self {
            path: E::PATH,
            title: E::TITLE,
            about: E::ABOUT,
            parameters: E::PARAMETERS,
            schema: |generator| generator.subschema_for::<E::Answer>(),
            render: render::<E>,
        }
    }
}

fn render<E: Endpoint>(context: &Context, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let clients = (context.clients)();
    let answer = {
        // Held while the answer is put together, not while it is written.
        let state = context.state.lock();
        E::answer(&Known { state: &state, clients: &clients, asked, now_ns: state.now_ns() })?
    };
    // Only maps with keys that are no text cannot be written, and there are none.
    Ok(serde_json::to_vec(&answer).unwrap_or_default())
}
