//! A rehearsal's GitHub beside another cluster: its pipeline calls the program's own
//! commands there.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use cutover::rehearsal::github::people::{DEVELOPER, ORCHESTRATOR, Person};
use cutover::rehearsal::github::plot::{DeployBy, Plot, Twist};
use cutover::rehearsal::github::workflow::Stage as Step;
use cutover::rehearsal::scenario::Scenario;
use cutover::rehearsal::stage::Stage;
use serde_json::Value;
use tokio::runtime::Handle;

use super::bastion::Bastion;
use super::world::World;

/// How long the pipeline's usual step takes.
const STEP: Duration = Duration::from_millis(100);

/// When a pipeline tests: the procedure has both orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    TestsFirst,
    SwitchFirst,
}

/// A GitHub whose world has a cluster too, which is nobody's.
pub struct Repository {
    stage: Stage,
    runtime: Handle,
}

impl Repository {
    /// A repository in which nobody acts by himself, and whose pipeline deploys and
    /// switches; it is served in `world`'s runtime.
    pub fn raise(world: &World, order: Order) -> Self {
        let plot = Plot {
            deploy_by: DeployBy::Pipeline,
            // The commands decide how it ends; this is about the order alone.
            twist: (order == Order::SwitchFirst).then_some(Twist::SmokeFailsAfterSwitch),
            step: STEP,
            mergeability: STEP,
            colleagues_review: false,
            ..Plot::default()
        };
        let scenario = Scenario { github: plot, measured: false, ..Scenario::default() };
        let runtime = world.runtime().clone();
        let stage = runtime.block_on(Stage::raise(scenario, 1, 1, None)).unwrap();
        Self { stage, runtime }
    }

    /// The tables that lead a person's room to it, for an environment called `lab`.
    pub fn tables(&self, person: &Person) -> String {
        let urls = self.stage.urls();
        let (url, token) = (urls["github"].as_str().unwrap(), self.token(person));
        format!(
            "[environments.lab.github]\nrepository = \"taxasge/backend\"\nurl = \"{url}\"\n\
             token_file = \"{}\"\ninterval = \"1s\"\n\
             [environments.lab.deploy]\nby = \"pipeline\"\n\
             [environments.lab.policy.rollback]\ncountdown = \"5s\"\n",
            token.display()
        )
    }

    fn token(&self, person: &Person) -> PathBuf {
        self.stage.directory().join(format!("{}.github.token", person.login))
    }

    /// What the pipeline's steps run from now on.
    pub fn runs(&self, steps: impl IntoIterator<Item = (Step, Vec<String>)>) {
        self.stage.run_in_pipeline(steps.into_iter().collect());
    }

    /// Orchestrator and developer approve the open pull request.
    pub fn colleagues_approve(&self) {
        for person in [ORCHESTRATOR, DEVELOPER] {
            self.stage.world.github.review_by(person, "APPROVE").unwrap();
        }
    }

    /// What the job of that name wrote in the newest run.
    pub fn log_of(&self, job: &str) -> String {
        let runs = self.read("repos/taxasge/backend/actions/workflows/production.yml/runs?per_page=1");
        let runs: Value = serde_json::from_str(&runs).unwrap();
        let run = &runs["workflow_runs"][0]["id"];
        let jobs: Value =
            serde_json::from_str(&self.read(&format!("repos/taxasge/backend/actions/runs/{run}/jobs")))
                .unwrap();
        let all = jobs["jobs"].as_array().unwrap();
        let job =
            all.iter().find(|known| known["name"] == job).unwrap_or_else(|| panic!("no {job}: {jobs:#}"));
        self.read(&format!("logs/{}", job["id"]))
    }

    fn read(&self, path: &str) -> String {
        let url = format!("{}/{path}", self.stage.urls()["github"].as_str().unwrap());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let request = client.get(url).bearer_auth(ORCHESTRATOR.token());
        let read = async { request.send().await?.error_for_status()?.text().await };
        self.runtime.block_on(read).unwrap()
    }
}

/// A step that calls the program as this runner's user does, once for each command, and
/// fails with the first that does.
pub fn calls(runner: &Bastion, commands: &[&[&str]]) -> Vec<String> {
    let lines = commands.iter().map(|arguments| {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--yes"]).collect();
        words(&runner.command(&arguments)).map(quoted).collect::<Vec<_>>().join(" ")
    });
    script(&lines.collect::<Vec<_>>().join(" &&\n"))
}

/// A step that runs a script.
pub fn script(text: &str) -> Vec<String> {
    vec!["sh".into(), "-c".into(), text.into()]
}

/// A command as words that any process can start it with.
fn words(command: &Command) -> impl Iterator<Item = String> {
    let text = |word: &OsStr| word.to_str().unwrap().to_owned();
    let variables = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    let variables = variables.map(move |(name, value)| format!("{}={}", text(name), text(value)));
    let program = [command.get_program()].into_iter().chain(command.get_args()).map(text);
    let place = [OsStr::new("--chdir"), command.get_current_dir().unwrap().as_os_str()].map(text);
    ["env".to_owned()].into_iter().chain(place).chain(variables).chain(program)
}

fn quoted(word: String) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}
