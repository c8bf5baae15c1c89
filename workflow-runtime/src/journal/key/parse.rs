//! Keys read back: for people, for errors, and for indexes whose entries carry nothing but a key.

use std::fmt;

use uuid::Uuid;

use super::{Key, Kind, behind_text};
use crate::journal::id::{RunId, ShardId};

pub(super) fn whole(bytes: &[u8]) -> Option<Key> {
    let mut reader = Reader(bytes);
    reader.key().filter(|_| reader.0.is_empty())
}

/// The shard that a key names. The keys that guard instances are not read as a whole for it: every commit asks.
pub(super) fn shard(bytes: &[u8]) -> Option<ShardId> {
    let kind = behind_text(bytes, 0)?;
    if bytes.get(kind) != Some(&(Kind::Frame as u8)) {
        return whole(bytes)?.shard;
    }
    let (shard, _) = bytes.get(kind + 1..)?.split_first_chunk()?;
    (behind_text(bytes, kind + 3)? == bytes.len()).then(|| ShardId(u16::from_be_bytes(*shard)))
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind)?;
        if !self.namespace.is_empty() {
            write!(f, " {}/", self.namespace)?;
        }
        if let Some(id) = &self.id {
            f.write_str(id)?;
        }
        if let Some(run) = &self.run {
            write!(f, " run {run}")?;
        }
        for text in [&self.name, &self.value].into_iter().flatten() {
            write!(f, " {text:?}")?;
        }
        if let Some(status) = self.status {
            write!(f, " status {status}")?;
        }
        if let Some(due) = self.due {
            write!(f, " due {due}us")?;
        }
        match self.number {
            Some(number) => write!(f, " #{number}"),
            None => Ok(()),
        }
    }
}

