//! A device that dials the relay with what is on the printed line, and nothing else.

use std::time::Duration;

use bowline_transport::{Address, Dial, Frame as Bytes, Link, WebSocketDialer};
use bowline_wire::codec::{decode, encode};
use bowline_wire::draft::WRITES_DRAFT;
use bowline_wire::entry::Entry;
use bowline_wire::frame::{Create, Frame, Proof, Welcome};
use bowline_wire::head::SeenHead;
use bowline_wire::ids::{EpochId, LogTime, Moment, Position, WorkspaceId};
use bowline_wire::roster::Roster;
use bowline_wire::successor::SaidSuccessor;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::author::{Author, View, hello, said};

/// Longer than anything here takes.
const TOO_LONG: Duration = Duration::from_mins(1);

/// A connected device, and what it knows.
pub(crate) struct Device {
    pub(crate) author: Author,
    pub(crate) workspace: WorkspaceId,
    roster: Roster,
    head: SeenHead,
    /// The successors by which the log came to be signed by its key.
    pub(crate) successors: Vec<SaidSuccessor>,
    outbound: mpsc::Sender<Bytes>,
    inbound: mpsc::Receiver<Bytes>,
}

impl Device {
    /// Makes a workspace on the relay, with the token of its address.
    pub(crate) async fn create(address: &Address, number: u8) -> Self {
        let (_, token) = address.clone().into_parts();
        let token = token.map(|token| token.as_str().to_owned()).unwrap_or_default();
        Self::create_with(address, number, &token).await.expect("a welcome")
    }

    /// Makes a workspace with this token; gives the relay's answer if it is not a welcome.
    pub(crate) async fn create_with(address: &Address, number: u8, token: &str) -> Result<Self, Frame> {
        let mut author = Author::new(number);
        let (workspace, genesis) = author.genesis(1);
        let create = Create { token: token.to_owned(), genesis: genesis.to_signed() };
        let mut roster = Roster::new(workspace);
        roster.apply_entry(Moment { position: Position(1), time: LogTime::START }, &genesis);
        Self::enter(address, author, workspace, roster, Some(create)).await
    }

    /// Asks for a workspace and is not let in. Gives the relay's answer.
    pub(crate) async fn turned_away(address: &Address, workspace: WorkspaceId) -> Frame {
        let entered = Self::enter(address, Author::new(1), workspace, Roster::new(workspace), None).await;
        entered.err().expect("no welcome")
    }

    /// Comes back after the connection or the relay was gone.
    pub(crate) async fn come_back(self, address: &Address) -> Self {
        Self::enter(address, self.author, self.workspace, self.roster, None).await.expect("a welcome")
    }

    async fn enter(
        address: &Address,
        author: Author,
        workspace: WorkspaceId,
        roster: Roster,
        create: Option<Create>,
    ) -> Result<Self, Frame> {
        let link = WebSocketDialer.dial(address).await.unwrap();
        let (outbound, mut sending) = mpsc::channel(16);
        let (received, mut inbound) = mpsc::channel(16);
        tokio::spawn(async move {
            let outbound = futures_util::stream::poll_fn(move |context| sending.poll_recv(context));
            let deliver = |frame| {
                let received = received.clone();
                async move { received.send(frame).await.is_ok() }
            };
            link.carry(outbound, deliver).await
        });
        let send = async |frame: &Frame| outbound.send(encode(frame).into()).await.unwrap();
        let hello = hello(&[WRITES_DRAFT]);
        send(&hello).await;
        let Some(Frame::Challenge(challenge)) = next(&mut inbound).await else { panic!("no challenge") };
        if let Some(key) = address.key() {
            let pinned = challenge.line.expect("the key of its certificate");
            assert_eq!(key.as_bytes(), pinned.as_bytes(), "the pin is the certificate's key");
        }
        let proof = Proof { create: create.map(Box::new), ..Proof::unsigned(workspace, author.party()) };
        let proof = author.prove_with(said(&hello, &Frame::Challenge(challenge)), proof);
        send(&Frame::Proof(Box::new(proof))).await;
        match next(&mut inbound).await {
            Some(Frame::Welcome(Welcome { head, successors, .. })) => {
                Ok(Self { author, workspace, roster, head, successors, outbound, inbound })
            }
            other => Err(other.expect("an answer to the proof")),
        }
    }

    /// Writes one content entry and waits until it is acknowledged.
    pub(crate) async fn append(&mut self, body: &[u8]) -> Entry {
        self.offer(body).await.expect("an acknowledgement")
    }

    /// Writes one content entry; gives the relay's answer if it is not an acknowledgement.
    pub(crate) async fn offer(&mut self, body: &[u8]) -> Result<Entry, Frame> {
        let entry = self.author.content(&self.view(), body);
        self.send(&Frame::Append { entries: vec![entry.to_signed()] }).await;
        match self.next().await {
            Some(Frame::Appended { head, .. }) => self.head = head,
            other => return Err(other.expect("an answer")),
        }
        Ok(entry)
    }

    /// The last head that it knows.
    pub(crate) fn head(&self) -> SeenHead {
        self.head
    }

    /// Goes on as if it had seen this head.
    pub(crate) fn know(&mut self, head: SeenHead) {
        self.head = head;
    }

    fn view(&self) -> View {
        View {
            workspace: self.workspace,
            seen: Some(self.head),
            roster: self.roster.hash(),
            epoch: self.roster.epoch().unwrap_or(EpochId::ZERO),
        }
    }

    pub(crate) async fn send(&self, frame: &Frame) {
        self.outbound.send(encode(frame).into()).await.unwrap();
    }

    /// The next frame; `None` when the line has ended.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        next(&mut self.inbound).await
    }

    /// The whole log.
    pub(crate) async fn read_log(&mut self) -> Vec<Entry> {
        let last = self.head.verify(self.workspace).unwrap().value().position;
        self.send(&Frame::Subscribe { after: Position::START }).await;
        let mut log = Vec::new();
        while (log.len() as u64) < last.0 {
            let Some(Frame::Entries { entries, .. }) = self.next().await else { panic!("not entries") };
            log.extend(entries.into_iter().map(|entry| entry.entry.verify(self.workspace).unwrap()));
        }
        log
    }
}

async fn next(inbound: &mut mpsc::Receiver<Bytes>) -> Option<Frame> {
    let bytes = timeout(TOO_LONG, inbound.recv()).await.unwrap()?;
    Some(decode(&bytes).unwrap())
}
