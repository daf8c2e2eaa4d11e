//! What is said of each kind of mistake, word for word.

use super::*;

/// Stands after each text, so that its mistake is the only one.
const REST: &str = "
[environments.a]
kubernetes = { namespace = 'n', service = 's' }
application = { url = 'http://h' }
";

pub(super) fn mistakes(text: &str) -> Vec<Mistake> {
    let origin = Origin::new(Path::new("config.toml"), None);
    parse(&format!("{text}{REST}"), &origin, Some("a")).expect_err(text)
}

/// A text and the whole message.
const MESSAGES: &[(&str, &str)] = &[
    (
        "port = = 1",
        r"config.toml:1:8: not TOML: extra `=`, expected nothing
   |
 1 | port = = 1
   |        ^
",
    ),
    (
        "[kubernetes]\ntoken = '''\nhunter2\n''' x",
        r"config.toml:4:5: not TOML: unexpected key or value, expected newline, `#`
   |
 4 | …
   |  ^
",
    ),
    (
        "a = 1\na = 2",
        r"config.toml:2:1: not TOML: duplicate key
   |
 2 | a = 2
   | ^
",
    ),
    (
        "[kubernetes]\nprot = 8000",
        r"config.toml:2:1: kubernetes.prot: unknown key
   |
 2 | prot = 8000
   | ^^^^
 = did you mean `port`? known here: blue, container, context, green, kubeconfig, namespace, port, selector_key, service, token_command, token_env, token_file
",
    ),
    (
        "[policy.window]\ndays = 'tue-thi'\nfrom = '22:00'\nto = '24:00'",
        r#"config.toml:2:8: policy.window.days: expected days of the week such as "tue-thu" or "mon, wed": `thi` is none of mon, tue, wed, thu, fri, sat, sun
   |
 2 | days = 'tue-thi'
   |        ^^^^^^^^^
 = did you mean `thu`?
config.toml:4:6: policy.window.to: expected a time of day such as "22:00": no clock shows it; midnight is "00:00"
   |
 4 | to = '24:00'
   |      ^^^^^^^
"#,
    ),
    (
        "[policy.freeze]\n\"year's end\" = '2027-01-03..2026-12-24'\naudit = '2026-02-30'",
        r#"config.toml:2:16: policy.freeze."year's end": expected a date such as "2026-12-25", or two: "2026-12-24..2027-01-03": its end lies before its beginning
   |
 2 | "year's end" = '2027-01-03..2026-12-24'
   |                ^^^^^^^^^^^^^^^^^^^^^^^^
config.toml:3:9: policy.freeze.audit: expected a date such as "2026-12-25", or two: "2026-12-24..2027-01-03": there is no such date
   |
 3 | audit = '2026-02-30'
   |         ^^^^^^^^^^^^
"#,
    ),
    (
        "[policy.window]\nform = '22:00'\nto = '23:00'",
        r#"config.toml:2:1: policy.window.form: unknown key
   |
 2 | form = '22:00'
   | ^^^^
 = did you mean `from`? known here: days, from, team_until, time_zone, to
config.toml:4:1: environments.a.policy.window.from: missing: expected a time of day such as "22:00"
   |
 4 | [environments.a]
   | ^^^^^^^^^^^^^^^^
 = write `from = …` under [environments.a.policy.window]
"#,
    ),
    (
        "colour = 'mauve'",
        r"config.toml:1:1: colour: unknown key
   |
 1 | colour = 'mauve'
   | ^^^^^^
 = known here: alerts, application, checklist, database, default_environment, deploy, environments, github, kubernetes, logs, metrics, pagerduty, people, pipeline, policy, time_zone, verify
",
    ),
    (
        "kubernetes = 5",
        r"config.toml:1:14: kubernetes: expected a table, found a whole number
   |
 1 | kubernetes = 5
   |              ^
",
    ),
    (
        "[kubernetes]\nport = '8000'",
        r"config.toml:2:8: kubernetes.port: expected a whole number from 1 to 65535, found a string
   |
 2 | port = '8000'
   |        ^^^^^^
",
    ),
    (
        "[kubernetes]\nport = 70000",
        r"config.toml:2:8: kubernetes.port: expected a whole number from 1 to 65535
   |
 2 | port = 70000
   |        ^^^^^
",
    ),
    (
        "[kubernetes]\ngreen.deployment = 's-blue'",
        r"config.toml:2:20: kubernetes.green.deployment: expected another Deployment than the other colour's: there would be nothing to switch to
   |
 2 | green.deployment = 's-blue'
   |                    ^^^^^^^^
",
    ),
    (
        "[kubernetes]\nblue.deployment = 's-green'",
        r"config.toml:2:19: kubernetes.blue.deployment: expected another Deployment than the other colour's: there would be nothing to switch to
   |
 2 | blue.deployment = 's-green'
   |                   ^^^^^^^^^
",
    ),
    (
        "[kubernetes]\nblue.value = 'a'\ngreen.value = 'a'",
        r"config.toml:3:15: kubernetes.green.value: expected another value than the other colour's: the switch would move nothing
   |
 3 | green.value = 'a'
   |               ^^^
",
    ),
    (
        "[kubernetes]\ntoken_env = 'A'\ntoken_file = 'b'",
        r"config.toml:3:14: kubernetes.token_file: `token_env` is given already: only one of them can apply
   |
 3 | token_file = …
   |              ^
",
    ),
    (
        "[kubernetes]\ntoken = 'hunter2'",
        r#"config.toml:2:1: kubernetes.token: a secret never stands in the configuration
   |
 2 | token = …
   | ^^^^^
 = name where it is found instead: token_env = "VARIABLE", token_file = "PATH" or token_command = ["PROGRAM", "ARGUMENT"]; and replace the secret: this file was not a safe place for it
"#,
    ),
    (
        "[logs]\npassword = '''\nhunter2\n'''",
        r#"config.toml:2:1: logs.password: a secret never stands in the configuration
   |
 2 | password = …
   | ^^^^^^^^
 = name where it is found instead: token_env = "VARIABLE", token_file = "PATH" or token_command = ["PROGRAM", "ARGUMENT"]; and replace the secret: this file was not a safe place for it
"#,
    ),
    (
        "[kubernetes]\ntoken_env = 'hunter2.hunter2'",
        r"config.toml:2:13: kubernetes.token_env: expected the name of an environment variable: no variable can be called that
   |
 2 | token_env = …
   |             ^
 = it names the variable; the secret itself stands only in the variable
",
    ),
    (
        "[application]\ntoken_command = 'vault read hunter2'",
        r#"config.toml:2:17: application.token_command: expected a program and its arguments as an array of strings; no shell reads them
   |
 2 | token_command = …
   |                 ^
 = for example ["vault", "read", "-field=token", "secret/deploy"]
"#,
    ),
    (
        "[application]\nurl = 'http://me:hunter2@host'",
        r#"config.toml:2:7: application.url: expected a URL such as "https://api.example.com": user and password do not belong in it
   |
 2 | url = …
   |       ^
"#,
    ),
    (
        "[application]\nversion_json = '/version'\nversion_header = 'X-Version'",
        r"config.toml:2:16: application.version_json: `version_header` is given already: only one of them can apply
   |
 2 | version_json = '/version'
   |                ^^^^^^^^^^
",
    ),
    (
        "[application]\nversion_cookie = 'v'",
        r"config.toml:2:1: application.version_cookie: unknown key
   |
 2 | version_cookie = 'v'
   | ^^^^^^^^^^^^^^
 = did you mean `version_json`? known here: api_path, probe_interval, probe_path, probe_timeout, token_command, token_env, token_file, url, version_header, version_json
",
    ),
    (
        "time_zone = 'Africa/Malabu'",
        r#"config.toml:1:13: time_zone: expected an IANA time zone such as "Africa/Malabo": there is no such zone
   |
 1 | time_zone = 'Africa/Malabu'
   |             ^^^^^^^^^^^^^^^
 = did you mean `Africa/Malabo`?
"#,
    ),
    (
        "[logs]\npattern = '(ERROR'",
        r"config.toml:2:11: logs.pattern: expected a regular expression: unclosed group
   |
 2 | pattern = '(ERROR'
   |           ^^^^^^^^
",
    ),
    (
        "[verify]\nchecks = { path = '/' }",
        r"config.toml:2:10: verify.checks: expected an array of tables, found a table
   |
 2 | checks = { path = '/' }
   |          ^^^^^^^^^^^^^^
",
    ),
    (
        "[verify]\nchecks = [1]",
        r"config.toml:2:11: verify.checks[0]: expected a table, found a whole number
   |
 2 | checks = [1]
   |           ^
",
    ),
    (
        "[[verify.checks]]\nstatus = 99",
        r#"config.toml:1:1: verify.checks[0].path: missing: expected a path such as "/health"
   |
 1 | [[verify.checks]]
   | ^^^^^^^^^^^^^^^^^
 = write `path = …` in this table
config.toml:2:10: verify.checks[0].status: expected a whole number from 100 to 599
   |
 2 | status = 99
   |          ^^
"#,
    ),
    (
        "[[verify.checks]]\npath = '/'\nbody = { match = 'x' }",
        r"config.toml:3:8: verify.checks[0].body.matches: missing: expected a regular expression
   |
 3 | body = { match = 'x' }
   |        ^^^^^^^^^^^^^^^
 = write `matches = …` in this table
config.toml:3:10: verify.checks[0].body.match: unknown key
   |
 3 | body = { match = 'x' }
   |          ^^^^^
 = did you mean `matches`? known here: matches
",
    ),
    (
        "default_environment = 'b'",
        r"config.toml:1:23: default_environment: expected the name of an environment of this file
   |
 1 | default_environment = 'b'
   |                       ^^^
 = environments here: a
",
    ),
    (
        "\"\\u001b[2Jkey\" = 'x'",
        r#"config.toml:1:1: "\u{1b}[2Jkey": unknown key
   |
 1 | "\u001b[2Jkey" = 'x'
   | ^^^^^^^^^^^^^^
 = known here: alerts, application, checklist, database, default_environment, deploy, environments, github, kubernetes, logs, metrics, pagerduty, people, pipeline, policy, time_zone, verify
"#,
    ),
    (
        "[logs]\nlevel = \"\\u001b[2J\u{202e}\"",
        r#"config.toml:2:9: logs.level: expected one of trace, debug, info, warn, error, fatal: there is no such level
   |
 2 | level = "\u001b[2J\u{202e}"
   |         ^^^^^^^^^^^^^^^^^^^
"#,
    ),
];

