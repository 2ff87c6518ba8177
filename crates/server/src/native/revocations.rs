//! Revocations: end a session, device, user, credential, key or application.

use std::str::FromStr;
use std::sync::Arc;

use axum::extract::State;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::limit;
use countersign_core::op;
use countersign_core::op::revoke::Revoke;
use countersign_credential::key::Kid;
use countersign_credential::time::Timestamp;
use countersign_wire::revocation as wire;
use countersign_wire::time::Time;
use http::StatusCode;

use super::answer::{Answer, time};
use super::bearer::Asker;
use super::body::Json;
use super::problem::Problem;
use super::query::Query;
use crate::passed::Passed;

/// `POST /v1/revocations`
pub(super) async fn create(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    Asker(asker): Asker,
    query: Query,
    Json(request): Json<wire::NewRevocation>,
) -> Result<Answer<wire::Revocation>, Problem> {
    query.only(&[])?;
    let before = request.before;
    let target = one_of(request)?;
    let revoke = revoke(&target, before)?;
    let before = op::revoke::revoke(&ctx, &asker, &revoke).await?;
    operations.realtime.leaving.over().await;
    let revocation = wire::Revocation {
        target,
        before: time(before),
    };
    Ok(Answer(StatusCode::CREATED, revocation))
}

/// The one thing that a request names.
fn one_of(request: wire::NewRevocation) -> Result<wire::Target, Error> {
    let mut named = [
        request.session_id.map(wire::Target::SessionId),
        request.device_id.map(wire::Target::DeviceId),
        request.user_id.map(wire::Target::UserId),
        request.jti.map(wire::Target::Jti),
        request.kid.map(wire::Target::Kid),
        request.api_key_id.map(wire::Target::ApiKeyId),
        request.application_id.map(wire::Target::ApplicationId),
    ]
    .into_iter()
    .flatten();
    match (named.next(), named.next()) {
        (Some(target), None) => Ok(target),
        (Some(_), Some(_)) | (None, _) => Err(Error::new(
            Code::BadRequest,
            "a revocation names exactly one thing",
        )
        .hint("send one of session_id, device_id, user_id, jti, kid, api_key_id, application_id")),
    }
}

fn revoke(target: &wire::Target, before: Option<Time>) -> Result<Revoke, Error> {
    let before = before.map(|time| Timestamp::from_milliseconds(time.milliseconds));
    if before.is_some() && !matches!(target, wire::Target::UserId(_)) {
        return Err(Error::new(
            Code::BadRequest,
            "before goes with user_id alone; everything else is revoked as it is now",
        ));
    }
    Ok(match target {
        wire::Target::SessionId(id) => Revoke::Session(parsed("session_id", id)?),
        wire::Target::DeviceId(id) => Revoke::Device(parsed("device_id", id)?),
        wire::Target::UserId(id) => Revoke::User(parsed("user_id", id)?, before),
        wire::Target::Jti(jti) if (1..=limit::NAME_BYTES_MAX).contains(&jti.len()) => {
            Revoke::Jti(jti.clone())
        }
        wire::Target::Jti(_) => return Err(wrong("jti")),
        wire::Target::Kid(kid) => Revoke::Kid(Kid::parse(kid).map_err(|_| wrong("kid"))?),
        wire::Target::ApiKeyId(id) => Revoke::ApiKey(parsed("api_key_id", id)?),
        wire::Target::ApplicationId(id) => Revoke::Application(parsed("application_id", id)?),
    })
}

fn parsed<T: FromStr>(member: &str, text: &str) -> Result<T, Error> {
    text.parse().map_err(|_| wrong(member))
}

fn wrong(member: &str) -> Error {
    Error::new(
        Code::BadRequest,
        format!("{member} has a value that it cannot have"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_names_exactly_one_thing_and_a_moment_goes_with_a_user() {
        let session = "SES-01a3185c-507b-7bab-abab-abababababab";
        let user = "USR-01a3185c-507b-7bab-abab-abababababab";
        let moment = "2027-01-15T08:00:00Z";
        for (text, fine) in [
            ("{}".to_owned(), false),
            (format!(r#"{{"session_id":"{session}"}}"#), true),
            (format!(r#"{{"session_id":"{user}"}}"#), false),
            (format!(r#"{{"user_id":"{user}"}}"#), true),
            (
                format!(r#"{{"user_id":"{user}","before":"{moment}"}}"#),
                true,
            ),
            (format!(r#"{{"before":"{moment}"}}"#), false),
            (
                format!(r#"{{"session_id":"{session}","before":"{moment}"}}"#),
                false,
            ),
            (
                format!(r#"{{"user_id":"{user}","session_id":"{session}"}}"#),
                false,
            ),
            (r#"{"jti":"a"}"#.to_owned(), true),
            (r#"{"jti":""}"#.to_owned(), false),
            (format!(r#"{{"jti":"{}"}}"#, "a".repeat(256)), false),
            (r#"{"kid":"web-1"}"#.to_owned(), true),
            (r#"{"kid":"web 1"}"#.to_owned(), false),
            (r#"{"api_key_id":"web"}"#.to_owned(), false),
            (r#"{"application_id":"demo"}"#.to_owned(), false),
        ] {
            let request: wire::NewRevocation = serde_json::from_str(&text).unwrap();
            let before = request.before;
            let read = one_of(request).and_then(|target| revoke(&target, before));
            assert_eq!(read.is_ok(), fine, "{text}");
        }
    }
}
