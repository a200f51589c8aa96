// What an encoder of blocks is made of, as src/sinks/native-block-setup.ts sends it. Without Node-API, so that the
// targets of native/fuzz make encoders as the addon does.
#pragma once
#include "../setup.h"
#include "block-write.h"

namespace penstock {

/// An encoder with what only the writing of its blocks asks for.
struct HeldEncoder {
  Encoder encoder;
  JsonBounds bounds;
};

/// Fills an encoder in the order of src/sinks/native-block-setup.ts; false when the two do not belong together.
inline bool readBlockSetup(HeldEncoder& held, const uint32_t* words, size_t wordCount, const Byte* bytes,
                           size_t byteCount) {
  Encoder& encoder = held.encoder;
  encoder.setupBytes.reserve(byteCount + STEP_SLACK_BYTES, 0);
  if (byteCount > 0) std::memcpy(encoder.setupBytes.items, bytes, byteCount);
  SetupReader reader(words, wordCount, encoder.setupBytes.items, byteCount);
  const uint32_t form = reader.word();
  encoder.form = static_cast<JsonForm>(form);
  held.bounds.types = reader.word();
  held.bounds.paths = reader.word();
  encoder.walk.pathsMax = reader.word();
  encoder.walk.depthMax = reader.word();
  encoder.walk.placesMax = reader.word();
  for (uint32_t* bound : {&encoder.rowsMax, &encoder.bytesMax, &encoder.keepBytes}) *bound = reader.word();
  for (uint32_t& seed : encoder.seed) seed = reader.word();
  encoder.tailFrom = reader.word();
  const uint32_t count = reader.word() & 0xff;
  for (uint32_t index = 0; index < count; index++) {
    const uint32_t kind = reader.word();
    if (kind >= static_cast<uint32_t>(BlockColumnKind::count)) return false;
    BlockColumn column{};
    column.kind = static_cast<BlockColumnKind>(kind);
    column.key = reader.text();
    column.name = reader.text();
    column.type = reader.text();
    // A key is compared from its third byte on at first.
    if (column.key.length < 6) return false;
    // What the end of a line repeats are indexes and times.
    const bool isRepeated = column.kind != BlockColumnKind::text && column.kind != BlockColumnKind::json;
    if (index >= encoder.tailFrom && !isRepeated) return false;
    encoder.columns.push_back(column);
    if (column.kind == BlockColumnKind::json) encoder.jsonColumns.push_back(index);
    if (column.kind == BlockColumnKind::dictionary && index < encoder.firstDictionary) encoder.firstDictionary = index;
  }
  if (!reader.isDone() || form >= static_cast<uint32_t>(JsonForm::count)) return false;
  if (encoder.walk.placesMax > UINT32_MAX / 2) return false;
  if (encoder.walk.depthMax > FAST_DEPTH_MAX || encoder.walk.pathsMax < 1 || encoder.tailFrom == 0) return false;
  for (Half& half : encoder.halves) half.columns = std::vector<ColumnValues>(count);
  chooseRun(encoder, kernelName());
  openBlock(encoder);
  return true;
}

}  // namespace penstock
