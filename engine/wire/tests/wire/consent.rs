//! The bodies by which devices consent: confirms and adopted entries, each rule broken alone.

use bowline_wire::adopted::{Adopted, AdoptedError, Original, admitted};
use bowline_wire::codec::{DecodeError, Writer, decode, encode};
use bowline_wire::confirm::{Confirm, Row, Word};
use bowline_wire::entry::{Entry, EntryError};
use bowline_wire::header::{EntryType, Header};
use bowline_wire::ids::*;
use bowline_wire::limits::{MAX_BODY, MAX_CONFIRM_ROWS, MAX_ORIGINALS};
use bowline_wire::weight::Weight;

use crate::samples::{adopted, ana, ben, confirms, story};
use crate::support::*;

const DIGEST: SnapshotDigest = SnapshotDigest::from_bytes([7; 32]);

fn row(snapshot: u64, word: Word) -> Row {
    Row { snapshot: Position(snapshot), word }
}

mod a_confirm {
    use super::*;

    fn header() -> Header {
        story().draft(&ana(), EntryType::Confirm)
    }

    fn broken(body: &[u8]) -> DecodeError {
        Confirm::parse(&header(), body).unwrap_err()
    }

    fn list(rows: &[&dyn Fn(&mut Writer)]) -> Vec<u8> {
        let mut to = Writer::new();
        to.array(rows.len());
        for row in rows {
            row(&mut to);
        }
        to.into_bytes()
    }

    #[test]
    fn reads_back_with_each_kind_of_row() {
        for (name, confirm) in confirms() {
            assert_eq!(Confirm::parse(&header(), &confirm.to_body()), Ok(confirm), "{name}");
        }
    }

    #[test]
    fn has_a_row_and_rows_are_ascending() {
        let rule = |text| DecodeError::Rule(text);
        assert_eq!(broken(&list(&[])), rule("a confirm has a row"));
        let one = |to: &mut Writer| {
            to.value(&row(1, Word::Confirms(None)));
        };
        let two = |to: &mut Writer| {
            to.value(&row(2, Word::Confirms(None)));
        };
        assert!(Confirm::parse(&header(), &list(&[&one, &two])).is_ok());
        for rows in [[&two as &dyn Fn(&mut Writer), &one], [&one, &one]] {
            assert_eq!(broken(&list(&rows)), rule("rows are ascending, each snapshot once"));
        }
    }

    #[test]
    fn is_of_snapshots_that_its_author_has_seen() {
        let seen = header().seen.unwrap().position.0;
        let of = |at| Confirm::new(vec![row(at, Word::Confirms(Some(DIGEST)))]).unwrap().to_body();
        assert!(Confirm::parse(&header(), &of(seen)).is_ok());
        let rule = DecodeError::Rule("a confirm is of snapshots that its author has seen");
        assert_eq!(broken(&of(seen + 1)), rule);
        assert_eq!(broken(&of(0)), DecodeError::Rule("no snapshot stands before the log"));
    }

    #[test]
    fn confirms_or_disputes_and_nothing_between() {
        let rule = DecodeError::Rule("a row confirms a snapshot or disputes it");
        let both = |to: &mut Writer| {
            to.array(3).u64(1).value(&DIGEST).value(&DIGEST);
        };
        let neither = |to: &mut Writer| {
            to.array(1).u64(1);
        };
        assert_eq!(broken(&list(&[&both])), rule);
        assert!(matches!(broken(&list(&[&neither])), DecodeError::Malformed { .. }));
        let short = |to: &mut Writer| {
            to.array(2).u64(1).bytes(&[7; 31]);
        };
        assert!(matches!(broken(&list(&[&short])), DecodeError::Malformed { .. }));
    }

    #[test]
    fn fits_a_body_with_all_the_rows_it_may_have_and_has_no_more() {
        let rows = |count: usize| {
            let at = |n: usize| u64::MAX - n as u64;
            (0..count).rev().map(|n| row(at(n), Word::Disputes(DIGEST))).collect::<Vec<_>>()
        };
        let body = Confirm::new(rows(MAX_CONFIRM_ROWS)).unwrap().to_body();
        assert!(body.len() <= MAX_BODY, "{}", body.len());
        let many = Err(DecodeError::TooLarge { what: "confirm", limit: MAX_CONFIRM_ROWS });
        assert_eq!(Confirm::new(rows(MAX_CONFIRM_ROWS + 1)), many);
        let mut to = Writer::new();
        to.list(&rows(MAX_CONFIRM_ROWS + 1));
        assert_eq!(decode::<Confirm>(&to.into_bytes()), many);
    }

    #[test]
    fn is_the_body_of_a_confirm_only() {
        let body = confirms()[0].1.to_body();
        let other = story().draft(&ana(), EntryType::Witness);
        assert_eq!(Confirm::parse(&other, &body), Err(DecodeError::Rule("the entry is not a confirm")));
    }
}

mod an_adopted_entry {
    use super::*;

    fn sealed(originals: &[&Entry]) -> Vec<u8> {
        let of = |entry: &&Entry| Original::of(entry, LogTime::START).unwrap();
        Adopted::new(originals.iter().map(of).collect()).encode()
    }

    /// The header of an entry that adopts what weighs so much.
    fn header(weight: u64) -> Header {
        Header { weight: Weight::of(weight), ..story().draft(&ana(), EntryType::Adopted) }
    }

    fn broken(originals: &[&Entry]) -> AdoptedError {
        Adopted::open(&header(1 << 20), &sealed(originals)).unwrap_err()
    }

