// Includes the header, links the library, and sees an error come through whole: nobody listens on that port.
#include <buslane/buslane.hpp>

#include <iostream>

int main() {
  try {
    buslane::Options options;
    options.url = "buslane://127.0.0.1:1";
    options.connect_timeout = std::chrono::milliseconds(1);
    auto bus = buslane::Client::connect(options);
  } catch (const buslane::Error& error) {
    std::cout << BUSLANE_VERSION << ": " << error.what() << '\n';
    return error.code() == buslane::ErrorCode::unreachable ? 0 : 1;
  }
  return 1;
}
