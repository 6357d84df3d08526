//! Successors as they travel: who has to sign them, what is a chain, and what one says to whoever knows another.

use bowline_wire::codec::{DecodeError, decode, encode};
use bowline_wire::ids::*;
use bowline_wire::limits::MAX_SUCCESSORS;
use bowline_wire::successor::{After, SaidSuccessor, Succession, SuccessionError, Successor};
use ed25519_dalek::SigningKey;

use crate::samples::{relay_identity, said_successor, story};
use crate::support::*;

fn key(name: &str) -> SigningKey {
    SigningKey::from_bytes(&seed(name))
}

fn log(name: &str) -> LogId {
    LogId::from_bytes(key(name).verifying_key().to_bytes())
}

fn identity() -> [u8; 32] {
    relay_identity().verifying_key().to_bytes()
}

fn workspace() -> WorkspaceId {
    story().workspace()
}

/// The log `old` goes on from `position` as the log `new`, said by both keys.
fn link(old: &str, position: u64, new: &str) -> SaidSuccessor {
    let hash = LogHash::from_bytes(seed("hash"));
    let successor = Successor {
        workspace: workspace(),
        old: log(old),
        position: Position(position),
        hash,
        new: log(new),
    };
    SaidSuccessor::sign(successor, signer(&key(old)), &identity(), signer(&relay_identity())).unwrap()
}

fn verify(links: &[SaidSuccessor]) -> Result<Succession, SuccessionError> {
    Succession::verify(workspace(), &identity(), links)
}

fn chain(links: &[SaidSuccessor]) -> Succession {
    verify(links).unwrap()
}

const BY_LOG: usize = 106;
const BY_RELAY: usize = 172;

/// `said` with other bytes from `at` on: where the field of that name stands in the encoding of a small position.
fn with_bytes(said: &SaidSuccessor, at: usize, value: &[u8]) -> SaidSuccessor {
    let mut bytes = encode(said);
    bytes[at..at + value.len()].copy_from_slice(value);
    decode(&bytes).unwrap()
}

#[test]
fn a_successor_is_read_as_it_was_written() {
    let said = said_successor();
    assert_eq!(decode(&encode(&said)), Ok(said));
    assert_eq!(encode(&said)[0], 0x86);
    assert_eq!(decode::<SaidSuccessor>(&[0x85]), Err(DecodeError::Malformed { at: 1 }));
}

#[test]
fn a_successor_counts_under_both_signatures_only() {
    let said = link("a", 3, "b");
    assert!(verify(&[said]).is_ok());
    assert_eq!(verify(&[with_bytes(&said, BY_LOG, &[0; 64])]), Err(SuccessionError::NotByLog));
    assert_eq!(verify(&[with_bytes(&said, BY_RELAY, &[0; 64])]), Err(SuccessionError::NotByRelay));
    let by_neither = with_bytes(&with_bytes(&said, BY_LOG, &[0; 64]), BY_RELAY, &[0; 64]);
    assert_eq!(verify(&[by_neither]), Err(SuccessionError::Unsigned));
    let other_relay = key("another relay").verifying_key().to_bytes();
    let refused = Succession::verify(workspace(), &other_relay, &[said]);
    assert_eq!(refused, Err(SuccessionError::NotByRelay));
    let elsewhere = Succession::verify(WorkspaceId::ZERO, &identity(), &[said]);
    assert_eq!(elsewhere, Err(SuccessionError::Unsigned));
}

#[test]
fn each_signature_is_over_every_field() {
    let said = link("a", 3, "b");
    let old = log("c");
    let changes: [(usize, &[u8]); 4] =
        [(3, old.as_bytes()), (35, &[4]), (38, &seed("another hash")), (72, &seed("another log"))];
    for (at, value) in changes {
        let other = with_bytes(&said, at, value);
        assert_eq!(verify(&[other]), Err(SuccessionError::Unsigned), "from byte {at}");
    }
    let bytes = encode(&said);
    let swapped = with_bytes(&said, BY_LOG, &bytes[BY_RELAY..]);
    let swapped = with_bytes(&swapped, BY_RELAY, &bytes[BY_LOG..BY_LOG + 64]);
    assert_eq!(verify(&[swapped]), Err(SuccessionError::Unsigned), "one signature is not the other");
}

#[test]
fn nobody_signs_a_successor_with_another_key_than_it_names() {
    let successor = Successor {
        workspace: workspace(),
        old: log("a"),
        position: Position(3),
        hash: LogHash::ZERO,
        new: log("b"),
    };
    let (a, other, relay) = (key("a"), key("other"), relay_identity());
    assert!(SaidSuccessor::sign(successor, signer(&a), &identity(), signer(&relay)).is_ok());
    assert!(SaidSuccessor::sign(successor, signer(&other), &identity(), signer(&relay)).is_err());
    assert!(SaidSuccessor::sign(successor, signer(&a), &identity(), signer(&other)).is_err());
}

