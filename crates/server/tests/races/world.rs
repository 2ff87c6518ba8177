//! What a race begins with: a store in a temporary folder, and who acts on it.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign_core::access::principal::{Principal, Who};
use countersign_core::context::{Ctx, Parts};
use countersign_core::error::{Code, Error};
use countersign_core::id::{ApiKeyId, ApplicationId, DeviceId, SessionId, UserId};
use countersign_core::limit;
use countersign_core::model::api_key::{Role, Roles};
use countersign_core::model::settings::Settings;
use countersign_core::model::signing_key::KeyMaterial;
use countersign_core::op::api_keys::{NewApiKey, create_api_key};
use countersign_core::op::applications::{NewApplication, create_application};
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::op::login::{DeviceClaim, LoggedIn, Login, login};
use countersign_core::op::login_anonymous::login_anonymous;
use countersign_core::op::refresh::refresh;
use countersign_core::op::signing_keys::{NewSigningKey, add_signing_key};
use countersign_core::ports::{Clock, Random};
use countersign_core::token::TokenKeys;
use countersign_credential::key::{KeyAlgorithm, Kid};
use countersign_credential::mint::{Minted, Order, mint};
use countersign_credential::signing_key::SigningKey;
use countersign_credential::subject::ExternalId;
use countersign_credential::time::Timestamp;
use countersign_fanout::in_process::InProcess;
use countersign_store::SqlStore;
use countersign_store::migrate::MIGRATIONS;
use countersign_store::secrets::{KeyEncryptionKey, Keyring};
use countersign_store::sqlite::{Options, Sqlite};
use tempfile::TempDir;
use tokio::sync::Barrier;
use tokio::task::{JoinSet, yield_now};

use crate::quick_passwords::QuickPasswords;

/// The signing key of every application here.
pub(crate) const KID: &str = "races";

const SECRET: [u8; 32] = [7; 32];
/// 2027-01-15T08:00:00Z.
const BEGIN_MS: i64 = 1_800_000_000_000;

/// A clock that goes on by a millisecond whenever it is read: so two calls
/// never read the same moment, and which reads the earlier one is a race too.
#[derive(Debug)]
struct Ticking(AtomicI64);

/// Real randomness.
struct Unguessable;

/// A node on a store of its own.
pub(crate) struct World {
    pub(crate) ctx: Arc<Ctx>,
    operator: Principal,
    _folder: TempDir,
}

/// An application with its keys.
#[derive(Clone)]
pub(crate) struct Application {
    pub(crate) ctx: Arc<Ctx>,
    pub(crate) id: ApplicationId,
    /// A publishable key, and the client that has it.
    pub(crate) publishable: ApiKeyId,
    pub(crate) client: Principal,
    /// An admin key.
    pub(crate) admin: Principal,
}

/// Where a credential opens any number of sessions: so its login has nothing to look up first.
pub(crate) fn reusable() -> Settings {
    let mut settings = Settings::default();
    settings.one_time.native = false;
    settings
}

/// What a device keeps of a login answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tokens {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) session: SessionId,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

macro_rules! tokens {
    ($answer:expr) => {{
        let answer = $answer;
        Tokens {
            user: answer.user.id,
            device: answer.session.device,
            session: answer.session.id,
            access: answer.access_token,
            refresh: answer.refresh_token,
        }
    }};
}

// === impl World ===

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let engine = Sqlite::open(folder.path(), Options::default(), MIGRATIONS)
            .await
            .unwrap();
        let keyring = Keyring::new(KeyEncryptionKey::from_bytes([1; 32].into()), Vec::new());
        let store = Arc::new(SqlStore::new(engine, keyring, Arc::new(Unguessable)));
        let keys = store.token_keys().await.unwrap();
        let parts = Parts {
            registry: Arc::clone(&store) as _,
            store,
            fanout: Arc::new(InProcess::new(limit::NOTICES_MAX)),
            clock: Arc::new(Ticking(AtomicI64::new(BEGIN_MS))),
            random: Arc::new(Unguessable),
            passwords: Arc::new(QuickPasswords::default()),
            tokens: TokenKeys::new(&keys),
        };
        let ctx = Arc::new(Ctx::new(parts).await.unwrap());
        let api_key = ApiKeyId::new(ctx.now(), &*ctx.random);
        Self {
            ctx,
            operator: Principal {
                application: None,
                who: Who::Operator { api_key },
                acl: None,
                parameters: Vec::new(),
            },
            _folder: folder,
        }
    }

    /// A new application.
    pub(crate) async fn application(&self, settings: Settings) -> Application {
        let ctx = &self.ctx;
        let new = NewApplication {
            name: "races".to_owned(),
            slug: Some(self.word().parse().unwrap()),
            alias: None,
            settings,
        };
        let made = create_application(ctx, &self.operator, new).await.unwrap();
        let operator = Principal {
            application: Some(made.id),
            ..self.operator.clone()
        };
        let key = NewSigningKey {
            kid: Some(Kid::parse(KID).unwrap()),
            algorithm: KeyAlgorithm::Hs256,
            material: KeyMaterial::Secret(SECRET.to_vec().into()),
        };
        add_signing_key(ctx, &operator, key).await.unwrap();
        let key = NewApiKey {
            name: "page".to_owned(),
            roles: Roles::new([Role::Tracking]).unwrap(),
            expires_in_days: None,
            cidr: None,
        };
        let page = create_api_key(ctx, &operator, key).await.unwrap();
        Application {
            ctx: Arc::clone(ctx),
            id: made.id,
            publishable: page.key.id,
            client: bearer(ctx, &page.text).await.unwrap(),
            admin: Principal {
                application: Some(made.id),
                who: Who::Backend {
                    api_key: Some(ApiKeyId::new(ctx.now(), &*ctx.random)),
                    admin: true,
                },
                acl: None,
                parameters: Vec::new(),
            },
        }
    }

    /// A word that nobody has had before.
    pub(crate) fn word(&self) -> String {
        let mut bytes = [0; 12];
        self.ctx.random.fill(&mut bytes);
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        format!("w{}", digits.collect::<String>())
    }
}

