//! Sessions: log in, become a visitor, refresh, list, log out.

use std::sync::Arc;

use axum::extract::{Extension, State};
use countersign_core::access::action::Action;
use countersign_core::access::authorize;
use countersign_core::access::principal::Principal;
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::ApplicationId;
use countersign_core::model::origin::ForeignPage;
use countersign_core::model::session::Session;
use countersign_core::model::user::User;
use countersign_core::op;
use countersign_core::op::answer::LoginAnswer;
use countersign_core::op::login::{DeviceClaim, LoggedIn, Login};
use countersign_wire::secret::Secret;
use countersign_wire::session as wire;
use http::StatusCode;

use super::answer::{Answer, cursor, time};
use super::bearer::{Asker, MaybeAsker};
use super::body::Json;
use super::named::{Named, checked_client_id, checked_name};
use super::problem::Problem;
use super::query::Query;
use crate::passed::Passed;

/// `POST /v1/sessions`
pub(super) async fn log_in(
    State(ctx): State<Arc<Ctx>>,
    MaybeAsker(client): MaybeAsker,
    page: Option<Extension<ForeignPage>>,
    query: Query,
    Json(request): Json<wire::LoginRequest>,
) -> Result<Answer<wire::LoginAnswer>, Problem> {
    query.only(&[])?;
    if let Some(client) = &client {
        authorize(client, &Action::LogIn)?.outright()?;
    }
    let page = page.map(|Extension(page)| page);
    let login = login(client, page, query.application()?, request)?;
    let (status, answer) = match op::login::login(&ctx, login).await? {
        LoggedIn::Opened(answer) => (StatusCode::CREATED, answer),
        LoggedIn::WentOn(answer) => (StatusCode::OK, answer),
    };
    Ok(Answer(status, login_answer(answer)))
}

pub(super) fn login(
    client: Option<Principal>,
    page: Option<ForeignPage>,
    in_query: Option<ApplicationId>,
    request: wire::LoginRequest,
) -> Result<Login, Error> {
    let in_body = request
        .application_id
        .map(|text| text.parse())
        .transpose()
        .map_err(|_| {
            Error::new(
                Code::BadRequest,
                "application_id is not a UUID in lower case",
            )
        })?;
    if let (Some(one), Some(other)) = (in_body, in_query)
        && one != other
    {
        return Err(Error::new(
            Code::WrongAudience,
            "the query names another application than the body",
        ));
    }
    Ok(Login {
        credential: request.credential.0,
        application: in_body.or(in_query),
        client,
        device: device_claim(request.device)?,
        current_token: request.current_token.map(|token| token.0),
        switch: request.switch.unwrap_or_default(),
        nonce: nonce(request.nonce)?,
        page,
        stays_bearer: false,
        follows: false,
    })
}

fn login_answer(answer: LoginAnswer) -> wire::LoginAnswer {
    wire::LoginAnswer {
        session: wire::LoginSession {
            id: answer.session.id.to_string(),
            device_id: answer.session.device.to_string(),
            expires_at: time(answer.session.expires_at),
        },
        user: login_user(answer.user),
        access_token: Secret(answer.access_token),
        access_token_expires_at: time(answer.access_token_expires_at),
        refresh_token: Secret(answer.refresh_token),
        server_time: time(answer.server_time),
    }
}

/// A user as who has just logged in.
pub(super) fn login_user(user: User) -> wire::LoginUser {
    wire::LoginUser {
        id: user.id.to_string(),
        name: user.name.map(|name| name.as_str().to_owned()),
        external_id: user.external_id.map(|id| id.as_str().to_owned()),
        email: user.email.map(|email| email.as_str().to_owned()),
        anonymous: user.anonymous,
    }
}

