//! What the Owner has given up, at the relay: taken without its body, and a body of it is neither asked for nor missed.

use bowline_wire::bodies::Supplied;
use bowline_wire::entry::{Entry, SignedEntry};
use bowline_wire::frame::{Frame, Reason};
use bowline_wire::header::EntryType;
use bowline_wire::ids::{EntryId, Lane, Position};
use bowline_wire::limits::MAX_BODIES_PER_FRAME;
use bowline_wire::roster::record::{Lost, Record};

use super::Two;
use crate::session::ConnId;
use crate::storage::Storage;
use crate::testing::author::Author;

/// An entry as whoever has lost its body gives it.
fn bare(entry: &Entry) -> Entry {
    let signed = SignedEntry::from_parts(entry.signed_header().to_signed(), None);
    signed.verify(entry.header().workspace).unwrap()
}

impl Two {
    /// The Owner, whose is the laptop, gives entries up.
    fn give_up(&mut self, entries: &[&Entry]) {
        let mut entries: Vec<EntryId> = entries.iter().map(|entry| entry.id()).collect();
        entries.sort();
        let record = Record::Lost(Lost { epochs: vec![], entries });
        let record = self.laptop.record(&self.bench.view(self.workspace), &record);
        self.bench.must_append(self.on_laptop, &[&record]);
        self.bench.drain();
    }

    /// A device comes, and what it is asked for with its welcome.
    fn come(&mut self, phone: bool) -> (ConnId, Vec<Position>) {
        let author = if phone { &self.phone } else { &self.laptop };
        let (conn, said) = self.bench.hello();
        let proof = author.prove(said, self.workspace);
        self.bench.send_proof(conn, proof);
        let mut frames = self.bench.frames(conn);
        assert!(matches!(frames.pop(), Some(Frame::Welcome(_))));
        let wanted = frames.into_iter().map(|frame| match frame {
            Frame::Wanted { positions } => positions,
            other => panic!("{other:?}"),
        });
        (conn, wanted.flatten().collect())
    }

    fn content(&mut self, bodies: usize) -> Vec<(Position, Entry)> {
        let mut content = Vec::new();
        for n in 0..bodies {
            let body = u32::try_from(n).unwrap().to_be_bytes();
            let entry = self.phone.content(&self.bench.view(self.workspace), &body);
            self.bench.must_append(self.on_phone, &[&entry]);
            content.push((self.bench.position(self.workspace), entry));
        }
        content
    }

    fn lose<'p>(&mut self, positions: impl IntoIterator<Item = &'p (Position, Entry)>) {
        let lost: Vec<_> = positions.into_iter().map(|(at, _)| (*at, None)).collect();
        self.bench.storage.memory.put_bodies(self.workspace, &lost).unwrap();
        self.bench.restart();
    }

    fn fetch(&mut self, conn: ConnId, positions: Vec<Position>) -> Vec<Supplied> {
        self.bench.send(conn, &Frame::Fetch { positions });
        match self.bench.frame(conn) {
            Frame::Supply { bodies } => bodies,
            other => panic!("{other:?}"),
        }
    }
}

fn next_of(phone: &Author, two: &Two, body: &[u8]) -> Entry {
    phone.clone().content(&two.bench.view(two.workspace), body)
}

