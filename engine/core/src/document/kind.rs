//! The list of kinds of documents, with what is the same in every document of a kind for ever: its number, its schema step
//! and the maps that its first change makes.

/// Calls a macro with the list of kinds, one entry each: `Variant => module of its definition { its shape }`.
///
/// A new kind is one entry here and one file or folder under `kinds`. A map named [`ENTRIES`] only ever grows, and one
/// named [`FILES`] holds texts, which needs [`REMOVED`] beside it.
macro_rules! for_kinds {
    ($call:ident) => {
        $call! {
            /// One conversation with an assistant: an append-only transcript and what is said about it.
            Conversation => conversation { number: 1, schema: 1, maps: &[ENTRIES, "labels", "origin"] }
            /// Names of the users and devices of one workspace.
            Profile => profile { number: 2, schema: 1, maps: &["users", "devices"] }
            /// What an agent is: its fields and the files of its workspace.
            Agent => agent {
                number: 3,
                schema: 1,
                maps: &["tools", "guardrails", "params", "schedules", FILES, REMOVED],
            }
            /// Instructions for an assistant, with the files that belong to them.
            Skill => skill { number: 4, schema: 1, maps: &["bytes", "executable", FILES, REMOVED] }
            /// An agent's files about its person.
            Memory => memory { number: 5, schema: 1, maps: &[FILES, REMOVED] }
            /// A sheet of notices, which exists to show that a kind costs one file and one entry.
            #[cfg(test)]
            Notices => notices { number: 1_000_000, schema: 1, maps: &["pinned", FILES, REMOVED] }
        }
    };
}

pub(super) use for_kinds;

/// Name of the append-only map of transcript entries.
pub(in crate::document) const ENTRIES: &str = "entries";

/// Name of the map of texts by path.
pub(in crate::document) const FILES: &str = "files";

/// Name of the map of marks on texts that were removed.
pub(in crate::document) const REMOVED: &str = "removed";

/// What every document of a kind has in common for ever.
#[derive(Clone, Copy)]
struct Shape {
    /// The kind's number in payloads and first changes.
    number: u32,
    /// The schema step that this version writes.
    schema: u32,
    /// The empty maps that its first change makes, in their order there.
    maps: &'static [&'static str],
}

macro_rules! define {
    ($(
        $(#[doc = $doc:literal])*
        $(#[cfg($when:meta)])?
        $kind:ident => $module:ident $shape:tt
    )*) => {
        /// What a document is about. Its number is sealed with every payload.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[doc = $doc])* $(#[cfg($when)])? $kind,)*
        }

        impl Kind {
            /// Every kind this version knows.
            pub const ALL: [Self; [$($(#[cfg($when)])? stringify!($kind),)*].len()] =
                [$($(#[cfg($when)])? Self::$kind,)*];

            const fn shape(self) -> Shape {
                match self {
                    $($(#[cfg($when)])? Self::$kind => Shape $shape,)*
                }
            }
        }
    };
}

for_kinds!(define);

impl Kind {
    /// The number in payloads and first changes.
    pub const fn number(self) -> u32 {
        self.shape().number
    }

    /// `None` for a kind this version does not know: the entry is kept, and an update is needed.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The schema step this version writes. A step changes the first change, and with it every hash.
    pub const fn schema(self) -> u32 {
        self.shape().schema
    }

    /// Whether what a device writes again stands there once, even if what it wrote first comes to count after all. Only text that was put
    /// into a file stands there twice then.
    pub fn is_keyed(self) -> bool {
        !self.maps().contains(&FILES)
    }

    /// The empty maps that the first change makes, in their order there.
    pub(in crate::document) const fn maps(self) -> &'static [&'static str] {
        self.shape().maps
    }
}
