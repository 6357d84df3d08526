//! Documents that are only here, partly here, kept here and shared again, and workspaces that are forgotten and joined again:
//! what a person wrote is shown on its device at all times, and what stays here never leaves.

use std::collections::BTreeSet;

use bowline_engine::Error;
use bowline_engine::device::{CodeKind, DocumentState, SourceSession};
use bowline_engine::document::Entry;
use bowline_engine::ids::{DocId, WorkspaceId};

use super::failure::Failure;
use super::faults::Fault;
use super::handle::Handle;
use super::machine::{Staying, Written};
use super::{Step, World};

/// An application's session, the same wherever it is imported.
fn session(number: usize) -> SourceSession {
    SourceSession { app: "world".to_owned(), id: format!("session {number}"), ..SourceSession::default() }
}

impl Handle<'_> {
    /// Imports a session, with a line of its own at the end.
    pub fn import(self, number: usize, last: &str) {
        let (index, now) = (self.index, self.world.now);
        let texts = [format!("imported {number}"), format!("{last} on {}", self.world.machines[index].name)];
        let mut made = None;
        self.world.call(index, |device| {
            let mut import = device.begin_import(&session(number), now)?;
            for (at, text) in texts.iter().enumerate() {
                let line = serde_json::json!({
                    "type": "message", "id": format!("{number}-{at}-{}", text.len()), "parentId": null,
                    "message": { "role": "user", "content": text },
                });
                device.import_line(&mut import, line.to_string().as_bytes(), now)?;
            }
            made = Some(device.finish_import(import, true, now)?.id);
            Ok(())
        });
        let Some(document) = made else { return };
        self.world.fired.count(Fault::Imported);
        if !self.world.documents.contains(&document) {
            self.world.documents.push(document);
        }
        let device = self.world.machines[index].device_ref().id();
        for text in texts {
            self.world.note_written(index, document, &text);
            // The first line is in the file of every machine that imports the session.
            if text.starts_with(last) && self.world.stays(index, document) {
                self.world.staying.push(Staying { device, document, text });
            }
        }
    }

    /// Keeps a document here.
    pub fn keep_local(self, document: DocId) {
        let now = self.world.now;
        if self.world.call(self.index, |device| device.keep_local(document, now).map(drop)) {
            self.world.fired.count(Fault::KeptLocal);
            // What was not sent yet is not promised to anybody any more.
            let index = self.index;
            self.world.said.retain(|said| said.machine != index || said.document != document);
        }
    }

    /// Puts a document, or what is only here of it, into the workspace.
    pub fn share(self, document: DocId) {
        let (Some(workspace), now) = (self.world.workspace, self.world.now) else { return };
        let id = self.id();
        // The power may go after it is done.
        self.world.staying.retain(|it| it.device != id || it.document != document);
        if self.world.call(self.index, |device| device.share(document, workspace, now).map(drop)) {
            self.world.fired.count(Fault::SharedAgain);
        }
    }

    /// Forgets the workspace.
    pub fn forget(self) {
        let (Some(workspace), now) = (self.world.workspace, self.world.now) else { return };
        let (index, id) = (self.index, self.id());
        self.world.forget_unsent_of(id);
        self.world.leave_connection(index);
        if self.world.call(index, |device| device.forget_workspace(workspace, now).map(drop)) {
            self.world.fired.count(Fault::Forgot);
        } else {
            self.world.connect(index);
        }
    }
}

impl World {
    /// Notes that a text was written on a machine.
    pub(super) fn note_written(&mut self, machine: usize, document: DocId, text: &str) {
        self.written.push(Written { machine, document, text: text.to_owned() });
    }

    /// Whether what is written into a document on a machine stays there.
    pub(super) fn stays(&self, machine: usize, document: DocId) -> bool {
        let state = self.machines[machine].device_ref().document_state(document);
        matches!(state, Ok(DocumentState::OnlyHere | DocumentState::Kept | DocumentState::PartlyHere))
    }

    /// A machine's database is an older one now: what was written since is gone, and nothing else.
    pub(super) fn forget_what_is_gone_on(&mut self, machine: usize) {
        let shown = self.shown_texts(machine);
        self.written.retain(|it| it.machine != machine || shown.contains(&(it.document, it.text.clone())));
        for said in self.said.iter_mut().filter(|said| said.machine == machine) {
            said.left_its_device |= !shown.contains(&(said.document, said.text.clone()));
        }
    }

