//! Every right that looking on and acting need, asked of the server.

use super::Finding;
use crate::config::Environment;
use crate::sop::access::{Access, Permission, Right};
use crate::sources::kubernetes::{Connection, review};

/// One line for each right.
pub(super) async fn examine(connection: &Connection, environment: &Environment) -> Vec<Finding> {
    let needed = Permission::VIEWER.iter().chain(Permission::OPERATOR).copied();
    let access = review(connection, &environment.kubernetes, needed.clone()).await;
    needed.map(|permission| finding(permission, &access, environment.read_only)).collect()
}

fn finding(permission: Permission, access: &Access, read_only: bool) -> Finding {
    let what = format!("may {permission}");
    match access.right(permission) {
        Some(Right::Held) => Finding::ok(what, "yes"),
        Some(Right::Denied) => denied(permission, what, access, read_only),
        Some(Right::Unknown(why)) => Finding::unknown(what, why.clone()),
        None => Finding::unknown(what, "not asked"),
    }
}

fn denied(permission: Permission, what: String, access: &Access, read_only: bool) -> Finding {
    const OPERATOR: &str = "ask for the role cutover-operator (assets/rbac.yaml)";
    const VIEWER: &str = "ask for the role cutover-viewer (assets/rbac.yaml)";
    let readable = |resource: &str| {
        let mut rights = Permission::VIEWER.iter().filter(|other| other.resource == resource);
        rights.all(|other| access.right(*other) == Some(&Right::Held))
    };
    match permission.resource {
        // Either of the two tells the addresses behind the Service.
        "endpointslices" if readable("endpoints") => {
            Finding::warn(what, "no; endpoints are read instead").advise(VIEWER)
        }
        "endpoints" if readable("endpointslices") => {
            Finding::warn(what, "no; endpoint slices are read instead").advise(VIEWER)
        }
        "horizontalpodautoscalers" => {
            Finding::warn(what, "no; an autoscaler would not be noticed").advise(VIEWER)
        }
        _ if Permission::OPERATOR.contains(&permission) && read_only => {
            Finding::warn(what, "no; this environment is read-only")
        }
        _ if Permission::OPERATOR.contains(&permission) => Finding::fail(what, "no").advise(OPERATOR),
        _ => Finding::fail(what, "no").advise(VIEWER),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_missing_right_weighs_by_what_it_is_for() {
        let mut access = Access::default();
        for permission in Permission::VIEWER.iter().chain(Permission::OPERATOR) {
            access.0.insert(*permission, Right::Denied);
        }
        let verdict = |permission, access: &Access, read_only| finding(permission, access, read_only).verdict;
        assert_eq!(verdict(Permission::PATCH_SERVICES, &access, false), Verdict::Fail);
        assert_eq!(verdict(Permission::PATCH_SERVICES, &access, true), Verdict::Warn);
        assert_eq!(verdict(Permission::LIST_REPLICA_SETS, &access, true), Verdict::Fail);
        let of = |resource: &str| *Permission::VIEWER.iter().find(|p| p.resource == resource).unwrap();
        assert_eq!(verdict(of("endpointslices"), &access, false), Verdict::Fail);
        for permission in Permission::VIEWER.iter().filter(|p| p.resource == "endpoints") {
            access.0.insert(*permission, Right::Held);
        }
        assert_eq!(verdict(of("endpointslices"), &access, false), Verdict::Warn);
        assert_eq!(finding(of("pods"), &Access::default(), false).verdict, Verdict::Unknown);
    }
}
