//! A real PostgreSQL of the test's own, and Alembic to migrate it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::until;

/// The administrator's password.
pub const ADMIN: &str = "administrators-own";
/// The password of the user `cutover`, which may only look.
pub const PASSWORD: &str = "looks-but-never-writes";
const LIMIT: Duration = Duration::from_secs(60);

/// A server on loopback with a database `app`; ended when dropped.
pub struct Postgres {
    process: Child,
    home: TempDir,
    bin: PathBuf,
    alembic: PathBuf,
    pub port: u16,
}

impl Postgres {
    /// Starts one; `None` where PostgreSQL or Alembic is not installed.
    pub fn start(test: &str, settings: &[&str]) -> Option<Self> {
        let (Some(bin), Some(alembic)) = (bin(), alembic()) else {
            println!("skipped: {test}: PostgreSQL or Alembic is not installed");
            return None;
        };
        let home = tempfile::tempdir().unwrap();
        let password = home.path().join("password");
        fs::write(&password, ADMIN).unwrap();
        own(home.path());
        let data = home.path().join("data");
        let made = as_postgres(&bin.join("initdb"))
            .args(["--username=admin", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C"])
            .arg(format!("--pwfile={}", password.display()))
            .arg(&data)
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server =
            Self { process: run(&bin, &data, port, home.path(), settings), home, bin, alembic, port };
        until("PostgreSQL to answer", LIMIT, || {
            let output = server.psql("postgres").args(["-c", "SELECT 1"]).output().unwrap();
            output.status.success().then_some(())
        });
        server.sql("postgres", "CREATE DATABASE app");
        server.sql("postgres", &format!("CREATE ROLE cutover LOGIN PASSWORD '{PASSWORD}'"));
        server.sql("postgres", "GRANT pg_read_all_stats TO cutover");
        Some(server)
    }

    /// Ends it and waits until it has.
    pub fn stop(&mut self) {
        // SIGINT: sessions are ended, the server shuts down in order.
        let pid = rustix::process::Pid::from_child(&self.process);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        self.process.wait().unwrap();
    }

    fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(self.bin.join("psql"));
        command
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-U", "admin"])
            .args(["-p", &self.port.to_string(), "-d", database])
            .env("PGPASSWORD", ADMIN)
            .stdin(Stdio::null());
        command
    }

    /// Runs SQL as the administrator; what it answers.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        let output = self.psql(database).args(["-c", sql]).output().unwrap();
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A session that stays open.
    pub fn session(&self, database: &str) -> Session {
        let mut process = self.psql(database).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().unwrap());
        Session { process, input, output }
    }

    /// The URL for the user `cutover`, without a password.
    pub fn url(&self, database: &str) -> String {
        format!("postgresql://cutover@127.0.0.1:{}/{database}", self.port)
    }

    /// Runs Alembic on a database.
    pub fn alembic(&self, migrations: &Path, database: &str, arguments: &[&str]) -> String {
        let url = format!("postgresql+psycopg://admin:{ADMIN}@127.0.0.1:{}/{database}", self.port);
        let output: Output = Command::new(&self.alembic)
            .arg("-c")
            .arg(migrations.join("alembic.ini"))
            .args(arguments)
            .env("DATABASE_URL", url)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{arguments:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
        if arguments.first() == Some(&"upgrade") {
            self.sql(database, "GRANT SELECT ON alembic_version TO cutover");
        }
        said
    }

    /// The directory of its data, for certificates.
    pub fn home(&self) -> &Path {
        self.home.path()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Ok(None) = self.process.try_wait() {
            self.stop();
        }
    }
}

/// An open session of psql.
pub struct Session {
    process: Child,
    input: Option<ChildStdin>,
    output: BufReader<std::process::ChildStdout>,
}

impl Session {
    /// Sends SQL; returns when it was run.
    pub fn run(&mut self, sql: &str) {
        self.send(&format!("{sql};\nSELECT 'done'"));
        let mut line = String::new();
        while line.trim() != "done" {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "psql ended: {sql}");
        }
    }

    /// Sends SQL, which may have to wait.
    pub fn send(&mut self, sql: &str) {
        let input = self.input.as_mut().unwrap();
        writeln!(input, "{sql};").unwrap();
        input.flush().unwrap();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn run(bin: &Path, data: &Path, port: u16, sockets: &Path, settings: &[&str]) -> Child {
    let mut command = as_postgres(&bin.join("postgres"));
    command.arg("-D").arg(data).args(["-p", &port.to_string(), "-k"]).arg(sockets);
    for setting in ["listen_addresses=127.0.0.1", "fsync=off", "max_connections=30"].iter().chain(settings) {
        command.args(["-c", setting]);
    }
    let log = fs::File::create(sockets.join("log")).unwrap();
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap()
}

/// A program of PostgreSQL, which refuses to run as root.
fn as_postgres(program: &Path) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"])
        .arg(program)
        .current_dir("/");
    command
}

/// Gives a directory to the user whom PostgreSQL runs as.
pub fn own(path: &Path) {
    if rustix::process::geteuid().is_root() {
        let given = Command::new("chown").args(["-R", "postgres:postgres"]).arg(path).status().unwrap();
        assert!(given.success());
    }
}

fn bin() -> Option<PathBuf> {
    let has_server = |path: &PathBuf| path.join("postgres").is_file() && path.join("initdb").is_file();
    if let Some(named) = std::env::var_os("CUTOVER_POSTGRES_BIN") {
        return Some(PathBuf::from(named)).filter(has_server);
    }
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let mut found: Vec<PathBuf> =
        versions.flatten().map(|entry| entry.path().join("bin")).filter(has_server).collect();
    found.sort();
    found.pop()
}

fn alembic() -> Option<PathBuf> {
    let named = std::env::var_os("CUTOVER_ALEMBIC").map_or_else(|| PathBuf::from("alembic"), PathBuf::from);
    let answers = Command::new(&named).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    answers.is_ok_and(|status| status.success()).then_some(named)
}
