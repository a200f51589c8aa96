// What the plans look at bytes with where the machine has AVX2: texts, the ends of strings and of lines, objects as text,
// numbers, times. Tried and left: the same with AVX-512, which gave nothing by path and 2 to 5 in 100 as text.
//
// No header of its own: plan-run.h includes it in a namespace.

/// What is looked at in 64 bytes of an object that is kept as text.
struct SpanBits {
  Brackets brackets;
  uint64_t newlines;
};

/// Places of the bytes of a vector, from 16 before the first one on: read from `length` on they move a number of so many
/// digits to the vector's end.
struct DigitPlaces {
  int8_t places[32];
};
constexpr DigitPlaces digitPlaces() {
  DigitPlaces digits{};
  for (int index = 0; index < 32; index++) digits.places[index] = static_cast<int8_t>(index - 16);
  return digits;
}
constexpr DigitPlaces DIGIT_PLACES = digitPlaces();

PENSTOCK_STEPS_INLINE uint32_t equalAt(const PlanStep& step, const Byte* at) {
  const __m256i equal = _mm256_cmpeq_epi8(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(at)),
                                          _mm256_load_si256(reinterpret_cast<const __m256i*>(step.text)));
  return static_cast<uint32_t>(_mm256_movemask_epi8(equal));
}

/// What ends a plain run. Made once a line: the compiler would make each of the three anew, in three instructions, for every
/// string.
struct EndMarks {
  __m256i quotes, backslashes, controls;
};

PENSTOCK_STEPS_INLINE EndMarks endMarks() {
  EndMarks marks{_mm256_set1_epi8('"'), _mm256_set1_epi8('\\'), _mm256_set1_epi8(0x1f)};
  __asm__("" : "+x"(marks.quotes), "+x"(marks.backslashes), "+x"(marks.controls));
  return marks;
}

PENSTOCK_STEPS_INLINE uint32_t endsAt(const EndMarks& marks, const Byte* at) {
  const __m256i block = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i quotes = _mm256_cmpeq_epi8(block, marks.quotes);
  const __m256i backslashes = _mm256_cmpeq_epi8(block, marks.backslashes);
  const __m256i controls = _mm256_cmpeq_epi8(_mm256_min_epu8(block, marks.controls), block);
  return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_or_si256(_mm256_or_si256(quotes, backslashes), controls)));
}

PENSTOCK_STEPS_INLINE uint64_t endsAtBoth(const EndMarks& marks, const Byte* at) {
  return endsAt(marks, at) | uint64_t{endsAt(marks, at + STEP_BYTES)} << 32;
}

PENSTOCK_STEPS_INLINE SpanBits spanBitsAt(const Byte* at) {
  const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 32));
  return {{bitsOfEqual(first, second, '"'), bitsOfEqual(first, second, '\\'), bitsOfFolded(first, second, '{'),
           bitsOfFolded(first, second, '}')},
          bitsOfEqual(first, second, '\n')};
}

/// Whether the spans, of 32 bytes or more, are equal.
PENSTOCK_STEPS_INLINE bool isSameTail(const Byte* left, const Byte* right, size_t length) {
  if (__builtin_expect(length < 32, 0)) return std::memcmp(left, right, length) == 0;
  const auto differsAt = [&](size_t at) PENSTOCK_STEPS_TARGET {
    return _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(left + at)),
                            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(right + at)));
  };
  __m256i differs = differsAt(length - 32);
  for (size_t at = 0; at + 32 < length; at += 32) differs = _mm256_or_si256(differs, differsAt(at));
  return _mm256_testz_si256(differs, differs) != 0;
}

