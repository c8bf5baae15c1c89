//! Names that nothing has.

use shop::*;

#[workflow(allow(WF008, reason = "what a macro prints is an argument like any other"))]
pub async fn values(number: u32) -> Result<u32, OrderError> {
    let total = ping(number).await?;
    let a = ping(totl).await?;
    //~ durable(E0425): the machine has fewer names in scope, so the suggestion differs
    let b = totals + 1;
    let c = nothing_like_it;
    ping(c).await?;
    let d = nothing_like_it.await?;
    //~ durable(E0425): the machine has fewer names in scope, so the suggestion differs
    //~ durable(E0425): the machine has fewer names in scope, so the suggestion differs
    println!("{numbr} {}", totaal);
    //~ durable(E0425): the machine has fewer names in scope, so the suggestion differs
    for i in 0..numbers {
        ping(i).await?;
        //~ durable(E0425): the machine has fewer names in scope, so the suggestion differs
        println!("{}", total1);
    }
    //~ durable(E0425): the machine has fewer names in scope, so the suggestion differs
    Ok(numer)
}

#[workflow]
pub async fn functions(n: u32) -> Result<u32, OrderError> {
    let a = pnig(n).await?;
    let b = ping(frobnicate(n)).await?;
    frobnicate(b);
    let c = n.map(frobnicate);
    shop::frobnicate(1).await?;
    let d = Vec::frobnicate();
    unknown_macro!(n);
    Ok(a)
}

#[workflow]
pub async fn types(n: u32) -> Result<u32, OrderError> {
    let a: Strin = ping(n).await?;
    let b = Frobnicate { a };
    let c = Kind::Frobnicate;
    match ping(n).await? {
        Frobnicate => 1,
        Kind::Other => 2,
        Frobnicate::A(_) => 3,
    };
    let d = n as Strng;
    let e = Vec::<Frob>::new();
    Ok(c)
}

#[workflow]
pub async fn scopes(n: u32) -> Result<u32, OrderError> {
    {
        let inner = ping(n).await?;
    }
    let a = inner;
    if n > 1 {
        let x = ping(n).await?;
    }
    ping(x).await?;
    break;
    'a: loop {
        ping(1).await?;
        break 'b;
    }
    continue 'c;
    let f = self.x;
    Ok(Self)
}

#[workflow]
pub async fn unknown_argument(n: Frobnicate) -> Result<u32, OrderError> {
    ping(n).await?;
    Ok(n.a)
}

#[workflow]
//~ durable(E0425): the machine has fewer names in scope, so the suggestion differs
//~ durable(E0425): the machine has fewer names in scope, so the suggestion differs
pub async fn unknown_result(n: u32) -> Result<Frobnicate, OrderErr> {
    ping(n).await?;
    Ok(n)
}

fn main() {}
