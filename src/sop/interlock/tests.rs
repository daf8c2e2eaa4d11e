//! Each condition, clear and blocked, on one pair that is ready for the switch.

use std::time::Duration;

use super::*;
use crate::sop::access::{Permission, Right};
use crate::sop::cluster::{DeploymentState, EndpointState, GitOps, PodState, ReplicaSetState, ServiceState};
use crate::sop::colour::Colour;
use crate::sop::operation::RollbackWay;
use crate::sop::verification::{CheckOutcome, CheckResult, PodVerification};

mod github;
mod stand_down;

const NEW: &str = "ghcr.io/t/backend:v2";
const OLD: &str = "ghcr.io/t/backend:v1";

/// Everything that a [`Situation`] borrows.
struct Night {
    cluster: Cluster,
    freshness: Freshness,
    access: Access,
    command: Command,
    verification: Option<Verification>,
    switched: Option<Switched>,
    record: Record,
    evidence: Evidence,
    read_only: bool,
    policy: Policy,
    now: Moment,
}

impl Night {
    fn situation(&self) -> Situation<'_> {
        Situation {
            cluster: &self.cluster,
            freshness: self.freshness,
            access: &self.access,
            command: &self.command,
            verification: self.verification.as_ref(),
            switched: self.switched.as_ref(),
            record: Some(&self.record),
            notes: &self.record.notes,
            evidence: &self.evidence,
            pods: None,
            github: None,
            read_only: self.read_only,
            policy: &self.policy,
            now: self.now,
        }
    }

    fn pod(&mut self, name: &str) -> &mut PodState {
        self.cluster.pods.get_mut(name).unwrap()
    }

    fn green(&mut self) -> &mut DeploymentState {
        self.cluster.deployments.green.as_mut().unwrap()
    }

    fn service(&mut self) -> &mut ServiceState {
        self.cluster.service.as_mut().unwrap()
    }
}

fn deployment(name: &str, image: &str) -> DeploymentState {
    DeploymentState {
        name: name.into(),
        generation: 1,
        observed_generation: 1,
        desired: 2,
        replicas: 2,
        updated: 2,
        ready: 2,
        available: 2,
        image: Some(image.into()),
        revision: Some(1),
        ..DeploymentState::default()
    }
}

/// Blue on v1 has the traffic; green on v2 is rolled out and verified.
fn night() -> Night {
    let mut cluster = Cluster {
        service: Some(ServiceState {
            name: "backend".into(),
            uid: "uid-1".into(),
            resource_version: "7".into(),
            created: None,
            selector: [("version".to_owned(), "blue".to_owned())].into(),
            selector_value: Some("blue".into()),
            active: Some(Colour::Blue),
            owner: None,
            gitops: None,
            mark: None,
        }),
        endpoints: Some(Vec::new()),
        ..Cluster::default()
    };
    cluster.deployments.blue = Some(deployment("backend-blue", OLD));
    cluster.deployments.green = Some(deployment("backend-green", NEW));
    for (name, colour, image) in [
        ("b1", Colour::Blue, OLD),
        ("b2", Colour::Blue, OLD),
        ("g1", Colour::Green, NEW),
        ("g2", Colour::Green, NEW),
    ] {
        let pod = PodState {
            name: name.into(),
            colour: Some(colour),
            phase: "Running".into(),
            ready: true,
            image: Some(image.into()),
            hash: Some(format!("{colour}-hash")),
            ..PodState::default()
        };
        cluster.pods.insert(name.into(), pod);
    }
    for colour in Colour::ALL {
        let set = ReplicaSetState {
            name: format!("{colour}-1"),
            colour: Some(colour),
            revision: Some(1),
            hash: Some(format!("{colour}-hash")),
            ..ReplicaSetState::default()
        };
        cluster.replica_sets.insert(set.name.clone(), set);
    }
    let now = Moment { uptime: Duration::from_secs(600), wall: "2026-01-06T22:15:00Z".parse().unwrap() };
    let check = CheckResult { path: "/health".into(), outcome: CheckOutcome::Pass, latency_ms: Some(3) };
    let verification = Verification {
        at: "2026-01-06T22:10:00Z".parse().unwrap(),
        by: "ops1@bastion".into(),
        colour: Colour::Green,
        image: NEW.into(),
        hash: Some("green-hash".into()),
        pods: ["g1", "g2"].map(|pod| PodVerification { pod: pod.into(), checks: vec![check.clone()] }).into(),
    };
    Night {
        cluster,
        freshness: Freshness::Age(Duration::from_secs(1)),
        access: Access(Permission::OPERATOR.iter().map(|permission| (*permission, Right::Held)).collect()),
        command: Command::Nobody,
        verification: Some(verification),
        switched: None,
        record: Record::default(),
        evidence: Evidence { at: Some(now.wall), ..Evidence::default() },
        read_only: false,
        policy: Policy::default(),
        now,
    }
}

