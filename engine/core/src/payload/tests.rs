//! Payloads as they travel inside a body.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::document::limits::{CLAIMED_LABELS_MAX, NAME_MAX};

use super::*;

fn payloads() -> impl Strategy<Value = Payload> {
    let heads = vec(any::<[u8; 32]>().prop_map(ChangeHash::from_bytes), 0..5);
    // A database holds no larger numbers, so none larger are read.
    let numbers = [0..=i64::MAX.cast_unsigned(), 0..=i64::MAX.cast_unsigned(), 0..=i64::MAX.cast_unsigned()];
    let summary = (".{0,40}", numbers, ".{0,60}").prop_map(|(title, [updated_at, count, time], preview)| {
        let summary = Summary { title, updated_at: Millis(updated_at), count, preview };
        (summary, time)
    });
    let deleted_at = proptest::option::of(0..=i64::MAX.cast_unsigned());
    let marks = (any::<(bool, bool)>(), vec(".{0,20}", 0..3))
        .prop_map(|((pinned, archived), labels)| Marks { pinned, archived, labels });
    let claims = (deleted_at, proptest::option::of(marks));
    (any::<([u8; 16], u32)>(), heads, vec(any::<u8>(), 0..200), summary, claims).prop_map(
        |((doc, kind), heads, bytes, (summary, time), (deleted_at, marks))| Payload {
            doc: DocId::from_bytes(doc),
            kind,
            time: Millis(time),
            heads,
            bytes,
            summary,
            deleted_at: deleted_at.map(Millis),
            marks,
        },
    )
}

fn sample() -> Payload {
    Payload {
        doc: DocId::from_bytes([1; 16]),
        kind: 1,
        time: Millis(2),
        heads: vec![ChangeHash::from_bytes([3; 32])],
        bytes: b"the content of it".to_vec(),
        summary: Summary {
            title: "the title of it".to_owned(),
            updated_at: Millis(4),
            count: 5,
            preview: "the preview of it".to_owned(),
        },
        deleted_at: Some(Millis(6)),
        marks: Some(Marks { pinned: true, archived: false, labels: vec!["the label of it".to_owned()] }),
    }
}

#[test]
fn a_payload_of_before_there_were_marks_is_read() {
    let older = Payload { marks: None, ..sample() };
    assert_eq!(older.encode()[0], 0x8a);
    assert_eq!(Payload::decode(&older.encode()), Ok(older));
    assert_eq!(sample().encode()[0], 0x8b);
}

#[test]
fn a_payload_does_not_print_what_is_in_it() {
    let printed = format!("{:?} {:#?}", sample(), sample());
    for content in ["the content", "the title", "the preview", "the label", "116, 104"] {
        assert!(!printed.contains(content), "{printed}");
    }
}

/// The sample with one thing changed, or the reason why it is not read.
fn refused(change: impl FnOnce(&mut Payload)) -> Option<PayloadError> {
    let mut payload = sample();
    change(&mut payload);
    Payload::decode(&payload.encode()).err()
}

#[test]
fn what_is_longer_than_its_limit_is_not_read() {
    assert_eq!(refused(|_| {}), None);
    assert!(refused(|it| it.summary.title = "x".repeat(SUMMARY_TITLE_MAX + 1)).is_some());
    assert!(refused(|it| it.summary.preview = "x".repeat(SUMMARY_PREVIEW_MAX + 1)).is_some());
    assert!(refused(|it| it.heads = vec![ChangeHash::from_bytes([0; 32]); MAX_HEADS + 1]).is_some());
    assert!(refused(|it| it.bytes = vec![0; MAX_PAYLOAD + 1]).is_some());
    let labels = |count, len| Some(Marks { labels: vec!["x".repeat(len); count], ..Marks::default() });
    assert!(refused(|it| it.marks = labels(CLAIMED_LABELS_MAX + 1, 1)).is_some());
    assert!(refused(|it| it.marks = labels(1, NAME_MAX + 1)).is_some());
    assert_eq!(refused(|it| it.marks = labels(CLAIMED_LABELS_MAX, NAME_MAX)), None);
    assert_eq!(refused(|it| it.summary.title = "x".repeat(SUMMARY_TITLE_MAX)), None);
    assert_eq!(refused(|it| it.heads = vec![ChangeHash::from_bytes([0; 32]); MAX_HEADS]), None);
}

proptest! {
    #[test]
    fn a_payload_is_read_back_as_it_was_made(payload in payloads()) {
        prop_assert_eq!(Payload::decode(&payload.encode()), Ok(payload));
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(payload) = Payload::decode(&bytes) {
            prop_assert_eq!(payload.encode(), bytes);
        }
    }

    #[test]
    fn changed_and_shortened_bytes_are_read_as_what_they_are_or_refused(
        payload in payloads(), at in any::<prop::sample::Index>(), to in any::<u8>(), cut in any::<bool>(),
    ) {
        let mut bytes = payload.encode();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] = to;
        }
        if let Ok(read) = Payload::decode(&bytes) {
            prop_assert_eq!(read.encode(), bytes);
        }
    }
}
