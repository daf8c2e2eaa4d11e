//! The forms that a string of the configuration can have.

use std::path::PathBuf;
use std::time::Duration;

use jiff::fmt::friendly::{SpanParser, SpanPrinter};
use jiff::tz::TimeZone;
use regex::Regex;
use reqwest::Url;

use super::nearest::nearest;
use super::presets;
use super::source::printable;
use super::types::{Holds, LabelMatcher, TeamZone};
use crate::room::logs::Level;
use crate::sop::repository::DeployBy;
use crate::sop::signal::Unit;
use crate::sop::stages::StagePatterns;

/// What a string must be: in words, and as a function that reads it.
pub(super) struct Form<T> {
    /// As in "expected …".
    pub(super) expected: &'static str,
    pub(super) parse: fn(&str) -> Result<T, Reason>,
}

/// Why a string has not the form it should have.
#[derive(Debug)]
pub(super) struct Reason {
    pub(super) why: String,
    pub(super) help: Option<String>,
    /// Whether the string may hold a secret.
    pub(super) hide: bool,
}

impl<S: Into<String>> From<S> for Reason {
    fn from(why: S) -> Self {
        Self { why: why.into(), help: None, hide: false }
    }
}

/// Any words.
pub(super) const TEXT: Form<String> = Form { expected: "a string", parse: text };
/// RFC 1123's label: namespaces, containers.
pub(super) const LABEL: Form<String> = Form {
    expected: "a name of at most 63 lower-case letters, digits and `-`",
    parse: |name| dns_name(name, 63, "-"),
};
/// RFC 1035's label.
pub(super) const SERVICE: Form<String> = Form {
    expected: "a name of at most 63 lower-case letters, digits and `-`",
    parse: |name| match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => Err("a Service's name begins with a letter".into()),
        false => dns_name(name, 63, "-"),
    },
};
/// RFC 1123's subdomain.
pub(super) const DEPLOYMENT: Form<String> = Form {
    expected: "a name of at most 253 lower-case letters, digits, `-` and `.`",
    parse: |name| dns_name(name, 253, "-."),
};
pub(super) const LABEL_KEY: Form<String> =
    Form { expected: "a label's key such as \"version\" or \"example.com/slot\"", parse: label_key };
pub(super) const LABEL_VALUE: Form<String> =
    Form { expected: "a label's value of at most 63 letters, digits, `-`, `_` and `.`", parse: label_part };
pub(super) const DURATION: Form<Duration> =
    Form { expected: "a duration such as \"15m\" or \"500ms\"", parse: duration };
pub(super) const BYTES: Form<usize> = Form { expected: "a size such as \"16MiB\"", parse: bytes };
pub(super) const ZONE: Form<TeamZone> =
    Form { expected: "an IANA time zone such as \"Africa/Malabo\"", parse: zone };
pub(super) const URL: Form<String> =
    Form { expected: "a URL such as \"https://api.example.com\"", parse: url };
pub(super) const REGEX: Form<Regex> = Form { expected: "a regular expression", parse: regex };
pub(super) const LEVEL: Form<Level> =
    Form { expected: "one of trace, debug, info, warn, error, fatal", parse: level };
pub(super) const REQUEST_PATH: Form<String> =
    Form { expected: "a path such as \"/health\"", parse: request_path };
pub(super) const HEADER: Form<String> = Form { expected: "a header's name", parse: header };
pub(super) const JSON_POINTER: Form<String> =
    Form { expected: "a JSON pointer such as \"/version\"", parse: json_pointer };
pub(super) const VARIABLE: Form<String> =
    Form { expected: "the name of an environment variable", parse: variable };
/// A value that a header can have; text a secret would not be recognised in.
pub(super) const HEADER_VALUE: Form<String> = Form { expected: "a header's value", parse: header_value };
/// A page for people.
pub(super) const LINK: Form<String> =
    Form { expected: "a link such as \"https://grafana.example.com/d/api-overview\"", parse: link };
/// PromQL, as far as can be told without asking a server.
pub(super) const QUERY: Form<String> = Form { expected: "a query in PromQL", parse: query };
pub(super) const PRESET: Form<String> =
    Form { expected: "one of http, opentelemetry, ingress-nginx, istio, traefik", parse: preset };
pub(super) const UNIT: Form<Unit> =
    Form { expected: "one of share, milliseconds, per-second, count, bytes", parse: unit };
pub(super) const RULE: Form<&'static str> =
    Form { expected: "one of above, drop, maximum, limit", parse: rule };
/// GitHub's name of a repository.
pub(super) const REPOSITORY: Form<String> =
    Form { expected: "a repository such as \"taxasge/backend\"", parse: repository };
