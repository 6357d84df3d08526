//! Keys that a newcomer was not given: whoever lacks one is in all the same, and reads what there is a key for.

use bowline_core::sync::{NotReady, Unreadable};
use bowline_wire::ids::{HpkePublicKey, Suite};
use bowline_wire::roster::record::Record;

use crate::author::{Author, opaque_payload, wrap_for};
use crate::bench::Bench;
use crate::join::{is_member, put_leave_and_rekey};

#[test]
fn an_epoch_without_a_key_for_the_code_does_not_keep_a_newcomer_out() {
    let (mut owner, mut relay) = Author::owner(1);
    owner.put_message(&mut relay, opaque_payload(1).doc, "under the first key");
    let secret = owner.put_ticket(&mut relay, false);
    let mut other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    let mut bench = Bench::newcomer(2, &relay, &secret);
    other.put_record(&mut relay, &Record::Leave { whole_user: true, cut: Vec::new() });
    let recipients: Vec<HpkePublicKey> = relay.log().roster().recipients().into_iter().collect();
    let mut spoilt = owner.rekey(&recipients);
    wrap_for(&mut spoilt, &recipients, &secret.hpke_public(Suite::XWing)).ciphertext[0] ^= 1;
    owner.put_record(&mut relay, &Record::Rekey(spoilt.clone()));
    owner.accept(&relay, &spoilt);
    for _ in 0..2 {
        bench.sync(&mut relay);
    }
    assert!(is_member(&bench, &relay));
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::NoKey));
    assert_eq!(bench.opened().iter().filter(|opened| opened.is_ok()).count(), 1, "with the code's own key");
    // The next epoch's record brings everything.
    let mut last = Author::join(8, &owner.put_ticket(&mut relay, false), &mut relay);
    put_leave_and_rekey(&mut owner, &mut last, &mut relay);
    bench.sync(&mut relay);
    assert_eq!(bench.replica.ready_to_seal(), Ok(()));
    let held = bench.replica.keyring().unwrap();
    assert!(relay.log().roster().epochs().iter().all(|epoch| held.holds(epoch.id)));
}

#[test]
fn without_the_first_epochs_key_a_newcomer_is_in_and_seals_nothing() {
    let (mut owner, mut relay) = Author::owner(1);
    let mut other = Author::join(7, &owner.put_ticket(&mut relay, false), &mut relay);
    other.put_record(&mut relay, &Record::Leave { whole_user: true, cut: Vec::new() });
    let recipients: Vec<HpkePublicKey> = relay.log().roster().recipients().into_iter().collect();
    let mut spoilt = owner.rekey(&recipients);
    spoilt.history[0] ^= 1;
    owner.put_record(&mut relay, &Record::Rekey(spoilt.clone()));
    owner.accept(&relay, &spoilt);
    let secret = owner.put_ticket(&mut relay, false);
    owner.put_message(&mut relay, opaque_payload(1).doc, "of a document without a name here");
    let mut bench = Bench::newcomer(2, &relay, &secret);
    for _ in 0..2 {
        bench.sync(&mut relay);
    }
    assert!(is_member(&bench, &relay));
    assert!(bench.replica.has_key_in_force());
    assert_eq!(bench.replica.ready_to_seal(), Err(NotReady::NoKey));
    assert_eq!(bench.opened(), [Err(Unreadable::NoKey)], "it waits, and nobody is to blame");
}
