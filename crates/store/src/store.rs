//! The store of the domain, on whatever engine there is.

use crate::change::{self, Sealing};
use crate::engine::Engine;
use crate::read;
use crate::read::person::KnownKeys;
use crate::secrets::Keyring;
use async_trait::async_trait;
use countersign_core::access::Permit;
use countersign_core::id::{
    ApplicationId, AttachmentId, ConversationId, DeviceId, MemberId, SessionId, UserId,
};
use countersign_core::model::attachment::Attachment;
use countersign_core::model::audit::AuditRecord;
use countersign_core::model::conversation::{ConversationList, ConversationView};
use countersign_core::model::erasure::Erasure;
use countersign_core::model::event::{Author, Event, EventFilter, Range};
use countersign_core::model::export::Record;
use countersign_core::model::member::Member;
use countersign_core::model::page::{Order, Page, Window};
use countersign_core::model::password::PasswordHash;
use countersign_core::model::revocation::Target;
use countersign_core::model::session::{Device, Session, Timeouts};
use countersign_core::model::settings::Settings;
use countersign_core::model::user::{Identifier, User};
use countersign_core::ports::Random;
use countersign_core::ports::change::{Change, Committed, SettingsVersion};
use countersign_core::ports::store::{
    CommitError, EventPage, EventsView, LoginQuery, LoginView, SessionView, Store, StoreError,
    UserFilter,
};
use countersign_credential::time::Timestamp;
use std::fmt;
use std::sync::Arc;

/// The domain's store: its ports [`Store`] and [`Registry`](countersign_core::ports::store::Registry)
/// in SQL, on an engine.
pub struct SqlStore<E> {
    pub(crate) engine: E,
    pub(crate) keyring: Keyring,
    pub(crate) random: Arc<dyn Random>,
    keys: KnownKeys,
}

// === impl SqlStore ===

impl<E: Engine> SqlStore<E> {
    /// A store on an engine whose database has all of
    /// [`MIGRATIONS`](crate::migrate::MIGRATIONS). Secrets are sealed under the ring's current
    /// key; `random` makes their nonces.
    pub fn new(engine: E, keyring: Keyring, random: Arc<dyn Random>) -> Self {
        Self {
            engine,
            keyring,
            random,
            keys: KnownKeys::new(),
        }
    }

    /// The engine, for its metrics and to close it.
    pub fn engine(&self) -> &E {
        &self.engine
    }

    pub(crate) fn sealing(&self) -> Sealing<'_> {
        Sealing {
            keyring: &self.keyring,
            random: &*self.random,
        }
    }
}

impl<E> fmt::Debug for SqlStore<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SqlStore")
    }
}

