//! The whole file: what all environments share, each environment, and the choice.

use toml::de::DeTable;

use super::findings::{Finding, Notes};
use super::nearest::nearest;
use super::reader::Table;
use super::source::printable;
use super::types::{Environment, Policy, TeamZone};
use super::{
    Origin, alerts, application, checklist, database, github, kubernetes, metrics, pagerduty, settings,
    values, verify,
};

/// Reads and checks everything; the result is the chosen environment, `None`
/// where a mistake leaves nothing to choose or no whole environment.
pub(super) fn read<'d>(
    notes: &'d Notes,
    document: &'d DeTable<'d>,
    origin: &Origin,
    wanted: Option<&str>,
) -> Option<Environment> {
    Table::root(notes, document).finish(|root| {
        check_shared(notes, root, origin);
        let environments = root.named("environments", |found, name, table| {
            if let Some(why) = unusable(name) {
                let what = format!("expected an environment's name: {why}");
                table.note(Finding { span: Some(found.key_span.clone()), ..found.mistake(what, None) });
            }
            one(root, table, name, origin)
        });
        let names: Vec<&str> = environments.iter().map(|(name, _)| *name).collect();
        let default = default_environment(root, &names);
        let chosen = choose(notes, &names, wanted, default)?;
        environments.into_iter().find(|(name, _)| *name == chosen)?.1
    })
}

/// Checks the shared tables for themselves: an environment that overrules a
/// value of theirs would hide a mistake in it.
fn check_shared(notes: &Notes, root: &Table<'_>, origin: &Origin) {
    notes.partially(|| {
        let time_zone = zone(root).unwrap_or_else(values::utc);
        let kubernetes = root.within("kubernetes", |table| kubernetes::read(table, origin));
        let policy = root.within("policy", |table| settings::policy(table, &time_zone));
        root.within("application", |table| application::read(table, origin, &policy));
        root.within("verify", verify::read);
        root.within("logs", settings::logs);
        let metrics = root.within("metrics", |table| metrics::read(table, origin, kubernetes.as_ref()));
        root.within("alerts", |table| alerts::read(table, origin, kubernetes.as_ref(), metrics.is_some()));
        root.within("pagerduty", |table| pagerduty::read(table, origin));
        let beside = beside(root, root);
        root.within("github", |table| github::read(table, origin, beside));
        root.within("database", |table| database::read(table, origin));
        root.within("checklist", |table| checklist::read(table, origin));
    });
}

fn one(root: &Table<'_>, table: &Table<'_>, name: &str, origin: &Origin) -> Option<Environment> {
    let production = table.flag("production", false);
    let read_only = table.flag("read_only", false);
    let time_zone = zone(table).or_else(|| zone(root)).unwrap_or_else(values::utc);
    let kubernetes = table.within_shared("kubernetes", root, |table| kubernetes::read(table, origin));
    let policy = table.within_shared("policy", root, |table| settings::policy(table, &time_zone));
    let application =
        table.within_shared("application", root, |table| application::read(table, origin, &policy));
    let verify = table.within_shared("verify", root, verify::read);
    let logs = table.within_shared("logs", root, settings::logs);
    let names = kubernetes.as_ref();
    let metrics = table.within_shared("metrics", root, |table| metrics::read(table, origin, names));
    let alerts =
        table.within_shared("alerts", root, |table| alerts::read(table, origin, names, metrics.is_some()));
    let pagerduty = table.within_shared("pagerduty", root, |table| pagerduty::read(table, origin));
    let beside = beside(table, root);
    let github = table.within_shared("github", root, |table| github::read(table, origin, beside));
    let database = table.within_shared("database", root, |table| database::read(table, origin));
    let checklist_source = table.within_shared("checklist", root, |table| checklist::read(table, origin));
    let policy = Policy { checklist: checklist_source.is_some(), ..policy };
    Some(Environment {
        name: name.to_owned(),
        production,
        read_only,
        time_zone,
        kubernetes: kubernetes?,
        application: application?,
        verify,
        policy,
        logs,
        metrics,
        alerts,
        pagerduty,
        github,
        database,
        checklist_source,
        checklist: None,
        hotfix: None,
    })
}

/// What belongs to `[github]` and stands beside it.
fn beside(table: &Table<'_>, shared: &Table<'_>) -> github::Beside {
    github::Beside {
        people: github::people(&[table, shared]),
        stages: table.within_shared("pipeline", shared, github::stages),
        deploy_by: table.within_shared("deploy", shared, github::deploy_by),
    }
}

fn zone(table: &Table<'_>) -> Option<TeamZone> {
    table.text("time_zone", &values::ZONE)
}

/// Why an environment cannot be called that: its name becomes a part of the
/// names of objects in the cluster.
fn unusable(name: &str) -> Option<&'static str> {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    match name {
        _ if name.len() > 40 => Some("it has more than 40 characters"),
        _ if !name.chars().all(|c| edge(c) || c == '-') => {
            Some("it has something else in it than lower-case letters, digits and `-`")
        }
        _ if !name.starts_with(edge) || !name.ends_with(edge) => {
            Some("it begins or ends with something else than a letter or digit")
        }
        _ => None,
    }
}

fn default_environment(root: &Table<'_>, names: &[&str]) -> Option<String> {
    let default = root.text("default_environment", &values::TEXT)?;
    if !names.contains(&default.as_str()) {
        let help = suggestion(&default, names);
        root.blame("default_environment", "expected the name of an environment of this file", Some(help));
    }
    Some(default)
}

/// Which environment is meant, of those in the file.
fn choose<'n>(
    notes: &Notes,
    names: &[&'n str],
    wanted: Option<&str>,
    default: Option<String>,
) -> Option<&'n str> {
    let nowhere = |what: String, help: String| {
        notes.note(Finding { span: None, key: String::new(), what, help: Some(help), hidden: None });
    };
    if names.is_empty() {
        let help = "write at least one: [environments.production] with its kubernetes.namespace, \
                    kubernetes.service and application.url";
        nowhere("no environment is configured".to_owned(), help.to_owned());
        return None;
    }
    if let Some(wanted) = wanted {
        let found = names.iter().copied().find(|name| *name == wanted);
        if found.is_none() {
            nowhere(format!("there is no environment `{}`", printable(wanted)), suggestion(wanted, names));
        }
        return found;
    }
    match (default, names) {
        (Some(default), _) => names.iter().copied().find(|name| *name == default),
        (None, [only]) => Some(only),
        (None, _) => {
            let help = format!("{}; name one with --env or set default_environment", listed(names));
            nowhere("which environment is meant is not said".to_owned(), help);
            None
        }
    }
}

fn suggestion(word: &str, names: &[&str]) -> String {
    match nearest(word, names.iter().copied()) {
        Some(near) => format!("did you mean `{}`? {}", printable(near), listed(names)),
        None => listed(names),
    }
}

fn listed(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| printable(name)).collect();
    format!("environments here: {}", names.join(", "))
}