/// As `appendObject`, 64 bytes at a time: what is sought in them is found together.
PENSTOCK_STEPS_INLINE const Byte* appendSpan(Buffer& values, const Byte* at, const Byte* end) {
  Balance balance{{0, 0}, 0};
  for (const Byte* block = at; end - block >= BLOCK_BYTES + COPY_SLACK_BYTES; block += BLOCK_BYTES) {
    const SpanBits bits = spanBitsAt(block);
    const Escapes escapes = findEscapes(bits.brackets.backslashes, balance.carry);
    const __m128i quotes = _mm_cvtsi64_si128(static_cast<int64_t>(bits.brackets.quotes & ~escapes.escaped));
    const __m128i spans = _mm_clmulepi64_si128(quotes, _mm_set1_epi8(-1), 0);
    const uint64_t inString = static_cast<uint64_t>(_mm_cvtsi128_si64(spans)) ^ balance.carry.inString;
    if (__builtin_expect((escapes.begins & ~inString) != 0, 0)) break;
    balance.carry.inString = static_cast<uint64_t>(static_cast<int64_t>(inString) >> 63);
    const Position place = countBrackets(bits.brackets.opens & ~inString, bits.brackets.closes & ~inString, balance.depth);
    const uint64_t inside = place == 0 || place == 64 ? ~uint64_t{0} : (uint64_t{1} << place) - 1;
    if (__builtin_expect((bits.newlines & inside) != 0, 0)) return nullptr;
    if (place == 0) continue;
    const size_t length = static_cast<size_t>(block + place - at);
    Byte* const target = values.reserve(length + VAR_UINT_BYTES_MAX + COPY_SLACK_BYTES);
    fetchAhead(target, 2 * AHEAD_BYTES);
    fetchAhead(target, 2 * AHEAD_BYTES + 64);
    Byte* const bytes = writeVarUInt(target, length);
    values.length += static_cast<size_t>(copyWide(bytes, at, length) - target);
    return at + length;
  }
  return appendObject(values, at, end);
}

/// As `readNumber`, where NUMBER_READ_BYTES can be read: up to fifteen digits at once, with a point among them or without.
PENSTOCK_STEPS_INLINE Number readNumberAt(const Byte* at, const Byte* end) {
  const bool isNegative = *at == '-';
  const Byte* const first = at + isNegative;
  const __m128i ten = _mm_set1_epi8(10);
  const __m128i digits = _mm_sub_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(first)), _mm_set1_epi8('0'));
  const uint32_t others = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(digits, ten), digits)));
  const uint32_t wholeDigits = static_cast<uint32_t>(__builtin_ctz(others | 0x10000));
  uint32_t length = wholeDigits, fractionDigits = 0;
  const Byte* next = first + wholeDigits;
  __m128i places = _mm_loadu_si128(reinterpret_cast<const __m128i*>(DIGIT_PLACES.places + length));
  if (*next == '.') {
    length = static_cast<uint32_t>(__builtin_ctz((others & (others - 1)) | 0x10000)) - 1;
    fractionDigits = length - wholeDigits;
    next = first + length + 1;
    places = _mm_loadu_si128(reinterpret_cast<const __m128i*>(DIGIT_PLACES.places + length));
    // The point is left out.
    places = _mm_sub_epi8(places, _mm_cmpgt_epi8(places, _mm_set1_epi8(static_cast<char>(wholeDigits - 1))));
    if (__builtin_expect(fractionDigits == 0, 0)) return readNumber(at, end);
  }
  // Without a digit, with more than can be seen, or with an exponent.
  if (__builtin_expect(wholeDigits == 0 || length >= 15 || (*next | 0x20) == 'e', 0)) {
    return wholeDigits == 0 ? damagedNumber() : readNumber(at, end);
  }
  const __m128i pairs = _mm_maddubs_epi16(_mm_shuffle_epi8(digits, places), _mm_set1_epi16(0x010a));
  const __m128i fours = _mm_madd_epi16(pairs, _mm_set1_epi32(0x00010064));
  const __m128i eights = _mm_madd_epi16(_mm_packus_epi32(fours, fours), _mm_set1_epi32(0x00012710));
  const uint64_t both = static_cast<uint64_t>(_mm_cvtsi128_si64(eights));
  const uint64_t value = (both & 0xffffffff) * 100'000'000 + (both >> 32);
  if (fractionDigits == 0) return {NumberKind::int64, isNegative ? ~value + 1 : value, next};
  const double quotient = static_cast<double>(static_cast<int64_t>(value)) / EXACT_POWERS[fractionDigits];
  return {NumberKind::float64, bitsOf(isNegative ? -quotient : quotient), next};
}

