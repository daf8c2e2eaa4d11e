//! Each link in each of its states, on one release that is ready for the switch.

use super::*;
use crate::sop::cluster::{PodState, ReplicaSetState, ServiceState};
use crate::sop::commit::{Commit, Sha};
use crate::sop::pipeline::{Decision, PendingApproval, Run, RunId, RunState};
use crate::sop::pull_request::{Checks, Mergeability, PullRequest, PullRequestState};
use crate::sop::repository::Repository;

const IMAGE: &str = "ghcr.io/t/backend:v1.1.0";

fn sha(first: char) -> Sha {
    Sha(first.to_string().repeat(40))
}

fn commit(sha: Sha, tree: Option<Sha>) -> Commit {
    Commit { sha, tree, title: "Release".into() }
}

fn merged(tree: Option<Sha>) -> PullRequestState {
    PullRequestState::Merged { commit: commit(sha('b'), tree), by: None, at: None }
}

fn request() -> PullRequest {
    PullRequest {
        number: 42,
        title: "Release v1.1.0".into(),
        author: "dev".into(),
        url: String::new(),
        head_branch: "develop".into(),
        head: commit(sha('a'), Some(sha('e'))),
        base_branch: "main".into(),
        state: merged(Some(sha('e'))),
        mergeability: Mergeability::Clean,
        reviews: Vec::new(),
        checks: Checks::default(),
        files: Vec::new(),
        more_files: false,
        issues: Vec::new(),
    }
}

fn run() -> Run {
    Run {
        id: RunId { id: 9, attempt: 1 },
        number: 1234,
        workflow: "Production".into(),
        path: ".github/workflows/production.yml".into(),
        event: "push".into(),
        branch: "main".into(),
        head: sha('b'),
        actor: "ops1".into(),
        state: RunState::Running,
        created: Some("2026-01-06T22:00:00Z".parse().unwrap()),
        started: None,
        ended: None,
        url: String::new(),
        jobs: Vec::new(),
        waiting: Vec::new(),
        decisions: Vec::new(),
    }
}

/// A release whose every link fits, and what it is made of.
struct Release {
    request: Option<PullRequest>,
    run: Option<Run>,
    cluster: Cluster,
}

impl Release {
    fn origin(&self) -> Origin {
        let repository =
            Repository { pull_request: self.request.clone(), run: self.run.clone(), ..Repository::default() };
        Origin::of(&repository, None)
    }

    fn chain(&self) -> Chain {
        Chain::of(&self.origin(), &self.cluster, Colour::Green)
    }

    fn green(&mut self) -> &mut DeploymentState {
        self.cluster.deployments.green.as_mut().unwrap()
    }

    fn set(&mut self) -> &mut ReplicaSetState {
        self.cluster.replica_sets.get_mut("green-84d4").unwrap()
    }

    fn pod(&mut self) -> &mut PodState {
        self.cluster.pods.get_mut("g2").unwrap()
    }

    fn service(&mut self) -> &mut ServiceState {
        self.cluster.service.as_mut().unwrap()
    }

    fn request(&mut self) -> &mut PullRequest {
        self.request.as_mut().unwrap()
    }

    fn run(&mut self) -> &mut Run {
        self.run.as_mut().unwrap()
    }

    fn image(&mut self, image: &str) {
        self.green().image = Some(image.into());
        self.set().image = Some(image.into());
    }
}

fn release() -> Release {
    let mut cluster = Cluster {
        service: Some(ServiceState {
            name: "backend".into(),
            uid: "uid-1".into(),
            resource_version: "7".into(),
            created: None,
            selector: [("version".to_owned(), "green".to_owned())].into(),
            selector_value: Some("green".into()),
            active: Some(Colour::Green),
            owner: None,
            gitops: None,
            mark: None,
        }),
        ..Cluster::default()
    };
    cluster.deployments.green = Some(DeploymentState {
        name: "backend-green".into(),
        image: Some(IMAGE.into()),
        revision: Some(4),
        ..DeploymentState::default()
    });
    let set = ReplicaSetState {
        name: "green-84d4".into(),
        colour: Some(Colour::Green),
        revision: Some(4),
        hash: Some("84d4".into()),
        image: Some(IMAGE.into()),
        created: Some("2026-01-06T22:05:00Z".parse().unwrap()),
        ..ReplicaSetState::default()
    };
    cluster.replica_sets.insert(set.name.clone(), set);
    for name in ["g1", "g2"] {
        let pod = PodState {
            name: name.into(),
            colour: Some(Colour::Green),
            hash: Some("84d4".into()),
            image_id: Some("ghcr.io/t/backend@sha256:0123456789abcdef".into()),
            ..PodState::default()
        };
        cluster.pods.insert(name.into(), pod);
    }
    Release { request: Some(request()), run: Some(run()), cluster }
}

