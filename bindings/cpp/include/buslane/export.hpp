/// @file
/// What of the library others see. Defines one macro.
#pragma once

#if defined(_WIN32) || defined(BUSLANE_STATIC)
#define BUSLANE_API
#else
/// Marks what the shared library exports; everything else is hidden.
#define BUSLANE_API [[gnu::visibility("default")]]
#endif
