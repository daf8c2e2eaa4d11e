//! `cutover`: from the command line to the room or to one headless action.

use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use clap::Parser as _;
use color_eyre::eyre::{Result, WrapErr as _};
use cutover::cli::{Cli, ColourWhen, Command, Common, Doctor, Rehearse};
use cutover::clock::Clock;
use cutover::config::{self, Environment};
use cutover::control::{Control, Use, check, headless, rehearse, screen, status, watching};
use cutover::doctor;
use cutover::rehearsal::stage::StageError;

use cutover::sop::command::Operator;
use cutover::sop::hotfix::Hotfix;
use cutover::sop::repository::ReleaseChoice;
use cutover::term::{self, Screen};
use cutover::ui::Look;
use cutover::{diagnostics, operator};
use tokio::runtime::Runtime;

/// Threads for everything that waits for the network or the disk.
const WORKERS: usize = 2;
/// Threads for blocking calls: the journal's disk, mostly.
const BLOCKING: usize = 8;

/// Writes a line to standard error, whether or not anybody can read it: `eprintln!`
/// panics when the terminal is gone.
macro_rules! complain {
    ($($words:tt)*) => {{
        let _ = writeln!(io::stderr(), $($words)*);
    }};
}

fn main() -> ExitCode {
    let clock = Clock::start();
    let cli = Cli::parse();
    match run(cli, clock) {
        Ok(status) => ExitCode::from(status),
        Err(report) => {
            complain!("cutover: {report:#}");
            ExitCode::from(headless::FAILED)
        }
    }
}

fn run(cli: Cli, clock: Clock) -> Result<u8> {
    term::panic::install()?;
    // reqwest panics without a default provider. A second one would be an error of ours.
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::warn!("another TLS provider was installed before");
    }
    if let Err(error) = diagnostics::start(&cli.common.log_level, cli.common.log_file.as_deref()) {
        complain!("cutover: {error}");
        return Ok(headless::USAGE);
    }
    if let Some(Command::Rehearse(options)) = &cli.command {
        return rehearse(options, &cli.common, clock);
    }
    let environment = match environment(&cli.common, clock) {
        Ok(environment) => environment,
        Err(error) => {
            complain!("{error}");
            return Ok(headless::USAGE);
        }
    };
    let operator = operator::this();
    let runtime = runtime().wrap_err("the runtime could not be started")?;
    match &cli.command {
        None => room(&runtime, environment, operator, clock, cli.common.color),
        Some(Command::Status(options)) => Ok(runtime.block_on(async {
            status::run(Control::start(environment, operator, clock, Use::Look), options).await
        })),
        Some(Command::Watch(options)) => Ok(runtime.block_on(async {
            watching::run(watching::start(environment, operator, clock, options), options).await
        })),
        Some(Command::Check(options)) => Ok(runtime.block_on(async {
            check::run(Control::start(environment, operator, clock, Use::Action), options).await
        })),
        Some(Command::Doctor(options)) => runtime.block_on(examine(&environment, options)),
        Some(action) => Ok(runtime.block_on(async {
            headless::run(Control::start(environment, operator, clock, Use::Action), action).await
        })),
    }
}

fn environment(common: &Common, clock: Clock) -> Result<Environment, config::ConfigError> {
    let mut environment = config::load(common.config.as_deref(), common.env.as_deref())?;
    environment.read_only |= common.read_only;
    if let Some(github) = &mut environment.github {
        github.release = match (common.pull_request, &common.release) {
            (Some(number), _) => ReleaseChoice::PullRequest(number),
            (None, Some(version)) => ReleaseChoice::Version(version.clone()),
            (None, None) => ReleaseChoice::Found,
        };
    }
    match &common.hotfix {
        None => Ok(environment),
        Some(branch) => {
            let detected = common.detected.unwrap_or(clock.now().wall);
            environment.for_hotfix(branch, Hotfix { detected })
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()
}

fn room(
    runtime: &Runtime,
    environment: Environment,
    operator: Operator,
    clock: Clock,
    colour: ColourWhen,
) -> Result<u8> {
    if !has_terminal() {
        complain!(
            "cutover: the room needs a terminal; without one use `cutover status` or an action (see --help)"
        );
        return Ok(headless::USAGE);
    }
    let screen = Screen::enter().wrap_err("the terminal could not be taken")?;
    let mut control = {
        let _entered = runtime.enter();
        Control::start(environment, operator, clock, Use::Screen)
    };
    let left = screen::run(runtime, &mut control, screen, look(colour)).wrap_err("the terminal failed");
    runtime.block_on(control.leave());
    left
}

fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

fn look(colour: ColourWhen) -> Look {
    Look { colour: wants_colour(colour), unicode: speaks_unicode() }
}

/// The room, the autopilot or nobody in a world of its own.
fn rehearse(options: &Rehearse, common: &Common, clock: Clock) -> Result<u8> {
    if options.list {
        rehearse::list(options.output);
        return Ok(0);
    }
    let scenario = match rehearse::scenario(options) {
        Ok(scenario) => scenario,
        Err(error) => {
            complain!("cutover: {error}");
            return Ok(headless::USAGE);
        }
    };
    if !options.plain && !options.serve && !has_terminal() {
        complain!("cutover: the room needs a terminal; without one use --plain or --serve (see --help)");
        return Ok(headless::USAGE);
    }
    let runtime = runtime().wrap_err("the runtime could not be started")?;
    if options.serve {
        return runtime.block_on(async {
            let mut stage = rehearse::raise(options, scenario).await?;
            // Whoever reads them may do so later.
            stage.keep_directory();
            Ok(rehearse::serve(&stage, options.output).await?)
        });
    }
    let screen =
        if options.plain { None } else { Some(Screen::enter().wrap_err("the terminal could not be taken")?) };
    let (stage, mut control) = runtime.block_on(async {
        let stage = rehearse::raise(options, scenario).await?;
        let control = rehearse::room(&stage, options, operator::this(), clock)?;
        Ok::<_, StageError>((stage, control))
    })?;
    let Some(screen) = screen else {
        return Ok(runtime.block_on(rehearse::plain(&stage, control, options.output))?);
    };
    let left =
        screen::run(&runtime, &mut control, screen, look(common.color)).wrap_err("the terminal failed");
    rehearse::print_score(&stage, &control);
    runtime.block_on(control.leave());
    left
}

async fn examine(environment: &Environment, options: &Doctor) -> Result<u8> {
    let findings = doctor::examine(environment).await;
    // A reader that went away wants no more.
    let _ = writeln!(io::stdout(), "{}", doctor::render(&findings, options.output));
    Ok(doctor::exit_status(&findings))
}

/// <https://no-color.org>, and terminals that say they know no colours.
fn wants_colour(when: ColourWhen) -> bool {
    match when {
        ColourWhen::Always => true,
        ColourWhen::Never => false,
        ColourWhen::Auto => {
            let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
            !set("NO_COLOR") && std::env::var("TERM").is_ok_and(|term| term != "dumb")
        }
    }
}

/// Whether the locale is UTF-8, by the variables' order of precedence (POSIX, "Internationalization Variables").
fn speaks_unicode() -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
}
