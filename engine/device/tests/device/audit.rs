//! Who did what to which document when, as the stored log tells it: to either role alike, whatever came of it.

use std::time::Instant;

use bowline_device::{Audited, Counts, Did, QuarantineReason, Step};
use bowline_wire::frame::Reason;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DocId, Position};
use bowline_wire::roster::Void;
use bowline_wire::roster::record::Record;

use crate::author::{Author, keyring_for};
use crate::relay::FakeRelay;
use crate::rig::Rig;

const DOC: DocId = DocId::from_bytes([0xd0; 16]);
const OTHER: DocId = DocId::from_bytes([0xd1; 16]);

/// Every row, in order.
pub(crate) fn audit(rig: &Rig) -> Vec<Audited> {
    let mut audit = rig.device.stored_log(rig.workspace()).audit().unwrap();
    let mut rows = Vec::new();
    while let Some(more) = audit.next_rows().unwrap() {
        rows.extend(more);
    }
    rows
}

fn deeds(rows: &[Audited]) -> Vec<Did> {
    rows.iter().map(|row| row.did).collect()
}

/// The row at a position.
fn at(rig: &Rig, position: u64) -> Audited {
    audit(rig).into_iter().find(|row| row.position == Some(Position(position))).unwrap()
}

#[test]
fn everything_stands_in_log_order_with_who_did_it_and_when() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let link = owner.put_ticket(&mut relay, true);
    let mut tablet = Author::join(9, &link, &mut relay);
    tablet.put_message(&mut relay, DOC, "one");
    owner.put_message(&mut relay, DOC, "two");
    let closed = owner.put_ticket(&mut relay, false);
    owner.put_record(&mut relay, &Record::CloseInvite(closed.ticket_key()));
    rig.sync(&mut relay);
    let rows = audit(&rig);
    let (profile, rest): (Vec<Audited>, Vec<Audited>) =
        rows.iter().cloned().partition(|row| row.device == rig.device.id() && row.did != Did::Joined);
    assert!(profile.iter().all(|row| matches!(row.did, Did::Shared | Did::Edited)), "{profile:?}");
    assert_eq!(
        deeds(&rest),
        [
            Did::Created,
            Did::Invited,
            Did::Joined,
            Did::Linked,
            Did::Joined,
            Did::Shared,
            Did::Edited,
            Did::Invited,
            Did::Closed
        ]
    );
    for (row, position) in rows.iter().zip(1..) {
        assert_eq!(row.position, Some(Position(position)));
        assert_eq!(row.time, Some(relay.logged(position).time));
        assert_eq!(row.entry, relay.signed(position).id(rig.workspace()));
        assert_eq!(row.counts, Counts::Whole);
    }
    let by: Vec<_> = rest.iter().map(|row| (row.device, row.user)).collect();
    let (owners, ours) = (Some(owner.user()), Some(rig.device.own_user(rig.workspace()).unwrap()));
    assert_eq!(by[..3], [(owner.id(), owners), (owner.id(), owners), (rig.device.id(), ours)]);
    assert_eq!(by[4..6], [(tablet.id(), owners), (tablet.id(), owners)]);
    assert_eq!((rest[4].code, rest[4].let_in_by), (Some(link.ticket_key()), Some(owner.id())));
    assert_eq!(rest[8].code, rest[7].code);
    let document = rest[6].document.as_ref().unwrap();
    assert_eq!(document.id, DOC);
    assert_eq!(rest[5].document.as_ref(), Some(document));
}

#[test]
fn what_somebody_did_stays_when_they_are_removed_and_the_removal_names_all_whom_it_struck() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut bens = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let mut phone = Author::join(8, &bens.put_ticket(&mut relay, true), &mut relay);
    phone.put_message(&mut relay, DOC, "said before");
    let rekey = {
        let roster = relay.log().roster();
        let stays = roster.devices().filter(|(_, device)| device.user != bens.user());
        let recipients: Vec<_> = stays.map(|(_, device)| device.hpke.clone()).collect();
        owner.rekey(&recipients)
    };
    let removal = Record::RemoveMember { user: bens.user(), cut: Vec::new(), rekey };
    let position = owner.put_record(&mut relay, &removal);
    rig.sync(&mut relay);
    let row = at(&rig, position);
    assert_eq!((row.did, row.member, row.new_key), (Did::Removed, Some(bens.user()), true));
    let mut struck = [bens.id(), phone.id()];
    struck.sort_unstable();
    assert_eq!(row.devices, struck);
    let said = audit(&rig).into_iter().find(|row| row.document.as_ref().is_some_and(|it| it.id == DOC));
    let said = said.unwrap();
    assert_eq!((said.did, said.device, said.user), (Did::Shared, phone.id(), Some(bens.user())));
}

#[test]
fn a_record_that_changed_nothing_is_told_with_the_rule_that_it_broke() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let mut bens = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    bens.put_ticket(&mut relay, false);
    let position = relay.len();
    rig.sync(&mut relay);
    let row = at(&rig, position);
    assert_eq!((row.did, row.user), (Did::Invited, Some(bens.user())));
    assert_eq!(row.counts, Counts::Void(Void::NotOwner));
}

