//! `[database]`: PostgreSQL and the migrations.

use super::mistakes::mistakes;
use super::*;

const URL: &str = "url = 'postgresql://cutover@db.example.com/taxes'";

#[test]
fn a_database_has_every_default_and_staging_its_own_keys() {
    assert!(parsed(SMALL, None).database.is_none());
    let small = format!("{SMALL}[database]\n{URL}\ntoken_env = 'P'\nmigrations = 'alembic'\n");
    let database = parsed(&small, None).database.unwrap();
    let own = database.own.unwrap();
    assert_eq!((own.address.get_user(), own.address.get_dbname()), (Some("cutover"), Some("taxes")));
    assert!(own.tls && own.password.is_some() && own.address.get_password().is_none());
    assert_eq!((own.timeout, database.long_transaction), (Duration::from_secs(5), Duration::from_secs(300)));
    assert_eq!(database.migrations, Some(Migrations::Directory("/etc/cutover/alembic".into())));
    assert_eq!((database.version_table, database.per_colour), (VersionTable::default(), None));
    assert!(database.staging.is_none());

    let more = format!(
        "{small}version_table = 'own.alembic_version'\nlong_transaction = '30s'\nconnections_per_colour = 40\n\
         [database.staging]\nurl = 'postgresql:///taxes?host=/run/postgresql&user=cutover'\n"
    );
    let database = parsed(&more, None).database.unwrap();
    assert_eq!(database.version_table.schema.as_deref(), Some("own"));
    assert_eq!((database.per_colour, database.long_transaction), (Some(40), Duration::from_secs(30)));
    // On a socket of this machine nobody listens in.
    assert!(!database.staging.unwrap().tls);
}

#[test]
fn a_password_never_stands_in_the_url() {
    let found = mistakes("[database]\nurl = 'postgresql://cutover:hunter2@db/taxes'\n");
    assert_eq!(found[0].key, "database.url");
    assert!(found[0].what.contains("the password does not belong in it"), "{found:?}");
    assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    for (url, words) in [
        ("postgresql+psycopg://cutover:hunter2@db/taxes", "it does not begin with postgresql://"),
        ("mysql://cutover:hunter2@db/taxes", "it does not begin with postgresql://"),
        ("postgresql://cutover@db/taxes?sslmode=verify-full", "`sslmode` does not belong in it"),
        ("postgresql://db/taxes", "it has to name a user, a host and a database"),
        ("postgresql://cutover@db", "it has to name a user, a host and a database"),
        ("postgresql://cutover@db/taxes?options=-csearch_path=x", "options do not belong in it"),
        ("postgresql://cutover:hunter2@db:port/taxes", "it cannot be read as one"),
    ] {
        let found = mistakes(&format!("[database]\nurl = '{url}'\n"));
        assert!(found[0].what.contains(words), "{url}: {found:?}");
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }
    for table in ["a.b.c", "", "1a", "a;b", "a\\\"b"] {
        let found = mistakes(&format!("[database]\n{URL}\nversion_table = \"{table}\"\n"));
        assert_eq!(found[0].key, "database.version_table", "{table}");
    }
}