const SWITCH: Action = Action::Switch { to: Colour::Green };

/// The conditions that do not hold, by name, with why.
fn held_up(action: &Action, night: &Night) -> Vec<(&'static str, String)> {
    interlocks(action, None, &night.situation())
        .into_iter()
        .filter(|lock| !lock.is_clear())
        .map(|lock| (lock.id.name(), lock.why().to_owned()))
        .collect()
}

#[test]
fn a_pair_that_is_ready_may_be_switched() {
    assert_eq!(held_up(&SWITCH, &night()), []);
}

#[test]
fn nothing_seen_clears_nothing_but_what_needs_no_seeing() {
    let mut night = night();
    night.cluster = Cluster::default();
    night.access = Access::default();
    night.command = Command::Unknown;
    night.verification = None;
    night.evidence = Evidence::default();
    night.freshness = Freshness::Never;
    let clear: Vec<&str> = interlocks(&SWITCH, None, &night.situation())
        .iter()
        .filter(|lock| lock.is_clear())
        .map(|lock| lock.id.name())
        .collect();
    // No pods on either side are capacity enough for each other; the other conditions hold them.
    assert_eq!(clear, ["writable", "capacity"]);
}

#[test]
fn a_right_that_could_not_be_asked_for_does_not_hold_up_the_way_back() {
    let back = Action::Rollback { way: RollbackWay::SwitchBack { to: Colour::Green } };
    let right = |night: &Night| {
        let locks = interlocks(&back, None, &night.situation());
        locks.into_iter().find(|lock| lock.id == InterlockId::Permission).unwrap()
    };
    let mut night = night();
    night.access = Access::default();
    assert!(right(&night).is_clear(), "{}", right(&night).why());
    night.access.0.insert(Permission::PATCH_SERVICES, Right::Denied);
    assert!(!right(&night).is_clear());
}

#[test]
fn each_condition_of_the_switch_holds_it_up_alone_and_says_why() {
    type Change = fn(&mut Night);
    let cases: [(&str, &str, Change); 19] = [
        ("writable", "read-only", |n| n.read_only = true),
        ("selector", "`purple`", |n| {
            n.service().active = None;
            n.service().selector_value = Some("purple".into());
        }),
        ("fresh", "11 s ago", |n| n.freshness = Freshness::Age(Duration::from_secs(11))),
        ("permission", "patch services", |n| {
            n.access.0.insert(Permission::PATCH_SERVICES, Right::Denied);
        }),
        ("permission", "was not asked", |n| {
            n.access.0.remove(&Permission::PATCH_SERVICES);
        }),
        ("permission", "time-out", |n| {
            n.access.0.insert(Permission::PATCH_SERVICES, Right::Unknown("time-out".into()));
        }),
        ("command", "ops2@bastion is in command", |n| {
            let holder = "ops2@bastion/x".into();
            n.command = Command::Other { holder, fence: 3, expired: false, renewed: None };
        }),
        ("command", "has not been read", |n| n.command = Command::Unknown),
        ("rollout", "1 of 2 updated pods available", |n| n.green().available = 1),
        ("rollout", "paused", |n| n.green().paused = true),
        ("pods", "g1 CrashLoopBackOff", |n| {
            n.pod("g1").ready = false;
            n.pod("g1").reason = Some("CrashLoopBackOff".into());
        }),
        ("pods", "g1 runs another image", |n| n.pod("g1").image = Some(OLD.into())),
        ("pods", "g1 is of an older template", |n| n.pod("g1").hash = Some("other".into())),
        ("capacity", "GREEN has 2 ready, BLUE has 3", |n| {
            let third = PodState { name: "b3".into(), ..n.cluster.pods["b1"].clone() };
            n.cluster.pods.insert("b3".into(), third);
        }),
        ("verified", "run verify", |n| n.verification = None),
        ("verified", "16 min ago", |n| {
            n.verification.as_mut().unwrap().at = "2026-01-06T21:59:00Z".parse().unwrap();
        }),
        ("verified", "image changed", |n| n.verification.as_mut().unwrap().image = OLD.into()),
        ("verified", "no pod was checked", |n| n.verification.as_mut().unwrap().pods.clear()),
        ("git-ops", "Argo CD application shop", |n| {
            n.service().gitops = Some(GitOps { controller: "Argo CD", application: "shop".into() });
        }),
    ];
    for (name, why, change) in cases {
        let mut night = night();
        change(&mut night);
        let held = held_up(&SWITCH, &night);
        let first = held.iter().find(|(held, _)| *held == name);
        let (_, said) = first.unwrap_or_else(|| panic!("{name} did not hold it up: {held:?}"));
        assert!(said.contains(why), "{name}: `{said}` does not say `{why}`");
        let others = held.iter().filter(|(held, _)| *held != name);
        let allowed = ["rollout", "pods", "target", "capacity", "verified"];
        assert!(others.clone().all(|(held, _)| allowed.contains(held)), "{name} held up others: {held:?}");
    }
}

