//! What the domain does for other doors than the native one: the use cases
//! themselves, on a real store.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

use std::net::{IpAddr, Ipv4Addr};

use countersign_core::access::principal::{Principal, Who};
use countersign_core::context::Ctx;
use countersign_core::error::{Code, Error};
use countersign_core::id::{ConversationId, DeviceId, MemberId, SessionId, UserId};
use countersign_core::limit;
use countersign_core::model::event::{Assurance, Event, EventFilter, EventKind, KindFilter, Range};
use countersign_core::model::member::{MemberState, Reason};
use countersign_core::model::page::{Order, Window};
use countersign_core::model::session::SessionIdentity;
use countersign_core::model::signal::SignalKind;
use countersign_core::model::user::{Identifier, User, UserPatch};
use countersign_core::op::authenticate::{Bearer, authenticate};
use countersign_core::op::conversations::{
    ByAge, Create, CreatorEnters, create_conversation, list_by_age, read_conversation,
    update_conversation,
};
use countersign_core::op::events::{Content, Send, list_event_page, list_events, send};
use countersign_core::op::members::{Add, add_member, join, list_members, own, update_member};
use countersign_core::op::signals::{Voice, move_position, send_ephemeral, type_in};
use countersign_core::op::users::{NewUser, create_user, update_user};
use countersign_core::ports::fanout::Notice;
use countersign_credential::subject::UserName;
use countersign_fanout::in_process::Received;
use countersign_server::operations::Operations;

use crate::node::Node;

const ALL: Window = Window {
    after: None,
    limit: limit::PAGE_MAX,
};

/// A node, its backend, and two of its users.
struct World {
    node: Node,
    backend: Principal,
    alice: Principal,
    bob: Principal,
}

// === impl World ===

impl World {
    async fn new() -> Self {
        let node = Node::new(Operations::default()).await;
        let bearer = Bearer {
            text: &node.key,
            peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
            confidential: true,
            application: None,
        };
        let backend = authenticate(&node.ctx, bearer).await.unwrap();
        let alice = logged_in(&node.ctx, &backend, "alice", false).await;
        let bob = logged_in(&node.ctx, &backend, "bob", false).await;
        Self {
            node,
            backend,
            alice,
            bob,
        }
    }

    fn ctx(&self) -> &Ctx {
        &self.node.ctx
    }

    /// A conversation that alice has created, and has not joined.
    async fn begun(&self) -> ConversationId {
        let create = Create {
            creator_enters: CreatorEnters::ByJoining,
            ..Create::default()
        };
        // What was made later has the later id.
        self.node.clock.advance_ms(1);
        let created = create_conversation(self.ctx(), &self.alice, create).await;
        created.unwrap().view.conversation.id
    }

