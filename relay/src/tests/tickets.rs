//! What the holder of an invite or link may do, and may not.

use bowline_wire::frame::{Frame, Reason, Transcript};
use bowline_wire::ids::{Position, WorkspaceId};
use bowline_wire::limits::{MAX_FRAME, MAX_INVITE_LIFETIME, MAX_LINK_LIFETIME, MAX_SEALED_HISTORY};
use bowline_wire::roster::record::{Record, Ticket};
use bowline_wire::roster::{Admits, TicketKind};

use crate::keys::Identity;
use crate::session::ConnId;
use crate::testing::author::{Author, Door, hello};
use crate::testing::bench::{Bench, creation};

/// A workspace with one open invite that lasts an hour.
fn invited() -> (Bench, Author, WorkspaceId, ConnId, Door) {
    let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
    let (workspace, conn) = bench.create(&mut laptop);
    let door = Door::new(1);
    let expires = bench.now.plus(3_600_000).0;
    let invite = laptop.record(&bench.view(workspace), &Record::Invite(door.ticket(expires)));
    bench.must_append(conn, &[&invite]);
    (bench, laptop, workspace, conn, door)
}

fn open_by(bench: &mut Bench, door: &Door, workspace: WorkspaceId) -> ConnId {
    let (conn, frame) = bench.enter_by(door, workspace);
    assert!(matches!(frame, Frame::Welcome(_)), "{frame:?}");
    conn
}

fn assert_goodbye(bench: &mut Bench, conn: ConnId, expected: Reason) {
    let frames = bench.frames(conn);
    assert!(
        matches!(frames.last(), Some(Frame::Goodbye { reason, .. }) if *reason == expected),
        "{frames:?}"
    );
    assert!(bench.is_closed(conn));
}

#[test]
fn the_holder_gets_the_roster_records_and_no_content() {
    let (mut bench, mut laptop, workspace, owner, door) = invited();
    let view = bench.view(workspace);
    let content = laptop.content(&view, b"secret");
    let close = laptop.record(&view, &Record::CloseInvite(Door::new(9).key()));
    bench.must_append(owner, &[&content, &close]);
    let conn = open_by(&mut bench, &door, workspace);
    bench.send(conn, &Frame::Subscribe { after: Position::START });
    let Frame::Records { entries, more } = bench.frame(conn) else { panic!() };
    assert_eq!(entries.iter().map(|(position, _)| position.0).collect::<Vec<_>>(), [1, 2, 4]);
    assert!(!more);
    assert!(
        entries.iter().all(|(_, logged)| logged.entry.clone().verify(workspace).unwrap().body().is_some())
    );
    bench.send(conn, &Frame::Subscribe { after: Position(4) });
    assert_eq!(bench.frame(conn), Frame::Records { entries: vec![], more: false });
    // It does not listen to what comes either.
    let content = laptop.content(&view, b"more");
    bench.must_append(owner, &[&content]);
    assert!(bench.frames(conn).is_empty());
}

#[test]
fn a_large_roster_comes_in_several_frames() {
    let (mut bench, mut laptop, workspace, owner, door) = invited();
    let view = bench.view(workspace);
    for number in 0..12 {
        let hpke = (0..=255u8).map(|recipient| {
            let mut bytes = [number; 1216];
            bytes[0] = recipient;
            bowline_wire::ids::HpkePublicKey::from_slice(&bytes).unwrap()
        });
        let mut rekey = crate::testing::author::rekey(number, hpke);
        rekey.history = vec![0; MAX_SEALED_HISTORY];
        let void = laptop.record(&view, &Record::Rekey(rekey));
        bench.must_append(owner, &[&void]);
    }
    let conn = open_by(&mut bench, &door, workspace);
    bench.send(conn, &Frame::Subscribe { after: Position::START });
    let frames = bench.bytes(conn);
    assert!(frames.len() > 1 && frames.iter().all(|frame| frame.len() <= MAX_FRAME));
    let mut positions = Vec::new();
    for (index, bytes) in frames.iter().enumerate() {
        let Frame::Records { entries, more } = bowline_wire::codec::decode(bytes).unwrap() else { panic!() };
        positions.extend(entries.iter().map(|(position, _)| position.0));
        assert_eq!(more, index + 1 < frames.len());
    }
    assert_eq!(positions, (1..=14).collect::<Vec<_>>());
}