pub(super) const BRANCH: Form<String> = Form { expected: "a branch such as \"main\"", parse: branch };
pub(super) const WORKFLOW: Form<String> =
    Form { expected: "a workflow's file such as \"production.yml\"", parse: workflow };
pub(super) const LOGIN: Form<String> = Form { expected: "a login of GitHub", parse: login };
/// Matched against the names of jobs and steps.
pub(super) const STAGE_PATTERN: Form<Regex> = Form { expected: "a regular expression", parse: stage_pattern };
pub(super) const DEPLOY_BY: Form<DeployBy> = Form { expected: "one of pipeline, room", parse: deploy_by };
pub(super) const PATH: Form<PathBuf> =
    Form { expected: "a path", parse: |path| text(path).map(PathBuf::from) };

/// A duration as it is written in the configuration.
pub(super) fn spell(duration: Duration) -> String {
    SpanPrinter::new().unsigned_duration_to_string(&duration)
}

fn text(text: &str) -> Result<String, Reason> {
    if text.trim().is_empty() {
        return Err("it is empty".into());
    }
    if text.chars().any(char::is_control) {
        return Err("it contains a control character".into());
    }
    Ok(text.to_owned())
}

fn dns_name(name: &str, longest: usize, also: &str) -> Result<String, Reason> {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let sound = name.split('.').all(|part| part.starts_with(edge) && part.ends_with(edge));
    match name.chars().find(|c| !edge(*c) && !also.contains(*c)) {
        _ if name.is_empty() => Err("it is empty".into()),
        Some(c) => Err(format!("`{}` is not allowed", printable(&c.to_string())).into()),
        None if name.len() > longest => Err("it is too long".into()),
        None if !sound => Err("it begins or ends with something else than a letter or digit".into()),
        None => Ok(name.to_owned()),
    }
}

fn label_key(key: &str) -> Result<String, Reason> {
    match key.split_once('/') {
        None => label_part(key),
        Some((prefix, name)) => {
            dns_name(prefix, 253, "-.")?;
            label_part(name).map(|_| key.to_owned())
        }
    }
}

fn label_part(part: &str) -> Result<String, Reason> {
    let edge = |c: char| c.is_ascii_alphanumeric();
    match part.chars().find(|c| !edge(*c) && !"-_.".contains(*c)) {
        _ if part.is_empty() => Err("it is empty".into()),
        Some(c) => Err(format!("`{}` is not allowed", printable(&c.to_string())).into()),
        None if part.len() > 63 => Err("it is too long".into()),
        None if !part.starts_with(edge) || !part.ends_with(edge) => {
            Err("it begins or ends with something else than a letter or digit".into())
        }
        None => Ok(part.to_owned()),
    }
}

fn duration(text: &str) -> Result<Duration, Reason> {
    static PARSER: SpanParser = SpanParser::new();
    if !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
        return Err("it has no unit".into());
    }
    PARSER.parse_unsigned_duration(text.trim()).map_err(|_| "it cannot be read as one".into())
}

fn bytes(text: &str) -> Result<usize, Reason> {
    const UNITS: [(&str, usize); 4] = [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];
    let text = text.trim();
    let (number, suffix) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let unit = UNITS.into_iter().find(|(name, _)| *name == suffix.trim_start());
    let (_, unit) = unit.ok_or("its unit is none of B, KiB, MiB, GiB")?;
    let number: usize = number.parse().map_err(|_| "it does not begin with a whole number")?;
    number.checked_mul(unit).ok_or_else(|| "it is too large".into())
}

fn zone(name: &str) -> Result<TeamZone, Reason> {
    let database = jiff::tz::db();
    if let Ok(zone) = database.get(name) {
        let full = zone.iana_name().unwrap_or(name);
        let label = full.rsplit('/').next().unwrap_or(full).replace('_', " ");
        return Ok(TeamZone { label, zone });
    }
    let known: Vec<String> = database.available().map(|name| name.to_string()).collect();
    if known.is_empty() {
        return Err(Reason {
            help: Some("install the operating system's tzdata, or leave UTC".to_owned()),
            ..Reason::from("this machine has no time-zone database")
        });
    }
    let city = |zone: &String| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(name));
    let near = known.iter().find(|zone| city(zone)).map(String::as_str);
    let near = near.or_else(|| nearest(name, known.iter().map(String::as_str)));
    Err(Reason {
        help: near.map(|near| format!("did you mean `{near}`?")),
        ..Reason::from("there is no such zone")
    })
}

/// The zone of a configuration that names none.
pub(super) fn utc() -> TeamZone {
    TeamZone { zone: TimeZone::UTC, label: "UTC".to_owned() }
}

