//! What a pod's container is to run: whether its image is there, how its program
//! behaves, how it ends.

use std::time::Duration;

use serde_json::Value;

use crate::rehearsal::application::Conduct;
use crate::rehearsal::application::process::{API_PATH, Nature};
use crate::rehearsal::cluster::object::{number, text};
use crate::rehearsal::faults::Active;
use crate::rehearsal::registry::Registry;
use crate::rehearsal::scenario::Scenario;
use crate::rehearsal::world::World;
use crate::sop::cluster::image_version;

/// What a pod asks for, as far as it is run here: its first container.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub name: String,
    pub image: String,
    /// The image's tag; empty where it has none.
    pub version: String,
    /// How long it goes on serving after it was told to go.
    pub pre_stop: Duration,
    /// How often it is asked whether it is ready.
    pub period: Duration,
    /// Whether the path that it is asked for answers well.
    pub answers_probe: bool,
    program: Program,
    spec: Value,
}

/// What the container's command comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    /// The image's own.
    Application,
    /// It ends at once with this status.
    Ends(i64),
    /// There is no such program in the image.
    Missing,
}

/// Why a container ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub code: i64,
    /// `Completed`, `Error`, `OOMKilled`, `StartError`.
    pub reason: &'static str,
    pub message: Option<String>,
}

impl Container {
    /// The container of a pod; `None` where it has none.
    pub(super) fn of(pod: &Value, registry: &Registry) -> Option<Self> {
        let spec = pod.pointer("/spec/containers/0")?.clone();
        let image = text(&spec, "/image").to_owned();
        let seconds =
            |value: Option<i64>| value.and_then(|value| u64::try_from(value).ok()).map(Duration::from_secs);
        Some(Self {
            name: text(&spec, "/name").to_owned(),
            version: registry
                .version_of(&image)
                .unwrap_or_else(|| image_version(&image).unwrap_or_default().to_owned()),
            pre_stop: sleep_of(&spec["lifecycle"]["preStop"]),
            period: seconds(number(&spec, "/readinessProbe/periodSeconds"))
                .unwrap_or(Duration::from_millis(100)),
            answers_probe: matches!(
                text(&spec, "/readinessProbe/httpGet/path"),
                "" | "/health" | "/metrics" | API_PATH
            ),
            program: program(&spec),
            image,
            spec,
        })
    }

    /// Whether this is the version that the scenario releases, whose faults it then has.
    pub(super) fn is_released(&self, scenario: &Scenario) -> bool {
        self.version == scenario.to
    }

    /// Whether the image can be pulled.
    pub(super) fn has_image(&self, registry: &Registry, scenario: &Scenario, faults: &Active) -> bool {
        let broken = faults.has("image-pull") && self.is_released(scenario);
        registry.version_of(&self.image).is_some() && !broken
    }

    /// What a run of it brings with it.
    pub(super) fn nature(&self, world: &World) -> Nature {
        Nature {
            conduct: Conduct::of(&world.scenario.users_of(&self.version), &self.spec),
            faults: self.is_released(&world.scenario).then(|| world.faults.clone()),
            started: world.clock.now(),
            limit_mib: mebibytes(text(&self.spec, "/resources/limits/memory")),
        }
    }

    /// How its program ends at once, if it does.
    pub(super) fn ends_at_once(&self, scenario: &Scenario, faults: &Active) -> Option<End> {
        let error = |code| End { code, reason: if code == 0 { "Completed" } else { "Error" }, message: None };
        match self.program {
            Program::Ends(code) => Some(error(code)),
            Program::Missing => Some(End {
                code: 128,
                reason: "StartError",
                message: Some("failed to start container: no such file or directory".into()),
            }),
            Program::Application if faults.has("crash-loop") && self.is_released(scenario) => Some(error(1)),
            Program::Application => None,
        }
    }
}

