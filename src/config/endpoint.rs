//! How a server with an HTTP API is reached: keys that `[metrics]` and `[alerts]` share.

use std::time::Duration;

use toml::de::DeValue;

use super::application::secret;
use super::reader::Table;
use super::source::names_a_secret;
use super::types::Endpoint;
use super::{Origin, values};

/// Most additional headers.
const MOST_HEADERS: usize = 20;

/// Reads the keys, with the URL under `url_key`; `None` where there is no URL, which is
/// no mistake: nothing is asked then.
pub(super) fn read(table: &Table<'_>, url_key: &'static str, origin: &Origin) -> Option<Endpoint> {
    let second = Duration::from_secs(1);
    let url = table.text(url_key, &values::URL);
    let token = secret(table, origin);
    let username = table.text("username", &values::TEXT);
    if username.is_some() && token.is_none() {
        table.blame(
            "username",
            "expected a password beside it: name it with token_env, token_file or token_command",
            None,
        );
    }
    let headers = headers(table);
    let org_id = table.text("org_id", &values::HEADER_VALUE);
    let ca_file = table.text("ca_file", &values::PATH).map(|path| origin.resolve(&path));
    let timeout = table.duration("timeout", 4 * second, second / 10..=60 * second);
    Some(Endpoint { url: url?, token, username, headers, org_id, ca_file, timeout })
}

/// Reads additional headers; none of them may be a secret.
pub(super) fn headers(table: &Table<'_>) -> Vec<(String, String)> {
    let mut headers = Vec::new();
    for (name, found) in table.entries("headers") {
        if names_a_secret(name) || name.eq_ignore_ascii_case("cookie") {
            let help = "use token_env, token_file or token_command, with username for a password";
            table.note_hidden(&found, "a secret never stands in the configuration", Some(help.to_owned()));
            continue;
        }
        let DeValue::String(_) = found.value else {
            table.note(found.mistake("expected a header's value as a string", None));
            continue;
        };
        let name = table.parse_key(&found, name, &values::HEADER);
        let value = table.parse(&found, &values::HEADER_VALUE);
        headers.extend(name.zip(value));
    }
    if headers.len() > MOST_HEADERS {
        table.blame("headers", format!("expected at most {MOST_HEADERS}"), None);
    }
    headers
}
