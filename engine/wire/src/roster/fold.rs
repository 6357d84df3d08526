//! Applies roster records to a roster, by the rules that say which of them take effect.

mod allowing;
mod closing;
mod giving_up;
mod moving;
mod ownership;
mod rekey;
mod removal;
mod rights;
mod tickets;

use std::collections::BTreeSet;

use self::allowing::{allow, count_bytes};
use self::giving_up::give_up;
use self::moving::move_to;
use self::ownership::{hand_over, take_over};
use self::rekey::{begin_epoch, complain, count, fill, permit, rewrap};
use self::removal::{check_cut, device_targets, devices_of, is_device_of, leave, mark_user_removed, remove};
use self::rights::{Place, author, live_author};
use self::tickets::{Came, apply_join, check_join, close_ticket, insert_device, open_ticket};
use super::record::{Join, Record};
use super::{Admits, Epoch, Outcome, Ownership, Point, Role, Roster, TicketKind, User, Void};
use crate::entry::Entry;
use crate::hash;
use crate::header::{EntryType, Header};
use crate::ids::{DeviceId, EntryId, EpochId, HpkePublicKey, Moment, UserId, WorkspaceId};

impl Roster {
    /// The roster after `entries`, which are accepted roster entries in log order. Others are passed over, as are
    /// entries without a body.
    pub fn replay<'e>(
        workspace: WorkspaceId,
        entries: impl IntoIterator<Item = (Moment, &'e Entry)>,
    ) -> Self {
        let mut roster = Self::new(workspace);
        for (at, entry) in entries {
            roster.apply_entry(at, entry);
        }
        roster
    }

    /// Applies a roster entry; `None` for an entry that is not one, or of another workspace. Checks what
    /// [`Roster::apply`] cannot, for callers that have no log yet: that Genesis makes this workspace.
    pub fn apply_entry(&mut self, at: Moment, entry: &Entry) -> Option<Outcome> {
        let header = entry.header();
        if header.entry_type != EntryType::Roster || header.workspace != self.workspace {
            return None;
        }
        let body = entry.body()?;
        let record = Record::parse(body).ok()?;
        if matches!(record, Record::Genesis { .. }) && hash::workspace_id(body) != self.workspace {
            return Some(Outcome::Void(Void::Genesis));
        }
        Some(self.apply(at, entry.id(), header, &record))
    }

    /// Applies a record that stands at this moment, or says why it changes nothing. Never fails.
    pub fn apply(&mut self, at: Moment, id: EntryId, header: &Header, record: &Record) -> Outcome {
        // Whatever comes of the record: everybody keeps it.
        count_bytes(self, header);
        if self.unknown.is_some() {
            return Outcome::Void(Void::AfterUnknown);
        }
        if let Record::Unknown(number) = record {
            // Nobody but the Owner may be able to stop everyone with a record made up for the purpose.
            if let Err(why) = self.check_role(&header.device, record, at.time) {
                return Outcome::Void(why);
            }
            self.unknown = Some(*number);
            return Outcome::Unknown(*number);
        }
        let place = Place { at, epoch: EpochId::begun_by(id), header, record };
        match apply(self, &place) {
            Err(why) => Outcome::Void(why),
            Ok(rekey_void) => {
                let hash = hash::roster_hash(self.hash(), id);
                self.index.insert(hash, self.points.len());
                let epoch = self.epoch().unwrap_or(EpochId::ZERO);
                self.points.push(Point { hash, at, epoch, rekey_due: self.rekey_due });
                Outcome::Applied { rekey_void }
            }
        }
    }

    /// Whether a Join by the author of `header` would be applied now, and if not, why.
    pub fn check_join(&self, header: &Header, join: &Join) -> Result<(), Void> {
        if self.unknown.is_some() {
            return Err(Void::AfterUnknown);
        }
        check_join(self, header, join).map(|_| ())
    }

    /// Whether `device` may begin an epoch now.
    pub fn may_rekey(&self, device: &DeviceId) -> bool {
        self.device(device).is_some_and(|it| it.is_active() && !it.recovery) && permit(self, device).is_ok()
    }