    #[test]
    fn holds_entries_verbatim() {
        let (original, adopting, adopted) = adopted();
        assert_eq!(Adopted::open(adopting.header(), &adopted.encode()), Ok(vec![original]));
        assert_eq!(decode::<Adopted>(&encode(&adopted)), Ok(adopted));
    }

    #[test]
    fn holds_what_their_authors_have_signed_and_nothing_else() {
        let (original, adopting, adopted) = adopted();
        let mut bytes = adopted.encode();
        let body = bytes.len() - 1;
        bytes[body] ^= 1;
        let opened = Adopted::open(adopting.header(), &bytes);
        assert_eq!(opened, Err(AdoptedError::Entry(EntryError::BodyMismatch)));
        bytes[body] ^= 1;
        bytes[10] ^= 1; // in the device of its header
        assert!(matches!(
            Adopted::open(adopting.header(), &bytes),
            Err(AdoptedError::Entry(EntryError::Header(_)))
        ));
        let elsewhere = Header { workspace: WorkspaceId::from_bytes([9; 32]), ..adopting.header().clone() };
        let opened = Adopted::open(&elsewhere, &sealed(&[&original]));
        assert!(matches!(opened, Err(AdoptedError::Entry(EntryError::Header(_)))));
    }

    #[test]
    fn holds_one_at_least_in_order_and_each_once() {
        let (story, ben) = (story(), ben());
        let first = story.content_by(&ben);
        let second = ben.sign(story.draft_after(&ben, &first, EntryType::Changes), b"sealed");
        assert!(Adopted::open(&header(1 << 20), &sealed(&[&first, &second])).is_ok());
        let rule = |text| AdoptedError::Rule(text);
        assert_eq!(broken(&[]), rule("an adopted entry holds one"));
        for wrong in [[&second, &first], [&first, &first]] {
            assert_eq!(broken(&wrong), rule("what is adopted is in order, each once"));
        }
    }

    #[test]
    fn holds_as_many_as_the_largest_payload_has_room_for() {
        let (original, ..) = adopted();
        let of = |count| {
            let original = Original::of(&original, LogTime::START).unwrap();
            decode::<Adopted>(&Adopted::new(vec![original; count]).encode()).map(|_| ())
        };
        assert_eq!(of(MAX_ORIGINALS), Ok(()));
        let limit = MAX_ORIGINALS;
        assert_eq!(of(MAX_ORIGINALS + 1), Err(DecodeError::TooLarge { what: "adopted", limit }));
    }

    #[test]
    fn holds_content_of_its_document_and_no_other_adopted_entry() {
        let (story, ben) = (story(), ben());
        let mut other = story.draft(&ben, EntryType::Changes);
        other.doc = WireDoc::from_bytes([0xee; 16]);
        assert_eq!(
            broken(&[&ben.sign(other, b"x")]),
            AdoptedError::Rule("what is adopted is of one document")
        );
        let nested = ben.sign(story.draft(&ben, EntryType::Adopted), b"x");
        let rule = AdoptedError::Rule("what is adopted is changes or a snapshot");
        assert_eq!(broken(&[&nested]), rule);
        let witness = ben.sign(story.draft(&ben, EntryType::Witness), b"x");
        assert_eq!(broken(&[&witness]), rule);
        let changes = Header { entry_type: EntryType::Changes, ..header(1 << 20) };
        let opened = Adopted::open(&changes, &sealed(&[&story.content_by(&ben)]));
        assert_eq!(opened, Err(AdoptedError::Rule("the entry adopts nothing")));
    }

    #[test]
    fn declares_what_it_holds() {
        let (story, ben) = (story(), ben());
        let heavy =
            ben.sign(Header { weight: Weight::of(4096), ..story.draft(&ben, EntryType::Changes) }, b"x");
        assert!(Adopted::open(&header(4096), &sealed(&[&heavy])).is_ok());
        let rule = AdoptedError::Rule("what is adopted declares more than what adopts it");
        assert_eq!(Adopted::open(&header(2048), &sealed(&[&heavy])), Err(rule));
    }

    #[test]
    fn of_somebody_who_was_never_here_counts_for_nothing() {
        let story = story();
        let stranger = Author::new("a stranger's laptop");
        let mut header = story.draft(&ben(), EntryType::Changes);
        header.device = stranger.id();
        let entry = stranger.sign(header, b"x");
        assert_eq!(admitted(story.roster(), vec![entry], Position(9)), []);
    }

    #[test]
    fn of_somebody_removed_counts_up_to_where_the_removal_says() {
        let (mut story, ana, ben) = (story(), ana(), ben());
        let first = story.content_by(&ben);
        let second = ben.sign(story.draft_after(&ben, &first, EntryType::Changes), b"second");
        let third = ben.sign(story.draft_after(&ben, &second, EntryType::Changes), b"third");
        let another_first =
            ben.sign(story.draft(&ben, EntryType::Changes), b"said afterwards under an old number");
        let all = vec![first.clone(), second.clone(), third];
        let before = story.position();
        let removal = story.removal_of(&ana, &ben, vec![cut_at(&second)]);
        story.record(&ana, &removal);
        let after = story.position();
        assert!(!story.roster().is_active(&ben.id()));
        assert_eq!(admitted(story.roster(), all.clone(), before), all);
        assert_eq!(admitted(story.roster(), all, after), [first.clone(), second.clone()]);
        assert_eq!(admitted(story.roster(), vec![another_first.clone(), second.clone()], after), [second]);
        assert_eq!(
            admitted(story.roster(), vec![first], after),
            [],
            "nothing shows that it is of that chain"
        );
        assert_eq!(admitted(story.roster(), vec![another_first], after), []);
    }
}