#[test]
fn the_holder_joins_and_comes_back_as_a_device() {
    let (mut bench, _, workspace, _, door) = invited();
    let mut phone = Author::new(2);
    let conn = open_by(&mut bench, &door, workspace);
    let join = phone.join(&bench.view(workspace), &door);
    bench.append(conn, &[&join]);
    bench.flush();
    let Frame::Appended { entries, head } = bench.frame(conn) else { panic!() };
    assert_eq!(entries, [(join.id(), Position(3))]);
    head.verify(workspace).unwrap();
    assert!(bench.is_closed(conn), "the invite is used up");
    bench.open(&phone, workspace);
    let (_, frame) = bench.enter_by(&door, workspace);
    assert!(matches!(frame, Frame::Goodbye { reason: Reason::TicketUsed, .. }));
}

#[test]
fn a_second_holder_of_a_used_invite_is_sent_away() {
    let (mut bench, _, workspace, _, door) = invited();
    let (first, second) = (open_by(&mut bench, &door, workspace), open_by(&mut bench, &door, workspace));
    let view = bench.view(workspace);
    let (mine, theirs) = (Author::new(2).join(&view, &door), Author::new(3).join(&view, &door));
    bench.append(first, &[&mine]);
    bench.append(second, &[&theirs]);
    assert!(bench.frames(second).is_empty(), "the first one's Join may still be lost");
    bench.flush();
    assert!(matches!(bench.frame(first), Frame::Appended { .. }));
    let frames = bench.frames(second);
    let [
        Frame::Refused { entry, reason: Reason::JoinVoid, .. },
        Frame::Goodbye { reason: Reason::TicketUsed, .. },
    ] = &frames[..]
    else {
        panic!("{frames:?}")
    };
    assert_eq!(*entry, theirs.id());
}

#[test]
fn the_holder_appends_one_join_by_this_invite_and_nothing_else() {
    let (mut bench, mut laptop, workspace, owner, door) = invited();
    let other_door = Door::new(2);
    let view = bench.view(workspace);
    let invite = laptop.record(&view, &Record::Invite(other_door.ticket(u64::MAX)));
    bench.must_append(owner, &[&invite]);
    let view = bench.view(workspace);
    let mut phone = Author::new(2);
    let join = phone.clone().join(&view, &door);
    let forbidden = [
        vec![],
        vec![phone.clone().join(&view, &other_door)],
        vec![join.clone(), phone.content(&view, b"hello")],
        vec![Author::new(3).record(&view, &Record::CloseInvite(door.key()))],
        vec![laptop.clone().content(&view, b"stolen")],
        vec![laptop.clone().join(&view, &door)],
    ];
    for entries in forbidden {
        let conn = open_by(&mut bench, &door, workspace);
        bench.append(conn, &entries.iter().collect::<Vec<_>>());
        assert_goodbye(&mut bench, conn, Reason::NotAllowed);
    }
    let no_place = [
        Frame::Challenge(Identity::from_secret(&[1; 32]).challenge(
            Transcript::START,
            1,
            [0; 32],
            None,
            bench.now,
        )),
        hello(&[]),
    ];
    for frame in no_place {
        let conn = open_by(&mut bench, &door, workspace);
        bench.send(conn, &frame);
        // That says nothing of the invite, which is known here.
        assert_goodbye(&mut bench, conn, Reason::OutOfPlace);
    }
    assert!(!bench.relay.needs_flush());
    let conn = open_by(&mut bench, &door, workspace);
    bench.append(conn, &[&join]);
    assert!(bench.relay.needs_flush());
}

#[test]
fn an_expired_invite_opens_nothing() {
    let (mut bench, _, workspace, owner, door) = invited();
    let conn = open_by(&mut bench, &door, workspace);
    let join = Author::new(2).join(&bench.view(workspace), &door);
    // To the millisecond, by the relay's clock.
    bench.now = bench.now.plus(3_600_000);
    open_by(&mut bench, &door, workspace);
    bench.now = bench.now.plus(1);
    assert_eq!(bench.refusal(conn, &join), Reason::JoinVoid);
    let (_, frame) = bench.enter_by(&door, workspace);
    assert!(matches!(frame, Frame::Goodbye { reason: Reason::TicketExpired, .. }));
    // Whoever carries it.
    assert_eq!(bench.refusal(owner, &join), Reason::JoinVoid);
}

/// The record that a ticket stands in.
type Opens = fn(Ticket) -> Record;

