//! What the demo does, step by step, with the commands as a person would type them.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::checks::Check;
use super::evidence::{self, Evidence};
use super::machine::{Machine, Ran, stopped};
use super::relay::LoopbackRelay;
use super::report::Report;
use super::sample;
use super::scene::{Onlooker, Scene, Step, Whether};
use super::script::{
    AFTERWARDS, AGENT, CHAT, DESKTOP_RULE, DESKTOP_SAYS, GUEST, LAPTOP_RULE, LAPTOP_SAYS, PROMPT,
};
use super::stored::Stored;
use super::wire::Heard;
use crate::error::{CommandError, ErrorCode};
use crate::host::Host;
use crate::ids::Prefixes;
use crate::text::{OneLine, fit};

/// Columns of what is told: fits a terminal of the usual width.
const COLUMNS: usize = 96;

/// How a step is taken.
type Take<'a> = fn(&mut Story<'a>) -> Result<(), CommandError>;

/// The demo while it runs.
pub(super) struct Story<'a> {
    pub(super) host: &'a mut Host,
    tells: bool,
    pub(super) scene: Scene,
    relay: LoopbackRelay,
    /// The person wants it to end.
    stopped: Arc<AtomicBool>,
    /// How the two documents are called in commands.
    chat: String,
    agent: String,
    /// What the relay had heard when everybody was disconnected, and before anybody was connected again.
    before: Heard,
    after: Heard,
    pub(super) evidence: Evidence,
    devices: Vec<evidence::Has>,
    stored: Stored,
}

impl<'a> Story<'a> {
    /// Everything that has to be there before the first step: a relay, and the sample home on the laptop.
    pub(super) fn begin(host: &'a mut Host, folder: &Path, tells: bool) -> Result<Self, CommandError> {
        let machines = [
            Machine::new("laptop", sample::OWNER, folder),
            Machine::new("desktop", sample::OWNER, folder),
            Machine::new("notebook", GUEST, folder),
        ];
        sample::write(&machines[0].path(".openclaw"))?;
        let relay = LoopbackRelay::start(&folder.join("relay"), (host.random)(), (host.random)())?;
        let stopped = Arc::new(AtomicBool::new(false));
        let notice = Arc::clone(&stopped);
        relay.while_it_runs(&*host.stop, move || notice.store(true, Ordering::Relaxed))?;
        let scene = Scene {
            machines,
            relay: relay.data.clone(),
            address: relay.address.to_text(),
            wire: Arc::clone(&relay.wire),
            chat: String::new(),
            agent: String::new(),
        };
        Ok(Self {
            host,
            tells,
            scene,
            relay,
            stopped,
            chat: String::new(),
            agent: String::new(),
            before: Heard::default(),
            after: Heard::default(),
            evidence: Evidence::default(),
            devices: Vec::new(),
            stored: Stored::default(),
        })
    }

