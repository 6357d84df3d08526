//! Byte-order marks, UTF-16 and Windows line ends, wherever text is read; and files that are something else altogether.

use bowline_import::{Outcome, What};

use crate::desk::{Desk, Home, id, message, transcript};

const MARK: &str = "\u{feff}";

fn utf16(text: &str) -> Vec<u8> {
    format!("{MARK}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
}

#[test]
fn a_mark_before_a_file_of_json_lines_is_not_a_part_of_it() {
    let talks = "{\"id\":\"a\",\"title\":\"First\",\"messages\":[{\"text\":\"Hi\"}]}\r\n\
                 {\"id\":\"b\",\"title\":\"Second\",\"messages\":[{\"text\":\"Ho\"}]}\r\n";
    let marked_twice = format!("{MARK}{}", talks.replace("\r\n", &format!("\r\n{MARK}")));
    for bytes in [talks.into(), format!("{MARK}{talks}").into(), marked_twice.into_bytes(), utf16(talks)] {
        let mut desk = Desk::new();
        desk.import_jsonl("talks.jsonl", &bytes);
        assert_eq!(desk.report.count(What::Conversation, Outcome::New), 2, "{:#?}", desk.items);
        assert_eq!(desk.report.failed(), 0);
        desk.titled("First");
        desk.import_jsonl("talks.jsonl", talks.as_bytes());
        assert_eq!(desk.report.changed(), 0, "it is the same without the mark");
    }
}

#[test]
fn a_transcript_with_a_mark_is_one_and_goes_out_with_it() {
    for text in [transcript(&id(1), 3), transcript(&id(1), 3).replace('\n', "\r\n")] {
        let mut desk = Desk::new();
        let marked = format!("{MARK}{text}");
        desk.import_jsonl("session.jsonl", marked.as_bytes());
        assert_eq!((desk.report.entries.new, desk.report.entries.aside), (3, 0));
        assert_eq!(desk.file(&id(1)).bytes, marked.as_bytes());
        let mut desk = Desk::new();
        desk.import_jsonl("session.jsonl", &utf16(&text));
        assert_eq!((desk.report.entries.new, desk.report.failed()), (3, 0));
        assert!(desk.about("session.jsonl").why.as_ref().unwrap().contains("UTF-16"));
        assert_eq!(desk.file(&id(1)).bytes, text.as_bytes());
    }
}

#[test]
fn a_first_line_that_is_a_message_is_an_entry_with_its_mark() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let text = format!("{MARK}{}{}", message(0), message(1));
    home.session(&format!("{}.jsonl", id(1)), &text);
    desk.import(&home.path());
    assert_eq!((desk.report.entries.new, desk.report.entries.aside), (2, 0));
    assert_eq!(desk.file(&id(1)).bytes, text.as_bytes());
    let doc = desk.device.list(false).unwrap()[0].id;
    let now = desk.now();
    assert!(desk.device.show(doc, now).unwrap().transcript.issues.is_empty());
}

#[test]
fn every_file_of_a_home_is_read_with_a_mark_or_in_utf_16() {
    let write_all = |home: &Home, encode: &dyn Fn(&str) -> Vec<u8>| {
        let settings =
            r#"{"agents": {"list": [{"id": "main", "name": "Helper", "$include": "more.json5"}]}}"#;
        home.write("openclaw.json", encode(settings));
        home.write("more.json5", encode("// more\n{model: 'tide-1'}"));
        home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 2));
        let index =
            format!(r#"{{"agent:main:main": {{"sessionId": "{}", "label": "Rust lifetimes"}}}}"#, id(1));
        home.session("sessions.json", encode(&index));
        let job =
            r#"{"jobs": [{"id": "j", "name": "Tea", "payload": {"kind": "systemEvent", "text": "x"}}]}"#;
        home.write("cron/jobs.json", encode(job));
        home.write(".env", encode("TIDE_KEY=FAKE\n"));
        home.write("workspace/skills/tides/SKILL.md", encode("---\r\nname: Tide tables\r\n---\r\n"));
    };
    for encoding in 0..3 {
        let encode = |text: &str| match encoding {
            0 => text.as_bytes().to_vec(),
            1 => format!("{MARK}{text}").into_bytes(),
            _ => utf16(text),
        };
        let (home, mut desk) = (Home::new(), Desk::new());
        write_all(&home, &encode);
        desk.import(&home.path());
        assert_eq!(desk.report.failed(), 0, "{:#?}", desk.items);
        desk.titled("Rust lifetimes");
        let agent = desk.device.agents(false).unwrap().remove(0);
        assert_eq!(agent.title, "Helper");
        let now = desk.now();
        assert_eq!(desk.device.show_agent(agent.id, now).unwrap().model.as_deref(), Some("tide-1"));
        assert_eq!(desk.device.skills(false).unwrap()[0].title, "Tide tables");
        assert_eq!(desk.report.count(What::Schedule, Outcome::New), 1);
        assert_eq!(desk.about(".env").at.as_deref(), Some("TIDE_KEY"));
    }
}

#[test]
fn empty_files_are_nothing_wrong() {
    let mut desk = Desk::new();
    for empty in ["", MARK, "\n", "\r\n", "\u{feff}\r\n\r\n"] {
        desk.import_jsonl("empty.jsonl", empty.as_bytes());
        assert_eq!((desk.report.changed(), desk.report.failed()), (0, 0), "{empty:?}");
    }
    let home = Home::new();
    home.session(&format!("{}.jsonl", id(1)), "");
    home.write("workspace/EMPTY.md", "");
    home.write("workspace/skills/nothing/SKILL.md", "");
    desk.import(&home.path());
    assert_eq!(desk.report.failed(), 0, "{:#?}", desk.items);
    assert_eq!(desk.about("workspace/EMPTY.md").outcome, Outcome::New);
}

#[test]
fn a_file_that_is_something_else_is_called_what_it_is_once() {
    let line = r#"{"parentUuid":"u0","uuid":"u1","sessionId":"s","type":"user"}"#;
    let claude = format!("{line}\n").repeat(120);
    let chatgpt = format!("[\n {{\n  \"id\": \"c\",\n  \"mapping\": {{{}\n", " \n".repeat(500));
    for (bytes, what) in [
        (claude.clone().into_bytes(), "Claude Code"),
        (format!("{MARK}{claude}").into_bytes(), "Claude Code"),
        (format!("{{\"type\":\"summary\",\"leafUuid\":\"u\"}}\n{claude}").into_bytes(), "Claude Code"),
        (chatgpt.clone().into_bytes(), "ChatGPT"),
        (utf16(&chatgpt), "ChatGPT"),
        (b"[{\"messages\":[{\"text\":\"a\"}]}]".to_vec(), "one JSON array"),
        (b"PK\x03\x04\n\n\n".to_vec(), "ZIP"),
    ] {
        let mut desk = Desk::new();
        desk.import_jsonl("export", &bytes);
        let about = desk.about("export");
        assert_eq!((about.outcome, desk.report.failed(), desk.report.changed()), (Outcome::Failed, 1, 0));
        assert!(about.why.as_ref().unwrap().contains(what), "{about:?}");
    }
}
