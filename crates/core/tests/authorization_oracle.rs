//! Authorization against a naive oracle that is written another way: a table
//! in words, and an ACL matcher that walks strings.

#![expect(
    clippy::unwrap_used,
    reason = "a helper that cannot go on fails its test"
)]

use countersign_core::access::action::Action;
use countersign_core::access::principal::{Principal, Who};
use countersign_core::access::{Facts, authorize};
use countersign_core::id::{
    ApiKeyId, ApplicationId, AttachmentId, ConversationId, DeviceId, MemberId, SessionId, UserId,
};
use countersign_core::model::event::Assurance;
use countersign_core::model::member::MemberState;
use countersign_core::model::session::SessionIdentity;
use countersign_credential::acl::Acl;
use countersign_credential::json;

/// Cases that are generated; each is judged by both.
const CASES: u32 = 200_000;

/// What each role needs for each action, as DESIGN section 4 says it: client,
/// visitor, user, backend, admin, operator.
const TABLE: [(&str, [&str; 6]); 55] = [
    ("LogIn", ["yes", "-", "-", "yes", "yes", "yes"]),
    ("Connect", ["-", "yes", "yes", "-", "-", "-"]),
    ("LogInAnonymous", ["yes", "-", "-", "yes", "yes", "yes"]),
    ("Refresh", ["-", "own", "own", "-", "-", "-"]),
    ("ListSessions", ["-", "yes", "yes", "yes", "yes", "yes"]),
    ("NameDevice", ["-", "yes", "yes", "-", "-", "-"]),
    ("EndSession", ["-", "own", "own", "yes", "yes", "yes"]),
    ("EndSessions", ["-", "yes", "yes", "yes", "yes", "yes"]),
    ("ListUsers", ["-", "-", "-", "yes", "yes", "yes"]),
    ("CreateUser", ["-", "-", "-", "yes", "yes", "yes"]),
    ("ReadUser", ["-", "-", "own or shares", "yes", "yes", "yes"]),
    ("UpdateUser", ["-", "-", "own", "yes", "yes", "yes"]),
    ("DescribeUser", ["-", "own", "own", "yes", "yes", "yes"]),
    ("IdentifyUser", ["-", "-", "-", "yes", "yes", "yes"]),
    ("DeleteUser", ["-", "-", "-", "yes", "yes", "yes"]),
    ("EraseUser", ["-", "-", "-", "yes", "yes", "yes"]),
    ("ReadErasure", ["-", "-", "-", "yes", "yes", "yes"]),
    ("ExportUser", ["-", "-", "-", "yes", "yes", "yes"]),
    (
        "ListConversations",
        ["-", "yes", "yes", "yes", "yes", "yes"],
    ),
    (
        "ListConversationsOf",
        ["-", "-", "own", "yes", "yes", "yes"],
    ),
    (
        "CreateConversation",
        ["-", "yes", "yes", "yes", "yes", "yes"],
    ),
    ("InstantConversation", ["-", "-", "yes", "-", "-", "-"]),
    (
        "ReadConversation",
        ["-", "inside", "inside", "yes", "yes", "yes"],
    ),
    (
        "UpdateConversation",
        ["-", "creator", "creator", "yes", "yes", "yes"],
    ),
    (
        "DeleteConversation",
        ["-", "creator", "creator", "yes", "yes", "yes"],
    ),
    ("ListMembers", ["-", "-", "inside", "yes", "yes", "yes"]),
    ("ReadMember", ["-", "-", "inside", "yes", "yes", "yes"]),
    ("InviteMember", ["-", "-", "joined", "yes", "yes", "yes"]),
    ("AddMember", ["-", "-", "-", "yes", "yes", "yes"]),
    ("Join", ["-", "-", "inside", "-", "-", "-"]),
    ("UpdateMember", ["-", "-", "own", "yes", "yes", "yes"]),
    ("Leave", ["-", "-", "own", "yes", "yes", "yes"]),
    ("RemoveMember", ["-", "-", "creator", "yes", "yes", "yes"]),
    ("ListEvents", ["-", "joined", "joined", "yes", "yes", "yes"]),
    ("ReadEvent", ["-", "joined", "joined", "yes", "yes", "yes"]),
    ("Send", ["-", "joined", "joined", "yes", "yes", "yes"]),
    ("SendFor", ["-", "-", "-", "yes", "yes", "yes"]),
    (
        "DeleteEvent",
        ["-", "joined and own", "joined and own", "yes", "yes", "yes"],
    ),
    (
        "UploadImage",
        ["-", "joined", "joined", "yes", "yes", "yes"],
    ),
    (
        "UploadMedia",
        ["-", "joined", "joined", "yes", "yes", "yes"],
    ),
    ("UploadImageAhead", ["-", "-", "yes", "yes", "yes", "yes"]),
    ("UploadMediaAhead", ["-", "yes", "yes", "yes", "yes", "yes"]),
    ("ReadMedia", ["-", "joined", "joined", "yes", "yes", "yes"]),
    (
        "DeleteMedia",
        ["-", "joined and own", "joined and own", "yes", "yes", "yes"],
    ),
    ("ReadWaiting", ["-", "own", "own", "own", "own", "own"]),
    ("DeleteWaiting", ["-", "own", "own", "own", "own", "own"]),
    ("ExplainToken", ["-", "-", "-", "yes", "yes", "yes"]),
    ("IntrospectToken", ["-", "-", "-", "yes", "yes", "yes"]),
    ("Revoke", ["-", "-", "-", "yes", "yes", "yes"]),
    ("RevokeKey", ["-", "-", "-", "-", "yes", "yes"]),
    ("ReadApplication", ["-", "-", "-", "yes", "yes", "yes"]),
    ("ManageApplication", ["-", "-", "-", "-", "-", "yes"]),
    ("ManageKeys", ["-", "-", "-", "-", "yes", "yes"]),
    ("RevokeOwnKey", ["-", "-", "-", "yes", "yes", "yes"]),
    ("ReadAudit", ["-", "-", "-", "-", "yes", "yes"]),
];

