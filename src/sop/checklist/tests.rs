//! How items stand: by table, and for whatever was found, said and passed, by property.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::time;
use jiff::tz::TimeZone;

mod properties;

use super::evidence::{Evidence, Found, Input, Inputs};
use super::facts::{Facts, look};
use super::standing::{Held, Known, Standing, State, began, count, held, mark, stand};
use super::*;
use crate::sop::alert::{Duty, OnCall};
use crate::sop::cluster::{Cluster, PodState, ServiceState};
use crate::sop::colour::Colour;
use crate::sop::moment::Moment;
use crate::sop::note::{Note, Noted};
use crate::sop::operation::{Action, OperationId};
use crate::sop::record::{OperationRecord, OperationResult, OutcomeRecord, Record};
use crate::sop::window::{DeployWindow, Hours};

const HOUR: u64 = 3600;
/// A Tuesday, 22:15 in Malabo.
const NIGHT: &str = "2026-11-24T21:15:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// So many seconds after the night began.
fn moment(seconds: u64) -> Moment {
    Moment { uptime: Duration::ZERO, wall: at(NIGHT) }.plus(Duration::from_secs(seconds))
}

fn item(verifier: Verifier) -> Item {
    Item {
        id: "tests".into(),
        group: "code".into(),
        words: Words { en: "tests pass".into(), fr: "tests passants".into() },
        verifier,
        holds: Some(Duration::from_secs(HOUR)),
        depends: vec![Input::Head],
        blocks: vec![Gate::Switch],
        may_waive: MayWaive::Anyone,
        may_confirm: false,
        overridable: true,
        if_necessary: false,
        needs_database: false,
    }
}

fn asked() -> Verifier {
    let http = Http {
        url: "http://h/".into(),
        status: 200,
        field: Some("/status".into()),
        expect: Expect::Equal("ok".into()),
    };
    Verifier::Asked(Question { ask: Ask::Http(http), limit: Duration::from_secs(5) })
}

fn head(head: &str) -> Inputs {
    Inputs { head: Some(head.into()), ..Inputs::default() }
}

fn evidence(found: Found, seconds: u64, of: &Inputs) -> Evidence {
    Evidence { found, seen: "412 tests".into(), from: "ci".into(), at: moment(seconds), of: of.clone() }
}

fn note(seconds: u64, what: Noted) -> Note {
    Note { at: moment(seconds).wall, by: "ops2@bastion/s".into(), what }
}

fn ticked(of: &Inputs) -> Noted {
    Noted::Ticked { item: "tests".into(), words: "looked".into(), of: of.clone() }
}

fn waived(of: &Inputs) -> Noted {
    Noted::Waived { item: "tests".into(), reason: "flaky".into(), of: of.clone() }
}

fn not_applicable(of: &Inputs) -> Noted {
    Noted::NotApplicable { item: "tests".into(), reason: "no runbook".into(), of: of.clone() }
}

fn state(
    item: &Item,
    evidence: Option<&Evidence>,
    mark: Option<&Note>,
    release: &Inputs,
    now: u64,
) -> Standing {
    stand(item, Known { evidence, running: false, mark }, release, moment(now))
}

#[test]
fn what_was_found_holds_for_its_time_and_its_release() {
    let (item, release) = (item(asked()), head("abc"));
    let pass = evidence(Found::Pass, 0, &release);
    let stands = |now, release: &Inputs| state(&item, Some(&pass), None, release, now);
    assert_eq!(stands(HOUR - 1, &release).state, State::Pass);
    assert_eq!(stands(HOUR - 1, &release).left, Some(Duration::from_secs(1)));
    let old = stands(HOUR, &release);
    assert_eq!((old.state, old.words.as_str()), (State::Stale, "60 min old, holds 60 min: 412 tests"));
    let other = stands(10, &head("def"));
    assert_eq!((other.state, other.words.as_str()), (State::Stale, "the head changed since: 412 tests"));
    // An image that is not among what it depends on changes nothing for it.
    let image = Inputs { image: Some("backend:v2".into()), ..release.clone() };
    assert_eq!(stands(10, &image).state, State::Pass);
    // Found before the head was known: of which head nobody can tell.
    let blind = evidence(Found::Pass, 0, &Inputs::default());
    assert_eq!(state(&item, Some(&blind), None, &release, 10).state, State::Stale);
    assert_eq!(state(&item, Some(&blind), None, &Inputs::default(), 10).state, State::Pass);
    assert_eq!(state(&item, None, None, &release, 0).state, State::Unknown);
    let running = Known { evidence: Some(&pass), running: true, mark: None };
    assert_eq!(stand(&item, running, &release, moment(HOUR)).state, State::Running);
    assert_eq!(
        stand(&item, running, &release, moment(10)).state,
        State::Pass,
        "no flicker while it is renewed"
    );
}