/// `POST /v1/sessions/anonymous`
pub(super) async fn log_in_anonymous(
    State(ctx): State<Arc<Ctx>>,
    Asker(client): Asker,
    query: Query,
    Json(request): Json<wire::AnonymousRequest>,
) -> Result<Answer<wire::LoginAnswer>, Problem> {
    query.only(&[])?;
    let device = device_claim(request.device)?;
    let answer = op::login_anonymous::login_anonymous(&ctx, &client, &device).await?;
    Ok(Answer(StatusCode::CREATED, login_answer(answer)))
}

/// `POST /v1/sessions/refresh`. The token says who asks; a bearer beside it,
/// most likely one that is over, is not looked at.
pub(super) async fn refresh(
    State(ctx): State<Arc<Ctx>>,
    page: Option<Extension<ForeignPage>>,
    query: Query,
    Json(request): Json<wire::RefreshRequest>,
) -> Result<Answer<wire::LoginAnswer>, Problem> {
    query.only(&[])?;
    let nonce = nonce(request.nonce)?;
    let token = &request.refresh_token.0;
    if let Some(Extension(page)) = page {
        op::origins::check_page_of_refresh(&ctx, token, &page).await?;
    }
    let answer = op::refresh::refresh(&ctx, token, nonce.as_deref()).await?;
    Ok(Answer(StatusCode::OK, login_answer(answer)))
}

/// `GET /v1/sessions`
pub(super) async fn list(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
) -> Result<Answer<wire::Sessions>, Problem> {
    query.only(&["user_id", "limit", "cursor"])?;
    let window = query.window()?;
    let page = op::sessions::list_sessions(&ctx, &asker, query.user()?, window).await?;
    let sessions = page.items.iter().map(|session| shown(session, &asker));
    let list = wire::Sessions {
        sessions: sessions.collect(),
        next: cursor(page.next),
    };
    Ok(Answer(StatusCode::OK, list))
}

/// `DELETE /v1/sessions/current`
pub(super) async fn log_out(
    State(ctx): State<Arc<Ctx>>,
    Asker(asker): Asker,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&[])?;
    op::sessions::log_out(&ctx, &asker).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/sessions/others`
pub(super) async fn end_others(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    Asker(asker): Asker,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&["user_id"])?;
    op::sessions::end_other_sessions(&ctx, &asker, query.user()?).await?;
    operations.realtime.leaving.over().await;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /v1/sessions/{id}`
pub(super) async fn end(
    State(ctx): State<Arc<Ctx>>,
    Passed { operations, .. }: Passed,
    Asker(asker): Asker,
    named: Named,
    query: Query,
) -> Result<StatusCode, Problem> {
    query.only(&[])?;
    let id = named.id("session_id", "session")?;
    op::sessions::end_session(&ctx, &asker, id).await?;
    operations.realtime.leaving.over().await;
    Ok(StatusCode::NO_CONTENT)
}

// === helpers ===

/// An id that cannot be one was not issued here, and counts as none.
fn device_claim(claim: Option<wire::DeviceClaim>) -> Result<DeviceClaim, Error> {
    let claim = claim.unwrap_or_default();
    let name = claim.name.map(|name| checked_name("device.name", name));
    Ok(DeviceClaim {
        id: claim.id.and_then(|id| id.parse().ok()),
        name: name.transpose()?,
    })
}

fn nonce(nonce: Option<Secret>) -> Result<Option<String>, Error> {
    nonce
        .map(|nonce| checked_client_id("nonce", nonce.0))
        .transpose()
}

fn shown(session: &Session, asker: &Principal) -> wire::Session {
    let dialect = session
        .credential
        .as_ref()
        .map(|credential| credential.dialect);
    wire::Session {
        id: session.id.to_string(),
        user_id: session.user.to_string(),
        device_id: session.device.to_string(),
        dialect: dialect.map(|dialect| dialect.as_str().to_owned()),
        created_at: time(session.opened_at()),
        last_seen_at: time(session.rotated_at),
        expires_at: time(session.expires_at),
        current: asker.session().is_some_and(|own| own.session == session.id),
    }
}