    /// A machine that has forgotten the workspace joins it again, by a door that another opens.
    pub(super) fn rejoin(&mut self, number: usize) {
        let Some(workspace) = self.workspace else { return };
        let is_out = |index: &usize| self.machines[*index].device_ref().status(workspace).is_err();
        let out: Vec<usize> = (0..self.machines.len()).filter(is_out).collect();
        let Some(guest) = number.checked_rem(out.len()).map(|at| out[at]) else { return };
        let inside: Vec<usize> = (0..self.machines.len()).filter(|index| !out.contains(index)).collect();
        for host in inside {
            let Some(ticket) = (Handle { world: self, index: host }).open(CodeKind::Link) else { continue };
            for _ in 0..40 {
                self.advance(50);
                if matches!(self.machines[host].device_ref().code(workspace, ticket), Ok(Some(_))) {
                    if (Handle { world: self, index: guest }).join(ticket) {
                        self.fired.count(Fault::Rejoined);
                    }
                    return;
                }
            }
        }
    }

    fn shown_texts(&mut self, machine: usize) -> BTreeSet<(DocId, String)> {
        let (now, documents) = (self.now, self.documents.clone());
        let mut texts = BTreeSet::new();
        // The power may go while somebody looks; then they look again.
        for _ in 0..2 {
            let is_done = self.call(machine, |device| {
                for document in &documents {
                    let shown = match device.show(*document, now) {
                        Ok(shown) => shown,
                        Err(Error::NoDocument(_)) => continue,
                        Err(error) => return Err(error),
                    };
                    let said = shown.transcript.entries.iter().filter_map(Entry::message);
                    texts.extend(said.map(|(_, text)| (*document, text)));
                }
                Ok(())
            });
            if is_done {
                break;
            }
        }
        texts
    }

    /// What a person wrote is shown on its device, and each document is one row of a list.
    pub(super) fn check_shown_on(&mut self, machine: usize) -> Result<(), Failure> {
        let shown = self.shown_texts(machine);
        let on = self.machines[machine].name.clone();
        let hidden = self
            .written
            .iter()
            .find(|it| it.machine == machine && !shown.contains(&(it.document, it.text.clone())));
        if let Some(hidden) = hidden {
            return Err(Failure::Hidden { on, text: hidden.text.clone() });
        }
        let device = self.machines[machine].device_ref();
        let listed = [false, true].into_iter().flat_map(|trash| device.list(trash).unwrap_or_default());
        let mut ids = BTreeSet::new();
        for row in listed {
            if !ids.insert(row.id) {
                return Err(Failure::Twice(on, row.id));
            }
        }
        Ok(())
    }

    /// Nothing that stays on its device is on another.
    pub(super) fn check_stayed(&mut self) -> Result<(), Failure> {
        for index in 0..self.machines.len() {
            let (id, name) = (self.machines[index].device_ref().id(), self.machines[index].name.clone());
            let shown: BTreeSet<String> = self.shown_texts(index).into_iter().map(|(_, text)| text).collect();
            let left = self.staying.iter().find(|it| it.device != id && shown.contains(&it.text));
            if let Some(left) = left {
                return Err(Failure::Left { on: name, text: left.text.clone() });
            }
        }
        Ok(())
    }

    /// Every member shares what is only on it, so that all show the same afterwards. Whether there was anything.
    pub(super) fn share_everything(&mut self, workspace: WorkspaceId, members: &[usize]) -> bool {
        let mut shared = false;
        for index in members {
            let device = self.machines[*index].device_ref();
            let listed = [false, true].into_iter().flat_map(|trash| device.list(trash).unwrap_or_default());
            let only_here = listed.filter(|it| it.workspace.is_none_or(|place| place == workspace));
            let ids: Vec<DocId> = only_here.filter(|it| self.stays(*index, it.id)).map(|it| it.id).collect();
            for id in ids {
                (Handle { world: self, index: *index }).share(id);
                shared = true;
            }
        }
        shared
    }

    /// Does a step of these; afterwards, all is shown where it was written.
    pub(super) fn act_on_places(&mut self, number: usize, step: &Step) {
        let machine = match *step {
            Step::ImportTwice(one, two) => {
                for device in [one, two] {
                    self.on(device).import(number, &format!("last {number}"));
                }
                one
            }
            Step::KeepLocal(device, document) => {
                if let Some(document) = self.document(document) {
                    self.on(device).keep_local(document);
                }
                device
            }
            Step::Share(device, document) => {
                if let Some(document) = self.document(document) {
                    self.on(device).share(document);
                }
                device
            }
            Step::Forget(device) => {
                self.on(device).forget();
                device
            }
            Step::Rejoin(device) => {
                self.rejoin(device);
                device
            }
            _ => return,
        };
        let machine = machine % self.machines.len();
        if self.failure.is_none()
            && let Err(failure) = self.check_shown_on(machine)
        {
            self.fail(failure);
        }
    }
}
