//! The shared record's calls: a ConfigMap, changed by compare-and-swap.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube::api::{ObjectMeta, PostParams};

use super::{Place, labels};
use crate::sop::MANAGER;
use crate::sop::command::Operator;
use crate::sop::record::{OperationRecord, OperationResult, Record};
use crate::sop::verification::{CheckOutcome, CheckResult, PodVerification};
use crate::sources::kubernetes::{explain, shared_name};
use crate::sources::text::clean;

/// The key of the record itself.
const RECORD: &str = "record.json";
/// The key of the lines for people who look with kubectl.
const SUMMARY: &str = "summary.txt";
/// Where a record that cannot be read is kept; a number follows.
const UNREADABLE: &str = "unreadable";
/// Largest record, in bytes; a ConfigMap may have 1 MiB.
const LARGEST: usize = 512 * 1024;
/// Largest sum of unreadable records kept beside it.
const LARGEST_KEPT: usize = 384 * 1024;
/// Longest words kept of one outcome or reason, in characters.
const LONGEST_WORDS: usize = 500;
/// From this many pods on, a pod that passed is kept in one line.
const MOST_DETAILED_PODS: usize = 50;
/// Time limit of one call.
const CALL_LIMIT: Duration = Duration::from_secs(4);
/// How often a change is applied anew because somebody was faster.
const MOST_TRIES: usize = 10;

/// Why the record cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("the shared record: {0}")]
    Forbidden(String),
    #[error("the shared record: {0}")]
    Unreachable(String),
    #[error("the shared record ({name}, key {RECORD}) cannot be understood: {why}; it is left as it is")]
    Unreadable { name: String, why: String },
    #[error("the shared record changes too often to be written: try again")]
    Contended,
}

/// The record of one Service in the cluster.
#[derive(Clone, Debug)]
pub struct SharedRecord {
    config_maps: Api<ConfigMap>,
    name: String,
}

impl SharedRecord {
    /// The record of one Service.
    #[must_use]
    pub fn new(place: &Place) -> Self {
        Self {
            config_maps: Api::namespaced(place.client.clone(), &place.namespace),
            name: shared_name(&place.service),
        }
    }

    /// The ConfigMap's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) const fn api(&self) -> &Api<ConfigMap> {
        &self.config_maps
    }

    /// Reads the record; none yet is an empty one.
    ///
    /// # Errors
    /// When it cannot be reached or understood.
    pub async fn read(&self) -> Result<Record, RecordError> {
        let object = within(self.config_maps.get_opt(&self.name)).await?;
        object.as_ref().map_or_else(|| Ok(Record::default()), |object| self.parse(object))
    }

    pub(super) fn parse(&self, object: &ConfigMap) -> Result<Record, RecordError> {
        parse(object).map_err(|why| RecordError::Unreadable { name: self.name.clone(), why })
    }

    /// Applies `change` to the record as it is and writes it; read and applied anew
    /// when somebody was faster. What cannot be understood is kept under another key.
    ///
    /// # Errors
    /// When it is not known to be written.
    pub async fn change(&self, change: impl Fn(&mut Record)) -> Result<Record, RecordError> {
        for _ in 0..MOST_TRIES {
            let object = within(self.config_maps.get_opt(&self.name)).await?;
            let mut record = object.as_ref().map_or_else(|| Ok(Record::default()), parse).unwrap_or_default();
            change(&mut record);
            let next = self.object(object.clone(), bounded(record.clone()))?;
            let parameters = PostParams { field_manager: Some(MANAGER.into()), ..PostParams::default() };
            let written = match object {
                Some(_) => within(self.config_maps.replace(&self.name, &parameters, &next)).await,
                None => within(self.config_maps.create(&parameters, &next)).await,
            };
            match written {
                Err(RecordError::Contended) => {}
                other => return other.map(|_| record),
            }
        }
        Err(RecordError::Contended)
    }

    /// The object to write in place of `before`.
    fn object(&self, before: Option<ConfigMap>, record: Record) -> Result<ConfigMap, RecordError> {
        let unreadable = |why: String| RecordError::Unreadable { name: self.name.clone(), why };
        let mut object = before.unwrap_or_else(|| ConfigMap {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                labels: Some(labels()),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        });
        let broken = parse(&object).err().and_then(|_| object.data.as_ref()?.get(RECORD).cloned());
        let data = object.data.get_or_insert_default();
        if let Some(broken) = broken {
            keep_aside(data, broken).map_err(unreadable)?;
        }
        let text = serde_json::to_string(&record).map_err(|error| unreadable(error.to_string()))?;
        data.insert(RECORD.to_owned(), text);
        data.insert(SUMMARY.to_owned(), summary(&record));
        Ok(object)
    }
}

fn parse(object: &ConfigMap) -> Result<Record, String> {
    let Some(text) = object.data.as_ref().and_then(|data| data.get(RECORD)) else {
        return Ok(Record::default());
    };
    serde_json::from_str(text).map(cleaned).map_err(|error| clean(&error.to_string()))
}

