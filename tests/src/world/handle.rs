//! What the people in a world do, in words: `world.device("laptop").say(…)`, `.cut()`, `.heal()`, `.crash()`.

use bowline_core::document::Role;
use bowline_engine::device::DocumentState;
use bowline_engine::{CodeKind, Lifetime};
use bowline_store::EntryRow;
use bowline_wire::header::{Header, Part};
use bowline_wire::ids::{DeviceId, DocId, TicketKey};
use bowline_wire::signed::Signable;

use super::disk::PowerCut;
use super::faults::Fault;
use super::machine::{Said, Staying};
use super::network::Event;
use super::relay::{ADDRESS, TOKEN};
use super::{Failure, World};

/// Milliseconds before a device tries to connect again, at least and at most.
const BACKOFF: std::ops::Range<u64> = 100..2_000;

/// A device in a world.
pub struct Handle<'w> {
    pub(super) world: &'w mut World,
    pub(super) index: usize,
}

impl World {
    /// A device by name; a new one if there is none.
    pub fn device(&mut self, name: &str) -> Handle<'_> {
        let index = match self.machines.iter().position(|machine| machine.name == name) {
            Some(index) => index,
            None => self.add_machine(name),
        };
        Handle { world: self, index }
    }
}

impl Handle<'_> {
    /// Makes the world's workspace.
    pub fn create_workspace(self) {
        let now = self.world.now;
        let mut made = None;
        self.world.call(self.index, |device| {
            made = Some(device.create_workspace(ADDRESS, TOKEN, now)?);
            Ok(())
        });
        self.world.workspace = made;
        self.world.connect(self.index);
    }

    /// Joins with a code of another device's. Whether there was one.
    pub fn join(self, ticket: TicketKey) -> bool {
        let Some(workspace) = self.world.workspace else {
            return false;
        };
        let machines = self.world.machines.iter();
        let code = machines
            .into_iter()
            .find_map(|machine| machine.device_ref().code(workspace, ticket).ok().flatten());
        let Some(code) = code else {
            return false;
        };
        let now = self.world.now;
        let joined = self.world.call(self.index, |device| device.join(&code, now).map(drop));
        if joined {
            self.world.connect(self.index);
        }
        joined
    }

    /// Opens an invite or link; its code is ready once the relay has it.
    pub fn open(self, kind: CodeKind) -> Option<TicketKey> {
        let (workspace, now) = (self.world.workspace?, self.world.now);
        let mut ticket = None;
        self.world.call(self.index, |device| {
            ticket = Some(device.make_code(workspace, Lifetime::usual(kind), now)?);
            Ok(())
        });
        ticket
    }

    /// Removes another device.
    pub fn remove(self, target: DeviceId) {
        let (Some(workspace), now) = (self.world.workspace, self.world.now) else {
            return;
        };
        self.world.forget_unsent_of(target);
        self.world.call(self.index, |device| device.remove_device(workspace, target, now));
    }

    /// Removes the member whose device `target` is.
    pub fn remove_member_of(self, target: DeviceId) {
        let (Some(workspace), now) = (self.world.workspace, self.world.now) else {
            return;
        };
        let members =
            self.world.machines[self.index].device_ref().status(workspace).map(|status| status.members);
        let members = members.unwrap_or_default();
        let Some(user) = members.iter().find(|member| member.device == target).map(|member| member.user)
        else {
            return;
        };
        for member in members.iter().filter(|member| member.user == user) {
            self.world.forget_unsent_of(member.device);
        }
        self.world.call(self.index, |device| device.remove_member(workspace, user, now));
    }

    /// Leaves the workspace with this device.
    pub fn leave(self) {
        let (Some(workspace), now) = (self.world.workspace, self.world.now) else {
            return;
        };
        let id = self.id();
        self.world.forget_unsent_of(id);
        self.world.call(self.index, |device| device.leave(workspace, false, now));
    }

    /// What the machine is called in this world.
    pub fn name(&self) -> String {
        self.world.machines[self.index].name.clone()
    }

    /// The id of the machine's device.
    pub fn id(&self) -> DeviceId {
        self.world.machines[self.index].device_ref().id()
    }

    /// Begins a conversation.
    pub fn create(self, title: &str) {
        let now = self.world.now;
        let mut made = None;
        self.world.call(self.index, |device| {
            made = Some(device.create_conversation(Some(title), now)?);
            Ok(())
        });
        self.world.documents.extend(made);
    }

    /// Says something in a conversation, if this device has it.
    pub fn say(self, document: DocId, text: &str) {
        let now = self.world.now;
        if self.world.machines[self.index].device_ref().document_state(document).is_err() {
            return;
        }
        let done =
            self.world.call(self.index, |device| device.say(document, Role::User, text, now).map(drop));
        let machine = &self.world.machines[self.index];
        let id = machine.device_ref().id();
        let state = machine.device_ref().document_state(document);
        // Of a document with something that is only here, what is said now goes where the document is.
        let stays = matches!(state, Ok(DocumentState::OnlyHere | DocumentState::Kept));
        let is_gone = machine.gone;
        if done {
            self.world.note_written(self.index, document, text);
        }
        if done && stays {
            self.world.staying.push(Staying { device: id, document, text: text.to_owned() });
        }
        if done && !stays && !is_gone {
            let text = text.to_owned();
            let (machine, was_on_relay, left_its_device) = (self.index, false, false);
            let said = Said { machine, document, text, was_on_relay, left_its_device };
            self.world.said.push(said);
        }
    }

    /// Gives a conversation another title.
    pub fn retitle(self, document: DocId, title: &str) {
        let now = self.world.now;
        self.world.call(self.index, |device| device.set_title(document, Some(title), now));
    }

    /// Moves a conversation to the trash, or out of it.
    pub fn delete(self, document: DocId, deleted: bool) {
        let now = self.world.now;
        self.world.call(self.index, |device| {
            if deleted { device.delete(document, now) } else { device.restore_deleted(document, now) }
        });
    }

    /// Gives this device a name.
    pub fn rename(self, name: &str) {
        let (Some(workspace), now) = (self.world.workspace, self.world.now) else {
            return;
        };
        self.world.call(self.index, |device| device.name_device(workspace, name, now));
    }

    /// What the device shows of a conversation: the lines in order, as they were written.
    pub fn shows(self, document: DocId) -> Vec<String> {
        let now = self.world.now;
        let shown = self.world.machines[self.index].device().show(document, now);
        let entries = shown.map(|shown| shown.transcript.entries).unwrap_or_default();
        entries.into_iter().filter_map(|entry| entry.message().map(|(_, text)| text)).collect()
    }

    /// Where it says that a conversation is.
    pub fn state_of(self, document: DocId) -> Option<DocumentState> {
        self.world.machines[self.index].device_ref().document_state(document).ok()
    }

    /// Whether it has offered parts of a payload that the log does not show yet.
    pub fn has_parts_on_their_way(self) -> bool {
        let Some(workspace) = self.world.workspace else {
            return false;
        };
        let offered = self.world.machines[self.index].device_ref().store().read().offered(workspace);
        let is_part = |row: &EntryRow| {
            Header::from_bytes(workspace, &row.header).is_ok_and(|header| header.part != Part::WHOLE)
        };
        offered.is_ok_and(|rows| rows.iter().any(is_part))
    }

    /// Whether it seals at once what is written now.
    pub fn seals(self) -> bool {
        self.status().is_some_and(|status| status.waiting_for.is_none())
    }

    /// How it says that the workspace is.
    pub fn status(self) -> Option<bowline_engine::device::WorkspaceStatus> {
        let workspace = self.world.workspace?;
        self.world.machines[self.index].device_ref().status(workspace).ok()
    }

    /// Looks at everything that has come.
    pub fn look(self) {
        let now = self.world.now;
        self.world.call(self.index, |device| {
            while device.index_one(now)? {}
            Ok(())
        });
    }

    /// The network is gone for this device.
    pub fn cut(self) {
        self.world.machines[self.index].online = false;
        if let Some(conn) = self.world.machines[self.index].conn {
            self.world.fired.count(Fault::Disconnect);
            self.world.hang_up(conn);
        }
    }

    /// The network is back for this device.
    pub fn heal(self) {
        self.world.machines[self.index].online = true;
        self.world.connect(self.index);
    }

    /// The device loses power, and is started again.
    pub fn crash(self) {
        self.world.fired.count(Fault::Crash);
        self.world.lose_power(self.index);
    }

    /// The device loses power in its commit after `commits` more.
    pub fn crash_at_commit(self, commits: u32) {
        self.world.machines[self.index].fail_commit(commits);
    }

    /// The device loses power after its next call, before anything is sent.
    pub fn crash_before_sending(self) {
        self.world.machines[self.index].stop_before_sending = true;
    }

    /// Keeps a copy of the device's database.
    pub fn back_up(self) {
        self.world.machines[self.index].take_copy();
    }

    /// Puts the kept copy in place. What only this database had is lost, and nothing else may be.
    pub fn restore_backup(self) {
        if self.world.machines[self.index].copy.is_none() {
            return;
        }
        let id = self.id();
        self.world.forget_unsent_of(id);
        self.world.leave_connection(self.index);
        if self.world.machines[self.index].restore_copy() {
            self.world.forget_what_is_gone_on(self.index);
            self.world.fired.count(Fault::Restored);
            self.world.connect(self.index);
        }
    }

    /// A second machine goes on with a copy of this one's database.
    pub fn clone_machine(self) {
        let name = format!("{}'", self.world.machines[self.index].name);
        if self.world.machines.iter().any(|machine| machine.name == name) {
            return;
        }
        let seed = rand_core::Rng::next_u64(&mut self.world.random);
        let clone = self.world.machines[self.index].cloned(&name, seed);
        self.world.machines.push(clone);
        self.world.fired.count(Fault::Cloned);
        let index = self.world.machines.len() - 1;
        self.world.connect(index);
    }

    /// Somebody on the line breaks it, and from now on says again what was said on earlier ones.
    pub fn replay(self) {
        self.world.eavesdropper.replay(true);
        if let Some(conn) = self.world.machines[self.index].conn {
            self.world.hang_up(conn);
        }
    }

    /// The device takes nothing off its line for a while, or does again.
    pub fn stall(self, stalled: bool) {
        if let Some(conn) = self.world.machines[self.index].conn {
            if stalled {
                self.world.fired.count(Fault::SlowReader);
            }
            self.world.relay.set_writable(conn, !stalled);
            self.world.after_relay();
        }
    }
}

