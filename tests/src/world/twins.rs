//! A member whose second device runs another program: it publishes changes of which two have one actor and one number, in any
//! order and long after one another. What it needs to seal it reads in the database of the first device.

use std::collections::BTreeMap;

use bowline_core::document::{Entry as Shown, Marks};
use bowline_core::payload::Payload;
use bowline_crypto::{DeviceKeys, Keyring, TicketSecret};
use bowline_engine::CodeKind;
use bowline_engine::device::DocumentState;
use bowline_relay::ConnId;
use bowline_wire::codec::{Reader, decode, encode};
use bowline_wire::draft::WRITES_DRAFT;
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Frame, Hello, STATES, StatePiece, Transcript, VERSIONS};
use bowline_wire::hash;
use bowline_wire::header::{EntryType, Header, Part};
use bowline_wire::ids::{
    Commitment, DocId, EntryId, EpochId, Incarnation, Lane, Millis, Position, Salt, Suite, WireDoc,
    WorkspaceId,
};
use bowline_wire::limits::{MAX_EPOCHS, MAX_SEALED_HISTORY};
use bowline_wire::roster::record::{Join, Record};
use bowline_wire::roster::{Epoch, Roster};
use bowline_wire::weight::Weight;
use rand_core::Rng;

use super::World;
use super::failure::Failure;
use super::faults::Fault;
use super::handle::Handle;
use super::hostile::{Line, Say, Tale, Twins, Who};

impl World {
    /// A member's second device joins by a link, and makes up two stories, to be told in a conversation that the member has.
    pub(super) fn make_up_twins(&mut self, number: usize, device: usize, document: usize) {
        let machines = (device..device + self.machines.len()).map(|number| number % self.machines.len());
        let documents =
            (document..document + self.documents.len()).filter_map(|number| self.document(number));
        let documents: Vec<DocId> = documents.collect();
        let is_there = |machine: usize, document: DocId| {
            let state = self.machines[machine].device_ref().document_state(document);
            matches!(state, Ok(DocumentState::OnRelay | DocumentState::OnDevices(_)))
        };
        let place = machines.filter(|machine| self.machines[*machine].conn.is_some()).find_map(|machine| {
            let document = documents.iter().find(|document| is_there(machine, **document))?;
            Some((machine, *document))
        });
        let Some((machine, document)) = place else { return };
        let Some(secret) = self.link_secret(machine) else { return };
        let mut key = [0; 64];
        self.random.fill_bytes(&mut key);
        let twins = Twins::new(machine, key, document, number, self.now, &mut self.random);
        if let Some(join) = self.join_of(&twins.keys(), &secret) {
            self.open_hostile_line(Who::Ticket(secret), Say::Entry(join.to_signed()));
            self.hostile.twins.push(twins);
        }
    }

    /// The secret of a link that a machine opens.
    fn link_secret(&mut self, machine: usize) -> Option<TicketSecret> {
        let workspace = self.workspace?;
        let ticket = Handle { world: self, index: machine }.open(CodeKind::Link)?;
        for _ in 0..40 {
            self.advance(50);
            if let Ok(Some(code)) = self.machines[machine].device_ref().code(workspace, ticket) {
                return Some(code.secret);
            }
        }
        None
    }

    fn join_of(&mut self, keys: &DeviceKeys, secret: &TicketSecret) -> Option<Entry> {
        self.read_log();
        let workspace = self.workspace?;
        let (ticket, hpke) = (secret.ticket_key(), keys.hpke_public(Suite::XWing));
        let admits = self.roster.as_ref()?.ticket(&ticket)?.admits;
        let (recovery, proof) = (admits.recovery, secret.prove_join(workspace, keys.id(), &hpke, admits));
        let body = Record::Join(Join { ticket, hpke, recovery, proof }).to_body();
        let header = Header {
            body_len: u32::try_from(body.len()).expect("a short record"),
            body_hash: hash::body_hash(&body),
            ..self.header_by(keys, Lane::Control, EntryType::Roster)?
        };
        Some(keys.sign_header(header, body).expect("a header of this device"))
    }

