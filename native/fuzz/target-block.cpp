// Canonical lines, sound and damaged, into ClickHouse blocks. Beside what the sanitizers see in memory that ends where
// the lines end:
//
//   - lines that come in one call and line by line give the same bytes, written in one piece or in many
//   - a line that is refused changes nothing: a block without it has the same rows
//   - an encoder that has seen everything before, whose blocks are small, gives the same rows as a new one
//   - lines of the scanner are taken, and so is every line that was taken before
//   - a reader that shares nothing with the encoder finds every block well formed (block-reader.h)
#include "../encode/block-setup.h"
#include "block-reader.h"
#include "json-witness.h"
#include "lines.h"

namespace {

using namespace penstock;
using namespace penstock::fuzz;

/// Bounds that small inputs reach: paths and places of rows, beyond which JSON goes as text.
void applyBounds(Encoder& encoder, uint32_t row) {
  if (row == 1) encoder.walk.pathsMax = 6;
  if (row == 2) encoder.walk.placesMax = 24;
  if (row == 3) encoder.walk.depthMax = 3;
}

std::unique_ptr<HeldEncoder> createEncoder(uint32_t form, uint32_t boundsRow) {
  std::unique_ptr<HeldEncoder> held(new HeldEncoder());
  const bool isRead = readBlockSetup(*held, BLOCK_SETUP_WORDS[form], sizeof(BLOCK_SETUP_WORDS[form]) / sizeof(uint32_t),
                                     BLOCK_SETUP_BYTES, sizeof(BLOCK_SETUP_BYTES));
  check(isRead, "the setup of blocks is this build's");
  applyBounds(held->encoder, boundsRow);
  return held;
}

size_t rowCount(const Encoder& encoder) { return encoder.halves[0].rowCount + encoder.halves[1].rowCount; }

/// The block as bytes, through pieces of `pieceBytes` each.
std::string takeBlock(HeldEncoder& held, size_t pieceBytes) {
  BlockTarget measure;
  writeBlock(measure, held.encoder, held.bounds);
  std::vector<std::unique_ptr<Byte[]>> memory;
  std::vector<Text> pieces;
  for (size_t room = 0; room < measure.length;) {
    const size_t size = std::min(pieceBytes, measure.length - room);
    memory.emplace_back(new Byte[size]);
    pieces.push_back({memory.back().get(), size});
    room += size;
  }
  BlockTarget target;
  // An address even where there is no piece: without one a target measures.
  const Text none{nullptr, 0};
  target.pieces = pieces.empty() ? const_cast<Text*>(&none) : pieces.data();
  target.pieceCount = pieces.size();
  writeBlock(target, held.encoder, held.bounds);
  check(target.length == measure.length, "a block is as long as it was measured");
  openBlock(held.encoder);
  std::string bytes;
  for (const Text& piece : pieces) bytes += textOf(piece.bytes, piece.length);
  return bytes;
}

/// Appends all lines in as few calls as refused lines allow; which were taken.
std::vector<bool> appendWhole(Encoder& encoder, const Lines& lines) {
  std::vector<bool> taken;
  for (size_t at = 0; at < lines.length;) {
    const size_t before = rowCount(encoder);
    const size_t added = appendLines(encoder, lines.bytes.get() + at, lines.length - at);
    check(added <= lines.length - at, "no more is taken than there is");
    const auto newlines = std::count(lines.bytes.get() + at, lines.bytes.get() + at + added, Byte{'\n'});
    check(static_cast<size_t>(newlines) == rowCount(encoder) - before, "a line that is taken is a row");
    taken.insert(taken.end(), static_cast<size_t>(newlines), true);
    at += added;
    if (at == lines.length) break;
    taken.push_back(false);
    const void* newline = std::memchr(lines.bytes.get() + at, '\n', lines.length - at);
    if (newline == nullptr) break;
    at = static_cast<size_t>(static_cast<const Byte*>(newline) - lines.bytes.get()) + 1;
  }
  return taken;
}

bool appendOne(Encoder& encoder, const std::string& line) {
  const Lines exact(line);
  const size_t added = appendLines(encoder, exact.bytes.get(), exact.length);
  check(added == 0 || added == exact.length, "a line is taken whole or not at all");
  return added > 0;
}

bool hasText(const std::vector<BlockRow>& rows) {
  return std::any_of(rows.begin(), rows.end(), [](const BlockRow& row) { return row.isText; });
}

std::vector<std::string> sortedPlain(const std::vector<BlockRow>& rows) {
  std::vector<std::string> texts;
  for (const BlockRow& row : rows) texts.push_back(row.plain);
  std::sort(texts.begin(), texts.end());
  return texts;
}

/// Rows that go as text stand behind the others, and which do depends on the paths that are taken: they are compared
/// without order, and without JSON.
void checkSameRows(const std::vector<BlockRow>& left, const std::vector<BlockRow>& right, bool isAlwaysText,
                   const char* expectation) {
  if (isAlwaysText || (!hasText(left) && !hasText(right))) check(left == right, expectation);
  else check(sortedPlain(left) == sortedPlain(right), expectation);
}

/// Through an encoder that is used again and again and whose blocks hold few rows.
std::vector<BlockRow> readFromUsed(const std::vector<std::string>& lines, uint32_t form) {
  static std::unique_ptr<HeldEncoder> used[static_cast<size_t>(JsonForm::count)];
  std::unique_ptr<HeldEncoder>& held = used[form];
  if (held == nullptr) {
    held = createEncoder(form, 0);
    held->encoder.rowsMax = 3;
    held->encoder.keepBytes = 1 << 20;
  }
  std::vector<BlockRow> rows;
  const auto takeRows = [&] {
    const std::string block = takeBlock(*held, SIZE_MAX);
    const std::vector<BlockRow> own = BlockReader(block).readAll();
    rows.insert(rows.end(), own.begin(), own.end());
  };
  for (const std::string& line : lines) {
    if (isFull(held->encoder)) takeRows();
    appendOne(held->encoder, line);
  }
  takeRows();
  return rows;
}

/// An encoder whose rows are all parsed.
std::unique_ptr<HeldEncoder> createParser(uint32_t form, uint32_t boundsRow) {
  std::unique_ptr<HeldEncoder> held = createEncoder(form, boundsRow);
  held->encoder.runLine = [](Encoder&, Half&, const Byte*, const Byte*) -> Ran { return {nullptr, false}; };
  held->encoder.walk.runObject = [](JsonWalk&, JsonColumn&, const Byte*, const Byte*, uint32_t) -> const Byte* { return nullptr; };
  return held;
}

/// Lines that come again, most of them by the plans that the first ones made, are what the parser makes of them.
void checkPlans(const std::string& text, uint32_t form, uint32_t boundsRow) {
  const Lines again(text + text + text);
  const std::unique_ptr<HeldEncoder> parser = createParser(form, boundsRow);
  const std::vector<bool> taken = appendWhole(parser->encoder, again);
  const std::string block = takeBlock(*parser, SIZE_MAX);
  for (const char* const kernel : {kernelName(), "fallback"}) {
    const std::unique_ptr<HeldEncoder> planned = createEncoder(form, boundsRow);
    chooseRun(planned->encoder, kernel);
    check(appendWhole(planned->encoder, again) == taken, "plans take the lines that the parser takes");
    check(takeBlock(*planned, SIZE_MAX) == block, "plans give the bytes that the parser gives");
  }
}

void checkBlocks(const Lines& lines, uint32_t form, uint32_t boundsRow, size_t pieceBytes) {
  const std::unique_ptr<HeldEncoder> whole = createEncoder(form, boundsRow);
  const std::vector<bool> taken = appendWhole(whole->encoder, lines);
  const std::vector<std::string> split = splitLines(lines.text());
  check(taken.size() == split.size(), "every line is taken or refused");
  const std::unique_ptr<HeldEncoder> single = createEncoder(form, boundsRow);
  std::vector<std::string> sound;
  for (size_t index = 0; index < split.size(); index++) {
    check(appendOne(single->encoder, split[index]) == taken[index], "a line is taken alone as among others");
    if (taken[index]) sound.push_back(split[index]);
  }
  if (lines.length > 0 && lines.bytes[lines.length - 1] == '\n') checkPlans(lines.text(), form, boundsRow);
  const std::string block = takeBlock(*whole, pieceBytes);
  check(block == takeBlock(*single, SIZE_MAX), "one call and many give the same bytes");
  const std::vector<BlockRow> rows = BlockReader(block).readAll();
  check(rows.size() == sound.size(), "a row for each line that was taken");

  const std::unique_ptr<HeldEncoder> clean = createEncoder(form, boundsRow);
  bool isAllTaken = true;
  for (const std::string& line : sound) {
    const bool isTaken = appendOne(clean->encoder, line);
    // What goes as text is not looked into, and whether it goes as text may depend on the lines before.
    check(isTaken || !isJsonObject(reinterpret_cast<const Byte*>(line.data()), line.size()), "sound lines are taken again");
    isAllTaken = isAllTaken && isTaken;
  }
  const std::string cleanBlock = takeBlock(*clean, SIZE_MAX);
  const bool isAlwaysText = form != static_cast<uint32_t>(JsonForm::paths);
  if (isAllTaken) {
    checkSameRows(rows, BlockReader(cleanBlock).readAll(), isAlwaysText, "a line that is refused leaves no trace");
  }
  const std::vector<BlockRow> again = readFromUsed(sound, form);
  if (again.size() == rows.size()) checkSameRows(rows, again, isAlwaysText, "a used encoder gives the same rows");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input;
  if (!readInput(data, size, input)) return 0;
  const uint32_t form = formOf(input);
  const Lines lines = linesOf(input);
  const size_t pieceBytes = 1 + data[3];
  const std::vector<std::string> split = splitLines(lines.text());
  check(appendLines(createEncoder(form, 0)->encoder, nullptr, 0) == 0, "no lines are no rows");
  if (!isLines(input)) {
    const std::unique_ptr<HeldEncoder> held = createEncoder(form, boundsRowOf(input));
    check(appendLines(held->encoder, lines.bytes.get(), lines.length) == lines.length, "lines of a scanner are taken");
    check(rowCount(held->encoder) == split.size(), "a row for each line of a scanner");
    checkBlocks(Lines(withDamagedLine(split, data[3] * 256u + data[2])), form, boundsRowOf(input), pieceBytes);
  } else {
    checkBlocks(lines, form, boundsRowOf(input), pieceBytes);
  }
  return 0;
}