/// As `readTime`, where 32 bytes can be read: all digits at once, and the month's first day only where the month is another
/// than before.
PENSTOCK_STEPS_INLINE bool readTimeAt(Months& months, const Byte* at, const Byte*, int64_t& ms) {
  // YYYY-MM-DDThh:mm, and behind its first nine bytes D, Thh:mm:ss.mmmZ"
  const __m128i firstForm =
      _mm_setr_epi8('0', '0', '0', '0', '-', '0', '0', '-', '0', '0', 'T', '0', '0', ':', '0', '0');
  const __m128i secondForm =
      _mm_setr_epi8('0', 'T', '0', '0', ':', '0', '0', ':', '0', '0', '.', '0', '0', '0', 'Z', '"');
  const __m128i first = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 1)), firstForm);
  const __m128i second = _mm_xor_si128(_mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 10)), secondForm);
  const __m128i firstMax = _mm_setr_epi8(9, 9, 9, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9);
  const __m128i secondMax = _mm_setr_epi8(9, 0, 9, 9, 0, 9, 9, 0, 9, 9, 0, 9, 9, 9, 0, 0);
  const __m128i digits =
      _mm_or_si128(_mm_shuffle_epi8(first, _mm_setr_epi8(0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, -1, -1, -1, -1)),
                   _mm_shuffle_epi8(second, _mm_setr_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 8, 9, 11, 12)));
  // Century, year, month, day; hour, minute, second, hundredths. Of month and day what is beyond the first one.
  const __m128i pairs = _mm_sub_epi16(_mm_maddubs_epi16(digits, _mm_set1_epi16(0x010a)), _mm_setr_epi16(0, 0, 1, 1, 0, 0, 0, 0));
  const __m128i pairsMax = _mm_setr_epi16(99, 99, 11, 30, 23, 59, 59, 99);
  const __m128i isForm = _mm_and_si128(_mm_cmpeq_epi8(_mm_min_epu8(first, firstMax), first),
                                       _mm_cmpeq_epi8(_mm_min_epu8(second, secondMax), second));
  const __m128i isSound = _mm_and_si128(isForm, _mm_cmpeq_epi16(_mm_min_epu16(pairs, pairsMax), pairs));
  if (__builtin_expect(_mm_movemask_epi8(isSound) != 0xffff || at[0] != '"', 0)) return false;
  const uint64_t date = static_cast<uint64_t>(_mm_cvtsi128_si64(pairs));
  const __m128i clock = _mm_madd_epi16(pairs, _mm_setr_epi16(0, 0, 0, 0, 3600, 60, 100, 1));
  const uint64_t parts = static_cast<uint64_t>(_mm_extract_epi64(clock, 1));
  const uint64_t month = date & 0xffffffffffff;
  if (__builtin_expect(month != months.month, 0)) {
    const uint64_t year = (date & 0xffff) * 100 + (date >> 16 & 0xffff);
    months.month = month;
    months.firstDay = dayOf(static_cast<uint32_t>(year), static_cast<uint32_t>(date >> 32 & 0xffff) + 1, 1);
  }
  const int64_t days = months.firstDay + static_cast<int64_t>(date >> 48);
  const uint64_t ofDay = (parts & 0xffffffff) * 1000 + (parts >> 32) * 10 + (at[23] - uint32_t{'0'});
  ms = days * 86'400'000 + static_cast<int64_t>(ofDay);
  return true;
}
