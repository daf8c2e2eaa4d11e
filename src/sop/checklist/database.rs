//! What an item may ask about the database and the release's migrations.

/// One thing that must be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseRule {
    /// The release's revisions have one head.
    SingleHead,
    /// What is pending is known, and named.
    Pending,
    /// All that is pending has a downgrade.
    Downgrade,
    /// Nothing that is pending destroys anything; else an operator has to accept it.
    NotDestructive,
    /// The environment's database is at the release's head.
    AtHead,
    /// Staging's database is.
    StagingAtHead,
    /// No lock and no long transaction would make a migration wait.
    NoLocks,
    /// There are connections enough for both colours.
    Connections,
}

impl DatabaseRule {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::SingleHead,
        Self::Pending,
        Self::Downgrade,
        Self::NotDestructive,
        Self::AtHead,
        Self::StagingAtHead,
        Self::NoLocks,
        Self::Connections,
    ];

    /// The word in files.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::SingleHead => "single-head",
            Self::Pending => "pending",
            Self::Downgrade => "downgrade",
            Self::NotDestructive => "not-destructive",
            Self::AtHead => "at-head",
            Self::StagingAtHead => "staging-at-head",
            Self::NoLocks => "no-locks",
            Self::Connections => "connections",
        }
    }

    /// What must be so, in words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::SingleHead => "a single head",
            Self::Pending => "what is pending is known",
            Self::Downgrade => "each has a downgrade",
            Self::NotDestructive => "none destroys anything",
            Self::AtHead => "the database is at the head",
            Self::StagingAtHead => "staging is at the head",
            Self::NoLocks => "no lock and no long transaction",
            Self::Connections => "connections for both colours",
        }
    }

    /// Whether the release's migration scripts have to be read for it.
    #[must_use]
    pub const fn reads_scripts(self) -> bool {
        !matches!(self, Self::NoLocks | Self::Connections)
    }

    /// Whether the environment's own database has to be asked.
    #[must_use]
    pub const fn asks_own(self) -> bool {
        !matches!(self, Self::SingleHead | Self::StagingAtHead)
    }
}
