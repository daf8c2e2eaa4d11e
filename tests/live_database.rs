//! The database's items of the checklist against a real PostgreSQL and real Alembic, by
//! `cutover check` as a pipeline would.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use support::postgres::{PASSWORD, Postgres, own};
use support::until;
use tempfile::TempDir;

const LIMIT: Duration = Duration::from_secs(60);

/// An item a rule, so that each answer is seen by itself.
const RULES: [&str; 8] = [
    "single-head",
    "pending",
    "downgrade",
    "not-destructive",
    "at-head",
    "staging-at-head",
    "no-locks",
    "connections",
];

/// A rehearsal whose checklist asks a real database.
struct Room {
    process: Child,
    home: TempDir,
    config: String,
}

/// Every item's state and what was seen.
type Seen = BTreeMap<String, (String, String)>;

impl Room {
    fn open() -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut process = Command::new(support::program())
            .args(["rehearse", "--serve", "--output", "json", "--dir"])
            .arg(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let items = RULES.iter().map(|rule| {
            format!(
                "[[items]]\nid = '{rule}'\ngroup = 'all'\nen = '{rule}'\nkind = 'database'\n\
                 rules = ['{rule}']\nblocks = ['approve']\n"
            )
        });
        let checklist = format!("[[groups]]\nid = 'all'\nen = 'All'\n{}", items.collect::<String>());
        fs::write(home.path().join("team.toml"), checklist).unwrap();
        let config = fs::read_to_string(home.path().join("config.toml")).unwrap();
        Self { process, home, config }
    }

