//! Phrases come back from what people type, give the same keys for ever, and say what is wrong with others.

use bowline_wire::ids::Suite;
use serde::Deserialize;

use super::*;
use crate::testing::{Hex, WORKSPACE, rng, vectors};

#[derive(Deserialize)]
struct Known {
    entropy: Hex,
    words: String,
    signing_seed: Hex,
    x25519: Hex,
    device: Hex,
    workspace: Hex,
    tickets: Vec<Hex>,
}

fn words(phrase: &RecoveryPhrase) -> String {
    phrase.words().collect::<Vec<_>>().join(" ")
}

#[test]
fn known_phrases_give_known_keys() {
    let known: Vec<Known> = vectors("phrases.json");
    assert!(known.len() >= 3);
    for known in known {
        let phrase = RecoveryPhrase::parse(&known.words).unwrap();
        assert_eq!(phrase.entropy[..], known.entropy[..]);
        assert_eq!(words(&phrase), known.words);
        let keys = phrase.device_keys();
        let stored = keys.to_bytes();
        assert_eq!((&stored[..32], &stored[32..]), (&known.signing_seed[..], &known.x25519[..]));
        assert_eq!(keys.id().as_bytes()[..], known.device[..]);
        let workspace = WorkspaceId::from_slice(&known.workspace).unwrap();
        for (nth, ticket) in (0..).zip(&known.tickets) {
            assert_eq!(phrase.ticket_secret(workspace, nth).to_bytes()[..], ticket[..]);
        }
    }
}

#[test]
fn a_phrase_comes_back_from_what_people_type() {
    let phrase = RecoveryPhrase::generate(&mut rng(1));
    let typed = words(&phrase);
    assert_eq!(phrase.words().count(), PHRASE_WORDS);
    for typed in [typed.to_uppercase(), format!("  {}\n", typed.replace(' ', "\r\n\t")), typed] {
        assert_eq!(RecoveryPhrase::parse(&typed).unwrap().entropy, phrase.entropy);
    }
}

#[test]
fn what_is_wrong_with_words_is_said_and_none_of_them() {
    let good = words(&RecoveryPhrase::generate(&mut rng(1)));
    let good: Vec<&str> = good.split(' ').collect();
    let why = |words: &[&str]| RecoveryPhrase::parse(&words.join(" ")).unwrap_err();
    assert_eq!(why(&[]), PhraseError::Count(0));
    assert_eq!(why(&good[..23]), PhraseError::Count(23));
    assert_eq!(why(&[&good[..], &good[..1]].concat()), PhraseError::Count(25));
    let mut misspelt = good.clone();
    misspelt[6] = "bowlin";
    assert_eq!(why(&misspelt), PhraseError::Unknown(7));
    let mut swapped = good.clone();
    swapped.swap(0, 1);
    assert_eq!(why(&swapped), PhraseError::Checksum);
    assert!(!why(&misspelt).to_string().contains("bowlin"));
}

#[test]
fn keys_of_a_phrase_are_apart_from_one_another() {
    let phrase = RecoveryPhrase::generate(&mut rng(1));
    let stored = phrase.device_keys().to_bytes();
    assert_ne!(stored[..32], stored[32..]);
    let other = WorkspaceId::from_bytes([9; 32]);
    let secrets = [
        phrase.ticket_secret(WORKSPACE, 0),
        phrase.ticket_secret(WORKSPACE, 1),
        phrase.ticket_secret(other, 0),
        RecoveryPhrase::generate(&mut rng(2)).ticket_secret(WORKSPACE, 0),
    ];
    let mut keys: Vec<_> = secrets.iter().map(TicketSecret::ticket_key).collect();
    keys.extend(secrets.iter().map(|it| {
        bowline_wire::ids::TicketKey::from_slice(&it.hpke_public(Suite::X25519).as_bytes()[..32]).unwrap()
    }));
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 2 * secrets.len());
}

#[test]
fn a_phrase_prints_its_name_and_nothing_else() {
    assert_eq!(format!("{:?}", RecoveryPhrase::generate(&mut rng(1))), "RecoveryPhrase");
}
