//! Whether the relay answers: `GET /healthz`.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::oneshot;

use super::inbox::{Event, Inbox};

/// How long the thread may take to answer. Less than the patience of those who ask, more than a slow disk's commit.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the thread whether it is there.
#[derive(Clone)]
pub struct Health {
    inbox: Inbox,
}

impl Health {
    pub(super) fn new(inbox: Inbox) -> Self {
        Self { inbox }
    }

    /// Whether the thread answers within two seconds.
    pub async fn is_alive(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        let ask = async { self.inbox.tell(Event::Ping(answer)).await && answered.await.is_ok() };
        tokio::time::timeout(PATIENCE, ask).await.unwrap_or(false)
    }

    pub(super) fn routes(self) -> Router {
        Router::new().route("/healthz", get(healthz)).with_state(self)
    }
}

pub(super) async fn healthz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.is_alive().await {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "the relay does not answer\n")
    }
}
