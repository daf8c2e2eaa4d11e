//! Who sits at this program.

use ulid::Ulid;

use crate::sop::command::Operator;

/// The person and machine this program runs for, with a session of its own.
///
/// The name is the login's (`LOGNAME`, `USER`), else the user id's number: it says
/// who is in command, it is no proof of identity. That is the API server's business.
#[must_use]
pub fn this() -> Operator {
    let user = ["LOGNAME", "USER"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .unwrap_or_else(|| format!("uid{}", rustix::process::getuid().as_raw()));
    let host = gethostname::gethostname().to_string_lossy().into_owned();
    let session = Ulid::generate().to_string().to_ascii_lowercase();
    Operator { user: plain(&user), host: plain(&host), session }
}

/// A name that can stand in `user@host/session` and on a screen.
fn plain(name: &str) -> String {
    name.chars().map(|char| if char.is_alphanumeric() || "-_.".contains(char) { char } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_place_in_an_identity() {
        assert_eq!(plain("ops/1@x\u{1b}"), "ops_1_x_");
        let (one, other) = (this(), this());
        assert_ne!(one.session, other.session);
        assert_eq!(Operator::shown(&one.identity()), one.to_string());
    }
}
