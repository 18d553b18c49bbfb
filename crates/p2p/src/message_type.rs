//! What a message is: a name of up to 12 characters, or one byte that stands for it in v2 (BIP324, BIP434).

use std::fmt;

/// The names that have one byte in v2, by that byte. The bytes without a name are unassigned.
const SHORT: [&str; 38] = [
    "",
    "addr",
    "block",
    "blocktxn",
    "cmpctblock",
    "feefilter",
    "filteradd",
    "filterclear",
    "filterload",
    "getblocks",
    "getblocktxn",
    "getdata",
    "getheaders",
    "headers",
    "inv",
    "mempool",
    "merkleblock",
    "notfound",
    "ping",
    "pong",
    "sendcmpct",
    "tx",
    "getcfilters",
    "cfilter",
    "getcfheaders",
    "cfheaders",
    "getcfcheckpt",
    "cfcheckpt",
    "addrv2",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "feature",
];

/// The type of a message, at most 12 bytes of printable ASCII.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MessageType([u8; 12]);

impl MessageType {
    /// The type of that name.
    ///
    /// # Panics
    /// At compile time, if it is used there, when the name is too long.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        let bytes = name.as_bytes();
        assert!(bytes.len() <= 12, "a message type has at most 12 characters");
        let mut array = [0; 12];
        let (head, _) = array.split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        Self(array)
    }

    /// The type as a header has it: printable ASCII, filled up with zeros (`CMessageHeader::IsMessageTypeValid`).
    #[must_use]
    pub fn from_bytes(bytes: [u8; 12]) -> Option<Self> {
        let filled = bytes.iter().position(|byte| *byte == 0).unwrap_or(12);
        let (name, zeros) = bytes.split_at(filled);
        let printable = name.iter().all(|byte| (b' '..=b'~').contains(byte));
        (printable && zeros.iter().all(|byte| *byte == 0)).then_some(Self(bytes))
    }

    /// The type that this byte stands for in v2. None where it is unassigned.
    #[must_use]
    pub fn from_short(byte: u8) -> Option<Self> {
        SHORT.get(usize::from(byte)).filter(|name| !name.is_empty()).map(|name| Self::new(name))
    }

    /// A name for a byte that stands for no type: `(30)`.
    pub(crate) fn unassigned(byte: u8) -> Self {
        let mut bytes = [0; 12];
        for (to, from) in bytes.iter_mut().zip(format!("({byte})").bytes()) {
            *to = from;
        }
        Self(bytes)
    }

    /// The byte that stands for this type in v2.
    #[must_use]
    pub fn short(self) -> Option<u8> {
        let position = SHORT.iter().position(|name| !name.is_empty() && *name == self.as_str())?;
        u8::try_from(position).ok()
    }

    /// As a header has it.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 12] {
        self.0
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let filled = self.0.iter().position(|byte| *byte == 0).unwrap_or(12);
        self.0.get(..filled).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

impl fmt::Display for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for MessageType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

impl PartialEq<str> for MessageType {
    fn eq(&self, name: &str) -> bool {
        self.as_str() == name
    }
}
