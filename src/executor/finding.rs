//! What became of an operation without an end, as the objects' marks tell. Pure.

use jiff::Timestamp;

use crate::journal::OpenIntent;
use crate::sop::cluster::Cluster;
use crate::sop::colour::Colour;
use crate::sop::command::Operator;
use crate::sop::operation::{Action, OperationId, OperationMark, RollbackWay};
use crate::sop::record::{OperationRecord, OperationResult, Record};
use crate::sop::rollout::{Rollout, rollout};

/// An operation without an end.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OpenOperation {
    pub id: OperationId,
    pub action: Action,
    /// Identity of the session that gave the order.
    pub by: String,
    pub at: Timestamp,
    /// The Service's uid then, where it was written down.
    pub service_uid: Option<String>,
    pub server: Option<String>,
    pub in_journal: bool,
    pub in_record: bool,
}

/// What the world says about an open operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It ended so.
    Ended(OperationResult, String),
    /// It was not applied, unless its request is still on the way.
    NotApplied(String),
}

impl OpenOperation {
    /// An operation as the record has it.
    pub(super) fn of_record(operation: &OperationRecord) -> Self {
        Self {
            id: operation.id.clone(),
            action: operation.action.clone(),
            by: operation.by.clone(),
            at: operation.at,
            service_uid: None,
            server: None,
            in_journal: false,
            in_record: true,
        }
    }
}

/// Journal and record together, each operation once.
pub(super) fn merged(journal: Vec<OpenIntent>, record: &Record) -> Vec<OpenOperation> {
    let settled =
        |id: &OperationId| record.operations.iter().any(|known| known.id == *id && known.outcome.is_some());
    let mut open: Vec<OpenOperation> = record.open().map(OpenOperation::of_record).collect();
    for intent in journal.into_iter().filter(|intent| !settled(&intent.order.id)) {
        match open.iter_mut().find(|known| known.id == intent.order.id) {
            Some(known) => {
                known.in_journal = true;
                known.service_uid = intent.before.service_uid;
                known.server = intent.before.server;
            }
            None => open.push(OpenOperation {
                id: intent.order.id,
                action: intent.order.action,
                by: intent.by,
                at: intent.at,
                service_uid: intent.before.service_uid,
                server: intent.before.server,
                in_journal: true,
                in_record: false,
            }),
        }
    }
    open
}

/// Whether an operation is of another cluster. One server has many names (a tunnel, a
/// proxy), so the name counts only where nothing better is known.
pub(super) fn is_elsewhere(operation: &OpenOperation, server: &str, same_service: Option<bool>) -> bool {
    let same_name = operation.server.as_deref().is_none_or(|known| known == server);
    !operation.in_record && !same_name && same_service != Some(true)
}

/// What the objects say.
pub(super) fn decide(operation: &OpenOperation, cluster: &Cluster) -> Finding {
    match &operation.action {
        Action::Verify { .. } => Finding::Ended(
            OperationResult::Failed,
            "the checks were not finished: the program ended; nothing was changed".to_owned(),
        ),
        Action::Close => Finding::Ended(
            OperationResult::Failed,
            "the release was not closed: the program ended".to_owned(),
        ),
        Action::Switch { to } | Action::Rollback { way: RollbackWay::SwitchBack { to } } => {
            moved(operation, cluster, *to)
        }
        Action::Deploy { colour, image } => {
            changed(operation, cluster, *colour, |cluster| brought_up(cluster, *colour, Some(image)))
        }
        Action::Rollback { way: RollbackWay::Undo { colour } } => {
            changed(operation, cluster, *colour, |cluster| brought_up(cluster, *colour, None))
        }
        Action::Retire { colour } => {
            changed(operation, cluster, *colour, |cluster| stood_down(cluster, *colour))
        }
        Action::Rollback { way: RollbackWay::Redeploy { to, image } } => {
            match moved(operation, cluster, *to) {
                Finding::NotApplied(on) => changed(operation, cluster, *to, |cluster| {
                    let (_, words) = brought_up(cluster, *to, Some(image));
                    (OperationResult::Failed, format!("{words}, but the traffic was not moved: {on}"))
                }),
                found => found,
            }
        }
        // GitHub tells about what was ordered there.
        _ => Finding::NotApplied("it was ordered on GitHub".to_owned()),
    }
}