    async fn say(
        &self,
        by: &Principal,
        conversation: ConversationId,
        member: Option<MemberId>,
    ) -> Result<Event, Error> {
        let text = Send {
            conversation,
            member,
            content: Content::New(EventKind::Text, r#"{"text":"hello"}"#.to_owned()),
            files: Vec::new(),
            client_id: None,
        };
        send(self.ctx(), by, text).await.map(|sent| sent.event)
    }

    async fn invite(&self, conversation: ConversationId) -> MemberId {
        let add = Add {
            conversation,
            user: Identifier::Id(user_of(&self.bob)),
            state: MemberState::Invited,
            by: None,
        };
        let added = add_member(self.ctx(), &self.alice, add).await;
        added.unwrap().member.id
    }
}

/// A user of the application, as a session of theirs asks.
async fn logged_in(ctx: &Ctx, backend: &Principal, name: &str, anonymous: bool) -> Principal {
    let new = NewUser {
        name: Some(UserName::parse(name).unwrap()),
        ..NewUser::default()
    };
    let user: User = create_user(ctx, backend, new).await.unwrap();
    Principal {
        application: backend.application,
        who: Who::Session {
            identity: SessionIdentity {
                session: SessionId::new(ctx.now(), &*ctx.random),
                user: user.id,
                device: DeviceId::new(ctx.now(), &*ctx.random),
                api_key: None,
                anonymous,
            },
            assurance: Assurance::Verified,
        },
        acl: None,
        parameters: Vec::new(),
    }
}

fn user_of(principal: &Principal) -> UserId {
    principal.user().unwrap()
}

#[track_caller]
fn refused<T>(expected: Code, found: Result<T, Error>) {
    let found = found.err().map(|error| error.code);
    assert_eq!(found, Some(expected));
}

#[tokio::test]
async fn a_creator_who_comes_in_later_reads_and_joins_until_then() {
    let world = World::new().await;
    let (ctx, alice, bob) = (world.ctx(), &world.alice, &world.bob);
    let id = world.begun().await;
    let view = read_conversation(ctx, alice, id).await.unwrap();
    assert!(view.is_creator() && view.member.is_none());
    let members = list_members(ctx, alice, id, Order::OldestFirst, ALL).await;
    assert_eq!(members.unwrap().items, []);
    refused(Code::NotFound, own(ctx, alice, id).await);
    let newest = Range::Newest;
    refused(
        Code::NotPermitted,
        list_events(ctx, alice, id, newest, 9).await,
    );
    refused(Code::NotPermitted, world.say(alice, id, None).await);
    let rename = || countersign_core::model::conversation::ConversationPatch {
        name: Some(Some("room".to_owned())),
        ..Default::default()
    };
    let renamed = update_conversation(ctx, alice, id, rename()).await;
    refused(Code::NotPermitted, renamed);
    // Nobody else learns that it is there.
    refused(Code::NotFound, read_conversation(ctx, bob, id).await);
    refused(Code::NotFound, join(ctx, bob, id).await);
    refused(Code::NotFound, own(ctx, bob, id).await);
    refused(Code::NotFound, world.say(bob, id, None).await);
    refused(Code::NotFound, list_events(ctx, bob, id, newest, 9).await);
    refused(Code::BadRequest, own(ctx, &world.backend, id).await);

    let first = join(ctx, alice, id).await.unwrap();
    let again = join(ctx, alice, id).await.unwrap();
    assert_eq!((first.new, again.new), (true, false));
    assert_eq!(first.member, again.member);
    assert_eq!(own(ctx, alice, id).await.unwrap(), first.member);
    let view = update_conversation(ctx, alice, id, rename()).await.unwrap();
    assert!(view.is_creator());
    assert_eq!(world.say(alice, id, None).await.unwrap().id, 2);
}

#[tokio::test]
async fn many_devices_of_a_creator_get_one_place() {
    let world = World::new().await;
    let id = world.begun().await;
    let joins = (0..20).map(|_| join(world.ctx(), &world.alice, id));
    let joined = futures_util::future::join_all(joins).await;
    let joined: Vec<_> = joined.into_iter().map(Result::unwrap).collect();
    assert_eq!(joined.iter().filter(|added| added.new).count(), 1);
    for added in &joined {
        assert_eq!(added.member.id, joined[0].member.id);
    }
    let view = read_conversation(world.ctx(), &world.alice, id).await;
    assert_eq!(view.unwrap().conversation.last_event_id, 1);
}

#[tokio::test]
async fn a_visitor_comes_in_at_once_whatever_is_asked() {
    let world = World::new().await;
    let visitor = logged_in(world.ctx(), &world.backend, "visitor", true).await;
    let create = Create {
        creator_enters: CreatorEnters::ByJoining,
        ..Create::default()
    };
    let created = create_conversation(world.ctx(), &visitor, create).await;
    let member = created.unwrap().view.member.unwrap();
    assert_eq!(member.state, MemberState::Joined);
}

#[tokio::test]
async fn who_left_and_is_asked_again_has_a_new_place() {
    let world = World::new().await;
    let (ctx, bob) = (world.ctx(), &world.bob);
    let id = world.begun().await;
    let creator = join(ctx, &world.alice, id).await.unwrap().member;
    let first = world.invite(id).await;
    let asked = own(ctx, bob, id).await.unwrap();
    assert_eq!((asked.id, asked.invited_by), (first, Some(creator.id)));
    assert_eq!(join(ctx, bob, id).await.unwrap().member.id, first);
    let reason = |bytes: usize| {
        Some(Reason {
            code: Some("bye".to_owned()),
            text: Some("x".repeat(bytes)),
        })
    };
    let leave = |reason| update_member(ctx, bob, id, first, MemberState::Left, reason);
    let too_long = leave(reason(limit::REASON_BYTES_MAX + 1)).await;
    refused(Code::TooLarge, too_long);
    let said = reason(limit::REASON_BYTES_MAX);
    let left = leave(said.clone()).await.unwrap();
    assert!(left.left_at.is_some());
    let told = list_events(ctx, &world.alice, id, Range::Newest, 1).await;
    assert_eq!(told.unwrap()[0].reason.as_deref(), said.as_ref());
    refused(Code::NotFound, own(ctx, bob, id).await);
    refused(Code::NotFound, join(ctx, bob, id).await);
    let second = world.invite(id).await;
    assert_ne!(second, first);
    assert_eq!(join(ctx, bob, id).await.unwrap().member.id, second);
}

#[tokio::test]
async fn a_list_by_age_is_of_oneself_or_for_a_backend() {
    let world = World::new().await;
    let (ctx, alice, bob) = (world.ctx(), &world.alice, &world.bob);
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = world.begun().await;
        join(ctx, alice, id).await.unwrap();
        ids.push(id);
    }
    world.invite(ids[1]).await;
    let list = |asker, user, state| {
        let by_age = ByAge {
            user,
            state,
            ages: Order::OldestFirst.into(),
        };
        async move {
            let page = list_by_age(ctx, asker, by_age, ALL).await?;
            let ids = page.items.iter().map(|view| view.conversation.id);
            Ok::<_, Error>(ids.collect::<Vec<_>>())
        }
    };
    let (alices, bobs) = (Some(user_of(alice)), Some(user_of(bob)));
    let invited = Some(MemberState::Invited);
    for (asker, user, state, expected) in [
        (alice, None, None, &ids[..]),
        (alice, alices, None, &ids[..]),
        (alice, None, invited, &[]),
        (bob, None, None, &ids[1..2]),
        (bob, bobs, invited, &ids[1..2]),
        (&world.backend, None, None, &ids[..]),
        (&world.backend, bobs, None, &ids[1..2]),
    ] {
        assert_eq!(list(asker, user, state).await.unwrap(), expected);
    }
    refused(Code::NotFound, list(bob, alices, None).await);
}

