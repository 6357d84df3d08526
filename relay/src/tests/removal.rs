//! What a removal does at the relay: sessions, runs up to the cut, and room for it.

use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::header::{EntryType, Part};
use bowline_wire::ids::{Lane, Position, WorkspaceId};
use bowline_wire::roster::record::{Cut, Record};
use bowline_wire::roster::{Admits, TicketKind};
use bowline_wire::weight::Weight;

use crate::config::{CONTROL_RESERVE, Config, OWNER_RESERVE, STAGED_ENTRIES};
use crate::session::ConnId;
use crate::storage::{Storage, stored_len};
use crate::testing::author::{Author, Door, View, rekey};
use crate::testing::bench::{Bench, config};

struct Scene {
    bench: Bench,
    laptop: Author,
    workspace: WorkspaceId,
    owner: ConnId,
    phone: Author,
    member: ConnId,
}

/// A workspace of an Owner's laptop and a Member's phone, both with sessions.
fn two() -> Scene {
    two_with(config())
}

fn two_with(config: Config) -> Scene {
    let (mut bench, mut laptop, mut phone) = (Bench::with(config), Author::new(1), Author::new(2));
    let (workspace, owner) = bench.create(&mut laptop);
    let member = bench.let_in((&mut laptop, owner), &mut phone, workspace);
    Scene { bench, laptop, workspace, owner, phone, member }
}

impl Scene {
    fn removal(&mut self, cut: Vec<Cut>) -> Entry {
        let record =
            Record::RemoveDevice { device: self.phone.id(), cut, rekey: rekey(0x77, [self.laptop.hpke()]) };
        self.laptop.record(&self.bench.view(self.workspace), &record)
    }
}

#[test]
fn a_removed_device_is_shown_its_removal_and_closed() {
    let mut scene = two();
    scene.bench.send(scene.member, &Frame::Subscribe { after: Position(3) });
    let removal = scene.removal(vec![]);
    let after =
        scene.laptop.record(&scene.bench.view(scene.workspace), &Record::CloseInvite(Door::new(9).key()));
    scene.bench.must_append(scene.owner, &[&removal, &after]);
    let frames = scene.bench.frames(scene.member);
    let [Frame::Entries { entries, .. }, Frame::Goodbye { reason: Reason::Removed, .. }] = &frames[..] else {
        panic!("{frames:?}")
    };
    assert_eq!(entries[0].entry.clone().verify(scene.workspace).unwrap().id(), removal.id());
    assert!(scene.bench.is_closed(scene.member));
    let (_, frame) = scene.bench.enter(&scene.phone, scene.workspace);
    assert!(matches!(frame, Frame::Goodbye { reason: Reason::Removed, .. }), "{frame:?}");
    // Whoever stays, stays.
    scene.bench.send(scene.owner, &Frame::Ping);
    assert!(matches!(scene.bench.frame(scene.owner), Frame::Head(_)));
}

/// Another device of the phone's person, by a link that the phone makes.
fn linked(scene: &mut Scene, number: u8) -> (Author, ConnId) {
    let (door, mut device) = (Door::new(number), Author::new(number));
    let link = Record::Link(door.ticket(u64::MAX));
    let link = scene.phone.record(&scene.bench.view(scene.workspace), &link);
    scene.bench.must_append(scene.member, &[&link]);
    let admits = Admits { kind: TicketKind::Link(scene.phone.user()), recovery: false };
    let join = device.join_as(&scene.bench.view(scene.workspace), &door, admits);
    scene.bench.must_append(scene.member, &[&join]);
    let conn = scene.bench.open(&device, scene.workspace);
    (device, conn)
}

