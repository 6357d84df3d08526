//! Entries that count no more, because the Owner gives them up or a restored relay does not take them again: what this device wrote in them
//! comes to everybody again, change by change, whatever was written since.

use bowline_device::intent::Decision;
use bowline_wire::entry::Entry;
use bowline_wire::frame::Reason;
use bowline_wire::header::EntryType;
use bowline_wire::ids::{DocId, EntryId};
use bowline_wire::roster::record::Lost;

use crate::built_on_lost::{text, write};
use crate::giving_up::{assert_nothing_waits, given_up, lost, newcomer as newcomer_of, nth_on, sorted};
use crate::relay::FakeRelay;
use crate::restored_relay::assert_in_step;
use crate::rig::{Rig, code, exchange, linked, newcomer};
use crate::sealing::noise;
use crate::way_out::remove;

/// More than half of the operations that one entry holds: with as many again the document can't be sealed as a whole any more.
const BEGUN: usize = 50_000;

/// The Owner and somebody whom she let in.
fn ana_and_ben() -> (Rig, Rig, FakeRelay) {
    let (mut ana, mut relay) = Rig::creator(1);
    ana.sync(&mut relay);
    let ben = newcomer(&mut ana, &mut relay, 3);
    ana.sync(&mut relay);
    (ana, ben, relay)
}

/// Lines that say which they are, of so many bytes and a little more.
fn lines(word: &str, bytes: usize) -> String {
    (0..).map(|n| format!("{word} {n}\n")).take(bytes / (word.len() + 6)).collect()
}

/// How many rows of changes are stored of a document.
fn rows(rig: &Rig, id: DocId) -> usize {
    let read = rig.device.store().read();
    read.changes(read.find_doc(id).unwrap().unwrap().n).unwrap().len()
}

/// The Owner gives an entry up.
fn give_up(ana: &mut Rig, relay: &mut FakeRelay, entries: &[EntryId]) {
    let mut entries = entries.to_vec();
    entries.sort();
    let lost = Lost { epochs: vec![], entries };
    ana.device.decide(ana.workspace(), Decision::GiveUp(lost), ana.now).unwrap();
    ana.talk(relay);
}

/// A long document that Ben has sealed as a whole, in an entry whose body the relay gives nobody, and then gone on with. The document, what is
/// in it, and that entry.
fn grown(ben: &mut Rig, relay: &mut FakeRelay, small_edits: usize) -> (DocId, String, EntryId) {
    ben.disconnect();
    let id = ben.device.create_agent("Scribe", ben.now).unwrap();
    for n in 0..small_edits {
        write(ben, id, &n.to_string());
    }
    let mut said = lines("begun", BEGUN);
    write(ben, id, &said);
    ben.device.share(id, ben.workspace(), ben.now).unwrap();
    let at = relay.len();
    ben.sync(relay);
    let whole = nth_on(relay, at);
    assert_eq!((relay.len(), whole.header().entry_type), (at + 1, EntryType::Snapshot));
    relay.withholds.insert(at + 1);
    for word in ["second", "third"] {
        said.push_str(&lines(word, 12_000));
        write(ben, id, &said);
        ben.sync(relay);
    }
    assert_eq!(relay.len(), at + 3);
    (id, said, whole.id())
}

#[test]
fn a_document_that_has_grown_since_comes_to_everybody_again() {
    for is_folded in [false, true] {
        for (is_restarted, goes_on) in [(false, false), (true, false), (true, true)] {
            let case = format!("folded {is_folded}, restarted {is_restarted}, goes on {goes_on}");
            let (mut ana, mut ben, mut relay) = ana_and_ben();
            let (id, mut said, whole) = grown(&mut ben, &mut relay, if is_folded { 300 } else { 0 });
            if is_folded {
                // What is stored of its own is in the base and in the entries alone by then.
                ben = ben.reopened();
                text(&mut ben, id);
                assert_eq!(rows(&ben, id), 0);
            }
            ana.sync(&mut relay);
            assert!(ana.status().withheld.is_some());
            give_up(&mut ana, &mut relay, &[whole]);
            ben.disconnect();
            if goes_on {
                said.push_str("before it heard of it\n");
                write(&mut ben, id, &said);
            }
            ben.sync(&mut relay);
            assert_eq!(given_up(&ben), [whole]);
            assert!(text(&mut ben, id) == said, "{case}");
            if is_restarted {
                ben = ben.reopened();
                assert!(text(&mut ben, id) == said, "{case}");
            }
            if goes_on {
                said.push_str("and behind that\n");
                write(&mut ben, id, &said);
            }
            for _ in 0..2 {
                ben.sync(&mut relay);
                ana.sync(&mut relay);
            }
            let mut late = newcomer(&mut ana, &mut relay, 9);
            let expected = ben.device.show_agent(id, ben.now).unwrap().files;
            for rig in [&mut ben, &mut ana, &mut late] {
                assert!(text(rig, id) == said, "{case}: {} of {}", text(rig, id).len(), said.len());
                assert_nothing_waits(rig);
            }
            assert_eq!(late.device.show_agent(id, late.now).unwrap().files, expected);
        }
    }
}

