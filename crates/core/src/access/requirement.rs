//! The table of rights: what each role needs for each action.

use super::Facts;
use super::action::Action;
use super::principal::Role;
use crate::model::member::MemberState;

/// What must hold for a right to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Requirement {
    /// Nothing helps.
    Never,
    /// Nothing more.
    Always,
    /// The user's place is joined.
    Joined,
    /// The user's place is invited or joined, or the user created the
    /// conversation.
    Inside,
    /// The user is invited or joined already, or created the conversation.
    MayJoin,
    /// The user's place is joined and the creator's.
    Creator,
    /// The user's place is joined, and the thing is the user's.
    JoinedAndOwn,
    /// The thing is the user's own.
    Own,
    /// The user is asked for, or shares a conversation with who is.
    SelfOrShares,
}

/// What a role needs for an action.
pub(super) fn of(role: Role, action: &Action) -> Requirement {
    match role {
        Role::Client => of_client(action),
        Role::Visitor => of_visitor(action),
        Role::User => of_user(action),
        Role::Backend => of_backend(action),
        Role::Admin | Role::Operator => of_admin(role, action),
    }
}

fn of_client(action: &Action) -> Requirement {
    if matches!(action, Action::LogIn | Action::LogInAnonymous) {
        Requirement::Always
    } else {
        Requirement::Never
    }
}

/// A visitor has what a user has of its own conversations, and nothing that
/// names other users.
fn of_visitor(action: &Action) -> Requirement {
    let names_others = matches!(
        action,
        Action::ListMembers(_)
            | Action::ReadMember(..)
            | Action::InviteMember(_)
            | Action::AddMember(_)
            | Action::Join(_)
            | Action::UpdateMember(..)
            | Action::Leave(..)
            | Action::RemoveMember(..)
            | Action::ReadUser(_)
            | Action::UpdateUser(_)
            | Action::ListConversationsOf(_)
            | Action::InstantConversation
            // Where a visitor sends pictures they begin in a conversation.
            | Action::UploadImageAhead
    );
    if names_others {
        Requirement::Never
    } else {
        of_user(action)
    }
}

fn of_user(action: &Action) -> Requirement {
    match action {
        Action::Connect
        | Action::ListSessions
        | Action::NameDevice
        | Action::EndSessions
        | Action::ListConversations
        | Action::CreateConversation
        | Action::InstantConversation
        | Action::UploadImageAhead
        // A visitor's, too: it may begin a conversation, and attach as much there.
        | Action::UploadMediaAhead => Requirement::Always,
        Action::Refresh(_)
        | Action::EndSession(_)
        | Action::UpdateUser(_)
        | Action::DescribeUser(_)
        | Action::ListConversationsOf(_)
        | Action::ReadWaiting(_)
        | Action::DeleteWaiting(_) => Requirement::Own,
        Action::ReadUser(_) => Requirement::SelfOrShares,
        Action::ReadConversation(_) | Action::ListMembers(_) | Action::ReadMember(..) => {
            Requirement::Inside
        }
        Action::Join(_) => Requirement::MayJoin,
        Action::InviteMember(_)
        | Action::ListEvents(_)
        | Action::ReadEvent(..)
        | Action::Send(_)
        | Action::UploadImage(_)
        | Action::UploadMedia(_)
        | Action::ReadMedia(_) => Requirement::Joined,
        Action::DeleteEvent(..) | Action::DeleteMedia(_) => Requirement::JoinedAndOwn,
        Action::UpdateMember(..) | Action::Leave(..) => Requirement::Own,
        Action::UpdateConversation(_)
        | Action::DeleteConversation(_)
        | Action::RemoveMember(..) => Requirement::Creator,
        Action::LogIn
        | Action::LogInAnonymous
        | Action::ListUsers
        | Action::CreateUser
        | Action::IdentifyUser(_)
        | Action::DeleteUser(_)
        | Action::EraseUser(_)
        | Action::ReadErasure(_)
        | Action::ExportUser(_)
        | Action::AddMember(_)
        | Action::SendFor(..)
        | Action::ExplainToken
        | Action::IntrospectToken
        | Action::Revoke
        | Action::RevokeKey
        | Action::ReadApplication
        | Action::ManageApplication
        | Action::ManageKeys
        | Action::RevokeOwnKey
        | Action::ReadAudit => Requirement::Never,
    }
}

fn of_backend(action: &Action) -> Requirement {
    let withheld = matches!(
        action,
        Action::Connect
            | Action::Refresh(_)
            | Action::NameDevice
            | Action::Join(_)
            | Action::InstantConversation
            | Action::RevokeKey
            | Action::ManageApplication
            | Action::ManageKeys
            | Action::ReadAudit
    );
    // What nobody has been sent yet is nobody else's.
    let is_of_one = matches!(action, Action::ReadWaiting(_) | Action::DeleteWaiting(_));
    if withheld {
        Requirement::Never
    } else if is_of_one {
        Requirement::Own
    } else {
        Requirement::Always
    }
}

fn of_admin(role: Role, action: &Action) -> Requirement {
    let manages = match role {
        Role::Operator => matches!(action, Action::ManageApplication),
        Role::Client | Role::Visitor | Role::User | Role::Backend | Role::Admin => false,
    };
    let administers = matches!(
        action,
        Action::RevokeKey | Action::ManageKeys | Action::ReadAudit
    );
    if manages || administers {
        Requirement::Always
    } else {
        of_backend(action)
    }
}

// === impl Requirement ===

impl Requirement {
    pub(super) fn holds(self, facts: &Facts) -> bool {
        let joined = facts.place == Some(MemberState::Joined);
        let placed = joined || facts.place == Some(MemberState::Invited);
        match self {
            Self::Never => false,
            Self::Always => true,
            Self::Joined => joined,
            Self::Inside | Self::MayJoin => placed || facts.creator && facts.place.is_none(),
            Self::Creator => joined && facts.creator,
            Self::JoinedAndOwn => joined && facts.own,
            Self::Own => facts.own,
            Self::SelfOrShares => facts.own || facts.shares,
        }
    }

    /// Whether who asks may learn that the thing exists.
    pub(super) fn may_know(self, facts: &Facts) -> bool {
        Self::Inside.holds(facts)
    }

    pub(super) fn described(self) -> &'static str {
        match self {
            Self::Never | Self::Always => "this is not permitted",
            Self::Joined => "only joined members may do this; join first",
            Self::Inside | Self::MayJoin => "only members of the conversation may do this",
            Self::Creator => "only the conversation's creator may do this",
            Self::JoinedAndOwn => "only whose it is, or a backend, may do this",
            Self::Own => "only the user itself, or a backend, may do this",
            Self::SelfOrShares => "only users who share a conversation see each other",
        }
    }
}
