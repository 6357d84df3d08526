//! What an entry says, for a person who looks at it without taking it in.

use bowline_core::document::{Kind, Piece, Source, message_of, words_in};

use crate::support::Author;

fn line(text: &str, piece: &Piece) -> bool {
    matches!(piece, Piece::Line(line) if message_of(line).is_some_and(|(_, said)| said == text))
}

#[test]
fn lines_and_fields_are_read_in_the_order_of_writing_from_changes_and_from_a_whole_document() {
    let mut ana = Author::conversation(1);
    ana.say("one").title("plans").say("two");
    let changes = ana.unsealed.concat();
    let whole = ana.document.save();
    for (source, bytes) in [(Source::Changes, &changes), (Source::Snapshot, &whole)] {
        let words = words_in(Kind::Conversation, source, bytes).unwrap();
        let [first, title, second] = words.as_slice() else { panic!("{words:?}") };
        assert!(line("one", first) && line("two", second), "{words:?}");
        assert_eq!(*title, Piece::Field { key: "title".to_owned(), value: "plans".to_owned() });
    }
}

#[test]
fn what_is_put_into_a_file_is_one_text() {
    let mut ana = Author::agent(1);
    ana.write("SOUL.md", "Be kind.").write("SOUL.md", "Be very kind.").remove("SOUL.md");
    let words = words_in(Kind::Agent, Source::Changes, &ana.unsealed.concat()).unwrap();
    let text = |text: &str| Piece::Text(text.to_owned());
    let expected = [Piece::File("SOUL.md".to_owned()), text("Be kind."), text("very ")];
    assert_eq!(words[..3], expected, "{words:?}");
}

#[test]
fn bytes_that_break_a_rule_say_nothing() {
    assert!(words_in(Kind::Conversation, Source::Changes, b"no change").is_err());
    let mut ana = Author::conversation(1);
    ana.say("one");
    let mut cut = ana.unsealed.concat();
    cut.pop();
    assert!(words_in(Kind::Conversation, Source::Changes, &cut).is_err());
}
