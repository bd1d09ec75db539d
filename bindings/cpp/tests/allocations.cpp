// Publishing allocates nothing per message, in neither half and on no thread, once the buffers have grown. Run by itself,
// since it counts whatever the process allocates.
#include "broker.hpp"

#include <atomic>
#include <cerrno>
#include <cstdlib>

// The ones of the C library, which those below stand before.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* memory, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
}

namespace {

std::atomic<long> allocations{0};

void count() { allocations.fetch_add(1, std::memory_order_relaxed); }

}  // namespace

extern "C" {

void* malloc(std::size_t size) noexcept {
  count();
  return __libc_malloc(size);
}

void* calloc(std::size_t number, std::size_t size) noexcept {
  count();
  return __libc_calloc(number, size);
}

void* realloc(void* memory, std::size_t size) noexcept {
  count();
  return __libc_realloc(memory, size);
}

void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  count();
  return __libc_memalign(alignment, size);
}

int posix_memalign(void** memory, std::size_t alignment, std::size_t size) noexcept {
  count();
  *memory = __libc_memalign(alignment, size);
  return *memory == nullptr ? ENOMEM : 0;
}

}  // extern "C"

namespace {

constexpr int kMessages = 50000;
// How often a buffer may still grow: how much waits in it is the scheduler's choice.
constexpr long kGrowths = 10;
const std::string kPayload = '"' + std::string(126, 'x') + '"';

// Returns what is allocated while so many messages are published, after as many were.
template <class Publish>
long allocated(buslane::Client& bus, Publish&& publish) {
  for (int number = 0; number < kMessages; ++number) publish();
  bus.flush();
  const long before = allocations;
  for (int number = 0; number < kMessages; ++number) publish();
  return allocations - before;
}

}  // namespace

TEST(Allocations, what_is_allocated_is_counted_in_both_halves) {
  Broker broker;
  buslane::Client bus = broker.client();
  const long before = allocations;
  const std::string longer(1000, 'x');
  const long of_a_string = allocations - before;
  bus.flush();
  EXPECT_GE(of_a_string, 1);
  EXPECT_GT(allocations - before, of_a_string) << "a flush that waits is remembered by the Rust half";
}

TEST(Allocations, publishing_text_makes_none) {
  Broker broker;
  buslane::Client bus = broker.client();
  EXPECT_LE(allocated(bus, [&] { bus.publish("nobody", kPayload); }), kGrowths);
}