/// A removal that comes when another device has come in behind the remover's back.
#[test]
fn everybody_whom_a_removal_strikes_is_closed_at_once_and_nobody_else() {
    for is_whole_person in [true, false] {
        let mut scene = two();
        let (tablet, on_tablet) = linked(&mut scene, 3);
        let (rekey, cut) = (rekey(0x77, [scene.laptop.hpke()]), vec![]);
        let removal = if is_whole_person {
            Record::RemoveMember { user: scene.phone.user(), cut, rekey }
        } else {
            Record::RemoveDevice { device: scene.phone.id(), cut, rekey }
        };
        let removal = scene.laptop.record(&scene.bench.view(scene.workspace), &removal);
        let (foot, on_foot) = linked(&mut scene, 4);
        scene.bench.must_append(scene.owner, &[&removal]);
        for (device, conn, is_struck) in [
            (scene.phone.clone(), scene.member, true),
            (tablet, on_tablet, is_whole_person),
            (foot, on_foot, true),
            (scene.laptop.clone(), scene.owner, false),
        ] {
            let frames = scene.bench.frames(conn);
            let is_told = matches!(frames.last(), Some(Frame::Goodbye { reason: Reason::Removed, .. }));
            assert_eq!((is_told, scene.bench.is_closed(conn)), (is_struck, is_struck), "{frames:?}");
            let (_, answer) = scene.bench.enter(&device, scene.workspace);
            let is_out = matches!(answer, Frame::Goodbye { reason: Reason::Removed, .. });
            assert_eq!(is_out, is_struck, "{answer:?}");
        }
    }
}

#[test]
fn whoever_leaves_is_acknowledged_and_closed() {
    let mut scene = two();
    let view = scene.bench.view(scene.workspace);
    let leave = scene.phone.record(&view, &Record::Leave { whole_user: true, cut: vec![] });
    scene.bench.append(scene.member, &[&leave]);
    scene.bench.flush();
    let frames = scene.bench.frames(scene.member);
    assert!(matches!(&frames[0], Frame::Appended { entries, .. } if entries[0].0 == leave.id()));
    assert!(matches!(frames[1], Frame::Goodbye { reason: Reason::Removed, .. }));
    assert!(scene.bench.is_closed(scene.member));
}

#[test]
fn a_void_removal_closes_nobody() {
    let mut scene = two();
    let view = scene.bench.view(scene.workspace);
    let (device, rekey) = (scene.phone.id(), rekey(0x77, [scene.laptop.hpke()]));
    let of_itself = scene.phone.record(&view, &Record::RemoveDevice { device, cut: vec![], rekey });
    scene.bench.must_append(scene.member, &[&of_itself]);
    for conn in [scene.owner, scene.member] {
        scene.bench.send(conn, &Frame::Ping);
        assert!(matches!(scene.bench.frame(conn), Frame::Head(_)));
    }
}

/// A removal that is not durable yet, and after it a message of the removed device.
fn removed_and_not_durable() -> (Scene, Entry) {
    let mut scene = two();
    let view = scene.bench.view(scene.workspace);
    let late = scene.phone.content(&view, b"late");
    let removal = scene.removal(vec![]);
    scene.bench.append(scene.owner, &[&removal]);
    scene.bench.append(scene.member, &[&late]);
    assert!(scene.bench.frames(scene.member).is_empty(), "the removal may still be lost");
    (scene, late)
}

#[test]
fn what_a_removal_refuses_is_refused_once_the_removal_is_durable() {
    let (mut scene, late) = removed_and_not_durable();
    scene.bench.flush();
    let frames = scene.bench.frames(scene.member);
    let [Frame::Refused { entry, reason, .. }, Frame::Goodbye { reason: Reason::Removed, .. }] = &frames[..]
    else {
        panic!("{frames:?}")
    };
    assert_eq!((*entry, *reason), (late.id(), Reason::NotActive));
}

#[test]
fn a_removal_that_is_lost_refuses_nothing_for_good() {
    // Seed 17409 of the simulated world: refused for good by a removal that a power cut took back.
    let (mut scene, late) = removed_and_not_durable();
    scene.bench.storage.refuses_commits.set(true);
    scene.bench.flush();
    let frames = scene.bench.frames(scene.member);
    let [Frame::Refused { entry, reason: Reason::Storage, .. }] = &frames[..] else { panic!("{frames:?}") };
    assert_eq!(*entry, late.id());
    scene.bench.storage.refuses_commits.set(false);
    scene.bench.must_append(scene.member, &[&late]);
}

#[test]
fn refusals_that_wait_for_a_commit_are_bounded_like_what_is_staged() {
    let (mut scene, late) = removed_and_not_durable();
    // So many to a frame that the session is not closed first, for bringing nothing.
    let frame = [&late; 100];
    for _ in 0..=STAGED_ENTRIES / frame.len() {
        scene.bench.append(scene.member, &frame);
    }
    assert!(
        matches!(scene.bench.frame(scene.owner), Frame::Appended { .. }),
        "committed before it was asked to"
    );
}