#[test]
fn the_only_words_of_a_document_outlive_a_log_that_is_continued_before_they_are_sealed_anew() {
    for (is_on_backup, is_refused) in
        [(true, None), (true, Some(1)), (false, None), (false, Some(0)), (false, Some(1))]
    {
        let (mut rig, mut owner, mut relay) = Rig::member();
        rig.disconnect();
        // Of an Owner whose record does not come again no other one counts.
        let ticket = owner.put_ticket(&mut relay, false);
        let id = rig.conversation("begun");
        let said: Vec<String> = (0..300).map(|turn| turn.to_string()).collect();
        for text in &said {
            rig.say(id, text);
        }
        let at = relay.len();
        rig.sync(&mut relay);
        assert_eq!(relay.len(), at + 1);
        let mut rig = rig.reopened();
        assert_eq!(
            (rig.texts(id), rows(&rig, id)),
            (said.clone(), 0),
            "its words are in the entry and in the base"
        );
        let whole = nth_on(&relay, at).id();
        owner.put_record(&mut relay, &lost(&[whole]));
        rig.sync_without_answers(&relay);
        assert_eq!(given_up(&rig), [whole]);
        rig.disconnect();
        let mut back = relay.restored(if is_on_backup { at + 1 } else { at }, 21);
        if let Some(nth) = is_refused {
            back.refuses.insert(nth_on(&relay, at + nth).id(), Reason::BadSeen);
        }
        let case = format!("{is_on_backup}, {is_refused:?}");
        for _ in 0..4 {
            rig.sync(&mut back);
            assert_eq!(rig.texts(id), said, "{case}");
            rig = rig.reopened();
            assert_eq!(rig.texts(id), said, "{case}: after a start");
        }
        rig.sync(&mut back);
        let mut late = Rig::new(9);
        late.join(&code(&back, &ticket));
        for _ in 0..2 {
            late.sync(&mut back);
        }
        assert_eq!(late.texts(id), said, "{case}");
        rig.sync(&mut back);
        assert_in_step(&rig, &back);
    }
}

/// The names of all are in one document. Of who sealed it and was refused, it is sealed as a whole with what the others have said meanwhile.
#[test]
fn what_others_wrote_in_a_document_that_is_taken_apart_is_not_said_in_their_place() {
    let (mut ana, mut ben, mut relay) = ana_and_ben();
    let workspace = ana.workspace();
    ben.device.name_device(workspace, "phone", ben.now).unwrap();
    ben.take_sent();
    let refused = ben.appended().last().unwrap().id();
    ben.disconnect();
    ana.device.name_device(workspace, "desk", ana.now).unwrap();
    ana.sync(&mut relay);
    relay.refuses.insert(refused, Reason::BadSeen);
    let at = relay.len();
    ben.sync(&mut relay);
    let whole = nth_on(&relay, at);
    assert_eq!((relay.len(), whole.header().entry_type), (at + 1, EntryType::Snapshot));
    give_up(&mut ana, &mut relay, &[whole.id()]);
    exchange(&mut ben, &mut ana, &mut relay);
    let mut late = newcomer(&mut ana, &mut relay, 9);
    for rig in [&mut ana, &mut ben, &mut late] {
        assert_nothing_waits(rig);
    }
    let names = [(ana.device.id(), "desk"), (ben.device.id(), "phone")];
    for rig in [&mut ana, &mut ben, &mut late] {
        for (device, name) in names {
            let shown = rig.device.device_name(workspace, device, rig.now).unwrap();
            assert_eq!(shown.as_deref(), Some(name));
        }
    }
}

