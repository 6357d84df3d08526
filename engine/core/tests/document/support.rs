//! Devices that edit documents and hand one another what an engine would seal.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use automerge::{Change, ExpandedChange};
use bowline_core::document::{
    ActorId, AgentEdit, AgentField, AgentValues, Assembled, ChangeHash, Consent, ConversationMut, Document,
    FilePath, Incoming, Kind, MessageId, Pen, Role, SkillEdit, Source, Standing, Transcript,
};
use bowline_wire::ids::{DeviceId, EntryId, Millis, Position};
use bowline_wire::weight::Weight;

/// 2026-01-31T09:05:00.250Z
pub const NOW: Millis = Millis(1_769_850_300_250);

pub fn device(number: u8) -> DeviceId {
    DeviceId::from_bytes([number; 32])
}

pub fn entry(number: u8) -> EntryId {
    EntryId::from_bytes([number; 32])
}

pub fn pen(number: u8) -> Pen {
    Pen { actor: ActorId::for_device(device(number), [number; 8]), now: NOW }
}

/// An entry that owns its bytes.
#[derive(Clone, Debug)]
pub struct Sealed {
    pub entry: EntryId,
    pub author: DeviceId,
    pub source: Source,
    /// For whom it stands, if it is a snapshot.
    pub standing: Option<Standing>,
    pub bytes: Vec<u8>,
}

impl Sealed {
    pub fn new(number: u8, author: u8, source: Source, bytes: Vec<u8>) -> Self {
        Self { entry: entry(number), author: device(author), source, standing: None, bytes }
    }

    /// The same, standing for these devices, when what it covers is gone.
    pub fn standing_alone_for(self, devices: &[u8]) -> Self {
        self.standing(Standing::alone(), devices, Position(1))
    }

    /// The same, standing for these devices from there on, when what it covers is there.
    pub fn standing_beside_for(self, devices: &[u8], since: u64) -> Self {
        self.standing(Standing::beside_what_it_covers(), devices, Position(since))
    }

    fn standing(self, mut standing: Standing, devices: &[u8], since: Position) -> Self {
        for number in devices {
            standing.add(device(*number), since);
        }
        Self { standing: Some(standing), ..self }
    }

    pub fn open(&self) -> Incoming<'_> {
        // Entries have numbers by their order in the log.
        let position = Some(Position(u64::from(self.entry.as_bytes()[0])));
        let (weight, bytes) = (Weight::MAX, self.bytes.as_slice());
        let consent = self.standing.as_ref().map_or(Consent::Author, Consent::Standing);
        let Self { entry, author, source, .. } = *self;
        Incoming { entry, position, author, source, consent, weight, bytes }
    }
}

pub fn open(sealed: &[Sealed]) -> Vec<Incoming<'_>> {
    sealed.iter().map(Sealed::open).collect()
}

pub fn assemble(kind: Kind, sealed: &[Sealed]) -> Assembled {
    Document::assemble(kind, &open(sealed))
}

/// A device with a document, and the changes it has made.
#[derive(Clone, Debug)]
pub struct Author {
    pub number: u8,
    pub pen: Pen,
    pub document: Document,
    pub unsealed: Vec<Vec<u8>>,
    pub said: u32,
}

impl Author {
    pub fn new(number: u8, kind: Kind) -> Self {
        Self { number, pen: pen(number), document: Document::create(kind), unsealed: Vec::new(), said: 0 }
    }

    pub fn conversation(number: u8) -> Self {
        Self::new(number, Kind::Conversation)
    }

    pub fn agent(number: u8) -> Self {
        Self::new(number, Kind::Agent)
    }

    /// Says something under an id of its own.
    pub fn say(&mut self, text: &str) -> &mut Self {
        self.said += 1;
        let id = MessageId::from_bytes([
            self.pen.actor.as_bytes()[16],
            self.number,
            0,
            u8::try_from(self.said).unwrap(),
        ]);
        let mut conversation = self.document.conversation_mut(self.pen).unwrap();
        let change = conversation.append_message(id, Role::User, text, NOW).unwrap().unwrap();
        self.unsealed.push(change);
        self
    }

    pub fn title(&mut self, title: &str) -> &mut Self {
        let change = self.document.conversation_mut(self.pen).unwrap().set_title(Some(title)).unwrap();
        self.unsealed.extend(change);
        self
    }

    /// Edits an agent.
    pub fn edit(&mut self, edit: impl FnOnce(&mut AgentEdit)) -> &mut Self {
        let mut made = AgentEdit::default();
        edit(&mut made);
        self.unsealed.extend(self.document.agent_mut(self.pen).unwrap().edit(&made).unwrap());
        self
    }

    /// Writes a file of an agent.
    pub fn write(&mut self, path: &str, text: &str) -> &mut Self {
        self.edit(|edit| {
            edit.write_file(FilePath::parse(path).unwrap(), text);
        })
    }

    /// Removes a file of an agent.
    pub fn remove(&mut self, path: &str) -> &mut Self {
        self.edit(|edit| {
            edit.remove_file(FilePath::parse(path).unwrap());
        })
    }

