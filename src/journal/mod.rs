//! One machine's append-only log of what was intended, sent, answered and found out:
//! JSON lines, readable by people and `jq`, one file per namespace, service and environment.

mod entry;
mod file;
mod replay;

pub use entry::{Before, Entry, LockChange, What};
pub use file::{Journal, JournalError, state_directory};
pub use replay::{OpenIntent, Replay, open_intents};
