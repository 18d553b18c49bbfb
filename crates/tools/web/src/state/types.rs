//! P2P message types, as small numbers.

use event::message_types;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use smol_str::SmolStr;

use model::text::cut;

/// How many types have a number of their own.
const MAX: usize = 64;

/// The number of all other types.
pub(crate) const OTHER: u8 = MAX as u8;

/// The number of a message type.
pub(crate) type Type = u8;

/// The message types that were seen.
#[derive(Debug)]
pub(crate) struct Types {
    names: Vec<SmolStr>,
    numbers: HashMap<SmolStr, Type, RandomState>,
}

impl Default for Types {
    fn default() -> Self {
        let mut types = Self { names: Vec::new(), numbers: HashMap::default() };
        // Untrusted peers cannot use up the numbers of the types that Bitcoin Core knows.
        let mut names: Vec<_> = message_types::ALL.iter().filter(|one| one.in_core()).map(|one| one.name).collect();
        names.sort_unstable();
        for name in names {
            types.number(name);
        }
        types
    }
}

impl Types {
    /// The number of a type. A new type is assigned one if there are any left.
    #[inline]
    pub fn number(&mut self, name: &str) -> Type {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        if self.names.len() >= MAX || name.len() > 24 || name == "*other*" || name == "other" {
            return OTHER;
        }
        let number = self.names.len() as Type;
        let name = cut(name, 24);
        self.names.push(name.clone());
        self.numbers.insert(name, number);
        number
    }

    /// The number of a type that Bitcoin Core knows.
    pub fn of(&self, name: &str) -> Type {
        self.numbers.get(name).copied().unwrap_or(OTHER)
    }

    /// The name of the type with a number.
    pub fn name(&self, number: Type) -> &str {
        self.names.get(usize::from(number)).map_or("other", SmolStr::as_str)
    }
}
