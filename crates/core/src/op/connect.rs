//! Connect: from an access token to who is at the other end of a socket.
//!
//! A socket outlives the check that let it in. So it keeps what its session
//! can be revoked by, and is looked at again whenever a notice says that
//! something about its session, its user or its application has changed.

use countersign_credential::time::Timestamp;

use super::answer::LoginAnswer;
use super::authenticate::by_access_token;
use super::origins::check_page;
use super::signed_request::Signed;
use super::visitor::visitor;
use crate::access::action::Action;
use crate::access::authorize;
use crate::access::principal::Principal;
use crate::context::Ctx;
use crate::error::Error;
use crate::model::origin::ForeignPage;
use crate::model::revocation::Marks;
use crate::model::user::User;
use crate::token::{Token, TokenKind};

/// Who is at the other end.
#[derive(Debug, Clone)]
pub struct Connected {
    /// What the access token says. It is over at its `expires_at`.
    pub token: Token,
    /// Who they are, for every command and delivery.
    pub principal: Principal,
    /// The session's user.
    pub user: User,
    /// What the session can be revoked by.
    pub marks: Marks,
    /// When the credential is over that the session was opened or last renewed
    /// with; a visitor has none.
    pub credential_expires_at: Option<Timestamp>,
}

/// Connects with an access token, from a web page or from none.
///
/// # Errors
/// The 401 codes of access tokens; `acl_denied`; `not_permitted` for a page
/// that the application does not allow; `unavailable` also where all of that is
/// remembered, and the store is out of sight.
pub async fn connect(
    ctx: &Ctx,
    access_token: &str,
    page: Option<&ForeignPage>,
) -> Result<Connected, Error> {
    let token = ctx.tokens.read(TokenKind::Access, access_token)?;
    let connected = look_again(ctx, &token).await?;
    if let Some(page) = page {
        check_page(ctx, &connected.principal, page).await?;
    }
    Ok(connected)
}

/// Judges a token once more, that has let somebody in before.
///
/// # Errors
/// As [`connect`], but for the page: that does not change.
pub async fn look_again(ctx: &Ctx, token: &Token) -> Result<Connected, Error> {
    ctx.store_watch.check(ctx.now())?;
    let checked = by_access_token(ctx, token).await?;
    authorize(&checked.principal, &Action::Connect)?.outright()?;
    let (user, marks) = match checked.view.as_deref() {
        Some(view) => (view.user.clone(), view.session.marks(token.application)),
        None => {
            let settings = &checked.judge.application.settings;
            let visitor = visitor(token.identity, settings, ctx.now());
            (visitor.user, visitor.session.marks(token.application))
        }
    };
    let view = checked.view.as_deref();
    let credential = view.and_then(|view| view.session.credential.as_ref());
    Ok(Connected {
        token: *token,
        principal: checked.principal,
        user,
        marks,
        credential_expires_at: credential.map(|credential| credential.expires_at),
    })
}

/// What stands for a session whose client signs its requests, as long as it may
/// live, and what it can be revoked by. Whether it lives is [`look_again`]'s to
/// tell, once whoever keeps this hears of revocations.
#[must_use]
pub fn signed(signed: &Signed) -> (Token, Marks) {
    let session = &signed.session;
    let application = signed.signer.application();
    let token = Token {
        kind: TokenKind::Access,
        application,
        identity: session.identity(),
        epoch: signed.signer.epoch(),
        generation: session.generation,
        expires_at: session.expires_at,
    };
    (token, session.marks(application))
}

/// What a login has opened: the token that was given out, and what the session
/// can be revoked by. Whether it lives is [`look_again`]'s to tell, once the
/// socket hears of revocations.
#[must_use]
pub fn opened(answer: &LoginAnswer) -> (Token, Marks) {
    let token = answer.access;
    (token, answer.session.marks(token.application))
}
