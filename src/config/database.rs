//! `[database]`: PostgreSQL, which is only read, and where the release's migrations are.

use std::time::Duration;

use tokio_postgres::config::{Host, SslMode};

use super::application::secret;
use super::reader::Table;
use super::types::{Database, DatabaseServer, Migrations, VersionTable};
use super::values::{Form, Reason};
use super::{Origin, values};

const SECOND: Duration = Duration::from_secs(1);

const URL: Form<tokio_postgres::Config> =
    Form { expected: "a URL such as \"postgresql://cutover@db.example.com:5432/taxasge\"", parse: url };
const VERSION_TABLE: Form<VersionTable> = Form {
    expected: "a table such as \"alembic_version\" or \"migrations.alembic_version\"",
    parse: version_table,
};

/// Reads the table; `None` where neither a database nor migrations are named.
pub(super) fn read(table: &Table<'_>, origin: &Origin) -> Option<Database> {
    let own = server(table, origin);
    let staging = table.within("staging", |table| server(table, origin));
    let migrations = match table.one_of(&["migrations", "migrations_in_repository"]) {
        Some("migrations") => {
            let path = table.text("migrations", &values::PATH);
            path.map(|path| Migrations::Directory(origin.resolve(&path)))
        }
        Some(key) => table.text(key, &values::TEXT).map(Migrations::Repository),
        None => None,
    };
    let version_table = table.text("version_table", &VERSION_TABLE).unwrap_or_default();
    let long_transaction = table.duration("long_transaction", 300 * SECOND, SECOND..=24 * 3600 * SECOND);
    let per_colour = table
        .find("connections_per_colour")
        .map(|_| table.number("connections_per_colour", 1_u32, 1..=100_000));
    if own.is_none() && staging.is_none() && migrations.is_none() {
        return None;
    }
    Some(Database { own, staging, migrations, version_table, long_transaction, per_colour })
}

fn server(table: &Table<'_>, origin: &Origin) -> Option<DatabaseServer> {
    let address = table.text("url", &URL);
    let password = secret(table, origin);
    let tls = table.flag("tls", true);
    let ca_file = table.text("ca_file", &values::PATH).map(|path| origin.resolve(&path));
    let timeout = table.duration("timeout", 5 * SECOND, SECOND / 10..=60 * SECOND);
    let address = address?;
    // Nobody listens in on a socket of this machine.
    let local = address.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
    Some(DatabaseServer { address, password, tls: tls && !local, ca_file, timeout })
}

fn url(text: &str) -> Result<tokio_postgres::Config, Reason> {
    let help = |why: &str, help: &str| Reason { help: Some(help.to_owned()), ..Reason::from(why) };
    if !text.starts_with("postgresql://") && !text.starts_with("postgres://") {
        let why = "it does not begin with postgresql://";
        return Err(match text.starts_with("postgresql+") {
            true => Reason { hide: true, ..help(why, "leave SQLAlchemy's driver (`+psycopg`) out") },
            false => Reason { hide: text.contains('@'), ..Reason::from(why) },
        });
    }
    if text.contains("sslmode=") {
        let words = "TLS is on and the server's certificate checked; `tls = false` turns it off";
        return Err(Reason { hide: true, ..help("`sslmode` does not belong in it", words) });
    }
    // What is wrong with it may quote it.
    let config: tokio_postgres::Config =
        text.parse().map_err(|_| Reason { hide: true, ..Reason::from("it cannot be read as one") })?;
    if config.get_password().is_some() {
        let words = "name it with token_env, token_file or token_command";
        return Err(Reason { hide: true, ..help("the password does not belong in it", words) });
    }
    if config.get_hosts().is_empty() || config.get_user().is_none() || config.get_dbname().is_none() {
        return Err("it has to name a user, a host and a database".into());
    }
    if config.get_options().is_some() || config.get_ssl_mode() != SslMode::Prefer {
        return Err("options do not belong in it".into());
    }
    Ok(config)
}

fn version_table(text: &str) -> Result<VersionTable, Reason> {
    let (schema, name) = match text.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, text),
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 63
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !is_name(name) || !schema.is_none_or(is_name) {
        return Err("a name has letters, digits and `_`".into());
    }
    Ok(VersionTable { schema: schema.map(str::to_owned), name: name.to_owned() })
}
