//! Who asks: bearer tokens, and what the users of the world are called.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

use super::status::Failure;

/// A user of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub user: &'static str,
    pub groups: &'static [&'static str],
}

/// The world's users: their name is also the first part of their token. `admin` may
/// everything; the others what the Roles grant that the Roles' bindings give them.
pub const USERS: [Who; 4] = [
    Who { user: "admin", groups: &["system:masters", "system:authenticated"] },
    Who { user: "oncall", groups: &["oncall", "system:authenticated"] },
    Who { user: "viewer", groups: &["viewers", "system:authenticated"] },
    PIPELINE,
];

/// The pipeline, where it deploys itself; it writes under this name.
pub const PIPELINE: Who = Who { user: "github-actions", groups: &["oncall", "system:authenticated"] };

impl Who {
    /// The user of a request.
    ///
    /// # Errors
    /// 401 where there is no token or nobody has it.
    pub fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let token = header.strip_prefix("Bearer ").unwrap_or_default().trim();
        USERS
            .into_iter()
            .find(|who| who.token() == token)
            .ok_or_else(|| Failure::new(401, "Unauthorized", "Unauthorized"))
    }

    /// The user's token: no secret, for the world is one to practise in.
    #[must_use]
    pub fn token(&self) -> String {
        format!("{}-token", self.user)
    }

    /// Whether nothing is forbidden to this user.
    #[must_use]
    pub fn is_master(&self) -> bool {
        self.groups.contains(&"system:masters")
    }
}
