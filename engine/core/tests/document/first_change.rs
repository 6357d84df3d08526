//! The first change of every kind is byte for byte what every other device and version makes.

use std::path::{Path, PathBuf};

use bowline_core::document::Kind;

fn vector(kind: Kind) -> PathBuf {
    let name = format!("first-change-{}-{}.hex", kind.number(), kind.schema());
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name)
}

/// `BOWLINE_BLESS=1` writes the vectors, for a new kind or schema step. Never for an old one.
#[test]
fn first_changes_are_what_the_vectors_say() {
    for kind in Kind::ALL {
        let hex = format!("{}\n", hex::encode(kind.first_change()));
        if std::env::var_os("BOWLINE_BLESS").is_some() {
            std::fs::write(vector(kind), &hex).unwrap();
        }
        let golden = std::fs::read_to_string(vector(kind)).unwrap();
        assert_eq!(hex, golden, "{kind:?}: documents of old and new versions would no longer merge");
    }
}

#[test]
fn no_two_kinds_share_a_number_or_a_first_change() {
    for a in Kind::ALL {
        assert_eq!(Kind::from_number(a.number()), Some(a));
        for b in Kind::ALL.into_iter().filter(|b| *b != a) {
            assert_ne!(a.number(), b.number());
            assert_ne!(a.first_change(), b.first_change());
        }
    }
    assert_eq!(Kind::from_number(0), None);
}