#[test]
fn beyond_its_cut_a_removed_device_writes_nothing_whoever_carries_it() {
    let mut scene = two();
    let view = scene.bench.view(scene.workspace);
    let late = scene.phone.content(&view, b"late");
    let removal = scene.removal(vec![]);
    scene.bench.must_append(scene.owner, &[&removal]);
    assert_eq!(scene.bench.refusal(scene.owner, &late), Reason::NotActive);
}

#[test]
fn up_to_its_cut_a_removed_devices_run_comes_whole() {
    let mut scene = two();
    let view = scene.bench.view(scene.workspace);
    let run = [(); 3].map(|()| scene.phone.content(&view, b"before the removal"));
    let cut = scene.phone.cut(Lane::Content);
    let beyond = scene.phone.content(&view, b"behind the cut");
    let removal = scene.removal(vec![cut]);
    scene.bench.must_append(scene.owner, &[&removal]);

    assert_eq!(scene.bench.refusal(scene.owner, &run[0]), Reason::RunIncomplete);
    scene.bench.append(scene.owner, &[&run[0], &run[1]]);
    let frames = scene.bench.frames(scene.owner);
    assert_eq!(frames.len(), 2);
    for frame in frames {
        assert!(matches!(frame, Frame::Refused { reason: Reason::RunIncomplete, .. }), "{frame:?}");
    }
    // Nor with something in between, which itself is fine.
    let view = scene.bench.view(scene.workspace);
    let between = scene.laptop.content(&view, b"between");
    scene.bench.append(scene.owner, &[&run[0], &between, &run[1], &run[2]]);
    scene.bench.flush();
    let frames = scene.bench.frames(scene.owner);
    assert_eq!(frames.len(), 4);
    assert!(matches!(&frames[3], Frame::Appended { entries, .. } if entries[0].0 == between.id()));
    // Among other entries, and with one beyond the cut behind it.
    let view = scene.bench.view(scene.workspace);
    let mine = scene.laptop.content(&view, b"mine");
    scene.bench.append(scene.owner, &[&mine, &run[0], &run[1], &run[2], &beyond]);
    scene.bench.flush();
    let frames = scene.bench.frames(scene.owner);
    assert!(
        matches!(&frames[1], Frame::Refused { entry, reason: Reason::NotActive, .. } if *entry == beyond.id())
    );
    let Frame::Appended { entries, .. } = &frames[0] else { panic!("{frames:?}") };
    assert_eq!(
        entries.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        [&mine, &run[0], &run[1], &run[2]].map(Entry::id)
    );
    // And it is recognised when it comes again.
    scene.bench.append(scene.owner, &[&run[0], &run[1], &run[2]]);
    assert!(matches!(scene.bench.frame(scene.owner), Frame::Appended { entries, .. } if entries.len() == 3));
}

/// What its first entry announces beyond the cut never comes.
#[test]
fn a_run_that_ends_between_two_parts_needs_no_room_for_the_rest() {
    let part = |scene: &mut Scene, view: &View, index| {
        let mut header = scene.phone.draft(view, EntryType::Changes, Lane::Content);
        (header.part, header.weight) = (Part { index, count: 20 }, Weight::NONE);
        scene.phone.write(header, &[1; 1000])
    };
    let mut scene = two_with(Config { content_quota: 5_000, ..config() });
    let view = scene.bench.view(scene.workspace);
    let run = [part(&mut scene, &view, 0), part(&mut scene, &view, 1)];
    assert_eq!(scene.bench.refusal(scene.member, &run[0]), Reason::Quota);
    let cut = scene.phone.cut(Lane::Content);
    let removal = scene.removal(vec![cut]);
    scene.bench.must_append(scene.owner, &[&removal]);
    scene.bench.must_append(scene.owner, &[&run[0], &run[1]]);
}