    /// A header of a life of its own on the roster of now, without a body.
    pub(super) fn header_by(
        &mut self,
        keys: &DeviceKeys,
        lane: Lane,
        entry_type: EntryType,
    ) -> Option<Header> {
        let mut incarnation = [0; 8];
        self.random.fill_bytes(&mut incarnation);
        Some(Header {
            workspace: self.workspace?,
            device: keys.id(),
            incarnation: Incarnation::from_bytes(incarnation),
            lane,
            seq: 1,
            prev: EntryId::ZERO,
            seen: None,
            held: Position::START,
            roster: self.roster.as_ref()?.hash(),
            epoch: EpochId::ZERO,
            entry_type,
            doc: WireDoc::ZERO,
            covers: Position::START,
            digests: None,
            weight: Weight::NONE,
            part: Part::WHOLE,
            salt: Salt::ZERO,
            body_len: 0,
            body_hash: hash::body_hash(&[]),
        })
    }

    /// The programs that make things up publish one thing each, if they have any left.
    pub(super) fn tell_of_twins(&mut self) {
        for at in 0..self.hostile.twins.len() {
            let twins = &self.hostile.twins[at];
            let Some(next) = twins.tales.iter().position(|tale| tale.entry.is_none()) else { continue };
            let (machine, document) = (twins.machine, twins.document);
            let payload = payload_of(document, &twins.tales[next], self.now);
            let keys = twins.keys();
            let Some(entry) = self.seal_for(machine, &keys, &payload) else { continue };
            self.hostile.twins[at].tales[next].entry = Some(entry.id());
            self.hostile.entries.insert(entry.id());
            self.note(format!("{} publishes {:?}", self.machines[machine].name, entry.id()));
            self.open_hostile_line(Who::Device(Box::new(keys)), Say::Entry(entry.to_signed()));
        }
    }

    /// An entry by a device whose person's first device is on this machine; `None` if none of them could seal it now.
    fn seal_for(&mut self, machine: usize, keys: &DeviceKeys, payload: &Payload) -> Option<Entry> {
        self.read_log();
        let workspace = self.workspace?;
        let keyring = self.keyring_of(machine, workspace)?;
        let seen = self.machines[machine].device_ref().status(workspace).ok()?.signed?;
        let roster = self.roster.as_ref()?;
        let seals = roster.is_active(&keys.id()) && !roster.is_rekey_due();
        if !seals || roster.epoch() != Some(keyring.newest_epoch()) {
            return None;
        }
        let header = Header {
            seen: Some(seen.into()),
            epoch: keyring.newest_epoch(),
            doc: keyring.wire_doc(payload.doc)?,
            weight: Weight::of(1 << 16),
            ..self.header_by(keys, Lane::Content, EntryType::Changes)?
        };
        let mut random = [0; 32];
        self.random.fill_bytes(&mut random);
        let (header, body) = bowline_crypto::seal(&keyring.snapshot(), header, &payload.encode(), random)
            .expect("a small payload under the newest epoch");
        Some(keys.sign_header(header, body).expect("a header of this device"))
    }

    /// The keys in the machine's database, read as any program of its owner may.
    pub(super) fn keyring_of(&self, machine: usize, workspace: WorkspaceId) -> Option<Keyring> {
        let keys = self.machines[machine].keys();
        let read = self.machines[machine].device_ref().store().read();
        let stored = read.state(workspace, "keyring").expect("memory is always readable")?;
        let mut from = Reader::new(&stored);
        from.array(3).expect("epochs and keys");
        let ids: Vec<EpochId> = from.list("ids of epochs", MAX_EPOCHS).expect("ids");
        let commitments: Vec<Commitment> = from.list("epochs", MAX_EPOCHS).expect("commitments");
        let epochs = ids.into_iter().zip(commitments);
        let epochs: Vec<_> = epochs.map(|(id, commitment)| Epoch { id, commitment }).collect();
        let sealed = from.bytes("keyring", 2 * MAX_SEALED_HISTORY).expect("sealed keys");
        Keyring::from_stored(workspace, sealed, &keys, &epochs).ok()
    }

    /// Such a program's line to the relay. Nothing is lost on it, so that what is published comes.
    pub(super) fn open_hostile_line(&mut self, who: Who, say: Say) {
        let conn = self.network.new_conn();
        let states = matches!(say, Say::State(..)).then(|| STATES.to_owned());
        let capabilities = [WRITES_DRAFT.to_owned()].into_iter().chain(states).collect();
        let mut nonce = [0; 32];
        self.random.fill_bytes(&mut nonce);
        let hello = encode(&Frame::Hello(Hello { nonce, versions: VERSIONS.to_vec(), capabilities }));
        let said = Transcript::START.then(&hello);
        self.hostile.lines.insert(conn, Line { who, said, say });
        self.relay.connect(conn, self.now);
        self.relay.handle_frame(conn, &hello, self.now);
        self.after_relay();
    }