#[test]
fn what_was_shown_must_still_be_so() {
    let night = night();
    let judge = |expectation: Expectation| {
        let locks = interlocks(&SWITCH, Some(&expectation), &night.situation());
        locks.into_iter().find(|lock| lock.id == InterlockId::Selector).unwrap()
    };
    let shown = Expectation { active: Some(Colour::Blue), service_uid: Some("uid-1".into()) };
    assert!(judge(shown.clone()).is_clear());
    let moved = judge(Expectation { active: Some(Colour::Green), ..shown.clone() });
    assert!(moved.why().contains("GREEN then, BLUE now"), "{}", moved.why());
    let remade = judge(Expectation { service_uid: Some("uid-0".into()), ..shown });
    assert!(remade.why().contains("made anew"), "{}", remade.why());
}

#[test]
fn the_way_back_is_held_up_by_little() {
    let back = Action::Rollback { way: RollbackWay::SwitchBack { to: Colour::Green } };
    let mut worst = night();
    worst.freshness = Freshness::Age(Duration::from_secs(3600));
    worst.command = Command::Other { holder: "ops2@b/x".into(), fence: 1, expired: false, renewed: None };
    worst.verification = None;
    worst.service().gitops = Some(GitOps { controller: "Flux", application: "shop".into() });
    worst.pod("g1").ready = false;
    assert_eq!(held_up(&back, &worst), []);
    worst.pod("g2").ready = false;
    assert_eq!(held_up(&back, &worst), [("way-back", "GREEN has no ready pods".to_owned())]);
    worst.read_only = true;
    assert_eq!(held_up(&back, &worst)[0].0, "writable");
}

#[test]
fn the_side_with_the_traffic_is_never_deployed_to_verified_or_retired() {
    let night = night();
    for action in [
        Action::Deploy { colour: Colour::Blue, image: NEW.into() },
        Action::Verify { colour: Colour::Blue },
        Action::Retire { colour: Colour::Blue },
        Action::Switch { to: Colour::Blue },
    ] {
        let held = held_up(&action, &night);
        assert!(held.contains(&("target", "BLUE has the traffic".to_owned())), "{action:?}: {held:?}");
    }
}

#[test]
fn the_old_colour_is_retired_only_after_its_standby() {
    let retire = Action::Retire { colour: Colour::Green };
    let mut night = night();
    let looked = "nothing measures what GREEN still gets: look, and say what you saw".to_owned();
    assert_eq!(held_up(&retire, &night)[0], ("standby", "when the traffic left is not known".to_owned()));
    let switched =
        |at: &str| Switched { to: Colour::Blue, at: at.parse().unwrap(), by: "ops1".into(), rollback: false };
    night.switched = Some(switched("2026-01-06T22:04:12Z"));
    assert_eq!(held_up(&retire, &night)[0], ("standby", "standby has 4:12 left".to_owned()));
    night.switched = Some(switched("2026-01-06T22:00:00Z"));
    assert_eq!(held_up(&retire, &night), [("traffic-left", looked)]);
    let locks = interlocks(&retire, None, &night.situation());
    assert_eq!(first_blocked(&locks, &[InterlockId::TrafficLeft]), None, "the operator has looked");
}

