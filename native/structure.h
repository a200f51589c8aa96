#pragma once
#include "bytes.h"
namespace penstock { struct Structure {}; }