#[test]
fn removals_and_due_rekeys_fit_when_the_reserve_is_used_up() {
    let mut scene = two_with(Config { control_reserve: 2_500, ..config() });
    let view = scene.bench.view(scene.workspace);
    let close = Record::CloseInvite(Door::new(9).key());
    let mut fillers = 0;
    let full = loop {
        let filler = scene.laptop.record(&view, &close);
        scene.bench.append(scene.owner, &[&filler]);
        scene.bench.flush();
        match scene.bench.frame(scene.owner) {
            Frame::Appended { .. } => fillers += 1,
            Frame::Refused { reason, .. } => break reason,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(full, Reason::Quota);
    assert!(fillers < 10);
    // The one that did not fit has taken a number that only its author knows of: the chain goes on without it.
    scene.laptop = rewound(&scene);
    // A rekey without a reason that counts does not get the room, nor a removal that is not the Owner's.
    let record = Record::Rekey(rekey(0x66, [scene.laptop.hpke(), scene.phone.hpke()]));
    let needless = scene.phone.clone().record(&view, &record);
    assert_eq!(scene.bench.refusal(scene.member, &needless), Reason::Quota);
    let coup = Record::RemoveDevice { device: scene.laptop.id(), cut: vec![], rekey: rekey(1, []) };
    let coup = scene.phone.clone().record(&view, &coup);
    assert_eq!(scene.bench.refusal(scene.member, &coup), Reason::NotPermitted);
    let own = Record::RemoveDevice { device: scene.phone.id(), cut: vec![], rekey: rekey(2, []) };
    let own = scene.phone.clone().record(&view, &own);
    assert_eq!(scene.bench.refusal(scene.member, &own), Reason::Quota);
    // A removal whose own rekey is void leaves a rekey due.
    let record = Record::RemoveDevice { device: scene.phone.id(), cut: vec![], rekey: rekey(0x77, []) };
    let removal = scene.laptop.record(&view, &record);
    scene.bench.must_append(scene.owner, &[&removal]);
    let record = Record::Rekey(rekey(0x78, [scene.laptop.hpke()]));
    let due = scene.laptop.record(&scene.bench.view(scene.workspace), &record);
    scene.bench.must_append(scene.owner, &[&due]);
}

/// Writes an entry of a scene, by what its log looks like.
type Write<'w> = &'w dyn Fn(&mut Scene, &View) -> Entry;

#[test]
fn control_entries_fill_their_reserve_and_the_owners_removals_what_is_kept_for_them_and_not_a_byte_more() {
    let close = |scene: &mut Scene, view: &View| {
        let record = Record::CloseInvite(Door::new(9).key());
        scene.laptop.record(view, &record)
    };
    let removal = |scene: &mut Scene, view: &View| {
        let record = Record::RemoveDevice { device: scene.phone.id(), cut: vec![], rekey: rekey(0x77, []) };
        scene.laptop.record(view, &record)
    };
    let due = |scene: &mut Scene, view: &View| {
        let removal = removal(scene, view);
        scene.bench.must_append(scene.owner, &[&removal]);
        let record = Record::Rekey(rekey(0x78, [scene.laptop.hpke()]));
        scene.laptop.record(&scene.bench.view(scene.workspace), &record)
    };
    let cases: [(&str, Write<'_>, u64); 3] = [
        ("a record", &close, CONTROL_RESERVE),
        ("a removal", &removal, CONTROL_RESERVE + OWNER_RESERVE),
        ("a rekey that is due", &due, CONTROL_RESERVE + OWNER_RESERVE),
    ];
    for (name, write, most) in cases {
        for (beyond, fits) in [(0, true), (1, false)] {
            let mut scene = two_with(config());
            let view = scene.bench.view(scene.workspace);
            let entry = write(&mut scene, &view);
            let stored = scene.bench.storage.log(scene.workspace).unwrap().unwrap().usage.control;
            scene.bench.storage.more.lock().unwrap().control = most - stored - stored_len(&entry) + beyond;
            scene.bench.restart();
            let owner = scene.bench.open(&scene.laptop, scene.workspace);
            if fits {
                scene.bench.must_append(owner, &[&entry]);
            } else {
                assert_eq!(scene.bench.refusal(owner, &entry), Reason::Quota, "{name}");
            }
        }
    }
}

/// The Owner as the log knows it.
fn rewound(scene: &Scene) -> Author {
    let tips = crate::storage::Storage::tips(&scene.bench.storage, scene.workspace).unwrap();
    let mut author = scene.laptop.clone();
    let chain = author.chain(Lane::Control);
    let (_, tip) = tips.into_iter().find(|(key, _)| *key == chain).unwrap();
    author.rewind(Lane::Control, tip.seq, tip.id);
    author
}
