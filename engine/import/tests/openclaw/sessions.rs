//! Conversations of generation A: transcripts in files, with an index beside them.

use bowline_import::openclaw::{Options, StateDir};
use bowline_import::{Outcome, What};
use serde_json::json;

use crate::desk::{Desk, Home, header, id, message, transcript};

#[test]
fn only_what_was_written_since_the_last_import_is_new() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 3));
    desk.import(&home.path());
    assert_eq!(desk.report.entries.new, 3);
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 5));
    home.session(&format!("{}.jsonl", id(2)), transcript(&id(2), 1));
    desk.import(&home.path());
    assert_eq!((desk.report.entries.new, desk.report.entries.present), (3, 3));
    assert_eq!(desk.report.count(What::Conversation, Outcome::More), 1);
    assert_eq!(desk.report.count(What::Conversation, Outcome::New), 1);
    assert_eq!(desk.file(&id(1)).bytes, transcript(&id(1), 5).into_bytes());
}

#[test]
fn two_devices_make_one_and_the_same_conversation_of_a_session() {
    let home = Home::new();
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 2));
    home.session("main.jsonl", transcript("main", 2));
    let ids: Vec<_> = (0..2)
        .map(|_| {
            let mut desk = Desk::new();
            desk.import(&home.path());
            let mut ids: Vec<_> = desk.device.list(false).unwrap().iter().map(|listed| listed.id).collect();
            ids.sort();
            ids
        })
        .collect();
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn sessions_that_are_only_called_the_same_are_two() {
    let (one, two, mut desk) = (Home::new(), Home::new(), Desk::new());
    one.session("main.jsonl", transcript("main", 1));
    two.session("main.jsonl", transcript("another main", 1));
    desk.import(&one.path());
    desk.import(&two.path());
    assert_eq!(desk.device.list(false).unwrap().len(), 2);
}

#[test]
fn damaged_and_torn_lines_are_kept_aside_and_go_out_again() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let text = format!("{}{}this is not JSON\n\n{}{{\"type\":\"mess", header(&id(1)), message(0), message(1));
    home.session(&format!("{}.jsonl", id(1)), &text);
    desk.import(&home.path());
    assert_eq!((desk.report.entries.new, desk.report.entries.aside), (2, 3));
    let lines: Vec<_> = desk.items.iter().filter(|item| item.what == What::Line).collect();
    let places: Vec<_> = lines.iter().map(|item| item.at.as_deref().unwrap()).collect();
    assert_eq!(places, ["line 3", "line 4", "line 6"]);
    assert!(lines.iter().all(|item| item.outcome == Outcome::Kept && item.why.is_some()));
    assert_eq!(desk.file(&id(1)).bytes, text.into_bytes());
    let before = desk.state();
    desk.import(&home.path());
    assert_eq!(desk.state(), before);
}

#[test]
fn a_torn_line_that_is_complete_the_next_time_is_an_entry() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let whole = transcript(&id(1), 3);
    home.session(&format!("{}.jsonl", id(1)), &whole[..whole.len() - 40]);
    desk.import(&home.path());
    assert_eq!((desk.report.entries.new, desk.report.entries.aside), (2, 1));
    home.session(&format!("{}.jsonl", id(1)), &whole);
    desk.import(&home.path());
    assert_eq!(desk.report.entries.new, 1);
    assert_eq!(desk.file(&id(1)).bytes, whole.into_bytes());
}

#[test]
fn the_index_gives_titles_and_marks_and_what_it_does_not_know_is_archived() {
    let (home, mut desk) = (Home::new(), Desk::new());
    for n in 1..=4 {
        home.session(&format!("{}.jsonl", id(n)), transcript(&id(n), 1));
    }
    home.session(&format!("{}-topic-7.jsonl", id(5)), transcript(&id(5), 1));
    let topic = format!("/home/ada/.openclaw/agents/main/sessions/{}-topic-7.jsonl", id(5));
    let index = json!({
        "agent:main:main": {"sessionId": id(1), "label": "Garden", "displayName": "garden", "pinnedAt": 1},
        "agent:main:two": {"sessionId": id(2), "displayName": "Two", "archivedAt": 1},
        "agent:main:dashboard:incognito-1": {"sessionId": id(3), "label": "Secret garden"},
        "agent:main:telegram:group:1:topic:7": {"sessionId": id(5), "sessionFile": topic, "label": "Topic"},
        "agent:main:gone": {"sessionId": id(9), "label": "Gone"},
    });
    home.session("sessions.json", index.to_string());
    desk.import(&home.path());
    assert_eq!(desk.report.count(What::Conversation, Outcome::New), 4);
    for title in ["Garden", "Two", "Topic"] {
        desk.titled(title);
    }
    let sessions = "agents/main/sessions";
    let incognito = desk.about(&format!("{sessions}/{}.jsonl", id(3)));
    assert!(incognito.outcome == Outcome::Skipped && incognito.why.as_deref().unwrap().contains("incognito"));
    assert_eq!(desk.about(&format!("{sessions}/{}.jsonl", id(9))).outcome, Outcome::Skipped);
    assert_eq!(desk.file(&id(5)).key.as_deref(), Some("agent:main:telegram:group:1:topic:7"));
}

