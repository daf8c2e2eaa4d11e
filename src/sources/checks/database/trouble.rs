//! What went wrong with PostgreSQL, in the operator's words.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::config::DatabaseServer;
use crate::sources::kubernetes::explain_error;
use crate::sources::text::clean;

/// Why it was not reached.
pub(super) fn of_connecting(error: &Error, server: &DatabaseServer) -> String {
    let user = clean(server.address.get_user().unwrap_or_default());
    let name = clean(server.address.get_dbname().unwrap_or_default());
    if let Some(refusal) = error.as_db_error() {
        return match *refusal.code() {
            SqlState::INVALID_PASSWORD => {
                format!(
                    "the password of the user {user} is not accepted: check token_env, token_file or token_command"
                )
            }
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
                format!("the user {user} is not let in: {}", clean(refusal.message()))
            }
            SqlState::INVALID_CATALOG_NAME => format!("there is no database {name} on the server"),
            SqlState::INSUFFICIENT_PRIVILEGE => {
                format!("the user {user} may not connect to the database {name}: grant connect")
            }
            SqlState::TOO_MANY_CONNECTIONS => "all its connections are taken".to_owned(),
            SqlState::CANNOT_CONNECT_NOW => {
                format!("it is not ready yet or going down: {}", clean(refusal.message()))
            }
            _ => told(refusal),
        };
    }
    if error.to_string().contains("password missing") || source_says(error, "password missing") {
        return "it asks for a password and none is configured: name it with token_env, token_file or token_command"
            .to_owned();
    }
    if source_says(error, "does not support TLS") {
        return "it speaks no TLS: turn TLS on there, or set tls = false where the line is trusted"
            .to_owned();
    }
    explain_error(error)
}

/// Why it did not answer.
pub(super) fn of_asking(error: &Error) -> String {
    let Some(refusal) = error.as_db_error() else { return explain_error(error) };
    match *refusal.code() {
        SqlState::INSUFFICIENT_PRIVILEGE => format!("no right to read it: {}", clean(refusal.message())),
        SqlState::QUERY_CANCELED => "it took too long to answer".to_owned(),
        SqlState::LOCK_NOT_AVAILABLE => {
            "what was asked for is locked by somebody: is a migration running?".to_owned()
        }
        _ => told(refusal),
    }
}

fn told(refusal: &DbError) -> String {
    format!("{} ({})", clean(refusal.message()), refusal.code().code())
}

fn source_says(error: &Error, words: &str) -> bool {
    error.source().is_some_and(|source| source.to_string().contains(words))
}