#[test]
fn outside_the_deploy_window_nothing_new_goes_out_without_a_reason() {
    use crate::sop::window::{Days, DeployWindow, Freeze, Hours};
    use jiff::civil::{Weekday, date, time};
    let hours = Hours {
        days: Days::range(Weekday::Tuesday, Weekday::Thursday),
        from: time(22, 0, 0, 0),
        to: time(23, 0, 0, 0),
        team_until: None,
    };
    let zone = jiff::tz::TimeZone::UTC;
    let mut night = night();
    night.policy.window =
        Some(DeployWindow { zone, label: "UTC".into(), hours: Some(hours), freezes: Vec::new() });
    let deploy = Action::Deploy { colour: Colour::Green, image: NEW.into() };
    let window = |action: &Action, night: &Night| {
        let locks = interlocks(action, None, &night.situation());
        locks.into_iter().find(|lock| lock.id == InterlockId::Window)
    };
    assert_eq!(window(&SWITCH, &night).unwrap().why(), "open until 23:00 UTC (23:00 UTC)");
    // A Friday.
    night.now.wall = "2026-01-09T22:15:00Z".parse().unwrap();
    let opens = "outside the deploy window: opens Tue 13 Jan 22:00 UTC (22:00 UTC)";
    for action in [&SWITCH, &deploy] {
        let lock = window(action, &night).unwrap();
        assert_eq!((lock.is_clear(), lock.why()), (false, opens));
        assert!(lock.id.overridable());
    }
    let frozen = Freeze { name: "audit".into(), first: date(2026, 1, 9), last: date(2026, 1, 9) };
    night.policy.window.as_mut().unwrap().freezes.push(frozen);
    assert!(window(&SWITCH, &night).unwrap().why().starts_with("freeze: audit through 9 Jan; opens"));
    // The way back and the stand-down know no hours.
    let back = Action::Rollback { way: RollbackWay::SwitchBack { to: Colour::Green } };
    for action in [&back, &Action::Retire { colour: Colour::Green }, &Action::Close] {
        assert_eq!(window(action, &night), None, "{action:?}");
    }
}

#[test]
fn only_what_may_be_overridden_can_be() {
    let mut night = night();
    night.service().gitops = Some(GitOps { controller: "Flux", application: "shop".into() });
    let locks = interlocks(&SWITCH, None, &night.situation());
    assert_eq!(first_blocked(&locks, &[]).map(|lock| lock.id), Some(InterlockId::GitOps));
    assert_eq!(first_blocked(&locks, &[InterlockId::GitOps]), None);
    night.verification = None;
    let locks = interlocks(&SWITCH, None, &night.situation());
    let all = InterlockId::ALL;
    assert_eq!(first_blocked(&locks, &all).map(|lock| lock.id), Some(InterlockId::Verified));
}

#[test]
fn endpoints_without_pods_count_for_nobody() {
    let mut night = night();
    let stray = EndpointState { address: "192.0.2.9".into(), pod: None, ready: true };
    night.cluster.endpoints = Some(vec![stray]);
    assert_eq!(night.cluster.endpoint_count().unwrap().unknown, 1);
}

#[test]
fn the_chain_blocks_the_switch_where_a_repository_is_configured() {
    use crate::sop::chain::{Fit, Link, LinkId, Origin};
    let state = |fit: Option<Fit>| {
        let mut night = night();
        night.cluster.replica_sets.get_mut("green-1").unwrap().image = Some(NEW.into());
        for pod in night.cluster.pods.values_mut() {
            pod.image_id = Some("ghcr.io/t/backend@sha256:00".into());
        }
        let link = |fit| Link { id: LinkId::Run, from: "a1b2c3d".into(), to: "run 7".into(), fit };
        night.evidence.origin =
            fit.map(|fit| Origin { links: vec![link(fit)], version: Some("v2".into()), ..Origin::default() });
        let locks = interlocks(&Action::Switch { to: Colour::Green }, None, &night.situation());
        locks.into_iter().find(|lock| lock.id == InterlockId::Chain)
    };
    assert_eq!(state(None), None, "without a repository there is no chain");
    assert!(state(Some(Fit::Fits("of a1b2c3d".into()))).unwrap().is_clear());
    let broken = state(Some(Fit::DoesNotFit("run 7 is of b2c3d4e".into()))).unwrap();
    assert_eq!(broken.why(), "run does not fit: run 7 is of b2c3d4e");
    assert!(!broken.overridable() && first_blocked(&[broken], &[InterlockId::Chain]).is_some());
    let missing = state(Some(Fit::NotYet("no run of a1b2c3d was seen".into()))).unwrap();
    assert!(!missing.overridable());
    let unknown = state(Some(Fit::Unknown("GitHub was not read yet".into()))).unwrap();
    assert!(unknown.overridable() && !unknown.is_clear());
    assert_eq!(first_blocked(std::slice::from_ref(&unknown), &[InterlockId::Chain]), None);
    assert!(first_blocked(&[unknown], &[]).is_some());
}