/// Takes from the front of what is left; `None` when that is something else.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn key(&mut self) -> Option<Key> {
        let namespace = self.text()?;
        let kind = Kind::from_byte(self.byte()?)?;
        let mut key = Key {
            kind,
            namespace,
            shard: None,
            id: None,
            run: None,
            name: None,
            value: None,
            status: None,
            due: None,
            number: None,
        };
        match kind {
            Kind::Definition => key.name = Some(self.text()?),
            Kind::Timer => {
                key.due = Some(self.time()?);
                self.place(&mut key)?;
                key.number = Some(self.number()?);
            }
            Kind::Listing => {
                key.name = Some(self.text()?);
                key.status = Some(self.byte()?);
                key.due = Some(self.time()?);
                self.place(&mut key)?;
            }
            Kind::Tag => {
                key.name = Some(self.text()?);
                key.value = Some(self.text()?);
                key.due = Some(self.time()?);
                self.place(&mut key)?;
            }
            _ => self.instance(&mut key)?,
        }
        Some(key)
    }

    fn instance(&mut self, key: &mut Key) -> Option<()> {
        self.place(key)?;
        match key.kind {
            Kind::Start | Kind::Received | Kind::Ended => key.run = Some(self.run()?),
            Kind::History | Kind::Member | Kind::Payload | Kind::Result => {
                key.run = Some(self.run()?);
                key.number = Some(self.number()?);
            }
            Kind::Slot => {
                key.run = Some(self.run()?);
                key.name = Some(self.text()?);
            }
            Kind::Signal => {
                key.name = Some(self.text()?);
                key.number = Some(self.number()?);
            }
            Kind::Seen => key.name = Some(self.text()?),
            Kind::Outbox => key.number = Some(self.number()?),
            _ => {}
        }
        Some(())
    }

    fn place(&mut self, key: &mut Key) -> Option<()> {
        key.shard = Some(ShardId(u16::from_be_bytes(self.bytes()?)));
        key.id = Some(self.text()?);
        Some(())
    }

    fn bytes<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*bytes)
    }

    fn byte(&mut self) -> Option<u8> {
        self.bytes::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Option<u64> {
        self.bytes().map(u64::from_be_bytes)
    }

    fn time(&mut self) -> Option<i64> {
        Some((self.number()? ^ (1 << 63)).cast_signed())
    }

    fn run(&mut self) -> Option<RunId> {
        self.bytes().map(Uuid::from_bytes).map(RunId)
    }

    fn text(&mut self) -> Option<String> {
        let mut text = Vec::new();
        loop {
            match self.byte()? {
                0 => match self.byte()? {
                    1 => return String::from_utf8(text).ok(),
                    u8::MAX => text.push(0),
                    _ => return None,
                },
                byte => text.push(byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::*;

    fn instance(namespace: &str, id: &str) -> InstanceKeys {
        InstanceKeys::new(&Namespace::new(namespace).unwrap(), &WorkflowId::new(id).unwrap())
    }

    const RUN: RunId = RunId(uuid::Uuid::from_u128(7));

    fn every_key(keys: &InstanceKeys, name: &str, n: u64) -> Vec<Vec<u8>> {
        vec![
            keys.frame(),
            keys.mark(),
            keys.ready(),
            keys.start(RUN),
            keys.history(RUN, n),
            keys.payload(RUN, n),
            keys.result(RUN, n),
            keys.slot(RUN, name),
            keys.signal(name, n),
            keys.seen(name),
            keys.outbox(n),
            keys.received(RUN),
            keys.timer(n.cast_signed(), n),
            keys.listing(name, n as u8, n.cast_signed()),
            keys.tagged(name, name, n.cast_signed()),
            keys.ended(RUN),
        ]
    }

    proptest! {
        #[test]
        fn keys_read_back(namespace in "\\PC{1,20}", id in "\\PC{1,40}", name in any::<String>(), n in any::<u64>()) {
            for bytes in every_key(&instance(&namespace, &id), &name, n) {
                let key = Key::parse(&bytes).unwrap();
                prop_assert_eq!(&key.namespace, &namespace);
                prop_assert_eq!(key.id.as_deref(), Some(id.as_str()));
                prop_assert_eq!(key.shard, Some(ShardId::of(&namespace, &id)));
                prop_assert!(key.name.is_none_or(|found| found == name));
            }
        }

        #[test]
        fn no_two_instances_share_a_key(a in ("\\PC{1,3}", "\\PC{1,3}", "[\0-\u{2}]{0,3}"), b in ("\\PC{1,3}", "\\PC{1,3}", "[\0-\u{2}]{0,3}")) {
            let (one, other) = (every_key(&instance(&a.0, &a.1), &a.2, 1), every_key(&instance(&b.0, &b.1), &b.2, 1));
            if (&a.0, &a.1) != (&b.0, &b.1) {
                prop_assert!(one.iter().all(|key| !other.contains(key)));
            } else if a.2 != b.2 {
                prop_assert_ne!(instance(&a.0, &a.1).signal(&a.2, 1), instance(&b.0, &b.1).signal(&b.2, 1));
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in any::<Vec<u8>>()) {
            let _ = Key::parse(&bytes);
            prop_assert!(after(&bytes) > bytes);
        }

        #[test]
        fn timers_sort_by_time(a in any::<i64>(), b in any::<i64>()) {
            let keys = instance("n", "x");
            prop_assert_eq!(a.cmp(&b), keys.timer(a, 0).cmp(&keys.timer(b, 0)));
            let (from, to) = NamespaceKeys::new(&Namespace::new("n").unwrap()).timers_until(a);
            let timer = keys.timer(b, u64::MAX);
            prop_assert_eq!(b <= a, from <= timer && timer < to);
        }
    }

    #[test]
    fn an_instance_is_within_its_bounds_only() {
        let (one, longer) = (instance("n", "a"), instance("n", "ab"));
        let (from, to) = one.all(Kind::History);
        assert!((from.clone()..to.clone()).contains(&one.history(RUN, u64::MAX)));
        assert!(!(from..to).contains(&longer.history(RUN, 0)));
        assert!(definitions().0 < definition("f") && definition("f") < definitions().1);
        assert_eq!(parse_store_fence(&store_fence(Some(ShardId(515)))), Some(Some(ShardId(515))));
        assert_eq!(parse_store_fence(&store_fence(None)), Some(None));
    }

    #[test]
    fn keys_stay_as_they_are() {
        // Pinned: a change of any key makes existing stores unreadable.
        let keys = instance("n", "i");
        assert_eq!(describe(&keys.frame()), "[Frame n/i]");
        let [high, low] = keys.shard().0.to_be_bytes();
        assert_eq!(keys.frame(), [b'n', 0, 1, b'F', high, low, b'i', 0, 1]);
        assert_eq!(keys.signal("s", 2), [b'n', 0, 1, b'I', high, low, b'i', 0, 1, b's', 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    }
}
