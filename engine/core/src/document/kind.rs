//! The kinds of documents and their numbers.

/// What a document is about. Its number is sealed with every payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// One conversation with an assistant: an append-only transcript and what is said about it.
    Conversation,
    /// Names of the users and devices of one workspace.
    Profile,
    /// What an agent is: its fields and the files of its workspace.
    Agent,
    /// Instructions for an assistant, with the files that belong to them.
    Skill,
    /// An agent's files about its person.
    Memory,
}

impl Kind {
    /// Every kind this version knows.
    pub const ALL: [Self; 5] = [Self::Conversation, Self::Profile, Self::Agent, Self::Skill, Self::Memory];

    /// The number in payloads and first changes.
    pub const fn number(self) -> u32 {
        match self {
            Self::Conversation => 1,
            Self::Profile => 2,
            Self::Agent => 3,
            Self::Skill => 4,
            Self::Memory => 5,
        }
    }

    /// `None` for a kind this version does not know: the entry is kept, and an update is needed.
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The schema step this version writes. A step changes the first change, and with it every hash.
    pub const fn schema(self) -> u32 {
        match self {
            Self::Conversation | Self::Profile | Self::Agent | Self::Skill | Self::Memory => 1,
        }
    }
}