#[test]
fn authorize_agrees_with_the_oracle() {
    let mut dice = Dice(0x5eed_cafe);
    let (mut permitted, mut refused) = (0, 0);
    for case in 0..CASES {
        let own = ApplicationId::from_bytes([1 + dice.below(2) as u8; 16]);
        let role = dice.below(6);
        let acl_text = acl(&mut dice);
        let action = action(&mut dice);
        let facts = facts(&mut dice);
        let acl = acl_text.as_ref().map(|text| {
            let value = json::read(text.as_bytes()).unwrap();
            Acl::from_json(&value).unwrap()
        });
        let parameters = parameters(&mut dice);
        let principal = Principal {
            application: Some(own),
            who: who(role),
            acl,
            parameters: parameters.clone(),
        };
        let verdict = authorize(&principal, &action).and_then(|c| c.given(&facts));
        let asked = Asked {
            action: &action,
            parameters: &parameters,
        };
        let expected = oracle(role, acl_text.as_deref(), &asked, &facts);
        let told = verdict
            .as_ref()
            .map_or_else(|error| error.code.as_str(), |_| "permitted");
        assert_eq!(
            told, expected,
            "case {case}: {role} {action:?} {facts:?} {acl_text:?}"
        );
        match verdict {
            Ok(permit) => {
                assert_eq!(permit.application(), own, "case {case}");
                permitted += 1;
            }
            Err(_) => refused += 1,
        }
    }
    assert!(
        permitted > CASES / 10 && refused > CASES / 10,
        "{permitted} and {refused}"
    );
}

#[test]
fn an_operator_who_names_no_application_is_asked_for_one() {
    let principal = Principal {
        application: None,
        who: who(5),
        acl: None,
        parameters: Vec::new(),
    };
    let refused = authorize(&principal, &Action::ListUsers)
        .map(|_| ())
        .unwrap_err();
    assert_eq!(refused.code.as_str(), "application_required");
}

/// What is asked for, and what the request tells beside it.
struct Asked<'a> {
    action: &'a Action,
    parameters: &'a [(String, Option<String>)],
}

