//! Agents, skills, personal files and schedules of an OpenClaw home.

pub(super) mod agents;
pub(super) mod documents;
pub(super) mod folder;
pub(super) mod schedules;
pub(super) mod skill_folders;
pub(super) mod skills;
pub(super) mod workspace;
