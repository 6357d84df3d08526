//! Applies roster records to a roster, by the rules that say which of them take effect.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Cut, Join, Record, Rekey, Ticket};
use super::{
    Device, Outcome, Point, Role, Roster, Standing, TicketKind, TicketStage, TicketState, User, Void,
};
use crate::entry::Entry;
use crate::hash;
use crate::header::{EntryType, Header};
use crate::ids::{
    ChainKey, DeviceId, EntryId, EpochId, HpkePublicKey, Position, TicketKey, UserId, WorkspaceId,
};
use crate::limits::MAX_EPOCHS;
use crate::signed::verify_signature;

impl Roster {
    /// The roster after `entries`, which are accepted roster entries in log order. Others are passed over, as are
    /// entries without a body.
    pub fn replay<'e>(
        workspace: WorkspaceId,
        entries: impl IntoIterator<Item = (Position, &'e Entry)>,
    ) -> Self {
        let mut roster = Self::new(workspace);
        for (position, entry) in entries {
            roster.apply_entry(position, entry);
        }
        roster
    }

    /// Applies a roster entry; `None` for an entry that is not one, or of another workspace. Checks what
    /// [`Roster::apply`] cannot, for callers that have no log yet: that Genesis makes this workspace.
    pub fn apply_entry(&mut self, position: Position, entry: &Entry) -> Option<Outcome> {
        let header = entry.header();
        if header.entry_type != EntryType::Roster || header.workspace != self.workspace {
            return None;
        }
        let body = entry.body()?;
        let record = Record::parse(body).ok()?;
        if matches!(record, Record::Genesis { .. }) && hash::workspace_id(body) != self.workspace {
            return Some(Outcome::Void(Void::Genesis));
        }
        Some(self.apply(position, entry.id(), header, &record))
    }

    /// Applies a record that stands at `position`, or says why it changes nothing. Never fails.
    pub fn apply(&mut self, position: Position, id: EntryId, header: &Header, record: &Record) -> Outcome {
        if self.unknown.is_some() {
            return Outcome::Void(Void::AfterUnknown);
        }
        if let Record::Unknown(number) = record {
            // Nobody but the Owner may be able to stop everyone with a record made up for the purpose.
            if let Err(why) = self.check_role(&header.device, record) {
                return Outcome::Void(why);
            }
            self.unknown = Some(*number);
            return Outcome::Unknown(*number);
        }
        match apply(self, position, header, record) {
            Err(why) => Outcome::Void(why),
            Ok(rekey_void) => {
                let hash = hash::roster_hash(self.hash(), id);
                self.index.insert(hash, self.points.len());
                let epoch = self.epoch().unwrap_or(EpochId::ZERO);
                self.points.push(Point { hash, position, epoch, rekey_due: self.rekey_due });
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

    /// To whom the rekey inside a removal has to be wrapped, if that removal stands directly after this roster.
    /// `Err` if the removal would be void.
    pub fn recipients_after(
        &self,
        header: &Header,
        removal: &Record,
    ) -> Result<BTreeSet<HpkePublicKey>, Void> {
        let mut after = self.clone();
        apply(&mut after, Position(u64::MAX), header, removal)?;
        Ok(after.recipients())
    }
}

/// Applies `record`. `Ok(Some(why))` says that it took effect and its rekey did not; on `Err` nothing has changed.
fn apply(
    roster: &mut Roster,
    position: Position,
    header: &Header,
    record: &Record,
) -> Result<Option<Void>, Void> {
    roster.check_role(&header.device, record)?;
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
            insert_device(roster, *device, user, hpke.clone(), None, false);
            roster.commitments.push(*commitment);
            Ok(None)
        }
        Record::Invite(ticket) => open_ticket(roster, header, ticket, TicketKind::Invite),
        Record::Link(ticket) => {
            let user = author(roster, header)?.user;
            open_ticket(roster, header, ticket, TicketKind::Link(user))
        }
        Record::CloseInvite(key) => close_ticket(roster, key, |kind| kind == TicketKind::Invite),
        Record::CloseLink(key) => {
            let user = author(roster, header)?.user;
            close_ticket(roster, key, |kind| kind == TicketKind::Link(user))
        }
        Record::Join(join) => apply_join(roster, header, join),
        Record::RemoveDevice { device, cut, rekey } => {
            let targets = device_targets(roster, *device)?;
            check_cut(cut, |named| named == *device)?;
            remove(roster, position, header, targets, cut, rekey)
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
            let rekey_void = remove(roster, position, header, targets, cut, rekey)?;
            mark_user_removed(roster, *user);
            Ok(rekey_void)
        }
        Record::Leave { whole_user, cut } => leave(roster, position, header, *whole_user, cut),
        Record::Rekey(rekey) => {
            live_author(roster, header)?;
            if !roster.rekey_due {
                return Err(Void::NotDue);
            }
            begin_epoch(roster, header, rekey)?;
            Ok(None)
        }
        Record::Unknown(_) => Err(Void::AfterUnknown),
    }
}

fn author<'r>(roster: &'r Roster, header: &Header) -> Result<&'r Device, Void> {
    roster.devices.get(&header.device).filter(|device| device.is_active()).ok_or(Void::AuthorNotActive)
}

