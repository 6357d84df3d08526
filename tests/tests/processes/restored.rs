//! A relay is stopped, its data put back from a backup, restored and started: all devices end equal with nothing lost, by the commands
//! that the README shows, and nobody is asked.

use bowline_tests::processes::{Home, Relay, Tls};
use serde_json::Value;

use crate::{shared_conversation, two_devices};

fn workspace_status(home: &Home) -> Value {
    let status: Value = serde_json::from_str(&home.run(["--json", "status"]).answer()).unwrap();
    status["workspaces"][0].clone()
}

fn say(home: &Home, chat: &str, text: &str) {
    home.run(["chat", "say", chat, text]).answer();
    home.run(["sync"]).answer();
}

/// Two devices, and what they say to one another, some of it after the backup.
struct Story {
    relay: Relay,
    laptop: Home,
    desktop: Home,
    chat: String,
    said: Vec<String>,
}

impl Story {
    fn new() -> Self {
        let relay = Relay::start(Tls::SelfSigned);
        let (laptop, desktop) = two_devices(&relay);
        let chat = shared_conversation(&laptop, &desktop);
        Self { relay, laptop, desktop, chat, said: Vec::new() }
    }

    fn say(&mut self, texts: [&str; 2]) {
        for (home, text) in [&self.laptop, &self.desktop].into_iter().zip(texts) {
            say(home, &self.chat, text);
            self.said.push(text.to_owned());
        }
        self.laptop.run(["sync"]).answer();
    }

    /// All devices show everything, one that comes later too, and nothing is in doubt.
    fn check(self, answers: [&str; 2]) {
        let said = self.check_in_any_order(answers);
        assert_eq!(said.shown, said.written);
    }

    /// As [`Story::check`], where two wrote at the same time without knowing of one another.
    fn check_in_any_order(mut self, answers: [&str; 2]) -> Said {
        for home in [&self.laptop, &self.desktop] {
            home.run(["sync"]).answer();
        }
        self.say(answers);
        for home in [&self.laptop, &self.desktop] {
            home.run(["sync"]).answer();
            let status = workspace_status(home);
            assert_eq!(
                (&status["sent_again"], &status["queued"], &status["evidence"]),
                (&0.into(), &0.into(), &0.into())
            );
            assert_eq!((&status["fault"], &status["quarantined"]), (&Value::Null, &Value::Array(vec![])));
        }
        let tablet = Home::init("Ana", "tablet");
        let code = self.laptop.run(["device", "link"]).answer();
        tablet.run(["join", code.trim(), "--yes"]).answer();
        tablet.run(["sync"]).answer();
        let shown = self.laptop.messages(&self.chat);
        for home in [&self.desktop, &tablet] {
            assert_eq!(home.messages(&self.chat), shown);
        }
        let sorted = |texts: &[String]| texts.iter().cloned().collect::<std::collections::BTreeSet<_>>();
        assert_eq!(sorted(&shown), sorted(&self.said));
        assert_eq!(shown.len(), self.said.len(), "nothing twice");
        Said { shown, written: self.said }
    }
}

/// What was written, in that order, and what all devices show in the end.
struct Said {
    written: Vec<String>,
    shown: Vec<String>,
}

#[test]
fn a_backup_is_restored_into_a_new_folder_and_devices_send_again_what_it_lacks() {
    let mut story = Story::new();
    story.say(["in the backup", "this too"]);
    let backup = story.relay.data().with_file_name("backup");
    story.relay.backup(&backup);
    story.say(["not in the backup", "nor this"]);
    // What has not left yet comes after it.
    story.desktop.run(["chat", "say", &story.chat, "written offline"]).answer();
    story.said.push("written offline".to_owned());
    story.relay.kill();
    std::fs::rename(story.relay.data(), story.relay.data().with_file_name("gone")).unwrap();
    let restored = story.relay.restore(Some(&backup));
    assert!(restored.stdout.starts_with("Restored 1 workspace "), "{restored:?}");
    story.relay.restart();
    let ran = story.laptop.run(["sync"]);
    assert!(ran.status.success(), "{ran:?}");
    assert!(ran.stderr.contains("the relay was restored from a backup"), "{}", ran.stderr);
    story.check(["afterwards", "as before"]);
}

#[test]
fn a_folder_that_was_put_back_is_restored_in_place_while_devices_wait() {
    let mut story = Story::new();
    story.say(["in the copy", "this too"]);
    let copy = story.stop_and_copy();
    story.relay.restart();
    story.say(["not in the copy", "nor this"]);
    let watching = [story.laptop.watch(), story.desktop.watch()];
    story.relay.stop();
    story.relay.put_data(&copy);
    story.relay.restore(None);
    story.relay.restart();
    bowline_tests::processes::wait_for("both to have sent everything again", || {
        let is_there = |home: &Home| {
            let status = workspace_status(home);
            status["connection"]["state"] == "connected" && status["sent_again"] == 0
        };
        (is_there(&story.laptop) && is_there(&story.desktop)).then_some(())
    });
    watching.into_iter().for_each(bowline_tests::processes::Watching::kill);
    story.check(["afterwards", "as before"]);
}