/// Whose mark an object carries, compared with an operation.
enum Carries {
    Ours,
    Later(String),
    Earlier,
}

fn carries(operation: &OpenOperation, mark: Option<&OperationMark>) -> Carries {
    match mark {
        Some(mark) if mark.id == operation.id => Carries::Ours,
        Some(mark) if mark.at.is_some_and(|at| at > operation.at) => {
            Carries::Later(mark.by.clone().unwrap_or_else(|| "somebody".into()))
        }
        _ => Carries::Earlier,
    }
}

fn superseded(by: &str, what: &str) -> Finding {
    let words = format!("whether it took effect can no longer be told: {by} has changed the {what} since");
    Finding::Ended(OperationResult::Failed, words)
}

fn moved(operation: &OpenOperation, cluster: &Cluster, to: Colour) -> Finding {
    let service = cluster.service.as_ref();
    let on = match cluster.active() {
        Some(colour) => format!("traffic is on {}", colour.label()),
        None => "the selector names neither colour".to_owned(),
    };
    match carries(operation, service.and_then(|service| service.mark.as_ref())) {
        Carries::Later(by) => superseded(&by, "Service"),
        Carries::Earlier => Finding::NotApplied(format!("not applied; {on}")),
        Carries::Ours if cluster.active() == Some(to) => {
            let count = cluster.endpoint_count().unwrap_or_default();
            let whole = count.ready[to] > 0 && count.ready[to.other()] == 0;
            let result = if whole { OperationResult::Verified } else { OperationResult::AppliedNotVerified };
            let seen = if whole { "its endpoints serve" } else { "its endpoints do not serve alone yet" };
            Finding::Ended(result, format!("it was applied; {on}, {seen}"))
        }
        Carries::Ours => {
            let by =
                service.and_then(|s| s.owner.as_ref()).map_or("somebody", |owner| owner.manager.as_str());
            let words = format!("it was applied, and {by} has changed the selector since; {on}");
            Finding::Ended(OperationResult::AppliedNotVerified, words)
        }
    }
}

fn changed(
    operation: &OpenOperation,
    cluster: &Cluster,
    colour: Colour,
    judge: impl Fn(&Cluster) -> (OperationResult, String),
) -> Finding {
    let Some(deployment) = &cluster.deployments[colour] else {
        let words = format!("the Deployment of {} is gone", colour.label());
        return Finding::Ended(OperationResult::Failed, words);
    };
    match carries(operation, deployment.mark.as_ref()) {
        Carries::Ours => {
            let (result, words) = judge(cluster);
            Finding::Ended(result, format!("it was applied; {words}"))
        }
        Carries::Later(by) => superseded(&by, "Deployment"),
        Carries::Earlier => {
            let image = deployment.image.as_deref().unwrap_or("no image");
            Finding::NotApplied(format!(
                "not applied; {} has {image} and {} pods",
                deployment.name, deployment.desired
            ))
        }
    }
}

fn brought_up(cluster: &Cluster, colour: Colour, image: Option<&String>) -> (OperationResult, String) {
    let Some(deployment) = &cluster.deployments[colour] else {
        return (OperationResult::Failed, "its Deployment is gone".to_owned());
    };
    let state = rollout(deployment);
    let has = image.is_none_or(|image| deployment.image.as_ref() == Some(image));
    let result = match state {
        Rollout::Done if has => OperationResult::Verified,
        _ => OperationResult::AppliedNotVerified,
    };
    let image = deployment.image.as_deref().unwrap_or("no image");
    (result, format!("{} has {image}: {state}", colour.label()))
}