/// The author, who has to be a live device: recovery phrases hold keys but do not make them.
fn live_author<'r>(roster: &'r Roster, header: &Header) -> Result<&'r Device, Void> {
    author(roster, header).and_then(|device| if device.recovery { Err(Void::Recovery) } else { Ok(device) })
}

fn is_owner(roster: &Roster, user: UserId) -> bool {
    roster.users.get(&user).is_some_and(|user| user.role == Role::Owner)
}

fn on_head(roster: &Roster, header: &Header) -> Result<(), Void> {
    if header.roster == roster.hash() { Ok(()) } else { Err(Void::NotOnHead) }
}

/// Whether a key is of a suite that the workspace takes.
fn takes(roster: &Roster, hpke: &HpkePublicKey) -> Result<(), Void> {
    if hpke.suite() >= roster.suite { Ok(()) } else { Err(Void::WeakSuite) }
}

fn insert_device(
    roster: &mut Roster,
    id: DeviceId,
    user: UserId,
    hpke: HpkePublicKey,
    joined_by: Option<TicketKey>,
    recovery: bool,
) {
    roster.keys_seen.insert(hpke.clone());
    roster.devices.insert(
        id,
        Device {
            user,
            hpke,
            recovery,
            joined_by,
            joined_at: roster.points.len(),
            standing: Standing::Active,
        },
    );
}

fn open_ticket(
    roster: &mut Roster,
    header: &Header,
    ticket: &Ticket,
    kind: TicketKind,
) -> Result<Option<Void>, Void> {
    on_head(roster, header)?;
    if roster.tickets.contains_key(&ticket.key) || roster.keys_seen.contains(&ticket.hpke) {
        return Err(Void::KeyReused);
    }
    takes(roster, &ticket.hpke)?;
    if ticket.wrap.recipient != ticket.hpke {
        return Err(Void::WrongRecipients);
    }
    if !roster.has_room() {
        return Err(Void::Full);
    }
    roster.keys_seen.insert(ticket.hpke.clone());
    let state = TicketState {
        kind,
        maker: header.device,
        hpke: ticket.hpke.clone(),
        expires: ticket.expires,
        stage: TicketStage::Open,
        made_at: roster.points.len(),
    };
    roster.tickets.insert(ticket.key, state);
    Ok(None)
}

fn close_ticket(
    roster: &mut Roster,
    key: &TicketKey,
    may: impl Fn(TicketKind) -> bool,
) -> Result<Option<Void>, Void> {
    let ticket = roster.tickets.get_mut(key).filter(|ticket| may(ticket.kind)).ok_or(Void::NoTicket)?;
    if ticket.stage != TicketStage::Open {
        return Err(Void::TicketNotOpen);
    }
    ticket.stage = TicketStage::Closed;
    Ok(None)
}

