//! Everything that can go wrong in a world, and how often it did.

/// Something that goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A frame is lost.
    Loss,
    /// A frame is late.
    Delay,
    /// A frame comes twice.
    Duplication,
    /// A frame overtakes another.
    Reordering,
    /// A connection breaks.
    Disconnect,
    /// A device loses power between two calls.
    Crash,
    /// A device loses power in a commit.
    CrashAtCommit,
    /// A device loses power after a commit and before anything it meant is sent.
    CrashBeforeSend,
    /// The relay loses power between two calls.
    RelayCrash,
    /// The relay loses power in a commit, or right after it.
    RelayCrashAtCommit,
    /// A device is restored from an older copy of its database.
    Restored,
    /// A device's database is copied, and both copies go on.
    Cloned,
    /// A device, its line, a reader or the relay stops while parts of a payload are on their way.
    StoppedBetweenParts,
    /// A device reads nothing for a while.
    SlowReader,
    /// Two devices invite at the same time.
    ConcurrentInvites,
    /// Two devices link at the same time.
    ConcurrentLinks,
    /// Two devices remove at the same time.
    ConcurrentRemovals,
    /// A device imports a session that others import as well.
    Imported,
    /// A document is to stay on its device.
    KeptLocal,
    /// A document, or what was only on a device of it, is shared.
    SharedAgain,
    /// A device forgets the workspace.
    Forgot,
    /// A device joins again a workspace that it has forgotten.
    Rejoined,
    /// The relay gives entries away without their bodies.
    WithheldBodies,
    /// The relay is restored from a backup that lacks entries.
    RelayRestored,
    /// The relay serves such a backup for a while before it is restored.
    RelayPutBack,
    /// A member's program publishes two changes of one actor and one number.
    Twins,
    /// A welcome of an earlier line is said again.
    ReplayedWelcome,
    /// Something else that was said under a signature on an earlier line is said again.
    Replayed,
    /// The relay lets entries go by a checkpoint.
    LetGo,
    /// A device begins from the state of a checkpoint.
    Begun,
}

/// Those of histories with checkpoints alone.
pub const OF_CHECKPOINTS: [Fault; 2] = [Fault::LetGo, Fault::Begun];

/// All others.
pub const FAULTS: [Fault; 28] = [
    Fault::Loss,
    Fault::Delay,
    Fault::Duplication,
    Fault::Reordering,
    Fault::Disconnect,
    Fault::Crash,
    Fault::CrashAtCommit,
    Fault::CrashBeforeSend,
    Fault::RelayCrash,
    Fault::RelayCrashAtCommit,
    Fault::Restored,
    Fault::Cloned,
    Fault::StoppedBetweenParts,
    Fault::SlowReader,
    Fault::ConcurrentInvites,
    Fault::ConcurrentLinks,
    Fault::ConcurrentRemovals,
    Fault::Imported,
    Fault::KeptLocal,
    Fault::SharedAgain,
    Fault::Forgot,
    Fault::Rejoined,
    Fault::WithheldBodies,
    Fault::RelayRestored,
    Fault::RelayPutBack,
    Fault::Twins,
    Fault::ReplayedWelcome,
    Fault::Replayed,
];

/// How often each fault has happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fired([u64; FAULTS.len() + OF_CHECKPOINTS.len()]);

impl Fired {
    /// One more.
    pub fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// How often.
    pub fn of(&self, fault: Fault) -> u64 {
        self.0[fault as usize]
    }

    /// Adds what happened in another world.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }
}

/// How the network behaves, in thousandths of frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rates {
    /// How many are lost.
    pub loss: u32,
    /// How many are late by up to some seconds.
    pub delay: u32,
    /// How many are delivered twice.
    pub duplication: u32,
    /// How many are delivered out of order.
    pub reordering: u32,
    /// How many are followed by the connection breaking.
    pub disconnect: u32,
}

impl Rates {
    /// A network that does what it should.
    pub const CALM: Self = Self { loss: 0, delay: 0, duplication: 0, reordering: 0, disconnect: 0 };
}
