//! The contract of `Store`, on every backend.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use workflow_runtime::store::{
    CommitError, MAX_COMMIT_BYTES, MAX_KEY_BYTES, MAX_VALUE_BYTES, MemoryStore, Revision, SHARDS, ShardId, Store,
    StoreError,
};

use crate::backend::{Backend, Memory, Sled, at_once, commit, delete, fence, get, put, step};

/// One test per backend for each of the properties below.
macro_rules! on_every_backend {
    ($($property:ident)*) => {
        mod memory {
            $(#[tokio::test] async fn $property() { super::$property::<super::Memory>().await; })*
        }
        mod sled {
            $(#[tokio::test] async fn $property() { super::$property::<super::Sled>().await; })*
        }
    };
}

on_every_backend! {
    a_commit_is_made_as_a_whole
    a_commit_from_an_old_revision_is_refused
    an_old_fence_is_refused
    fences_outlive_the_store
    a_refusal_does_not_hurt_the_others
    one_instance_can_have_several_commits_in_flight
    scans_are_ordered_and_bounded
    values_of_any_size_read_back
    what_is_too_large_is_refused
    a_deleted_instance_can_be_created_again
    a_malformed_commit_is_refused
    a_damaged_record_names_itself_and_hurts_no_other
    the_record_of_an_instance_is_written_over_only_if_it_is_damaged
    a_closed_store_says_so
    commits_share_flushes
    a_scan_sees_one_moment
}

async fn a_commit_is_made_as_a_whole<B: Backend>() {
    let backend = B::fresh();
    let fence = fence(backend.store()).await;
    let writes = vec![put("i", "1"), put("i/h", "first"), put("i/x", "x")];
    backend.store().commit(commit(fence, "i", 0, writes)).await.unwrap();
    let writes = vec![put("i", "2"), delete("i/x"), put("i/h", "one"), put("i/h", "last wins")];
    backend.store().commit(commit(fence, "i", 1, writes)).await.unwrap();
    let backend = backend.reopen().await;
    let store = backend.store();
    assert_eq!(get(store, "i").await.as_deref(), Some("2"));
    assert_eq!(get(store, "i/h").await.as_deref(), Some("last wins"));
    assert_eq!(get(store, "i/x").await, None);
    assert_eq!(store.get_with_revision(b"i").await.unwrap(), Some((Revision(2), b"2".to_vec())));
    assert_eq!(store.get_with_revision(b"i/h").await.unwrap().unwrap().0, Revision(2));
}

async fn a_commit_from_an_old_revision_is_refused<B: Backend>() {
    let backend = B::fresh();
    let (store, fence) = (backend.store(), fence(backend.store()).await);
    step(store, fence, "i", 0).await.unwrap();
    step(store, fence, "i", 1).await.unwrap();
    for (based_on, written) in [(0, 2), (1, 2), (3, 2)] {
        match step(store, fence, "i", based_on).await.unwrap_err() {
            CommitError::Revision { found, .. } => assert_eq!(found, Revision(written)),
            other => panic!("{other}"),
        }
    }
    assert_eq!(step(store, fence, "new", 1).await.unwrap_err().code(), "WS008");
    assert_eq!(get(store, "i").await.as_deref(), Some("2"));
    assert_eq!(get(store, "new").await, None);
}

async fn an_old_fence_is_refused<B: Backend>() {
    let backend = B::fresh();
    let store = backend.store();
    let old = store.acquire(ShardId(3)).await.unwrap();
    let neighbour = store.acquire(ShardId(4)).await.unwrap();
    step(store, old, "i", 0).await.unwrap();
    let new = store.acquire(ShardId(3)).await.unwrap();
    assert_eq!(step(store, old, "i", 1).await.unwrap_err().code(), "WS007");
    assert_eq!(store.renew(old).await.unwrap_err().code(), "WS004");
    step(store, new, "i", 1).await.unwrap();
    step(store, neighbour, "n", 0).await.unwrap();
    let all = store.acquire_all("someone").await.unwrap();
    assert_eq!(all.len(), usize::from(SHARDS));
    assert!(all.iter().enumerate().all(|(n, fence)| usize::from(fence.shard.0) == n));
    assert_eq!(step(store, new, "i", 2).await.unwrap_err().code(), "WS007");
    step(store, all[3], "i", 2).await.unwrap();
    store.renew(all[1023]).await.unwrap();
    let unknown = workflow_runtime::store::Fence { shard: ShardId(9), token: u64::MAX };
    assert_eq!(step(store, unknown, "x", 0).await.unwrap_err().code(), "WS007");
}

async fn fences_outlive_the_store<B: Backend>() {
    let backend = B::fresh();
    let all = backend.store().acquire_all("first").await.unwrap();
    let one = backend.store().acquire(ShardId(5)).await.unwrap();
    let backend = backend.reopen().await;
    let store = backend.store();
    store.renew(one).await.unwrap();
    store.renew(all[4]).await.unwrap();
    assert!(store.renew(all[5]).await.is_err());
    assert!(store.acquire(ShardId(4)).await.unwrap().token > one.token);
    assert!(store.renew(all[4]).await.is_err());
}

async fn a_refusal_does_not_hurt_the_others<B: Backend>() {
    let backend = B::fresh();
    let old = fence(backend.store()).await;
    let fence = fence(backend.store()).await;
    let commits: Vec<_> = (0..30)
        .map(|n| {
            let id = format!("i{n}");
            match n % 3 {
                0 => commit(fence, &id, 0, vec![put(&id, "v")]),
                1 => commit(old, &id, 0, vec![put(&id, "v")]),
                _ => commit(fence, &id, 7, vec![put(&id, "v")]),
            }
        })
        .collect();
    let store = backend.store().clone();
    for (n, result) in at_once(&store, commits).await.into_iter().enumerate() {
        assert_eq!(result.is_ok(), n % 3 == 0, "{n}: {result:?}");
        assert_eq!(get(&store, &format!("i{n}")).await.is_some(), n % 3 == 0);
    }
}

async fn one_instance_can_have_several_commits_in_flight<B: Backend>() {
    let backend = B::fresh();
    let fence = fence(backend.store()).await;
    let store = backend.store().clone();
    let big = vec![1; 9_000];
    let commits = (0..20)
        .map(|n| {
            let value = if n % 2 == 0 { big.clone() } else { n.to_string().into_bytes() };
            commit(fence, "i", n, vec![put("i", value)])
        })
        .collect();
    for result in at_once(&store, commits).await {
        result.unwrap();
    }
    assert_eq!(store.get_with_revision(b"i").await.unwrap(), Some((Revision(20), b"19".to_vec())));
}

async fn scans_are_ordered_and_bounded<B: Backend>() {
    let backend = B::fresh();
    let (store, fence) = (backend.store(), fence(backend.store()).await);
    let keys: [&[u8]; 7] = [b"", b"a", b"a\0", b"a\0\xff", b"ab", b"b", b"\xff\xff"];
    let mut writes: Vec<_> = keys.iter().rev().map(|key| put(key, key)).collect();
    writes.push(put("i", vec![5; 5000]));
    store.commit(commit(fence, "i", 0, writes)).await.unwrap();
    let names = |rows: Vec<(Vec<u8>, Vec<u8>)>| rows.into_iter().map(|(key, _)| key).collect::<Vec<_>>();
    let all = names(store.scan(b"", b"\xff\xff\xff", 100).await.unwrap());
    assert_eq!(all, [b"", &b"a"[..], b"a\0", b"a\0\xff", b"ab", b"b", b"i", b"\xff\xff"]);
    assert_eq!(names(store.scan(b"a", b"b", 100).await.unwrap()), all[1..5]);
    assert_eq!(names(store.scan(b"a\0", b"z", 2).await.unwrap()), all[2..4]);
    assert!(store.scan(b"b", b"a", 100).await.unwrap().is_empty());
    assert!(store.scan(b"a", b"b", 0).await.unwrap().is_empty());
    assert_eq!(store.scan(b"i", b"j", 1).await.unwrap()[0].1, vec![5; 5000]);
}

async fn values_of_any_size_read_back<B: Backend>() {
    let backend = B::fresh();
    let (store, fence) = (backend.store(), fence(backend.store()).await);
    let value = |n: usize| (0..n).map(|i| (i * 31 + i / 251) as u8).collect::<Vec<u8>>();
    let sizes = [0, 1, 4082, 4083, 4084, 8166, 8167, 1 << 20, 50_000, 3, 1 << 20, 10];
    for (n, size) in sizes.into_iter().enumerate() {
        let writes = vec![put("i", value(size)), put(format!("kept/{n}"), value(size))];
        store.commit(commit(fence, "i", n as u64, writes)).await.unwrap();
        assert_eq!(store.get(b"i").await.unwrap(), Some(value(size)));
    }
    let backend = backend.reopen().await;
    for (n, size) in sizes.into_iter().enumerate() {
        assert_eq!(backend.store().get(format!("kept/{n}").as_bytes()).await.unwrap(), Some(value(size)));
    }
}

async fn what_is_too_large_is_refused<B: Backend>() {
    let backend = B::fresh();
    let (store, fence) = (backend.store(), fence(backend.store()).await);
    let value = commit(fence, "i", 0, vec![put("i", "v"), put("x", vec![0; MAX_VALUE_BYTES + 1])]);
    assert_eq!(store.commit(value).await.unwrap_err().code(), "WS009");
    let key = commit(fence, "i", 0, vec![put("i", "v"), put(vec![0; MAX_KEY_BYTES + 1], "x")]);
    assert_eq!(store.commit(key).await.unwrap_err().code(), "WS009");
    // Each value is fine, all of them together are not.
    let values = 0..=MAX_COMMIT_BYTES / MAX_VALUE_BYTES;
    let writes =
        values.map(|n| put(if n == 0 { "i".into() } else { format!("x{n}") }, vec![0; MAX_VALUE_BYTES])).collect();
    match store.commit(commit(fence, "i", 0, writes)).await.unwrap_err() {
        CommitError::TooLarge { what: "commit", limit, .. } => assert_eq!(limit, MAX_COMMIT_BYTES),
        other => panic!("{other}"),
    }
    assert_eq!(get(store, "i").await, None);
    let longest = vec![put("i", "v"), put(vec![7; MAX_KEY_BYTES], vec![1; 10_000])];
    store.commit(commit(fence, "i", 0, longest)).await.unwrap();
    assert_eq!(store.get(&[7; MAX_KEY_BYTES]).await.unwrap().unwrap().len(), 10_000);
}

async fn a_deleted_instance_can_be_created_again<B: Backend>() {
    let backend = B::fresh();
    let (store, fence) = (backend.store(), fence(backend.store()).await);
    let big = vec![put("i", vec![1; 20_000]), put("i/h", "h")];
    store.commit(commit(fence, "i", 0, big)).await.unwrap();
    store.commit(commit(fence, "i", 1, vec![delete("i"), delete("i/h"), delete("never")])).await.unwrap();
    assert_eq!(store.scan(b"", b"\xff", 10).await.unwrap(), []);
    assert_eq!(step(store, fence, "i", 2).await.unwrap_err().code(), "WS008");
    step(store, fence, "i", 0).await.unwrap();
}

async fn a_malformed_commit_is_refused<B: Backend>() {
    use workflow_runtime::journal::{id, key};
    let backend = B::fresh();
    let (store, fence) = (backend.store(), fence(backend.store()).await);
    let mut same = commit(fence, "i", 1, vec![put("i", "v")]);
    same.revision = Revision(1);
    assert_eq!(store.commit(same).await.unwrap_err().code(), "WS010");
    assert_eq!(store.commit(commit(fence, "i", 0, vec![put("x", "v")])).await.unwrap_err().code(), "WS010");
    let id = id::WorkflowId::new("order-1").unwrap();
    let keys = key::InstanceKeys::new(&id::Namespace::default(), &id);
    assert_ne!(keys.shard(), fence.shard);
    let mut elsewhere = commit(fence, "", 0, vec![put(keys.frame(), "v")]);
    elsewhere.instance = keys.frame();
    assert_eq!(store.commit(elsewhere).await.unwrap_err().code(), "WS010");
}

async fn a_damaged_record_names_itself_and_hurts_no_other<B: Backend>() {
    let backend = B::fresh();
    let fence = fence(backend.store()).await;
    for id in ["a", "b", "c"] {
        step(backend.store(), fence, id, 0).await.unwrap();
    }
    let backend = backend.damage(b"b").await;
    let store = backend.store();
    match store.get(b"b").await.unwrap_err() {
        StoreError::Damaged { key, .. } => assert_eq!(key, b"b"),
        other => panic!("{other}"),
    }
    assert_eq!(step(store, fence, "b", 1).await.unwrap_err().code(), "WS001");
    assert_eq!(store.scan(b"a", b"z", 9).await.unwrap_err().code(), "WS001");
    assert_eq!(store.scan(b"b\0", b"z", 9).await.unwrap().len(), 1);
    step(store, fence, "a", 1).await.unwrap();
    assert_eq!(get(store, "c").await.as_deref(), Some("1"));
    // A record that does not guard an instance can be replaced.
    store.commit(commit(fence, "c", 1, vec![put("c", "2"), put("b", "repaired")])).await.unwrap();
    assert_eq!(get(store, "b").await.as_deref(), Some("repaired"));
}

async fn the_record_of_an_instance_is_written_over_only_if_it_is_damaged<B: Backend>() {
    let backend = B::fresh();
    let fence = fence(backend.store()).await;
    let over = |id: &str, value: Vec<u8>| {
        let mut commit = commit(fence, id, 0, vec![put(id, value)]);
        (commit.based_on, commit.revision) = (Revision::DAMAGED, Revision(1 << 32));
        commit
    };
    // In one piece and in parts, of which there are fewer afterwards.
    for (id, size) in [("a", 1), ("b", 20_000)] {
        let first = commit(fence, id, 0, vec![put(id, vec![1; size])]);
        backend.store().commit(first).await.unwrap();
    }
    for id in ["a", "b"] {
        let refused = backend.store().commit(over(id, vec![2])).await.unwrap_err();
        assert!(matches!(refused, CommitError::Revision { found: Revision(1), .. }), "{refused}");
    }
    assert_eq!(backend.store().commit(over("none", vec![2])).await.unwrap_err().code(), "WS008");

    let backend = backend.damage(b"a").await.damage(b"b").await;
    let store = backend.store();
    for id in ["a", "b"] {
        assert_eq!(step(store, fence, id, 1).await.unwrap_err().code(), "WS001");
        let mut late = over(id, vec![2]);
        late.revision = Revision::DAMAGED;
        assert_eq!(store.commit(late).await.unwrap_err().code(), "WS010");
        store.commit(over(id, vec![3; 5_000])).await.unwrap();
        assert_eq!(store.commit(over(id, vec![4])).await.unwrap_err().code(), "WS008");
        let found = store.get_with_revision(id.as_bytes()).await.unwrap();
        assert_eq!(found, Some((Revision(1 << 32), vec![3; 5_000])));
        step(store, fence, id, 1 << 32).await.unwrap();
    }
    let backend = backend.reopen().await;
    let values: Vec<_> = backend.store().scan(b"a", b"z", 9).await.unwrap().into_iter().map(|(key, _)| key).collect();
    assert_eq!(values, [b"a", b"b"]);
}

async fn a_closed_store_says_so<B: Backend>() {
    let backend = B::fresh();
    let (store, fence) = (backend.store(), fence(backend.store()).await);
    store.close().await.unwrap();
    assert_eq!(step(store, fence, "i", 0).await.unwrap_err().code(), "WS006");
    assert_eq!(store.get(b"i").await.unwrap_err().code(), "WS006");
    assert_eq!(store.scan(b"", b"x", 1).await.unwrap_err().code(), "WS006");
    assert_eq!(store.renew(fence).await.unwrap_err().code(), "WS006");
}

async fn commits_share_flushes<B: Backend>() {
    let backend = B::fresh();
    let fence = fence(backend.store()).await;
    let before = backend.store().counters();
    let commits = (0..64).map(|n| format!("i{n}")).map(|id| commit(fence, &id, 0, vec![put(&id, "v")])).collect();
    let store = backend.store().clone();
    assert!(at_once(&store, commits).await.iter().all(Result::is_ok));
    let counters = store.counters();
    assert_eq!(counters.commits - before.commits, 64);
    assert_eq!(counters.keys - before.keys, 64);
    assert!(counters.bytes > before.bytes);
    let flushes = counters.flushes - before.flushes;
    assert!(flushes <= if B::GROUPS_COMMITS { 32 } else { 64 }, "{flushes} flushes");
}

/// Every commit moves two records far apart to the same value; no scan may find them different.
async fn a_scan_sees_one_moment<B: Backend>() {
    let backend = B::fresh();
    let fence = fence(backend.store()).await;
    let store = backend.store().clone();
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (store, done) = (store.clone(), done.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut last = 0;
            while !done.load(Ordering::Acquire) {
                let rows = runtime.block_on(store.scan(b"a", b"z", 10)).unwrap();
                if let [(_, a), (_, b)] = rows.as_slice() {
                    assert_eq!(a, b);
                    let now: u64 = String::from_utf8(a[..8].to_vec()).unwrap().trim().parse().unwrap();
                    assert!(now >= last);
                    last = now;
                } else {
                    assert!(rows.is_empty());
                }
            }
        })
    };
    for n in 0..60 {
        let value = format!("{n:8}").repeat(if n % 2 == 0 { 1500 } else { 1 });
        store.commit(commit(fence, "a", n, vec![put("a", &value), put("y", &value)])).await.unwrap();
        assert_eq!(store.get(b"y").await.unwrap(), Some(value.into_bytes()), "a writer reads its own commit");
    }
    done.store(true, Ordering::Release);
    reader.join().unwrap();
}

#[tokio::test]
async fn two_engines_on_one_memory_store_fence_each_other_off() {
    let one = MemoryStore::new();
    let other = one.clone();
    let mine = fence(&one).await;
    step(&one, mine, "i", 0).await.unwrap();
    let theirs = fence(&other).await;
    assert_eq!(step(&one, mine, "i", 1).await.unwrap_err().code(), "WS007");
    step(&other, theirs, "i", 1).await.unwrap();
    other.close().await.unwrap();
    assert_eq!(get(&one, "i").await.as_deref(), Some("2"));
}