    /// Takes every step.
    pub(super) fn tell(mut self, onlooker: &mut dyn Onlooker) -> Result<Report, CommandError> {
        let steps: [(Step, Take<'a>); 13] = [
            (Step::Adopt, Self::adopt),
            (Step::Share, Self::share),
            (Step::Link, Self::link),
            (Step::Invite, Self::invite),
            (Step::Disconnect, Self::disconnect),
            (Step::EditOnLaptop, Self::edit_on_laptop),
            (Step::EditOnDesktop, Self::edit_on_desktop),
            (Step::StayOffline, Self::stay_offline),
            (Step::Reconnect, Self::reconnect),
            (Step::Compare, Self::compare),
            (Step::Revoke, Self::revoke),
            (Step::WriteMore, Self::write_more),
            (Step::Search, Self::search),
        ];
        for (step, take) in steps {
            if self.stopped.load(Ordering::Relaxed) {
                return Err(stopped());
            }
            if step == Step::EditOnLaptop {
                self.before = self.heard_once_closed()?;
            }
            let whether = onlooker.before(step, &self.scene);
            if step == Step::Reconnect {
                self.after = self.relay.wire.heard();
            }
            if whether == Whether::Taken {
                take(&mut self)?;
            }
        }
        let checks = Check::all(&self.evidence, (self.before, self.after));
        Ok(Report { devices: self.devices, relay: self.stored, checks, folder: None })
    }

    fn adopt(&mut self) -> Result<(), CommandError> {
        self.line("Mira adopts the OpenClaw home that is on her laptop.")?;
        let [laptop, ..] = self.scene.machines.clone();
        self.init(&laptop)?;
        let imported = laptop.must(self.host, &["import", "openclaw"])?;
        let matters = |line: &str| {
            ["Imported", "  ", "Lines:"].iter().any(|it| line.starts_with(it))
                || line.ends_with("were left out")
        };
        self.show(&imported, matters)?;
        let found = |rows: &Value, title: &str| {
            let row = rows.as_array()?.iter().find(|row| row["title"] == title)?;
            row["id"].as_str().map(str::to_owned)
        };
        let chats = laptop.json(self.host, &["chat", "list"])?;
        let agents = laptop.json(self.host, &["agent", "list"])?;
        let (Some(chat), Some(agent)) = (found(&chats, CHAT), found(&agents, AGENT)) else {
            return Err(CommandError::new(ErrorCode::DemoFailed, "The sample home was not imported"));
        };
        let device = laptop.open(self.host)?.device;
        let prefixes = Prefixes::new(device.find_by_prefix("")?.into_iter().map(|(id, _)| id));
        (self.chat, self.agent) = (prefixes.shorten(&chat), prefixes.shorten(&agent));
        (self.scene.chat, self.scene.agent) = (chat, agent);
        Ok(())
    }

    fn share(&mut self) -> Result<(), CommandError> {
        self.say("She makes a workspace on the relay and shares all of it but her personal files.")?;
        let [laptop, ..] = self.scene.machines.clone();
        let address = self.relay.address.with_token_text();
        let made = laptop.must(self.host, &["workspace", "create", "--relay", &address])?;
        let made = made.typed_as(&laptop, "workspace create --relay ADDRESS");
        self.show(&made, |line| line.starts_with("Made "))?;
        let shared = laptop.must(self.host, &["share", "--all", "--yes"])?;
        self.show(&shared, |line| line.starts_with("Shared "))?;
        laptop.must(self.host, &["sync"])?;
        Ok(())
    }

    fn link(&mut self) -> Result<(), CommandError> {
        self.say("She links her desktop, and invites Ben, on his notebook.")?;
        let [laptop, desktop, _] = self.scene.machines.clone();
        self.bring_in(&laptop, &desktop, &["device", "link"])?;
        self.evidence.came_out(self.host, &desktop)
    }

    fn invite(&mut self) -> Result<(), CommandError> {
        let [laptop, _, notebook] = self.scene.machines.clone();
        self.bring_in(&laptop, &notebook, &["workspace", "invite"])
    }

    /// One machine makes a code, another joins with it.
    fn bring_in(&mut self, from: &Machine, to: &Machine, make: &[&str]) -> Result<(), CommandError> {
        let code = from.must(self.host, make)?;
        self.show(&code, |_| false)?;
        self.init(to)?;
        let joined = to.must(self.host, &["join", code.stdout.trim(), "--yes"])?;
        let joined = joined.typed_as(to, "join CODE --yes");
        self.show(&joined, |line| line.starts_with("Joined "))?;
        Ok(())
    }

    fn disconnect(&mut self) -> Result<(), CommandError> {
        self.say(
            "All three go offline. Mira edits one prompt and goes on with one conversation, on two devices.",
        )?;
        self.everybody(&["workspace", "disconnect"])
    }

    fn edit_on_laptop(&mut self) -> Result<(), CommandError> {
        let [laptop, ..] = self.scene.machines.clone();
        self.edit_on(&laptop, LAPTOP_RULE, LAPTOP_SAYS)
    }

    fn edit_on_desktop(&mut self) -> Result<(), CommandError> {
        let [_, desktop, _] = self.scene.machines.clone();
        self.edit_on(&desktop, DESKTOP_RULE, DESKTOP_SAYS)
    }

    /// Edits the prompt and writes into the conversation.
    fn edit_on(&mut self, machine: &Machine, rule: &str, says: &str) -> Result<(), CommandError> {
        let (chat, agent) = (self.chat.clone(), self.agent.clone());
        let prompt = machine.must(self.host, &["agent", "show", &agent, "--file", PROMPT])?.stdout;
        let (file, from) = (machine.path(PROMPT), format!("~/{PROMPT}"));
        std::fs::write(&file, format!("{prompt}{rule}\n"))
            .map_err(|error| CommandError::file("Writing", &file, &error))?;
        let edited = machine.must(self.host, &["agent", "edit", &agent, "--from", &from])?;
        self.show(&edited, |_| false)?;
        self.line(&format!("    adds: {rule}"))?;
        let said = machine.must(self.host, &["chat", "say", &chat, says])?;
        let said = said.typed_as(machine, &format!("chat say {chat} \"{says}\""));
        self.show(&said, |line| line.starts_with("queued"))
    }

    fn stay_offline(&mut self) -> Result<(), CommandError> {
        let machines = self.scene.machines.clone();
        for machine in &machines {
            let refused = machine.run(self.host, &["sync"]);
            if machine.name == "desktop" {
                self.show(&refused, |line| line.starts_with("Error:"))?;
            }
        }
        Ok(())
    }

    fn reconnect(&mut self) -> Result<(), CommandError> {
        self.say("They connect again and sync. Ben has both edits, and both ways the conversation went on.")?;
        self.everybody(&["workspace", "connect"])?;
        self.everybody(&["sync"])?;
        let [laptop, desktop, notebook] = self.scene.machines.clone();
        // Whoever synced first does not have what the others then sent.
        for machine in [&laptop, &desktop] {
            machine.must(self.host, &["sync"])?;
        }
        let (chat, agent) = (self.chat.clone(), self.agent.clone());
        let prompt = notebook.must(self.host, &["agent", "show", &agent, "--file", PROMPT])?;
        self.show(&prompt, |line| [LAPTOP_RULE, DESKTOP_RULE].contains(&line))?;
        let talk = notebook.must(self.host, &["chat", "show", &chat])?;
        self.show(&talk, |line| [LAPTOP_SAYS, DESKTOP_SAYS].contains(&line.trim()))
    }

    fn compare(&mut self) -> Result<(), CommandError> {
        let machines = self.scene.machines.clone();
        for machine in &machines {
            self.devices.push(self.evidence.compare(self.host, machine, &self.scene)?);
        }
        self.stored = Stored::read(&self.relay.data, &self.devices)?;
        Ok(())
    }

    fn revoke(&mut self) -> Result<(), CommandError> {
        self.say("The desktop is lost. Mira revokes it and goes on writing.")?;
        let [laptop, ..] = self.scene.machines.clone();
        let revoked = laptop.must(self.host, &["device", "revoke", "desktop", "--yes"])?;
        self.show(&revoked, |_| false)
    }

    fn write_more(&mut self) -> Result<(), CommandError> {
        let [laptop, desktop, notebook] = self.scene.machines.clone();
        let chat = self.chat.clone();
        let said = laptop.must(self.host, &["chat", "say", &chat, AFTERWARDS])?;
        self.show(&said.typed_as(&laptop, &format!("chat say {chat} \"{AFTERWARDS}\"")), |_| false)?;
        laptop.must(self.host, &["sync"])?;
        notebook.must(self.host, &["sync"])?;
        let refused = desktop.run(self.host, &["sync"]);
        self.show(&refused, |line| line.starts_with("Error:"))
    }

    fn search(&mut self) -> Result<(), CommandError> {
        self.relay.stop()?;
        self.evidence.search(self.host, &self.scene)
    }

    fn init(&mut self, machine: &Machine) -> Result<(), CommandError> {
        machine.must(self.host, &["init", "--user", machine.user, "--device", machine.name]).map(drop)
    }

    /// What the relay has heard, once it has seen the end of all connections.
    fn heard_once_closed(&self) -> Result<Heard, CommandError> {
        if self.relay.wire.wait_until_closed() {
            return Ok(self.relay.wire.heard());
        }
        Err(CommandError::new(
            ErrorCode::DemoFailed,
            "A connection to the relay stays open after everything is synced",
        ))
    }

    /// Runs one command on all machines.
    fn everybody(&mut self, words: &[&str]) -> Result<(), CommandError> {
        let machines = self.scene.machines.clone();
        for machine in &machines {
            machine.must(self.host, words)?;
        }
        let names = machines.map(|machine| machine.name).join(", ");
        self.line(&format!("  {names}$ bowline {}", words.join(" ")))
    }

    /// Tells a command and those lines of what it printed that matter.
    fn show(&mut self, ran: &Ran, mut matters: impl FnMut(&str) -> bool) -> Result<(), CommandError> {
        self.line(&format!("  {}", ran.typed))?;
        let lines = ran.stdout.lines().chain(ran.stderr.lines());
        let folders = self.scene.machines.clone().map(|machine| machine.folder.display().to_string());
        for line in lines.filter(|line| !line.trim().is_empty() && matters(line)) {
            // Whoever is at a machine knows its folders by a shorter name.
            let line = folders.iter().fold(line.to_owned(), |line, folder| line.replace(folder, "~"));
            self.line(&format!("    {}", OneLine(line.trim_end())))?;
        }
        Ok(())
    }

    /// Tells what happens now.
    fn say(&mut self, text: &str) -> Result<(), CommandError> {
        self.line("")?;
        self.line(text)
    }

    fn line(&mut self, line: &str) -> Result<(), CommandError> {
        if !self.tells {
            return Ok(());
        }
        let written = writeln!(self.host.stdout, "{}", fit(line, COLUMNS));
        written.and_then(|()| self.host.stdout.flush()).map_err(|error| CommandError::output(&error))
    }
}
