//! The configuration from its text to its types, and every mistake's words.

use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::secret::SecretSource;
use super::*;
use crate::room::logs::Level;

mod database;
mod forms;
mod github;
mod mistakes;

const EXAMPLE: &str = include_str!("../../config.toml");

const SMALL: &str = "[environments.test]
kubernetes = { namespace = 'taxasge', service = 'backend' }
application.url = 'http://localhost:8000/'
";

fn origin() -> Origin {
    Origin::new(Path::new("/etc/cutover/config.toml"), Some("/home/op".into()))
}

fn parsed(text: &str, environment: Option<&str>) -> Environment {
    parse(text, &origin(), environment)
        .unwrap_or_else(|mistakes| panic!("{}", ConfigError::Mistakes { mistakes }))
}

#[test]
fn a_small_configuration_has_every_default() {
    let environment = parsed(SMALL, None);
    assert_eq!(environment.name, "test");
    assert!(!environment.production && !environment.read_only);
    assert_eq!(environment.time_zone.label, "UTC");
    let kubernetes = &environment.kubernetes;
    assert_eq!(kubernetes.selector_key, "version");
    assert_eq!(kubernetes.container, "backend");
    assert_eq!(kubernetes.port, 8000);
    assert_eq!(kubernetes.colours.green.value, "green");
    assert_eq!(kubernetes.colours.blue.deployment, "backend-blue");
    assert_eq!(environment.application.url, "http://localhost:8000");
    assert_eq!(environment.application.version, VersionSource::Header("X-Version".to_owned()));
    assert_eq!(environment.policy, Policy::default());
    assert!(matches!(environment.logs.filter, LogFilter::Level(Level::Error)));
    assert_eq!(environment.logs.max_bytes, 16 << 20);
    assert!(environment.verify.checks.is_empty());
}

#[test]
fn the_example_has_the_procedures_three_environments() {
    let development = parsed(EXAMPLE, None);
    assert_eq!(development.name, "development");
    assert_eq!(development.kubernetes.context, None);
    assert_eq!(development.verify.checks.len(), 2);
    assert!(development.verify.checks[0].version);
    assert_eq!(parsed(EXAMPLE, Some("staging")).application.url, "https://api-staging.taxasge.com");
    let production = parsed(EXAMPLE, Some("production"));
    assert!(production.production);
    assert_eq!(production.kubernetes.context.as_deref(), Some("prod-eks"));
    assert_eq!(production.time_zone.label, "Malabo");
    let window = production.policy.window.unwrap();
    let words = window.words("2026-11-24T21:30:00Z".parse().unwrap());
    assert_eq!(words, "open until 23:00 Malabo (22:00 UTC)");
    assert_eq!(window.hours.unwrap().days.to_string(), "Tue, Wed, Thu");
    assert_eq!(window.freezes[0].name, "year's end");
    assert_eq!(development.policy.window, None);
}

