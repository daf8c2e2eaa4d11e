use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::sop::pipeline::RunState;

#[test]
fn every_pair_of_words_has_its_state() {
    let state = |status: Value, conclusion: Value| {
        let run = json!({"id": 1, "head_sha": "a".repeat(40), "status": status, "conclusion": conclusion});
        serde_json::from_value::<Run>(run).unwrap().run().unwrap().state
    };
    let over = [
        ("success", RunState::Passed),
        ("failure", RunState::Failed),
        ("startup_failure", RunState::Failed),
        ("stale", RunState::Failed),
        ("cancelled", RunState::Cancelled),
        ("skipped", RunState::Skipped),
        ("timed_out", RunState::TimedOut),
        ("neutral", RunState::Neutral),
        ("action_required", RunState::Other("action_required".into())),
        ("enlightened", RunState::Other("enlightened".into())),
    ];
    for (word, wanted) in over {
        assert_eq!(state(json!("completed"), json!(word)), wanted, "{word}");
    }
    let under_way = [
        ("queued", RunState::Queued),
        ("requested", RunState::Queued),
        ("pending", RunState::Queued),
        ("waiting", RunState::Waiting),
        ("in_progress", RunState::Running),
        ("meditating", RunState::Other("meditating".into())),
    ];
    for (word, wanted) in under_way {
        assert_eq!(state(json!(word), Value::Null), wanted, "{word}");
    }
    assert_eq!(state(Value::Null, Value::Null), RunState::Other("unknown".into()));
    assert!(!state(json!("completed"), Value::Null).is_over());
}

#[test]
fn a_list_must_be_one_but_its_entries_may_be_strange() {
    assert!(serde_json::from_value::<Runs>(json!({})).is_err());
    assert!(serde_json::from_value::<Jobs>(json!({"jobs": null})).is_err());
    let runs: Runs = serde_json::from_value(json!({"workflow_runs": [
        null, 5, {}, {"id": "7"}, {"id": 7, "head_sha": "not a sha"}, {"id": 8, "head_sha": "a".repeat(40), "run_attempt": null, "actor": 5},
    ]}))
    .unwrap();
    let sound: Vec<u64> = runs.workflow_runs.iter().filter_map(Run::run).map(|run| run.id.id).collect();
    assert_eq!(sound, [8]);
}

fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("number"),
        Just("user"),
        Just("login"),
        Just("head"),
        Just("sha"),
        Just("state"),
        Just("merged_at"),
        Just("mergeable"),
        Just("jobs"),
        Just("steps"),
        Just("status"),
        Just("conclusion"),
        Just("environment"),
        Just("reviewers"),
        Just("reviewer"),
        Just("workflow_runs"),
        Just("id"),
        Just("head_sha"),
        Just("wait_timer"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        Just(json!("a".repeat(40))),
    ];
    leaf.prop_recursive(4, 48, 5, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key.clone().prop_map(str::to_owned), inner, 0..8)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_answer_is_too_strange(value in any_json()) {
        if let Ok(run) = serde_json::from_value::<Run>(value.clone())
            && let Some(run) = run.run()
        {
            prop_assert!(run.id.id > 0 && run.id.attempt > 0);
        }
        if let Ok(pull) = serde_json::from_value::<Pull>(value.clone()) {
            // What was not told to be merged is not.
            prop_assert!(pull.merged_at.is_some() || pull.merged_as().is_none());
        }
        if let Ok(List(all)) = serde_json::from_value::<List<Pending>>(value) {
            for pending in all.iter().map(Pending::pending) {
                prop_assert!(!pending.environment.chars().any(char::is_control));
            }
        }
    }
}
