//! Where a lie is told: a relay, three devices of one person that have talked through it, and what they have said.

use std::path::PathBuf;
use std::time::Duration;

use bowline_tests::processes::{Home, Ran, Relay, Tls};
use serde_json::Value;
use tempfile::TempDir;

/// How long any command may take, whatever the relay does: what a relay owes is waited for a minute at most, and the rest is for
/// a machine that does other things as well.
pub(super) const BOUND: Duration = Duration::from_secs(75);

/// What was said when the lie is told, in order.
const SAID: [&str; 5] = ["one", "two", "three", "four", "five"];

/// A device of the stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    /// The laptop, which has said the last message and knows everything.
    Laptop,
    /// The desktop, which lacks the last message.
    Desktop,
    /// The tablet, which lacks the last three messages.
    Tablet,
}

/// Devices that have talked, and the relay that they talk through, which does not run.
pub(super) struct Stage {
    pub(super) relay: Relay,
    homes: [Home; 3],
    chat: String,
    folder: TempDir,
}

impl Stage {
    pub(super) fn new() -> Self {
        let mut relay = Relay::start(Tls::Off);
        let (laptop, desktop) = crate::two_devices(&relay);
        let tablet = Home::init("Ana", "tablet");
        let code = laptop.run(["device", "link"]).answer();
        tablet.run(["join", code.trim(), "--yes"]).answer();
        let stranger = Home::init("Bea", "phone");
        stranger.run(["workspace", "create", "--relay", relay.address()]).answer();
        let chat = crate::shared_conversation(&laptop, &desktop);
        let folder = TempDir::new().unwrap();
        let say = |home: &Home, text: &str| {
            home.run(["chat", "say", &chat, text]).answer();
            home.run(["sync"]).answer();
        };
        let [one, two, three, four, five] = SAID;
        say(&laptop, one);
        desktop.run(["sync"]).answer();
        say(&desktop, two);
        laptop.run(["sync"]).answer();
        tablet.run(["sync"]).answer();
        relay.stop();
        relay.copy_data(&folder.path().join("old"));
        relay.restart();
        say(&laptop, three);
        desktop.run(["sync"]).answer();
        say(&desktop, four);
        laptop.run(["sync"]).answer();
        say(&laptop, five);
        relay.stop();
        relay.copy_data(&folder.path().join("good"));
        Self { relay, homes: [laptop, desktop, tablet], chat, folder }
    }

    /// The relay's data when the last three messages were not said yet.
    pub(super) fn old(&self) -> PathBuf {
        self.folder.path().join("old")
    }

    /// The relay's data as it should be.
    pub(super) fn good(&self) -> PathBuf {
        self.folder.path().join("good")
    }

    /// The relay's data as it is now, kept to be put back. It does not run.
    pub(super) fn as_it_is(&self) -> PathBuf {
        let copy = self.folder.path().join("as it is");
        if copy.exists() {
            std::fs::remove_dir_all(&copy).unwrap();
        }
        self.relay.copy_data(&copy);
        copy
    }

    /// The devices as they are before the lie is told; the relay has its good data.
    pub(super) fn scene(&self) -> Scene {
        self.relay.put_data(&self.good());
        let homes = self.homes.each_ref().map(Home::copied);
        Scene { homes, chat: self.chat.clone(), said: SAID.map(str::to_owned).to_vec() }
    }
}

/// The devices in one telling of a lie.
pub(super) struct Scene {
    homes: [Home; 3],
    chat: String,
    said: Vec<String>,
}

impl Scene {
    /// The same devices once more, as they are now.
    pub(super) fn copied(&self) -> Self {
        let homes = self.homes.each_ref().map(Home::copied);
        Self { homes, chat: self.chat.clone(), said: self.said.clone() }
    }

    pub(super) fn home(&self, who: Who) -> &Home {
        let [laptop, desktop, tablet] = &self.homes;
        match who {
            Who::Laptop => laptop,
            Who::Desktop => desktop,
            Who::Tablet => tablet,
        }
    }