fn url(text: &str) -> Result<String, Reason> {
    let scheme = || Reason::from("it begins with neither https:// nor http://");
    let url = Url::parse(text).map_err(|error| match error.to_string().contains("without a base") {
        true => scheme(),
        false => Reason { hide: text.contains('@'), ..Reason::from(error.to_string()) },
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(scheme());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Reason { hide: true, ..Reason::from("user and password do not belong in it") });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Reason { hide: true, ..Reason::from("it goes on after the path") });
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

fn regex(pattern: &str) -> Result<Regex, Reason> {
    Regex::new(pattern).map_err(|error| of_regex(&error))
}

fn stage_pattern(pattern: &str) -> Result<Regex, Reason> {
    StagePatterns::pattern(pattern).map_err(|error| of_regex(&error))
}

fn of_regex(error: &regex::Error) -> Reason {
    match error {
        // The last line says what is wrong; those before it draw the pattern.
        regex::Error::Syntax(picture) => {
            let last = picture.lines().last().unwrap_or_default();
            Reason::from(printable(last.trim_start_matches("error: ")))
        }
        _ => Reason::from("it is too large"),
    }
}

/// Owner and name, as GitHub allows them.
fn repository(text: &str) -> Result<String, Reason> {
    let (owner, name) = text.split_once('/').ok_or("it has no `/` between owner and name")?;
    let sound = |part: &str| part.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    match (owner, name) {
        ("", _) | (_, "") => Err("owner or name is empty".into()),
        _ if text.contains("://") => Err("it is an address: leave out everything before the owner".into()),
        _ if !sound(owner) || !sound(name) => {
            Err("it has something else in it than letters, digits, `-`, `_` and `.`".into())
        }
        _ if matches!(name, "." | "..") || owner.starts_with('.') => {
            Err("there can be none of that name".into())
        }
        _ => Ok(text.to_owned()),
    }
}

/// git-check-ref-format(1), as far as it matters in an address.
fn branch(name: &str) -> Result<String, Reason> {
    let wrong = |c: char| c.is_control() || " ~^:?*[\\".contains(c);
    match name.chars().find(|c| wrong(*c)) {
        _ if name.is_empty() => Err("it is empty".into()),
        Some(c) => Err(format!("`{}` is not allowed", printable(&c.to_string())).into()),
        None if name.starts_with(['/', '-', '.']) || name.ends_with(['/', '.']) || name.contains("..") => {
            Err("no branch can be called that".into())
        }
        None => Ok(name.to_owned()),
    }
}

fn workflow(file: &str) -> Result<String, Reason> {
    let name = file.strip_prefix(".github/workflows/").unwrap_or(file);
    let sound = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !sound || !(name.ends_with(".yml") || name.ends_with(".yaml")) {
        return Err("it is no file in .github/workflows".into());
    }
    Ok(name.to_owned())
}

fn login(name: &str) -> Result<String, Reason> {
    let sound = |c: char| c.is_ascii_alphanumeric() || "-_[]".contains(c);
    match name.strip_prefix('@').unwrap_or(name) {
        "" => Err("it is empty".into()),
        login if !login.chars().all(sound) => {
            Err("it has something else in it than letters, digits and `-`".into())
        }
        login => Ok(login.to_owned()),
    }
}

fn deploy_by(word: &str) -> Result<DeployBy, Reason> {
    match word {
        "pipeline" => Ok(DeployBy::Pipeline),
        "room" => Ok(DeployBy::Room),
        _ => Err(Reason {
            help: nearest(word, ["pipeline", "room"]).map(|near| format!("did you mean `{near}`?")),
            ..Reason::from("there is no other")
        }),
    }
}

fn level(name: &str) -> Result<Level, Reason> {
    const LEVELS: [(&str, Level); 6] = [
        ("trace", Level::Trace),
        ("debug", Level::Debug),
        ("info", Level::Info),
        ("warn", Level::Warn),
        ("error", Level::Error),
        ("fatal", Level::Fatal),
    ];
    let found = LEVELS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, level)| *level).ok_or_else(|| Reason {
        help: nearest(name, LEVELS.map(|(known, _)| known)).map(|near| format!("did you mean `{near}`?")),
        ..Reason::from("there is no such level")
    })
}

fn request_path(path: &str) -> Result<String, Reason> {
    if !path.starts_with('/') {
        return Err("it does not begin with `/`".into());
    }
    match path.chars().find(|c| !c.is_ascii_graphic() || *c == '#') {
        Some(c) => Err(format!("`{}` must be percent-encoded", printable(&c.to_string())).into()),
        None => Ok(path.to_owned()),
    }
}

fn header(name: &str) -> Result<String, Reason> {
    match reqwest::header::HeaderName::from_bytes(name.as_bytes()) {
        Ok(_) => Ok(name.to_owned()),
        Err(_) => Err("no header can be called that".into()),
    }
}