/// Puts what could not be understood under a key of its own.
fn keep_aside(data: &mut BTreeMap<String, String>, broken: String) -> Result<(), String> {
    let kept = || data.iter().filter(|(key, _)| key.starts_with(UNREADABLE));
    if kept().any(|(_, known)| *known == broken) {
        return Ok(());
    }
    if kept().map(|(_, text)| text.len()).sum::<usize>() + broken.len() > LARGEST_KEPT {
        return Err("there is no room to keep it aside: move it away by hand".to_owned());
    }
    let free = (1..).map(|n| format!("{UNREADABLE}.{n}")).find(|key| !data.contains_key(key));
    data.insert(free.unwrap_or_else(|| UNREADABLE.to_owned()), broken);
    Ok(())
}

/// Texts of others, made safe for a terminal and bounded.
fn cleaned(mut record: Record) -> Record {
    for operation in &mut record.operations {
        operation.by = clean(&operation.by);
        for given in &mut operation.overrides {
            given.reason = clean(&given.reason);
        }
        if let Some(outcome) = &mut operation.outcome {
            outcome.words = clean(&outcome.words);
            outcome.settled_by = outcome.settled_by.as_deref().map(clean);
        }
    }
    if let Some(verification) = &mut record.verification {
        verification.by = clean(&verification.by);
        for pod in &mut verification.pods {
            pod.pod = clean(&pod.pod);
            for check in &mut pod.checks {
                check.path = clean(&check.path);
                if let CheckOutcome::Fail(why) | CheckOutcome::Unknown(why) = &mut check.outcome {
                    *why = clean(why);
                }
            }
        }
    }
    record
}

/// The record cut down until it fits: first words, then details of pods that
/// passed, then settled operations, then pods of the verification (which then no
/// longer lets a switch through: what was not kept was not checked).
fn bounded(mut record: Record) -> Record {
    shorten_words(&mut record);
    if let Some(verification) = &mut record.verification
        && verification.pods.len() > MOST_DETAILED_PODS
    {
        verification.pods.iter_mut().for_each(summarise);
    }
    while size(&record) > LARGEST {
        let settled = record.operations.iter().position(|operation| operation.outcome.is_some());
        match settled.filter(|_| record.operations.len() > 5) {
            Some(oldest) => drop(record.operations.remove(oldest)),
            None => match record.verification.as_mut().filter(|verification| !verification.pods.is_empty()) {
                Some(verification) => verification.pods.truncate(verification.pods.len() / 2),
                None => break,
            },
        }
    }
    record
}

fn size(record: &Record) -> usize {
    serde_json::to_string(record).map_or(0, |text| text.len())
}

fn shorten_words(record: &mut Record) {
    let shorten = |words: &mut String| {
        if let Some((end, _)) = words.char_indices().nth(LONGEST_WORDS) {
            words.truncate(end);
            words.push('…');
        }
    };
    for operation in &mut record.operations {
        operation.overrides.iter_mut().for_each(|given| shorten(&mut given.reason));
        if let Some(outcome) = &mut operation.outcome {
            shorten(&mut outcome.words);
        }
    }
    let pods = record.verification.iter_mut().flat_map(|verification| &mut verification.pods);
    for check in pods.flat_map(|pod| &mut pod.checks) {
        if let CheckOutcome::Fail(why) | CheckOutcome::Unknown(why) = &mut check.outcome {
            shorten(why);
        }
    }
}

/// One line for a pod that passed all its checks.
fn summarise(pod: &mut PodVerification) {
    if pod.passed() && pod.checks.len() > 1 {
        let slowest = pod.checks.iter().filter_map(|check| check.latency_ms).max();
        let path = format!("all {} checks", pod.checks.len());
        pod.checks = vec![CheckResult { path, outcome: CheckOutcome::Pass, latency_ms: slowest }];
    }
}

/// The last operations in lines, for `kubectl describe`.
fn summary(record: &Record) -> String {
    let mut lines = String::from("Written by cutover. Newest first.\n");
    for OperationRecord { action, by, at, outcome, .. } in record.operations.iter().rev().take(10) {
        let end = match outcome {
            None => "under way, or its program died".to_owned(),
            Some(outcome) => format!("{}: {}", result_word(outcome.result), outcome.words),
        };
        // Writing into a String cannot fail.
        let _ = writeln!(lines, "{at:.0}  {}  {}  {end}", Operator::shown(by), action.kind());
    }
    lines
}

const fn result_word(result: OperationResult) -> &'static str {
    match result {
        OperationResult::Verified => "done",
        OperationResult::AppliedNotVerified => "applied, not verified",
        OperationResult::Failed => "failed",
        OperationResult::Blocked => "blocked",
    }
}

