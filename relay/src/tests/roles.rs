//! Roles at the relay: what somebody's role does not permit is refused, though their own program let them write it.

use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::ids::{EntryId, EpochId, Lane, LogId, RelayId, UserId};
use bowline_wire::roster::record::{Lost, Move, Record};
use bowline_wire::roster::{Deed, PERMITTED, Role};

use super::Two;
use crate::session::ConnId;
use crate::testing::author::{Author, Door, rekey};
use crate::testing::bench::Bench;

/// The workspace of [`Two`], with one more Member.
fn three() -> (Two, Author) {
    let (mut two, mut tablet) = (Two::connected(), Author::new(3));
    two.bench.let_in((&mut two.laptop, two.on_laptop), &mut tablet, two.workspace);
    drop(two.bench.frames(two.on_laptop));
    drop(two.bench.frames(two.on_phone));
    (two, tablet)
}

/// What `author` writes to do it; `None` for what is not a record. Whether it is void for another reason is nothing to a relay.
fn entry(two: &Two, author: &mut Author, deed: Deed) -> Option<Entry> {
    let tablet = Author::new(3).id();
    let (view, rekey) = (two.bench.view(two.workspace), rekey(0x77, []));
    let record = match deed {
        // Of a code that is over there is a test of its own.
        Deed::Audit | Deed::CloseOver => return None,
        Deed::Write => return Some(author.content(&view, b"a document")),
        Deed::Invite => Record::Invite(Door::new(9).ticket(u64::MAX)),
        Deed::CloseInvite => Record::CloseInvite(Door::new(9).key()),
        Deed::Link => Record::Link(Door::new(9).ticket(u64::MAX)),
        Deed::CloseLink => Record::CloseLink(Door::new(9).key()),
        Deed::RemoveOwnDevice => Record::RemoveDevice { device: author.id(), cut: vec![], rekey },
        Deed::RemoveOthersDevice => Record::RemoveDevice { device: tablet, cut: vec![], rekey },
        Deed::RemoveMember => {
            Record::RemoveMember { user: UserId::of_first_device(tablet), cut: vec![], rekey }
        }
        Deed::Leave => Record::Leave { whole_user: true, cut: vec![] },
        Deed::Rekey => Record::Rekey(rekey),
        Deed::Complain => Record::Complaint { epoch: EpochId::from_bytes([7; EpochId::LEN]) },
        Deed::HandOn => Record::Fill { epoch: EpochId::from_bytes([7; EpochId::LEN]), sealed: vec![7; 64] },
        Deed::HandOver => Record::HandOver { user: UserId::of_first_device(tablet) },
        Deed::TakeOver => Record::TakeOver,
        Deed::Allow => Record::Allow { user: UserId::of_first_device(tablet) },
        Deed::GiveUp => {
            Record::Lost(Lost { epochs: vec![], entries: vec![EntryId::from_bytes([7; EntryId::LEN])] })
        }
        Deed::Move => Record::Move(Move {
            generation: 0,
            address: "wss://elsewhere.example".to_owned(),
            relay: RelayId::from_bytes([8; 32]),
            log: LogId::from_bytes([9; 32]),
        }),
        Deed::WriteUnknown => Record::Unknown(99),
    };
    Some(author.record(&view, &record))
}

/// Why the entry was refused that was the last thing sent on a line; `None` if it is on the log.
fn refusal(bench: &mut Bench, conn: ConnId, entry: &Entry) -> Option<Reason> {
    bench.append(conn, &[entry]);
    bench.flush();
    bench.frames(conn).into_iter().find_map(|frame| match frame {
        Frame::Appended { entries, .. } => {
            assert_eq!(entries[0].0, entry.id());
            Some(None)
        }
        Frame::Refused { entry: refused, reason, .. } => {
            assert_eq!(refused, entry.id());
            Some(Some(reason))
        }
        _ => None,
    })?
}

#[test]
fn each_record_is_taken_from_whom_the_table_permits_it_and_from_nobody_else() {
    for (deed, name, ..) in PERMITTED {
        for role in [Role::Owner, Role::Member] {
            let (mut two, _) = three();
            let (mut author, conn) = match role {
                Role::Owner => (two.laptop.clone(), two.on_laptop),
                Role::Member => (two.phone.clone(), two.on_phone),
            };
            let Some(entry) = entry(&two, &mut author, deed) else { continue };
            let before = two.bench.position(two.workspace);
            // A later rule may permit what is not known here; by this one it is void.
            let is_taken = role.may(deed) || deed == Deed::WriteUnknown;
            let expected = (!is_taken).then_some(Reason::NotPermitted);
            assert_eq!(refusal(&mut two.bench, conn, &entry), expected, "{name} by {role:?}");
            let is_on_the_log = two.bench.position(two.workspace) > before;
            assert_eq!(is_on_the_log, is_taken, "{name} by {role:?}");
        }
    }
}

