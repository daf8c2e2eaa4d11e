//! What the configuration of a rehearsal's room says of the repository.

use super::people::{DEVELOPER, ORCHESTRATOR};
use super::plot::Plot;
use super::state::{OWNER, REPOSITORY};

/// The file with the token of the one who rehearses, beside the configuration.
pub(in crate::rehearsal) const TOKEN_FILE: &str = "github.token";

/// `[github]`, `[people]` and `[deploy]` for the repository at `url`; nothing where the
/// plot has the rooms read the cluster only. The roles are the procedure's (sop.md,
/// production step 2): one approval of each.
pub(in crate::rehearsal) fn config(plot: &Plot, url: &str) -> String {
    if !plot.followed {
        return String::new();
    }
    let (orchestrator, developer) = (ORCHESTRATOR.login, DEVELOPER.login);
    let deploy_by = plot.deploy_by.name();
    format!(
        r#"
[github]
repository = "{OWNER}/{REPOSITORY}"
url = "{url}"
token_file = "{TOKEN_FILE}"
interval = "1s"
one_approval_of_each = ["developer", "orchestrator"]

[people]
orchestrator = ["{orchestrator}"]
developer = ["{developer}"]

[deploy]
by = "{deploy_by}"
"#
    )
}