/// A device whose database was put back, a log that was continued with the Owner's record in it, and behind that what the device wrote before it
/// was put back.
#[test]
fn what_another_life_of_this_device_wrote_and_was_given_up_before_it_came_is_said_again() {
    for (kinds, part) in [("changes", 0), ("whole", 0), ("parts", 0), ("parts", 1), ("parts", 3)] {
        let (mut rig, mut owner, mut relay) = Rig::member();
        let known = rig.conversation("known");
        rig.say(known, "first");
        rig.sync(&mut relay);
        let mut put_back = rig.copied();
        let backup = relay.len();
        rig.disconnect();
        let id = if kinds == "whole" { rig.conversation("begun in another life") } else { known };
        let said = if kinds == "parts" { noise(3 << 20) } else { "given up".to_owned() };
        rig.say(id, &said);
        rig.sync(&mut relay);
        let entries: Vec<Entry> = (backup..relay.len()).map(|nth| nth_on(&relay, nth)).collect();
        assert_eq!(entries.len(), if kinds == "parts" { 4 } else { 1 });
        let mut back = relay.restored(backup, 21);
        owner.put_record(&mut back, &lost(&[entries[part].id()]));
        for entry in &entries {
            back.put(entry.to_signed());
        }
        for _ in 0..4 {
            put_back.now = put_back.now.plus(6_000);
            put_back.device.handle_timeout(put_back.now).unwrap();
            put_back.sync(&mut back);
        }
        let mut expected = vec![said];
        if id == known {
            expected.insert(0, "first".to_owned());
        }
        assert!(put_back.texts(id) == expected, "{kinds}, {part}");
        assert_eq!(given_up(&put_back).len(), entries.len());
        assert_nothing_waits(&put_back);
        let mut put_back = put_back.reopened();
        assert!(put_back.texts(id) == expected, "{kinds}, {part}: after a start");
        let mut late = newcomer_of(&mut owner, &mut back, 9);
        assert!(late.texts(id) == expected, "{kinds}, {part}: {}", late.texts(id).len());
    }
}

/// What it wrote before it was removed and came back under another key.
#[test]
fn what_a_device_wrote_as_the_one_that_it_was_before_it_came_back_is_said_again_in_its_name() {
    for goes_on in [false, true] {
        let (mut rig, mut owner, mut relay) = Rig::member();
        let id = rig.conversation("from before");
        rig.talk(&mut relay);
        rig.say(id, "as before");
        rig.talk(&mut relay);
        let gone = nth_on(&relay, relay.len() - 1);
        remove(&mut owner, &mut relay, rig.device.id());
        rig.receive(&relay.frame(relay.len(), relay.len()));
        rig.disconnect();
        let secret = owner.put_ticket(&mut relay, false);
        rig.device.rejoin(&code(&relay, &secret), rig.now).unwrap();
        for _ in 0..3 {
            rig.sync(&mut relay);
        }
        let mut rig = rig.reopened();
        rig.sync(&mut relay);
        let mut expected = vec!["as before"];
        if goes_on {
            rig.say(id, "as now");
            rig.sync(&mut relay);
            expected.push("as now");
        }
        assert_ne!(gone.header().device, relay.verified().last().unwrap().header().device);
        owner.put_record(&mut relay, &lost(&[gone.id()]));
        for _ in 0..4 {
            rig.disconnect();
            rig.sync(&mut relay);
            assert_eq!(sorted(&mut rig, id), expected, "goes on: {goes_on}");
        }
        let mut late = newcomer_of(&mut owner, &mut relay, 9);
        assert_eq!(sorted(&mut late, id), expected, "goes on: {goes_on}");
        assert_eq!(given_up(&rig), [gone.id()]);
        assert_nothing_waits(&late);
    }
}

#[test]
fn a_document_that_has_grown_since_is_said_again_if_a_restored_relay_does_not_take_it_as_it_began() {
    let (mut ana, mut ben, mut relay) = ana_and_ben();
    let (id, said, whole) = grown(&mut ben, &mut relay, 300);
    let mut ben = ben.reopened();
    text(&mut ben, id);
    assert_eq!(rows(&ben, id), 0);
    ana.disconnect();
    let mut back = relay.restored(relay.len() - 3, 21);
    back.refuses.insert(whole, Reason::BadSeen);
    for _ in 0..3 {
        exchange(&mut ben, &mut ana, &mut back);
    }
    for rig in [&mut ben, &mut ana] {
        assert!(text(rig, id) == said, "{} of {}", text(rig, id).len(), said.len());
        assert_eq!(rig.status().queued, 0);
        assert_in_step(rig, &back);
    }
}

#[test]
fn a_message_in_parts_of_which_a_restored_relay_does_not_take_one_again_is_said_again() {
    for part in 0..4 {
        let (mut rig, mut owner, mut relay) = Rig::member();
        let ticket = owner.put_ticket(&mut relay, false);
        rig.disconnect();
        let id = rig.conversation("many");
        for turn in 0..300 {
            rig.say(id, &turn.to_string());
        }
        rig.sync(&mut relay);
        let backup = relay.len();
        let said = noise(3 << 20);
        rig.say(id, &said);
        rig.talk(&mut relay);
        assert_eq!(relay.len(), backup + 4);
        let mut rig = rig.reopened();
        rig.texts(id);
        assert_eq!(rows(&rig, id), 0);
        let mut back = relay.restored(backup, 21);
        back.refuses.insert(nth_on(&relay, backup + part).id(), Reason::BadSeen);
        for _ in 0..4 {
            rig.now = rig.now.plus(6_000);
            rig.device.handle_timeout(rig.now).unwrap();
            rig.sync(&mut back);
        }
        let mut late = Rig::new(9);
        late.join(&code(&back, &ticket));
        for _ in 0..2 {
            late.sync(&mut back);
        }
        for mut rig in [rig.reopened(), late] {
            let shown = rig.texts(id);
            assert!(shown.len() == 301 && shown.last() == Some(&said), "part {part}: {}", shown.len());
        }
    }
}