// === impl Application ===

impl Application {
    /// A credential of a user, as a backend mints it at this moment.
    pub(crate) fn credential(&self, user: &str, jti: &str) -> String {
        let order = Order {
            claims: Minted::Native {
                subject: &ExternalId::parse(user).unwrap(),
                jti: Some(jti),
            },
            application_id: &self.id.to_string(),
            kid: None,
            issued_at: self.ctx.now(),
            life_s: None,
        };
        mint(&order, &SigningKey::from_secret(&SECRET).unwrap()).unwrap()
    }

    /// Logs in, with the device's own token where there is one.
    pub(crate) async fn log_in(
        &self,
        credential: String,
        current_token: Option<String>,
    ) -> Result<Tokens, Error> {
        let request = Login {
            credential,
            application: None,
            client: Some(self.client.clone()),
            device: DeviceClaim::default(),
            current_token,
            switch: false,
            nonce: None,
            page: None,
            stays_bearer: false,
            follows: false,
        };
        match login(&self.ctx, request).await? {
            LoggedIn::Opened(answer) | LoggedIn::WentOn(answer) => Ok(tokens!(answer)),
        }
    }

    /// Becomes a visitor.
    pub(crate) async fn visit(&self) -> Tokens {
        let device = DeviceClaim::default();
        let answer = login_anonymous(&self.ctx, &self.client, &device).await;
        tokens!(answer.unwrap())
    }

    /// Exchanges a refresh token.
    pub(crate) async fn refresh(&self, token: &str, nonce: &str) -> Result<Tokens, Error> {
        let answer = refresh(&self.ctx, token, Some(nonce)).await?;
        Ok(tokens!(answer))
    }

    /// Who asks with an access token.
    pub(crate) async fn asker(&self, access: &str) -> Result<Principal, Error> {
        bearer(&self.ctx, access).await
    }

    /// Checks that nothing can be done with these tokens any more.
    pub(crate) async fn assert_dead(&self, tokens: &Tokens, what: &str) {
        let asked = self.asker(&tokens.access).await;
        assert_eq!(code(&asked), Some(Code::SessionEnded), "{what}: access");
        let refreshed = self.refresh(&tokens.refresh, "after").await;
        let refusals = [Some(Code::SessionEnded), Some(Code::UserBlocked)];
        assert!(refusals.contains(&code(&refreshed)), "{what}: refresh");
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp::from_milliseconds(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

impl Random for Unguessable {
    fn fill(&self, bytes: &mut [u8]) {
        aws_lc_rs::rand::fill(bytes).unwrap();
    }
}

/// Why something was refused.
pub(crate) fn code<T>(result: &Result<T, Error>) -> Option<Code> {
    result.as_ref().err().map(|error| error.code)
}

/// Runs all at once, each let go at the same moment, and answers what each
/// answered, in their order.
pub(crate) async fn at_once<T, F>(calls: impl IntoIterator<Item = F>) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let calls: Vec<F> = calls.into_iter().collect();
    let start = Arc::new(Barrier::new(calls.len()));
    let mut running = JoinSet::new();
    for (place, call) in calls.into_iter().enumerate() {
        let start = Arc::clone(&start);
        running.spawn(async move {
            start.wait().await;
            (place, call.await)
        });
    }
    let mut answers = running.join_all().await;
    answers.sort_by_key(|(place, _)| *place);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

/// Runs two at once; from round to round, the one begins a little later or the
/// other, so that they meet at every point of their ways.
pub(crate) async fn meet<A, B>(
    round: usize,
    one: impl Future<Output = A> + Send + 'static,
    other: impl Future<Output = B> + Send + 'static,
) -> (A, B)
where
    A: Send + 'static,
    B: Send + 'static,
{
    let start = Arc::new(Barrier::new(2));
    let (mut ones, mut others) = (JoinSet::new(), JoinSet::new());
    let late = |turn: usize| if round % 2 == turn { round / 2 % 24 } else { 0 };
    let (one_late, other_late) = (late(0), late(1));
    let one_start = Arc::clone(&start);
    ones.spawn(async move {
        one_start.wait().await;
        for _ in 0..one_late {
            yield_now().await;
        }
        one.await
    });
    others.spawn(async move {
        start.wait().await;
        for _ in 0..other_late {
            yield_now().await;
        }
        other.await
    });
    let (mut ones, mut others) = (ones.join_all().await, others.join_all().await);
    (ones.remove(0), others.remove(0))
}

async fn bearer(ctx: &Ctx, text: &str) -> Result<Principal, Error> {
    let bearer = Bearer {
        text,
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        confidential: true,
        application: None,
    };
    authenticate(ctx, bearer).await
}