#[test]
fn a_wall_clock_set_back_makes_nothing_young_again() {
    let (item, release) = (item(asked()), head("abc"));
    let pass = evidence(Found::Pass, 0, &release);
    let later = Moment { uptime: Duration::from_secs(2 * HOUR), wall: at(NIGHT) };
    let known = Known { evidence: Some(&pass), ..Known::default() };
    assert_eq!(stand(&item, known, &release, later).state, State::Stale);
}

#[test]
fn operators_say_what_may_be_said_and_no_more() {
    let release = head("abc");
    let marks = [ticked(&release), waived(&release), not_applicable(&release)].map(|what| note(0, what));
    let manual = item(Verifier::Manual);
    let confirmed = Item { may_confirm: true, ..item(asked()) };
    let strict = Item { may_waive: MayWaive::Nobody, ..item(asked()) };
    let necessary = Item { if_necessary: true, ..item(asked()) };
    let fail = evidence(Found::Fail, 0, &release);
    let unknown = evidence(Found::Unknown, 0, &release);
    use State::{Fail, Manual, NotApplicable, Pass, Unknown, Waived};
    // Of each: ticked, waived, not applicable.
    let cases = [
        ("manual", &manual, None, [Pass, Waived, Manual]),
        ("confirmed unknown", &confirmed, Some(&unknown), [Pass, Waived, Unknown]),
        ("confirmed fail", &confirmed, Some(&fail), [Fail, Waived, Fail]),
        ("strict", &strict, Some(&fail), [Fail, Fail, Fail]),
        ("strict unknown", &strict, Some(&unknown), [Unknown, Unknown, Unknown]),
        ("if necessary", &necessary, Some(&fail), [Fail, Waived, NotApplicable]),
    ];
    for (name, item, evidence, expected) in cases {
        let states = marks.each_ref().map(|mark| state(item, evidence, Some(mark), &release, 10).state);
        assert_eq!(states, expected, "{name}");
    }
    let tick = state(&manual, None, Some(&marks[0]), &release, 10);
    assert_eq!((tick.by.as_deref(), tick.words.as_str()), (Some("ops2@bastion"), "looked"));
    assert_eq!(state(&manual, None, Some(&marks[0]), &release, HOUR).state, State::Stale);
    // A waiver was for that head alone.
    assert_eq!(state(&manual, None, Some(&marks[1]), &head("def"), 10).state, State::Stale);
}

fn operation(n: u64, action: Action, result: Option<OperationResult>) -> OperationRecord {
    let at = moment(n).wall;
    let outcome = result.map(|result| OutcomeRecord { result, at, words: String::new(), settled_by: None });
    OperationRecord {
        id: OperationId(format!("op-{n}")),
        action,
        by: "ops1@b/s".into(),
        at,
        fence: None,
        active_before: None,
        desired_before: None,
        overrides: Vec::new(),
        reason: None,
        outcome,
    }
}

#[test]
fn what_was_said_counts_for_one_release() {
    let switch = |n, result| operation(n, Action::Switch { to: Colour::Green }, Some(result));
    let deploy = |n| operation(n, Action::Deploy { colour: Colour::Green, image: "i".into() }, None);
    let verified = OperationResult::Verified;
    let began_after = |operations: Vec<OperationRecord>| {
        let record = Record { operations, ..Record::default() };
        began(&record)
    };
    assert_eq!(began_after(vec![deploy(1), switch(2, verified)]), Timestamp::MIN, "it is still the same");
    let closed = operation(9, Action::Close, Some(verified));
    assert_eq!(began_after(vec![switch(2, verified), closed]), moment(9).wall);
    assert_eq!(began_after(vec![switch(2, verified), deploy(5), deploy(6)]), moment(5).wall);
    assert_eq!(began_after(vec![switch(2, OperationResult::Failed), deploy(5)]), Timestamp::MIN);

    let notes = [
        note(1, ticked(&Inputs::default())),
        note(7, waived(&Inputs::default())),
        note(8, Noted::Bug { words: "x".into() }),
    ];
    assert_eq!(mark(&notes, "tests", Timestamp::MIN), Some(&notes[1]));
    assert_eq!(mark(&notes[..1], "tests", moment(5).wall), None);
    assert_eq!(mark(&notes, "review", Timestamp::MIN), None);
}

