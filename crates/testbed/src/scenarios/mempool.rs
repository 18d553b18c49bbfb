//! Attacks by transactions, other than [`super::INVALID_TRANSACTIONS`] and [`super::ORPHANS`].

use std::time::Duration;

use anyhow::{Context, Result};
use bitcoin::absolute::LockTime;
use bitcoin::p2p::message::NetworkMessage;
use bitcoin::{Amount, Transaction};

use super::{ATTACK, Scenario, Stage};
use crate::wallet::{Reject, Spend};

/// Transactions that the node refuses, one after the other.
pub const REJECTIONS: Scenario = Scenario {
    name: "rejections",
    about: "A peer sends transactions that the node refuses: twenty a second, or two a second.",
    from: &[165],
    act: |stage| Box::pin(send_refused(stage, (Duration::from_millis(500), Duration::from_millis(50)), refused)),
    ..ATTACK
};

/// Transactions whose parents nobody has, one after the other.
pub const ORPHAN_FLOOD: Scenario = Scenario {
    name: "orphan_flood",
    about: "A peer sends transactions whose parents nobody has: ten a second, or one a second.",
    from: &[166],
    act: |stage| {
        Box::pin(send_refused(stage, (Duration::from_secs(1), Duration::from_millis(100)), |_| Reject::MissingInputs))
    },
    ..ATTACK
};

fn refused(stage: &mut Stage) -> Reject {
    match stage.rng.u8(..3) {
        0 => Reject::NoFee,
        1 => Reject::SpendsTooMuch,
        _ => Reject::Dust,
    }
}

async fn send_refused(mut stage: Stage, every: (Duration, Duration), reason: fn(&mut Stage) -> Reject) -> Result<()> {
    let options = stage.peer("/bitcore:8.25.0/");
    let mut peer = stage.connect(options).await?;
    let every = stage.by_strength(every.0, every.1);
    loop {
        let reason = reason(&mut stage);
        let mut tx = stage.wallet().await.rejected(reason)?;
        // Each is another one: a time that has passed changes nothing but the id.
        tx.lock_time = LockTime::from_consensus(stage.rng.u32(500_000_000..1_500_000_000));
        peer.send(NetworkMessage::Tx(tx))?;
        let rest = stage.irregular(every);
        if peer.wait_closed(rest).await.is_ok() {
            return Ok(());
        }
    }
}

/// A transaction that is replaced, together with another one, by a third, which is replaced by the other one: and the first comes again.
pub const CYCLING: Scenario = Scenario {
    name: "cycling",
    about: "A peer replaces a transaction of somebody else again and again, each time in vain for both.",
    from: &[168],
    pause: Duration::from_secs(2),
    act: |stage| Box::pin(cycle(stage)),
    ..ATTACK
};

async fn cycle(mut stage: Stage) -> Result<()> {
    let options = stage.peer("/Satoshi:28.0.0/");
    let mut peer = stage.connect(options).await?;
    let spend = Spend { fee_rate: 3, outputs: 1, vsize: 0 };
    let (victim, own) = {
        let mut wallet = stage.wallet().await;
        (wallet.spend(&spend)?, wallet.spend(&spend)?)
    };
    let (theirs, ours) = (output(&victim)?, output(&own)?);
    for round in 0..12 {
        // Each pays more than those that it replaces, and more for each byte.
        let fee = 10_000 << round;
        let mut both = victim.clone();
        both.input.extend(own.input.iter().cloned());
        let both = paying(both, theirs + ours, fee)?;
        for tx in [victim.clone(), both, paying(own.clone(), ours, fee + fee / 10)?] {
            peer.send(NetworkMessage::Tx(tx))?;
            let rest = stage.by_strength(Duration::from_secs(4), Duration::from_millis(500));
            if peer.wait_closed(rest).await.is_ok() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn output(tx: &Transaction) -> Result<Amount> {
    Ok(tx.output.first().context("a transaction has an output")?.value)
}

/// A transaction whose output is `value` without a fee.
fn paying(mut tx: Transaction, value: Amount, fee: u64) -> Result<Transaction> {
    let output = tx.output.first_mut().context("a transaction has an output")?;
    output.value = value.checked_sub(Amount::from_sat(fee)).context("the coin is too small")?;
    Ok(tx)
}

/// Transactions as large as they may be.
pub const STUFFING: Scenario = Scenario {
    name: "stuffing",
    about: "A user of the node fills its mempool with huge transactions.",
    act: |stage| Box::pin(stuff(stage)),
    ..ATTACK
};

async fn stuff(mut stage: Stage) -> Result<()> {
    let spend = Spend { fee_rate: 2, outputs: 1, vsize: 95_000 };
    let mut wallet = stage.wallet().await;
    let tx = wallet.spend(&spend)?;
    wallet.send(stage.node(), &tx).await?;
    drop(wallet);
    tokio::time::sleep(stage.irregular(stage.by_strength(Duration::from_secs(4), Duration::from_millis(500)))).await;
    Ok(())
}
