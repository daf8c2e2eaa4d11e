//! Who is in command: the operator holding the deploy lock.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The person at this program: user and host, and the session that tells two
/// programs of one person apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Operator {
    pub user: String,
    pub host: String,
    /// Different for every start of the program.
    pub session: String,
}

impl Operator {
    /// `user@host/session`, as the Lease's `holderIdentity` has it.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}@{}/{}", self.user, self.host, self.session)
    }

    /// The identity's part for people: `user@host`.
    #[must_use]
    pub fn shown(identity: &str) -> &str {
        identity.rsplit_once('/').map_or(identity, |(name, _)| name)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.user, self.host)
    }
}

/// What is known of the deploy lock.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Command {
    /// Not read yet, or not readable.
    #[default]
    Unknown,
    Nobody,
    Mine {
        /// The Lease's `leaseTransitions`: the fence.
        fence: i64,
    },
    Other {
        /// The holder's identity.
        holder: String,
        fence: i64,
        /// Not renewed for its duration, as seen from here (not by its clock).
        expired: bool,
        renewed: Option<Timestamp>,
    },
}

impl Command {
    /// The holder's name for people; `None` when nobody is known to hold it.
    #[must_use]
    pub fn holder<'a>(&'a self, me: &'a Operator) -> Option<(&'a str, &'a str)> {
        match self {
            Self::Mine { .. } => Some((&me.user, &me.host)),
            Self::Other { holder, .. } => {
                let shown = Operator::shown(holder);
                Some(shown.split_once('@').unwrap_or((shown, "")))
            }
            Self::Unknown | Self::Nobody => None,
        }
    }

    /// Whether somebody else holds the lock and has not let it expire.
    #[must_use]
    pub const fn is_foreign(&self) -> bool {
        matches!(self, Self::Other { expired: false, .. })
    }
}