#[test]
fn successors_follow_one_another_and_never_go_down() {
    let (first, second) = (link("a", 3, "b"), link("b", 3, "c"));
    let whole = chain(&[first, second, link("c", 8, "d")]);
    assert_eq!((whole.first(), whole.last()), (Some(log("a")), Some(log("d"))));
    assert_eq!(whole.end_of(log("b")).unwrap().position, Position(3));
    assert_eq!(whole.end_of(log("d")), None);
    assert_eq!(chain(&whole.said()), whole);
    let gap = verify(&[first, link("c", 8, "d")]);
    let back = verify(&[first, link("b", 2, "c")]);
    let turned = verify(&[second, first]);
    let circle = verify(&[first, link("b", 3, "a")]);
    let itself = verify(&[link("a", 3, "a")]);
    for refused in [gap, back, turned, circle, itself] {
        assert_eq!(refused, Err(SuccessionError::NotAChain));
    }
}

#[test]
fn a_log_is_continued_so_often_and_no_more() {
    let name = |n: usize| format!("log {n}");
    let links: Vec<_> = (0..=MAX_SUCCESSORS).map(|n| link(&name(n), 3, &name(n + 1))).collect();
    assert!(verify(&links[..MAX_SUCCESSORS]).is_ok());
    assert_eq!(verify(&links), Err(SuccessionError::TooMany));
}

#[test]
fn what_was_stored_is_not_held_to_the_relays_identity_again() {
    let said = with_bytes(&link("a", 3, "b"), BY_RELAY, &[0; 64]);
    assert!(Succession::stored(workspace(), &[said]).is_ok());
    let said = with_bytes(&link("a", 3, "b"), BY_LOG, &[0; 64]);
    assert_eq!(Succession::stored(workspace(), &[said]), Err(SuccessionError::NotByLog));
}

#[test]
fn a_chain_is_compared_with_the_one_that_is_known() {
    let (ab, bc, cd) = (link("a", 3, "b"), link("b", 5, "c"), link("c", 9, "d"));
    let (none, one, two) = (Succession::default(), chain(&[ab]), chain(&[ab, bc]));
    let all = chain(&[ab, bc, cd]);
    assert_eq!(none.after(&none, log("a")), After::Same);
    assert_eq!(two.after(&two, log("c")), After::Same);
    let next =
        |of: &Succession, at| After::Continued(of.successors().nth(at).unwrap()) == of.after(&two, log("c"));
    assert!(next(&all, 2));
    assert_eq!(all.after(&none, log("a")), After::Continued(all.successors().next().unwrap()));
    assert_eq!(all.after(&one, log("b")), After::Continued(all.successors().nth(1).unwrap()));
    assert_eq!(one.after(&two, log("c")), After::Before);
    assert_eq!(none.after(&two, log("c")), After::Before);
    let other = chain(&[ab, link("b", 5, "another")]);
    assert_eq!(other.after(&two, log("c")), After::Contradicts(other.successors().nth(1).unwrap()));
    assert_eq!(chain(&[link("x", 3, "y")]).after(&two, log("c")), After::Unrelated);
    assert_eq!(chain(&[link("x", 3, "y")]).after(&none, log("a")), After::Unrelated);
}

/// The lost log `old` begins again as the log `new`, said by the relay alone.
fn beginning(old: &str, new: &str) -> SaidSuccessor {
    let logs = (workspace(), log(old), log(new));
    SaidSuccessor::sign_beginning(logs, &identity(), signer(&relay_identity())).unwrap()
}

#[test]
fn a_lost_log_is_begun_again_by_the_word_of_the_relay_alone_and_from_its_beginning_only() {
    let again = beginning("a", "b");
    let whole = chain(&[again]);
    assert_eq!(
        whole.begun_again().map(|it| (it.old, it.position, it.new)),
        Some((log("a"), Position(0), log("b")))
    );
    assert_eq!(Succession::stored(workspace(), &[again]), Ok(whole));
    assert_eq!(chain(&[link("a", 3, "b")]).begun_again(), None, "a restored one");
    let twice = chain(&[again, beginning("b", "c")]);
    assert_eq!(
        twice.begun_again().map(|it| (it.old, it.new)),
        Some((log("b"), log("c"))),
        "each that signed it"
    );
    let restored = chain(&[again, link("b", 3, "c")]);
    assert_eq!(restored.begun_again().map(|it| it.old), Some(log("a")));
    assert_eq!(verify(&[with_bytes(&again, BY_RELAY, &[0; 64])]), Err(SuccessionError::Unsigned));
    assert_eq!(verify(&[with_bytes(&again, 38, &seed("another hash"))]), Err(SuccessionError::Unsigned));
    assert_eq!(verify(&[with_bytes(&again, BY_LOG, &[1; 64])]), Err(SuccessionError::NotByLog));
    let zero = with_bytes(&link("a", 3, "b"), BY_LOG, &[0; 64]);
    assert_eq!(verify(&[zero]), Err(SuccessionError::NotByLog), "from anywhere else");
    assert_eq!(
        verify(&[link("z", 0, "a"), again]),
        Err(SuccessionError::NotAChain),
        "nothing stands before it"
    );
}