async fn within<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, RecordError> {
    match tokio::time::timeout(CALL_LIMIT, call).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(match &error {
            // Made or removed between the read and the write.
            kube::Error::Api(status) if matches!(status.code, 404 | 409) => RecordError::Contended,
            kube::Error::Api(status) if status.code == 403 => RecordError::Forbidden(explain(&error)),
            other => RecordError::Unreachable(explain(other)),
        }),
        Err(_) => Err(RecordError::Unreachable(format!("no answer within {} s", CALL_LIMIT.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::sop::colour::Colour;
    use crate::sop::operation::{Action, OperationId};
    use crate::sop::record::OutcomeRecord;
    use crate::sop::verification::Verification;

    fn operation(n: usize, words: Option<String>) -> OperationRecord {
        OperationRecord {
            id: OperationId(format!("op-{n}")),
            action: Action::Switch { to: Colour::Green },
            by: "ops1@bastion-1/s".into(),
            at: Timestamp::UNIX_EPOCH,
            fence: None,
            active_before: None,
            desired_before: None,
            overrides: Vec::new(),
            reason: None,
            outcome: words.map(|words| OutcomeRecord {
                result: OperationResult::Verified,
                at: Timestamp::UNIX_EPOCH,
                words,
                settled_by: None,
            }),
        }
    }

    fn config_map(text: &str) -> ConfigMap {
        let data = BTreeMap::from([(RECORD.to_owned(), text.to_owned())]);
        ConfigMap { data: Some(data), ..ConfigMap::default() }
    }

    fn shared() -> SharedRecord {
        let service = tower_never();
        SharedRecord { config_maps: Api::namespaced(service, "taxasge"), name: "cutover-backend".into() }
    }

    /// A client that is never asked anything.
    fn tower_never() -> kube::Client {
        let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
        kube::Client::try_from(config).unwrap()
    }

    #[tokio::test]
    async fn what_cannot_be_understood_is_kept_aside_once() {
        let object = shared().object(Some(config_map("{broken")), Record::default()).unwrap();
        let data = object.data.clone().unwrap();
        assert_eq!(data["unreadable.1"], "{broken");
        assert_eq!(parse(&object), Ok(Record::default()));
        let mut again = object;
        again.data.as_mut().unwrap().insert(RECORD.into(), "{broken".into());
        let again = shared().object(Some(again), Record::default()).unwrap();
        assert!(!again.data.unwrap().contains_key("unreadable.2"));
        let huge = config_map(&"x".repeat(LARGEST_KEPT + 1));
        assert!(matches!(
            shared().object(Some(huge), Record::default()),
            Err(RecordError::Unreadable { .. })
        ));
    }

    #[tokio::test]
    async fn other_keys_of_the_object_stay() {
        let mut object = config_map("{}");
        object.data.as_mut().unwrap().insert("note".into(), "mine".into());
        let object = shared().object(Some(object), Record::default()).unwrap();
        assert_eq!(object.data.unwrap()["note"], "mine");
    }

    #[test]
    fn a_record_that_is_too_large_is_cut_where_it_hurts_least() {
        let mut record = Record::default();
        record.operations.push(operation(0, None));
        record.operations.extend((1..10).map(|n| operation(n, Some("x".repeat(5_000)))));
        let check =
            |path: &str| CheckResult { path: path.into(), outcome: CheckOutcome::Pass, latency_ms: Some(3) };
        let pods = (0..2_000)
            .map(|n| PodVerification {
                pod: format!("backend-green-7d9f8c-{n:05}"),
                checks: (0..20).map(|n| check(&format!("/api/v1/some-longer-path/{n}"))).collect(),
            })
            .collect();
        record.verification = Some(Verification {
            at: Timestamp::UNIX_EPOCH,
            by: "ops1@bastion-1".into(),
            colour: Colour::Green,
            image: "backend:v2".into(),
            hash: None,
            pods,
        });
        let small = bounded(record);
        assert!(size(&small) <= LARGEST);
        assert_eq!(small.verification.as_ref().unwrap().pods.len(), 2_000, "every pod's name is kept");
        assert!(small.verification.as_ref().unwrap().passed());
        assert!(small.operations.iter().any(|operation| operation.outcome.is_none()), "open ones stay");
        assert!(small.operations[1].outcome.as_ref().unwrap().words.chars().count() <= LONGEST_WORDS + 1);
    }

    #[test]
    fn hostile_text_in_the_record_does_not_reach_the_terminal() {
        let mut record = Record::default();
        record.operations.push(operation(1, Some("\u{1b}[2Jwiped".into())));
        record.operations[0].by = "eve\u{1b}]0;x\u{7}@h/s".into();
        let object = config_map(&serde_json::to_string(&record).unwrap());
        let read = parse(&object).unwrap();
        assert!(!format!("{read:?}").contains("\\u{1b}"), "{read:?}");
        assert!(!format!("{read:?}").contains("\\u{7}"), "{read:?}");
    }

    #[test]
    fn the_summary_tells_the_newest_first() {
        let mut record = Record::default();
        record.operations.push(operation(1, Some("traffic on GREEN".into())));
        record.operations.push(operation(2, None));
        let lines: Vec<String> = summary(&record).lines().map(str::to_owned).collect();
        assert!(lines[1].ends_with("switch  under way, or its program died"), "{lines:?}");
        assert!(lines[2].ends_with("done: traffic on GREEN"), "{lines:?}");
    }
}
