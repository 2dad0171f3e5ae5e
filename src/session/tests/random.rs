//! Random sequences of operations and faults: whatever happens, there is one exit, and nothing is left.

use super::*;
use proptest::prelude::*;

/// One thing that a random sequence may do.
#[derive(Clone, Debug)]
enum Op {
    Pass(u64),
    Exit,
    CloseNow,
    TryNow,
    Device(bool, bool),
    Choose(bool, u8),
    Leave(u8),
    Lost,
    Manners(bool, bool, bool),
    DeviceFails(bool),
    PeersDown,
    DropWhatIsComing,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0u64..400).prop_map(Op::Pass),
        1 => (400u64..9000).prop_map(Op::Pass),
        1 => Just(Op::Exit),
        1 => Just(Op::CloseNow),
        1 => Just(Op::TryNow),
        2 => (any::<bool>(), any::<bool>()).prop_map(|(k, on)| Op::Device(k, on)),
        1 => (any::<bool>(), 0u8..3).prop_map(|(k, n)| Op::Choose(k, n)),
        1 => (0u8..16).prop_map(Op::Leave),
        1 => Just(Op::Lost),
        2 => (any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(d, s, p)| Op::Manners(d, s, p)),
        1 => any::<bool>().prop_map(Op::DeviceFails),
        1 => Just(Op::PeersDown),
        1 => Just(Op::DropWhatIsComing),
    ]
}

fn kind(camera: bool) -> DeviceKind {
    if camera { DeviceKind::Camera } else { DeviceKind::Microphone }
}

fn act(w: &mut World, op: Op) {
    match op {
        Op::Pass(ms) => w.run(ms),
        Op::Exit => w.give(Input::Exit(ExitRequestedBy::User)),
        Op::CloseNow => w.give(Input::CloseNow),
        Op::TryNow => w.give(Input::TryNow),
        Op::Device(camera, on) => w.give(Input::SetDevice(kind(camera), on)),
        Op::Choose(camera, n) => {
            let id = [None, Some("none".to_owned()), Some("other".to_owned())][n as usize].clone();
            w.give(Input::ChooseDevice(kind(camera), id));
        }
        Op::Leave(n) => {
            let reason = lk::DisconnectReason::try_from(i32::from(n)).unwrap_or(lk::DisconnectReason::UnknownReason);
            let action = i32::from(n % 3);
            w.message(Response::Leave(lk::LeaveRequest { reason: reason as i32, action, ..Default::default() }));
        }
        Op::Lost => {
            w.link_up = false;
            w.give(Input::Link(w.epoch, LinkInput::Lost));
        }
        Op::Manners(devices, server, peers) => w.manners = Manners { devices, server, peers },
        Op::DeviceFails(camera) => {
            let generation = Generation(1);
            let failed = DeviceInput::Failed { id: "x".into(), message: "gone".into() };
            w.give(Input::Device(kind(camera), generation, failed));
        }
        Op::PeersDown => w.give(Input::Peers(w.epoch, PeerInput::Down(SignalTarget::Publisher))),
        // The network and the drivers swallow what was under way; devices are still taken away at their limit.
        Op::DropWhatIsComing => w.coming.retain(|_, i| matches!(i, Input::Device(..))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    /// Whatever happens in whatever order: one ExitRoom, in time, nothing held, no timer, no rejoin.
    #[test]
    fn whatever_happens_there_is_one_exit_in_time(ops in proptest::collection::vec(op(), 0..25)) {
        let mut w = World::new(KIND);
        for op in ops {
            act(&mut w, op);
        }
        w.give(Input::Exit(ExitRequestedBy::User));
        let (_, _, receipt) = w.exit();
        prop_assert!(w.held.is_empty() || !receipt.is_clean(), "{:?}", w.held);
        w.outputs.clear();
        w.manners = KIND;
        w.run(120_000);
        prop_assert!(w.outputs.is_empty(), "after ExitRoom: {:?}", w.outputs);
    }
}
