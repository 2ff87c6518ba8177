//! The login answer: what a device keeps of a session.

use countersign_credential::time::Timestamp;

use crate::context::Ctx;
use crate::id::ApplicationId;
use crate::model::conversation::ConversationView;
use crate::model::session::Session;
use crate::model::settings::Settings;
use crate::model::user::User;
use crate::token::{Token, TokenKind};

/// What a device keeps of a session.
#[derive(Debug, Clone)]
pub struct LoginAnswer {
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: User,
    /// Shown with every call.
    pub access_token: String,
    /// What that says.
    pub access: Token,
    /// When that is over.
    pub access_token_expires_at: Timestamp,
    /// Exchanged for the next pair.
    pub refresh_token: String,
    /// The time here, so that the device can tell how wrong its clock is.
    pub server_time: Timestamp,
    /// The conversations that the user followed when the session was opened, where
    /// the device follows them at once and they were few.
    pub followed: Option<Vec<ConversationView>>,
}

/// Makes the tokens of the session's present generation. They follow from the
/// row alone, so that an answer which got lost can be given again.
pub(super) fn answer(
    ctx: &Ctx,
    application: ApplicationId,
    settings: &Settings,
    session: Session,
    user: User,
) -> LoginAnswer {
    let token = |kind, expires_at| Token {
        kind,
        application,
        identity: session.identity(),
        epoch: ctx.epoch(),
        generation: session.generation,
        expires_at,
    };
    let access_token_expires_at = session.access_expires_at(settings);
    let access = token(TokenKind::Access, access_token_expires_at);
    let refresh = token(TokenKind::Refresh, session.refresh_expires_at(settings));
    LoginAnswer {
        access_token: ctx.tokens.write(&access),
        access,
        access_token_expires_at,
        refresh_token: ctx.tokens.write(&refresh),
        server_time: ctx.now(),
        followed: None,
        session,
        user,
    }
}