/// RFC 6901, section 3. The whole document (the empty pointer) is no version
/// and no value to compare with.
fn json_pointer(pointer: &str) -> Result<String, Reason> {
    if !pointer.starts_with('/') {
        return Err("it does not begin with `/`".into());
    }
    let escapes = pointer.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
    if !escapes {
        return Err("`~` is written `~0` in it, and `/` within a name `~1`".into());
    }
    text(pointer)
}

/// POSIX's names. The text is never shown: somebody may have put the secret here.
fn variable(name: &str) -> Result<String, Reason> {
    let sound = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match sound {
        true => Ok(name.to_owned()),
        false => Err(Reason {
            help: Some("it names the variable; the secret itself stands only in the variable".to_owned()),
            hide: true,
            ..Reason::from("no variable can be called that")
        }),
    }
}

fn header_value(value: &str) -> Result<String, Reason> {
    match reqwest::header::HeaderValue::from_str(value) {
        Ok(_) => text(value),
        Err(_) => Err("no header can have that value".into()),
    }
}

fn link(text: &str) -> Result<String, Reason> {
    let bare = text.split(['?', '#']).next().unwrap_or_default();
    url(bare)?;
    match text.chars().find(|c| !c.is_ascii_graphic()) {
        Some(c) => Err(format!("`{}` must be percent-encoded", printable(&c.to_string())).into()),
        None => Ok(text.to_owned()),
    }
}

/// Longest query: it goes out every few seconds.
const LONGEST_QUERY: usize = 8 * 1024;

fn query(text: &str) -> Result<String, Reason> {
    let count = |mark: char| text.matches(mark).count();
    if text.trim().is_empty() {
        return Err("it is empty".into());
    }
    if text.chars().any(|c| c.is_control() && !c.is_whitespace()) {
        return Err("it contains a control character".into());
    }
    if text.len() > LONGEST_QUERY {
        return Err(format!("it has more than {LONGEST_QUERY} bytes").into());
    }
    for (open, close) in [('(', ')'), ('{', '}'), ('[', ']')] {
        // Brackets within strings balance as well in all but strange regular expressions.
        if count(open) != count(close) && !text.contains(['\\']) {
            return Err(format!("its `{open}` and `{close}` do not match").into());
        }
    }
    Ok(text.to_owned())
}

/// One of the words, or what may have been meant.
fn one_of<T: Copy>(name: &str, known: &[(&'static str, T)]) -> Result<T, Reason> {
    let found = known.iter().find(|(word, _)| *word == name);
    found.map(|(_, value)| *value).ok_or_else(|| Reason {
        help: nearest(name, known.iter().map(|(word, _)| *word))
            .map(|near| format!("did you mean `{near}`?")),
        ..Reason::from("it is none of them")
    })
}

fn preset(name: &str) -> Result<String, Reason> {
    let known: Vec<_> = presets::names().map(|name| (name, name)).collect();
    one_of(name, &known).map(str::to_owned)
}

fn unit(name: &str) -> Result<Unit, Reason> {
    let known = [
        ("share", Unit::Share),
        ("milliseconds", Unit::Milliseconds),
        ("per-second", Unit::PerSecond),
        ("count", Unit::Count),
        ("bytes", Unit::Bytes),
    ];
    one_of(name, &known)
}

fn rule(name: &str) -> Result<&'static str, Reason> {
    one_of(name, &["above", "drop", "maximum", "limit"].map(|name| (name, name)))
}

/// `5%` and `0.5 %` as shares of 1.
pub(super) fn share(text: &str) -> Option<f64> {
    let number = text.trim().strip_suffix('%')?.trim_end();
    // Rust's own words for numbers that are none.
    let digits = number.chars().all(|c| c.is_ascii_digit() || c == '.');
    number.parse::<f64>().ok().filter(|_| digits).map(|percent| percent / 100.0)
}

/// A condition on a label in Alertmanager's own form.
pub(super) fn matcher(text: &str) -> Result<LabelMatcher, Reason> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (label, rest) = text.split_at(end);
    if label.is_empty() || label.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("it does not begin with a label's name".into());
    }
    let rest = rest.trim_start();
    let operator = ["=~", "!~", "!=", "="].into_iter().find(|operator| rest.starts_with(operator));
    let operator = operator.ok_or("after the name stands none of =, !=, =~, !~")?;
    let value = rest[operator.len()..].trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let value =
        value.filter(|value| !value.contains(['"', '\\'])).ok_or("its value stands not in double quotes")?;
    // Alertmanager matches the whole value.
    let pattern = || regex(&format!("^(?:{value})$"));
    let holds = match operator {
        "=" => Holds::Equal(value.to_owned()),
        "!=" => Holds::NotEqual(value.to_owned()),
        "=~" => Holds::Match(pattern()?),
        _ => Holds::NoMatch(pattern()?),
    };
    Ok(LabelMatcher { text: format!("{label}{operator}\"{value}\""), label: label.to_owned(), holds })
}