#[test]
fn mistakes_are_shown_in_their_place() {
    for (text, message) in MESSAGES {
        let said: String = mistakes(text).iter().map(Mistake::to_string).collect();
        assert_eq!(said, *message, "of {text}");
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_in_its_order() {
    let text = "
default_environment = 'prodution'
time_zone = 'Mars/Olympus'
[policy]
standby = 'x'
watchh = '1m'
[environments.production]
production = 'yes'
[environments.production.kubernetes]
namespace = 'n'
[environments.staging]
kubernetes = { namespace = 'n', service = 's', port = 0 }
application.url = 'http://h'
";
    let origin = Origin::new(Path::new("config.toml"), None);
    let told: Vec<_> = parse(text, &origin, None)
        .unwrap_err()
        .iter()
        .map(|mistake| format!("{} {}", mistake.place.map_or(0, |(line, _)| line), mistake.key))
        .collect();
    assert_eq!(
        told,
        [
            "2 default_environment",
            "3 time_zone",
            "5 policy.standby",
            "6 policy.watchh",
            "7 environments.production.application.url",
            "8 environments.production.production",
            "9 environments.production.kubernetes.service",
            "12 environments.staging.kubernetes.port",
        ]
    );
}

#[test]
fn what_is_missing_is_said_where_it_belongs() {
    let origin = Origin::new(Path::new("config.toml"), None);
    let said = |text: &str, environment| {
        ConfigError::Mistakes { mistakes: parse(text, &origin, environment).unwrap_err() }.to_string()
    };
    assert_eq!(
        said("[environments.a]\nkubernetes.namespace = 'n'\napplication.url = 'http://h'\n", None),
        "config.toml:2:1: environments.a.kubernetes.service: missing: expected a name of at most 63 \
         lower-case letters, digits and `-`
   |
 2 | kubernetes.namespace = 'n'
   | ^^^^^^^^^^
 = write `service = …` under [environments.a.kubernetes]

1 mistake in the configuration; nothing was done."
    );
    let two = format!(
        "{SMALL}[environments.production]\n[kubernetes]\nnamespace='n'\nservice='s'\n[application]\nurl='http://h'"
    );
    assert_eq!(
        said(&two, None),
        "config.toml: which environment is meant is not said
 = environments here: production, test; name one with --env or set default_environment

1 mistake in the configuration; nothing was done."
    );
    assert_eq!(
        said(&two, Some("prod\u{1b}uction")),
        "config.toml: there is no environment `prod\\u{1b}uction`
 = did you mean `production`? environments here: production, test

1 mistake in the configuration; nothing was done."
    );
    assert!(said("", None).starts_with("config.toml: no environment is configured\n"));
}

#[test]
fn no_message_shows_a_secret() {
    for (text, message) in MESSAGES.iter().filter(|(text, _)| text.contains("hunter2")) {
        assert!(!message.contains("hunter2"), "of {text}");
        let debug = format!("{:?}", mistakes(text));
        assert!(!debug.contains("hunter2"), "{debug}");
    }
}