#[test]
fn an_entry_without_its_body_is_taken_once_it_is_given_up_and_not_before_also_after_a_restart() {
    let mut two = Two::connected();
    let (given_up, other) = (next_of(&two.phone, &two, b"gone"), next_of(&two.phone, &two, b"here"));
    assert_eq!(two.bench.refusal(two.on_phone, &bare(&given_up)), Reason::Malformed);
    two.give_up(&[&given_up]);
    two.bench.restart();
    two.on_phone = two.bench.open(&two.phone, two.workspace);
    assert_eq!(two.bench.refusal(two.on_phone, &bare(&other)), Reason::Malformed);
    two.bench.must_append(two.on_phone, &[&bare(&given_up)]);
    let at = two.bench.position(two.workspace);
    for restarts in [false, true] {
        if restarts {
            two.bench.restart();
        }
        let (conn, wanted) = two.come(true);
        assert_eq!(wanted, []);
        two.bench.send(conn, &Frame::Subscribe { after: Position(at.0 - 1) });
        let Frame::Entries { entries, .. } = two.bench.frame(conn) else { panic!("no entries") };
        assert_eq!(entries[0].entry, bare(&given_up).to_signed());
        assert_eq!(two.fetch(conn, vec![at]), []);
    }
    // The chain goes on behind it.
    let mut phone = two.phone.clone();
    phone.rewind(Lane::Content, given_up.header().seq, given_up.id());
    let next = phone.content(&two.bench.view(two.workspace), b"next");
    let conn = two.bench.open(&phone, two.workspace);
    two.bench.must_append(conn, &[&next]);
}

#[test]
fn a_control_entry_without_its_body_is_refused_though_it_was_named() {
    let mut two = Two::connected();
    let header = two.phone.draft(&two.bench.view(two.workspace), EntryType::Witness, Lane::Control);
    let witness = two.phone.clone().write(header, b"seen");
    two.give_up(&[&witness]);
    assert_eq!(two.bench.refusal(two.on_phone, &bare(&witness)), Reason::Malformed);
}

#[test]
fn a_lost_body_that_is_given_up_is_asked_of_nobody_and_the_others_are() {
    let mut two = Two::connected();
    let content = two.content(3);
    two.lose(&content[..2]);
    assert_eq!(two.come(true).1, [content[0].0, content[1].0]);
    two.on_laptop = two.come(false).0;
    two.give_up(&[&content[0].1]);
    assert_eq!(two.come(true).1, [content[1].0]);
    two.bench.restart();
    let (conn, wanted) = two.come(true);
    assert_eq!(wanted, [content[1].0]);
    let body = |n: usize| {
        let (position, entry) = &content[n];
        Supplied { position: *position, body: entry.body().unwrap().to_vec() }
    };
    let reader = two.come(false).0;
    assert_eq!(two.fetch(reader, content.iter().map(|(at, _)| *at).collect()), [body(2)]);
    drop(two.bench.frames(conn));
    // What is not lost is not taken either: it would be stored beyond every quota.
    two.bench.send(conn, &Frame::Supply { bodies: vec![body(0), body(1)] });
    let is_lost = two.bench.storage.memory.lost_bodies(two.workspace, Position::START, 9).unwrap();
    assert_eq!(is_lost, [content[0].0]);
    assert_eq!(two.bench.frames(conn), [], "nothing more is wanted");
}

#[test]
fn a_body_that_is_given_up_and_still_here_is_given_to_whoever_asks() {
    let mut two = Two::connected();
    let content = two.content(1);
    two.give_up(&[&content[0].1]);
    let bodies = two.fetch(two.on_laptop, vec![content[0].0]);
    assert_eq!(bodies[0].body, content[0].1.body().unwrap());
}

#[test]
fn a_loss_behind_much_that_is_given_up_is_found() {
    let mut two = Two::connected();
    let content = two.content(MAX_BODIES_PER_FRAME + 2);
    two.lose(&content);
    two.on_laptop = two.come(false).0;
    let given_up: Vec<&Entry> = content[..=MAX_BODIES_PER_FRAME].iter().map(|(_, entry)| entry).collect();
    two.give_up(&given_up);
    let last = content[MAX_BODIES_PER_FRAME + 1].0;
    let (conn, wanted) = two.come(true);
    assert_eq!(wanted, [last]);
    two.give_up(&[&content[MAX_BODIES_PER_FRAME + 1].1]);
    assert_eq!(two.come(true).1, []);
    let other = two.come(false).0;
    assert_eq!(two.fetch(other, vec![content[0].0, last]), []);
    assert_eq!(two.bench.frames(conn), [], "nobody is asked for what somebody else looked for in vain");
}