    /// To whom the rekey inside a removal has to be wrapped that builds on this roster. `Err` if the removal would be void directly after it,
    /// at the time of its last record.
    pub fn recipients_after(
        &self,
        header: &Header,
        removal: &Record,
    ) -> Result<BTreeSet<HpkePublicKey>, Void> {
        let mut after = self.clone();
        let at = Moment { time: self.time(), ..Moment::END };
        apply(&mut after, &Place { at, epoch: EpochId::ZERO, header, record: removal })?;
        Ok(after.recipients())
    }
}

/// Applies a record. `Ok(Some(why))` says that it took effect and its rekey did not; on `Err` nothing has changed.
fn apply(roster: &mut Roster, place: &Place<'_>) -> Result<Option<Void>, Void> {
    let Place { at, epoch, header, record } = *place;
    roster.check_role(&header.device, record, at.time)?;
    match record {
        Record::Genesis { device, suite, hpke, commitment, .. } => {
            if !roster.points.is_empty() || *device != header.device {
                return Err(Void::Genesis);
            }
            if hpke.suite() < *suite {
                return Err(Void::WeakSuite);
            }
            roster.suite = *suite;
            let user = UserId::of_first_device(*device);
            roster.users.insert(user, User { role: Role::Owner, removed: false });
            roster.ownerships.push(Ownership { user, since: 0 });
            insert_device(
                roster,
                *device,
                user,
                hpke.clone(),
                Came { by: None, recovery: false, time: at.time },
            );
            roster.epochs.push(Epoch { id: epoch, commitment: *commitment });
            roster.permits.begun_by = Some(*device);
            Ok(None)
        }
        Record::Invite(ticket) => {
            let admits = Admits { kind: TicketKind::Invite, recovery: ticket.recovery };
            open_ticket(roster, place, ticket, admits)
        }
        Record::Link(ticket) => {
            let kind = TicketKind::Link(author(roster, header)?.user);
            open_ticket(roster, place, ticket, Admits { kind, recovery: ticket.recovery })
        }
        Record::CloseInvite(key) => {
            close_ticket(roster, at, key, |ticket| ticket.admits.kind == TicketKind::Invite)
        }
        Record::CloseLink(key) => {
            let user = author(roster, header)?.user;
            close_ticket(roster, at, key, |ticket| match ticket.admits.kind {
                TicketKind::Invite => false,
                TicketKind::Link(of) => of == user || ticket.is_over(at.time),
            })
        }
        Record::Join(join) => apply_join(roster, place, join),
        Record::RemoveDevice { device, cut, rekey } => {
            let targets = device_targets(roster, *device, at.time)?;
            check_cut(cut, |named| named == *device)?;
            remove(roster, place, targets, cut, rekey)
        }
        Record::RemoveMember { user, cut, rekey } => {
            match roster.users.get(user) {
                Some(User { role: Role::Member, removed: false }) => {}
                Some(User { role: Role::Owner, .. }) => return Err(Void::LastOwnerDevice),
                _ => return Err(Void::TargetNotActive),
            }
            // A device of theirs may have gone in the meantime; that must not save the others.
            check_cut(cut, |named| is_device_of(roster, &named, *user))?;
            let targets = devices_of(roster, *user);
            let rekey_void = remove(roster, place, targets, cut, rekey)?;
            mark_user_removed(roster, *user);
            Ok(rekey_void)
        }
        Record::Leave { whole_user, cut } => leave(roster, place, *whole_user, cut),
        Record::Rekey(rekey) => {
            live_author(roster, header)?;
            let permit = permit(roster, &header.device)?;
            begin_epoch(roster, place, rekey)?;
            count(roster, &header.device, permit);
            Ok(None)
        }
        Record::Complaint { epoch } => {
            live_author(roster, header)?;
            complain(roster, *epoch)?;
            Ok(None)
        }
        Record::Rewrap { epoch, wraps } => {
            live_author(roster, header)?;
            rewrap(roster, place, (*epoch, wraps.len()))?;
            Ok(None)
        }
        Record::Fill { epoch, .. } => {
            live_author(roster, header)?;
            fill(roster, &header.device, *epoch)?;
            Ok(None)
        }
        Record::HandOver { user } => hand_over(roster, header, *user),
        Record::TakeOver => take_over(roster, at.position, header),
        Record::Move(to) => move_to(roster, at.position, header, to),
        Record::Allow { user } => allow(roster, header, *user),
        Record::Lost(lost) => give_up(roster, header, lost),
        Record::Unknown(_) => Err(Void::AfterUnknown),
    }
}
