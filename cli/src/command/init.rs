//! `bowline init`: makes this device's home.

use std::fmt;

use bowline_engine::device::OwnNames;
use bowline_engine::{Home, HomeError};
use clap::Args;
use serde::Serialize;

use crate::error::CommandError;
use crate::invocation::Invocation;
use crate::opened::Opened;
use crate::text::OneLine;

/// Make a home on this device
///
/// Makes the folder with this device's key and database. Nothing is contacted, and nothing needs an account. A home that
/// exists is left as it is; with --user or --device its names change.
#[derive(Args, Debug)]
#[command(after_help = "Examples:\n  bowline init\n  bowline init --user Ana --device laptop")]
pub(crate) struct Init {
    /// What you are called, for those you share with [default: who is logged in]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// What this device is called [default: what this machine is called]
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
}

#[derive(Serialize)]
struct Initialized {
    home: String,
    device: String,
    user_name: String,
    device_name: String,
    created: bool,
}

/// Makes a home on this device, called by what is known of the person and the machine.
pub(super) fn make(invocation: &mut Invocation<'_>) -> Result<Opened, CommandError> {
    Init { user: None, device: None }.make_home(invocation).map(|made| made.here)
}

/// A home, and what is called how in it.
struct Made {
    here: Opened,
    names: OwnNames,
    created: bool,
}

impl Init {
    fn make_home(&self, invocation: &mut Invocation<'_>) -> Result<Made, CommandError> {
        let folder = invocation.folder()?;
        let mut random = (invocation.host.random)();
        let created = match Home::init(&folder, &mut *random) {
            Ok(_) => true,
            Err(HomeError::AlreadyThere(_)) => false,
            Err(error) => return Err(error.into()),
        };
        let mut here = invocation.open()?;
        let now = invocation.now();
        let before = here.device.own_names()?;
        let names = OwnNames {
            user: self.user.clone().or(before.user).or_else(|| invocation.host.login.clone()),
            device: self.device.clone().or(before.device).or_else(|| Some(invocation.host.machine.clone())),
        };
        if created || self.user.is_some() || self.device.is_some() {
            here.device.set_own_names(&names, now)?;
            here.wake();
        }
        Ok(Made { here, names, created })
    }

    pub(crate) fn run(self, invocation: &mut Invocation<'_>) -> Result<(), CommandError> {
        let Made { here, names, created } = self.make_home(invocation)?;
        invocation.answer(&Initialized {
            home: here.home.folder().display().to_string(),
            device: here.device.id().to_string(),
            user_name: names.user.unwrap_or_default(),
            device_name: names.device.unwrap_or_default(),
            created,
        })?;
        if created {
            invocation.hint(format_args!(
                "begin with `bowline chat new` or `bowline import openclaw`; `bowline help workspace` says how to have \
                 the same on another device"
            ));
        }
        Ok(())
    }
}

impl fmt::Display for Initialized {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let home = OneLine(&self.home);
        if self.created {
            write!(f, "Made a home in {home}")?;
        } else {
            write!(f, "There is a home in {home}")?;
        }
        if self.user_name.is_empty() {
            writeln!(
                f,
                " for device {}; `bowline init --user NAME` says whose it is",
                OneLine(&self.device_name)
            )
        } else {
            writeln!(f, " for {}'s device {}", OneLine(&self.user_name), OneLine(&self.device_name))
        }
    }
}