fn stood_down(cluster: &Cluster, colour: Colour) -> (OperationResult, String) {
    let desired = cluster.deployments[colour].as_ref().map_or(0, |deployment| deployment.desired);
    if desired == 0 {
        (OperationResult::Verified, format!("{} is scaled to 0", colour.label()))
    } else {
        let words = format!("{} was asked for {desired} pods again since", colour.label());
        (OperationResult::AppliedNotVerified, words)
    }
}

/// An operation for people: who did what, when.
pub(super) fn told(operation: &OpenOperation) -> String {
    format!("the {} by {} at {:.0}", operation.action.kind(), Operator::shown(&operation.by), operation.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sop::cluster::{DeploymentState, EndpointState, FieldOwner, PodState, ServiceState};
    use crate::sop::record::OutcomeRecord;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn operation(action: Action) -> OpenOperation {
        OpenOperation {
            id: OperationId("ours".into()),
            action,
            by: "ops1@b/s".into(),
            at: at(100),
            service_uid: None,
            server: None,
            in_journal: true,
            in_record: true,
        }
    }

    fn mark(id: &str, second: i64) -> Option<OperationMark> {
        let id = OperationId(id.into());
        Some(OperationMark { id, fence: None, at: Some(at(second)), by: Some("ops2@b".into()) })
    }

    /// GREEN and BLUE with one pod each; the traffic and the endpoints on `active`.
    fn cluster(active: Colour, service: Option<OperationMark>, green: Option<OperationMark>) -> Cluster {
        let mut cluster = Cluster {
            service: Some(ServiceState {
                name: "backend".into(),
                uid: "u".into(),
                resource_version: "1".into(),
                created: None,
                selector: Default::default(),
                selector_value: None,
                active: Some(active),
                owner: Some(FieldOwner { manager: "kubectl-edit".into(), at: None }),
                gitops: None,
                mark: service,
            }),
            ..Cluster::default()
        };
        for colour in Colour::ALL {
            let pod = PodState {
                name: colour.name().into(),
                colour: Some(colour),
                ready: true,
                ..PodState::default()
            };
            cluster.pods.insert(pod.name.clone(), pod);
            cluster.deployments[colour] = Some(DeploymentState {
                name: format!("backend-{colour}"),
                desired: 1,
                updated: 1,
                replicas: 1,
                available: 1,
                image: Some("backend:v2".into()),
                mark: green.clone().filter(|_| colour == Colour::Green),
                ..DeploymentState::default()
            });
        }
        let endpoint =
            EndpointState { address: "192.0.2.9".into(), pod: Some(active.name().into()), ready: true };
        cluster.endpoints = Some(vec![endpoint]);
        cluster
    }

    fn word(finding: &Finding) -> &'static str {
        match finding {
            Finding::NotApplied(_) => "not applied",
            Finding::Ended(OperationResult::Verified, _) => "verified",
            Finding::Ended(OperationResult::AppliedNotVerified, _) => "applied",
            Finding::Ended(OperationResult::Failed, words) if words.contains("can no longer be told") => {
                "unknown"
            }
            Finding::Ended(_, _) => "failed",
        }
    }

    #[test]
    fn what_the_marks_say_is_what_happened() {
        use Colour::{Blue, Green};
        let switch = || Action::Switch { to: Green };
        let back = || Action::Rollback { way: RollbackWay::SwitchBack { to: Green } };
        let image = "backend:v2".to_owned();
        let deploy = |image: &str| Action::Deploy { colour: Green, image: image.into() };
        let redeploy = || Action::Rollback { way: RollbackWay::Redeploy { to: Green, image: image.clone() } };
        let cases = [
            (switch(), cluster(Green, mark("ours", 100), None), "verified"),
            (switch(), cluster(Blue, mark("ours", 100), None), "applied"),
            (switch(), cluster(Blue, mark("other", 50), None), "not applied"),
            (switch(), cluster(Blue, None, None), "not applied"),
            (switch(), cluster(Blue, mark("other", 150), None), "unknown"),
            // Somebody moved the traffic by hand: that was not this operation.
            (switch(), cluster(Green, mark("other", 50), None), "not applied"),
            (back(), cluster(Green, mark("ours", 100), None), "verified"),
            (deploy("backend:v2"), cluster(Blue, None, mark("ours", 100)), "verified"),
            (deploy("backend:v3"), cluster(Blue, None, mark("ours", 100)), "applied"),
            (deploy("backend:v2"), cluster(Blue, None, mark("other", 50)), "not applied"),
            (deploy("backend:v2"), cluster(Blue, None, mark("other", 150)), "unknown"),
            (deploy("backend:v2"), Cluster::default(), "failed"),
            (Action::Retire { colour: Green }, cluster(Blue, None, mark("ours", 100)), "applied"),
            (Action::Retire { colour: Green }, cluster(Blue, None, None), "not applied"),
            (Action::Verify { colour: Green }, cluster(Blue, None, None), "failed"),
            (redeploy(), cluster(Green, mark("ours", 101), mark("ours", 100)), "verified"),
            (redeploy(), cluster(Blue, None, mark("ours", 100)), "failed"),
            (redeploy(), cluster(Blue, None, None), "not applied"),
            (
                Action::Rollback { way: RollbackWay::Undo { colour: Green } },
                cluster(Green, None, mark("ours", 100)),
                "verified",
            ),
        ];
        for (action, cluster, expected) in cases {
            let finding = decide(&operation(action.clone()), &cluster);
            assert_eq!(word(&finding), expected, "{action:?}: {finding:?}");
        }
    }

    #[test]
    fn endpoints_of_the_other_colour_leave_a_switch_unverified() {
        let mut cluster = cluster(Colour::Green, mark("ours", 100), None);
        let blue = EndpointState { address: "192.0.2.8".into(), pod: Some("blue".into()), ready: true };
        cluster.endpoints.as_mut().unwrap().push(blue);
        let finding = decide(&operation(Action::Switch { to: Colour::Green }), &cluster);
        assert_eq!(word(&finding), "applied");
    }

    #[test]
    fn what_happened_in_another_cluster_is_not_told_here() {
        let of = |in_record, server: &str| OpenOperation {
            in_record,
            server: Some(server.into()),
            ..operation(Action::Switch { to: Colour::Green })
        };
        assert!(is_elsewhere(&of(false, "https://b"), "https://a", Some(false)));
        assert!(is_elsewhere(&of(false, "https://b"), "https://a", None));
        assert!(!is_elsewhere(&of(false, "https://b"), "https://a", Some(true)), "by another way");
        assert!(!is_elsewhere(&of(true, "https://b"), "https://a", None), "the record is of this cluster");
        assert!(!is_elsewhere(&of(false, "https://a"), "https://a", Some(false)), "made anew");
    }

    #[test]
    fn journal_and_record_tell_one_story() {
        let open = |id: &str| OpenIntent {
            order: crate::sop::operation::Order::new(
                OperationId(id.into()),
                Action::Switch { to: Colour::Green },
                Default::default(),
            ),
            before: Default::default(),
            by: "ops1@b/s".into(),
            at: at(100),
        };
        let recorded = |id: &str, ended: bool| OperationRecord {
            id: OperationId(id.into()),
            action: Action::Switch { to: Colour::Green },
            by: "ops1@b/s".into(),
            at: at(100),
            fence: None,
            active_before: None,
            desired_before: None,
            overrides: Vec::new(),
            reason: None,
            outcome: ended.then(|| OutcomeRecord {
                result: OperationResult::Verified,
                at: at(101),
                words: String::new(),
                settled_by: None,
            }),
        };
        let record = Record {
            operations: vec![recorded("a", false), recorded("b", true), recorded("c", false)],
            ..Record::default()
        };
        let all = merged(vec![open("a"), open("b"), open("d")], &record);
        let seen: Vec<(&str, bool, bool)> =
            all.iter().map(|open| (open.id.0.as_str(), open.in_journal, open.in_record)).collect();
        assert_eq!(seen, [("a", true, true), ("c", false, true), ("d", true, false)]);
    }
}
