// The door of the block encoder to JavaScript (src/sinks/native-block.ts).
//
//   createBlock(words, bytes)          an encoder, or undefined when the setup is not this build's
//   appendBlock(encoder, counts, lines)        `counts` is a Float64Array, out: bytes of the lines that were added, rows
//                                      and bytes of the block, its rows with JSON as text, 1 when it is full
//   measureBlock(encoder)              bytes of the block to the byte
//   takeBlock(encoder, pieces)         writes it into an array of byte arrays and begins the next; gives its bytes, of
//                                      which nothing was written when the pieces are shorter
#pragma once
#include <new>

#include "../elements.h"
#include "../setup.h"
#include "block-write.h"

namespace penstock {

/// Pieces of one block: at 1 MiB each more than a slab's lines can grow to.
constexpr uint32_t BLOCK_PIECES_MAX = 1024;

struct HeldEncoder {
  Encoder encoder;
  JsonBounds bounds;
};

/// Fills an encoder in the order of src/sinks/native-block-setup.ts; false when the two do not belong together.
inline bool readBlockSetup(HeldEncoder& held, const Elements& words, const Elements& bytes) {
  Encoder& encoder = held.encoder;
  encoder.setupBytes.reserve(bytes.length + STEP_SLACK_BYTES, 0);
  if (bytes.length > 0) std::memcpy(encoder.setupBytes.items, bytes.data, bytes.length);
  SetupReader reader(static_cast<const uint32_t*>(words.data), words.length, encoder.setupBytes.items, bytes.length);
  const uint32_t form = reader.word();
  encoder.form = static_cast<JsonForm>(form);
  held.bounds.types = reader.word();
  held.bounds.paths = reader.word();
  encoder.walk.pathsMax = held.bounds.paths;
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
  }
  if (!reader.isDone() || form >= static_cast<uint32_t>(JsonForm::count)) return false;
  if (encoder.walk.depthMax > FAST_DEPTH_MAX || encoder.walk.pathsMax < 1 || encoder.tailFrom == 0) return false;
  for (Half& half : encoder.halves) half.columns = std::vector<ColumnValues>(count);
  openBlock(encoder);
  return true;
}

inline napi_value createBlock(napi_env env, napi_callback_info info) {
  napi_value arguments[2], encoder = nullptr;
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  HeldEncoder* held = new (std::nothrow) HeldEncoder();
  if (held == nullptr) return nullptr;
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<HeldEncoder*>(data); };
  const bool isRead = readBlockSetup(*held, elementsOf(env, arguments[0]), elementsOf(env, arguments[1]));
  if (isRead && napi_create_external(env, held, destroy, nullptr, &encoder) == napi_ok) return encoder;
  delete held;
  return nullptr;
}

inline HeldEncoder* encoderOf(napi_env env, napi_value value) {
  void* held = nullptr;
  napi_get_value_external(env, value, &held);
  return static_cast<HeldEncoder*>(held);
}

inline napi_value numberOf(napi_env env, size_t value) {
  napi_value number;
  napi_create_double(env, static_cast<double>(value), &number);
  return number;
}

inline napi_value appendBlock(napi_env env, napi_callback_info info) {
  napi_value arguments[3];
  size_t count = 3;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Encoder& encoder = encoderOf(env, arguments[0])->encoder;
  double* const counts = static_cast<double*>(elementsOf(env, arguments[1]).data);
  const Elements lines = elementsOf(env, arguments[2]);
  counts[0] = static_cast<double>(appendLines(encoder, static_cast<const Byte*>(lines.data), lines.length));
  counts[1] = static_cast<double>(encoder.halves[0].rowCount + encoder.halves[1].rowCount);
  counts[2] = static_cast<double>(blockBytes(encoder));
  counts[3] = static_cast<double>(encoder.halves[1].rowCount);
  counts[4] = isFull(encoder) ? 1 : 0;
  return nullptr;
}

inline napi_value measureBlock(napi_env env, napi_callback_info info) {
  napi_value argument;
  size_t count = 1;
  napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr);
  const HeldEncoder* held = encoderOf(env, argument);
  BlockTarget target;
  writeBlock(target, held->encoder, held->bounds);
  return numberOf(env, target.length);
}

inline napi_value takeBlock(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  HeldEncoder* held = encoderOf(env, arguments[0]);
  uint32_t pieceCount = 0;
  napi_get_array_length(env, arguments[1], &pieceCount);
  if (pieceCount > BLOCK_PIECES_MAX) pieceCount = BLOCK_PIECES_MAX;
  Text pieces[BLOCK_PIECES_MAX];
  for (uint32_t index = 0; index < pieceCount; index++) {
    napi_value piece;
    napi_get_element(env, arguments[1], index, &piece);
    const Elements elements = elementsOf(env, piece);
    pieces[index] = {static_cast<const Byte*>(elements.data), elements.length};
  }
  BlockTarget target;
  target.pieces = pieces;
  target.pieceCount = pieceCount;
  writeBlock(target, held->encoder, held->bounds);
  openBlock(held->encoder);
  return numberOf(env, target.length);
}

/// Adds the functions above to what the addon exports, by `define(name, callback)`.
template <typename Define>
inline void defineBlocks(Define define) {
  define("createBlock", createBlock);
  define("appendBlock", appendBlock);
  define("measureBlock", measureBlock);
  define("takeBlock", takeBlock);
}

}  // namespace penstock
