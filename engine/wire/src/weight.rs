//! What a document comes to: the weight that each payload declares, and the bounds on their sums that everybody can compute
//! without a key.

use std::collections::BTreeMap;

use crate::codec::{Canonical, DecodeError, Reader, Writer};
use crate::ids::{UserId, WireDoc};
use crate::limits::{MAX_DOCUMENT_WEIGHT, MEMBER_WEIGHT};

/// The class of a payload: it weighs no more than two to this power. Its author declares it, so that what a document comes to is
/// known from headers alone; whoever opens the payload compares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Weight(u8);

impl Weight {
    /// No payload ends here.
    pub const NONE: Self = Self(0);
    /// The least class of what is there at all.
    pub const MIN: Self = Self(1);
    /// The largest class, beyond everything that is ever accepted.
    pub const MAX: Self = Self(63);

    /// The least class that holds so much.
    #[allow(clippy::cast_possible_truncation, reason = "a logarithm of 64 bits is below 64")]
    pub const fn of(weight: u64) -> Self {
        match weight.checked_next_power_of_two() {
            Some(0..4) => Self::MIN,
            Some(power) => Self(power.ilog2() as u8),
            None => Self::MAX,
        }
    }

    /// Whether no payload ends here.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// What a payload of this class weighs at most, and what it counts as.
    pub const fn most(self) -> u64 {
        if self.is_none() { 0 } else { 1 << self.0 }
    }
}

impl Canonical for Weight {
    fn write(&self, to: &mut Writer) {
        to.u64(self.0.into());
    }
    fn read(from: &mut Reader<'_>) -> Result<Self, DecodeError> {
        match from.u8()? {
            class if class <= Self::MAX.0 => Ok(Self(class)),
            class => Err(DecodeError::UnknownNumber { what: "weight", number: class.into() }),
        }
    }
}

/// What a user has written of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The document.
    pub doc: WireDoc,
    /// The user.
    pub user: UserId,
    /// The sum of what the payloads declared.
    pub sum: u64,
}

/// What has been accepted of each document, by the users who wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Weights {
    sums: BTreeMap<(WireDoc, UserId), u64>,
}

impl Weights {
    /// Sums as they were stored.
    pub fn restore(sums: impl IntoIterator<Item = Written>) -> Self {
        let mut restored = Self::default();
        sums.into_iter().for_each(|it| restored.set(it));
        restored
    }

    /// What a user has written of a document.
    pub fn of(&self, doc: WireDoc, user: UserId) -> u64 {
        self.sums.get(&(doc, user)).copied().unwrap_or(0)
    }

    /// Every sum.
    pub fn iter(&self) -> impl Iterator<Item = Written> {
        self.sums.iter().map(|((doc, user), sum)| Written { doc: *doc, user: *user, sum: *sum })
    }

    /// What the user has written after one more payload; `None` if that is more than a document may hold, or than this user may write of it.
    /// The Owner's user may fill a document, any other a quarter of it.
    pub(crate) fn with(&self, doc: WireDoc, user: UserId, is_owner: bool, weight: Weight) -> Option<Written> {
        let sum = self.of(doc, user).checked_add(weight.most())?;
        let range = (doc, UserId::ZERO)..=(doc, UserId::from_bytes([u8::MAX; UserId::LEN]));
        let all = self.sums.range(range).try_fold(weight.most(), |all, (_, sum)| all.checked_add(*sum))?;
        let most = if is_owner { MAX_DOCUMENT_WEIGHT } else { MEMBER_WEIGHT };
        (sum <= most && all <= MAX_DOCUMENT_WEIGHT).then_some(Written { doc, user, sum })
    }

    /// Takes off what belongs to entries that have gone; where there is less, all of it.
    pub(crate) fn free(&mut self, doc: WireDoc, user: UserId, sum: u64) {
        self.set(Written { doc, user, sum: self.of(doc, user).saturating_sub(sum) });
    }

    /// A sum of nothing is as if there were none.
    pub(crate) fn set(&mut self, Written { doc, user, sum }: Written) {
        if sum == 0 {
            self.sums.remove(&(doc, user));
        } else {
            self.sums.insert((doc, user), sum);
        }
    }
}