    /// Runs `cutover check` with a `[checklist]` and a `[database]`.
    fn check_with(&self, checklist: &str, database: &str) -> (Seen, Option<i32>) {
        let config = self.home.path().join("config.toml");
        fs::write(&config, format!("{}\n[checklist]\n{checklist}\n{database}", self.config)).unwrap();
        let output = Command::new(support::program())
            .args(["check", "--output", "json", "--config"])
            .arg(&config)
            .env("XDG_STATE_HOME", self.home.path())
            .env("CUTOVER_DATABASE_PASSWORD", PASSWORD)
            .env("CUTOVER_WRONG_PASSWORD", "not-the-password")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let (said, told) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr).into_owned());
        for secret in [PASSWORD, "not-the-password"] {
            assert!(!said.contains(secret) && !told.contains(secret), "{said}{told}");
        }
        let json: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}{told}"));
        let groups = json["groups"].as_array().unwrap();
        let items = groups.iter().flat_map(|group| group["items"].as_array().unwrap());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let seen = items.map(|item| (text(&item["id"]), (text(&item["state"]), text(&item["seen"]))));
        (seen.collect(), output.status.code())
    }

    fn check(&self, database: &str) -> Seen {
        self.check_with("file = 'team.toml'", database).0
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A copy of the migrations in `tests/migrations`, for Alembic to work in.
struct Migrations(TempDir);

impl Migrations {
    fn copied() -> Self {
        let copy = tempfile::tempdir().unwrap();
        fs::create_dir(copy.path().join("versions")).unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrations");
        for file in ["alembic.ini", "env.py", "script.py.mako"] {
            fs::copy(from.join(file), copy.path().join(file)).unwrap();
        }
        let migrations = Self(copy);
        migrations.add("versions");
        migrations
    }

    fn add(&self, of: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/migrations").join(of);
        for entry in fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, self.versions().join(path.file_name().unwrap())).unwrap();
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn versions(&self) -> PathBuf {
        self.path().join("versions")
    }
}

fn database(server: &Postgres, migrations: &Migrations, more: &str) -> String {
    format!(
        "[database]\nurl = '{}'\ntls = false\ntoken_env = 'CUTOVER_DATABASE_PASSWORD'\nmigrations = '{}'\n{more}",
        server.url("app"),
        migrations.path().display()
    )
}

#[track_caller]
fn expect(seen: &Seen, item: &str, state: &str, words: &str) {
    let (found, said) = &seen[item];
    assert!(found == state && said.contains(words), "{item}: {found}: {said}, expected {state}: {words}");
}

#[test]
fn what_is_pending_is_named_and_what_it_destroys() {
    let test = "what_is_pending_is_named_and_what_it_destroys";
    let Some(server) = Postgres::start(test, &[]) else { return };
    let (room, migrations) = (Room::open(), Migrations::copied());
    server.sql("postgres", "CREATE DATABASE staging");
    server.alembic(migrations.path(), "app", &["upgrade", "a001"]);
    server.alembic(migrations.path(), "staging", &["upgrade", "b002"]);
    let staging = format!(
        "[database.staging]\nurl = '{}'\ntls = false\ntoken_env = 'CUTOVER_DATABASE_PASSWORD'",
        server.url("staging")
    );
    let configured = database(&server, &migrations, &staging);
    let seen = room.check(&configured);
    let heads = server.alembic(migrations.path(), "app", &["heads"]);
    assert!(heads.starts_with("c003 (head)"), "{heads}");
    expect(&seen, "single-head", "pass", "one head: c003 Drop the nickname");
    expect(
        &seen,
        "pending",
        "pass",
        "the database is at a001; 2 pending: b002 Add webhooks table, c003 Drop the nickname",
    );
    expect(&seen, "pending", "pass", "(PostgreSQL ");
    expect(&seen, "downgrade", "fail", "no way back: 003_no_nickname.py (its downgrade does nothing)");
    expect(
        &seen,
        "not-destructive",
        "unknown",
        "an operator has to accept it: 003_no_nickname.py:17 execute DELETE FROM users WHERE email IS NULL, \
         003_no_nickname.py:18 alter_column users.email: not null, 003_no_nickname.py:19 drop_column users.nickname",
    );
    expect(
        &seen,
        "at-head",
        "fail",
        "it lacks 2 of the release's: b002 Add webhooks table, c003 Drop the nickname",
    );
    expect(
        &seen,
        "staging-at-head",
        "fail",
        "staging is at b002, it lacks 1 of the release's: c003 Drop the nickname",
    );
    expect(&seen, "no-locks", "pass", "no lock is held");
    expect(&seen, "connections", "pass", "of 27 connections are taken");

    server.alembic(migrations.path(), "staging", &["upgrade", "head"]);
    server.alembic(migrations.path(), "app", &["upgrade", "b002"]);
    let tight =
        room.check(&database(&server, &migrations, &format!("connections_per_colour = 28\n{staging}")));
    expect(&tight, "staging-at-head", "pass", "staging is at the release's head c003");
    expect(&tight, "pending", "pass", "1 pending: c003 Drop the nickname");
    expect(&tight, "connections", "fail", "a second colour takes 28 more");

    server.alembic(migrations.path(), "app", &["upgrade", "head"]);
    let seen = room.check(&configured);
    expect(&seen, "pending", "pass", "the database is at c003: nothing is pending");
    expect(&seen, "downgrade", "pass", "nothing is pending");
    expect(&seen, "not-destructive", "pass", "0 pending");
    expect(&seen, "at-head", "pass", "the database is at the release's head c003");

    // A release of before: the database is ahead of it.
    fs::remove_file(migrations.versions().join("003_no_nickname.py")).unwrap();
    let seen = room.check(&configured);
    for rule in ["pending", "at-head", "downgrade", "not-destructive"] {
        expect(&seen, rule, "fail", "the database is at c003, which the release does not have");
    }
    // The procedure's own checklist asks the same; without a database its items are as they were.
    let (shipped, status) = room.check_with("name = 'production'", &configured);
    assert_eq!((shipped.len(), status), (28, Some(3)));
    expect(&shipped, "migrations", "fail", "staging is at c003, which the release does not have");
    expect(&shipped, "connections", "pass", "connections are taken");
    expect(&shipped, "previous-version", "manual", "an operator has to say so");
    let (shipped, _) = room.check_with("name = 'production'", "");
    assert_eq!(shipped.len(), 23);
    expect(&shipped, "migrations", "manual", "an operator has to say so");
}

#[test]
fn branches_have_several_heads_until_they_are_merged() {
    let test = "branches_have_several_heads_until_they_are_merged";
    let Some(server) = Postgres::start(test, &[]) else { return };
    let (room, migrations) = (Room::open(), Migrations::copied());
    migrations.add("branches");
    server.alembic(migrations.path(), "app", &["upgrade", "b002"]);
    let configured = database(&server, &migrations, "");
    let seen = room.check(&configured);
    let heads = server.alembic(migrations.path(), "app", &["heads"]);
    assert_eq!(heads.lines().count(), 3, "{heads}");
    expect(
        &seen,
        "single-head",
        "fail",
        "3 heads, merge them: c003 Drop the nickname, d004 Reports, e005 Audit trail",
    );
    expect(&seen, "pending", "pass", "3 pending: c003 Drop the nickname, d004 Reports, e005 Audit trail");
    // Alembic keeps a row for each branch; the one that another depends on it leaves out.
    server.alembic(migrations.path(), "app", &["upgrade", "heads"]);
    let seen = room.check(&configured);
    expect(&seen, "at-head", "pass", "the database is at the release's head c003 and e005");
    server.alembic(migrations.path(), "app", &["merge", "heads", "-m", "one again", "--rev-id", "f006"]);
    // It merged the two that count for a database, and still refuses `upgrade head`.
    expect(
        &room.check(&configured),
        "single-head",
        "fail",
        "2 heads, merge them: d004 Reports, f006 one again",
    );
    server.alembic(migrations.path(), "app", &["merge", "d004", "f006", "-m", "at last", "--rev-id", "g007"]);
    let seen = room.check(&configured);
    expect(&seen, "single-head", "pass", "one head: g007 at last");
    expect(&seen, "pending", "pass", "2 pending: f006 one again, g007 at last");
    expect(&seen, "downgrade", "fail", "f006_one_again.py (its downgrade does nothing)");
    server.alembic(migrations.path(), "app", &["upgrade", "head"]);
    expect(&room.check(&configured), "at-head", "pass", "the database is at the release's head g007");

    // What cannot be told is no pass, whatever the others say.
    let unclear = "import os\nrevision = 'h008'\ndown_revision = os.environ['LAST']\n";
    fs::write(migrations.versions().join("008_unclear.py"), unclear).unwrap();
    let seen = room.check(&configured);
    for rule in ["single-head", "pending", "downgrade", "not-destructive", "at-head"] {
        expect(&seen, rule, "unknown", "008_unclear.py: its `down_revision` is no plain string");
    }
    expect(&seen, "no-locks", "pass", "no lock is held");
}

#[test]
fn a_lock_and_a_long_transaction_would_make_a_migration_wait() {
    let test = "a_lock_and_a_long_transaction_would_make_a_migration_wait";
    let Some(server) = Postgres::start(test, &[]) else { return };
    let (room, migrations) = (Room::open(), Migrations::copied());
    server.alembic(migrations.path(), "app", &["upgrade", "head"]);
    let configured = database(&server, &migrations, "");
    let mut holder = server.session("app");
    holder.run("BEGIN; LOCK TABLE users IN ACCESS EXCLUSIVE MODE");
    let mut waiter = server.session("app");
    waiter.send("SELECT count(*) FROM users");
    until("the second session to wait", LIMIT, || {
        (server.sql("app", "SELECT count(*) FROM pg_locks WHERE NOT granted") == "1").then_some(())
    });
    let seen = room.check(&configured);
    expect(&seen, "no-locks", "fail", "(admin) holds AccessExclusiveLock on users");
    expect(&seen, "no-locks", "fail", "(admin) waits for AccessShareLock on users, held up by pid ");
    expect(&seen, "at-head", "pass", "c003");
    drop(holder);
    drop(waiter);

    let mut reader = server.session("app");
    reader.run("BEGIN; SELECT count(*) FROM users");
    until("the transaction to be old", LIMIT, || {
        let old = "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' \
                   AND clock_timestamp() - xact_start > interval '2 seconds'";
        (server.sql("app", old) == "1").then_some(())
    });
    let strict = database(&server, &migrations, "long_transaction = '1s'");
    expect(&room.check(&strict), "no-locks", "fail", "(admin) has been in a transaction for ");
    expect(&room.check(&configured), "no-locks", "pass", "no transaction is older than 5 min");
    // While a migration holds Alembic's own table, nobody is made to wait for it.
    let mut migration = server.session("app");
    migration.run("BEGIN; LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE");
    let seen = room.check(&configured);
    expect(&seen, "pending", "unknown", "is locked by somebody: is a migration running?");
    expect(&seen, "no-locks", "fail", "(admin) holds AccessExclusiveLock on alembic_version");
    drop(migration);
    // Without the right to see others' transactions nobody can say that there is none.
    server.sql("postgres", "REVOKE pg_read_all_stats FROM cutover");
    expect(&room.check(&configured), "no-locks", "unknown", "grant pg_read_all_stats to this user");
}

#[test]
fn a_database_that_does_not_answer_is_unknown_in_words() {
    let test = "a_database_that_does_not_answer_is_unknown_in_words";
    let Some(mut server) = Postgres::start(test, &[]) else { return };
    let (room, migrations) = (Room::open(), Migrations::copied());
    let configured = database(&server, &migrations, "");
    let of_all = |configured: &str, words: &str| {
        let seen = room.check(configured);
        for rule in ["pending", "at-head", "no-locks", "connections"] {
            expect(&seen, rule, "unknown", words);
        }
        expect(&seen, "single-head", "pass", "one head: c003");
    };
    let seen = room.check(&configured);
    expect(&seen, "pending", "unknown", "there is no table alembic_version");
    expect(&seen, "staging-at-head", "unknown", "staging is not configured");
    expect(&seen, "no-locks", "pass", "no lock is held");
    server.alembic(migrations.path(), "app", &["upgrade", "head"]);
    server.sql("app", "REVOKE SELECT ON alembic_version FROM cutover");
    expect(
        &room.check(&configured),
        "pending",
        "unknown",
        "no right to read it: permission denied for table",
    );

    let wrong = configured.replace("CUTOVER_DATABASE_PASSWORD", "CUTOVER_WRONG_PASSWORD");
    of_all(&wrong, "the password of the user cutover is not accepted");
    of_all(&configured.replace("token_env = 'CUTOVER_DATABASE_PASSWORD'", ""), "it asks for a password");
    of_all(&configured.replace("/app'", "/nowhere'"), "there is no database nowhere on the server");
    of_all(&configured.replace("tls = false", ""), "it speaks no TLS");
    server.stop();
    of_all(&configured, "connection refused");
    // A server that takes the connection and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let silence = configured
        .replace(&server.port.to_string(), &port)
        .replace("tls = false", "tls = false\ntimeout = '500ms'");
    of_all(&silence, "no answer within 500 ms");
}

#[test]
fn tls_is_checked_against_the_certificates_that_are_trusted() {
    let test = "tls_is_checked_against_the_certificates_that_are_trusted";
    let certificate = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let files = tempfile::tempdir().unwrap();
    let (cert, key) = (files.path().join("server.pem"), files.path().join("server.key"));
    let trusted = tempfile::NamedTempFile::new().unwrap();
    fs::write(&trusted, certificate.cert.pem()).unwrap();
    fs::write(&cert, certificate.cert.pem()).unwrap();
    fs::write(&key, certificate.signing_key.serialize_pem()).unwrap();
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    own(files.path());
    let settings = [
        "ssl=on".to_owned(),
        format!("ssl_cert_file={}", cert.display()),
        format!("ssl_key_file={}", key.display()),
    ];
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    let Some(server) = Postgres::start(test, &settings) else { return };
    let (room, migrations) = (Room::open(), Migrations::copied());
    server.alembic(migrations.path(), "app", &["upgrade", "head"]);
    let configured = database(&server, &migrations, "").replace("tls = false", "");
    let seen = room.check(&configured);
    expect(&seen, "pending", "unknown", "certificate");
    let trusting = format!("ca_file = '{}'\nmigrations", trusted.path().display());
    let seen = room.check(&configured.replacen("migrations", &trusting, 1));
    expect(&seen, "at-head", "pass", "the database is at the release's head c003");
}