#[tokio::test]
async fn a_page_is_of_some_kinds_at_most() {
    let world = World::new().await;
    let (ctx, alice) = (world.ctx(), &world.alice);
    let id = world.begun().await;
    join(ctx, alice, id).await.unwrap();
    world.say(alice, id, None).await.unwrap();
    let page = |by, kinds| {
        let filter = EventFilter {
            kinds,
            order: Order::NewestFirst,
            ..EventFilter::default()
        };
        list_event_page(ctx, by, id, filter, ALL)
    };
    let numbers = |page: countersign_core::model::page::Page<Event>| -> Vec<u64> {
        page.items.iter().map(|event| event.id).collect()
    };
    let found = page(alice, Vec::new()).await.unwrap();
    assert_eq!(numbers(found), [2, 1]);
    let most = vec![KindFilter::Member; limit::EVENT_KINDS_MAX];
    assert_eq!(numbers(page(alice, most).await.unwrap()), [1]);
    let more = vec![KindFilter::Member; limit::EVENT_KINDS_MAX + 1];
    refused(Code::BadRequest, page(alice, more).await);
    refused(Code::NotFound, page(&world.bob, Vec::new()).await);
    world.invite(id).await;
    refused(Code::NotPermitted, page(&world.bob, Vec::new()).await);
}

