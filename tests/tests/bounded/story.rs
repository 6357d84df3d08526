//! What people do in the workspaces of the spike: seeded words, conversations that grow, a team that edits.

use bowline_core::document::{AgentEdit, AgentField, FilePath, Kind, MessageId, Role};
use bowline_wire::ids::Millis;
use rand_core::Rng;

use crate::bounded::people::random;
use crate::bounded::workspace::Workspace;

/// Bytes of a message.
const MESSAGE: usize = 400;

/// A workspace of one user with two devices, of which the first writes.
#[derive(Clone, Copy)]
pub(crate) struct Growth {
    pub(crate) conversations: usize,
    pub(crate) messages: usize,
    /// Messages in one entry.
    pub(crate) in_one_entry: usize,
    /// After how many messages in each conversation there is a round.
    pub(crate) in_one_round: usize,
    pub(crate) idle_share: u64,
}

impl Growth {
    /// The workspace that has grown so, after a last round.
    pub(crate) fn grow(self) -> Workspace {
        let mut workspace = Workspace::found(&[2], self.idle_share, 1);
        let docs: Vec<_> = (0..self.conversations).map(|_| workspace.create(Kind::Conversation)).collect();
        for first in (0..self.messages).step_by(self.in_one_entry) {
            for doc in &docs {
                let changes: Vec<_> = (first..self.messages.min(first + self.in_one_entry))
                    .map(|_| say(&mut workspace, 0, *doc))
                    .collect();
                workspace.commit(0, *doc, &changes);
            }
            if (first + self.in_one_entry).is_multiple_of(self.in_one_round) {
                workspace.maintain();
            }
        }
        workspace.maintain();
        workspace
    }
}

/// An Owner with three devices and five Members with two each, who share agents and conversations.
pub(crate) struct Team {
    pub(crate) workspace: Workspace,
    agents: Vec<usize>,
    conversations: Vec<usize>,
}

impl Team {
    pub(crate) fn found(agents: usize, conversations: usize, idle_share: u64) -> Self {
        let mut workspace = Workspace::found(&[3, 2, 2, 2, 2, 2], idle_share, 2);
        let agents = (0..agents).map(|_| workspace.create(Kind::Agent)).collect();
        let conversations = (0..conversations).map(|_| workspace.create(Kind::Conversation)).collect();
        let mut team = Self { workspace, agents, conversations };
        for doc in team.agents.clone() {
            let device = team.someone();
            let edit = team.edit("SOUL.md", 2000);
            team.change(device, doc, &edit);
        }
        for doc in team.conversations.clone() {
            let device = team.someone();
            let changes: Vec<_> = (0..10).map(|_| say(&mut team.workspace, device, doc)).collect();
            team.workspace.commit(device, doc, &changes);
        }
        team
    }

    /// As many edits of agents and messages as there are documents, by whoever is there; each is an entry.
    pub(crate) fn work(&mut self) {
        for _ in 0..self.agents.len() {
            let (device, doc) = (self.someone(), self.pick(self.agents.len()));
            let edit = self.edit("NOTES.md", 300);
            self.change(device, self.agents[doc], &edit);
        }
        for _ in 0..self.conversations.len() {
            let (device, doc) = (self.someone(), self.pick(self.conversations.len()));
            let doc = self.conversations[doc];
            let change = say(&mut self.workspace, device, doc);
            self.workspace.commit(device, doc, &[change]);
        }
    }

    /// Prints what is left of rewriting a file of an agent: the history of a document is in its snapshot.
    pub(crate) fn print_rewritten(&mut self, times: usize) {
        let doc = self.workspace.create(Kind::Agent);
        let mut floors = Vec::new();
        for time in 0..times {
            let edit = self.edit("NOTES.md", 300);
            self.change(0, doc, &edit);
            if time == 0 || time == times - 1 {
                floors.push(self.workspace.floor_of(doc));
            }
        }
        println!(
            "an agent with a file of 300 B: {} B sealed, {} B after {times} rewritings",
            floors[0], floors[1]
        );
    }

    fn someone(&mut self) -> usize {
        loop {
            let device = self.pick(self.workspace.devices.len());
            if !self.workspace.absent.contains(&self.workspace.devices[device].user) {
                return device;
            }
        }
    }

    fn pick(&mut self, of: usize) -> usize {
        usize::try_from(self.workspace.rng.next_u32()).unwrap() % of
    }

    fn edit(&mut self, path: &str, len: usize) -> AgentEdit {
        let mut edit = AgentEdit::default();
        edit.set(AgentField::Name, Some("An agent of the team"));
        edit.write_file(FilePath::parse(path).unwrap(), &words(&mut self.workspace, len));
        edit
    }

    fn change(&mut self, device: usize, doc: usize, edit: &AgentEdit) {
        let pen = self.workspace.pen(device);
        let document = &mut self.workspace.docs[doc].document;
        let changes = document.agent_mut(pen).unwrap().edit(edit).unwrap();
        self.workspace.commit(device, doc, &changes);
    }
}

/// A message by a device, as the change it makes.
fn say(workspace: &mut Workspace, device: usize, doc: usize) -> Vec<u8> {
    let (text, id) = (words(workspace, MESSAGE), MessageId::from_bytes(random(&mut workspace.rng)));
    let (pen, now) = (workspace.pen(device), Millis(workspace.log.clock));
    let conversation = workspace.docs[doc].document.conversation_mut(pen);
    conversation.unwrap().append_message(id, Role::User, &text, now).unwrap().unwrap()
}

/// So many bytes of words, some of them more frequent than others, as in a language.
fn words(workspace: &mut Workspace, len: usize) -> String {
    let mut text = String::new();
    while text.len() < len {
        // Of three numbers the lowest: the first words of the vocabulary come up most.
        let rank = (0..3).map(|_| workspace.rng.next_u32() % 4000).min().unwrap();
        let mut letters = rank.wrapping_mul(2_654_435_761);
        for _ in 0..2 + rank % 9 {
            text.push(char::from(b'a' + u8::try_from(letters % 26).unwrap()));
            letters = letters / 3 + 17 * rank;
        }
        text.push(' ');
    }
    text.truncate(len);
    text
}
