//! The Rust client against a real node, over a network that breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use countersign_client::client::Client as Device;
use countersign_client::error::Error;
use countersign_client::identifier::Identifier;
use countersign_client::keep::InFile;
use countersign_client::live::{Ended, Live, Offline, Position, Start, Update, new_event};
use countersign_client::login::{LoggedOut, Login};
use countersign_client::provider::{Provider, ProviderError, Source};
use countersign_client::resources::Part;
use countersign_wire::code::Code;
use countersign_wire::conversation::NewConversation;
use countersign_wire::event::TextBody;
use countersign_wire::secret::Secret;
use serde_json::json;
use tempfile::TempDir;

use crate::network::Network;
use crate::world::World;

/// Nothing here takes so long but what will never come.
const DEADLINE: Duration = Duration::from_secs(30);

/// A node, a network to it, and a folder for devices.
struct Stage {
    world: World,
    network: Network,
    folder: TempDir,
}

/// A backend that signs for one user, as of a while ago where it is told to.
struct Backend {
    world: Arc<Stage>,
    subject: &'static str,
    /// So many credentials are used ones.
    stale: usize,
    asked: AtomicUsize,
}

struct Shown(Arc<Backend>);

// === impl Stage ===

impl Stage {
    async fn new() -> Self {
        let world = World::new().await;
        let network = Network::to(world.address).await;
        Self {
            world,
            network,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A device that nobody is logged in on; one of the same name again is the
    /// same device after a restart.
    async fn device(&self, name: &str) -> Device {
        Device::builder(&self.network.url, &self.world.publishable)
            .device_name(name)
            .keep(InFile::new(self.folder.path().join(name)))
            .open()
            .await
            .unwrap()
    }

    fn login(&self, subject: &str) -> Login {
        let jti = self.world.unique("jti");
        let credential = self.world.credential(subject, &jti);
        Login::with(Secret(credential))
    }

    async fn user(&self, name: &str, subject: &str) -> Device {
        let device = self.device(name).await;
        device.log_in(self.login(subject)).await.unwrap();
        device
    }

    /// What an access token is good for.
    async fn status_of(&self, access: &str) -> u16 {
        self.world
            .call("GET", "/v1/conversations", access, None)
            .await
            .0
    }
}

// === impl Shown ===

#[async_trait]
impl Provider for Shown {
    async fn credential(&self) -> Result<Secret, ProviderError> {
        let backend = &self.0;
        let number = backend.asked.fetch_add(1, Ordering::SeqCst);
        let jti = if number < backend.stale {
            "used".to_owned()
        } else {
            backend.world.world.unique("fresh")
        };
        Ok(Secret(
            backend.world.world.credential(backend.subject, &jti),
        ))
    }
}

fn code(error: &Error) -> Code {
    error
        .refusal()
        .map_or(Code::Unknown, |refusal| refusal.code)
}

async fn next(live: &mut Live) -> Update {
    let update = tokio::time::timeout(DEADLINE, live.next()).await;
    update
        .expect("an update comes in time")
        .expect("it has not ended")
}

/// The next update that this finds something in.
async fn until<T>(live: &mut Live, find: impl Fn(&Update) -> Option<T>) -> T {
    loop {
        if let Some(found) = find(&next(live).await) {
            return found;
        }
    }
}

async fn online(live: &mut Live) {
    until(live, |update| {
        matches!(update, Update::Online(_)).then_some(())
    })
    .await;
}

async fn offline(live: &mut Live) -> Offline {
    until(live, |update| {
        let Update::Offline(offline) = update else {
            return None;
        };
        Some(offline.clone())
    })
    .await
}

/// The next event of a conversation: its number.
async fn number(live: &mut Live, conversation: &str) -> u64 {
    until(live, |update| {
        let Update::Event(frame) = update else {
            return None;
        };
        (frame.conversation_id == conversation).then_some(frame.event.id)
    })
    .await
}

async fn ended(live: &mut Live) -> Ended {
    let ended = until(live, |update| {
        let Update::Ended(ended) = update else {
            return None;
        };
        Some(ended.clone())
    })
    .await;
    assert!(live.next().await.is_none(), "nothing follows the end");
    ended
}

#[tokio::test]
async fn a_visitor_logs_in_and_keeps_the_history() {
    let stage = Stage::new().await;
    let phone = stage.device("phone").await;
    assert!(phone.user().is_none());
    assert!(matches!(phone.own_user().await, Err(Error::NotLoggedIn)));
    let visitor = phone.visit().await.unwrap();
    assert!(visitor.anonymous);
    let again = phone.visit().await.unwrap();
    assert_eq!(again.id, visitor.id, "a visit goes on");
    let new = NewConversation::default();
    let conversation = phone.create_conversation(&new).await.unwrap();
    let text = new_event("text", &json!({"text": "hello"})).unwrap();
    phone.send(&conversation.id, &text).await.unwrap();
    let visit = phone.session_id();
    let alice = phone.log_in(stage.login("alice")).await.unwrap();
    assert!(!alice.anonymous);
    assert_ne!(phone.session_id(), visit);
    let events = phone.events(&conversation.id, Part::Newest).await.unwrap();
    assert!(
        events
            .iter()
            .any(|event| event.body.get().contains("hello"))
    );
    // A local answer, and only by what the login went by.
    let external = |id: &str| Identifier::ExternalId(id.to_owned());
    assert!(phone.is_logged_in(&external("alice")));
    assert!(!phone.is_logged_in(&external("bob")));
    assert!(!phone.is_logged_in(&Identifier::Email("alice".to_owned())));
}

#[tokio::test]
async fn a_device_knows_its_user_after_a_restart_without_the_server() {
    let stage = Stage::new().await;
    let before = stage.user("phone", "alice").await;
    stage.network.down();
    let after = stage.device("phone").await;
    assert_eq!(after.user(), before.user());
    assert!(after.is_logged_in(&Identifier::ExternalId("alice".to_owned())));
    let error = after.own_user().await.unwrap_err();
    assert!(matches!(error, Error::Unreached { .. }), "{error}");
    assert!(after.user().is_some(), "out of reach is not signed out");
    stage.network.up();
    after.own_user().await.unwrap();
}

#[tokio::test]
async fn a_token_that_is_over_is_renewed_once_for_all_who_wait() {
    let stage = Stage::new().await;
    let phone = stage.user("phone", "alice").await;
    let twin = stage.device("phone").await;
    let session = phone.session_id();
    for _ in 0..4 {
        stage.world.clock.advance_s(601);
        let calls = (0..20).map(|number| {
            let device = if number % 2 == 0 {
                phone.clone()
            } else {
                twin.clone()
            };
            tokio::spawn(async move { device.own_user().await.map(|user| user.id) })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap().unwrap();
        }
    }
    // Two programs with one file are one device.
    assert_eq!(phone.session_id(), session);
    assert_eq!(twin.session_id(), session);
}

#[tokio::test]
async fn logging_out_ends_the_session_wherever_the_server_is() {
    let stage = Stage::new().await;
    let phone = stage.user("phone", "alice").await;
    let mut live = phone.live(Start::Now).unwrap();
    online(&mut live).await;
    let access = kept_access(&stage, "phone");
    assert_eq!(phone.log_out().await.unwrap(), LoggedOut::Everywhere);
    assert_eq!(ended(&mut live).await, Ended::LoggedOut);
    assert!(phone.user().is_none());
    assert_eq!(stage.status_of(&access).await, 401);
    for is_over in [false, true] {
        phone.log_in(stage.login("alice")).await.unwrap();
        let access = kept_access(&stage, "phone");
        stage.network.down();
        assert_eq!(phone.log_out().await.unwrap(), LoggedOut::AtNextContact);
        assert!(phone.user().is_none(), "the device is nobody's at once");
        assert!(stage.device("phone").await.user().is_none());
        assert_eq!(stage.status_of(&access).await, 200);
        if is_over {
            stage.world.clock.advance_s(601);
        }
        stage.network.up();
        let sessions = sessions_of(&stage, "alice").await;
        phone.visit().await.unwrap();
        assert_eq!(sessions_of(&stage, "alice").await, sessions - 1);
        phone.log_out().await.unwrap();
    }
}

#[tokio::test]
async fn a_login_that_fails_changes_nothing() {
    let stage = Stage::new().await;
    let phone = stage.user("phone", "alice").await;
    let session = phone.session_id();
    let other = phone.log_in(stage.login("bob")).await.unwrap_err();
    assert_eq!(code(&other), Code::AlreadyIdentified);
    let wrong = Login::with(Secret("nonsense".to_owned())).switching();
    assert_eq!(
        code(&phone.log_in(wrong).await.unwrap_err()),
        Code::MalformedToken
    );
    stage.network.down();
    let unreached = phone.log_in(stage.login("bob").switching()).await;
    assert!(matches!(unreached, Err(Error::Unreached { .. })));
    stage.network.up();
    assert_eq!(phone.session_id(), session);
    assert!(phone.own_user().await.is_ok());
    // The same user goes on, also where the token is over.
    stage.world.clock.advance_s(601);
    phone.log_in(stage.login("alice")).await.unwrap();
    assert_eq!(phone.session_id(), session);
    phone.log_in(stage.login("bob").switching()).await.unwrap();
    assert_ne!(phone.session_id(), session);
}

#[tokio::test]
async fn a_login_whose_answer_was_lost_can_be_tried_again() {
    let stage = Stage::new().await;
    let phone = stage.device("phone").await;
    let credential = Secret(stage.world.credential("alice", "once"));
    stage.network.lose_an_answer();
    let lost = phone.log_in(Login::with(credential.clone())).await;
    assert!(matches!(lost, Err(Error::Unreached { .. })), "{lost:?}");
    // Also by the program that was started anew.
    let phone = stage.device("phone").await;
    phone.log_in(Login::with(credential.clone())).await.unwrap();
    assert_eq!(sessions_of(&stage, "alice").await, 1);
    let thief = stage.device("elsewhere").await;
    let stolen = thief.log_in(Login::with(credential)).await.unwrap_err();
    assert_eq!(code(&stolen), Code::CredentialUsed);
}

#[tokio::test]
async fn a_provider_is_asked_once_more_and_never_again() {
    let stage = Arc::new(Stage::new().await);
    let other = stage.device("other").await;
    let used = Secret(stage.world.credential("alice", "used"));
    other.log_in(Login::with(used)).await.unwrap();
    for (stale, asked, expected) in [
        (0, 1, None),
        (1, 2, None),
        (9, 2, Some(Code::CredentialUsed)),
    ] {
        let backend = Arc::new(Backend {
            world: Arc::clone(&stage),
            subject: "alice",
            stale,
            asked: AtomicUsize::new(0),
        });
        let device = stage.device(&format!("phone-{stale}")).await;
        let provider = Source::Provider(Arc::new(Shown(Arc::clone(&backend))));
        let login = device.log_in(Login::with(provider)).await;
        assert_eq!(login.as_ref().err().map(code), expected, "{login:?}");
        assert_eq!(backend.asked.load(Ordering::SeqCst), asked);
    }
}

#[tokio::test]
async fn every_device_sees_every_event_once_and_in_order_over_a_network_that_breaks() {
    const EACH: usize = 60;
    let stage = Stage::new().await;
    let phone = stage.user("phone", "alice").await;
    let laptop = stage.user("laptop", "alice").await;
    let conversation = phone
        .create_conversation(&NewConversation::default())
        .await
        .unwrap()
        .id;
    let mut told = Vec::new();
    for device in [&phone, &laptop] {
        let mut live = device.live(Start::From(Position::default())).unwrap();
        let sender = live.sender();
        let id = conversation.clone();
        let sending = tokio::spawn(async move {
            let mut queued = Vec::new();
            for number in 0..EACH {
                let text = new_event("text", &json!({"text": number.to_string()})).unwrap();
                queued.push(sender.queue(&id, text).unwrap());
            }
            let mut numbers = Vec::new();
            for queued in queued {
                numbers.push(queued.sent().await.unwrap().id);
            }
            assert!(numbers.is_sorted(), "they are sent in order: {numbers:?}");
            numbers
        });
        let id = conversation.clone();
        let listening = tokio::spawn(async move {
            let mut numbers = Vec::new();
            while numbers.len() < 1 + 2 * EACH {
                numbers.push(number(&mut live, &id).await);
            }
            assert_eq!(live.position().have[&id], 1 + 2 * EACH as u64);
            numbers
        });
        told.push((sending, listening));
    }
    let breaking = async {
        for _ in 0..8 {
            let mut looks = tokio::time::interval(Duration::from_millis(60));
            looks.tick().await;
            looks.tick().await;
            stage.network.cut();
        }
    };
    breaking.await;
    let mut acknowledged = Vec::new();
    for (sending, listening) in told {
        acknowledged.extend(sending.await.unwrap());
        let expected: Vec<u64> = (1..=1 + 2 * EACH as u64).collect();
        assert_eq!(listening.await.unwrap(), expected);
    }
    acknowledged.sort_unstable();
    let expected: Vec<u64> = (2..=1 + 2 * EACH as u64).collect();
    assert_eq!(acknowledged, expected, "each is one event");
}

#[tokio::test]
async fn what_is_sent_offline_goes_out_in_order_when_the_network_is_back() {
    let stage = Stage::new().await;
    let phone = stage.user("phone", "alice").await;
    let conversation = phone
        .create_conversation(&NewConversation::default())
        .await
        .unwrap()
        .id;
    let mut live = phone.live(Start::Now).unwrap();
    online(&mut live).await;
    stage.network.down();
    let sender = live.sender();
    let mut queued = Vec::new();
    for number in 0..20 {
        let body = TextBody {
            text: number.to_string(),
        };
        queued.push(
            sender
                .queue(&conversation, new_event("text", &body).unwrap())
                .unwrap(),
        );
    }
    offline(&mut live).await;
    stage.network.up();
    for (place, queued) in queued.into_iter().enumerate() {
        let event = tokio::time::timeout(DEADLINE, queued.sent())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(event.id, 2 + place as u64);
        assert_eq!(event.body.get(), format!("{{\"text\":\"{place}\"}}"));
    }
    let refused = sender.text("CON-nowhere", "hello").await.unwrap_err();
    assert_eq!(code(&refused), Code::NotFound);
}

#[tokio::test]
async fn a_program_goes_on_where_it_was() {
    let stage = Stage::new().await;
    let phone = stage.user("phone", "alice").await;
    let conversation = phone
        .create_conversation(&NewConversation::default())
        .await
        .unwrap()
        .id;
    let mut live = phone.live(Start::Now).unwrap();
    online(&mut live).await;
    stage
        .world
        .say(&stage.world.key, &conversation, "two")
        .await;
    assert_eq!(
        number(&mut live, &conversation).await,
        2,
        "event 1 was before now"
    );
    let position = live.position().clone();
    drop(live);
    for _ in 0..3 {
        stage
            .world
            .say(&stage.world.key, &conversation, "more")
            .await;
    }
    let mut live = phone.live(Start::From(position.clone())).unwrap();
    for expected in 3..=5 {
        assert_eq!(number(&mut live, &conversation).await, expected);
    }
    // A position of another history is of no use.
    let epoch = position.epoch.map(|epoch| epoch + 1);
    let mut live = phone
        .live(Start::From(Position { epoch, ..position }))
        .unwrap();
    until(&mut live, |update| {
        matches!(update, Update::Restored).then_some(())
    })
    .await;
    online(&mut live).await;
    stage
        .world
        .say(&stage.world.key, &conversation, "now")
        .await;
    assert_eq!(number(&mut live, &conversation).await, 6);
}

#[tokio::test]
async fn who_is_signed_out_stays_out() {
    let stage = Stage::new().await;
    let phone = stage.user("phone", "alice").await;
    let laptop = stage.user("laptop", "alice").await;
    let mut live = phone.live(Start::Now).unwrap();
    online(&mut live).await;
    laptop.sign_out_others().await.unwrap();
    let why = ended(&mut live).await;
    assert!(
        matches!(&why, Ended::SignedOut(refusal) if refusal.code == Code::SessionEnded),
        "{why}"
    );
    assert!(phone.user().is_none() && stage.device("phone").await.user().is_none());
    assert!(matches!(phone.live(Start::Now), Err(Error::NotLoggedIn)));
    assert_eq!(sessions_of(&stage, "alice").await, 1);
    // By a call, too.
    let tablet = stage.user("tablet", "alice").await;
    laptop.sign_out_others().await.unwrap();
    assert!(matches!(tablet.devices().await, Err(Error::SignedOut(_))));
    assert!(matches!(tablet.devices().await, Err(Error::NotLoggedIn)));
}

#[tokio::test]
async fn a_live_connection_renews_its_token_and_comes_back_to_a_node_that_went_away() {
    let stage = Stage::new().await;
    let phone = stage.user("phone", "alice").await;
    let conversation = phone
        .create_conversation(&NewConversation::default())
        .await
        .unwrap()
        .id;
    let mut live = phone.live(Start::Now).unwrap();
    online(&mut live).await;
    let before = kept_access(&stage, "phone");
    stage.world.clock.advance_s(545);
    stage.world.look();
    let renewed = async {
        let mut looks = tokio::time::interval(Duration::from_millis(5));
        while kept_access(&stage, "phone") == before {
            looks.tick().await;
        }
    };
    tokio::time::timeout(DEADLINE, renewed).await.unwrap();
    // A word of the same socket: what it said before was heard.
    live.sender()
        .text(&conversation, "still here")
        .await
        .unwrap();
    stage.world.clock.advance_s(60);
    stage.world.look();
    stage
        .world
        .say(&stage.world.key, &conversation, "good")
        .await;
    assert_eq!(number(&mut live, &conversation).await, 2);
    assert_eq!(number(&mut live, &conversation).await, 3);
    stage.world.stop.cancel();
    let Offline { why, retry_in } = offline(&mut live).await;
    assert_eq!(why, "the server goes away");
    assert!(retry_in <= Duration::from_secs(10));
}

/// The access token that a device keeps.
fn kept_access(stage: &Stage, device: &str) -> String {
    let text = std::fs::read_to_string(stage.folder.path().join(device)).unwrap();
    let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
    kept["session"]["tokens"]["access"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// How many sessions a user has, as a backend sees it.
async fn sessions_of(stage: &Stage, external_id: &str) -> usize {
    let path = format!("/v1/users?external_id={external_id}");
    let (_, users) = stage.world.call("GET", &path, &stage.world.key, None).await;
    let user = users["users"][0]["id"].as_str().unwrap();
    let path = format!("/v1/sessions?user_id={user}");
    let (_, sessions) = stage.world.call("GET", &path, &stage.world.key, None).await;
    sessions["sessions"].as_array().unwrap().len()
}
