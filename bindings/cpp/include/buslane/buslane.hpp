/// @file
/// The C++ SDK of Buslane: join a bus, offer methods, call, publish and listen. Includes everything.
#pragma once

#include <buslane/client.hpp>
#include <buslane/error.hpp>
#include <buslane/message.hpp>
#include <buslane/options.hpp>
#include <buslane/payload.hpp>
#include <buslane/pending.hpp>
#include <buslane/service.hpp>
#include <buslane/subscription.hpp>
#include <buslane/version.hpp>