#[test]
fn of_each_item_the_record_keeps_what_was_said_last() {
    let mut record = Record::default();
    for second in 0..300 {
        record.note(note(second, ticked(&Inputs::default())));
    }
    record.note(note(300, Noted::Bug { words: "x".into() }));
    record.note(note(301, Noted::Unticked { item: "tests".into() }));
    let kept: Vec<String> = record.notes.iter().map(Note::words).collect();
    assert_eq!(kept, ["critical bug: x", "took back what was said of tests"]);
}

#[test]
fn marks_are_plain_json_in_the_record() {
    let text = serde_json::to_string(&note(0, waived(&head("abc")))).unwrap();
    let plain = r#"{"at":"2026-11-24T21:15:00Z","by":"ops2@bastion/s","note":"waived","item":"tests","reason":"flaky","of":{"head":"abc"}}"#;
    assert_eq!(text, plain);
    let bare = r#"{"at":"2026-11-24T21:15:00Z","by":"x","note":"ticked","item":"tests"}"#;
    let bare: Note = serde_json::from_str(bare).unwrap();
    assert_eq!(
        bare.what,
        Noted::Ticked { item: "tests".into(), words: String::new(), of: Inputs::default() }
    );
}

#[test]
fn the_first_open_item_holds_an_action_up_with_its_words() {
    let group = Group { id: "code".into(), words: Words::default() };
    let mut second = item(Verifier::Manual);
    (second.id, second.overridable) = ("review".into(), false);
    let checklist = Checklist {
        name: "test".into(),
        language: Language::French,
        groups: vec![group],
        items: vec![item(asked()), second],
    };
    let release = Inputs::default();
    let fail = evidence(Found::Fail, 0, &release);
    let standings = [
        state(&checklist.items[0], Some(&fail), None, &release, 1),
        state(&checklist.items[1], None, None, &release, 1),
    ];
    let expected = Held {
        gates: vec![Gate::Switch],
        words: "tests passants (fail): 412 tests".into(),
        overridable: true,
    };
    let all = held(&checklist, &standings);
    assert_eq!(all[0], expected);
    assert_eq!(all[1].words, "tests passants (manual): an operator has to say so");
    assert!(!all[1].overridable);
    assert_eq!(count(&checklist, &standings, "code"), (0, 2));
}

/// What the room knows on a night that is as it should be.
struct Night {
    window: DeployWindow,
    duty: (Moment, Duty),
    cluster: Cluster,
}

fn night() -> Night {
    let hours = Hours {
        days: Days::range(Weekday::Tuesday, Weekday::Thursday),
        from: time(22, 0, 0, 0),
        to: time(23, 0, 0, 0),
        team_until: Some(time(23, 30, 0, 0)),
    };
    let zone = TimeZone::get("Africa/Malabo").unwrap();
    let person = OnCall { name: "Ana".into(), level: 1, until: None };
    let service = ServiceState {
        name: "backend".into(),
        uid: "u".into(),
        resource_version: "1".into(),
        created: None,
        selector: std::collections::BTreeMap::new(),
        selector_value: Some("blue".into()),
        active: Some(Colour::Blue),
        owner: None,
        gitops: None,
        mark: None,
    };
    let mut cluster = Cluster { service: Some(service), ..Cluster::default() };
    let pod = PodState {
        name: "g1".into(),
        colour: Some(Colour::Green),
        phase: "Running".into(),
        ..PodState::default()
    };
    cluster.pods.insert("g1".into(), pod);
    Night {
        window: DeployWindow { zone, label: "Malabo".into(), hours: Some(hours), freezes: Vec::new() },
        duty: (moment(0), Duty { on_call: vec![person], incidents: Vec::new() }),
        cluster,
    }
}

impl Night {
    fn look(&self, verifier: &Verifier, now: Moment) -> (Found, String) {
        let facts = Facts {
            now,
            window: Some(&self.window),
            zone: (&self.window.zone, "Malabo"),
            on_call: Duration::from_secs(HOUR),
            duty: Some(&self.duty),
            cluster: Some(&self.cluster),
            repository: None,
        };
        let (found, seen, _) = look(verifier, &facts).unwrap();
        (found, seen)
    }
}

fn said(found: Found, words: &str) -> (Found, String) {
    (found, words.to_owned())
}

