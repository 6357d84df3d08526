//! One connection: its frames to the thread, the thread's frames to it.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use bowline_transport::{Ended, Link};
use futures_util::FutureExt;

use super::inbox::{Event, Inbox};
use super::line;
use crate::ConnId;
use crate::config::CLOSE_TIMEOUT;

/// Carries a connection from its beginning to its end.
pub(super) async fn run<L: Link>(conn: ConnId, link: L, inbox: Inbox) {
    let address = link.peer().address;
    tracing::info!(conn = conn.0, peer = address.map(tracing::field::display), "connection opened");
    let (queue, outbound, closing) = line::open();
    if !inbox.tell(Event::Connected(conn, queue)).await {
        return;
    }
    let overdue = async {
        let _closed_by_the_thread = closing.await;
        tokio::time::sleep(Duration::from_millis(CLOSE_TIMEOUT)).await;
    };
    let deliver = |frame| {
        let inbox = inbox.clone();
        async move { inbox.deliver(conn, frame).await }
    };
    // A bug that one peer can reach must not leave its session behind.
    let carried = AssertUnwindSafe(link.carry(outbound, deliver)).catch_unwind();
    let why = tokio::select! {
        ended = carried => match ended {
            Ok(Ended::ByUs) => "closed by the relay".to_owned(),
            Ok(Ended::ByPeer) => "closed by the device".to_owned(),
            Ok(Ended::Lost(error)) => error.to_string(),
            Err(_) => {
                tracing::error!(conn = conn.0, "a bug has ended a connection; it is said above where");
                "a bug of the relay".to_owned()
            }
        },
        // A peer that does not read its goodbye is cut off.
        () = overdue => "the device did not read what was left in time".to_owned(),
    };
    tracing::info!(conn = conn.0, why, "connection closed");
    inbox.tell(Event::Disconnected(conn)).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bowline_transport::{Frame, Peer};
    use futures_util::Stream;
    use tokio::sync::{Semaphore, mpsc};

    use super::*;

    /// A line in which there is a bug.
    struct Broken(Peer);

    impl Link for Broken {
        fn peer(&self) -> &Peer {
            &self.0
        }

        async fn carry<S, D, F>(self, _outbound: S, _deliver: D) -> Ended
        where
            S: Stream<Item = Frame> + Send + Unpin,
            D: FnMut(Frame) -> F + Send,
            F: Future<Output = bool> + Send,
        {
            panic!("a bug")
        }
    }

    #[tokio::test]
    async fn the_thread_is_told_that_a_connection_is_gone_even_if_a_bug_has_ended_it() {
        let (events, mut arriving) = mpsc::channel(2);
        let inbox = Inbox { events, room: Arc::new(Semaphore::new(1)) };
        run(ConnId(7), Broken(Peer { relay: None, address: None }), inbox).await;
        let Some(Event::Connected(ConnId(7), _line)) = arriving.recv().await else { panic!("never there") };
        assert!(matches!(arriving.recv().await, Some(Event::Disconnected(ConnId(7)))));
    }
}