/// The example with its defaults no longer commented out.
fn uncommented() -> String {
    let lines = EXAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(code) if code.starts_with(|c: char| c.is_ascii_lowercase()) => code,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_defaults_that_the_example_states_are_the_defaults() {
    let text = uncommented();
    assert!(text.lines().count() - text.lines().filter(|line| line.starts_with('#')).count() > 60);
    for name in ["development", "staging", "production"] {
        let (stated, real) = (parsed(&text, Some(name)), parsed(EXAMPLE, Some(name)));
        assert_eq!(format!("{stated:#?}"), format!("{real:#?}"));
    }
}

/// Asks the program itself which keys it knows, by an unknown one in each table.
#[test]
fn the_example_mentions_every_key() {
    let probe = "zzzzzzzz = 0";
    let text = format!(
        "{probe}\n[environments.a]\n{probe}\n[kubernetes]\n{probe}\n[kubernetes.blue]\n{probe}\n\
         [application]\n{probe}\n[verify]\n{probe}\n[[verify.checks]]\n{probe}\n[policy]\n{probe}\n[logs]\n{probe}\n\
         [metrics]\n{probe}\n[[metrics.signals]]\nid = 'a'\n{probe}\n[alerts]\n{probe}\n\
         [database]\n{probe}\n[database.staging]\n{probe}\n"
    );
    let mistakes = parse(&text, &origin(), None).unwrap_err();
    let unknown: Vec<_> = mistakes.iter().filter(|mistake| mistake.what == "unknown key").collect();
    assert_eq!(unknown.len(), 14, "{unknown:#?}");
    for mistake in unknown {
        let known = mistake.help.as_deref().unwrap().strip_prefix("known here: ").unwrap();
        for key in known.split(", ") {
            let as_key = EXAMPLE.contains(&format!("{key} = "));
            let as_table = EXAMPLE.contains(&format!("[{key}"))
                || EXAMPLE.contains(&format!(".{key}]"))
                || EXAMPLE.contains(&format!(".{key}."));
            assert!(as_key || as_table, "`{key}`, known beside `{}`, is not in config.toml", mistake.key);
        }
    }
}

#[test]
fn an_environment_overrules_what_all_share_key_by_key() {
    let text = "
time_zone = 'Europe/Madrid'
[kubernetes]
namespace = 'shared'
service = 'backend'
token_env = 'SHARED'
[kubernetes.blue]
value = 'a'
deployment = 'api-a'
[policy]
standby = '20m'
watch = '40m'
[logs]
pattern = 'x+'
[environments.one]
time_zone = 'America/New_York'
application.url = 'http://one'
[environments.one.kubernetes]
namespace = 'own'
token_file = '~/token'
blue.value = 'b'
[environments.one.policy]
standby = '0s'
[environments.one.logs]
level = 'warn'
[environments.two.application]
url = 'http://two'
token_command = ['print', 'me']
";
    let one = parsed(text, Some("one"));
    assert_eq!(one.time_zone.label, "New York");
    assert_eq!(one.kubernetes.namespace, "own");
    assert_eq!(one.kubernetes.service, "backend");
    assert_eq!(one.kubernetes.token, Some(SecretSource::File("/home/op/token".into())));
    assert_eq!(one.kubernetes.colours.blue.value, "b");
    assert_eq!(one.kubernetes.colours.blue.deployment, "api-a");
    assert_eq!(one.policy.standby, Duration::ZERO);
    assert_eq!(one.policy.watch, Duration::from_secs(2400));
    assert!(matches!(one.logs.filter, LogFilter::Level(Level::Warn)));

    let two = parsed(text, Some("two"));
    assert_eq!(two.time_zone.label, "Madrid");
    assert_eq!(two.kubernetes.token, Some(SecretSource::Env("SHARED".into())));
    assert_eq!(two.application.token, Some(SecretSource::Command(vec!["print".into(), "me".into()])));
    assert_eq!(two.policy.standby, Duration::from_secs(1200));
    assert!(matches!(&two.logs.filter, LogFilter::Pattern(regex) if regex.as_str() == "x+"));
}

#[test]
fn checks_take_values_and_patterns() {
    let text = format!(
        "{SMALL}
[[verify.checks]]
path = '/a?b=c'
status = 204
max_latency = '1m 30s'
only_version = 'v1.1.0'
header.Content-Type = {{ matches = '^text/' }}
json = {{ '/status' = 'ok', '/count' = 0x10, '/live' = true }}
body = 'fine'
"
    );
    let check = &parsed(&text, None).verify.checks[0];
    assert_eq!((check.path.as_str(), check.status, check.version), ("/a?b=c", 204, false));
    assert_eq!(check.max_latency, Some(Duration::from_secs(90)));
    assert_eq!(check.only_version.as_deref(), Some("v1.1.0"));
    let expected: Vec<_> = check.expect.iter().map(|e| format!("{:?} {:?}", e.part, e.must)).collect();
    assert_eq!(
        expected,
        [
            r#"Header("Content-Type") Match(Regex("^text/"))"#,
            r#"JsonPointer("/count") Equal("16")"#,
            r#"JsonPointer("/live") Equal("true")"#,
            r#"JsonPointer("/status") Equal("ok")"#,
            r#"Body Equal("fine")"#,
        ]
    );
}

#[test]
fn paths_begin_at_the_files_directory_or_at_home() {
    for (written, meant) in
        [("k.yaml", "/etc/cutover/k.yaml"), ("~/k.yaml", "/home/op/k.yaml"), ("/k.yaml", "/k.yaml")]
    {
        let text = format!("{SMALL}[kubernetes]\nkubeconfig = '{written}'");
        assert_eq!(parsed(&text, None).kubernetes.kubeconfig.as_deref(), Some(Path::new(meant)));
    }
}

#[test]
fn files_that_are_no_configuration_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.toml");
    let said = || load(Some(&path), None).unwrap_err().to_string();

    assert!(said().starts_with(&format!("cannot read the configuration {}: ", path.display())), "{}", said());
    std::fs::write(&path, [b'a'; 1 << 20].as_slice()).unwrap();
    assert!(said().contains("not TOML"), "{}", said());
    std::fs::write(&path, vec![b'a'; (1 << 20) + 1]).unwrap();
    assert!(said().contains("more than 1048576 bytes"), "{}", said());
    std::fs::write(&path, b"a = 1\nb\xff = 1").unwrap();
    assert!(said().contains(":2:2: expected UTF-8 text"), "{}", said());
    std::fs::write(&path, SMALL).unwrap();
    assert_eq!(load(Some(&path), None).unwrap().name, "test");
}

/// Text that gets further than noise does: the example with pieces replaced.
fn almost_the_example() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~\\n]{0,12}",
        "\\PC{0,4}",
        Just("[[".to_owned()),
        Just("\"\"\"".to_owned()),
        Just("= {".to_owned()),
        Just("\u{1b}[2J".to_owned()),
    ];
    let at = 0..EXAMPLE.chars().count();
    proptest::collection::vec((at, 0usize..40, piece), 1..6).prop_map(|edits| {
        let mut text: Vec<char> = uncommented().chars().collect();
        for (at, length, piece) in edits {
            let start = at.min(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, piece.chars());
        }
        text.into_iter().collect()
    })
}

fn survives(text: &str) -> Result<(), TestCaseError> {
    if let Err(mistakes) = parse(text, &origin(), Some("production")) {
        prop_assert!(!mistakes.is_empty());
        let said = ConfigError::Mistakes { mistakes }.to_string();
        prop_assert!(!said.chars().any(|c| c.is_control() && c != '\n'), "{said:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "(\\PC|[\\x00-\\x1f]|[\\[\\]={}\"'.#\\n]){0,200}") {
        survives(&text)?;
    }

    #[test]
    fn no_edit_of_the_example_is_too_strange(text in almost_the_example()) {
        survives(&text)?;
    }
}
