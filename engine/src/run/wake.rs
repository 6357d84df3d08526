//! Notices that another process on this home has written.

use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use crate::{Device, Error, Home};

/// How often the database is asked when the file system tells of no changes: a person who says something in another
/// window does not notice the wait.
const POLL: Duration = Duration::from_millis(200);

/// How often it is asked when the file system does tell: for a process that died between its commit and the touch.
const POLL_BESIDE_WATCH: Duration = Duration::from_secs(5);

/// Watches a home's wake file, and the database's version as a fallback.
pub(super) struct Wake {
    /// Stops watching when dropped.
    _watcher: Option<RecommendedWatcher>,
    touched: mpsc::Receiver<()>,
    poll: Interval,
    version: i64,
}

impl Wake {
    pub(super) fn new(home: &Home, device: &Device) -> Result<Self, Error> {
        let file = home.wake_file();
        // One waiting touch is as good as many.
        let (touch, touched) = mpsc::channel(1);
        let watcher = notify::recommended_watcher(move |_| {
            let _already_waiting = touch.try_send(());
        });
        let watching = watcher.and_then(|mut watcher| {
            watcher.watch(&file, RecursiveMode::NonRecursive)?;
            Ok(watcher)
        });
        let watcher = match watching {
            Ok(watcher) => Some(watcher),
            Err(error) => {
                tracing::info!(%error, "the file system tells of no changes: the database is polled");
                None
            }
        };
        let period = if watcher.is_some() { POLL_BESIDE_WATCH } else { POLL };
        let mut poll = interval_at(Instant::now() + period, period);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { _watcher: watcher, touched, poll, version: device.data_version()? })
    }

    /// Waits until another process has committed to the database. May be dropped and called again.
    pub(super) async fn changed(&mut self, device: &Device) {
        loop {
            tokio::select! {
                Some(()) = self.touched.recv() => {}
                _ = self.poll.tick() => {}
            }
            match self.changed_version(device) {
                Ok(true) => return,
                Ok(false) => {}
                // Whoever is told finds out what is wrong with the database.
                Err(error) => {
                    tracing::warn!(%error, "the database cannot be asked whether it has changed");
                    return;
                }
            }
        }
    }

    fn changed_version(&mut self, device: &Device) -> Result<bool, Error> {
        let version = device.data_version()?;
        Ok(std::mem::replace(&mut self.version, version) != version)
    }
}
