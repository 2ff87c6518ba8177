//! Applications: what they are called.

use super::Plan;
use crate::engine::Value;
use countersign_core::id::ApplicationId;
use countersign_core::model::application::ApplicationPatch;
use countersign_core::ports::change::Expectation;

/// An alias is unique among all ids, slugs and aliases; of aliases an index keeps it so.
pub(crate) const IS_SLUG: &str = "SELECT 1 FROM applications WHERE slug = $1";
pub(crate) const IS_ID: &str = "SELECT 1 FROM applications WHERE id = $1";
const SET_NAME: &str = "UPDATE applications SET name = $2 WHERE id = $1 RETURNING 1";
const SET_ALIAS: &str = "UPDATE applications SET alias = $2 WHERE id = $1 RETURNING 1";

#[cfg(test)]
pub(crate) const TEXTS: &[&str] = &[IS_SLUG, IS_ID, SET_NAME, SET_ALIAS];

/// Changes name and alias.
pub(super) fn change(plan: &mut Plan, patch: ApplicationPatch) {
    if let Some(name) = patch.name {
        let parameters = [plan.application(), name.into()];
        plan.expect(Expectation::Application, SET_NAME, parameters);
    }
    if let Some(alias) = patch.alias {
        if let Some(alias) = &alias {
            expect_alias_free(plan, alias);
        }
        let parameters = [plan.application(), alias.into()];
        plan.expect(Expectation::Application, SET_ALIAS, parameters);
    }
}

/// Expects that no application has the text as its slug or id.
pub(crate) fn expect_alias_free(plan: &mut Plan, alias: &str) {
    let taken = [Value::from(alias)];
    plan.expect_none(Expectation::AliasFree, IS_SLUG, taken);
    if let Ok(id) = alias.parse::<ApplicationId>() {
        plan.expect_none(Expectation::AliasFree, IS_ID, [id.bytes().into()]);
    }
}