/// Everything a Join needs; gives the user that the newcomer will belong to and whether that user is new.
fn check_join(roster: &Roster, header: &Header, join: &Join) -> Result<(UserId, bool), Void> {
    let ticket = roster.tickets.get(&join.ticket).ok_or(Void::NoTicket)?;
    if ticket.stage != TicketStage::Open {
        return Err(Void::TicketNotOpen);
    }
    if roster.devices.contains_key(&header.device) || roster.keys_seen.contains(&join.hpke) {
        return Err(Void::KeyReused);
    }
    takes(roster, &join.hpke)?;
    let message = Join::proof_message(roster.workspace, header.device, &join.hpke, join.recovery);
    verify_signature(join.ticket.as_bytes(), Join::PROOF_DOMAIN, &message, &join.proof)
        .map_err(|_| Void::BadProof)?;
    match ticket.kind {
        TicketKind::Invite if join.recovery => Err(Void::Recovery),
        TicketKind::Invite => {
            let user = UserId::of_first_device(header.device);
            if roster.users.contains_key(&user) { Err(Void::KeyReused) } else { Ok((user, true)) }
        }
        TicketKind::Link(user) => match roster.users.get(&user) {
            Some(User { removed: false, .. }) => Ok((user, false)),
            _ => Err(Void::TargetNotActive),
        },
    }
}

fn apply_join(roster: &mut Roster, header: &Header, join: &Join) -> Result<Option<Void>, Void> {
    let (user, is_new) = check_join(roster, header, join)?;
    if is_new {
        roster.users.insert(user, User { role: Role::Member, removed: false });
    }
    insert_device(roster, header.device, user, join.hpke.clone(), Some(join.ticket), join.recovery);
    if let Some(ticket) = roster.tickets.get_mut(&join.ticket) {
        ticket.stage = TicketStage::Used(header.device);
    }
    Ok(None)
}

fn check_cut(cut: &[Cut], concerns: impl Fn(DeviceId) -> bool) -> Result<(), Void> {
    if cut.iter().all(|cut| concerns(cut.device)) { Ok(()) } else { Err(Void::ForeignCut) }
}

fn is_device_of(roster: &Roster, device: &DeviceId, user: UserId) -> bool {
    roster.devices.get(device).is_some_and(|device| device.user == user)
}

fn devices_of(roster: &Roster, user: UserId) -> BTreeSet<DeviceId> {
    let active = roster.devices.iter().filter(|(_, device)| device.user == user && device.is_active());
    active.map(|(id, _)| *id).collect()
}

fn device_targets(roster: &Roster, target: DeviceId) -> Result<BTreeSet<DeviceId>, Void> {
    let device = roster.devices.get(&target).filter(|device| device.is_active());
    let device = device.ok_or(Void::TargetNotActive)?;
    // Otherwise whoever steals a laptop could shut the phrase out that is meant to undo the theft.
    if device.recovery {
        return Err(Void::Recovery);
    }
    Ok(BTreeSet::from([target]))
}

/// Removes `targets` and what they let in behind the remover's back.
fn remove(
    roster: &mut Roster,
    position: Position,
    header: &Header,
    targets: BTreeSet<DeviceId>,
    cut: &[Cut],
    rekey: &Rekey,
) -> Result<Option<Void>, Void> {
    let by = header.device;
    let known = roster.point(&header.roster).map_or(0, |(index, _)| index + 1);
    let going = with_linked_since(roster, targets, known);
    if going.contains(&by) {
        return Err(Void::SelfRemoval);
    }
    let owner_goes = going.iter().any(|id| roster.devices.get(id).is_some_and(|d| is_owner(roster, d.user)));
    if owner_goes && !owner_stays_live(roster, &going) {
        return Err(Void::LastOwnerDevice);
    }
    let recovery = author(roster, header)?.recovery;
    let was_on_head = on_head(roster, header);
    strike(roster, position, &going, cut);
    roster.rekey_due = true;
    let rekeyed = match (recovery, was_on_head) {
        (true, _) => Err(Void::Recovery),
        (false, Err(moved)) => Err(moved),
        (false, Ok(())) => begin_epoch_unbound(roster, rekey),
    };
    Ok(rekeyed.err())
}

