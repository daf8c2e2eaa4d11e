//! What is said of each form that a value can fail to have.

use super::mistakes::mistakes;

/// A text, its mistake's key and words, and what is advised.
const FORMS: &[(&str, &str)] = &[
    (
        "[kubernetes]\nnamespace = 'Taxasge'",
        r"kubernetes.namespace: expected a name of at most 63 lower-case letters, digits and `-`: `T` is not allowed",
    ),
    (
        "[kubernetes]\nnamespace = '-a'",
        r"kubernetes.namespace: expected a name of at most 63 lower-case letters, digits and `-`: it begins or ends with something else than a letter or digit",
    ),
    (
        "[kubernetes]\nnamespace = ''",
        r"kubernetes.namespace: expected a name of at most 63 lower-case letters, digits and `-`: it is empty",
    ),
    (
        "[kubernetes]\nservice = '2nd'",
        r"kubernetes.service: expected a name of at most 63 lower-case letters, digits and `-`: a Service's name begins with a letter",
    ),
    (
        "[kubernetes]\nservice = 'a.b'",
        r"kubernetes.service: expected a name of at most 63 lower-case letters, digits and `-`: `.` is not allowed",
    ),
    (
        "[kubernetes]\nselector_key = 'a b'",
        r#"kubernetes.selector_key: expected a label's key such as "version" or "example.com/slot": ` ` is not allowed"#,
    ),
    (
        "[kubernetes]\nselector_key = 'Up.com/slot'",
        r#"kubernetes.selector_key: expected a label's key such as "version" or "example.com/slot": `U` is not allowed"#,
    ),
    (
        "[kubernetes]\ngreen.value = 'x y'",
        r"kubernetes.green.value: expected a label's value of at most 63 letters, digits, `-`, `_` and `.`: ` ` is not allowed",
    ),
    (
        "[kubernetes]\ngreen.deployment = 'a..b'",
        r"kubernetes.green.deployment: expected a name of at most 253 lower-case letters, digits, `-` and `.`: it begins or ends with something else than a letter or digit",
    ),
    ("[kubernetes]\ncontext = ''", r"kubernetes.context: expected a string: it is empty"),
    (
        "[application]\nurl = 'localhost:8000'",
        r#"application.url: expected a URL such as "https://api.example.com": it begins with neither https:// nor http://"#,
    ),
    (
        "[application]\nurl = '/api'",
        r#"application.url: expected a URL such as "https://api.example.com": it begins with neither https:// nor http://"#,
    ),
    (
        "[application]\nurl = 'https://host/?key=hunter2'",
        r#"application.url: expected a URL such as "https://api.example.com": it goes on after the path"#,
    ),
    (
        "[application]\nurl = 'https://host:99999'",
        r#"application.url: expected a URL such as "https://api.example.com": invalid port number"#,
    ),
    (
        "[application]\nprobe_path = 'health'",
        r#"application.probe_path: expected a path such as "/health": it does not begin with `/`"#,
    ),
    (
        "[application]\nprobe_interval = '10s'",
        r"application.probe_interval: expected less than policy.stale_after (10s): every answer would be stale before the next one",
    ),
    (
        "[application]\nprobe_timeout = '1ms'",
        r"application.probe_timeout: expected a duration from 100ms to 1m",
    ),
    (
        "[application]\nversion_header = 'X Version'",
        r"application.version_header: expected a header's name: no header can be called that",
    ),
    (
        "[application]\nversion_json = 'version'",
        r#"application.version_json: expected a JSON pointer such as "/version": it does not begin with `/`"#,
    ),
    (
        "[application]\nversion_json = '/a~b'",
        r#"application.version_json: expected a JSON pointer such as "/version": `~` is written `~0` in it, and `/` within a name `~1`"#,
    ),
    (
        "time_zone = 'malabo'",
        r#"time_zone: expected an IANA time zone such as "Africa/Malabo": there is no such zone; did you mean `Africa/Malabo`?"#,
    ),
    (
        "[policy]\nstandby = '15'",
        r#"policy.standby: expected a duration such as "15m" or "500ms": it has no unit"#,
    ),
    (
        "[policy]\nstandby = 15",
        r#"policy.standby: expected a duration such as "15m" or "500ms", found a whole number"#,
    ),
    (
        "[policy]\nstandby = 'soon'",
        r#"policy.standby: expected a duration such as "15m" or "500ms": it cannot be read as one"#,
    ),
    ("[policy]\nverify_holds = '0s'", r"policy.verify_holds: expected a duration from 1s to 168h"),
    ("[policy]\nwatch = '1000h'", r"policy.watch: expected a duration from 0s to 168h"),
    (
        "[policy]\nstable_for = '2m'",
        r"policy.stable_for: expected less than policy.switch_timeout (1m): no switch could succeed",
    ),
    (
        "[logs]\nlevel = 'eror'",
        r"logs.level: expected one of trace, debug, info, warn, error, fatal: there is no such level; did you mean `error`?",
    ),
    (
        "[logs]\nmax_bytes = '16MB'",
        r#"logs.max_bytes: expected a size such as "16MiB": its unit is none of B, KiB, MiB, GiB"#,
    ),
    ("[logs]\nmax_bytes = '2GiB'", r"logs.max_bytes: expected a size from 64KiB to 1GiB"),
    (
        "[logs]\nmax_bytes = '99999999999GiB'",
        r#"logs.max_bytes: expected a size such as "16MiB": it is too large"#,
    ),
    ("[logs]\nmax_streams = 0", r"logs.max_streams: expected a whole number from 1 to 1000"),
    (
        "[[verify.checks]]\npath = '/a b'",
        r#"verify.checks[0].path: expected a path such as "/health": ` ` must be percent-encoded"#,
    ),
    (
        "[[verify.checks]]\npath = '/'\nversion = 'yes'",
        r"verify.checks[0].version: expected true or false, found a string",
    ),
    (
        "[[verify.checks]]\npath = '/'\njson = { status = 'ok' }",
        r#"verify.checks[0].json.status: expected a JSON pointer such as "/version": it does not begin with `/`"#,
    ),
    (
        "[[verify.checks]]\npath = '/'\nheader = { A = 1.5 }",
        r#"verify.checks[0].header.A: expected a string, a whole number, true or false, or { matches = "REGEX" }"#,
    ),
    (
        "[environments.B]\nkubernetes = { namespace = 'n', service = 's' }\napplication.url = 'http://h'",
        r"environments.B: expected an environment's name: it has something else in it than lower-case letters, digits and `-`",
    ),
];

#[test]
fn each_wrong_form_is_told_with_the_form_expected() {
    for (text, expected) in FORMS {
        let told: Vec<_> = mistakes(text)
            .into_iter()
            .map(|mistake| match mistake.help {
                Some(help) => format!("{}: {}; {help}", mistake.key, mistake.what),
                None => format!("{}: {}", mistake.key, mistake.what),
            })
            .collect();
        assert_eq!(told, [*expected], "of {text}");
    }
}