impl World {
    /// The relay loses power and is started again.
    pub fn crash_relay(&mut self) {
        self.fired.count(Fault::RelayCrash);
        self.restart_relay();
    }

    /// The relay loses power in its commit after `commits` more, before or after it has stored anything.
    pub fn crash_relay_at_commit(&mut self, commits: u32, stored: bool) {
        let cut = if stored { PowerCut::After } else { PowerCut::Before };
        self.relay.plan_power_cut(commits, cut);
    }

    pub(super) fn restart_relay(&mut self) {
        self.note("the relay loses power");
        self.relay.restart();
        self.close_hostile_lines();
        let lines: Vec<_> = self.machines.iter().filter_map(|machine| machine.conn).collect();
        for conn in lines {
            self.hang_up(conn);
        }
    }

    /// The relay's operator makes a backup.
    pub fn back_up_relay(&mut self) {
        self.relay.back_up();
    }

    /// The relay is restored from its backup, if it has one that lacks nothing of what the world is about.
    pub fn restore_relay(&mut self) {
        let Some(workspace) = self.workspace else { return };
        // A relay that serves what was put back may have found that out, and says so as an error.
        let is_about_that = |line: &String| {
            ["bowline_relay::relay::lost:", "bowline_relay::workspace:"].iter().any(|it| line.starts_with(it))
        };
        if self.relay.is_put_back()
            && let Some(line) = super::errors::take().filter(|line| !is_about_that(line))
        {
            self.fail(Failure::ErrorLogged(line));
        }
        // What was said and is nowhere but on the relay and on a device that is gone would be lost, and with right.
        if let Some(lost) = self.relay.restore(workspace) {
            self.note(format!("the relay is restored from a backup that lacks {lost} entries"));
            if lost > 0 {
                self.fired.count(Fault::RelayRestored);
            }
            (self.log, self.roster) = (Vec::new(), None);
            self.restart_relay();
        }
    }

