//! In another's name only with that other's signature or consent.

use bowline_core::document::{Consent, Document, Extent, Incoming, Kind, Reason, Refused, Source};

use crate::support::{Author, Sealed, assemble, device, entry, hash, open, pen, shown, texts};

const CONVERSATION: Kind = Kind::Conversation;
const EVE: u8 = 9;

/// Two changes of device 1 with one actor and number, that with the lower hash first.
fn twins() -> [Author; 2] {
    let mut twins = [Author::conversation(1), Author::conversation(1)];
    twins[0].say("I stay");
    twins[1].say("I quit");
    twins.sort_by_key(|twin| hash(&twin.unsealed[0]));
    twins
}

fn forged(number: u8, of: &Author) -> Sealed {
    Sealed::new(number, EVE, Source::Snapshot, of.document.save())
}

#[test]
fn a_snapshot_says_nothing_in_anothers_name() {
    let mut ana = Author::conversation(1);
    ana.say("I quit. Ana");
    let forged = forged(1, &ana);
    let told = Refused { entry: entry(1), reason: Reason::NotConsented(pen(1).actor), extent: Extent::Part };
    let built = assemble(CONVERSATION, std::slice::from_ref(&forged));
    assert_eq!(texts(&built.document), [""; 0]);
    assert_eq!((built.refused, built.unsettled), (vec![told.clone()], vec![]));
    let mut document = Document::create(CONVERSATION);
    let applied = document.apply(&open(&[forged])).unwrap();
    assert_eq!((applied.changed, applied.refused, applied.unsettled), (false, vec![told], vec![]));
}

#[test]
fn what_the_author_of_a_snapshot_wrote_counts_though_something_else_in_it_is_made_up() {
    let mut eve = Author::conversation(EVE);
    eve.say("from eve");
    let mut ana = Author { document: eve.document.clone(), ..Author::conversation(1) };
    ana.say("I agree with eve. Ana");
    let built = assemble(CONVERSATION, &[forged(1, &ana)]);
    assert_eq!(texts(&built.document), ["from eve"]);
    assert_eq!((built.refused.len(), built.unsettled), (1, vec![]));
}

#[test]
fn what_an_author_builds_on_something_made_up_waits_for_ever() {
    let mut ana = Author::conversation(1);
    ana.say("I quit. Ana");
    let mut eve = Author { document: ana.document.clone(), ..Author::conversation(EVE) };
    eve.say("what a pity");
    let built = assemble(CONVERSATION, &[eve.snapshot(1)]);
    assert_eq!(texts(&built.document), [""; 0]);
    assert_eq!(built.unsettled, [entry(1)]);
}

#[test]
fn a_made_up_change_takes_no_number_from_whoever_has_the_name() {
    for [false_one, mut own] in
        [twins(), twins().map(|twin| twin).into_iter().rev().collect::<Vec<_>>().try_into().unwrap()]
    {
        let own_says = shown(&own.document);
        let entries = [forged(1, &false_one), own.seal(2)];
        for order in [[0, 1], [1, 0]] {
            let built = assemble(CONVERSATION, &order.map(|index: usize| entries[index].clone()));
            assert_eq!(shown(&built.document), own_says);
            assert_eq!((built.lost.len(), built.refused.len()), (0, 1));
        }
        let mut document = Document::create(CONVERSATION);
        for one in &entries {
            document.apply(&open(std::slice::from_ref(one))).unwrap();
        }
        assert_eq!(shown(&document), own_says, "and nothing had to be made anew for it");
    }
}

#[test]
fn an_honest_snapshot_holds_what_others_have_said_themselves_and_is_not_blamed() {
    let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
    let a = ana.say("one").seal(1);
    ben.receive(std::slice::from_ref(&a)).say("two");
    let snapshot = ben.snapshot(2);
    for entries in [[a.clone(), snapshot.clone()], [snapshot.clone(), a.clone()]] {
        let built = assemble(CONVERSATION, &entries);
        assert_eq!(shown(&built.document), shown(&ben.document));
        assert_eq!((built.refused, built.unsettled), (vec![], vec![]));
    }
    // While what ana said herself is not here, it is not known whether ben made it up.
    let mut document = Document::create(CONVERSATION);
    let applied = document.apply(&open(std::slice::from_ref(&snapshot))).unwrap();
    assert_eq!((applied.refused.len(), applied.unsettled), (1, vec![entry(2)]));
    let applied = document.apply(&open(&[a, snapshot])).unwrap();
    assert_eq!((applied.refused, applied.unsettled), (vec![], vec![]));
    assert_eq!(shown(&document), shown(&ben.document));
}

