//! A node on a store of its own: an application, and users who each have a conversation.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use countersign_core::access::principal::{Principal, Who};
use countersign_core::context::{Ctx, Parts};
use countersign_core::id::{ApiKeyId, ApplicationId, ConversationId, UserId};
use countersign_core::limit;
use countersign_core::model::event::{EventKind, Range};
use countersign_core::model::password::{Password, PasswordHash};
use countersign_core::model::settings::Settings;
use countersign_core::model::signing_key::KeyMaterial;
use countersign_core::op::applications::{NewApplication, create_application};
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::op::conversations::{Create, create_conversation};
use countersign_core::op::events::{Content, Send, list_events, send};
use countersign_core::op::login::{DeviceClaim, LoggedIn, Login, login};
use countersign_core::op::signing_keys::{NewSigningKey, add_signing_key};
use countersign_core::op::users::read_user;
use countersign_core::ports::passwords::{Passwords, PasswordsError};
use countersign_core::ports::{Clock, Random};
use countersign_core::token::TokenKeys;
use countersign_credential::key::KeyAlgorithm;
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::ExternalId;
use countersign_credential::time::Timestamp;
use countersign_fanout::in_process::InProcess;
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Options, Sqlite};

use crate::Failure;

const USERS: usize = 1_000;
const EVENTS_EACH: usize = 100;
const PAGE: usize = 100;
const SECRET: [u8; 32] = [7; 32];

pub(crate) struct World {
    ctx: Ctx,
    store: Arc<SqlStore<Sqlite>>,
    people: Vec<Person>,
}

/// A user on its first device.
struct Person {
    credential: String,
    user: UserId,
    access: String,
    asker: Principal,
    conversation: ConversationId,
}

#[derive(Debug)]
struct Wall;
struct Unguessable;

/// Nobody has a password here.
struct Nobodys;

// === impl World ===

impl World {
    pub(crate) async fn new(folder: &Path) -> Result<Self, Failure> {
        let engine = Sqlite::open(folder, Options::default(), MIGRATIONS).await?;
        let keyring = Keyring::new(KeyEncryptionKey::from_bytes([1; 32].into()), Vec::new());
        let store = Arc::new(SqlStore::new(engine, keyring, Arc::new(Unguessable)));
        let parts = Parts {
            registry: Arc::clone(&store) as _,
            store: Arc::clone(&store) as _,
            fanout: Arc::new(InProcess::new(limit::NOTICES_MAX)),
            clock: Arc::new(Wall),
            random: Arc::new(Unguessable),
            passwords: Arc::new(Nobodys),
            tokens: TokenKeys::new(&store.token_keys().await?),
        };
        let ctx = Ctx::new(parts).await?;
        let application = application(&ctx).await?;
        let mut people = Vec::with_capacity(USERS);
        for number in 0..USERS {
            people.push(person(&ctx, application, number).await?);
        }
        Ok(Self { ctx, store, people })
    }

    pub(crate) async fn log_in(&self, number: usize) -> Result<(), Failure> {
        open(&self.ctx, &self.person(number).credential).await?;
        Ok(())
    }

    pub(crate) async fn append(&self, number: usize) -> Result<(), Failure> {
        let person = self.person(number);
        say(&self.ctx, &person.asker, person.conversation).await
    }

    pub(crate) async fn page(&self, number: usize) -> Result<(), Failure> {
        let person = self.person(number);
        let range = Range::Newest;
        let events = list_events(&self.ctx, &person.asker, person.conversation, range, PAGE);
        match events.await?.len() {
            PAGE => Ok(()),
            _ => Err("the page is not full".into()),
        }
    }

    pub(crate) async fn own_user(&self, number: usize) -> Result<(), Failure> {
        let person = self.person(number);
        let asker = asker(&self.ctx, &person.access).await?;
        read_user(&self.ctx, &asker, person.user).await?;
        Ok(())
    }

    pub(crate) async fn close(&self) {
        self.store.engine().close().await;
    }

