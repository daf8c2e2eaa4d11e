//! The one thing that a room knows of its world being a rehearsal: the word in the
//! header, and the panel of faults.

/// Which rehearsal it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    /// The scenario's name.
    pub scenario: String,
    /// By how much the procedure's times are shortened.
    pub speed: u32,
    /// With it the same rehearsal can be had again.
    pub seed: u64,
}

/// One fault of the panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultLine {
    pub name: &'static str,
    /// What it does, with its figures.
    pub words: String,
    /// Whether it goes on now.
    pub is_on: bool,
}
