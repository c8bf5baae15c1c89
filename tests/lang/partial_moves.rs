//! Variables of which parts are moved out, at any depth, before and after awaits.

use crate::{agree, shop::*};
use serde::{Deserialize, Serialize};
use workflow_runtime::{
    machine::{Workflow, WorkflowCall},
    prelude::*,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Owner {
    name: String,
    mail: Option<String>,
    age: u32,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Account {
    token: String,
    owner: Owner,
    limits: (u32, String),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Purchase {
    id: u32,
    account: Account,
    card: Card,
    note: Option<String>,
    items: Vec<String>,
}

fn purchase() -> Purchase {
    let owner = Owner { name: "ann".into(), mail: Some("a@b".into()), age: 30 };
    Purchase {
        id: 7,
        account: Account { token: "t".into(), owner, limits: (5, "eur".into()) },
        card: Card("c".into()),
        note: Some("n".into()),
        items: vec!["x".into(), "y".into()],
    }
}

#[activity]
async fn keep(s: String) -> String {
    s + "!"
}

/// What is saved at a point.
fn live<W: Workflow>(_: impl Fn() -> WorkflowCall<W>, label: &str) -> Vec<String> {
    W::def().definition().point(label).unwrap_or_else(|| panic!("no point `{label}`")).live.clone()
}

#[workflow]
async fn two_levels(p: Purchase) -> Result<u32, OrderError> {
    keep(p.account.token).await?;
    keep(p.account.owner.name).await?;
    ping(p.id).await?;
    Ok(p.account.owner.age)
}
#[workflow]
async fn a_sibling_of_the_same_parent(p: Purchase) -> Result<String, OrderError> {
    let token = p.account.token;
    text(&token, &[p.id]).await?;
    text(&p.account.limits.1, &[p.account.limits.0]).await?;
    text(&p.account.owner.name, &[]).await?;
    Ok(p.account.owner.name)
}
#[workflow]
async fn within_one_expression(v: (u32, Owner)) -> Result<u32, OrderError> {
    let t = text(&v.1.mail.unwrap_or_default(), &[double(v.1.age).await?]).await?;
    Ok(double(v.1.age).await? + t.len() as u32)
}
#[workflow]
async fn tuples(v: (u32, (String, (String, Card)), Vec<String>)) -> Result<String, OrderError> {
    keep(v.1.1.0).await?;
    keep(v.1.1.1.0).await?;
    let mut all = keep(v.1.0).await?;
    for s in v.2 {
        all += &keep(s).await?;
    }
    Ok(format!("{all}{}", v.0))
}
#[workflow]
async fn tuple_structs(p: Purchase) -> Result<String, OrderError> {
    let secret = p.card.0;
    text(&secret, &[1]).await?;
    let said = format!("{secret}{:?}{}", p.note, p.account.limits.1);
    text(&said, &[p.id]).await?;
    Ok(p.account.token)
}
#[workflow]
async fn in_a_branch(p: Purchase, take: bool) -> Result<u32, OrderError> {
    if take {
        keep(p.account.owner.name).await?;
    } else {
        ping(1).await?;
    }
    ping(p.account.owner.age).await?;
    keep(p.account.token).await?;
    Ok(p.account.owner.age)
}
#[workflow]
async fn parts_in_a_loop(all: Vec<Purchase>) -> Result<String, OrderError> {
    let mut out = String::new();
    for p in all {
        ping(p.id).await?;
        out += &keep(p.account.owner.name).await?;
        out += &keep(p.account.token).await?;
        ping(p.account.owner.age).await?;
        out += &keep(p.account.limits.1).await?;
        ping(p.account.owner.age).await?;
    }
    Ok(out)
}
#[workflow]
async fn made_in_every_round(n: u32) -> Result<String, OrderError> {
    let mut out = String::new();
    for round in 0..n {
        let p = (format!("a{round}"), (format!("b{round}"), round, format!("c{round}")));
        ping(round).await?;
        out += &keep(p.0).await?;
        ping(p.1.1).await?;
        out += &keep(p.1.0).await?;
        ping(p.1.1).await?;
        ping(p.1.1).await?;
        out += &p.1.2;
    }
    Ok(out)
}
#[workflow]
async fn assigned_again(mut p: Purchase) -> Result<Purchase, OrderError> {
    let token = p.account.token;
    let note = p.note;
    p.account.token = format!("{token}{note:?}");
    p.note = None;
    ping(1).await?;
    p.note = Some(text(&p.account.token, &[]).await?);
    ping(p.account.owner.age).await?;
    let name = p.account.owner.name;
    p.account.owner.name = name + "?";
    keep(p.account.token.clone()).await?;
    p.account.owner.age += 1;
    p.account.limits.0 = ping(p.account.limits.0).await?;
    Ok(p)
}
#[workflow]
async fn a_pattern_takes_parts(order: Purchase) -> Result<String, OrderError> {
    let Purchase { account: Account { token, owner: Owner { name, .. }, .. }, .. } = order;
    ping(order.id).await?;
    text(&token, &[order.account.limits.0]).await?;
    text(&name, &[order.account.owner.age]).await?;
    ping(order.account.owner.age).await?;
    Ok(order.account.limits.1)
}
#[workflow]
async fn patterns_in_conditions(p: Purchase) -> Result<String, OrderError> {
    let mut out = String::new();
    if let Owner { mail: Some(mail), age: 1.., .. } = p.account.owner {
        out += &keep(mail).await?;
        ping(p.account.owner.age).await?;
    }
    match p.account.limits {
        (0, unit) => out += &unit,
        (n, unit) => {
            text(&unit, &[n]).await?;
            out += &unit;
        }
    }
    ping(p.account.owner.age).await?;
    out += &keep(p.account.owner.name).await?;
    let Card(secret) = p.card;
    ping(p.id).await?;
    Ok(out + &secret + &p.account.token)
}
#[workflow]
async fn without_awaits(p: Purchase) -> Result<String, OrderError> {
    let joined = match p.account.owner {
        Owner { name, mail: Some(mail), .. } => name + &mail,
        Owner { name, .. } => name,
    };
    if let Some(note) = p.note {
        text(&note, &[]).await?;
    }
    tracing::info!("{}", p.account.owner.age);
    text(&joined, &[p.account.owner.age]).await?;
    ping(p.account.owner.age).await?;
    Ok(p.account.token)
}
#[workflow]
async fn borrowed_beside_it(p: Purchase) -> Result<String, OrderError> {
    let owner = &p.account.owner;
    keep(p.account.token).await?;
    text(&owner.name, &[owner.age]).await?;
    text(&owner.name, &[p.account.limits.0]).await?;
    Ok(p.account.owner.name)
}
#[workflow]
async fn parts_in_branches(p: Purchase) -> Result<u32, OrderError> {
    keep(p.account.token).await?;
    let (a, b, c) = join!(
        async {
            text(&p.account.owner.name, &[]).await?;
            ping(p.account.owner.age).await
        },
        async { text(&p.account.limits.1, &[p.account.limits.0]).await },
        async { text(&p.items[0], &[p.id]).await }
    );
    ping(p.account.owner.age).await?;
    Ok(a? + b?.len() as u32 + c?.len() as u32)
}
#[workflow]
async fn moved_out_by_branches(p: Purchase) -> Result<String, OrderError> {
    let (a, b) = join!(
        async {
            ping(p.account.owner.age).await?;
            keep(p.account.token).await?;
            text(&p.account.owner.name, &[p.account.owner.age]).await
        },
        async {
            let note = p.note;
            text(&p.items[0], &[p.id]).await?;
            ping(p.items.len() as u32).await?;
            Ok::<_, OrderError>(note)
        }
    );
    keep(p.items.concat()).await?;
    Ok(format!("{}{:?}{}", a?, b?, p.account.owner.name))
}
#[workflow]
async fn copied_by_branches(p: Purchase) -> Result<u32, OrderError> {
    let (a, b) = try_join!(
        async {
            ping(p.id).await?;
            Ok::<_, OrderError>(p.account.owner.age)
        },
        async { Ok(ping(p.account.limits.0).await?) }
    )?;
    text(&p.account.token, &[p.id]).await?;
    text(&p.account.owner.name, &[p.id, a]).await?;
    Ok(b + p.account.limits.0)
}
#[workflow]
async fn changed_before_branches(n: u32) -> Result<String, OrderError> {
    let mut p = purchase();
    p.id += n;
    let (a, b) = join!(
        async {
            text(&p.account.token, &[ping(p.items.len() as u32).await?]).await?;
            Ok::<_, OrderError>(text(&p.account.token, &[p.id]).await.unwrap_or(p.note.clone().unwrap_or_default()))
        },
        async {
            let id = if ping(0).await? == 0 { p.id } else { n };
            Ok::<_, OrderError>(ping(id).await?)
        }
    );
    Ok(format!("{}{}", a?, b?))
}
#[workflow]
async fn branches_within_a_branch(p: Purchase) -> Result<String, OrderError> {
    let (a, b) = join!(
        async {
            keep(p.account.token).await?;
            let (c, d) = join!(
                async {
                    ping(p.account.owner.age).await?;
                    keep(p.card.0).await
                },
                async {
                    text(&p.account.owner.name, &[]).await?;
                    text(&p.account.limits.1, &[p.account.owner.age]).await
                },
            );
            Ok::<_, OrderError>(format!("{}{}{}", c?, d?, p.account.limits.0))
        },
        async {
            text(&p.account.owner.name, &[]).await?;
            ping(p.items.len() as u32).await?;
            keep(p.items[1].clone()).await
        }
    );
    keep(p.account.owner.name).await?;
    Ok(a? + &b? + &p.account.limits.1)
}
#[workflow]
async fn renewed_on_one_way(mut p: Purchase, again: bool) -> Result<String, OrderError> {
    let token = keep(p.account.token).await?;
    if again {
        p = Purchase { id: token.len() as u32, ..purchase() };
        ping(p.id).await?;
    } else {
        text(&p.account.owner.name, &[p.id]).await?;
    }
    Ok(p.account.owner.name)
}
#[workflow]
async fn renewed_without_an_await(mut v: (u32, String, Vec<u32>), n: u32) -> Result<String, OrderError> {
    keep(v.1).await?;
    let was = match n {
        0 => {
            v = (v.0 + 1, format!("{:?}", v.2), vec![]);
            1
        }
        1 if v.0 > 0 => {
            if v.2.is_empty() {
                v = (7, String::new(), v.2);
            } else {
                let old = v.2;
                v = (8, "b".into(), old);
            }
            ping(v.0).await?;
            return Ok(v.1);
        }
        _ => v.0,
    };
    ping(was).await?;
    ping(v.0).await?;
    Ok(format!("{:?}", v.2))
}
#[workflow]
async fn renewed_in_a_loop(names: Vec<String>) -> Result<String, OrderError> {
    let mut best = (String::new(), 0, Some(String::new()));
    for name in names {
        let length = ping(name.len() as u32).await?;
        if length > best.1 {
            let note = best.2;
            best = (name, length, note.map(|n| n + "+"));
        }
        ping(best.1).await?;
    }
    keep(best.0).await?;
    Ok(best.2.unwrap_or_default())
}
/// A pointer that shares what it points to, as that of the standard library.
#[derive(Debug, Clone, PartialEq)]
struct Arc<T>(std::sync::Arc<T>);

impl<T> Arc<T> {
    fn new(value: T) -> Self {
        Arc(std::sync::Arc::new(value))
    }
}

impl<T> std::ops::Deref for Arc<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Serialize> Serialize for Arc<T> {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Arc<T> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        T::deserialize(d).map(Arc::new)
    }
}

#[workflow]
async fn copies_behind_a_pointer(p: Arc<Purchase>) -> Result<u32, OrderError> {
    ping(p.id).await?;
    ping(p.account.owner.age).await?;
    text(&p.account.owner.name, &[p.id]).await?;
    text(&p.account.token, &[]).await?;
    Ok(p.account.limits.0)
}
#[workflow]
async fn pointers_in_locals(p: Purchase) -> Result<u32, OrderError> {
    let made = Arc::new(p);
    let typed: Arc<Purchase> = made.clone();
    let again = typed.clone();
    ping(made.id).await?;
    ping(typed.id + again.id).await?;
    let (a, b) = join!(
        async {
            ping(typed.account.owner.age).await?;
            text(&typed.account.token, &[]).await
        },
        async { text(&again.items[0], &[again.id]).await }
    );
    text(&made.account.token, &[typed.account.limits.0]).await?;
    Ok(a?.len() as u32 + b?.len() as u32)
}
#[workflow]
async fn read_again_what_is_behind_a_drop(p: Dropped) -> Result<u32, OrderError> {
    ping(p.price).await?;
    text(&p.name, &[p.price]).await?;
    Ok(p.price)
}
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Dropped {
    price: u32,
    name: String,
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.price = 0;
    }
}
#[workflow]
async fn moved_out_of_a_box(p: Box<Purchase>) -> Result<String, OrderError> {
    keep(p.account.token).await?;
    text(&p.account.owner.name, &[p.id]).await?;
    let note = p.note;
    ping(p.account.owner.age).await?;
    Ok(format!("{note:?}{}", p.account.owner.name))
}
#[workflow]
async fn lent_beside_what_is_moved(p: Purchase) -> Result<String, OrderError> {
    let Purchase { ref items, note, id, account: Account { ref owner, token, .. }, .. } = p;
    ping(id).await?;
    text(&owner.name, &[items.len() as u32]).await?;
    keep(token).await?;
    let said = text(&items[0], &[owner.age]).await?;
    Ok(format!("{said}{note:?}{}{}", p.account.limits.1, owner.name))
}
#[workflow]
async fn changed_beside_what_is_moved(mut v: (String, (u32, Vec<u32>), Card)) -> Result<String, OrderError> {
    let (name, (ref mut n, ref mut all), Card(ref secret)) = v;
    *n += ping(2).await?;
    all.push(*n);
    text(secret, all).await?;
    all.push(ping(*n).await?);
    keep(name).await?;
    text(&v.2.0, &v.1.1).await?;
    Ok(format!("{:?}", v.1))
}

/// What a pattern has moved out is gone in the branches that begin at once.
#[workflow]
async fn a_pattern_in_front_of_branches(line: (String, Vec<u32>, u32, Option<String>)) -> Result<u32, OrderError> {
    let (ref name, numbers, count, _) = line;
    let first = select! {
        pinged = async {
            ping(1).await?;
            ping(line.2).await
        } => pinged?,
        _ = async {
            text(name, &numbers).await?;
            select! {
                _ = async {
                    ping(4).await?;
                    text(line.3.as_deref().unwrap_or("-"), &[]).await
                } => 1,
                pinged = ping(3) => pinged?,
            };
            text(name, &[count]).await
        } => count,
    };
    ping(count).await?;
    Ok(first)
}

#[test]
fn partial_moves() {
    agree(|| a_pattern_in_front_of_branches(("a".into(), vec![1, 2], 3, Some("b".into()))));
    agree(|| copies_behind_a_pointer(Arc::new(purchase())));
    agree(|| pointers_in_locals(purchase()));
    agree(|| read_again_what_is_behind_a_drop(Dropped { price: 3, name: "d".into() }));
    agree(|| moved_out_of_a_box(Box::new(purchase())));
    agree(|| lent_beside_what_is_moved(purchase()));
    agree(|| changed_beside_what_is_moved(("a".into(), (1, vec![2]), Card("c".into()))));
    agree(|| renewed_on_one_way(purchase(), true));
    agree(|| renewed_on_one_way(purchase(), false));
    for n in 0..3 {
        agree(|| renewed_without_an_await((1, "a".into(), vec![2]), n));
        agree(|| renewed_without_an_await((1, "a".into(), vec![]), n));
    }
    agree(|| renewed_in_a_loop(vec!["a".into(), "b".into(), "abc".into()]));
    agree(|| moved_out_by_branches(purchase()));
    agree(|| changed_before_branches(2));
    agree(|| copied_by_branches(purchase()));
    agree(|| branches_within_a_branch(purchase()));
    agree(|| two_levels(purchase()));
    agree(|| a_sibling_of_the_same_parent(purchase()));
    agree(|| within_one_expression((1, purchase().account.owner)));
    agree(|| tuples((1, ("a".into(), ("b".into(), Card("c".into()))), vec!["d".into(), "e".into()])));
    agree(|| tuple_structs(purchase()));
    agree(|| in_a_branch(purchase(), true));
    agree(|| in_a_branch(purchase(), false));
    agree(|| parts_in_a_loop(vec![purchase(), Purchase { id: 8, ..purchase() }]));
    agree(|| made_in_every_round(4));
    agree(|| assigned_again(purchase()));
    agree(|| a_pattern_takes_parts(purchase()));
    agree(|| patterns_in_conditions(purchase()));
    agree(|| without_awaits(purchase()));
    agree(|| borrowed_beside_it(purchase()));
    agree(|| parts_in_branches(purchase()));
}

#[test]
fn only_what_is_needed_is_saved() {
    assert_eq!(live(|| two_levels(purchase()), "keep"), ["p.account.owner", "p.id"]);
}
