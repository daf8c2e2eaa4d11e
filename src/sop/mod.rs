//! The deployment procedure itself (sop.md). Pure: no IO, no clock, no knowledge
//! of the other modules.

pub mod access;
pub mod alert;
pub mod chain;
pub mod changelog;
pub mod checklist;
pub mod cluster;
pub mod colour;
pub mod command;
pub mod commit;
pub mod hotfix;
pub mod interlock;
pub mod migrations;
pub mod moment;
pub mod note;
pub mod operation;
pub mod phase;
pub mod pipeline;
pub mod pods;
pub mod policy;
pub mod pull_request;
pub mod record;
pub mod repository;
pub mod review;
pub mod rollback;
pub mod rollout;
pub mod signal;
pub mod smoke;
pub mod stages;
pub mod trigger;
pub mod verdict;
pub mod verification;
pub mod watch;
pub mod window;

/// The field manager under which this program writes to the cluster.
pub const MANAGER: &str = "cutover";
