//! The annotations that this program leaves on what it changes. By them anyone can
//! tell later whether a call whose answer was lost took effect, and whose it was.

/// The operation's id ([`crate::sop::operation::OperationId`]).
pub const OPERATION: &str = "cutover.dev/operation";
/// The transition number of the deploy lock under which it was done.
pub const FENCE: &str = "cutover.dev/fence";
/// When it was done (RFC 3339).
pub const AT: &str = "cutover.dev/at";
/// Who did it: `user@host`.
pub const BY: &str = "cutover.dev/by";
/// On a Deployment: how many pods it had before it was scaled to 0.
pub const DESIRED_BEFORE: &str = "cutover.dev/desired-before";