/// The naive judgement.
fn oracle(role: usize, acl: Option<&str>, asked: &Asked<'_>, facts: &Facts) -> &'static str {
    let action = asked.action;
    let debug = format!("{action:?}");
    let name = debug.split('(').next().unwrap();
    let (_, cells) = TABLE
        .iter()
        .find(|(known, _)| *known == name)
        .expect("the table has all");
    let cell = cells[role];
    if cell == "-" {
        return "not_permitted";
    }
    if let Some(acl) = acl
        && !acl_allows(acl, asked)
    {
        return "acl_denied";
    }
    let joined = facts.place == Some(MemberState::Joined);
    let inside = joined
        || facts.place == Some(MemberState::Invited)
        || (facts.place.is_none() && facts.creator);
    let holds = match cell {
        "yes" => true,
        "joined" => joined,
        "inside" => inside,
        "creator" => joined && facts.creator,
        "own" => facts.own,
        "own or shares" => facts.own || facts.shares,
        "joined and own" => joined && facts.own,
        other => panic!("{other}"),
    };
    match (holds, inside) {
        (true, _) => "permitted",
        (false, true) => "not_permitted",
        (false, false) => "not_found",
    }
}

fn acl_allows(acl: &str, asked: &Asked<'_>) -> bool {
    let (method, path) = asked.action.call();
    let acl: serde_json::Value = serde_json::from_str(acl).unwrap();
    acl["paths"]
        .as_object()
        .unwrap()
        .iter()
        .any(|(pattern, rule)| {
            let methods = rule.get("methods").map(|m| m.as_array().unwrap());
            let method_fits =
                methods.is_none_or(|list| list.iter().any(|m| m.as_str() == Some(method.as_str())));
            let filters = rule.get("filters").map(|f| f.as_object().unwrap());
            let filters_fit = filters.is_none_or(|wanted| {
                wanted.iter().all(|(name, value)| {
                    let found: Vec<(String, Option<String>)> = asked
                        .action
                        .path_parameters()
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), Some(value)))
                        .chain(asked.parameters.iter().cloned())
                        .collect();
                    found.iter().any(|(n, _)| n == name)
                        && found
                            .iter()
                            .all(|(n, v)| n != name || v.as_deref() == value.as_str())
                })
            });
            method_fits && filters_fit && pattern_fits(pattern, &path)
        })
}

fn pattern_fits(pattern: &str, path: &str) -> bool {
    fn rest(pattern: &[&str], path: &[&str]) -> bool {
        match (pattern, path) {
            (["**"], _) => true,
            ([], []) => true,
            (["*", p @ ..], [_, s @ ..]) => rest(p, s),
            ([a, p @ ..], [b, s @ ..]) if a == b => rest(p, s),
            _ => false,
        }
    }
    let pattern: Vec<&str> = pattern.split('/').skip(1).collect();
    let path: Vec<&str> = path.split('/').skip(1).collect();
    match pattern[0] {
        "**" => true,
        "*" | "v1" | "v0.3" | "beta2" => rest(&pattern[1..], &path[1..]),
        _ => false,
    }
}

/// A small generator whose cases are the same on every run (Numerical
/// Recipes' linear congruence; quality is no matter here).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

fn who(role: usize) -> Who {
    let api_key = ApiKeyId::from_bytes([5; 16]);
    let identity = |anonymous| SessionIdentity {
        session: SessionId::from_bytes([2; 16]),
        user: UserId::from_bytes([3; 16]),
        device: DeviceId::from_bytes([4; 16]),
        api_key: None,
        anonymous,
    };
    match role {
        0 => Who::Client {
            api_key: Some(api_key),
        },
        1 => Who::Session {
            identity: identity(true),
            assurance: Assurance::Anonymous,
        },
        2 => Who::Session {
            identity: identity(false),
            assurance: Assurance::Verified,
        },
        3 => Who::Backend {
            api_key: None,
            admin: false,
        },
        4 => Who::Backend {
            api_key: Some(api_key),
            admin: true,
        },
        _ => Who::Operator { api_key },
    }
}

fn facts(dice: &mut Dice) -> Facts {
    let places = [
        None,
        Some(MemberState::Invited),
        Some(MemberState::Joined),
        Some(MemberState::Left),
    ];
    Facts {
        place: *dice.pick(&places),
        creator: dice.below(2) == 0,
        own: dice.below(2) == 0,
        shares: dice.below(2) == 0,
    }
}

/// What a query or body might tell, also what contradicts the path.
fn parameters(dice: &mut Dice) -> Vec<(String, Option<String>)> {
    let names = ["conversation_id", "event_id", "user_id", "state"];
    let values = [
        Some("CON-06060606-0606-0606-0606-060606060606"),
        Some("USR-03030303-0303-0303-0303-030303030303"),
        Some("2"),
        None,
    ];
    (0..dice.below(3))
        .map(|_| {
            (
                (*dice.pick(&names)).to_owned(),
                dice.pick(&values).map(str::to_owned),
            )
        })
        .collect()
}