#[test]
fn what_was_put_aside_is_told_with_its_reason_and_begins_no_document() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let secret = owner.put_ticket(&mut relay, false);
    let mut stranger = Author::join(7, &secret, &mut relay.rolled_back(relay.len()));
    stranger.keyring = keyring_for(&secret, &relay);
    stranger.put_message(&mut relay, DOC, "by nobody");
    let aside = relay.len();
    owner.put_message(&mut relay, DOC, "by somebody");
    rig.sync(&mut relay);
    let row = at(&rig, aside);
    assert_eq!((row.did, row.user, row.entry), (Did::Edited, None, relay.entry(aside).id()));
    let Counts::PutAside(why) = row.counts else { panic!("{:?}", row.counts) };
    assert_eq!(why.reason, QuarantineReason::NotActive);
    assert_eq!(at(&rig, aside + 1).did, Did::Shared, "what was put aside is not a first version");
}

#[test]
fn what_has_no_place_on_the_log_comes_last_and_says_why() {
    let (mut rig, _, mut relay) = Rig::member();
    rig.conversation("on the log");
    rig.talk(&mut relay);
    let id = rig.conversation("never on it");
    rig.take_sent();
    let refused = rig.appended().pop().unwrap().id();
    rig.receive(&FakeRelay::refused(refused, Reason::Malformed, None));
    rig.disconnect();
    // As after a relay's restore: one entry comes again, and one does not.
    let lost = "UPDATE entry SET pos = pos + ?1 WHERE pos = ?2";
    let end = i64::try_from(relay.len()).unwrap();
    for (shift, position) in [(1_i64 << 40, end), (1 << 41, end - 1)] {
        assert_eq!(rig.device.store().connection().execute(lost, (shift, position)).unwrap(), 1);
    }
    let rows = audit(&rig);
    let placed = usize::try_from(end - 2).unwrap();
    assert!(rows[..placed].iter().all(|row| row.position.is_some() && row.counts == Counts::Whole));
    let [again, apart, refused_row] = &rows[placed..] else { panic!("{:?}", &rows[placed..]) };
    assert_eq!((&again.counts, &apart.counts), (&Counts::SentAgain, &Counts::Apart));
    assert!(again.position.is_none() && again.time.is_some());
    assert_eq!((refused_row.entry, refused_row.position, refused_row.time), (refused, None, None));
    assert_eq!(refused_row.counts, Counts::Refused(Reason::Malformed));
    assert_eq!(refused_row.document.as_ref().map(|it| it.id), Some(id));
}

#[test]
fn an_erasure_is_told_before_this_version_acts_on_it() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    owner.put_message(&mut relay, DOC, "to be erased");
    let wire = owner.keyring.wire_doc(DOC).unwrap();
    let erase = owner.plain(&relay, EntryType::Erase, vec![0x80], |header| header.doc = wire);
    let position = relay.put(erase.to_signed());
    rig.sync(&mut relay);
    let row = at(&rig, position);
    assert_eq!((row.did, row.document.map(|it| it.id)), (Did::Erased, Some(DOC)));
    assert_eq!(row.counts, Counts::UpdateNeeded);
}

/// Entries of a long log: more than are read at once, or as many as somebody measures with.
fn long() -> u64 {
    std::env::var("BOWLINE_ENTRIES").ok().and_then(|count| count.parse().ok()).unwrap_or(1100)
}

#[test]
fn a_long_log_is_told_and_checked_whole_and_a_part_at_a_time() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    while relay.len() < long() {
        owner.put_message(&mut relay, DOC, "more");
    }
    rig.sync(&mut relay);
    let stored = rig.device.stored_log(rig.workspace());
    let begun = Instant::now();
    let mut audit = stored.audit().unwrap();
    let mut positions = Vec::new();
    let mut pages = 0;
    while let Some(more) = audit.next_rows().unwrap() {
        positions.extend(more.iter().filter_map(|row| row.position).map(|position| position.0));
        pages += 1;
    }
    let told = begun.elapsed();
    assert!(pages > 1, "a page is not the whole log");
    assert!(positions.iter().copied().eq(1..=relay.len()));
    let begun = Instant::now();
    let mut check = stored.check().unwrap().unwrap();
    while check.step().unwrap() {}
    let checked = check.end().unwrap();
    assert_eq!((checked.faults.len(), checked.judged_to), (0, Position(relay.len())));
    println!("{} entries: told in {told:?}, checked in {:?}", checked.entries, begun.elapsed());
}

#[test]
fn each_device_came_and_went_at_a_time_and_by_somebodys_hand() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let workspace = rig.workspace();
    let bens = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let joined = relay.len();
    owner.put_message(&mut relay, OTHER, "between");
    owner.put_removal(&mut relay, &bens, Vec::new());
    let removed = relay.len();
    rig.sync(&mut relay);
    let comings = rig.device.stored_log(workspace).comings().unwrap();
    let step =
        |position| Step { position: Position(position), at: relay.logged(position).time, by: owner.id() };
    let of_bens = comings[&bens.id()];
    assert_eq!((of_bens.came, of_bens.went), (step(joined), Some(step(removed))));
    let of_owner = comings[&owner.id()];
    assert_eq!(
        (of_owner.came, of_owner.went),
        (step(1), None),
        "who made the workspace was let in by nobody else"
    );
    assert_eq!(comings[&rig.device.id()].came.by, owner.id());
}