#[test]
fn a_whole_release_fits_from_end_to_end() {
    let chain = release().chain();
    let ids: Vec<LinkId> = chain.links.iter().map(|link| link.id).collect();
    assert_eq!(ids, LinkId::ALL);
    assert_eq!(chain.words(), "all 7 links fit");
    assert_eq!((chain.broken(), chain.weakest(LinkId::Service)), (None, None));
    let sides: Vec<_> = chain.links.iter().map(|link| format!("{} > {}", link.from, link.to)).collect();
    assert_eq!(
        sides,
        [
            "#42 aaaaaaa > bbbbbbb",
            "bbbbbbb > run 1234",
            "run 1234 > v1.1.0",
            "v1.1.0 > backend-green",
            "backend-green > green-84d4",
            "green-84d4 > 2 pods",
            "GREEN pods > Service backend",
        ]
    );
}

/// What is changed, which link it shows at, and what that link says.
type Case = (&'static str, fn(&mut Release), LinkId, &'static str);

fn check(cases: &[Case]) {
    for (name, change, id, words) in cases {
        let mut release = release();
        change(&mut release);
        let chain = release.chain();
        let link = chain.link(*id).unwrap();
        assert_eq!(format!("{}: {}", link.fit.word(), link.fit.why()), *words, "{name}");
    }
}

#[test]
fn the_links_that_the_repository_tells() {
    check(&[
        (
            "other tree",
            |r| r.request().state = merged(Some(sha('f'))),
            LinkId::Merge,
            "does not fit: aaaaaaa has tree eeeeeee, bbbbbbb has fffffff: what was reviewed is not what was merged",
        ),
        (
            "tree unread",
            |r| r.request().state = merged(None),
            LinkId::Merge,
            "not known: the tree of bbbbbbb was not read",
        ),
        (
            "head's tree unread",
            |r| r.request().head.tree = None,
            LinkId::Merge,
            "not known: the tree of aaaaaaa was not read",
        ),
        ("open", |r| r.request().state = PullRequestState::Open, LinkId::Merge, "not yet: #42 is not merged"),
        (
            "closed",
            |r| r.request().state = PullRequestState::Closed,
            LinkId::Merge,
            "does not fit: #42 was closed without a merge",
        ),
        (
            "no request",
            |r| r.request = None,
            LinkId::Merge,
            "not known: no pull request of this release was found",
        ),
        (
            "another commit's run",
            |r| r.run().head = sha('c'),
            LinkId::Run,
            "does not fit: run 1234 is of ccccccc, the merged commit is bbbbbbb",
        ),
        (
            "another commit's second attempt",
            |r| {
                r.run().head = sha('c');
                r.run().id.attempt = 2;
            },
            LinkId::Run,
            "does not fit: run 1234 attempt 2 is of ccccccc, the merged commit is bbbbbbb",
        ),
        ("no run", |r| r.run = None, LinkId::Run, "not yet: no run of bbbbbbb was seen"),
        (
            "run without request",
            |r| r.request = None,
            LinkId::Run,
            "not known: run 1234 is of bbbbbbb, which no pull request is known to have made",
        ),
        (
            "not merged",
            |r| r.request().state = PullRequestState::Draft,
            LinkId::Run,
            "not yet: #42 is not merged",
        ),
        (
            "neither",
            |r| (r.request, r.run) = (None, None),
            LinkId::Run,
            "not known: no run of this release was found",
        ),
        ("queued", |r| r.run().state = RunState::Queued, LinkId::Image, "not yet: run 1234 has not begun"),
        ("no run, no image", |r| r.run = None, LinkId::Image, "not yet: there is no run that makes it"),
        ("no version", |r| r.request().title = "Fixes".into(), LinkId::Image, "fits: named after bbbbbbb"),
    ]);
}

