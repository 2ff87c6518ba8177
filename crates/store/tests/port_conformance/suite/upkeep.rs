//! What a node asks of the store by itself.

use super::session::revocation;
use crate::world::{World, permit};
use countersign_core::model::revocation::{Revocation, Target};
use countersign_core::ports::change::Change;
use std::sync::Arc;

pub(crate) async fn revocations_since_a_moment(world: Arc<World>) {
    let made = |jti: &str, at| revocation(Target::Jti(jti.to_owned()), world.at(at));
    let own = |revocation: Revocation| world.commit([Change::Revoke(revocation)]);
    for (jti, at) in [("a", 1), ("b", 3), ("c", 5), ("a", 7)] {
        own(made(jti, at)).await;
    }
    let foreign = permit(world.other);
    let changes = vec![Change::Revoke(made("c", 6))];
    world.store.commit(&foreign, changes).await.unwrap();
    let [home, other] = [world.application, world.other];
    let all = [
        (home, made("a", 7)),
        (other, made("c", 6)),
        (home, made("c", 5)),
        (home, made("b", 3)),
    ];
    for (since, limit, expected) in [
        (0, 9, 0..4),
        (3, 4, 0..4),
        (4, 9, 0..3),
        (0, 2, 0..2),
        (8, 9, 0..0),
    ] {
        let found = world.store.revocations_since(world.at(since), limit).await;
        assert_eq!(found.unwrap(), all[expected], "{since} {limit}");
    }
}