#[test]
fn a_snapshot_speaks_for_those_for_whom_it_stands_and_for_nobody_else() {
    let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
    let a = ana.say("from ana").seal(1);
    ben.receive(&[a]).say("from ben");
    let snapshot = Sealed::new(3, EVE, Source::Snapshot, ben.document.save());
    let for_ana = snapshot.clone().standing_alone_for(&[1]);
    let built = assemble(CONVERSATION, std::slice::from_ref(&for_ana));
    assert_eq!(texts(&built.document), ["from ana"]);
    assert_eq!(built.refused[0].reason, Reason::NotConsented(pen(2).actor));
    let both = assemble(CONVERSATION, &[snapshot.standing_alone_for(&[1, 2])]);
    assert_eq!(texts(&both.document), ["from ana", "from ben"]);
}

/// What is covered is gone, and a later twin of it does not count, as it did not when it was there.
#[test]
fn what_a_snapshot_holds_whose_entries_are_gone_goes_before_what_it_does_not_hold() {
    let [mut low, mut high] = twins();
    let first = high.seal(2);
    for later in [1, 3, 6] {
        let twin = Sealed::new(later, 1, Source::Changes, low.unsealed.concat());
        let mut ben = Author::conversation(2);
        ben.receive(std::slice::from_ref(&first));
        let snapshot = ben.snapshot(5).standing_alone_for(&[1]);
        let late_joiner = assemble(CONVERSATION, &[snapshot, twin]);
        assert_eq!(shown(&late_joiner.document), shown(&high.document), "twin at {later}");
    }
    low.unsealed.clear();
}

/// Something that stays there has lost against something else that stays, by where what it builds on stood; that is gone, and the
/// snapshot says how it was.
#[test]
fn what_stays_beside_a_snapshot_counts_as_it_did_when_all_was_there() {
    let mut ana = Author::conversation(3);
    let late = ana.say("what the first was built on, and came late").seal(4);
    let (mut first, mut second) = (Author::conversation(1), Author::conversation(1));
    first.receive(std::slice::from_ref(&late)).say("an answer");
    second.say("said without waiting");
    let (first, second) = (first.seal(2), second.seal(3));
    let there = assemble(CONVERSATION, &[first.clone(), second.clone(), late.clone()]);
    assert_eq!(there.lost.len(), 1);
    let snapshot = Sealed::new(6, 2, Source::Snapshot, there.document.save()).standing_alone_for(&[3]);
    let late_joiner = assemble(CONVERSATION, &[first, second, snapshot]);
    assert_eq!(shown(&late_joiner.document), shown(&there.document));
}

/// While the entries are there a snapshot brings nothing forward: a member who signs for something new under an old position
/// takes nobody's ground away.
#[test]
fn what_a_snapshot_brings_anew_counts_only_from_where_the_consent_is_complete() {
    let [mut low, mut high] = twins();
    let said = low.seal(2);
    let mut ana = Author::conversation(3);
    ana.receive(std::slice::from_ref(&said)).say("an answer");
    let answer = ana.seal(3);
    let signed = Sealed::new(4, 1, Source::Snapshot, high.document.save());
    let signed = signed.standing_beside_for(&[1], 5);
    let built = assemble(CONVERSATION, &[said, answer, signed]);
    assert_eq!(texts(&built.document), texts(&ana.document));
    assert_eq!(built.lost.len(), 1);
    high.unsealed.clear();
}

#[test]
fn what_is_kept_here_counts_whoever_wrote_it_and_displaces_nothing() {
    let [mut low, high] = twins();
    let own = low.seal(3);
    let bytes = high.unsealed.concat();
    let kept = Incoming::kept(device(2), &bytes);
    assert_eq!(shown(&Document::assemble(CONVERSATION, &[kept]).document), shown(&high.document));
    let built = Document::assemble(CONVERSATION, &[kept, own.open()]);
    assert_eq!(shown(&built.document), shown(&low.document));
}

/// Logs from before protocol 1: what counted goes on counting.
#[test]
fn in_an_old_log_everybody_speaks_for_everybody_behind_what_each_says_themselves() {
    let [mut low, high] = twins();
    let forged = forged(1, &high);
    let old = Incoming { consent: Consent::Everybody, ..forged.open() };
    assert_eq!(shown(&Document::assemble(CONVERSATION, &[old]).document), shown(&high.document));
    let own = low.seal(2);
    let built = Document::assemble(CONVERSATION, &[old, own.open()]);
    assert_eq!(shown(&built.document), shown(&low.document));
}
