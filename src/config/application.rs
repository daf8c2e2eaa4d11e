//! `[application]`: the application as its users reach it; and where a token is found.

use std::time::Duration;

use toml::de::DeValue;

use super::reader::Table;
use super::secret::SecretSource;
use super::types::{Application, Policy, VersionSource};
use super::{Origin, values};

/// Reads the table; `None` where something without a default is missing or wrong.
pub(super) fn read(table: &Table<'_>, origin: &Origin, policy: &Policy) -> Option<Application> {
    let url = table.required("url", &values::URL);
    let probe_path = table.text("probe_path", &values::REQUEST_PATH).unwrap_or_else(|| "/health".to_owned());
    let api_path = table.text("api_path", &values::REQUEST_PATH);
    let second = Duration::from_secs(1);
    let probe_interval = table.duration("probe_interval", 2 * second, second / 10..=60 * second);
    let probe_timeout = table.duration("probe_timeout", 2 * second, second / 10..=60 * second);
    if probe_interval >= policy.stale_after {
        let what = format!(
            "expected less than policy.stale_after ({}): every answer would be stale before the next one",
            values::spell(policy.stale_after)
        );
        table.blame("probe_interval", what, None);
    }
    let version = version(table);
    let token = secret(table, origin);
    Some(Application { url: url?, probe_path, api_path, probe_interval, probe_timeout, version, token })
}

fn version(table: &Table<'_>) -> VersionSource {
    let source = match table.one_of(&["version_header", "version_json"]) {
        Some("version_json") => {
            table.text("version_json", &values::JSON_POINTER).map(VersionSource::JsonPointer)
        }
        Some(key) => table.text(key, &values::HEADER).map(VersionSource::Header),
        None => None,
    };
    source.unwrap_or_else(|| VersionSource::Header("X-Version".to_owned()))
}

/// Reads `token_env`, `token_file` or `token_command`. A token itself is an
/// unknown key with words of its own (see the reader).
pub(super) fn secret(table: &Table<'_>, origin: &Origin) -> Option<SecretSource> {
    match table.one_of(&["token_env", "token_file", "token_command"])? {
        "token_env" => table.text("token_env", &values::VARIABLE).map(SecretSource::Env),
        "token_file" => {
            table.text("token_file", &values::PATH).map(|path| SecretSource::File(origin.resolve(&path)))
        }
        _ => command(table).map(SecretSource::Command),
    }
}

/// A program and its arguments; there is no shell to split a string.
fn command(table: &Table<'_>) -> Option<Vec<String>> {
    let found = table.find("token_command")?;
    let argv: Option<Vec<String>> = match found.value {
        DeValue::Array(array) => {
            array.iter().map(|element| element.get_ref().as_str().map(str::to_owned)).collect()
        }
        _ => None,
    };
    let sound = |argv: &Vec<String>| {
        argv.first().is_some_and(|program| !program.is_empty()) && argv.iter().all(|a| !a.contains('\0'))
    };
    let argv = argv.filter(sound);
    if argv.is_none() {
        let what = "expected a program and its arguments as an array of strings; no shell reads them";
        let help = "for example [\"vault\", \"read\", \"-field=token\", \"secret/deploy\"]";
        table.note_hidden(&found, what, Some(help.to_owned()));
    }
    argv
}
