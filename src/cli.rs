//! The command line.

mod github;
#[cfg(test)]
mod workflows;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::sop::colour::Colour;
use crate::sop::interlock::InterlockId;

pub use github::{Cancel, Decide, Dispatch, Pr, Rerun, Run, RunCommand, RunList, RunShow};

/// The control room for blue/green deployments.
///
/// Without a command it opens the room: a full screen on both colours, their ERROR
/// logs and the actions that move traffic and take it back.
#[derive(Debug, Parser)]
#[command(name = "cutover", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub common: Common,
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// Options that every command takes.
#[derive(Debug, Args)]
pub struct Common {
    /// Configuration file [default: ./config.toml, else $XDG_CONFIG_HOME/cutover/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Environment of the configuration [default: its `default_environment`]
    #[arg(long, short, global = true, value_name = "NAME")]
    pub env: Option<String>,
    /// Follow the release of this version (`v1.1.0`) [default: the one that is under way]
    #[arg(long, global = true, value_name = "VERSION", conflicts_with = "pull_request")]
    pub release: Option<String>,
    /// Follow the release of this pull request
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub pull_request: Option<u64>,
    /// The release is a hotfix from this branch: the fast track with its own checklist, one
    /// approval and the timeline
    #[arg(long, global = true, value_name = "BRANCH")]
    pub hotfix: Option<String>,
    /// With --hotfix: when the bug was detected (`2026-01-06T21:40:00Z`) [default: now]
    #[arg(long, global = true, value_name = "TIME", requires = "hotfix")]
    pub detected: Option<jiff::Timestamp>,
    /// Change nothing, whoever asks
    #[arg(long, global = true)]
    pub read_only: bool,
    /// Keep the program's own diagnostics in this file
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Which diagnostics: error, warn, info, debug, trace, or per module (`cutover=debug,kube=info`)
    #[arg(long, global = true, value_name = "FILTER", default_value = "info")]
    pub log_level: String,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t = ColourWhen::Auto, value_name = "WHEN")]
    pub color: ColourWhen,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColourWhen {
    /// Unless NO_COLOR is set or the terminal is dumb
    Auto,
    Always,
    Never,
}

/// How a command prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Put a version on the idle colour and follow its rollout
    Deploy(Deploy),
    /// Run the configured checks against every pod of the idle colour
    Verify(Verify),
    /// Move the traffic to the idle colour
    Switch(Switch),
    /// Take the release back
    Rollback(Rollback),
    /// Scale the old colour to 0
    Retire(Retire),
    /// End the release: its watch is over, the old colour is down or kept on purpose
    Close(Close),
    /// Watch the new version after the switch; the exit status says how it went
    Watch(Watch),
    /// Show the release's pull request, open it, merge it, delete its branch
    Pr(Pr),
    /// The pipeline's runs: list, show, rerun, cancel, dispatch
    Run(Run),
    /// Let the waiting run go on to its environment
    Approve(Decide),
    /// Refuse the waiting run its environment
    Reject(Decide),
    /// Print the checklist; the exit status says whether anything on it blocks
    Check(Check),
    /// Print the state of both colours
    Status(Status),
    /// Check configuration, credentials, objects and permissions
    Doctor(Doctor),
    /// Practise in a world that lives inside the program
    Rehearse(Rehearse),
}

/// What every action takes.
#[derive(Debug, Args)]
pub struct Confirm {
    /// Do it without asking: the target named on the command line is the confirmation
    #[arg(long)]
    pub yes: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
    /// Override an interlock with a reason; it is journaled (`git-ops=agreed with the platform team`)
    #[arg(long = "override", value_name = "INTERLOCK=REASON", value_parser = parse_override)]
    pub overrides: Vec<(InterlockId, String)>,
    /// Take command from whoever holds it, with a reason; it is journaled
    #[arg(long, value_name = "REASON")]
    pub take_command: Option<String>,
}

/// `cutover deploy`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Deploy {
    /// The colour that is brought to the new version; it must be the idle one
    #[arg(long, value_name = "COLOUR")]
    pub colour: Option<Colour>,
    /// The whole image
    #[arg(long, required_unless_present = "version", conflicts_with = "version")]
    pub image: Option<String>,
    /// A tag for the image that the colour has
    #[arg(long)]
    pub version: Option<String>,
    #[command(flatten)]
    pub confirm: Confirm,
}

/// `cutover verify`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Verify {
    /// The colour that is verified; it must be the idle one
    #[arg(long, value_name = "COLOUR")]
    pub colour: Option<Colour>,
    #[command(flatten)]
    pub confirm: Confirm,
}

