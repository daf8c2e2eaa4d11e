//! The commands on the release's repository.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Confirm, Output};

/// `cutover pr`
///
/// Without one of the actions it shows the release's pull request.
#[derive(Debug, Args)]
#[group(skip)]
pub struct Pr {
    /// Open the pull request of the release
    #[arg(long, conflicts_with_all = ["merge", "delete_branch"])]
    pub create: bool,
    /// Squash it, while its head is the one that is shown
    #[arg(long, conflicts_with = "delete_branch")]
    pub merge: bool,
    /// Delete its branch once it is merged; a long-lived one is refused
    #[arg(long)]
    pub delete_branch: bool,
    /// With --merge: its number, as the confirmation
    #[arg(long, value_name = "N")]
    pub number: Option<u64>,
    /// With --create: the branch that receives it, as the confirmation
    #[arg(long, value_name = "BRANCH", requires = "create")]
    pub base: Option<String>,
    /// With --delete-branch: the branch, as the confirmation
    #[arg(long, value_name = "BRANCH", requires = "delete_branch")]
    pub branch: Option<String>,
    /// With --create: its title [default: of the newest section of CHANGELOG.md]
    #[arg(long, value_name = "TEXT", requires = "create")]
    pub title: Option<String>,
    /// With --create: a file with its text; `-` is the standard input [default: that section of CHANGELOG.md]
    #[arg(long, value_name = "FILE", requires = "create")]
    pub body_file: Option<PathBuf>,
    #[command(flatten)]
    pub confirm: Confirm,
}

/// `cutover run`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Run {
    #[command(subcommand)]
    pub what: RunCommand,
}

/// What is done with runs.
#[derive(Debug, Subcommand)]
pub enum RunCommand {
    /// The workflow's runs, the newest first
    List(RunList),
    /// The run that is followed: its stages, and what it waits for
    Show(RunShow),
    /// Run it again: the same commit, even where that is an old one
    Rerun(Rerun),
    /// Stop it; what it did already stays done
    Cancel(Cancel),
    /// Start the workflow by hand
    Dispatch(Dispatch),
}

/// `cutover run list`
#[derive(Debug, Args)]
#[group(skip)]
pub struct RunList {
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
}

/// `cutover run show`
#[derive(Debug, Args)]
#[group(skip)]
pub struct RunShow {
    /// How to print
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: Output,
}

/// `cutover run rerun`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Rerun {
    /// The run's number, as the confirmation [default: the run that is followed]
    #[arg(long, value_name = "N")]
    pub number: Option<u64>,
    /// Only the jobs that failed
    #[arg(long)]
    pub failed: bool,
    #[command(flatten)]
    pub confirm: Confirm,
}

/// `cutover run cancel`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Cancel {
    /// The run's number, as the confirmation [default: the run that is followed]
    #[arg(long, value_name = "N")]
    pub number: Option<u64>,
    #[command(flatten)]
    pub confirm: Confirm,
}

/// `cutover run dispatch`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Dispatch {
    /// The workflow's file [default: the configuration's]
    #[arg(long, value_name = "FILE")]
    pub workflow: Option<String>,
    /// The branch or tag it runs on, as the confirmation [default: the branch that receives releases]
    #[arg(long = "ref", value_name = "BRANCH")]
    pub reference: Option<String>,
    #[command(flatten)]
    pub confirm: Confirm,
}

/// `cutover approve` and `cutover reject`
#[derive(Debug, Args)]
#[group(skip)]
pub struct Decide {
    /// The environment that the run waits for, as the confirmation [default: the configuration's]
    #[arg(long, value_name = "NAME")]
    pub environment: Option<String>,
    /// The run's number: refused when another one is followed
    #[arg(long, value_name = "N")]
    pub number: Option<u64>,
    /// The run's commit, or how it begins: refused when the run is of another one
    #[arg(long, value_name = "SHA")]
    pub head: Option<String>,
    /// What is written into the approvals' history
    #[arg(long, value_name = "TEXT")]
    pub comment: Option<String>,
    #[command(flatten)]
    pub confirm: Confirm,
}

impl Pr {
    /// Whether it only looks.
    #[must_use]
    pub const fn only_looks(&self) -> bool {
        !self.create && !self.merge && !self.delete_branch
    }
}
