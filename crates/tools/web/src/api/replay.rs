//! `api/replay`: the recording that is shown, and its control.

use bus::{Control, Pace, Playback, Recording};
use event::quote::Quoted;
use event::time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Context;
use super::endpoint::{self, Command, RequestContext};
use super::parameters::{ApiError, Parameter};
use super::values::Time;
use crate::state::{Stage, State};

pub(crate) struct Endpoint;

/// The recording that is shown.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Replay {
    /// Time of its first event.
    from: Time,
    /// Time of its last event.
    until: Time,
    /// The time that is shown.
    now: Time,
    /// What it does.
    state: ReplayState,
    /// How fast it goes: `original`, `fast` (as fast as it is read), or a number of times as fast as it was, such as `10x`.
    pace: String,
    /// How often it began anew: with its start, and with each jump.
    begun: u64,
    /// Whether whoever asks may control it: in the public mode, only those who have to log in.
    may_control: bool,
    /// About how many events there are in each of equal parts of the time from `from` until `until`. 0 where nothing is recorded, null where that is
    /// not known.
    density: Vec<Option<u64>>,
}

/// What a replay does: `filling` (it reads what led to the time that is shown), `playing`, `paused` or `ended`.
#[derive(Clone, Copy, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ReplayState {
    Filling,
    Playing,
    Paused,
    Ended,
}

impl ReplayState {
    /// What the replay of a state does.
    pub fn of(state: &State, control: Control) -> Self {
        match state.stage {
            Stage::Filling => Self::Filling,
            Stage::Ended => Self::Ended,
            Stage::Playing if control.is_paused => Self::Paused,
            Stage::Playing => Self::Playing,
        }
    }
}

/// A change of the replay. What is absent stays.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayCommand {
    /// Stops it, or lets it go on.
    paused: Option<bool>,
    /// How fast it is to go: `original`, `fast`, or such as `10x`.
    pace: Option<String>,
    /// The time to go on at: RFC 3339, seconds since the UNIX epoch (`@1700000000`), or how long before the time that is shown (`10m`).
    jump: Option<String>,
}

impl endpoint::Endpoint for Endpoint {
    type Answer = Replay;
    const PATH: &'static str = "replay";
    const TITLE: &'static str = "The recording that is shown";
    const ABOUT: &'static str =
        "What `run --replay` plays, where it is, and how fast it goes. 404 if the present is shown.";
    const PARAMETERS: &'static [Parameter] = &[];
    const COMMAND: Option<Command> = Some(Command {
        about: "POST with a JSON object (`Content-Type: application/json`) pauses it, changes its pace, or jumps to another time; \
            the answer is as that of GET. After a jump, everything that is shown is built anew from the events before that time. \
            403 in the public mode, unless people have to log in.",
        schema: |generator| generator.subschema_for::<ReplayCommand>(),
        run: command,
    });

    fn answer(request: &RequestContext) -> Result<Replay, ApiError> {
        let playback = request.state.playback.as_ref().ok_or_else(no_recording)?;
        let Recording { from_ns, until_ns, density } = playback.recording();
        let control = playback.control();
        Ok(Replay {
            from: Time(*from_ns),
            until: Time(*until_ns),
            now: Time(request.now_ns),
            state: ReplayState::of(request.state, control),
            pace: control.pace.to_string(),
            begun: request.state.begun,
            may_control: request.may_control,
            density: density.clone(),
        })
    }
}

fn no_recording() -> ApiError {
    ApiError::not_found("this is the present: recordings are shown by peer-observer run --replay".to_owned())
}

fn command(context: &Context, body: &[u8]) -> Result<(), ApiError> {
    let (playback, now_ns) = {
        let state = context.state.lock();
        (state.playback.clone().ok_or_else(no_recording)?, state.now_ns())
    };
    let command: ReplayCommand = serde_json::from_slice(body).map_err(|error| ApiError::query(error.to_string()))?;
    apply(&playback, &command, now_ns).map_err(ApiError::query)
}

/// Does all that a command asks for, or nothing.
fn apply(playback: &Playback, command: &ReplayCommand, now_ns: u64) -> Result<(), String> {
    let ReplayCommand { paused, pace, jump } = command;
    let pace = pace
        .as_ref()
        .map(|text| text.parse::<Pace>().map_err(|error| format!("pace cannot be {}: {error}", Quoted(text))));
    let jump = jump.as_ref().map(|text| time::parse_when(text, now_ns));
    let (pace, jump) = (pace.transpose()?, jump.transpose()?);
    if let Some(paused) = paused {
        playback.pause(*paused);
    }
    if let Some(pace) = pace {
        playback.set_pace(pace);
    }
    if let Some(to_ns) = jump {
        playback.jump(to_ns);
    }
    Ok(())
}
