//! Which checkpoint of a log stands: by whose word, and from which place on. Needs no key and no state.

use std::collections::BTreeMap;

use crate::checkpoint::{Checkpoint, Freed};
use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::ids::{DeviceId, Position, StateDigest, UserId};
use crate::limits::MAX_WORDS;
use crate::roster::{Role, Roster};

/// A checkpoint that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stood {
    /// The place whose state it says.
    pub at: Position,
    /// The digest of that state.
    pub digest: StateDigest,
    /// Where it came to stand.
    pub since: Position,
}

/// The checkpoint that may come to stand.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    at: Position,
    digest: StateDigest,
    opener: DeviceId,
    /// Whether its opener has said the same once more.
    is_repeated: bool,
    /// The last word of each other device.
    words: BTreeMap<DeviceId, StateDigest>,
    /// What it takes off the log's sums.
    freed: Vec<Freed>,
}

/// What was said of checkpoints so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checkpoints {
    stood: Option<Stood>,
    open: Option<Open>,
}

impl Checkpoints {
    /// The last checkpoint that stands.
    pub fn stood(&self) -> Option<Stood> {
        self.stood
    }

    /// The place whose checkpoint may come to stand, and the digest of its state by whoever opened it.
    pub fn open(&self) -> Option<(Position, StateDigest)> {
        self.open.as_ref().map(|open| (open.at, open.digest))
    }

    /// Takes what a device says about the state at `about`, which stands at a place where the roster is this. What goes off the log's sums, if a
    /// checkpoint comes to stand by it.
    pub(super) fn note(
        &mut self,
        (author, about): (DeviceId, Position),
        said: Checkpoint,
        place: Position,
        roster: &Roster,
    ) -> Option<Vec<Freed>> {
        let may_open = owner_by(&author, roster).is_some() && self.is_behind_what_stood(about);
        match &mut self.open {
            Some(open) if open.at == about && open.opener != author => {
                open.words.insert(author, said.digest);
            }
            Some(open) if open.at == about && open.digest == said.digest => open.is_repeated = true,
            _ if may_open => {
                let Checkpoint { digest, freed } = said;
                let words = BTreeMap::new();
                let open = Open { at: about, digest, opener: author, is_repeated: false, words, freed };
                self.open = Some(open);
            }
            _ => {}
        }
        let stands = self.open.as_ref().is_some_and(|open| open.has_enough(roster));
        let open = self.open.take_if(|_| stands)?;
        self.stood = Some(Stood { at: open.at, digest: open.digest, since: place });
        Some(open.freed)
    }

    fn is_behind_what_stood(&self, about: Position) -> bool {
        about > Position::START && self.stood.is_none_or(|stood| stood.since <= about)
    }
}

impl Open {
    /// Whether enough devices have said the same, and nobody who is in says otherwise.
    fn has_enough(&self, roster: &Roster) -> bool {
        let is_disputed =
            self.words.iter().any(|(device, digest)| *digest != self.digest && is_live(roster, device));
        let Some(owner) = owner_by(&self.opener, roster).filter(|_| !is_disputed) else { return false };
        let agree = |device: &DeviceId| self.words.get(device) == Some(&self.digest);
        let mut others = live(roster).filter(|(_, user)| *user != owner).peekable();
        if others.peek().is_some() {
            return others.any(|(device, _)| agree(&device));
        }
        let mut own = live(roster).filter(|(device, _)| *device != self.opener).peekable();
        if own.peek().is_some() { own.any(|(device, _)| agree(&device)) } else { self.is_repeated }
    }
}

/// The Owner, if this is a live device of theirs.
fn owner_by(device: &DeviceId, roster: &Roster) -> Option<UserId> {
    let is_owners = roster.role(device) == Some(Role::Owner) && is_live(roster, device);
    roster.device(device).filter(|_| is_owners).map(|device| device.user)
}

fn is_live(roster: &Roster, device: &DeviceId) -> bool {
    roster.device(device).is_some_and(|it| it.is_active() && !it.recovery)
}

/// Live devices, each with its user.
fn live(roster: &Roster) -> impl Iterator<Item = (DeviceId, UserId)> + '_ {
    roster.devices().filter(|(_, it)| it.is_active() && !it.recovery).map(|(id, it)| (*id, it.user))
}

/// A device's word about the checkpoint that is open.
struct Word(DeviceId, StateDigest);

impl Canonical for Word {
    fn write(&self, to: &mut Writer) {
        to.array(2).value(&self.0).value(&self.1);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self(from.value()?, from.value()?))
    }
}

impl Canonical for Stood {
    fn write(&self, to: &mut Writer) {
        to.array(3).value(&self.at).value(&self.digest).value(&self.since);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(3)?;
        Ok(Self { at: from.value()?, digest: from.value()?, since: from.value()? })
    }
}

impl Canonical for Open {
    fn write(&self, to: &mut Writer) {
        let words: Vec<Word> = self.words.iter().map(|(device, digest)| Word(*device, *digest)).collect();
        to.array(6).value(&self.at).value(&self.digest).value(&self.opener).bool(self.is_repeated);
        to.list(&words).list(&self.freed);
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(6)?;
        let (at, digest, opener, is_repeated) = (from.value()?, from.value()?, from.value()?, from.bool()?);
        let words: Vec<Word> = from.list("words", MAX_WORDS)?;
        let freed = Checkpoint::read_freed(from)?;
        let words = words.into_iter().map(|Word(device, digest)| (device, digest)).collect();
        Ok(Self { at, digest, opener, is_repeated, words, freed })
    }
}

/// For states, and for storing beside the log.
impl Canonical for Checkpoints {
    fn write(&self, to: &mut Writer) {
        to.array(2).option(self.stood.as_ref(), |to, stood| stood.write(to));
        to.option(self.open.as_ref(), |to, open| open.write(to));
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        from.array(2)?;
        Ok(Self { stood: from.option(Reader::value)?, open: from.option(Reader::value)? })
    }
}