    /// Whether a line is one of these programs', which then hears what the relay says on it.
    pub(super) fn hostile_hears(&mut self, conn: ConnId, bytes: &[u8]) -> bool {
        let Some(line) = self.hostile.lines.get_mut(&conn) else { return false };
        let answer = match decode::<Frame>(bytes) {
            Ok(Frame::Challenge(_)) => {
                line.said = line.said.then(bytes);
                self.workspace.map(|it| Frame::Proof(Box::new(line.who.prove(line.said, it))))
            }
            Ok(Frame::Welcome(_)) => match &line.say {
                Say::Entry(entry) => Some(Frame::Append { entries: vec![entry.clone()] }),
                Say::State(..) => return true,
            },
            Ok(Frame::StateWanted { digest, offset }) => match &line.say {
                Say::State(of, bytes) if *of == digest => {
                    let piece = StatePiece::of(digest, bytes, offset);
                    piece.map(Frame::State)
                }
                _ => return true,
            },
            Ok(Frame::Appended { .. } | Frame::Refused { .. } | Frame::Goodbye { .. }) => None,
            _ => return true,
        };
        match answer {
            Some(answer) => self.relay.handle_frame(conn, &encode(&answer), self.now),
            None => self.close_hostile_line(conn),
        }
        true
    }

    /// A line of these programs is over.
    pub(super) fn close_hostile_line(&mut self, conn: ConnId) {
        if self.hostile.lines.remove(&conn).is_some() {
            self.relay.disconnect(conn);
        }
    }

    /// All lines of these programs are over.
    pub(super) fn close_hostile_lines(&mut self) {
        self.hostile.lines.clear();
    }

    /// Whether an entry is one of those that these programs have published.
    pub(super) fn is_hostile(&self, entry: &EntryId) -> bool {
        self.hostile.entries.contains(entry)
    }

    /// Counts what was published of both stories, and checks that everybody shows the one whose beginning came first, as far as it
    /// came, and nothing of the other.
    pub(super) fn check_twins(&mut self, members: &[usize]) -> Result<(), Failure> {
        let at: BTreeMap<EntryId, usize> =
            self.log.iter().enumerate().map(|(at, (.., entry))| (entry.id(), at)).collect();
        let place = |tale: &Tale| tale.entry.and_then(|entry| at.get(&entry)).copied();
        let mut expected = Vec::new();
        for twins in &self.hostile.twins {
            let begins = |story: usize| {
                let first = |tale: &&Tale| (tale.story, tale.chapter) == (story, 0);
                twins.tales.iter().find(first).and_then(place)
            };
            let (Some(one), Some(other)) = (begins(0), begins(1)) else { continue };
            self.fired.count(Fault::Twins);
            // Of what somebody wrote who was removed, the cut decides.
            let is_active = |roster: &Roster| roster.is_active(&twins.keys().id());
            if self.roster.as_ref().is_some_and(is_active) {
                let first = usize::from(other < one);
                let came = twins.tales.iter().filter(|tale| place(tale).is_some());
                expected.extend(came.map(|tale| (twins.document, tale.text.clone(), tale.story == first)));
            }
        }
        for index in members {
            for (document, text, counts) in &expected {
                let shows = self.shows_text(*index, *document, text);
                if shows != *counts {
                    let on = self.machines[*index].name.clone();
                    return Err(Failure::Twin { on, text: text.clone(), shows });
                }
            }
        }
        Ok(())
    }

    fn shows_text(&mut self, machine: usize, document: DocId, text: &str) -> bool {
        let now = self.now;
        let shown = self.machines[machine].device().show(document, now);
        let entries = shown.map(|shown| shown.transcript.entries).unwrap_or_default();
        entries.iter().filter_map(Shown::message).any(|(_, shown)| shown == text)
    }
}

/// What an honest program would seal with this change.
fn payload_of(doc: DocId, tale: &Tale, now: Millis) -> Payload {
    let told = &tale.told;
    Payload {
        doc,
        kind: told.kind().number(),
        time: now,
        heads: told.heads(),
        bytes: tale.change.clone(),
        summary: told.summary(),
        deleted_at: None,
        marks: Some(Marks::of(told)),
    }
}
