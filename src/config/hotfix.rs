//! An environment on the fast track of a hotfix (sop.md, "Hotfix process").

use super::types::Environment;
use super::{ConfigError, checklist};
use crate::sop::hotfix::Hotfix;

impl Environment {
    /// The environment for a hotfix from `branch`: it keeps the hotfix's short checklist in
    /// place of its own, asks for one approval of anybody, and follows that branch. The
    /// deploy window stays an interlock that a reason overrides.
    ///
    /// # Errors
    /// When the program's own checklist is wrong, which would be a fault of it.
    pub fn for_hotfix(mut self, branch: &str, hotfix: Hotfix) -> Result<Self, ConfigError> {
        let language = self.checklist.as_ref().map(|checklist| checklist.language).unwrap_or_default();
        self.checklist = Some(checklist::hotfix(language)?);
        self.policy.checklist = true;
        if let Some(github) = &mut self.github {
            let setting = &mut github.setting;
            let usual = std::mem::replace(&mut setting.head_branch, branch.to_owned());
            setting.long_lived.push(usual);
            setting.approvals = 1;
            setting.each_role.clear();
            setting.hotfix = true;
        }
        self.hotfix = Some(hotfix);
        super::suited(self)
    }
}
