//! Rooms as they come about: from messages, through the one function that changes them.
#![allow(
    dead_code,
    unreachable_pub,
    missing_debug_implementations,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cutover::config;
use cutover::room::intent::{Edit, Intent};
use cutover::room::logs::{
    Entry, Level, LogBatch, LogEvent, LogFilter, LogLine, LogNews, Logs, Origin, StreamStatus, shape,
};
use cutover::room::message::{
    Body, Change, Effect, Heartbeat, LinkState, Message, Observation, Outcome, Probe, SourceId, Step,
    StepState,
};
use cutover::room::rehearsal::{FaultLine, Rehearsal};
use cutover::room::{Room, Setting};
use cutover::sop::access::{Access, Permission, Right};
use cutover::sop::checklist::Checklist;
use cutover::sop::checklist::evidence::Inputs;
use cutover::sop::cluster::{
    DeploymentState, EndpointState, FieldOwner, GitOps, PodState, ReplicaSetState, ServiceState,
};
use cutover::sop::colour::{Colour, PerColour};
use cutover::sop::command::{Command, Operator};
use cutover::sop::moment::Moment;
use cutover::sop::note::{Note, Noted};
use cutover::sop::operation::{Action, OperationId};
use cutover::sop::policy::Policy;
use cutover::sop::record::{Measured, Measurement, OperationRecord, OperationResult, OutcomeRecord, Record};
use cutover::sop::repository::GitHubSetting;
use cutover::sop::signal::{Reading, Sample, Sampled, Signal, SignalId};
use cutover::sop::stages::StagePatterns;
use cutover::sop::verification::{CheckOutcome, CheckResult, PodVerification, Verification};
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// When every room's story begins.
pub const START: &str = "2026-11-22T21:00:00Z";

/// What a round of samples says.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// A share.
    pub errors: Option<f64>,
    /// Milliseconds.
    pub p95: Option<f64>,
}

/// As it should be.
pub const GOOD: Figures = Figures { errors: Some(0.0031), p95: Some(412.0) };
/// One request in eight fails.
pub const FAILING: Figures = Figures { errors: Some(0.12), p95: Some(412.0) };
/// Nothing can be told.
pub const SILENT: Figures = Figures { errors: None, p95: None };

/// A room and the time in it.
pub struct Stage {
    pub room: Room,
    pub now: Moment,
    pub effects: Vec<Effect>,
}

/// `START` and so many seconds, which may be negative.
pub fn at(seconds: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + jiff::SignedDuration::from_secs(seconds)
}

pub fn setting() -> Setting {
    Setting {
        environment: "production".into(),
        production: true,
        read_only: false,
        context: "prod-eks".into(),
        server: "https://10.0.0.1:6443".into(),
        namespace: "taxasge".into(),
        service: "backend".into(),
        selector_key: "version".into(),
        deployments: PerColour { blue: "backend-blue".into(), green: "backend-green".into() },
        url: "https://api.taxasge.example".into(),
        operator: Operator { user: "ops1".into(), host: "bastion-1".into(), session: "s1".into() },
        zone: TimeZone::fixed(jiff::tz::offset(1)),
        zone_label: "Malabo".into(),
        policy: Policy::default(),
        signals: Vec::new(),
        alerts: false,
        duty: false,
        dashboard: None,
        hotfix: None,
        api_path: None,
        checklist: None,
        github: None,
        stages: StagePatterns::default(),
        rehearsal: None,
    }
}

pub fn github() -> GitHubSetting {
    let login = |name: &str| vec![name.to_owned()];
    GitHubSetting {
        people: [("orchestrator".to_owned(), login("orch")), ("developer".to_owned(), login("dev"))].into(),
        stale_after: Duration::from_secs(120),
        ..GitHubSetting::of("taxasge/backend")
    }
}

pub fn logs() -> Logs {
    Logs::new(&config::Logs {
        filter: LogFilter::Level(Level::Error),
        tail: 100,
        max_lines: 100_000,
        max_bytes: 16 << 20,
        max_streams: 40,
    })
}

