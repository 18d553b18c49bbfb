//! Those who look at what happens: families of series, states of pages, detectors.

use bus::Loss;
use event::Record;
use event::message::Message;
use networks::Enrichment;

use crate::{Blocks, Change, Liveness, Origin, Origins, Peer, Peers, Requests, Restarts};

/// What an observer gets besides what happened.
pub struct Context<'a, S> {
    /// What the observers of a tool write to.
    pub sink: &'a mut S,
    /// When it happened, nanoseconds since the UNIX epoch.
    pub time_ns: u64,
    /// Run of the extractor that reported it; 0 if it counts none, or if only time passed.
    pub run: u64,
    /// Sequence number of the event in its run. In runs without numbers, the number of the message among those of the node.
    pub sequence: u64,
    /// To whom addresses belong.
    pub enrichment: &'a Enrichment,
    /// All that the event or the message changed, in order. The observers got them before, one by one.
    pub changes: &'a [Change],
    /// Whether the node and its sources are there.
    pub liveness: &'a Liveness,
    /// Starts of the node.
    pub restarts: &'a Restarts,
    /// Requests that wait for an answer.
    pub requests: &'a Requests,
    /// Blocks.
    pub blocks: &'a Blocks,
    /// What has reported, this event included.
    pub origins: Origins,
}

/// Looks at what happens at one node, about one subject.
///
/// `S` is what the observers of a tool write to, `P` what the tool keeps of each peer. The model notes an event first, then hands over
/// what it changed ([`Observer::change`]), then the event itself. [`observers!`](crate::observers) makes one observer of many.
#[allow(unused_variables)]
pub trait Observer<S, P = ()> {
    /// Before the first event of an origin: what counts what it reports begins at 0, and is known from then on.
    #[inline]
    fn begin(&mut self, origin: Origin, sink: &mut S) {}

    /// A P2P message of a peer. If it came after the end of its connection was reported, the peer is a closed one.
    #[inline]
    fn message(&mut self, message: &Message, peer: &mut Peer<P>, context: &mut Context<S>) {}

    /// An event that is no P2P message. It may have no body, if it could not be decoded.
    #[inline]
    fn event(&mut self, record: &Record, peers: &mut Peers<P>, context: &mut Context<S>) {}

    /// Something changed in what is known of the node.
    #[inline]
    fn change(&mut self, change: &Change, peers: &mut Peers<P>, context: &mut Context<S>) {}

    /// Time passes: called every few seconds. `context.time_ns` is the time.
    #[inline]
    fn tick(&mut self, peers: &mut Peers<P>, context: &mut Context<S>) {}

    /// Events of this node did not arrive.
    #[inline]
    fn lost(&mut self, loss: &Loss, context: &mut Context<S>) {}
}

/// Makes one observer of many: a structure with a field for each, which gets everything in this order. The calls are static: what an
/// observer does not look at costs nothing.
///
/// ```
/// use model::{Change, Context, Observer, Peers};
///
/// /// Counts restarts.
/// #[derive(Default)]
/// struct Restarts;
///
/// impl Observer<u64> for Restarts {
///     fn change(&mut self, change: &Change, _: &mut Peers, context: &mut Context<u64>) {
///         if let Change::NodeRestarted { .. } = change {
///             *context.sink += 1;
///         }
///     }
/// }
///
/// model::observers! {
///     /// All detectors of a tool.
///     #[derive(Default)]
///     pub(crate) struct Detectors: Observer<u64, ()> {
///         restarts: Restarts,
///     }
/// }
/// # let _ = Detectors::default();
/// ```
#[macro_export]
macro_rules! observers {
    ($(#[$meta:meta])* $vis:vis struct $name:ident: Observer<$sink:ty, $details:ty> {
        $($(#[$field_meta:meta])* $field_vis:vis $field:ident: $observer:ty,)*
    }) => {
        $(#[$meta])*
        $vis struct $name {
            $($(#[$field_meta])* $field_vis $field: $observer,)*
        }

        impl $crate::Observer<$sink, $details> for $name {
            fn begin(&mut self, origin: $crate::Origin, sink: &mut $sink) {
                $($crate::Observer::<$sink, $details>::begin(&mut self.$field, origin, sink);)*
            }

            #[inline]
            fn message(
                &mut self,
                message: &$crate::Message,
                peer: &mut $crate::Peer<$details>,
                context: &mut $crate::Context<$sink>,
            ) {
                $($crate::Observer::message(&mut self.$field, message, peer, context);)*
            }

            fn event(
                &mut self,
                record: &$crate::Record,
                peers: &mut $crate::Peers<$details>,
                context: &mut $crate::Context<$sink>,
            ) {
                $($crate::Observer::event(&mut self.$field, record, peers, context);)*
            }

            #[inline]
            fn change(
                &mut self,
                change: &$crate::Change,
                peers: &mut $crate::Peers<$details>,
                context: &mut $crate::Context<$sink>,
            ) {
                $($crate::Observer::change(&mut self.$field, change, peers, context);)*
            }

            fn tick(&mut self, peers: &mut $crate::Peers<$details>, context: &mut $crate::Context<$sink>) {
                $($crate::Observer::tick(&mut self.$field, peers, context);)*
            }

            fn lost(&mut self, loss: &$crate::Loss, context: &mut $crate::Context<$sink>) {
                $($crate::Observer::<$sink, $details>::lost(&mut self.$field, loss, context);)*
            }
        }
    };
}