/// `targets`, and devices that joined through links which a target (or such a device) made after the remover's roster.
/// Not recovery devices: the remover chooses which roster to name, and a thief would choose one old enough.
fn with_linked_since(roster: &Roster, targets: BTreeSet<DeviceId>, known: usize) -> BTreeSet<DeviceId> {
    let mut going = targets;
    loop {
        let more: Vec<DeviceId> = roster
            .tickets
            .values()
            .filter(|ticket| ticket.made_at >= known && going.contains(&ticket.maker))
            .filter_map(|ticket| match (ticket.kind, ticket.stage) {
                (TicketKind::Link(_), TicketStage::Used(device)) => Some(device),
                _ => None,
            })
            .filter(|device| is_removable(roster, device) && !going.contains(device))
            .collect();
        if more.is_empty() {
            return going;
        }
        going.extend(more);
    }
}

fn is_removable(roster: &Roster, device: &DeviceId) -> bool {
    let device = roster.devices.get(device);
    device.is_some_and(|device| device.is_active() && !device.recovery)
}

fn owner_stays_live(roster: &Roster, going: &BTreeSet<DeviceId>) -> bool {
    let owners = roster.users.iter().filter(|(_, user)| user.role == Role::Owner).map(|(id, _)| *id);
    owners.into_iter().any(|owner| roster.live_devices(owner).any(|device| !going.contains(&device)))
}

/// Takes standing and open tickets from `going`.
fn strike(roster: &mut Roster, position: Position, going: &BTreeSet<DeviceId>, cut: &[Cut]) {
    for id in going {
        if let Some(device) = roster.devices.get_mut(id) {
            device.standing = Standing::Removed { position, cut: cut_of(cut, *id) };
        }
    }
    for ticket in roster.tickets.values_mut() {
        if ticket.stage == TicketStage::Open && going.contains(&ticket.maker) {
            ticket.stage = TicketStage::Closed;
        }
    }
}

/// A removed user's other devices may have made links as well, all struck by now; what is left is the name.
fn mark_user_removed(roster: &mut Roster, user: UserId) {
    if let Some(user) = roster.users.get_mut(&user) {
        user.removed = true;
    }
}

fn leave(
    roster: &mut Roster,
    position: Position,
    header: &Header,
    whole_user: bool,
    cut: &[Cut],
) -> Result<Option<Void>, Void> {
    let Device { user, recovery, .. } = *author(roster, header)?;
    check_cut(cut, |named| named == header.device || (whole_user && is_device_of(roster, &named, user)))?;
    let mut going = BTreeSet::from([header.device]);
    if whole_user {
        going.extend(devices_of(roster, user));
    }
    if !recovery {
        // Only the phrase gives the phrase up.
        going.retain(|device| is_removable(roster, device));
    }
    if is_owner(roster, user) && !owner_stays_live(roster, &going) {
        return Err(Void::LastOwnerDevice);
    }
    strike(roster, position, &going, cut);
    if whole_user && devices_of(roster, user).is_empty() {
        mark_user_removed(roster, user);
    }
    roster.rekey_due = true;
    Ok(None)
}

fn begin_epoch(roster: &mut Roster, header: &Header, rekey: &Rekey) -> Result<(), Void> {
    on_head(roster, header)?;
    begin_epoch_unbound(roster, rekey)
}

/// A new epoch, if `rekey` is wrapped to exactly those in the roster as it is now.
fn begin_epoch_unbound(roster: &mut Roster, rekey: &Rekey) -> Result<(), Void> {
    let wrapped: BTreeSet<HpkePublicKey> = rekey.wraps.iter().map(|wrap| wrap.recipient.clone()).collect();
    if wrapped != roster.recipients() || wrapped.len() != rekey.wraps.len() {
        return Err(Void::WrongRecipients);
    }
    if roster.commitments.iter().any(|known| known.epoch_id() == rekey.commitment.epoch_id()) {
        return Err(Void::KeyReused);
    }
    if roster.commitments.len() >= MAX_EPOCHS {
        return Err(Void::Full);
    }
    roster.commitments.push(rekey.commitment);
    roster.rekey_due = false;
    Ok(())
}

fn cut_of(cut: &[Cut], device: DeviceId) -> BTreeMap<ChainKey, (u64, EntryId)> {
    cut.iter()
        .filter(|cut| cut.device == device)
        .map(|cut| {
            let chain = ChainKey { device, incarnation: cut.incarnation, lane: cut.lane };
            (chain, (cut.seq, cut.id))
        })
        .collect()
}