#[test]
fn the_links_that_the_cluster_tells() {
    check(&[
        (
            "other version",
            |r| r.image("ghcr.io/t/backend:v1.0.9"),
            LinkId::Deployment,
            "does not fit: v1.0.9 is deployed, the release is v1.1.0",
        ),
        (
            "of before the run",
            |r| {
                r.image("ghcr.io/t/backend:v1.0.9");
                r.set().created = Some("2026-01-05T22:00:00Z".parse().unwrap());
            },
            LinkId::Deployment,
            "not yet: GREEN still runs v1.0.9, from before the run",
        ),
        (
            "by commit",
            |r| r.image("ghcr.io/t/backend:main-bbbbbbb"),
            LinkId::Deployment,
            "fits: main-bbbbbbb, by its commit",
        ),
        (
            "other commit",
            |r| r.image("ghcr.io/t/backend:ccccccc"),
            LinkId::Deployment,
            "does not fit: ccccccc is deployed, the release is of bbbbbbb",
        ),
        (
            "neither",
            |r| r.image("ghcr.io/t/backend:stable"),
            LinkId::Deployment,
            "not known: the tag stable says neither v1.1.0 nor the commit",
        ),
        (
            "digest alone",
            |r| r.image("ghcr.io/t/backend@sha256:0123456789abcdef"),
            LinkId::Deployment,
            "not known: 0123456789ab says neither version nor commit",
        ),
        (
            "no version",
            |r| r.request().title = "Fixes".into(),
            LinkId::Deployment,
            "not known: which version the release has is not known; v1.1.0 is deployed",
        ),
        (
            "no container",
            |r| r.green().image = None,
            LinkId::Deployment,
            "not known: backend-green has no container of the configured name",
        ),
        (
            "unseen",
            |r| r.cluster.deployments.green = None,
            LinkId::Deployment,
            "not known: the Deployment of GREEN has not been seen",
        ),
        (
            "replica set on another image",
            |r| r.set().image = Some("ghcr.io/t/backend:v1.0.9".into()),
            LinkId::ReplicaSet,
            "does not fit: backend-green asks for ghcr.io/t/backend:v1.1.0, green-84d4 runs ghcr.io/t/backend:v1.0.9",
        ),
        (
            "not taken up",
            |r| r.green().generation = 1,
            LinkId::ReplicaSet,
            "not yet: the cluster has not taken up the newest backend-green",
        ),
        (
            "no replica set",
            |r| r.cluster.replica_sets.clear(),
            LinkId::ReplicaSet,
            "not known: no ReplicaSet of backend-green's revision has been seen",
        ),
        (
            "an old pod",
            |r| r.pod().hash = Some("1111".into()),
            LinkId::Pods,
            "not yet: g2 is not of green-84d4",
        ),
        (
            "two digests",
            |r| r.pod().image_id = Some("ghcr.io/t/backend@sha256:fedcba9876543210".into()),
            LinkId::Pods,
            "does not fit: g2 runs sha256:fedcba987654, g1 sha256:0123456789ab",
        ),
        (
            "not the pinned digest",
            |r| r.image("ghcr.io/t/backend:v1.1.0@sha256:ffffffffffffffff"),
            LinkId::Pods,
            "does not fit: g1 runs sha256:0123456789ab, the ReplicaSet sha256:ffffffffffff",
        ),
        (
            "one digest unread",
            |r| r.pod().image_id = None,
            LinkId::Pods,
            "not known: the digest that g2 runs is not known",
        ),
        (
            "no digests",
            |r| r.cluster.pods.values_mut().for_each(|pod| pod.image_id = Some("sha256:0a".into())),
            LinkId::Pods,
            "fits: all of its template; no registry digest is known",
        ),
        ("no pods", |r| r.cluster.pods.clear(), LinkId::Pods, "not yet: green-84d4 has no pods"),
        (
            "not switched",
            |r| r.service().active = Some(Colour::Blue),
            LinkId::Service,
            "not yet: it selects BLUE",
        ),
        (
            "neither colour",
            |r| {
                r.service().active = None;
                r.service().selector_value = Some("purple".into());
            },
            LinkId::Service,
            "does not fit: it selects `purple`, the pods are GREEN",
        ),
        (
            "no service",
            |r| r.cluster.service = None,
            LinkId::Service,
            "not known: the Service has not been seen",
        ),
    ]);
}

