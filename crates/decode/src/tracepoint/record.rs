//! The macros that make Rust types of the list in `layout.rs`.

use memchr::memchr;
use zerocopy::{FromBytes, Immutable, KnownLayout};

/// A string that ends with a NUL. The bytes after the NUL are left over from older records. A string without a NUL was cut.
#[derive(FromBytes, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Text<const SIZE: usize>([u8; SIZE]);

impl<const SIZE: usize> Text<SIZE> {
    /// The bytes before the NUL, and whether there may have been more than fit.
    pub(super) fn bytes(&self) -> (&[u8], bool) {
        let length = memchr(0, &self.0).unwrap_or(SIZE);
        (self.0.get(..length).unwrap_or_default(), length + 1 >= SIZE)
    }

    /// The bytes with the NUL, if there is one: what tells it from any other text.
    pub(super) fn written(&self) -> &[u8] {
        let end = memchr(0, &self.0).map_or(SIZE, |nul| nul + 1);
        self.0.get(..end).unwrap_or_default()
    }

    /// The first 16 bytes as one number, with zeros from the NUL on if it is among them.
    pub(super) fn word(&self) -> u128 {
        const ONES: u128 = u128::MAX / 0xff;
        let word = self.0.first_chunk().map_or(0, |bytes| u128::from_le_bytes(*bytes));
        // The lowest bit that is set here is the highest one of the first NUL.
        let nuls = word.wrapping_sub(ONES) & !word & ONES << 7;
        let bits = nuls.trailing_zeros() & !7;
        word & 1_u128.checked_shl(bits).map_or(u128::MAX, |end| end.wrapping_sub(1))
    }

    /// Whether it is the text of which these are [`Self::written`].
    pub(super) fn begins_with(&self, written: &[u8]) -> bool {
        self.0.starts_with(written)
    }
}

/// A transaction id or block hash, in the order of bytes that the node has in memory.
pub(super) type Hash = [u8; 32];

macro_rules! tracepoints {
    ($($name:ident $provider:literal $probe:literal;)+) => {
        /// A tracepoint of Bitcoin Core that is of use here. The discriminant is its index in [`Tracepoint::ALL`] and in the C program.
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Tracepoint {
            $($name,)+
        }

        impl Tracepoint {
            /// How many there are.
            pub const COUNT: usize = [$(Self::$name),+].len();

            /// All of them, in the order of their discriminants.
            pub const ALL: &[Self; Self::COUNT] = &[$(Self::$name),+];

            /// The provider in the node's program, which Bitcoin Core calls the context: "net", "mempool", ...
            pub fn provider(self) -> &'static str {
                match self {
                    $(Self::$name => $provider,)+
                }
            }

            /// The name in the node's program: "inbound_message", ...
            pub fn probe(self) -> &'static str {
                match self {
                    $(Self::$name => $probe,)+
                }
            }

            /// Provider and name as people write them: "net:inbound_message".
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => concat!($provider, ":", $probe),)+
                }
            }
        }
    };
}

macro_rules! records {
    ($(
        $(#[$doc:meta])* $name:ident $size:literal $(+ $rest:ident)? { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ }
    )+) => {$(
        $(#[$doc])*
        #[derive(::zerocopy::FromBytes, ::zerocopy::Immutable, ::zerocopy::KnownLayout)]
        #[repr(C)]
        pub(super) struct $name {
            $($(#[$field_doc])* pub(super) $field: $type,)+
        }

        // No padding: each field begins where the one before it ends, as the C types assert too.
        const _: () = {
            let mut end = 0;
            $(
                assert!(::std::mem::offset_of!($name, $field) == end);
                end += size_of::<$type>();
            )+
            assert!(end == $size && size_of::<$name>() == $size);
        };
    )+};
}
