//! Two states of one document that grew apart are written into one by a device, whoever wrote them.

use bowline_core::document::{ActorId, AgentField, Document, Incoming, Kind, Lacking, Writer};

use crate::support::{Author, NOW, device, entry, pen};

/// What a device that has only these changes of an author shows.
fn assembled(kind: Kind, author: u8, changes: &[Vec<u8>]) -> Document {
    let bytes: Vec<u8> = changes.iter().flatten().copied().collect();
    let incoming = Incoming { entry: entry(9), ..Incoming::local(device(author), &bytes) };
    let built = Document::assemble(kind, &[incoming]);
    assert_eq!((built.refused.len(), built.unsettled.len()), (0, 0));
    built.document
}

fn lines(document: &Document) -> Vec<String> {
    document.conversation().unwrap().transcript().entries.into_iter().map(|entry| entry.raw).collect()
}

#[test]
fn what_another_wrote_is_written_again_and_travels_in_ones_own_name() {
    let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
    ana.say("from ana");
    ben.say("from ben").say("and more");
    let both = ana.document.united(&ben.document).unwrap();
    assert_eq!(ana.document.lacks(&both), Lacking { entries: 2, ..Lacking::default() });
    assert_eq!(both.lacks(&ana.document).entries, 0);

    let mut changes = ana.unsealed.clone();
    let named = |actor: ActorId| actor.belongs_to(device(2)).then(|| "Ben".to_owned());
    changes.extend(ana.document.take_over(&both, pen(1), named).unwrap());
    assert!(ana.document.lacks(&both.united(&ana.document).unwrap()).is_empty());
    let elsewhere = assembled(Kind::Conversation, 1, &changes);
    assert_eq!(lines(&elsewhere), lines(&both));

    let writers: Vec<Writer> = elsewhere.entry_writers().into_values().collect();
    let by = pen(1).actor;
    let bens = Writer::Named { name: "Ben".to_owned(), by };
    assert_eq!(writers.iter().filter(|it| **it == bens).count(), 2);
    assert_eq!(writers.iter().filter(|it| **it == Writer::Actor(by)).count(), 1);
}

#[test]
fn texts_fields_and_removals_are_taken_over_and_nothing_is_left_to_take() {
    let mut ana = Author::agent(1);
    ana.write("AGENTS.md", "one\ntwo\nthree\n").write("OLD.md", "goes");
    let before = ana.document.clone();
    let mut later =
        Author { number: 2, pen: pen(2), document: before.clone(), unsealed: Vec::new(), said: 0 };
    later.write("AGENTS.md", "one\n2\nthree\n").write("NEW.md", "new");
    later.edit(|edit| {
        edit.set(AgentField::Name, Some("Scout"));
        edit.remove_file(bowline_core::document::FilePath::parse("OLD.md").unwrap());
    });
    let lacking = before.lacks(&later.document);
    assert_eq!((lacking.files, lacking.fields, lacking.count()), (3, 1, 3));

    let mut document = before;
    let mut changes = ana.unsealed.clone();
    changes.extend(document.take_over(&later.document, pen(1), |_| None).unwrap());
    assert!(document.lacks(&later.document).is_empty());
    assert!(later.document.lacks(&document).is_empty());
    let elsewhere = assembled(Kind::Agent, 1, &changes);
    assert!(elsewhere.lacks(&later.document).is_empty());
    assert_eq!(document.take_over(&later.document, pen(1), |_| None).unwrap(), Vec::<Vec<u8>>::new());
}

#[test]
fn a_document_is_all_by_a_device_until_somebody_else_has_written_into_it() {
    let (mut ana, mut ben) = (Author::conversation(1), Author::conversation(2));
    ana.say("from ana");
    ben.say("from ben");
    let anas = |actor: ActorId| actor.belongs_to(device(1));
    assert!(ana.document.is_all_by(anas));
    assert!(!ana.document.united(&ben.document).unwrap().is_all_by(anas));
}

#[test]
fn two_states_in_which_one_actor_made_two_changes_with_one_number_are_not_united() {
    let (mut one, mut other) = (Author::conversation(1), Author::conversation(1));
    one.say("this");
    other.say("that");
    assert!(one.document.united(&other.document).is_none());
    // What one of them lacks is written into it all the same, under an actor that has written nothing yet.
    let fresh = bowline_core::document::Pen { actor: ActorId::for_device(device(1), [7; 8]), now: NOW };
    one.document.take_over(&other.document, fresh, |_| None).unwrap();
    assert_eq!(lines(&one.document).len(), 2);
}
