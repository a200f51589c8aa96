#pragma once
#include "walk.h"
namespace penstock {
inline Position walkEvent(State& state, Position at) { return walkEventExactly(state, at); }
}
