//! What PostgreSQL is asked: at which revision it is, what would make a migration wait,
//! and how many connections are left.

use std::time::Duration;

use super::super::Answer;
use super::session::{Row, Session};
use crate::config::VersionTable;
use crate::sop::checklist::evidence::Found;
use crate::sop::migrations::connections::{Room, judge};

/// Most lines of what holds a migration up.
const MOST: usize = 8;

/// At which revisions the database is.
///
/// # Errors
/// When the table is not there or cannot be read.
pub(super) async fn current(session: &Session, table: &VersionTable) -> Result<Vec<String>, String> {
    let quoted = match &table.schema {
        Some(schema) => format!("\"{schema}\".\"{}\"", table.name),
        None => format!("\"{}\"", table.name),
    };
    let seen = session.rows(&format!("SELECT to_regclass('{quoted}')")).await?;
    if seen.first().and_then(|row| text(row, 0)).is_none() {
        return Err(format!(
            "there is no table {} : no migration was ever run here, or database.version_table names another",
            quoted.replace('"', "")
        ));
    }
    let rows = session.rows(&format!("SELECT version_num FROM {quoted} ORDER BY 1 LIMIT 100")).await?;
    Ok(rows.iter().filter_map(|row| text(row, 0).map(str::to_owned)).collect())
}

/// Locks and transactions that a migration would wait for.
///
/// # Errors
/// When they cannot be read.
pub(super) async fn locks(session: &Session, long: Duration) -> Result<Answer, String> {
    let locks = session.rows(LOCKS).await?;
    let transactions = session.rows(&TRANSACTIONS.replace("{seconds}", &long.as_secs().to_string())).await?;
    let hidden = session.rows(HIDDEN).await?;
    let words: Vec<String> = locks.iter().map(lock).chain(transactions.iter().map(transaction)).collect();
    if !words.is_empty() {
        let shown: Vec<&str> = words.iter().take(MOST).map(String::as_str).collect();
        let more = words.len().saturating_sub(MOST);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        return Ok((Found::Fail, format!("a migration would wait: {}{more}", shown.join(", "))));
    }
    if hidden.first().and_then(|row| text(row, 0)) != Some("0") {
        let words = "no right to see what the other users' sessions do: grant pg_read_all_stats to this user";
        return Err(words.to_owned());
    }
    let minutes = long.as_secs().div_ceil(60);
    Ok((Found::Pass, format!("no lock is held or waited for, no transaction is older than {minutes} min")))
}

/// How many connections there are, and whether a second colour has room.
///
/// # Errors
/// When they cannot be read.
pub(super) async fn connections(session: &Session, per_colour: Option<u32>) -> Result<Answer, String> {
    let rows = session.rows(CONNECTIONS).await?;
    let number =
        |place: usize| rows.first().and_then(|row| text(row, place)).and_then(|text| text.parse().ok());
    let (Some(maximum), Some(reserved), Some(used)) = (number(0), number(1), number(2)) else {
        return Err("it does not say how many connections there are".to_owned());
    };
    Ok(judge(Room { maximum, reserved, used, per_colour }))
}

fn text(row: &Row, column: usize) -> Option<&str> {
    row.get(column)?.as_deref()
}

/// `pid 123 (api) waits for ShareLock on users, held up by pid 120`.
fn lock(row: &Row) -> String {
    let part = |column| text(row, column).unwrap_or("?");
    let (who, mode, what) = (part(0), part(1), part(2));
    match text(row, 3).filter(|by| !by.is_empty()) {
        Some(by) => format!("{who} waits for {mode} on {what}, held up by pid {by}"),
        None => format!("{who} holds {mode} on {what}"),
    }
}

/// `pid 123 (api) has been in a transaction for 12 min (idle in transaction)`.
fn transaction(row: &Row) -> String {
    let part = |column| text(row, column).unwrap_or("?");
    let seconds: u64 = part(2).parse().unwrap_or_default();
    let age = if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) };
    format!("{} has been in a transaction for {age} ({})", part(0), part(1))
}

/// Locks in this database that are waited for, and the strongest ones on its tables. A
/// temporary table is its session's own.
const LOCKS: &str = "
SELECT 'pid ' || l.pid || ' (' || coalesce(a.usename, '?') || ')', l.mode,
       coalesce(c.relname::text, l.locktype),
       CASE WHEN l.granted THEN '' ELSE array_to_string(pg_blocking_pids(l.pid), ', ') END
FROM pg_locks l
JOIN pg_stat_activity a ON a.pid = l.pid AND a.datname = current_database()
LEFT JOIN pg_class c ON c.oid = l.relation AND l.database = a.datid
WHERE l.pid <> pg_backend_pid()
  AND (NOT l.granted
       OR (l.mode = 'AccessExclusiveLock' AND l.locktype = 'relation' AND c.relkind IN ('r', 'p', 'm')
           AND c.relpersistence <> 't'))
ORDER BY l.granted, l.pid LIMIT 50";

/// Old transactions of this database, prepared ones too: those hold their locks without a
/// session.
const TRANSACTIONS: &str = "
SELECT who, state, age FROM (
  SELECT 'pid ' || pid || ' (' || coalesce(usename, '?') || ')' AS who, coalesce(state, '?') AS state,
         extract(epoch FROM clock_timestamp() - xact_start)::bigint AS age
  FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid()
    AND backend_type IN ('client backend', 'parallel worker')
  UNION ALL
  SELECT 'prepared transaction ' || gid || ' (' || owner || ')', 'prepared',
         extract(epoch FROM clock_timestamp() - prepared)::bigint
  FROM pg_prepared_xacts WHERE database = current_database()
) AS open WHERE age > {seconds} ORDER BY age DESC LIMIT 50";

/// Sessions of others whose transactions this user may not see.
const HIDDEN: &str = "
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND query = '<insufficient privilege>'";

/// Those of all databases, for the maximum is the server's.
const CONNECTIONS: &str = "
SELECT current_setting('max_connections')::int,
       current_setting('superuser_reserved_connections')::int
         + coalesce(current_setting('reserved_connections', true), '0')::int,
       (SELECT coalesce(sum(numbackends), 0) FROM pg_stat_database) - 1";
