//! Coming in by a code, on a database.

use bowline_core::sync::JoinFailed;
use bowline_device::{Code, Error, LineReason, Notice};
use bowline_wire::frame::Frame;
use bowline_wire::ids::{DocId, Incarnation, Position, Suite};

use crate::author::{Author, message};
use crate::rig::{Rig, code, entries_of, newcomer};

#[test]
fn a_code_made_on_one_device_lets_another_in_and_both_show_the_same() {
    let (mut owner, mut relay) = Rig::creator(1);
    let id = owner.conversation("from before");
    owner.say(id, "hello");
    owner.sync(&mut relay);
    let (workspace, now) = (owner.workspace(), owner.now);
    let key = owner.device.invite(workspace, now).unwrap();
    assert!(owner.device.code(workspace, key).unwrap().is_none(), "not before the relay has signed for it");
    owner.talk(&mut relay);
    let text = owner.device.code(workspace, key).unwrap().unwrap().to_text();
    owner.disconnect();

    let mut newcomer = Rig::new(2);
    let local = newcomer.conversation("private");
    newcomer.join(&Code::parse(&text).unwrap());
    newcomer.sync(&mut relay);
    newcomer.sync(&mut relay);
    assert!(newcomer.notices.contains(&Notice::Joined(workspace)));
    assert_eq!(newcomer.texts(id), ["hello"]);
    newcomer.say(id, "hello back");
    newcomer.talk(&mut relay);
    assert_eq!(newcomer.appended().len(), 2, "its Join and its message; nothing private");
    assert!(newcomer.device.show(local, now).is_ok());
    owner.sync(&mut relay);
    assert_eq!(owner.texts(id), ["hello", "hello back"]);
    assert_eq!(owner.device.show(id, now).unwrap().heads, newcomer.device.show(id, now).unwrap().heads);
}

#[test]
fn new_documents_go_to_the_workspace_once_it_has_let_the_device_in() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut rig = Rig::new(2);
    rig.join(&code(&relay, &secret));
    assert_eq!(rig.device.current_workspace().unwrap(), None);
    rig.sync(&mut relay);
    assert_eq!(rig.device.current_workspace().unwrap(), Some(rig.workspace()));
}

#[test]
fn a_device_joins_a_workspace_once() {
    let (rig, mut owner, mut relay) = Rig::member();
    let mut rig = rig;
    let secret = owner.put_ticket(&mut relay, false);
    let again = rig.device.join(&code(&relay, &secret), rig.now);
    assert!(matches!(again, Err(Error::AlreadyThere)));
}

#[test]
fn after_a_code_that_failed_another_one_is_taken() {
    let (mut owner, mut relay) = Author::owner(1);
    let used = owner.put_ticket(&mut relay, false);
    Author::join(9, &used, &mut relay);
    let mut rig = Rig::new(2);
    rig.join(&code(&relay, &used));
    rig.sync(&mut relay);
    assert!(
        rig.notices.is_empty(),
        "it may be this device that has used it, in another copy of its database"
    );
    rig.sync(&mut relay);
    assert!(matches!(rig.notices[..], [Notice::JoinFailed(_, JoinFailed::TicketUsed)]));
    let mut rig = rig.reopened();
    let good = owner.put_ticket(&mut relay, false);
    rig.join(&code(&relay, &good));
    rig.sync(&mut relay);
    rig.sync(&mut relay);
    assert!(rig.status().member);
}

/// The newcomer's first line is cut after so many answers, its process ends at its nth commit, and a new one goes on.
/// Whether there was such a commit.
fn join_with_a_crash(nth: i64, answers: usize) -> bool {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let doc = bowline_wire::ids::DocId::from_bytes([9; 16]);
    owner.put_message(&mut relay, doc, "from before");
    let mut rig = Rig::new(2);
    rig.join(&code(&relay, &secret));
    rig.commits.refuse(nth);
    let mut crashed = false;
    for line in 0..6 {
        let answers = if line == 0 { answers } else { usize::MAX };
        if rig.try_sync_until(&mut relay, answers).is_err() {
            crashed = true;
            let sent = rig.take_sent();
            assert!(sent.is_empty(), "{nth}: {sent:?}");
            rig = rig.reopened();
        }
    }
    rig.commits.refuse(0);
    let what = format!("crash at {nth}, cut after {answers}");
    assert_eq!(rig.try_texts(doc).ok(), Some(vec!["from before".to_owned()]), "{what}: {:?}", rig.status());
    assert!(rig.status().member && rig.status().quarantined.is_empty(), "{what}: {:?}", rig.status());
    assert_eq!(relay.log().roster().devices().count(), 2, "{what}: one Join, however often it crashed");
    assert_eq!(rig.device.current_workspace().unwrap(), Some(rig.workspace()), "{what}");
    crashed
}