#[tokio::test]
async fn an_ephemeral_event_is_passed_on_and_kept_by_nobody() {
    let world = World::new().await;
    let (ctx, alice) = (world.ctx(), &world.alice);
    let id = world.begun().await;
    join(ctx, alice, id).await.unwrap();
    let patch = UserPatch {
        image_url: Some(Some("https://pictures.example/alice".to_owned())),
        ..UserPatch::default()
    };
    update_user(ctx, alice, user_of(alice), patch)
        .await
        .unwrap();
    let mut heard = world.node.notices.subscribe();
    let body = format!(
        r#"{{"x":"{}"}}"#,
        "y".repeat(limit::EPHEMERAL_BODY_BYTES_MAX - 8)
    );
    let signal = send_ephemeral(ctx, alice, id.into(), body.clone())
        .await
        .unwrap();
    let SignalKind::Ephemeral { body: passed } = &signal.kind else {
        panic!("{signal:?}");
    };
    assert_eq!(**passed, body);
    let person = &signal.from.person;
    assert_eq!(person.names.name.as_deref(), Some("alice"));
    assert_eq!(
        person.image_url.as_deref(),
        Some("https://pictures.example/alice")
    );
    let told = Notice::Signal {
        application: alice.application.unwrap(),
        signal,
    };
    assert_eq!(heard.next().await, Some(Received::Notice(told)));
    let view = read_conversation(ctx, alice, id).await.unwrap();
    assert_eq!(view.conversation.last_event_id, 1);
    let too_long = send_ephemeral(ctx, alice, id.into(), format!("{body} ")).await;
    refused(Code::TooLarge, too_long);
    let by = |asker| send_ephemeral(ctx, asker, id.into(), "{}".to_owned());
    refused(Code::NotFound, by(&world.bob).await);
    refused(Code::BadRequest, by(&world.backend).await);
    refused(
        Code::BadRequest,
        type_in(ctx, &world.backend, id.into(), true).await,
    );
}

#[tokio::test]
async fn a_backend_sends_for_a_member_and_a_user_for_nobody() {
    let world = World::new().await;
    let (ctx, alice) = (world.ctx(), &world.alice);
    let id = world.begun().await;
    let place = join(ctx, alice, id).await.unwrap().member.id;
    let event = world.say(&world.backend, id, Some(place)).await.unwrap();
    assert_eq!(event.from.user, alice.user());
    assert_eq!(event.from.assurance, Assurance::Described);
    let own = world.say(&world.backend, id, None).await.unwrap();
    assert_eq!((own.from.user, own.from.member), (None, None));
    assert_eq!(own.from.assurance, Assurance::Verified);
    let read = list_events(ctx, alice, id, Range::Newest, 2).await.unwrap();
    assert_eq!(read, [event, own]);
    for asker in [alice, &world.bob] {
        refused(Code::NotPermitted, world.say(asker, id, Some(place)).await);
        let voice = Voice {
            conversation: id,
            member: Some(place),
        };
        refused(Code::NotPermitted, type_in(ctx, asker, voice, true).await);
        let moved = move_position(ctx, asker, voice, 1, 1).await;
        refused(Code::NotPermitted, moved);
        let invite = Add {
            conversation: id,
            user: Identifier::Id(user_of(&world.bob)),
            state: MemberState::Invited,
            by: Some(place),
        };
        // Who has no place knows of none.
        let refusal = add_member(ctx, asker, invite).await.unwrap_err().code;
        assert!([Code::NotPermitted, Code::NotFound].contains(&refusal));
    }
    let invited = world.invite(id).await;
    let nobody = MemberId::new(ctx.now(), &*ctx.random);
    for member in [invited, nobody] {
        let spoken = world.say(&world.backend, id, Some(member)).await;
        refused(Code::NotFound, spoken);
    }
}

#[tokio::test]
async fn what_is_shown_has_its_limits() {
    let world = World::new().await;
    let (ctx, alice, backend) = (world.ctx(), &world.alice, &world.backend);
    let (url, data) = (limit::IMAGE_URL_BYTES_MAX, limit::CUSTOM_DATA_BYTES_MAX);
    let text = |bytes: usize| Some("x".repeat(bytes));
    for (url, data, expected) in [
        (url, data, None),
        (url + 1, data, Some(Code::TooLarge)),
        (url, data + 1, Some(Code::TooLarge)),
    ] {
        let new = NewUser {
            name: Some(UserName::parse(&format!("u-{url}-{data}")).unwrap()),
            image_url: text(url),
            custom_data: text(data),
            ..NewUser::default()
        };
        let made = create_user(ctx, backend, new).await;
        assert_eq!(made.err().map(|error| error.code), expected);
        let patch = UserPatch {
            image_url: Some(text(url)),
            custom_data: Some(text(data)),
            ..UserPatch::default()
        };
        let changed = update_user(ctx, alice, user_of(alice), patch).await;
        assert_eq!(changed.err().map(|error| error.code), expected);
        let create = Create {
            image_url: text(url),
            custom_data: text(data),
            ..Create::default()
        };
        let made = create_conversation(ctx, alice, create).await;
        assert_eq!(made.err().map(|error| error.code), expected);
    }
}