/// Tickets whose makers wrote that they are never over, each with the longest that it lets somebody in.
fn endless() -> [(Opens, u64); 2] {
    [(Record::Link, MAX_LINK_LIFETIME), (Record::Invite, MAX_INVITE_LIFETIME)]
}

/// As what such a ticket of a device lets somebody in.
fn admits(maker: &Author, longest: u64) -> Admits {
    let is_link = longest == MAX_LINK_LIFETIME;
    let kind = if is_link { TicketKind::Link(maker.user()) } else { TicketKind::Invite };
    Admits { kind, recovery: false }
}

#[test]
fn whatever_its_maker_wrote_a_ticket_is_over_once_its_kind_has_had_its_time() {
    for (record, longest) in endless() {
        let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
        let (workspace, owner) = bench.create(&mut laptop);
        let door = Door::new(1);
        let made = laptop.record(&bench.view(workspace), &record(door.ticket(u64::MAX)));
        bench.must_append(owner, &[&made]);
        let conn = open_by(&mut bench, &door, workspace);
        let join = Author::new(2).join_as(&bench.view(workspace), &door, admits(&laptop, longest));
        bench.now = bench.now.plus(longest);
        open_by(&mut bench, &door, workspace);
        bench.now = bench.now.plus(1);
        assert_eq!(bench.refusal(conn, &join), Reason::JoinVoid, "{longest}");
        let (_, frame) = bench.enter_by(&door, workspace);
        assert!(
            matches!(frame, Frame::Goodbye { reason: Reason::TicketExpired, .. }),
            "{longest}: {frame:?}"
        );
        assert_eq!(bench.refusal(owner, &join), Reason::JoinVoid, "{longest}");
    }
}

#[test]
fn at_the_last_millisecond_of_its_time_a_ticket_lets_somebody_in() {
    for (record, longest) in endless() {
        let (mut bench, mut laptop) = (Bench::new(), Author::new(1));
        let (workspace, owner) = bench.create(&mut laptop);
        let door = Door::new(1);
        let made = laptop.record(&bench.view(workspace), &record(door.ticket(u64::MAX)));
        bench.must_append(owner, &[&made]);
        bench.now = bench.now.plus(longest);
        let conn = open_by(&mut bench, &door, workspace);
        let join = Author::new(2).join_as(&bench.view(workspace), &door, admits(&laptop, longest));
        bench.append(conn, &[&join]);
        bench.flush();
        assert!(matches!(bench.frame(conn), Frame::Appended { .. }), "{longest}");
    }
}

#[test]
fn a_relay_whose_clock_is_set_back_lets_nobody_in_whose_time_was_over_by_the_log() {
    let (mut bench, mut laptop, workspace, owner, door) = invited();
    let join = Author::new(2).join(&bench.view(workspace), &door);
    let before = bench.now;
    bench.now = bench.now.plus(3_600_001);
    let content = laptop.content(&bench.view(workspace), b"later");
    bench.must_append(owner, &[&content]);
    bench.now = before;
    assert_eq!(bench.refusal(owner, &join), Reason::JoinVoid);
}

#[test]
fn a_closed_invite_ends_its_holders_session() {
    let (mut bench, mut laptop, workspace, owner, door) = invited();
    let conn = open_by(&mut bench, &door, workspace);
    let close = laptop.record(&bench.view(workspace), &Record::CloseInvite(door.key()));
    bench.must_append(owner, &[&close]);
    assert_goodbye(&mut bench, conn, Reason::TicketClosed);
    let (_, frame) = bench.enter_by(&door, workspace);
    assert!(matches!(frame, Frame::Goodbye { reason: Reason::TicketClosed, .. }));
}

#[test]
fn an_unknown_invite_opens_nothing() {
    let (mut bench, _, workspace, _, _) = invited();
    let (_, frame) = bench.enter_by(&Door::new(7), workspace);
    assert!(matches!(frame, Frame::Goodbye { reason: Reason::NotAllowed, .. }));
}

#[test]
fn an_invite_makes_no_workspace() {
    let mut bench = Bench::new();
    let (workspace, genesis) = Author::new(1).genesis(1);
    let door = Door::new(1);
    let (conn, said) = bench.hello();
    let proof = door.prove_with(said, creation(door.party(), workspace, genesis.to_signed()));
    bench.send_proof(conn, proof);
    assert_goodbye(&mut bench, conn, Reason::NotAllowed);
    assert!(!bench.relay.needs_flush());
}