    /// Runs a command that has to end by itself, whatever the relay does.
    pub(super) fn run(&self, who: Who, command: &[&str]) -> Result<Ran, String> {
        self.home(who)
            .run_within(command, BOUND)
            .ok_or_else(|| format!("`{}` does not end", command.join(" ")))
    }

    /// Writes a message, which works whatever the relay does.
    pub(super) fn say(&mut self, who: Who, text: &str) -> Result<(), String> {
        self.said.push(text.to_owned());
        let ran = self.run(who, &["chat", "say", &self.chat, text])?;
        if ran.status.success() { Ok(()) } else { Err(format!("{ran:?}")) }
    }

    /// The conversation as it is exported.
    pub(super) fn export(&self, who: Who) -> String {
        self.home(who).run(["chat", "export", &self.chat]).answer()
    }

    /// What `status` says of the workspace.
    pub(super) fn status(&self, who: Who) -> Value {
        let status = self.home(who).run(["--json", "status"]).answer();
        serde_json::from_str::<Value>(&status).unwrap()["workspaces"][0].clone()
    }

    /// The person decides so on each device that does not go on by itself.
    pub(super) fn decide(&self, verb: &str) -> Result<(), String> {
        let mut decided = 0;
        for who in [Who::Tablet, Who::Desktop, Who::Laptop] {
            if self.run(who, &["sync"])?.status.success() {
                continue;
            }
            let ran = self.run(who, &["workspace", verb, "--yes"])?;
            if !ran.status.success() {
                return Err(format!("{who:?}: `{verb}` {} {}{}", ran.status, ran.stdout, ran.stderr));
            }
            decided += 1;
        }
        if decided > 0 { Ok(()) } else { Err("nobody has to decide anything".to_owned()) }
    }

    /// The person makes the workspace again at a relay that has lost it, with its token, from the device that knows least, and repairs
    /// on the others.
    pub(super) fn make_again(&self, token: &str) -> Result<(), String> {
        for who in [Who::Tablet, Who::Desktop, Who::Laptop] {
            let ran = self.run(who, &["workspace", "repair", "--yes", "--token", token])?;
            if !ran.status.success() {
                return Err(format!("{who:?}: {} {}{}", ran.status, ran.stdout, ran.stderr));
            }
        }
        Ok(())
    }

    /// All devices come to an end, are equal with nothing lost, and nothing is in the way.
    pub(super) fn ends_well(&self) -> Result<(), String> {
        // Whoever comes first lacks what whoever comes last brings.
        for who in [Who::Desktop, Who::Laptop, Who::Tablet, Who::Desktop, Who::Laptop] {
            let ran = self.run(who, &["sync"])?;
            if !ran.status.success() {
                return Err(format!("{who:?}: {} {}", ran.status, ran.stderr));
            }
        }
        let exports = [Who::Laptop, Who::Desktop, Who::Tablet].map(|who| self.export(who));
        let mut said = self.said.clone();
        let mut there = self.home(Who::Laptop).messages(&self.chat);
        said.sort();
        there.sort();
        if said != there {
            return Err(format!("said {said:?}, and there is {there:?}"));
        }
        if exports.iter().any(|export| *export != exports[0]) {
            return Err(format!("the devices show different things: {exports:?}"));
        }
        [Who::Laptop, Who::Desktop, Who::Tablet].into_iter().try_for_each(|who| self.nothing_is_left(who))
    }

    /// Nothing of the lie is left on a device.
    fn nothing_is_left(&self, who: Who) -> Result<(), String> {
        const IN_THE_WAY: [&str; 7] =
            ["fault", "quarantined", "queued", "sent_again", "what_to_do", "withheld", "not_sent_because"];
        let status = self.status(who);
        let left: Vec<_> = IN_THE_WAY.iter().map(|name| (name, &status[name])).collect();
        let left: Vec<_> = left.into_iter().filter(|(_, value)| !is_nothing(value)).collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{who:?}: {left:?}")) }
    }
}

/// Whether a part of `status` says that there is nothing.
pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Number(number) => number.as_u64() == Some(0),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}