#[test]
fn a_broken_or_huge_index_costs_the_titles_and_no_conversation() {
    let huge = vec![b' '; (64 << 20) + 1];
    for index in [&b"{\"agent:main:main\": {\"sessionId\""[..], b"[]", b"\xff\xfe", &huge] {
        let (home, mut desk) = (Home::new(), Desk::new());
        home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 1));
        home.session("sessions.json", index);
        desk.import(&home.path());
        assert_eq!(desk.report.entries.new, 1);
        let said = desk.about("agents/main/sessions/sessions.json");
        assert_eq!(said.outcome, Outcome::Failed);
    }
}

#[test]
fn a_title_follows_openclaws_until_somebody_gives_it_another_here() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 1));
    let index = |label: &str| json!({"agent:main:main": {"sessionId": id(1), "label": label}}).to_string();
    home.session("sessions.json", index("First"));
    desk.import(&home.path());
    home.session("sessions.json", index("Second"));
    desk.import(&home.path());
    assert_eq!(desk.report.count(What::Conversation, Outcome::Updated), 1);
    let (doc, now) = (desk.titled("Second"), desk.now());
    desk.device.set_title(doc, Some("Ours"), now).unwrap();
    home.session("sessions.json", index("Third"));
    desk.import(&home.path());
    desk.titled("Ours");
}

#[test]
fn what_a_session_was_before_it_was_begun_anew_is_imported_and_what_was_deleted_is_not() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}.jsonl.reset.2026-11-22T11-00-00.000Z", id(2)), transcript(&id(2), 3));
    home.session(&format!("{}.jsonl.deleted.2026-11-22T10-00-00.000Z", id(3)), transcript(&id(3), 4));
    let packed = zstd::encode_all(transcript(&id(4), 5).as_bytes(), 3).unwrap();
    home.session(&format!("{}.jsonl.reset.2026-11-22T12-00-00.000Z.zst", id(4)), packed);
    desk.import(&home.path());
    assert_eq!(desk.report.count(What::Conversation, Outcome::New), 2, "{:#?}", desk.items);
    assert_eq!(desk.report.entries.new, 3 + 5);
    // It keeps its id, so that renaming the file made no second conversation.
    assert_eq!(desk.file(&id(2)).session, id(2));
    assert_eq!(desk.file(&id(4)).bytes, transcript(&id(4), 5).into_bytes());
    let deleted =
        desk.about(&format!("agents/main/sessions/{}.jsonl.deleted.2026-11-22T10-00-00.000Z", id(3)));
    assert_eq!(deleted.why.as_deref(), Some("deleted in OpenClaw"));
    let before = desk.state();
    desk.import(&home.path());
    assert_eq!(desk.state(), before);
}

#[test]
fn a_session_that_was_renamed_when_it_was_begun_anew_is_still_the_same_conversation() {
    let (home, mut desk) = (Home::new(), Desk::new());
    let live = format!("{}.jsonl", id(1));
    home.session(&live, transcript(&id(1), 2));
    desk.import(&home.path());
    let sessions = home.at("agents/main/sessions");
    std::fs::rename(sessions.join(&live), sessions.join(format!("{live}.reset.1"))).unwrap();
    home.session(&format!("{}.jsonl", id(2)), transcript(&id(2), 1));
    desk.import(&home.path());
    assert_eq!(desk.device.list(false).unwrap().len(), 2);
    assert_eq!(desk.report.count(What::Conversation, Outcome::New), 1);
}

#[test]
fn an_empty_transcript_is_said_and_makes_no_document() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}.jsonl", id(1)), "");
    desk.import(&home.path());
    assert_eq!(desk.said(What::Conversation)[0].1, Outcome::Skipped);
    assert!(desk.device.list(false).unwrap().is_empty());
}

#[test]
fn a_conversation_in_bowlines_trash_stays_there() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 1));
    desk.import(&home.path());
    let (doc, now) = (desk.device.list(false).unwrap()[0].id, desk.now());
    desk.device.delete(doc, now).unwrap();
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 2));
    desk.import(&home.path());
    assert_eq!(desk.said(What::Conversation)[0].1, Outcome::Skipped);
    assert!(desk.device.list(false).unwrap().is_empty());
    assert_eq!(desk.report.entries.new, 0);
}

#[test]
fn the_state_directory_may_have_any_name_and_be_found_by_the_environment() {
    let (home, mut desk) = (Home::new(), Desk::new());
    home.session(&format!("{}.jsonl", id(1)), transcript(&id(1), 1));
    let moved = home.outer().join("backup of november");
    std::fs::rename(home.path(), &moved).unwrap();
    let env = |name: &str| (name == "OPENCLAW_STATE_DIR").then(|| moved.clone().into_os_string());
    let found = StateDir::find(&env, None).unwrap();
    desk.import_from(&found, Options::default());
    assert_eq!(desk.report.entries.new, 1);
}
