//! Explain: the doctor, with what only the server knows.
//!
//! The verdict is the verifier's alone. Whether the user exists, and whether
//! the credential was revoked or used, is told beside it and does not change
//! `accepted`: the credential is as good as it is, whoever it names.

use countersign_credential::claims::Claims;
use countersign_credential::dialect::Dialect;
use countersign_credential::explain::{Check, Explanation};

use super::authenticate::check_issued;
use super::claims_query::login_query;
use super::managed_users::{by_another_key, verifier};
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::{Ctx, Judge};
use crate::error::Error;
use crate::model::password::PASSWORD_KID;
use crate::model::settings::UnknownUser;
use crate::ports::store::LoginView;

/// Whether the credential's user exists.
const USER: &str = "user";
/// Whether a revocation covers the credential or its user.
const REVOCATION: &str = "revocation";
/// Whether it has opened the one session that it may open.
const USE: &str = "use";

/// Explains a credential to its application. With a dialect, no other is taken.
///
/// # Errors
/// Those of authorization and of the store; a credential that is refused is an
/// explanation, and no error.
pub async fn explain(
    ctx: &Ctx,
    principal: &Principal,
    text: &str,
    dialect: Option<Dialect>,
) -> Result<Explanation, Error> {
    let permit = authorize(principal, &Action::ExplainToken)?.outright()?;
    let judge = ctx.judge_of(permit.application()).await?;
    let now = ctx.now();
    let mut explanation = judge.verifier.explain(text, dialect, now);
    if explanation.refusal.as_ref().is_some_and(by_another_key)
        && let Some(verifier) = verifier(ctx, &judge, text, now).await?
    {
        explanation = verifier.explain(text, dialect, now);
    }
    if let Some(claims) = &explanation.claims {
        let query = login_query(claims, &judge.application, ctx.now())?;
        let view = ctx.store.login_view(judge.application.id, query).await?;
        let told = [
            user(&judge, claims, &view),
            revocation(ctx, claims, &view),
            usage(&judge, claims, &view),
        ];
        explanation.checks.extend(told);
    }
    Ok(explanation)
}

fn user(judge: &Judge, claims: &Claims, view: &LoginView) -> Check {
    let unknown_user = judge.application.settings.unknown_user.of(claims.dialect);
    match (&view.user, unknown_user) {
        (Some(user), _) if user.blocked => failed(
            USER,
            format!("{} is blocked", user.id),
            "PATCH the user with \"blocked\": false",
        ),
        (Some(user), _) => passed(USER, format!("{} exists", user.id)),
        (None, UnknownUser::Create) => passed(
            USER,
            "there is no such user yet; the login creates it".to_owned(),
        ),
        (None, UnknownUser::Refuse) => failed(
            USER,
            format!(
                "there is no such user, and a {} login does not create one",
                claims.dialect
            ),
            "create the user first: POST /v1/users",
        ),
    }
}

fn revocation(ctx: &Ctx, claims: &Claims, view: &LoginView) -> Check {
    if let Err(error) = check_issued(ctx, claims) {
        failed(REVOCATION, error.detail.into_owned(), "mint another one")
    } else if view.revoked {
        failed(
            REVOCATION,
            "a revocation covers the credential or its user".to_owned(),
            "mint another one",
        )
    } else {
        passed(REVOCATION, "nothing covers it".to_owned())
    }
}

fn usage(judge: &Judge, claims: &Claims, view: &LoginView) -> Check {
    let of_dialect = judge.application.settings.one_time.of(claims.dialect);
    let once = of_dialect && claims.kid.as_str() != PASSWORD_KID;
    match &view.used_by {
        Some(session) => failed(
            USE,
            format!("it has opened its one session: {}", session.id),
            "mint a new credential for each login",
        ),
        None if once => passed(USE, "it opens one session, and has opened none".to_owned()),
        None => passed(USE, "it may open several sessions".to_owned()),
    }
}

fn passed(name: &'static str, detail: String) -> Check {
    Check {
        name,
        passed: true,
        detail,
        hint: None,
    }
}

fn failed(name: &'static str, detail: String, hint: &str) -> Check {
    Check {
        name,
        passed: false,
        detail,
        hint: Some(hint.to_owned()),
    }
}
