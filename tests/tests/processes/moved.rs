//! A relay comes to another machine: its folder, or a backup that is restored there. It has another address and another key of its
//! certificate; devices follow by the command that the README names, and nothing is lost.

use bowline_tests::processes::{Home, Relay, Tls};
use serde_json::Value;

use crate::{shared_conversation, two_devices};

/// Two devices, and what they have said to one another.
struct Story {
    relay: Relay,
    laptop: Home,
    desktop: Home,
    chat: String,
    said: Vec<String>,
    /// The address before the move.
    before: String,
}

impl Story {
    fn new() -> Self {
        let relay = Relay::start(Tls::SelfSigned);
        let (laptop, desktop) = two_devices(&relay);
        let chat = shared_conversation(&laptop, &desktop);
        let before = relay.address().to_owned();
        Self { relay, laptop, desktop, chat, said: Vec::new(), before }
    }

    fn laptop_says(&mut self, text: &str) {
        self.laptop.run(["chat", "say", &self.chat, text]).answer();
        self.said.push(text.to_owned());
    }

    fn desktop_says(&mut self, text: &str) {
        self.desktop.run(["chat", "say", &self.chat, text]).answer();
        self.said.push(text.to_owned());
    }

    /// Both devices go to where the relay is now, have all that either wrote, and go on.
    fn follow(mut self) {
        let pin =
            |address: &str| address.split_once("#key=").unwrap().1.split(',').next().unwrap().to_owned();
        assert_ne!(pin(&self.before), pin(self.relay.address()));
        for home in [&self.desktop, &self.laptop] {
            let lost = home.run(["sync"]);
            assert!(!lost.status.success(), "nobody listens where it was: {lost:?}");
            home.run(["workspace", "move", self.relay.address()]).answer();
            home.run(["sync"]).answer();
        }
        self.laptop_says("after the move");
        self.laptop.run(["sync"]).answer();
        self.desktop.run(["sync"]).answer();
        self.desktop_says("me too");
        for home in [&self.desktop, &self.laptop] {
            home.run(["sync"]).answer();
            assert_eq!(home.messages(&self.chat), self.said);
            let status: Value = serde_json::from_str(&home.run(["--json", "status"]).answer()).unwrap();
            let status = &status["workspaces"][0];
            assert_eq!((&status["fault"], &status["evidence"]), (&Value::Null, &0.into()));
            assert_eq!((&status["queued"], &status["sent_again"]), (&0.into(), &0.into()));
        }
        // A code that is made now leads to where it is now.
        let tablet = Home::init("Ana", "tablet");
        let code = self.laptop.run(["device", "link"]).answer();
        tablet.run(["join", code.trim(), "--yes"]).answer();
        tablet.run(["sync"]).answer();
        assert_eq!(tablet.messages(&self.chat), self.said);
    }
}

#[test]
fn a_folder_that_was_moved_serves_at_another_port_under_another_pin() {
    let mut story = Story::new();
    story.laptop_says("at the old place");
    story.laptop.run(["sync"]).answer();
    story.desktop.run(["sync"]).answer();
    story.relay.stop();
    story.desktop_says("written while it moved");
    story.relay.move_to_another_machine();
    story.relay.restart();
    story.follow();
}

#[test]
fn a_backup_that_is_restored_on_another_machine_serves_there_under_another_pin() {
    let mut story = Story::new();
    story.laptop_says("in the backup");
    story.laptop.run(["sync"]).answer();
    let copy = story.laptop.beside().join("backup");
    story.relay.backup(&copy);
    story.desktop.run(["sync"]).answer();
    story.desktop_says("not in the backup");
    story.desktop.run(["sync"]).answer();
    story.laptop.run(["sync"]).answer();
    story.relay.kill();
    std::fs::remove_dir_all(story.relay.data()).unwrap();
    story.relay.restore(Some(&copy));
    story.relay.move_to_another_machine();
    story.relay.restart();
    story.follow();
}