pub fn image(version: &str) -> String {
    format!("ghcr.io/taxasge/backend:{version}")
}

impl Stage {
    /// The first moments: nothing has been seen.
    pub fn loading() -> Self {
        Self::with(setting())
    }

    pub fn with(setting: Setting) -> Self {
        let now = Moment { uptime: Duration::ZERO, wall: at(0) };
        Self { room: Room::new(setting, logs(), now), now, effects: Vec::new() }
    }

    pub fn send(&mut self, body: Body) -> &mut Self {
        let effects = self.room.update(Message { at: self.now, body });
        self.effects.extend(effects);
        self
    }

    pub fn see(&mut self, observation: Observation) -> &mut Self {
        self.send(Body::Observation(observation))
    }

    pub fn learn(&mut self, outcome: Outcome) -> &mut Self {
        self.send(Body::Outcome(outcome))
    }

    pub fn want(&mut self, intent: Intent) -> &mut Self {
        self.send(Body::Intent(intent))
    }

    pub fn pass(&mut self, time: Duration) -> &mut Self {
        self.now = self.now.plus(time);
        self.send(Body::Tick)
    }

    pub fn type_in(&mut self, text: &str) -> &mut Self {
        for char in text.chars() {
            self.want(Intent::Edit(Edit::Insert(char)));
        }
        self
    }

    /// The server is heard and the URL answers with the active colour's version.
    pub fn live(&mut self) -> &mut Self {
        self.see(Observation::Heartbeat(Heartbeat {
            round_trip: Duration::from_millis(12),
            skew_seconds: Some(0),
        }));
        let cluster = &self.room.world.cluster;
        let version = cluster.active().and_then(|active| cluster.version(active)).map(str::to_owned);
        self.see(Observation::Probe(Probe { answer: Ok(200), latency: Duration::from_millis(38), version }))
    }

    fn links(&mut self) -> &mut Self {
        let sources = [
            SourceId::Service,
            SourceId::Deployments,
            SourceId::ReplicaSets,
            SourceId::Pods,
            SourceId::Endpoints,
            SourceId::Heartbeat,
        ];
        for source in sources {
            self.see(Observation::Link(source, LinkState::Live));
        }
        self
    }

    /// Both colours up, blue with the traffic, as many pods each as said.
    pub fn pair(blue: &str, green: &str, pods: usize) -> Self {
        let mut stage = Self::loading();
        stage.fill(blue, green, pods);
        stage
    }

    pub fn fill(&mut self, blue: &str, green: &str, pods: usize) -> &mut Self {
        self.links();
        self.see(Observation::Service(Some(service(
            Colour::Blue,
            "kubectl-client-side-apply",
            -30 * 86_400,
        ))));
        for (colour, version) in [(Colour::Blue, blue), (Colour::Green, green)] {
            self.see(Observation::Deployment(colour, Some(Box::new(deployment(colour, version, pods)))));
        }
        let of = |colour, version| (0..pods).map(move |n| pod(colour, version, n));
        let all: Vec<PodState> = of(Colour::Blue, blue).chain(of(Colour::Green, green)).collect();
        self.see(Observation::ReplicaSets(Change::All(vec![
            replica_set(Colour::Blue, blue, pods),
            replica_set(Colour::Green, green, pods),
        ])));
        self.see(Observation::Pods(Change::All(all)));
        self.see(Observation::Endpoints(endpoints(Colour::Blue, pods)));
        self.see(Observation::Access(access(Right::Held)));
        self.see(Observation::Command(Command::Nobody));
        self.see(Observation::Record(record()));
        self.streams(2 * pods, 2 * pods);
        self.live()
    }

    /// Blue has the traffic, green is up on a new version and verified.
    pub fn ready() -> Self {
        let mut stage = Self::pair("v1.0.0", "v1.1.0", 3);
        let mut record = record();
        record.verification = Some(verification(Colour::Green, "v1.1.0", 3, stage.now.wall));
        stage.see(Observation::Record(record)).pass(Duration::from_secs(120)).live();
        stage
    }