    /// The relay serves its backup from now on, and nobody has restored it.
    pub(super) fn put_relay_back(&mut self) {
        let Some(workspace) = self.workspace else { return };
        if let Some(lost) = self.relay.put_back(workspace) {
            self.note(format!("the relay is put back to a backup that lacks {lost} entries, and goes on"));
            if lost > 0 {
                self.fired.count(Fault::RelayPutBack);
                self.fired.count(Fault::RelayRestored);
            }
            (self.log, self.roster) = (Vec::new(), None);
            self.restart_relay();
        }
    }

    pub(super) fn lose_power(&mut self, index: usize) {
        self.leave_connection(index);
        self.machines[index].restart();
        self.connect(index);
    }

    /// The connection of this machine is gone, without its device hearing of it.
    pub(super) fn leave_connection(&mut self, index: usize) {
        if let Some(conn) = self.machines[index].conn.take() {
            self.network.forget(conn);
            self.relay.disconnect(conn);
        }
    }

    /// A connection ends; whoever still wants one tries again.
    pub(super) fn hang_up(&mut self, conn: bowline_relay::ConnId) {
        self.network.forget(conn);
        self.relay.disconnect(conn);
        let Some(index) = self.machine_on(conn) else {
            return;
        };
        self.machines[index].conn = None;
        self.note(format!("{} is disconnected", self.machines[index].name));
        if let Some(workspace) = self.workspace {
            self.call(index, |device| device.handle_disconnected(workspace));
        }
        let spread = BACKOFF.end - BACKOFF.start;
        let wait = BACKOFF.start + u64::from(rand_core::Rng::next_u32(&mut self.random)) % spread;
        self.network.at(self.now.plus(wait), Event::Reconnect { device: index });
    }

    /// Connects a device that wants to be, and is not.
    pub(super) fn connect(&mut self, index: usize) {
        let machine = &self.machines[index];
        let Some(workspace) = self.workspace else {
            return;
        };
        if !machine.online || machine.conn.is_some() {
            return;
        }
        // What a host asks before it opens a socket; an error means that the workspace is not here yet.
        if !machine.device_ref().wants_connection(workspace).unwrap_or(false) {
            return;
        }
        let conn = self.network.new_conn();
        self.machines[index].conn = Some(conn);
        self.note(format!("{} connects as {conn:?}", self.machines[index].name));
        self.relay.connect(conn, self.now);
        let now = self.now;
        self.call(index, |device| device.handle_connected(workspace, None, now));
    }

    /// Edits of a device that is being removed or restored count only as far as the relay has them.
    pub(super) fn forget_unsent_of(&mut self, device: DeviceId) {
        let machines = &self.machines;
        self.said.retain_mut(|said| {
            let by = machines[said.machine].device_ref();
            if by.id() != device || said.was_on_relay {
                return true;
            }
            let state = by.document_state(said.document);
            said.was_on_relay = matches!(state, Ok(DocumentState::OnRelay | DocumentState::OnDevices(_)));
            said.was_on_relay
        });
    }
}
