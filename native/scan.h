// One slab: its frames in order, and the verdict words of each. The twin of src/scan/reference/scanner.ts.
#pragma once
#include "frame.h"

namespace penstock {

struct Source {
  const Byte* bytes;
  size_t length;
};

/// VIEWS for the time of one scan.
struct Job {
  /// Words of the slab, `wordCount` of them: header, frame rows. The scan writes the verdict words.
  uint32_t* words;
  size_t wordCount;
  double baseTimeMs;
  Source sources[2];
};

/// Whether every row lies in the slab, and every span that a row names lies in its source.
inline bool isSound(const State& state, const Job& job) {
  const uint64_t frameCount = job.words[0];
  if (SLAB_HEADER_WORDS + frameCount * frame_word::count > job.wordCount) return false;
  for (uint64_t frame = 0; frame < frameCount; frame++) {
    const uint32_t* row = job.words + SLAB_HEADER_WORDS + frame * frame_word::count;
    const Source& source = job.sources[row[frame_word::source] == 1 ? 1 : 0];
    const auto fits = [row](uint32_t offset, uint32_t length, const Source& within) {
      return static_cast<uint64_t>(row[offset]) + row[length] <= within.length;
    };
    if (!fits(frame_word::bodyOffset, frame_word::bodyLength, source)) return false;
    if (!fits(frame_word::addressOffset, frame_word::addressLength, job.sources[0])) return false;
    if (!fits(frame_word::userAgentOffset, frame_word::userAgentLength, job.sources[0])) return false;
    if (row[frame_word::route] >= state.programs.size() || row[frame_word::app] >= state.apps.size()) return false;
    if (row[frame_word::transport] >= state.transportEnds.size()) return false;
  }
  return true;
}

/// Points the state at the frame at `row`.
inline void openFrame(State& state, const Job& job, uint32_t frame, const uint32_t* row) {
  state.frame = frame;
  state.source = row[frame_word::source] == 1 ? 1 : 0;
  const Source& source = job.sources[state.source];
  state.bytes = source.bytes;
  state.sourceBytes = static_cast<Position>(source.length);
  state.frameStart = row[frame_word::bodyOffset];
  state.frameEnd = state.frameStart + row[frame_word::bodyLength];
  state.app = row[frame_word::app];
  state.receivedMs = std::floor(job.baseTimeMs) + row[frame_word::receivedDeltaMs];
  state.program = &state.programs[row[frame_word::route]];
  state.accepted = 0;
  state.rejected = 0;
  state.marks = {state.output.lineBytes, state.output.recordCount, state.output.errorCount,
                 state.output.surrogatesReplaced};
  state.markIds = state.idCounter;
}

/// Writes the verdict of the frame; one that is refused leaves at most its error row.
inline void closeFrame(State& state, uint32_t* row) {
  const uint32_t reason = row[frame_word::reason];
  if (reason != 0) {
    rollBack(state);
    state.faultSlot = -1;
    if (reason < state.keepsDeadLetter.size() && state.keepsDeadLetter[reason]) {
      addError(state, 0, reason, state.frameStart, state.frameEnd - state.frameStart);
    }
    state.rejected = 0;
  }
  row[frame_word::accepted] = state.accepted;
  row[frame_word::rejected] = state.rejected;
  row[frame_word::recordStart] = static_cast<uint32_t>(state.marks.recordCount);
}

/// Gives back what one large event has grown.
template <typename Item>
inline void trim(Room<Item>& room, size_t bytesMax) {
  if (room.capacity * sizeof(Item) > bytesMax) room.release();
}

/// Scans all frames of `job` into `state.output`, which the caller has emptied. False, with nothing done, when the
/// job's rows contradict its sources: a bug of the caller, never bad input.
inline bool scanSlab(State& state, const Job& job) {
  if (!isSound(state, job)) return false;
  const uint32_t frameCount = job.words[0];
  state.shapes.openSlab();
  forgetApart(state);
  for (uint32_t frame = 0; frame < frameCount; frame++) {
    uint32_t* row = job.words + SLAB_HEADER_WORDS + static_cast<size_t>(frame) * frame_word::count;
    openFrame(state, job, frame, row);
    if (row[frame_word::reason] == 0) {
      buildTail(state, row, job.sources[0].bytes);
      row[frame_word::reason] = scanFrame(state);
    }
    closeFrame(state, row);
  }
  trim(state.keys, state.limits.bufferKeepBytes);
  trim(state.captures, state.limits.bufferKeepBytes);
  trim(state.scratch, state.limits.bufferKeepBytes);
  trim(state.takenNames, state.limits.bufferKeepBytes);
  trim(state.takenCells, state.limits.bufferKeepBytes);
  return true;
}

}  // namespace penstock
