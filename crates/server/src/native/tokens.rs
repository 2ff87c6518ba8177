//! Tokens and credentials: what they are worth, and why one is refused.

use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::op;
use countersign_core::op::introspect::{Active, Usage};
use countersign_credential::dialect::Dialect;
use countersign_credential::explain::Explanation;
use countersign_wire::token as wire;
use http::StatusCode;

use super::answer::{Answer, time};
use super::bearer::Asker;
use super::body::Json;
use super::form::FormOrJson;
use super::problem::Problem;
use super::query::Query;

/// `POST /v1/tokens/explain`
pub(super) async fn explain(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
    Json(request): Json<wire::ExplainRequest>,
) -> Result<Answer<wire::Explanation>, Problem> {
    query.only(&[])?;
    let dialect = request.dialect.as_deref().map(dialect).transpose()?;
    let explanation = op::explain::explain(&ctx, &asker, &request.token.0, dialect).await?;
    Ok(Answer(StatusCode::OK, explained(explanation)))
}

/// `POST /v1/tokens/introspect`
pub(super) async fn introspect(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
    FormOrJson(request): FormOrJson<wire::IntrospectRequest>,
) -> Result<Answer<wire::Introspection>, Problem> {
    query.only(&[])?;
    let active = op::introspect::introspect(&ctx, &asker, &request.token.0).await?;
    let introspection = active.map(introspected).unwrap_or_default();
    Ok(Answer(StatusCode::OK, introspection))
}

fn dialect(name: &str) -> Result<Dialect, Error> {
    let all = [
        Dialect::Nexmo,
        Dialect::Kustomer,
        Dialect::Sinch,
        Dialect::Native,
    ];
    let found = all.into_iter().find(|dialect| dialect.as_str() == name);
    found.ok_or_else(|| {
        Error::new(
            Code::BadRequest,
            "dialect is one of nexmo, kustomer, sinch, native",
        )
    })
}

/// An explanation as it is spelled on the wire, and on the command line.
#[must_use]
pub fn explained(explanation: Explanation) -> wire::Explanation {
    let accepted = explanation.accepted();
    let claims = explanation.claims;
    let subject = claims.as_ref().and_then(|claims| claims.subject.as_ref());
    let (code, detail, hint) = match explanation.refusal {
        Some(refusal) => (
            Some(refusal.code.as_str().to_owned()),
            Some(refusal.detail),
            refusal.hint,
        ),
        None => (None, None, None),
    };
    wire::Explanation {
        accepted,
        code,
        detail,
        hint,
        dialect: explanation
            .dialect
            .map(|dialect| dialect.as_str().to_owned()),
        subject: subject.map(|subject| subject.as_str().to_owned()),
        expires_at: claims.as_ref().map(|claims| time(claims.expires_at)),
        checks: explanation
            .checks
            .into_iter()
            .map(|check| wire::Check {
                name: check.name.to_owned(),
                passed: check.passed,
                detail: check.detail,
                hint: check.hint,
            })
            .collect(),
    }
}

fn introspected(active: Active) -> wire::Introspection {
    let (token_type, token_use) = match active.usage {
        Usage::Access => ("Bearer", "access"),
        Usage::Refresh => ("N_A", "refresh"),
        Usage::Credential => ("Bearer", "credential"),
    };
    wire::Introspection {
        active: true,
        token_type: Some(token_type.to_owned()),
        token_use: Some(token_use.to_owned()),
        sub: active.user.map(|id| id.to_string()),
        username: active.username,
        aud: Some(active.application.to_string()),
        client_id: active.client.map(|id| id.to_string()),
        session_id: active.session.map(|id| id.to_string()),
        device_id: active.device.map(|id| id.to_string()),
        jti: active.jti,
        iat: Some(active.issued_at.seconds()),
        exp: Some(active.expires_at.seconds()),
    }
}