    /// The traffic went to green 252 s ago, and we are in command.
    pub fn watch() -> Self {
        let mut stage = Self::ready();
        stage.operate();
        let switched_at = stage.now.wall;
        stage.see(Observation::Command(Command::Mine { fence: 4 }));
        let mut record = record();
        record.verification = Some(verification(Colour::Green, "v1.1.0", 3, at(0)));
        record.operations.push(switch_record(switched_at));
        stage.see(Observation::Record(record));
        stage.log_lines(12, switched_at);
        stage.pass(Duration::from_secs(252)).live();
        stage
    }

    /// A room that keeps the procedure's checklist: a colleague has ticked and waived some
    /// of it, and it is a Sunday, outside the window.
    pub fn listing() -> Self {
        let text = "[environments.test]
            kubernetes = { namespace = 'taxasge', service = 'backend' }
            application.url = 'http://localhost:8000/'
            time_zone = 'Africa/Malabo'
            checklist.name = 'production'
            policy.window = { from = '22:00', to = '23:00', team_until = '00:30' }";
        let environment = config::read_text(text, std::path::Path::new("."), "test").unwrap();
        let mut setting = setting();
        setting.policy = environment.policy;
        setting.checklist = environment.checklist.map(Arc::new);
        let mut stage = Self::with(setting);
        stage.fill("v1.0.0", "v1.1.0", 3);
        let mut record = record();
        record.verification = Some(verification(Colour::Green, "v1.1.0", 3, stage.now.wall));
        for item in ["tests", "review", "linters", "security", "staging"] {
            record.note(said(Noted::Ticked {
                item: item.into(),
                words: String::new(),
                of: Inputs::default(),
            }));
        }
        let reason = "no maintenance".to_owned();
        record.note(said(Noted::NotApplicable { item: "users-told".into(), reason, of: Inputs::default() }));
        let reason = "Locust is down, figures of last week".to_owned();
        record.note(said(Noted::Waived { item: "performance".into(), reason, of: Inputs::default() }));
        stage.see(Observation::Record(record)).pass(Duration::from_secs(120)).live();
        stage
    }

    /// A room that measures the signals of the procedure: blue has served well for ten
    /// minutes, green is ready, and we are in command.
    pub fn measuring(change: impl FnOnce(&mut Setting)) -> Self {
        let mut setting = setting();
        setting.signals = Signal::shipped();
        setting.alerts = true;
        change(&mut setting);
        let mut stage = Self::with(setting);
        stage.fill("v1.0.0", "v1.1.0", 3);
        let mut record = record();
        record.verification = Some(verification(Colour::Green, "v1.1.0", 3, stage.now.wall));
        stage.see(Observation::Record(record));
        stage.see(Observation::Command(Command::Mine { fence: 4 }));
        stage.see(Observation::Alerts(Vec::new()));
        stage.measure(120, GOOD)
    }

    /// [`Stage::measuring`], and the traffic has just gone to green.
    pub fn released(change: impl FnOnce(&mut Setting)) -> Self {
        let mut stage = Self::measuring(change);
        stage.switch_over();
        stage
    }

    /// The traffic goes to green.
    pub fn switch_over(&mut self) -> &mut Self {
        self.operate();
        let mut record = self.room.record.clone().unwrap();
        record.operations.push(switch_record(self.now.wall));
        self.see(Observation::Record(record))
    }

    /// So many rounds of samples, 5 s apart; `None` is an answer without a value.
    pub fn measure(mut self, rounds: usize, figures: Figures) -> Self {
        for _ in 0..rounds {
            self.sample(figures);
        }
        self
    }