#[async_trait]
impl<E: Engine + 'static> Store for SqlStore<E> {
    async fn commit(
        &self,
        permit: &Permit,
        changes: Vec<Change>,
    ) -> Result<Committed, CommitError> {
        let mut plan = change::plan(permit.application(), changes, self.sealing())?;
        let answers = self.engine.write(plan.take_batch()).await?;
        Ok(plan.committed(&answers)?)
    }

    async fn login_view(
        &self,
        application: ApplicationId,
        query: LoginQuery,
    ) -> Result<LoginView, StoreError> {
        Ok(read::login::view(&self.engine, application, &query).await?)
    }

    async fn session(
        &self,
        application: ApplicationId,
        id: SessionId,
    ) -> Result<Option<SessionView>, StoreError> {
        Ok(read::session::find(&self.engine, application, id).await?)
    }

    async fn covered(
        &self,
        application: ApplicationId,
        targets: Vec<Target>,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        Ok(read::revocation::covered(&self.engine, application, &targets, at).await?)
    }

    async fn device_known(
        &self,
        application: ApplicationId,
        device: DeviceId,
    ) -> Result<bool, StoreError> {
        Ok(read::session::device_known(&self.engine, application, device).await?)
    }

    async fn sessions_on(
        &self,
        application: ApplicationId,
        device: DeviceId,
    ) -> Result<Vec<SessionId>, StoreError> {
        Ok(read::session::on_device(&self.engine, application, device).await?)
    }

    async fn sessions(
        &self,
        application: ApplicationId,
        user: UserId,
        timeouts: Timeouts,
        window: Window,
    ) -> Result<Page<Session>, StoreError> {
        Ok(read::session::list(&self.engine, application, user, timeouts, &window).await?)
    }

    async fn devices(
        &self,
        application: ApplicationId,
        user: UserId,
        timeouts: Timeouts,
    ) -> Result<Vec<Device>, StoreError> {
        Ok(read::session::devices(&self.engine, application, user, timeouts).await?)
    }

    async fn user(
        &self,
        application: ApplicationId,
        identifier: Identifier,
    ) -> Result<Option<User>, StoreError> {
        Ok(read::user::find(&self.engine, application, &identifier).await?)
    }

    async fn users_of(
        &self,
        application: ApplicationId,
        identifiers: Vec<Identifier>,
    ) -> Result<Vec<Option<User>>, StoreError> {
        Ok(read::user::find_each(&self.engine, application, &identifiers).await?)
    }

    async fn password(
        &self,
        application: ApplicationId,
        identifier: Identifier,
    ) -> Result<Option<(User, PasswordHash)>, StoreError> {
        Ok(read::password::find(&self.engine, application, &identifier).await?)
    }

    async fn users(
        &self,
        application: ApplicationId,
        filter: UserFilter,
        window: Window,
    ) -> Result<Page<User>, StoreError> {
        Ok(read::user::list(&self.engine, application, &filter, &window).await?)
    }

    async fn export(
        &self,
        application: ApplicationId,
        user: UserId,
        window: Window,
    ) -> Result<Page<Record>, StoreError> {
        Ok(read::export::page(&self.engine, application, user, &window).await?)
    }

    async fn erasure(
        &self,
        application: ApplicationId,
        user: UserId,
    ) -> Result<Option<Erasure>, StoreError> {
        Ok(read::erasure::of_user(&self.engine, application, user).await?)
    }

    async fn share_conversation(
        &self,
        application: ApplicationId,
        one: UserId,
        other: UserId,
    ) -> Result<bool, StoreError> {
        Ok(read::user::share(&self.engine, application, one, other).await?)
    }

    async fn conversation(
        &self,
        application: ApplicationId,
        id: ConversationId,
        viewer: Option<UserId>,
    ) -> Result<Option<ConversationView>, StoreError> {
        Ok(read::conversation::find(&self.engine, application, id, viewer).await?)
    }

    async fn conversation_named(
        &self,
        application: ApplicationId,
        name: &str,
    ) -> Result<Option<ConversationId>, StoreError> {
        Ok(read::conversation::named(&self.engine, application, name).await?)
    }

    async fn conversations(
        &self,
        application: ApplicationId,
        list: ConversationList,
        window: Window,
    ) -> Result<Page<ConversationView>, StoreError> {
        Ok(read::conversation::list(&self.engine, application, list, &window).await?)
    }

    async fn conversation_of_client(
        &self,
        application: ApplicationId,
        author: Author,
        client_id: String,
    ) -> Result<Option<(ConversationView, [u8; 32])>, StoreError> {
        Ok(read::conversation::of_client(&self.engine, application, author, client_id).await?)
    }

    async fn members(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        order: Order,
        window: Window,
    ) -> Result<Page<Member>, StoreError> {
        Ok(read::member::list(&self.engine, application, conversation, order, &window).await?)
    }

    async fn joined_members(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        most: usize,
    ) -> Result<Vec<Member>, StoreError> {
        Ok(read::member::joined(&self.engine, application, conversation, most).await?)
    }

    async fn member(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        id: MemberId,
    ) -> Result<Option<Member>, StoreError> {
        Ok(read::member::find(&self.engine, application, conversation, id).await?)
    }

    async fn place(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        user: UserId,
    ) -> Result<Option<Member>, StoreError> {
        Ok(read::member::of_user(&self.engine, application, conversation, user).await?)
    }

    async fn events(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        viewer: Option<UserId>,
        range: Range,
        limit: usize,
    ) -> Result<Option<EventsView>, StoreError> {
        let (engine, keys) = (&self.engine, &self.keys);
        let page = read::event::list(
            engine,
            keys,
            application,
            conversation,
            viewer,
            range,
            limit,
        );
        Ok(page.await?)
    }

    async fn event_page(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        viewer: Option<UserId>,
        filter: EventFilter,
        window: Window,
    ) -> Result<Option<EventPage>, StoreError> {
        let place = (application, conversation);
        Ok(read::event::page(&self.engine, &self.keys, place, viewer, &filter, &window).await?)
    }

    async fn event_of_client(
        &self,
        application: ApplicationId,
        conversation: ConversationId,
        author: Author,
        client_id: String,
    ) -> Result<Option<(Event, [u8; 32])>, StoreError> {
        let (engine, keys) = (&self.engine, &self.keys);
        let found =
            read::event::of_client(engine, keys, application, conversation, author, client_id);
        Ok(found.await?)
    }

    async fn attachment(
        &self,
        application: ApplicationId,
        id: AttachmentId,
    ) -> Result<Option<Attachment>, StoreError> {
        Ok(read::attachment::find(&self.engine, application, id).await?)
    }

    async fn attachment_content(
        &self,
        application: ApplicationId,
        id: AttachmentId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(read::attachment::content(&self.engine, application, id).await?)
    }

    async fn settings(
        &self,
        application: ApplicationId,
    ) -> Result<Option<(Settings, SettingsVersion)>, StoreError> {
        Ok(read::settings::find(&self.engine, application).await?)
    }

    async fn audit(
        &self,
        application: ApplicationId,
        order: Order,
        window: Window,
    ) -> Result<Page<AuditRecord>, StoreError> {
        Ok(read::audit::list(&self.engine, application, order, &window).await?)
    }
}
