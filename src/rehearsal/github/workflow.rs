//! The two workflows of the procedure: their jobs and steps ("GitHub Actions Deploy" and
//! the staging deployment).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;

use super::plot::{DeployBy, Plot, Twist};

/// The environment that has reviewers.
pub const PRODUCTION: &str = "production";
/// The other one.
pub const STAGING: &str = "staging";

/// One of the workflows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workflow {
    Production,
    Staging,
}

/// What a step does for the release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    Tests,
    Build,
    Push,
    Backup,
    Migrations,
    Deploy,
    Smoke,
    Switch,
    Notify,
}

/// A job as the workflow has it.
#[derive(Clone, Debug)]
pub struct JobPlan {
    pub key: &'static str,
    pub name: &'static str,
    pub needs: &'static [&'static str],
    pub environment: Option<&'static str>,
    /// Whether it runs whatever became of the jobs before it.
    pub always: bool,
    pub steps: Vec<StepPlan>,
}

/// A step as the workflow has it, and as the plot has it go.
#[derive(Clone, Debug)]
pub struct StepPlan {
    pub name: &'static str,
    pub stage: Option<Stage>,
    pub takes: Duration,
    pub fails: bool,
    /// Whether it really does something, in place of taking a time.
    pub acts: bool,
}

impl Workflow {
    pub const ALL: [Self; 2] = [Self::Production, Self::Staging];

    #[must_use]
    pub const fn id(self) -> u64 {
        match self {
            Self::Production => 91_200_301,
            Self::Staging => 91_200_302,
        }
    }

    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Production => "Deploy to production",
            Self::Staging => "Deploy to staging",
        }
    }

    /// Its file in the repository.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Production => ".github/workflows/production.yml",
            Self::Staging => ".github/workflows/staging.yml",
        }
    }

    /// The branch whose pushes start it.
    #[must_use]
    pub const fn branch(self) -> &'static str {
        match self {
            Self::Production => "main",
            Self::Staging => "develop",
        }
    }

    /// The environment that it deploys to, which is also its concurrency group.
    #[must_use]
    pub const fn environment(self) -> &'static str {
        match self {
            Self::Production => PRODUCTION,
            Self::Staging => STAGING,
        }
    }

    /// The workflow of that id or file name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|workflow| {
            name == workflow.id().to_string()
                || workflow.path() == name
                || workflow.path().rsplit('/').next() == Some(name)
        })
    }

    /// Its jobs, as they go in an attempt.
    #[must_use]
    pub fn jobs(self, plot: &Plot, attempt: u32) -> Vec<JobPlan> {
        let ci_fails = self == Self::Production && plot.twist == Some(Twist::CiFails) && attempt == 1;
        let mut jobs = vec![
            job(
                "tests",
                "Run all tests",
                &[],
                vec![
                    step(plot, "Check out", None, 1),
                    step(plot, "Run linters", None, 1),
                    StepPlan { fails: ci_fails, ..step(plot, "Run pytest", Some(Stage::Tests), 2) },
                ],
            ),
            job(
                "image",
                "Docker image",
                &["tests"],
                vec![
                    step(plot, "Check out", None, 1),
                    step(plot, "Build Docker image", Some(Stage::Build), 2),
                    step(plot, "Push image to registry", Some(Stage::Push), 1),
                ],
            ),
        ];
        let deploy = match self {
            Self::Production => JobPlan {
                environment: Some(PRODUCTION),
                ..job("deploy", "Production", &["image"], production(plot))
            },
            Self::Staging => JobPlan {
                environment: Some(STAGING),
                ..job(
                    "deploy",
                    "Staging",
                    &["image"],
                    vec![
                        step(plot, "Deploy to Staging K8s", Some(Stage::Deploy), 1),
                        step(plot, "Run smoke tests", Some(Stage::Smoke), 1),
                    ],
                )
            },
        };
        jobs.push(deploy);
        let notify = match self {
            Self::Production => "Notify PagerDuty & Slack",
            Self::Staging => "Notify Slack",
        };
        jobs.push(JobPlan {
            always: true,
            ..job("notify", "Notify", &["deploy"], vec![step(plot, notify, Some(Stage::Notify), 1)])
        });
        for job in &mut jobs {
            job.steps.insert(0, step(plot, "Set up job", None, 0));
            job.steps.push(step(plot, "Complete job", None, 0));
        }
        jobs
    }

    /// Its file's text: what it runs on, its jobs and the names of their steps.
    #[must_use]
    pub fn text(self, plot: &Plot) -> String {
        let mut text = format!(
            "name: {}\non:\n  push:\n    branches: [{}]\n  workflow_dispatch:\n\
             concurrency:\n  group: {}\n  cancel-in-progress: false\njobs:\n",
            self.name(),
            self.branch(),
            self.environment(),
        );
        for job in self.jobs(plot, 1) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {}:\n    name: {}\n    runs-on: ubuntu-latest", job.key, job.name);
            if !job.needs.is_empty() {
                let _ = writeln!(text, "    needs: [{}]", job.needs.join(", "));
            }
            if let Some(environment) = job.environment {
                let _ = writeln!(text, "    environment: {environment}");
            }
            let _ = writeln!(text, "    steps:");
            let inner = job.steps.len().saturating_sub(2);
            for step in job.steps.iter().skip(1).take(inner) {
                let _ = writeln!(text, "      - name: {}", step.name);
            }
        }
        text
    }
}

/// What is left to do once production is approved. Where the room deploys, it ends with
/// the migrations.
fn production(plot: &Plot) -> Vec<StepPlan> {
    let twist = plot.twist;
    let mut steps = vec![
        step(plot, "Back up the database", Some(Stage::Backup), 1),
        step(plot, "Run database migrations", Some(Stage::Migrations), 1),
    ];
    if plot.deploy_by == DeployBy::Pipeline {
        let deploy = step(plot, "Deploy to Production (Blue-Green)", Some(Stage::Deploy), 1);
        let switch = step(plot, "Switch traffic Blue → Green", Some(Stage::Switch), 1);
        let fails = matches!(twist, Some(Twist::SmokeFailsBeforeSwitch | Twist::SmokeFailsAfterSwitch));
        let smoke = StepPlan { fails, ..step(plot, "Run smoke tests", Some(Stage::Smoke), 1) };
        steps.push(deploy);
        // The procedure has both orders.
        if twist == Some(Twist::SmokeFailsAfterSwitch) {
            steps.extend([switch, smoke]);
        } else {
            steps.extend([smoke, switch]);
        }
    }
    for step in &mut steps {
        let world_does = matches!(step.stage, Some(Stage::Deploy | Stage::Switch));
        let commanded = step.stage.is_some_and(|stage| plot.commands.contains_key(&stage));
        let probes = step.stage == Some(Stage::Smoke) && !step.fails;
        step.acts = !plot.past && (commanded || world_does || probes);
    }
    steps
}

fn job(
    key: &'static str,
    name: &'static str,
    needs: &'static [&'static str],
    steps: Vec<StepPlan>,
) -> JobPlan {
    JobPlan { key, name, needs, environment: None, always: false, steps }
}

fn step(plot: &Plot, name: &'static str, stage: Option<Stage>, times: u32) -> StepPlan {
    StepPlan { name, stage, takes: plot.step * times, fails: false, acts: false }
}

/// Commands by the stage that they stand for.
pub type Commands = BTreeMap<Stage, Vec<String>>;