    fn person(&self, number: usize) -> &Person {
        &self.people[number % USERS]
    }
}

async fn application(ctx: &Ctx) -> Result<ApplicationId, Failure> {
    let mut operator = Principal {
        application: None,
        who: Who::Operator {
            api_key: ApiKeyId::new(ctx.now(), &*ctx.random),
        },
        acl: None,
        parameters: Vec::new(),
    };
    let mut settings = Settings::default();
    // A credential serves for many logins here, and an access token for the whole run.
    settings.one_time.native = false;
    settings.access_s = limit::SETTING_ACCESS_S_MAX;
    // A thousand people log in more often here than people do.
    settings.sessions_max = limit::SETTING_SESSIONS_MAX;
    let new = NewApplication {
        name: "bench".to_owned(),
        slug: None,
        alias: None,
        settings,
    };
    let made = create_application(ctx, &operator, new).await?;
    operator.application = Some(made.id);
    let key = NewSigningKey {
        kid: None,
        algorithm: KeyAlgorithm::Hs256,
        material: KeyMaterial::Secret(SECRET.to_vec().into()),
    };
    add_signing_key(ctx, &operator, key).await?;
    Ok(made.id)
}

async fn person(ctx: &Ctx, application: ApplicationId, number: usize) -> Result<Person, Failure> {
    let order = Order {
        claims: Minted::Native {
            subject: &ExternalId::parse(&format!("user-{number}"))?,
            jti: None,
        },
        application_id: &application.to_string(),
        kid: None,
        issued_at: ctx.now(),
        life_s: Some(3_600),
    };
    let credential = mint(&order, &SigningKey::from_secret(&SECRET)?)?;
    let (user, access) = open(ctx, &credential).await?;
    let asker = asker(ctx, &access).await?;
    let created = create_conversation(ctx, &asker, Create::default()).await?;
    let conversation = created.view.conversation.id;
    for _ in 0..EVENTS_EACH {
        say(ctx, &asker, conversation).await?;
    }
    Ok(Person {
        credential,
        user,
        access,
        asker,
        conversation,
    })
}

async fn open(ctx: &Ctx, credential: &str) -> Result<(UserId, String), Failure> {
    let request = Login {
        credential: credential.to_owned(),
        application: None,
        client: None,
        device: DeviceClaim::default(),
        current_token: None,
        switch: false,
        nonce: None,
        page: None,
        stays_bearer: false,
        follows: false,
    };
    match login(ctx, request).await? {
        LoggedIn::Opened(answer) | LoggedIn::WentOn(answer) => {
            Ok((answer.user.id, answer.access_token))
        }
    }
}

async fn asker(ctx: &Ctx, access: &str) -> Result<Principal, Failure> {
    let bearer = Bearer {
        text: access,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        confidential: true,
        application: None,
    };
    Ok(authenticate(ctx, bearer).await?)
}

async fn say(ctx: &Ctx, asker: &Principal, conversation: ConversationId) -> Result<(), Failure> {
    let text = Send {
        conversation,
        member: None,
        content: Content::New(
            EventKind::Text,
            format!(r#"{{"text":"{}"}}"#, "x".repeat(189)),
        ),
        files: Vec::new(),
        client_id: None,
    };
    send(ctx, asker, text).await?;
    Ok(())
}

impl Clock for Wall {
    #[expect(
        clippy::disallowed_methods,
        reason = "ids follow the time, as they do in earnest"
    )]
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let ms = since.map_or(0, |since| since.as_millis());
        Timestamp::from_milliseconds(i64::try_from(ms).unwrap_or(i64::MAX))
    }
}

#[async_trait]
impl Passwords for Nobodys {
    async fn hash(&self, _: &Password) -> Result<PasswordHash, PasswordsError> {
        Err(PasswordsError::Busy)
    }

    async fn verify(&self, _: &Password, _: Option<&PasswordHash>) -> Result<bool, PasswordsError> {
        Err(PasswordsError::Busy)
    }
}

impl Random for Unguessable {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).expect("the system has randomness");
    }
}