/// The programs of the image: the application, and a few of busybox.
fn program(spec: &Value) -> Program {
    let words: Vec<&str> =
        spec["command"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let named: Vec<String> = words.iter().map(|word| last(word)).collect();
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    match named.as_slice() {
        [] | ["backend", ..] => Program::Application,
        ["false", ..] | ["busybox", "false", ..] => Program::Ends(1),
        ["true", ..] | ["busybox", "true", ..] => Program::Ends(0),
        _ => Program::Missing,
    }
}

/// The seconds of a `preStop` that sleeps, by its own action or by a program.
fn sleep_of(hook: &Value) -> Duration {
    let own = number(hook, "/sleep/seconds");
    let words: Vec<&str> = hook
        .pointer("/exec/command")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let program = match words.as_slice() {
        [.., program, seconds] if program.ends_with("sleep") => seconds.parse().ok(),
        _ => None,
    };
    own.or(program)
        .and_then(|seconds| u64::try_from(seconds).ok())
        .map(Duration::from_secs)
        .unwrap_or_default()
}

/// A quantity of memory in MiB (`128Mi`, `1Gi`, bytes).
fn mebibytes(quantity: &str) -> Option<f64> {
    let digits = quantity.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = quantity.get(digits.len()..)?;
    let scale = match unit {
        "Ki" => 1.0 / 1024.0,
        "Mi" => 1.0,
        "Gi" => 1024.0,
        "k" => 1e3 / 1_048_576.0,
        "M" => 1e6 / 1_048_576.0,
        "G" => 1e9 / 1_048_576.0,
        "" => 1.0 / 1_048_576.0,
        _ => return None,
    };
    digits.parse::<f64>().ok().map(|number| number * scale)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rehearsal::faults::{Fault, Faults};
    use crate::rehearsal::scenario::IMAGE;

    fn container(spec: Value) -> Container {
        Container::of(&json!({"spec": {"containers": [spec]}}), &Registry::new(&Scenario::default())).unwrap()
    }

    #[test]
    fn commands_come_to_what_the_image_has() {
        let scenario = Scenario::default();
        let ends = |command: Value| {
            let container =
                container(json!({"name": "b", "image": format!("{IMAGE}:v1.1.0"), "command": command}));
            container.ends_at_once(&scenario, &Faults::default().active()).map(|end| (end.code, end.reason))
        };
        assert_eq!(ends(json!([])), None);
        assert_eq!(ends(json!(["/bin/busybox", "false"])), Some((1, "Error")));
        assert_eq!(ends(json!(["/bin/true"])), Some((0, "Completed")));
        assert_eq!(ends(json!(["/no/such"])), Some((128, "StartError")));
    }

    #[test]
    fn images_hooks_and_limits_are_read() {
        let scenario = Scenario::default();
        let registry = Registry::new(&scenario);
        let faults = Faults::default();
        let image = |image: &str| container(json!({"name": "b", "image": image}));
        assert!(image("ghcr.io/taxasge/backend:v1.1.1").has_image(&registry, &scenario, &faults.active()));
        assert!(!image("ghcr.io/taxasge/backend:v9").has_image(&registry, &scenario, &faults.active()));
        assert!(!image("nginx:v1.0.0").has_image(&registry, &scenario, &faults.active()));
        faults.inject(Fault::ImagePull);
        assert!(!image("ghcr.io/taxasge/backend:v1.1.0").has_image(&registry, &scenario, &faults.active()));
        assert!(image("ghcr.io/taxasge/backend:v1.0.0").has_image(&registry, &scenario, &faults.active()));
        assert_eq!(
            sleep_of(&json!({"exec": {"command": ["/bin/busybox", "sleep", "3"]}})),
            Duration::from_secs(3)
        );
        assert_eq!(sleep_of(&json!({"sleep": {"seconds": 5}})), Duration::from_secs(5));
        assert_eq!((mebibytes("128Mi"), mebibytes("1Gi"), mebibytes("x")), (Some(128.0), Some(1024.0), None));
    }
}