#[test]
fn a_code_that_is_over_is_closed_by_anybody_from_the_millisecond_on_at_which_it_is() {
    let (mut two, _) = three();
    let door = Door::new(9);
    let invite = Record::Invite(door.ticket(two.bench.now.0));
    let invite = two.laptop.record(&two.bench.view(two.workspace), &invite);
    two.bench.must_append(two.on_laptop, &[&invite]);
    let closing = Record::CloseInvite(door.key());
    let early = two.phone.clone().record(&two.bench.view(two.workspace), &closing);
    assert_eq!(refusal(&mut two.bench, two.on_phone, &early), Some(Reason::NotPermitted));
    two.bench.now = two.bench.now.plus(1);
    let late = two.phone.clone().record(&two.bench.view(two.workspace), &closing);
    assert_eq!(refusal(&mut two.bench, two.on_phone, &late), None);
}

/// Whoever is out has no session, so that somebody who is in has to bring it.
#[test]
fn nothing_is_taken_from_whoever_is_not_in_whoever_brings_it() {
    for (deed, name, ..) in PERMITTED {
        let (mut two, mut removed) = three();
        let removal = Record::RemoveDevice { device: removed.id(), cut: vec![], rekey: rekey(1, []) };
        let removal = two.laptop.record(&two.bench.view(two.workspace), &removal);
        two.bench.must_append(two.on_laptop, &[&removal]);
        let door = Door::new(8);
        let invite = Record::Invite(door.ticket(two.bench.now.0));
        let invite = two.laptop.record(&two.bench.view(two.workspace), &invite);
        two.bench.must_append(two.on_laptop, &[&invite]);
        two.bench.now = two.bench.now.plus(1);
        let mut late = Author::new(7);
        let join = late.clone().join(&two.bench.view(two.workspace), &door);
        assert_eq!(refusal(&mut two.bench, two.on_phone, &join), Some(Reason::JoinVoid), "it came too late");
        for author in [&mut removed, &mut late, &mut Author::new(6)] {
            let Some(entry) = entry(&two, author, deed) else { continue };
            assert_eq!(refusal(&mut two.bench, two.on_phone, &entry), Some(Reason::NotActive), "{name}");
        }
    }
}

#[test]
fn what_a_role_does_not_permit_does_not_stop_what_a_removed_author_had_written_before() {
    let (mut two, _) = three();
    let mut phone = two.phone.clone();
    let invite = entry(&two, &mut phone, Deed::Invite).unwrap();
    let close = phone.record(&two.bench.view(two.workspace), &Record::CloseLink(Door::new(9).key()));
    assert_eq!(refusal(&mut two.bench, two.on_phone, &invite), Some(Reason::NotPermitted));
    let cut = phone.cut(Lane::Control);
    let removal = Record::RemoveDevice { device: phone.id(), cut: vec![cut], rekey: rekey(1, []) };
    let removal = two.laptop.record(&two.bench.view(two.workspace), &removal);
    two.bench.must_append(two.on_laptop, &[&removal]);
    two.bench.must_append(two.on_laptop, &[&invite, &close]);
}

/// Ownership is on offer to the phone, which has taken it over while the laptop wrote something as the Owner.
#[test]
fn who_wrote_as_the_owner_before_a_hand_over_had_come_to_them_is_not_turned_away_and_knows_better_afterwards()
{
    let (mut two, _) = three();
    let offer = Record::HandOver { user: UserId::of_first_device(two.phone.id()) };
    let offer = two.laptop.record(&two.bench.view(two.workspace), &offer);
    two.bench.must_append(two.on_laptop, &[&offer]);
    let before = two.bench.view(two.workspace);
    let take_over = two.phone.record(&before, &Record::TakeOver);
    two.bench.must_append(two.on_phone, &[&take_over]);
    let roster = two.bench.view(two.workspace).roster;
    let late = two.laptop.record(&before, &Record::Invite(Door::new(9).ticket(u64::MAX)));
    two.bench.must_append(two.on_laptop, &[&late]);
    assert_eq!(two.bench.view(two.workspace).roster, roster, "it stands on the log and changes nothing");
    let mut laptop = two.laptop.clone();
    let next = laptop.record(&two.bench.view(two.workspace), &Record::CloseInvite(Door::new(9).key()));
    assert_eq!(refusal(&mut two.bench, two.on_laptop, &next), Some(Reason::NotPermitted));
}