fn action(dice: &mut Dice) -> Action {
    let conversation = ConversationId::from_bytes([6 + dice.below(2) as u8; 16]);
    let member = MemberId::from_bytes([8 + dice.below(2) as u8; 16]);
    let user = UserId::from_bytes([3 + dice.below(2) as u8; 16]);
    let session = SessionId::from_bytes([2; 16]);
    let event = dice.below(3) as u64 + 1;
    let file = AttachmentId::from_bytes([7; 16]);
    let all = [
        Action::LogIn,
        Action::Connect,
        Action::LogInAnonymous,
        Action::Refresh(session),
        Action::ListSessions,
        Action::NameDevice,
        Action::EndSession(session),
        Action::EndSessions,
        Action::ListUsers,
        Action::CreateUser,
        Action::ReadUser(user),
        Action::UpdateUser(user),
        Action::DescribeUser(user),
        Action::IdentifyUser(user),
        Action::DeleteUser(user),
        Action::EraseUser(user),
        Action::ReadErasure(user),
        Action::ExportUser(user),
        Action::ListConversations,
        Action::ListConversationsOf(user),
        Action::CreateConversation,
        Action::InstantConversation,
        Action::ReadConversation(conversation),
        Action::UpdateConversation(conversation),
        Action::DeleteConversation(conversation),
        Action::ListMembers(conversation),
        Action::ReadMember(conversation, member),
        Action::InviteMember(conversation),
        Action::AddMember(conversation),
        Action::Join(conversation),
        Action::UpdateMember(conversation, member),
        Action::Leave(conversation, member),
        Action::RemoveMember(conversation, member),
        Action::ListEvents(conversation),
        Action::ReadEvent(conversation, event),
        Action::Send(conversation),
        Action::SendFor(conversation, member),
        Action::DeleteEvent(conversation, event),
        Action::UploadImage(conversation),
        Action::UploadMedia(conversation),
        Action::UploadImageAhead,
        Action::UploadMediaAhead,
        Action::ReadMedia(file),
        Action::DeleteMedia(file),
        Action::ReadWaiting(file),
        Action::DeleteWaiting(file),
        Action::ExplainToken,
        Action::IntrospectToken,
        Action::Revoke,
        Action::RevokeKey,
        Action::ReadApplication,
        Action::ManageApplication,
        Action::ManageKeys,
        Action::RevokeOwnKey,
        Action::ReadAudit,
    ];
    assert_eq!(all.len(), TABLE.len(), "every action is generated");
    dice.pick(&all).clone()
}

/// An ACL as a credential carries it, or none.
fn acl(dice: &mut Dice) -> Option<String> {
    if dice.below(3) == 0 {
        return None;
    }
    let heads = ["/**", "/*", "/v1", "/v0.3", "/beta2", "/conversations"];
    let nouns = ["conversations", "users", "sessions", "media", "*", "tokens"];
    let tails = [
        "",
        "/*",
        "/**",
        "/*/events",
        "/*/events/**",
        "/*/members/*",
        "/anonymous",
    ];
    let rules = [
        "{}",
        r#"{"methods":["GET"]}"#,
        r#"{"methods":["POST","PUT"]}"#,
        r#"{"methods":["DELETE","PATCH","GET"]}"#,
        r#"{"methods":[]}"#,
        r#"{"filters":{"conversation_id":"CON-06060606-0606-0606-0606-060606060606"}}"#,
        r#"{"filters":{"event_id":"2"},"methods":["GET","DELETE"]}"#,
        r#"{"filters":{"user_id":"USR-03030303-0303-0303-0303-030303030303"}}"#,
    ];
    let mut paths = std::collections::BTreeMap::new();
    for _ in 0..dice.below(5) {
        let head = *dice.pick(&heads);
        let pattern = if head == "/**" {
            head.to_owned()
        } else {
            format!("{head}/{}{}", dice.pick(&nouns), dice.pick(&tails))
        };
        paths.insert(pattern, *dice.pick(&rules));
    }
    let paths: Vec<String> = paths
        .iter()
        .map(|(pattern, rule)| format!("{pattern:?}:{rule}"))
        .collect();
    Some(format!(r#"{{"paths":{{{}}}}}"#, paths.join(",")))
}
