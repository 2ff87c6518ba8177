//! Conversations: create, list, read, change, delete.

use super::instant::{check_deletion, check_name, check_rename};
use super::profile::check_profile;
use super::visitor::keep;
use crate::access::action::Action;
use crate::access::principal::{Principal, Role};
use crate::access::{Conditional, Facts, Permit, authorize};
use crate::context::Ctx;
use crate::error::{Code, Error};
use crate::id::{ApplicationId, ConversationId, MemberId, UserId};
use crate::limit;
use crate::model::conversation::{
    Ages, Conversation, ConversationList, ConversationPatch, ConversationView,
};
use crate::model::member::MemberState;
use crate::model::page::{Order, Page, Window};
use crate::ports::change::{Change, ClientId, Expectation, NewConversation};
use crate::ports::fanout::Notice;
use crate::ports::store::CommitError;
use crate::secret_text::sha256;

/// A conversation to be created.
#[derive(Debug, Clone, Default)]
pub struct Create {
    /// Unique in the application.
    pub name: Option<String>,
    /// What people see.
    pub display_name: Option<String>,
    /// Where a picture of it is.
    pub image_url: Option<String>,
    /// What the application keeps with it, the text of a JSON object.
    pub custom_data: Option<String>,
    /// The client's own id: the same one makes a retry harmless.
    pub client_id: Option<String>,
    /// When a user who creates it comes in.
    pub creator_enters: CreatorEnters,
}

/// When a user who creates a conversation comes in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CreatorEnters {
    /// With the creation. A visitor always does, since it joins nothing later.
    #[default]
    AtOnce,
    /// Once it joins. Until then it may read the conversation, and join.
    ByJoining,
}

/// A conversation that was created, or had been by the same request.
#[derive(Debug, Clone)]
pub struct Created {
    /// The conversation, as its creator sees it.
    pub view: ConversationView,
    /// Whether this request created it.
    pub new: bool,
}