    /// Edits a skill.
    pub fn skill(&mut self, edit: impl FnOnce(&mut SkillEdit)) -> &mut Self {
        let mut made = SkillEdit::default();
        edit(&mut made);
        self.unsealed.extend(self.document.skill_mut(self.pen).unwrap().edit(&made).unwrap());
        self
    }

    /// Everything said since the last time, as one entry.
    pub fn seal(&mut self, number: u8) -> Sealed {
        Sealed::new(number, self.number, Source::Changes, std::mem::take(&mut self.unsealed).concat())
    }

    pub fn snapshot(&self, number: u8) -> Sealed {
        Sealed::new(number, self.number, Source::Snapshot, self.document.save())
    }

    pub fn receive(&mut self, sealed: &[Sealed]) -> &mut Self {
        let applied = self.document.apply(&open(sealed)).unwrap();
        assert_eq!((applied.refused, applied.unsettled), (vec![], vec![]));
        self
    }
}

/// Whether nobody has edited a document yet.
pub fn is_pristine(document: &Document) -> bool {
    document.heads() == Document::create(document.kind()).heads()
}

/// What a person sees, whichever way the document came about.
pub fn shown(document: &Document) -> Vec<String> {
    let mut shown = vec![format!("{:?}", document.heads())];
    if let Ok(conversation) = document.conversation() {
        let transcript = conversation.transcript();
        shown.push(format!("{:?} {:?}", conversation.title(), conversation.labels()));
        shown.push(format!("{:?} {:?}", document.deletion(), conversation.origin()));
        shown.push(format!("{:?} {:?}", transcript.leaf, conversation.issues()));
        shown.extend(transcript.entries.iter().map(|entry| format!("{} {}", entry.key, entry.raw)));
    }
    if let Ok(agent) = document.agent() {
        shown.push(format!("{:?} {:?}", document.deletion(), agent.issues()));
        shown.extend(AgentField::ALL.map(|field| format!("{:?}", agent.field(field))));
        for of in AgentValues::ALL {
            shown.extend(agent.values(of).iter().map(|(name, json)| format!("{of:?} {name} {json}")));
        }
        shown.extend(files(document).iter().map(|(path, text)| format!("{path} {text}")));
    }
    if let Ok(skill) = document.skill() {
        shown.push(format!("{:?} {:?} {:?}", skill.name(), skill.description(), document.deletion()));
        shown.push(format!("{:?}", skill.issues()));
        shown.extend(
            skill
                .files()
                .iter()
                .map(|file| format!("{} {} {:?}", file.path, file.executable, file.content.as_bytes())),
        );
    }
    if let Ok(memory) = document.memory() {
        shown.push(format!("{:?} {:?} {:?}", memory.name(), document.deletion(), memory.issues()));
        shown.extend(memory.files().iter().map(|file| format!("{} {}", file.path, file.text)));
    }
    shown
}

/// The files of an agent, by path.
pub fn files(document: &Document) -> Vec<(String, String)> {
    let files = document.agent().unwrap().files();
    files.into_iter().map(|file| (file.path.to_string(), file.text)).collect()
}

/// Paths and texts as [`files`] gives them.
pub fn owned(files: &[(&str, &str)]) -> Vec<(String, String)> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

/// The texts of a conversation, in order.
pub fn texts(document: &Document) -> Vec<String> {
    let entries = document.conversation().unwrap().transcript().entries;
    entries.iter().filter_map(|entry| Some(entry.message()?.1)).collect()
}

/// Makes a change that an honest device would not make.
pub fn forge(raw: &[u8], edit: impl FnOnce(&mut ExpandedChange)) -> Vec<u8> {
    let mut expanded = ExpandedChange::from(&Change::try_from(raw).unwrap());
    edit(&mut expanded);
    Change::from(expanded).raw_bytes().to_vec()
}

pub fn hash(raw: &[u8]) -> ChangeHash {
    ChangeHash::from_bytes(Change::try_from(raw).unwrap().hash().0)
}

/// A chunk taken apart: its type, and its body without the frame.
pub fn unframe(chunk: &[u8]) -> (u8, Vec<u8>) {
    let length = chunk.iter().skip(9).take_while(|byte| **byte & 0x80 != 0).count() + 1;
    (chunk[8], chunk[9 + length..].to_vec())
}

/// A chunk with a right length and a right checksum, whatever is in it: what a hostile member can always make.
pub fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
    let hashed = [&[kind][..], &leb128(body.len() as u64), body].concat();
    let digest = bowline_wire::hash::sha256(&[&hashed]);
    [&[0x85, 0x6f, 0x4a, 0x83], &digest[..4], &hashed].concat()
}

pub fn leb128(mut number: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

/// Edits an author's conversation.
pub fn editing(author: &mut Author) -> ConversationMut<'_> {
    author.document.conversation_mut(author.pen).unwrap()
}

/// A conversation with these transcript lines.
pub fn transcript(lines: &[&str]) -> Transcript {
    let mut ana = Author::conversation(1);
    for line in lines {
        editing(&mut ana).append_raw(line).unwrap().unwrap();
    }
    ana.document.conversation().unwrap().transcript()
}