#[test]
fn the_weakest_link_is_what_does_not_fit_then_what_is_missing_then_what_is_not_known() {
    let mut release = release();
    release.request().head.tree = None;
    let weakest = |release: &Release, last| release.chain().weakest(last).map(|link| link.id);
    assert_eq!(weakest(&release, LinkId::Pods), Some(LinkId::Merge));
    release.service().active = Some(Colour::Blue);
    assert_eq!(weakest(&release, LinkId::Pods), Some(LinkId::Merge));
    assert_eq!(weakest(&release, LinkId::Service), Some(LinkId::Service));
    release.run().head = sha('c');
    assert_eq!(weakest(&release, LinkId::Service), Some(LinkId::Run));
    assert_eq!(
        release.chain().words(),
        "broken at run does not fit: run 1234 is of ccccccc, the merged commit is bbbbbbb"
    );
}

#[test]
fn what_was_seen_at_the_head_holds_for_a_squash_of_the_same_tree_and_for_no_other() {
    let holds = |seen: char, state: PullRequestState| {
        let request = PullRequest { state, ..request() };
        carries(&sha(seen), &request).word()
    };
    let cases = [
        ('a', PullRequestState::Open, "fits"),
        ('9', PullRequestState::Open, "does not fit"),
        ('b', merged(Some(sha('e'))), "fits"),
        ('a', merged(Some(sha('e'))), "fits"),
        ('a', merged(Some(sha('f'))), "does not fit"),
        ('b', merged(Some(sha('f'))), "fits"),
        ('a', merged(None), "not known"),
        ('9', merged(Some(sha('e'))), "does not fit"),
    ];
    for (seen, state, word) in cases {
        assert_eq!(holds(seen, state.clone()), word, "seen at {seen}, {state:?}");
    }
}

#[test]
fn a_title_names_a_version_or_none() {
    let cases = [
        ("Release v1.1.0", Some("v1.1.0")),
        ("chore(release): 2.0.1-rc.1", Some("2.0.1-rc.1")),
        ("(v1.2)", Some("v1.2")),
        ("hotfix: Fix critical webhook bug", None),
        ("Fix 3 bugs", None),
        ("v1", None),
        ("a.b.c", None),
        ("", None),
    ];
    for (title, version) in cases {
        assert_eq!(version_in(title), version, "{title}");
    }
}

#[test]
fn how_far_a_release_has_come() {
    let waiting = PendingApproval {
        environment: "production".into(),
        environment_id: 1,
        may_approve: true,
        reviewers: Vec::new(),
        wait_timer: std::time::Duration::ZERO,
        wait_began: None,
    };
    let approved = Decision {
        by: "ops1".into(),
        environments: vec!["production".into()],
        approved: true,
        comment: String::new(),
    };
    type Change = Box<dyn Fn(&mut Release)>;
    let cases: [(&str, Change, Progress); 10] = [
        ("open", Box::new(|r| r.request().state = PullRequestState::Open), Progress::Review),
        ("closed", Box::new(|r| r.request().state = PullRequestState::Closed), Progress::Unknown),
        ("no run yet", Box::new(|r| r.run = None), Progress::Pipeline),
        ("another's run", Box::new(|r| r.run().head = sha('c')), Progress::Pipeline),
        ("running", Box::new(|_| {}), Progress::Pipeline),
        ("waiting", Box::new(move |r| r.run().waiting = vec![waiting.clone()]), Progress::Approval),
        ("approved", Box::new(move |r| r.run().decisions = vec![approved.clone()]), Progress::Delivery),
        ("failed after the approval", Box::new(|r| r.run().state = RunState::Failed), Progress::Pipeline),
        ("passed", Box::new(|r| r.run().state = RunState::Passed), Progress::Delivery),
        ("nothing", Box::new(|r| (r.request, r.run) = (None, None)), Progress::Unknown),
    ];
    for (name, change, progress) in cases {
        let mut release = release();
        change(&mut release);
        assert_eq!(release.origin().progress, progress, "{name}");
    }
}

#[test]
fn an_origin_survives_the_way_into_an_order_and_back() {
    let origin = release().origin();
    let text = serde_json::to_string(&origin).unwrap();
    assert_eq!(serde_json::from_str::<Origin>(&text).unwrap(), origin);
}
