//! The relay on sockets: one thread that owns [`Relay`] and its storage, and one task for each connection.
//!
//! Everything that happens goes to the thread through one bounded channel. It handles what has arrived, commits once,
//! and hands each connection's frames to that connection's bounded queue. A connection whose queue is full is told to
//! the relay as not writable; what it lacks is then read from storage when it has caught up.

mod connection;
mod health;
mod inbox;
mod line;
#[cfg(test)]
mod tests;
mod writer;

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use axum::Router;
use bowline_transport::{Link, Listen};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

pub use self::health::Health;
use self::inbox::{Event, INBOX_EVENTS, INBOX_KIBIBYTES, Inbox};
use crate::storage::Storage;
use crate::{ConnId, Relay};

/// How long connections may take to read their goodbye when the relay stops. Service managers wait longer than this
/// before they kill.
const DRAIN: Duration = Duration::from_secs(5);

/// How long the thread may take to end once everybody was told goodbye; only a disk that hangs takes so long.
const LAST_COMMIT: Duration = Duration::from_secs(10);

/// Why serving ended before it was told to stop, or could not stop in order.
#[derive(Debug, Error)]
pub enum ServeError {
    /// Our bug: the thread that owns the relay is gone.
    #[error("the thread that writes has ended unexpectedly; its log lines say why")]
    WriterGone,
    /// The environment: a commit has not returned. What was acknowledged is durable.
    #[error("the storage does not answer, so the last commit was given up")]
    Stuck,
    /// The environment: no connections can be accepted any more.
    #[error("the relay can no longer accept connections")]
    NotListening,
}

/// A relay on its thread, ready for connections.
pub struct Server {
    inbox: Inbox,
    /// Resolves when the thread has ended.
    ended: oneshot::Receiver<()>,
    drain: Duration,
}

impl Server {
    /// Starts the thread. Has to be called on a tokio runtime with timers.
    ///
    /// # Errors
    /// The system's, if it gives no thread.
    pub fn start<S: Storage + Send + 'static>(relay: Relay<S>) -> io::Result<Self> {
        let (events, arriving) = mpsc::channel(INBOX_EVENTS);
        let (running, ended) = oneshot::channel();
        let writer = writer::Writer::new(relay, Handle::current(), events.downgrade());
        thread::Builder::new().name("relay-writer".to_owned()).spawn(move || {
            // Dropped when the thread ends, however it ends.
            let _running = running;
            writer.run(arriving);
        })?;
        let room = Arc::new(Semaphore::new(INBOX_KIBIBYTES as usize));
        Ok(Self { inbox: Inbox { events, room }, ended, drain: DRAIN })
    }

    /// Tells whether the thread answers, and whether it can store anything.
    pub fn health(&self) -> Health {
        Health::new(self.inbox.clone())
    }

    /// What the relay answers to HTTP besides opening connections: `GET /healthz` and `GET /readyz`.
    pub fn routes(&self) -> Router {
        self.health().routes()
    }

    /// Serves everybody who dials `listener` until `stop` is done. Then nobody is accepted any more, what has arrived
    /// is committed, everybody is told goodbye and given five seconds to read it.
    ///
    /// # Errors
    /// [`ServeError`] if it ended otherwise, or could not end in order.
    pub async fn serve<L: Listen>(
        self,
        mut listener: L,
        stop: impl Future<Output = ()>,
    ) -> Result<(), ServeError> {
        let Self { inbox, mut ended, drain } = self;
        let mut stop = std::pin::pin!(stop);
        let mut connections = JoinSet::new();
        let mut next = 0;
        let listening = loop {
            tokio::select! {
                () = &mut stop => break Ok(()),
                _ = &mut ended => return Err(ServeError::WriterGone),
                Some(_) = connections.join_next() => {}
                link = listener.accept() => match link {
                    Some(link) => {
                        next += 1;
                        connections.spawn(connect(ConnId(next), link, inbox.clone()));
                    }
                    None => break Err(ServeError::NotListening),
                },
            }
        };
        drop(listener);
        tracing::info!(connections = connections.len(), "stopping");
        let told = async {
            inbox.tell(Event::Stop).await;
            while connections.join_next().await.is_some() {}
        };
        if tokio::time::timeout(drain, told).await.is_err() {
            tracing::warn!(connections = connections.len(), "some did not read their goodbye in time");
            connections.shutdown().await;
        }
        let end = async {
            inbox.tell(Event::End).await;
            let _ended = ended.await;
        };
        tokio::time::timeout(LAST_COMMIT, end).await.map_err(|_| ServeError::Stuck)?;
        listening
    }
}

/// Serves one connection to its end. Boxed, so that it takes what it needs and not what the largest kind of link would.
async fn connect<L: Link>(conn: ConnId, link: L, inbox: Inbox) {
    Box::pin(connection::run(conn, link, inbox)).await;
}