    /// One round of samples, 5 s after the last.
    pub fn sample(&mut self, figures: Figures) -> &mut Self {
        self.pass(Duration::from_secs(5)).live();
        let at = self.now.wall;
        let sampled = |id: &str, value: Option<f64>| {
            let reading = value.map_or_else(|| Reading::NoData("no series".into()), Reading::of);
            let requests = Some(1_240.0);
            let sample = Sample {
                requests,
                week_ago: (id == SignalId::REQUESTS).then_some(1_000.0),
                maximum: Some(100.0),
                ..Sample::new(at, reading)
            };
            Sampled { signal: id.into(), colour: None, sample }
        };
        self.see(Observation::Samples(vec![
            sampled(SignalId::ERROR_RATE, figures.errors),
            sampled(SignalId::P95, figures.p95),
            sampled(SignalId::REQUESTS, Some(1_043.0)),
            sampled(SignalId::CONNECTIONS, Some(40.0)),
            sampled(SignalId::MEMORY, Some(0.55)),
        ]));
        self.see(Observation::Alerts(self.room.metrics.alerts.clone().unwrap_or((self.now, Vec::new())).1))
    }

    /// A switch as the executor tells it.
    fn operate(&mut self) {
        let id = OperationId("s1-1".into());
        let action = Action::Switch { to: Colour::Green };
        self.learn(Outcome::Began { id: id.clone(), action });
        let mut service = service(Colour::Green, "cutover", 120);
        service.owner = Some(FieldOwner { manager: cutover::sop::MANAGER.into(), at: Some(self.now.wall) });
        self.see(Observation::Service(Some(service)));
        self.see(Observation::Endpoints(endpoints(Colour::Green, 3)));
        let steps: [(&'static str, &str, u64); 4] = [
            ("fresh read", "BLUE has the traffic, as shown", 12),
            ("patch", "selector version: blue to green", 31),
            ("endpoints", "3 of GREEN, none of BLUE", 840),
            ("probe", "200 from v1.1.0", 52),
        ];
        for (name, words, millis) in steps {
            let took = Some(Duration::from_millis(millis));
            let step = Step { name: name.into(), state: StepState::Done, words: words.into(), took };
            self.learn(Outcome::Step { id: id.clone(), step });
            self.pass(Duration::from_millis(millis));
        }
        let words = "traffic is on GREEN v1.1.0".to_owned();
        let conclusion = cutover::room::message::Conclusion::Verified { words };
        self.learn(Outcome::Ended { id, conclusion });
    }

    /// A rehearsal with two faults, one of them going on.
    pub fn rehearsal() -> Self {
        let mut stage = Self::watch();
        let setting = &mut stage.room.setting;
        (setting.environment, setting.production) = ("rehearsal".into(), false);
        setting.rehearsal = Some(Rehearsal { scenario: "bad-release".into(), speed: 30, seed: 7 });
        let fault = |name, words: &str, is_on| FaultLine { name, words: words.into(), is_on };
        stage.see(Observation::Faults(vec![
            fault("errors", "12 % of the release's answers are errors", true),
            fault("api-frozen", "the API server answers nothing", false),
        ]));
        stage
    }

    /// The pods' watch is lost and nothing was heard for 40 s.
    pub fn stale() -> Self {
        let mut stage = Self::watch();
        stage.see(Observation::Link(
            SourceId::Pods,
            LinkState::Lost { why: "connection refused (10.0.0.1:6443)".into() },
        ));
        stage.pass(Duration::from_secs(42));
        stage
    }

    /// Green's new version does not come up.
    pub fn failing() -> Self {
        let mut stage = Self::pair("v1.0.0", "v1.1.0", 3);
        let mut stuck = deployment(Colour::Green, "v1.1.0", 3);
        (stuck.updated, stuck.ready, stuck.available) = (1, 2, 2);
        stage.see(Observation::Deployment(Colour::Green, Some(Box::new(stuck))));
        let mut pods: Vec<PodState> = (0..2).map(|n| pod(Colour::Green, "v1.0.9", n)).collect();
        let mut broken = pod(Colour::Green, "v1.1.0", 7);
        broken.ready = false;
        broken.restarts = 6;
        broken.reason = Some("CrashLoopBackOff".into());
        broken.message = Some("back-off 2m40s restarting failed container".into());
        broken.last_end = Some("Error (exit 1)".into());
        pods.push(broken);
        let gone = vec![pod(Colour::Green, "v1.1.0", 2).name];
        stage.see(Observation::Pods(Change::Some { changed: pods, gone }));
        stage.pass(Duration::from_secs(95)).live();
        stage
    }

    pub fn streams(&mut self, total: usize, connected: usize) -> &mut Self {
        let followed = connected;
        let left_out = (connected..total).map(|n| Arc::from(format!("left-{n}"))).collect();
        let status = StreamStatus { total, followed, connected, left_out, ..StreamStatus::default() };
        self.log(LogNews::Status(status))
    }

    pub fn log(&mut self, news: LogNews) -> &mut Self {
        let generation = self.room.logs.order().generation;
        self.see(Observation::Logs(LogEvent { generation, news }))
    }

    /// `count` lines of both colours around a time: the first third before it.
    pub fn log_lines(&mut self, count: u64, around: Timestamp) -> &mut Self {
        let texts = [
            "ERROR treasury gateway timed out after 3000 ms request_id=8f2a11",
            "ERROR connection reset by peer 10.1.2.3:5432",
            "{\"level\":\"error\",\"msg\":\"payment refused\",\"amount\":1200}",
            "FATAL out of memory in worker 4",
        ];
        let entries = (0..count).map(|n| {
            let seconds = Duration::from_millis(n * 700);
            let time = around - Duration::from_secs(count * 7 / 30) + seconds;
            let colour = if n % 3 == 0 { Colour::Blue } else { Colour::Green };
            // Shapes that only the new version has come after the switch.
            let kinds = if time < around { 2 } else { texts.len() as u64 };
            let text = texts[usize::try_from(n % kinds).unwrap()];
            line(time, colour, text)
        });
        self.log(LogNews::Batch(LogBatch { entries: entries.collect(), read: count * 40 }))
    }

    /// One line of a colour.
    pub fn log_line(&mut self, colour: Colour, time: Timestamp, text: &str) -> &mut Self {
        self.log(LogNews::Batch(LogBatch { entries: vec![line(time, colour, text)], read: 1 }))
    }
}

/// What a colleague wrote down in the first minute.
pub fn said(what: Noted) -> Note {
    Note { at: at(30), by: "ops2@bastion-2/s2".into(), what }
}

/// What an operator said at some time.
pub fn said_at(at: Timestamp, what: Noted) -> Note {
    Note { at, ..said(what) }
}

/// The checklist of production where a database is configured.
pub fn with_database() -> Arc<Checklist> {
    let text = "[environments.test]
        kubernetes = { namespace = 'taxasge', service = 'backend' }
        application.url = 'http://localhost:8000/'
        checklist.name = 'production'
        database.migrations = 'alembic'";
    let environment = config::read_text(text, std::path::Path::new("."), "test").unwrap();
    Arc::new(environment.checklist.unwrap())
}

pub fn line(time: Timestamp, colour: Colour, text: &str) -> Entry {
    let text = cutover::room::logs::sanitise_text(text);
    Entry::Line(LogLine {
        at: time,
        origin: Origin { pod: Arc::from(pod(colour, "v1.1.0", 1).name), colour },
        level: Level::of(&text),
        shape: shape(&text).into(),
        text: text.as_str().into(),
        previous: false,
    })
}

pub fn service(active: Colour, manager: &str, set_at: i64) -> ServiceState {
    ServiceState {
        name: "backend".into(),
        uid: "uid-1".into(),
        resource_version: "7".into(),
        created: Some(at(-30 * 86_400)),
        selector: BTreeMap::from([("version".into(), active.name().into())]),
        selector_value: Some(active.name().into()),
        active: Some(active),
        owner: Some(FieldOwner { manager: manager.into(), at: Some(at(set_at)) }),
        gitops: None,
        mark: None,
    }
}

pub fn gitops() -> GitOps {
    GitOps { controller: "Argo CD", application: "taxasge-backend".into() }
}

pub fn deployment(colour: Colour, version: &str, pods: usize) -> DeploymentState {
    let pods = i32::try_from(pods).unwrap();
    DeploymentState {
        name: format!("backend-{colour}"),
        uid: format!("uid-{colour}"),
        resource_version: "9".into(),
        generation: 4,
        observed_generation: 4,
        desired: pods,
        replicas: pods,
        updated: pods,
        ready: pods,
        available: pods,
        image: Some(image(version)),
        revision: Some(4),
        ..DeploymentState::default()
    }
}

pub fn replica_set(colour: Colour, version: &str, pods: usize) -> ReplicaSetState {
    ReplicaSetState {
        name: format!("backend-{colour}-84d4"),
        colour: Some(colour),
        revision: Some(4),
        hash: Some("84d4".into()),
        image: Some(image(version)),
        desired: i32::try_from(pods).unwrap(),
        ready: i32::try_from(pods).unwrap(),
        created: Some(at(0)),
    }
}

pub fn pod(colour: Colour, version: &str, n: usize) -> PodState {
    let ending = ["6rrw5", "9x5sl", "dqk62", "p4zzt", "x1m8c"]
        .get(n)
        .map_or_else(|| format!("{n:05}"), |s| (*s).into());
    PodState {
        name: format!("backend-{colour}-84d4c7b9f-{ending}"),
        colour: Some(colour),
        phase: "Running".into(),
        ready: true,
        created: Some(at(0) - Duration::from_secs(540 + u64::try_from(n).unwrap())),
        node: Some(format!("ip-10-0-{}-12", n % 200)),
        image: Some(image(version)),
        image_id: Some("sha256:0a1b2c".into()),
        hash: Some("84d4".into()),
        address: Some("10.244.1.17".into()),
        ..PodState::default()
    }
}

pub fn endpoints(colour: Colour, pods: usize) -> Vec<EndpointState> {
    (0..pods)
        .map(|n| EndpointState {
            address: format!("10.244.1.{n}"),
            pod: Some(pod(colour, "", n).name),
            ready: true,
        })
        .collect()
}

pub fn access(right: Right) -> Access {
    Access(Permission::OPERATOR.iter().chain(Permission::VIEWER).map(|each| (*each, right.clone())).collect())
}

pub fn record() -> Record {
    let measured = |of, millis| Measurement { of, millis, at: at(0) };
    Record {
        measurements: vec![
            measured(Measured::Switch, 940),
            measured(Measured::Rollout, 41_000),
            measured(Measured::ScaleUp, 38_000),
        ],
        ..Record::default()
    }
}

pub fn switch_record(at: Timestamp) -> OperationRecord {
    OperationRecord {
        id: OperationId("s1-1".into()),
        action: Action::Switch { to: Colour::Green },
        by: "ops1@bastion-1/s1".into(),
        at,
        fence: Some(4),
        active_before: Some(Colour::Blue),
        desired_before: None,
        overrides: Vec::new(),
        reason: None,
        outcome: Some(OutcomeRecord {
            result: OperationResult::Verified,
            at,
            words: "traffic is on GREEN v1.1.0".into(),
            settled_by: None,
        }),
    }
}

pub fn verification(colour: Colour, version: &str, pods: usize, at: Timestamp) -> Verification {
    let check = CheckResult { path: "/health".into(), outcome: CheckOutcome::Pass, latency_ms: Some(12) };
    Verification {
        at,
        by: "ops1@bastion-1".into(),
        colour,
        image: image(version),
        hash: Some("84d4".into()),
        pods: (0..pods)
            .map(|n| PodVerification { pod: pod(colour, version, n).name, checks: vec![check.clone()] })
            .collect(),
    }
}