/// A relay whose folder was put back to a copy and that served since: the laptop knows more than it, and the desktop has written to it
/// meanwhile.
fn put_back_and_served() -> Story {
    let mut story = Story::new();
    story.say(["in the copy", "this too"]);
    let copy = story.stop_and_copy();
    story.relay.restart();
    for text in ["not in the copy", "nor this"] {
        say(&story.laptop, &story.chat, text);
        story.said.push(text.to_owned());
    }
    story.relay.stop();
    story.relay.put_data(&copy);
    story.relay.restart();
    for text in ["written meanwhile", "and this", "and longer than what was lost"] {
        say(&story.desktop, &story.chat, text);
        story.said.push(text.to_owned());
    }
    story
}

impl Story {
    fn stop_and_copy(&mut self) -> std::path::PathBuf {
        self.relay.stop();
        let copy = self.relay.data().with_file_name("copy");
        self.relay.copy_data(&copy);
        copy
    }
}

#[test]
fn what_was_written_to_a_relay_that_was_put_back_comes_together_with_what_it_had() {
    let mut story = put_back_and_served();
    let told = story.laptop.run(["sync"]);
    assert!(!told.status.success() && told.stderr.contains("bowline-relay restore"), "{told:?}");
    let told = story.desktop.run(["sync"]);
    assert!(!told.status.success(), "for both, until it is restored: {told:?}");
    story.relay.stop();
    story.relay.restore(None);
    story.relay.restart();
    story.check_in_any_order(["afterwards", "as before"]);
}

#[test]
fn nobody_need_have_found_out_before_it_is_restored() {
    let mut story = put_back_and_served();
    story.relay.stop();
    story.relay.restore(None);
    story.relay.restart();
    story.check_in_any_order(["afterwards", "as before"]);
}

#[test]
fn a_restore_that_ends_at_its_commit_is_run_again() {
    for at in ["before 1", "after 1"] {
        let mut story = put_back_and_served();
        story.relay.stop();
        let ended = story.relay.restore_to_end(at);
        assert!(!ended.status.success(), "{at}: {ended:?}");
        if at == "before 1" {
            let refused = story.relay.refuses_to_serve();
            assert!(refused.stderr.contains("bowline-relay restore"), "{refused:?}");
        }
        story.relay.restore(None);
        story.relay.restart();
        story.check_in_any_order(["afterwards", "as before"]);
    }
}

#[test]
fn a_backup_is_restored_twice_and_nobody_is_asked() {
    let mut story = Story::new();
    story.say(["in the backup", "this too"]);
    let backup = story.relay.data().with_file_name("backup");
    story.relay.backup(&backup);
    for (texts, gone) in [(["one", "two"], "gone"), (["three", "four"], "gone too")] {
        story.say(texts);
        story.relay.kill();
        std::fs::rename(story.relay.data(), story.relay.data().with_file_name(gone)).unwrap();
        story.relay.restore(Some(&backup));
        story.relay.restart();
    }
    story.check(["afterwards", "as before"]);
}

#[test]
fn a_workspace_that_was_made_after_the_backup_is_brought_back_by_the_first_device_that_repairs_it() {
    let relay = Relay::start(Tls::SelfSigned);
    let backup = relay.data().with_file_name("backup");
    relay.backup(&backup);
    let (laptop, desktop) = two_devices(&relay);
    let chat = shared_conversation(&laptop, &desktop);
    let mut story = Story { relay, laptop, desktop, chat, said: Vec::new() };
    story.say(["after the backup", "this too"]);
    story.desktop.run(["chat", "say", &story.chat, "written offline"]).answer();
    story.said.push("written offline".to_owned());
    story.relay.kill();
    std::fs::rename(story.relay.data(), story.relay.data().with_file_name("gone")).unwrap();
    story.relay.restore(Some(&backup));
    story.relay.restart();
    for home in [&story.desktop, &story.laptop] {
        let told = home.run(["sync"]);
        assert!(told.stderr.contains("bowline workspace repair"), "{told:?}");
        let way = workspace_status(home)["what_to_do"].to_string();
        assert!(way.contains("bowline workspace repair"), "{way}");
    }
    // Not the workspace's first device, and the relay takes nothing new without its token.
    let refused = story.desktop.run(["workspace", "repair", "--yes"]);
    assert!(!refused.status.success() && refused.stderr.contains("--token"), "{refused:?}");
    let token = story.relay.address().to_owned();
    let repaired = story.desktop.run_with(["workspace", "repair", "--yes", "--token", "-"], &token);
    assert!(repaired.status.success(), "{repaired:?}");
    let told = story.laptop.run(["sync"]);
    assert!(told.stderr.contains("made there again") && told.stderr.contains("workspace repair"), "{told:?}");
    let way = workspace_status(&story.laptop)["what_to_do"].to_string();
    assert!(way.contains("bowline workspace repair"), "{way}");
    story.laptop.run(["workspace", "repair", "--yes"]).answer();
    story.check_in_any_order(["afterwards", "as before"]);
}
