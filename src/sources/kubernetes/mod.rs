//! The blue/green pair as the Kubernetes API serves it: one connection, pinned at
//! start; watches for the room; fresh reads for the executor.

mod access;
mod connection;
pub mod convert;
mod explain;
mod gather;
mod heartbeat;
pub mod marks;
mod proxy;
mod read;
mod reader;
pub mod slim;
mod watch;

pub use access::{review, shared_name};
pub use connection::{ConnectError, Connection};
pub use explain::{explain, explain_error};
pub use heartbeat::{Beat, beat};
pub use read::{ReadError, read_cluster, scope_of};
pub use watch::run;