#[test]
fn the_clock_verifies_window_team_and_day() {
    let night = night();
    let looked =
        |clock, wall: &str| night.look(&Verifier::Clock(clock), Moment { wall: at(wall), ..moment(0) });
    assert_eq!(looked(Clock::Window, NIGHT), said(Found::Pass, "open until 23:00 Malabo (22:00 UTC)"));
    assert_eq!(looked(Clock::Window, "2026-11-24T22:15:00Z").0, Found::Fail);
    assert_eq!(
        looked(Clock::TeamTime, NIGHT),
        said(Found::Pass, "the team is there until 23:30 Malabo (22:30 UTC): 75 min, 60 are needed")
    );
    assert_eq!(
        looked(Clock::TeamTime, "2026-11-24T21:31:00Z"),
        said(Found::Fail, "the team is there until 23:30 Malabo (22:30 UTC): 59 min, 60 are needed")
    );
    assert_eq!(looked(Clock::not_friday(), NIGHT), said(Found::Pass, "today is Tue in Malabo"));
    // Friday begins an hour earlier there than in UTC.
    assert_eq!(
        looked(Clock::not_friday(), "2026-11-26T23:30:00Z"),
        said(Found::Fail, "today is Fri in Malabo")
    );
    assert_eq!(looked(Clock::NoFreeze, NIGHT).0, Found::Pass);
    let facts = Facts {
        now: moment(0),
        window: None,
        zone: (&TimeZone::UTC, "UTC"),
        on_call: Duration::from_secs(HOUR),
        duty: None,
        cluster: None,
        repository: None,
    };
    for verifier in [
        Verifier::Clock(Clock::Window),
        Verifier::Clock(Clock::NoFreeze),
        Verifier::Clock(Clock::TeamTime),
        Verifier::OnCall,
        Verifier::Configuration,
    ] {
        assert_eq!(look(&verifier, &facts).unwrap().0, Found::Unknown, "{verifier:?}");
    }
}

#[test]
fn a_freeze_fails_and_says_which() {
    let mut night = night();
    let date = jiff::civil::date(2026, 11, 24);
    night.window.freezes.push(crate::sop::window::Freeze { name: "audit".into(), first: date, last: date });
    let (found, words) = night.look(&Verifier::Clock(Clock::NoFreeze), moment(0));
    assert!(found == Found::Fail && words.starts_with("freeze: audit"), "{words}");
}

#[test]
fn somebody_has_to_be_on_call_and_it_has_to_be_known_lately() {
    let mut night = night();
    assert_eq!(night.look(&Verifier::OnCall, moment(10)), said(Found::Pass, "on call: Ana"));
    assert_eq!(night.look(&Verifier::OnCall, moment(301)).0, Found::Unknown);
    night.duty.1.on_call.clear();
    assert_eq!(night.look(&Verifier::OnCall, moment(10)), said(Found::Fail, "nobody is on call"));
}

#[test]
fn a_pod_that_lacks_a_secret_fails_and_pods_being_made_are_unknown() {
    let mut night = night();
    let looked = |night: &Night| night.look(&Verifier::Configuration, moment(0));
    assert_eq!(looked(&night), said(Found::Pass, "the pod of GREEN has all it names"));
    let pod = night.cluster.pods.get_mut("g1").unwrap();
    pod.phase = "Pending".into();
    assert_eq!(looked(&night).0, Found::Unknown);
    let pod = night.cluster.pods.get_mut("g1").unwrap();
    pod.reason = Some("CreateContainerConfigError".into());
    pod.message = Some("secret \"tax-key\" not found".into());
    let words = "g1 CreateContainerConfigError: secret \"tax-key\" not found";
    assert_eq!(looked(&night), said(Found::Fail, words));
    night.cluster.pods.clear();
    assert_eq!(looked(&night), said(Found::Unknown, "GREEN has no pods yet"));
}

#[test]
fn a_comparison_with_no_number_never_holds() {
    for compare in [Compare::Below(1.0), Compare::AtMost(1.0), Compare::Above(1.0), Compare::AtLeast(1.0)] {
        assert!(!compare.holds(f64::NAN), "{compare:?}");
    }
    assert!(Compare::Below(1.0).holds(0.9) && !Compare::Below(1.0).holds(1.0));
    assert!(
        Compare::AtMost(1.0).holds(1.0)
            && Compare::AtLeast(1.0).holds(1.0)
            && !Compare::Above(1.0).holds(1.0)
    );
}

#[test]
fn a_release_is_put_into_texts_or_it_is_said_that_it_is_not_known() {
    let release = Inputs { image: Some("ghcr.io/t/backend:v1.1.0".into()), ..Inputs::default() };
    assert_eq!(release.fill("{{version}} of {{image}}").unwrap(), "v1.1.0 of ghcr.io/t/backend:v1.1.0");
    assert_eq!(release.fill("{{head}}").unwrap_err(), "the head of the release is not known yet");
    assert_eq!(Inputs::default().fill("plain {{other}}").unwrap(), "plain {{other}}");
}