#[test]
fn room_that_the_relay_had_after_all_for_what_is_given_up_is_not_said_to_be_missing() {
    let (mut rig, mut owner, mut relay) = Rig::member();
    let id = rig.conversation("held up");
    rig.talk(&mut relay);
    rig.say(id, "no room");
    rig.take_sent();
    let sent = rig.appended().pop().unwrap();
    rig.receive(&FakeRelay::refused(sent.id(), Reason::Quota, None));
    assert!(rig.status().held_up.is_some());
    let at = relay.len();
    owner.put_record(&mut relay, &lost(&[sent.id()]));
    relay.put(sent.to_signed());
    rig.receive(&relay.frame(at + 1, at + 2));
    assert_eq!(given_up(&rig), [sent.id()]);
    assert_eq!(
        (rig.status().held_up, rig.status().offered),
        (None, 1),
        "it was taken, and what it held is sent again"
    );
}

/// An agent that Ben has begun while he was not connected, and shared.
struct Begun {
    ana: Rig,
    ben: Rig,
    relay: FakeRelay,
    id: DocId,
    said: String,
}

fn begun() -> Begun {
    let (ana, mut ben, relay) = ana_and_ben();
    ben.disconnect();
    let id = ben.device.create_agent("Scribe", ben.now).unwrap();
    let said = lines("begun", BEGUN);
    write(&mut ben, id, &said);
    ben.device.share(id, ben.workspace(), ben.now).unwrap();
    Begun { ana, ben, relay, id, said }
}

#[test]
fn a_whole_document_that_is_not_taken_again_comes_to_everybody_though_others_have_made_it_larger_than_an_entry_holds()
 {
    let Begun { mut ana, mut ben, mut relay, id, mut said } = begun();
    let backup = relay.len();
    ben.sync(&mut relay);
    let whole = nth_on(&relay, backup);
    assert_eq!(whole.header().entry_type, EntryType::Snapshot);
    said.push_str(&lines("second", 24_000));
    write(&mut ben, id, &said);
    ben.sync(&mut relay);
    ana.sync(&mut relay);
    said.push_str("by ana\n");
    text(&mut ana, id);
    write(&mut ana, id, &said);
    ana.sync(&mut relay);
    ben.sync(&mut relay);
    assert!(text(&mut ben, id) == said);
    ana.disconnect();
    ben.disconnect();
    let mut back = relay.restored(backup, 21);
    back.refuses.insert(whole.id(), Reason::BadSeen);
    for _ in 0..5 {
        exchange(&mut ben, &mut ana, &mut back);
    }
    assert_eq!(ben.status().queued, 0);
    let mut late = newcomer(&mut ana, &mut back, 9);
    for rig in [&mut ben, &mut ana, &mut late] {
        assert!(text(rig, id) == said);
    }
}

#[test]
fn a_whole_document_that_is_given_up_comes_to_everybody_though_an_earlier_one_was_refused_and_others_have_made_it_larger()
 {
    let Begun { mut ana, mut ben, mut relay, id, mut said } = begun();
    ben.sync_without_answers(&relay);
    let first = ben.appended().last().unwrap().id();
    ben.receive(&FakeRelay::refused(first, Reason::BadSeen, None));
    ben.disconnect();
    let at = relay.len();
    ben.sync(&mut relay);
    let whole = nth_on(&relay, at);
    assert_eq!((whole.header().entry_type, whole.id() == first), (EntryType::Snapshot, false));
    ana.sync(&mut relay);
    text(&mut ana, id);
    for word in ["second", "third"] {
        said.push_str(&lines(word, 20_000));
        write(&mut ana, id, &said);
        ana.sync(&mut relay);
    }
    ben.sync(&mut relay);
    assert!(text(&mut ben, id) == said);
    let mut own = linked(&mut ana, &mut relay, 8);
    own.put_record(&mut relay, &lost(&[whole.id()]));
    for _ in 0..4 {
        exchange(&mut ben, &mut ana, &mut relay);
    }
    assert_eq!((given_up(&ben), ben.status().queued), (vec![whole.id()], 0));
    let mut late = newcomer(&mut ana, &mut relay, 9);
    for rig in [&mut ben, &mut ana, &mut late] {
        assert!(text(rig, id) == said);
    }
}
