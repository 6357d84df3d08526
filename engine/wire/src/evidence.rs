//! What shows anybody, without a device's word or a relay's, that whoever holds a log's key has signed what cannot both be true.

use thiserror::Error;

use crate::codec::{Canonical, DecodeError, Reader, Writer, decode, encode};
use crate::frame::{Frame, Transcript, Word};
use crate::hash::log_hash;
use crate::head::{Head, SeenHead};
use crate::ids::{EntryId, LogHash, LogId, LogTime, WorkspaceId};
use crate::limits::{MAX_EVIDENCE_STEPS, MAX_FRAME};

/// Proof against the holder of a log's key. Not verified by being held in this type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// Two heads that are not on one log.
    Fork(Box<Fork>),
    /// A session in which the log's key answered a head of its own with less of the log.
    Rollback(Rollback),
}

/// Two heads of one log, and what the later one stands on where the earlier one should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The workspace whose log it is.
    pub workspace: WorkspaceId,
    /// The head at the lower position, or one of two at one position.
    pub low: SeenHead,
    /// The other head.
    pub high: SeenHead,
    /// The log hash at the lower position, of the log that `high` is the head of.
    pub passed: LogHash,
    /// Entries and times from there up to `high`.
    pub steps: Vec<(EntryId, LogTime)>,
}

/// The frames of a session's opening: what the relay was shown, and what it answered to that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rollback {
    /// Hello, Challenge, Proof and Welcome, as they were sent.
    pub frames: [Vec<u8>; 4],
}

/// What evidence proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The workspace whose log it is.
    pub workspace: WorkspaceId,
    /// The log, by the key that signed both.
    pub log: LogId,
    /// The head that the key had signed.
    pub signed: Head,
    /// What it signed against that.
    pub against: Head,
}

/// Why evidence proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotProven {
    /// A signature does not verify, or a part cannot be read.
    #[error("a part of it cannot be read, or its signature does not verify")]
    Unreadable,
    /// The two were signed by different keys.
    #[error("its two statements were signed by different keys")]
    OtherKey,
    /// Both can be true.
    #[error("its two statements can both be true")]
    NoContradiction,
}

impl From<DecodeError> for NotProven {
    fn from(_: DecodeError) -> Self {
        Self::Unreadable
    }
}

impl Evidence {
    /// As it is kept and passed on.
    pub fn to_bytes(&self) -> Vec<u8> {
        encode(self)
    }

    /// What was kept or passed on, which proves nothing before [`Evidence::verify`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        decode(bytes)
    }

    /// Checks everything that was signed, and that it cannot all be true.
    pub fn verify(&self) -> Result<Proven, NotProven> {
        match self {
            Self::Fork(fork) => fork.verify(),
            Self::Rollback(rollback) => rollback.verify(),
        }
    }
}

impl Fork {
    fn verify(&self) -> Result<Proven, NotProven> {
        let (low, high) = (head(&self.low, self.workspace)?, head(&self.high, self.workspace)?);
        if low.log != high.log {
            return Err(NotProven::OtherKey);
        }
        if self.steps.len() > MAX_EVIDENCE_STEPS {
            return Err(NotProven::Unreadable); // by whoever gets it as a file
        }
        let apart = high.position.0.checked_sub(low.position.0);
        let leads_there = apart == u64::try_from(self.steps.len()).ok()
            && self.steps.iter().fold(self.passed, |hash, (entry, time)| log_hash(hash, *entry, *time))
                == high.hash;
        if !leads_there || self.passed == low.hash {
            return Err(NotProven::NoContradiction);
        }
        Ok(Proven { workspace: self.workspace, log: low.log, signed: low, against: high })
    }
}

impl Rollback {
    fn verify(&self) -> Result<Proven, NotProven> {
        let [hello, challenge, proof, welcome] = &self.frames;
        let said = Transcript::of([hello, challenge, proof]);
        let (Frame::Proof(proof), Frame::Welcome(welcome)) = (decode(proof)?, decode(welcome)?) else {
            return Err(NotProven::Unreadable);
        };
        let shown = proof.head.ok_or(NotProven::NoContradiction)?;
        let (shown, answered) = (head(&shown, proof.workspace)?, head(&welcome.head, proof.workspace)?);
        welcome.verify(said).map_err(|_| NotProven::Unreadable)?;
        if shown.log != answered.log {
            return Err(NotProven::OtherKey);
        }
        if answered.position >= shown.position {
            return Err(NotProven::NoContradiction);
        }
        Ok(Proven { workspace: proof.workspace, log: shown.log, signed: shown, against: answered })
    }
}

fn head(seen: &SeenHead, workspace: WorkspaceId) -> Result<Head, NotProven> {
    seen.verify(workspace).map(|head| *head.value()).map_err(|_| NotProven::Unreadable)
}

impl Canonical for Evidence {
    fn write(&self, to: &mut Writer) {
        match self {
            Self::Fork(fork) => {
                let Fork { workspace, low, high, passed, steps } = &**fork;
                to.array(6).u64(1).value(workspace).value(low).value(high).value(passed);
                to.array(steps.len());
                for (entry, time) in steps {
                    to.array(2).value(entry).value(time);
                }
            }
            Self::Rollback(Rollback { frames }) => {
                to.array(5).u64(2);
                for frame in frames {
                    to.bytes(frame);
                }
            }
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array_up_to("evidence", 6)?;
        match from.u64()? {
            1 => {
                let (workspace, low, high) = (from.value()?, from.value()?, from.value()?);
                let passed = from.value()?;
                let mut steps = Vec::new();
                for _ in 0..from.array_up_to("steps", MAX_EVIDENCE_STEPS)? {
                    from.array(2)?;
                    steps.push((from.value()?, from.value()?));
                }
                Ok(Self::Fork(Box::new(Fork { workspace, low, high, passed, steps })))
            }
            2 => {
                let mut frame = || from.bytes("frame", MAX_FRAME).map(<[u8]>::to_vec);
                Ok(Self::Rollback(Rollback { frames: [frame()?, frame()?, frame()?, frame()?] }))
            }
            number => Err(DecodeError::UnknownNumber { what: "evidence", number }),
        }
    }
}
