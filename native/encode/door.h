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
#include "block-setup.h"

namespace penstock {

/// Pieces of one block: at 1 MiB each more than a slab's lines can grow to.
constexpr uint32_t BLOCK_PIECES_MAX = 1024;

inline napi_value createBlock(napi_env env, napi_callback_info info) {
  napi_value arguments[2], encoder = nullptr;
  size_t count = 2;
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  HeldEncoder* held = new (std::nothrow) HeldEncoder();
  if (held == nullptr) return nullptr;
  const auto destroy = [](napi_env, void* data, void*) { delete static_cast<HeldEncoder*>(data); };
  const Elements words = elementsOf(env, arguments[0]);
  const Elements bytes = elementsOf(env, arguments[1]);
  const bool isRead = readBlockSetup(*held, static_cast<const uint32_t*>(words.data), words.length,
                                     static_cast<const Byte*>(bytes.data), bytes.length);
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