#[test]
fn a_crash_at_any_commit_of_a_join_on_any_line_ends_with_the_device_in() {
    for answers in [0, 1, 2, 3, 4, usize::MAX] {
        let mut nth = 1;
        while join_with_a_crash(nth, answers) {
            nth += 1;
        }
        assert!(nth > 3, "{nth} commits are too few to be true");
    }
}

#[test]
fn the_codes_secret_and_the_token_are_gone_once_they_have_done_their_work() {
    let (rig, _, _) = Rig::member();
    let (mut creator, mut relay) = Rig::creator(1);
    let read = |rig: &Rig, name| rig.device.store().read().state(rig.workspace(), name).unwrap().is_some();
    assert!(read(&creator, "token"));
    creator.sync(&mut relay);
    assert!(!read(&creator, "token"));
    assert!(!read(&rig, "ticket") && !read(&rig, "pins"));
    assert!(read(&rig, "keyring"));
}

/// A relay that welcomes a newcomer to its true log, and then tells it another, which leaves out what was written before the code
/// was made. The newcomer's Join is below the point that the code names there.
#[test]
fn what_a_code_names_is_compared_with_the_log_after_a_restart_too() {
    let (mut owner, mut relay) = Author::owner(1);
    let secret = owner.put_ticket(&mut relay, false);
    let mut fork = relay.clone();
    let doc = DocId::from_bytes([9; 16]);
    for n in 0..5 {
        owner.put_message(&mut relay, doc, &format!("left out {n}"));
    }
    let code = code(&relay, &secret);
    let mut rig = Rig::new(2);
    rig.join(&code);
    rig.connect(&relay);
    rig.take_sent();
    rig.receive(&fork.records());
    let join = rig.take_sent().iter().flat_map(entries_of).next().unwrap();
    let appended = vec![(join.id(rig.workspace()), Position(fork.put(join)))];
    rig.receive(&Frame::Appended { entries: appended, head: fork.head() });
    rig.disconnect();
    rig.connect(&relay);
    rig.take_sent();
    rig.receive(&fork.frame(1, fork.len()));
    assert_eq!(rig.status().signed.unwrap().position, Position(fork.len()), "its Join is there");
    let mut rig = rig.reopened();
    rig.conversation("for members only");
    rig.sync(&mut fork);
    for n in 0..8 {
        owner.incarnation = Incarnation::from_bytes([0x70 + n; 8]);
        let other = owner.content(&fork, &message(owner.id(), doc, &format!("other {n}")));
        fork.put(other.to_signed());
    }
    rig.sync(&mut fork);
    assert_eq!(rig.status().caught, Some(LineReason::NotThePinnedLog));
    let by_rig = fork.verified().filter(|entry| entry.header().device == rig.device.id()).count();
    assert_eq!(by_rig, 1, "nothing but its Join");
}

#[test]
fn a_workspace_that_a_device_makes_is_of_the_stronger_suite_and_whoever_comes_in_has_such_a_key() {
    let (mut owner, mut relay) = Rig::creator(1);
    owner.sync(&mut relay);
    newcomer(&mut owner, &mut relay, 2);
    let roster = relay.log().roster();
    assert_eq!(roster.suite(), Suite::XWing);
    let tickets = roster.tickets().map(|(_, ticket)| ticket.hpke.suite());
    let suites: Vec<Suite> = roster.devices().map(|(_, it)| it.hpke.suite()).chain(tickets).collect();
    assert_eq!(suites, [Suite::XWing; 3], "two devices and a code");
}