/// `cutover switch`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Switch {
    /// The colour that gets the traffic
    #[arg(long, value_name = "COLOUR")]
    pub to: Option<Colour>,
    #[command(flatten)]
    pub confirm: Confirm,
}

/// `cutover rollback`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Rollback {
    /// The colour that gets the traffic back
    #[arg(long, value_name = "COLOUR", conflicts_with = "undo")]
    pub to: Option<Colour>,
    /// Put the previous template back in place, on the colour that has the traffic
    #[arg(long)]
    pub undo: bool,
    /// With --undo: the name of the Service, as the confirmation
    #[arg(long, value_name = "NAME", requires = "undo")]
    pub service: Option<String>,
    /// Put this image on the idle colour, then switch to it
    #[arg(long, conflicts_with = "undo")]
    pub image: Option<String>,
    #[command(flatten)]
    pub confirm: Confirm,
}

/// `cutover retire`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Retire {
    /// The colour that is scaled to 0; it must be the idle one
    #[arg(long, value_name = "COLOUR")]
    pub colour: Option<Colour>,
    #[command(flatten)]
    pub confirm: Confirm,
}

/// `cutover close`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Close {
    /// The name of the Service, as the confirmation
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    #[command(flatten)]
    pub confirm: Confirm,
}

/// `cutover watch`
///
/// Exit status: 0 it passes, 5 it was rolled back, 7 it warns, 8 no data or stale, 9 it
/// fails; 1 it could not be watched.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Watch {
    /// How long, counted from the switch [default: the configuration's `policy.watch`]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1440))]
    pub minutes: Option<u64>,
    /// Whether a reason to roll back does so by itself after the countdown; `automatic` takes command [default: the configuration's]
    #[arg(long, value_enum, value_name = "WHEN")]
    pub rollback: Option<RollbackWhen>,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
}

/// Who rolls back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RollbackWhen {
    /// The program, after a countdown that anybody can stop
    Automatic,
    /// Nobody: the reasons are printed
    Never,
}

/// `cutover check`
///
/// Exit status: 0 nothing blocks, 3 something does; 1 it could not be looked at.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Check {
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: CheckOutput,
}

/// How the checklist is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckOutput {
    #[default]
    Text,
    /// One JSON object
    Json,
    /// A task list, for pull requests and issues
    Markdown,
}

/// `cutover status`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Status {
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
    /// Print again whenever something changed, until interrupted
    #[arg(long)]
    pub watch: bool,
}

/// `cutover doctor`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Doctor {
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
}

/// `cutover rehearse`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Rehearse {
    /// What happens in it [default: release]
    pub scenario: Option<String>,
    /// Describe the scenarios
    #[arg(long)]
    pub list: bool,
    /// Shorten the procedure's times: at 30, the watch of 30 minutes takes one
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub speed: u32,
    /// Make chance repeatable [default: another one each time]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Let the program play the operator, by the book
    #[arg(long)]
    pub autopilot: bool,
    /// Without a screen: a line for each thing that happens, played by the autopilot
    #[arg(long)]
    pub plain: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
    /// Leave the world running without a room, for other clients
    #[arg(long, conflicts_with_all = ["autopilot", "plain"])]
    pub serve: bool,
    /// Where to write kubeconfig, urls.json and config.toml [default: a new temporary directory]
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

fn parse_override(text: &str) -> Result<(InterlockId, String), String> {
    let names = || {
        let names: Vec<&str> =
            InterlockId::ALL.into_iter().filter(|id| id.overridable()).map(InterlockId::name).collect();
        names.join(", ")
    };
    let (name, reason) = text.split_once('=').ok_or("write INTERLOCK=REASON")?;
    let id = InterlockId::ALL
        .into_iter()
        .find(|id| id.name() == name)
        .ok_or_else(|| format!("`{name}` is no interlock; these may be overridden: {}", names()))?;
    if !id.overridable() {
        return Err(format!("`{name}` may not be overridden; these may: {}", names()));
    }
    if reason.trim().is_empty() {
        return Err("the reason is empty".into());
    }
    Ok((id, reason.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_override_needs_a_known_lock_and_a_reason() {
        assert_eq!(parse_override("git-ops= agreed "), Ok((InterlockId::GitOps, "agreed".into())));
        for wrong in ["git-ops", "git-ops= ", "rollout=no", "nonsense=x"] {
            assert!(parse_override(wrong).is_err(), "{wrong}");
        }
    }
}