/// Creates a conversation. A user who creates it is its first member, or will
/// be; a backend is none.
///
/// # Errors
/// `conflict` where the name is taken, `bad_request` for one that only the server
/// gives, `client_id_reused` where the client id was sent with something else,
/// `too_many_conversations` for a visitor.
pub async fn create_conversation(
    ctx: &Ctx,
    principal: &Principal,
    create: Create,
) -> Result<Created, Error> {
    let permit = authorize(principal, &Action::CreateConversation)?.outright()?;
    check_name(create.name.as_deref())?;
    check_profile(create.image_url.as_deref(), create.custom_data.as_deref())?;
    let application = permit.application();
    let judge = ctx.judge_of(application).await?;
    let now = ctx.now();
    let id = ConversationId::new(now, &*ctx.random);
    let client_id = create.client_id.as_ref().map(|id| client_id(id, &create));
    let enters = match principal.role() {
        Role::Visitor => true,
        Role::User => create.creator_enters == CreatorEnters::AtOnce,
        Role::Client | Role::Backend | Role::Admin | Role::Operator => false,
    };
    let new = NewConversation {
        conversation: Conversation {
            id,
            name: create.name,
            display_name: create.display_name,
            image_url: create.image_url,
            custom_data: create.custom_data,
            creator: None,
            last_event_id: 0,
            created_at: now,
            updated_at: now,
        },
        author: principal.author(),
        creator: enters.then(|| MemberId::new(now, &*ctx.random)),
        assurance: principal.assurance(),
        client_id: client_id.clone(),
        open_max: (principal.role() == Role::Visitor).then_some(limit::ANONYMOUS_CONVERSATIONS_MAX),
    };
    let mut changes = keep(principal, &judge, now);
    changes.push(Change::AddConversation(Box::new(new)));
    match ctx.store.commit(&permit, changes).await {
        Ok(_) => {
            if let Some(user) = principal.user() {
                ctx.publish(Notice::Conversations { application, user });
            }
            let found = ctx
                .store
                .conversation(application, id, principal.user())
                .await?;
            let view = found.ok_or_else(|| Error::not_found("conversation"))?;
            Ok(Created { view, new: true })
        }
        Err(CommitError::Missed(Expectation::ClientIdUnused)) => {
            let ClientId { id, digest } =
                client_id.ok_or_else(|| Error::internal("no client id was sent"))?;
            let found = ctx
                .store
                .conversation_of_client(application, principal.author(), id)
                .await?;
            match found {
                Some((view, of)) if of == digest => Ok(Created { view, new: false }),
                Some(_) | None => Err(CommitError::Missed(Expectation::ClientIdUnused).into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}

fn client_id(id: &str, create: &Create) -> ClientId {
    let mut asked = format!("{:?}\n{:?}", create.name, create.display_name);
    // Left out where there is none, so that digests stay what they were.
    if create.image_url.is_some() || create.custom_data.is_some() {
        asked.push_str(&format!(
            "\n{:?}\n{:?}",
            create.image_url, create.custom_data
        ));
    }
    ClientId {
        id: id.to_owned(),
        digest: sha256(asked.as_bytes()),
    }
}

/// A user's conversations, the one that changed last first; all of the
/// application's for a backend, the newest first.
///
/// # Errors
/// Those of authorization and of the store.
pub async fn list_conversations(
    ctx: &Ctx,
    principal: &Principal,
    window: Window,
) -> Result<Page<ConversationView>, Error> {
    let permit = authorize(principal, &Action::ListConversations)?.outright()?;
    let list = principal.user().map_or(
        ConversationList::All(Order::NewestFirst.into()),
        ConversationList::Following,
    );
    Ok(ctx
        .store
        .conversations(permit.application(), list, window)
        .await?)
}

/// A list of conversations by their age.
#[derive(Debug, Clone, Copy, Default)]
pub struct ByAge {
    /// Whose: a user names nobody but itself, and a backend everybody's, where
    /// it names nobody.
    pub user: Option<UserId>,
    /// The state of that user's place, where only those are wanted.
    pub state: Option<MemberState>,
    /// Of which age, and which come first.
    pub ages: Ages,
}

/// Conversations by their age, each with the place of the user whose they are:
/// those that the user has left are among them, where the state leaves that open.
///
/// # Errors
/// `not_found` where a user asks for another's.
pub async fn list_by_age(
    ctx: &Ctx,
    principal: &Principal,
    by_age: ByAge,
    window: Window,
) -> Result<Page<ConversationView>, Error> {
    let ByAge { user, state, ages } = by_age;
    let action = user.map_or(Action::ListConversations, Action::ListConversationsOf);
    let permit = authorize(principal, &action)?.given(&Facts {
        own: user.is_some() && user == principal.user(),
        ..Facts::default()
    })?;
    let list = match user.or(principal.user()) {
        Some(user) => ConversationList::OfUser { user, state, ages },
        None => ConversationList::All(ages),
    };
    Ok(ctx
        .store
        .conversations(permit.application(), list, window)
        .await?)
}

/// Reads a conversation.
///
/// # Errors
/// `not_found` where there is none, or who asks has no place in it.
pub async fn read_conversation(
    ctx: &Ctx,
    principal: &Principal,
    id: ConversationId,
) -> Result<ConversationView, Error> {
    let conditional = authorize(principal, &Action::ReadConversation(id))?;
    let (view, _) = view_for(ctx, principal, conditional, id).await?;
    Ok(view)
}

/// Changes what a conversation shows.
///
/// # Errors
/// `not_found`; `not_permitted` for a member who did not create it, and for
/// another name of one that is named by its users; `conflict` where the name is
/// taken, `bad_request` for one that only the server gives.
pub async fn update_conversation(
    ctx: &Ctx,
    principal: &Principal,
    id: ConversationId,
    mut patch: ConversationPatch,
) -> Result<ConversationView, Error> {
    let conditional = authorize(principal, &Action::UpdateConversation(id))?;
    check_profile(
        patch.image_url.as_ref().and_then(Option::as_deref),
        patch.custom_data.as_ref().and_then(Option::as_deref),
    )?;
    let application = conditional.application();
    let (view, permit) = view_for(ctx, principal, conditional, id).await?;
    check_new_name(&view.conversation, &mut patch)?;
    let judge = ctx.judge_of(application).await?;
    let now = ctx.now();
    let mut changes = keep(principal, &judge, now);
    changes.push(Change::ChangeConversation(id, patch, now));
    ctx.store.commit(&permit, changes).await?;
    notify_members(ctx, principal, id).await?;
    let found = ctx
        .store
        .conversation(application, id, principal.user())
        .await?;
    found.ok_or_else(|| Error::not_found("conversation"))
}

/// Holds a new name to the rule for names. The one that a conversation has is
/// no new one: some protocols send it with every change.
fn check_new_name(conversation: &Conversation, patch: &mut ConversationPatch) -> Result<(), Error> {
    if patch.name.as_ref() == Some(&conversation.name) {
        patch.name = None;
    }
    let Some(name) = &patch.name else {
        return Ok(());
    };
    check_rename(conversation)?;
    check_name(name.as_deref())
}

/// Deletes a conversation, with its members, events and files.
///
/// # Errors
/// `not_found`; `not_permitted` for a member who did not create it, and for each
/// of one that is named by its users.
pub async fn delete_conversation(
    ctx: &Ctx,
    principal: &Principal,
    id: ConversationId,
) -> Result<(), Error> {
    let conditional = authorize(principal, &Action::DeleteConversation(id))?;
    let application = conditional.application();
    let (view, permit) = view_for(ctx, principal, conditional, id).await?;
    check_deletion(principal, &view.conversation)?;
    let judge = ctx.judge_of(application).await?;
    let members = member_users(ctx, application, id).await?;
    let mut changes = keep(principal, &judge, ctx.now());
    changes.push(Change::DeleteConversation(id));
    ctx.store.commit(&permit, changes).await?;
    for user in members {
        ctx.publish(Notice::Conversations { application, user });
    }
    Ok(())
}

/// The conversation as who asks sees it, and the permit that the sight bears out.
pub(super) async fn view_for(
    ctx: &Ctx,
    principal: &Principal,
    conditional: Conditional,
    id: ConversationId,
) -> Result<(ConversationView, Permit), Error> {
    let found = ctx
        .store
        .conversation(conditional.application(), id, principal.user())
        .await?;
    let Some(view) = found else {
        return Err(Error::not_found("conversation"));
    };
    let permit = conditional.given(&facts(&view)).map_err(in_conversation)?;
    Ok((view, permit))
}

/// What a view tells authorization.
pub(super) fn facts(view: &ConversationView) -> Facts {
    Facts {
        place: view.member.as_ref().map(|member| member.state),
        creator: view.is_creator(),
        ..Facts::default()
    }
}

/// Names the thing that is not found.
pub(super) fn in_conversation(error: Error) -> Error {
    if error.code == Code::NotFound {
        Error::not_found("conversation")
    } else {
        error
    }
}

async fn notify_members(ctx: &Ctx, principal: &Principal, id: ConversationId) -> Result<(), Error> {
    let Some(application) = principal.application else {
        return Ok(());
    };
    for user in member_users(ctx, application, id).await? {
        ctx.publish(Notice::Conversations { application, user });
    }
    Ok(())
}

async fn member_users(
    ctx: &Ctx,
    application: ApplicationId,
    id: ConversationId,
) -> Result<Vec<UserId>, Error> {
    let mut users = Vec::new();
    let mut after = None;
    loop {
        let window = Window {
            after,
            limit: limit::PAGE_MAX,
        };
        let order = Order::default();
        let page = ctx.store.members(application, id, order, window).await?;
        users.extend(page.items.into_iter().map(|member| member.user));
        after = page.next;
        if after.is_none() {
            return Ok(users);
        }
    }
}
