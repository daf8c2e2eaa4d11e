//! Where the configuration is looked for.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::error::ConfigError;

const NAME: &str = "config.toml";

/// The variables that say where a user's files are.
#[derive(Clone, Debug, Default)]
pub(super) struct Home {
    /// `HOME`.
    pub(super) home: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub(super) config: Option<PathBuf>,
}

impl Home {
    pub(super) fn from_environment() -> Self {
        Self::new(std::env::var_os("HOME"), std::env::var_os("XDG_CONFIG_HOME"))
    }

    /// Relative paths are ignored, as the XDG Base Directory Specification wants it.
    fn new(home: Option<OsString>, config: Option<OsString>) -> Self {
        let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
        Self { home: absolute(home), config: absolute(config) }
    }

    /// The directory of the user's configuration files.
    fn configuration(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| Some(self.home.as_ref()?.join(".config")))
    }
}

/// The file to read: the one that was named, else the first that exists of
/// `config.toml` in `directory` and the user's own.
///
/// A file that was named need not exist: reading it then says so.
pub(super) fn locate(explicit: Option<&Path>, directory: &Path, home: &Home) -> Result<PathBuf, ConfigError> {
    if let Some(path) = explicit {
        return Ok(path.to_owned());
    }
    let user = home.configuration().map(|config| config.join("cutover").join(NAME));
    let looked: Vec<_> = [Some(directory.join(NAME)), user].into_iter().flatten().collect();
    // One that cannot be examined counts as there: passing over it silently
    // could choose another cluster than the operator means.
    match looked.iter().find(|path| path.try_exists().unwrap_or(true)) {
        Some(path) => Ok(path.clone()),
        None => Err(ConfigError::NotFound { looked }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_nearest_file_wins() {
        let root = tempfile::tempdir().unwrap();
        let work = root.path().join("work");
        let user = root.path().join("home/.config/cutover");
        fs::create_dir_all(&work).unwrap();
        fs::create_dir_all(&user).unwrap();
        let home = Home::new(Some(root.path().join("home").into()), Some("relative".into()));

        let error = locate(None, &work, &home).unwrap_err().to_string();
        assert!(error.contains(&work.join("config.toml").display().to_string()), "{error}");
        assert!(error.contains(&user.join("config.toml").display().to_string()), "{error}");
        assert!(error.contains("--config PATH"), "{error}");

        fs::write(user.join("config.toml"), "").unwrap();
        assert_eq!(locate(None, &work, &home).unwrap(), user.join("config.toml"));
        fs::write(work.join("config.toml"), "").unwrap();
        assert_eq!(locate(None, &work, &home).unwrap(), work.join("config.toml"));
        assert_eq!(locate(Some(Path::new("x.toml")), &work, &home).unwrap(), Path::new("x.toml"));
    }

    #[test]
    fn xdg_config_home_replaces_the_usual_directory() {
        let home = Home::new(Some("/home/a".into()), Some("/etc/a".into()));
        assert_eq!(home.configuration(), Some(PathBuf::from("/etc/a")));
        assert_eq!(Home::new(None, None).configuration(), None);
    }
}
