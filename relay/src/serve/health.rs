//! Whether the relay answers (`GET /healthz`), and whether it can store what devices send (`GET /readyz`).

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::sync::oneshot;

use super::inbox::{Event, Inbox};
use crate::storage::StorageError;

/// How long the thread may take to answer. Less than the patience of those who ask, more than a slow disk's commit.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is said when the thread does not answer.
const NO_ANSWER: &str = "the relay does not answer\n";

/// Asks the thread how it is.
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
        self.ask(Event::Ping).await.is_some()
    }

    /// Whether what devices send could be stored now; `None` if the thread does not answer within two seconds.
    pub async fn is_ready(&self) -> Option<Result<(), StorageError>> {
        self.ask(Event::IsReady).await
    }

    async fn ask<T>(&self, question: impl FnOnce(oneshot::Sender<T>) -> Event) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let ask = async { if self.inbox.tell(question(answer)).await { answered.await.ok() } else { None } };
        tokio::time::timeout(PATIENCE, ask).await.unwrap_or(None)
    }

    pub(super) fn routes(self) -> Router {
        Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(self)
    }
}

pub(super) async fn healthz(State(health): State<Health>) -> (StatusCode, &'static str) {
    if health.is_alive().await {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, NO_ANSWER)
    }
}

pub(super) async fn readyz(State(health): State<Health>) -> (StatusCode, String) {
    match health.is_ready().await {
        Some(Ok(())) => (StatusCode::OK, "ready\n".to_owned()),
        Some(Err(why)) => (StatusCode::SERVICE_UNAVAILABLE, format!("nothing can be stored: {why}\n")),
        None => (StatusCode::SERVICE_UNAVAILABLE, NO_ANSWER.to_owned()),
    }
}
