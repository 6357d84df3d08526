//! A home that is open, with its device.

use std::ops::{Deref, DerefMut};

use bowline_engine::Home;
use bowline_engine::home::OpenDevice;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::notices;
use crate::workspaces::label;

/// An open home. Its device is `opened.device`.
pub(crate) struct Opened {
    pub(crate) home: Home,
    open: OpenDevice,
}

impl Opened {
    /// Tells the process that syncs, if there is one, to look.
    pub(crate) fn wake(&self) {
        self.home.wake();
    }
}

impl Deref for Opened {
    type Target = OpenDevice;

    fn deref(&self) -> &OpenDevice {
        &self.open
    }
}

impl DerefMut for Opened {
    fn deref_mut(&mut self) -> &mut OpenDevice {
        &mut self.open
    }
}

impl Invocation<'_> {
    /// Opens the home this invocation is about.
    pub(crate) fn open(&mut self) -> Result<Opened, CommandError> {
        let home = Home::open(&self.folder()?)?;
        let mut open = home.device((self.host.random)())?;
        while let Some(notice) = open.device.poll_notice() {
            if let Some((workspace, text)) = notices::sentence(&notice) {
                let name = label(&open.device, workspace);
                self.warn(format_args!("workspace {name}: {text}"));
            }
        }
        Ok(Opened { home, open })
    }
}
