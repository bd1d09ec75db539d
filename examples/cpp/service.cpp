// A service: an attic in which programs keep values. Shows methods with schemas, an error of the service's own, and an
// answer in parts.
#include <buslane/buslane.hpp>
#include <nlohmann/json.hpp>

#include <iostream>
#include <list>
#include <map>
#include <mutex>

#include "ending.hpp"

using nlohmann::json;

namespace {

// Writes the schema of an object whose members are texts and have to be there.
std::string schema_of(std::initializer_list<const char*> members) {
  json schema = {{"type", "object"}, {"required", json::array()}};
  for (const char* member : members) {
    schema["properties"][member] = {{"type", "string"}};
    schema["required"].push_back(member);
  }
  return schema.dump();
}

class Attic {
 public:
  buslane::Body get(const buslane::Request& request) {
    const auto [app, key] = read(request);
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = values_.find({app, key});
    if (found == values_.end()) {
      std::cout << "get " << app << '/' << key << ": nothing" << std::endl;
      throw buslane::ServiceError("not_found", "nothing is kept under this key");
    }
    std::cout << "get " << app << '/' << key << ": " << found->second << std::endl;
    return json{{"value", found->second}};
  }

  buslane::Body set(const buslane::Request& request) {
    const auto [app, key] = read(request);
    const std::string value = request.payload().as<json>()["value"];
    std::cout << "set " << app << '/' << key << ": " << value << std::endl;
    const std::lock_guard<std::mutex> lock(mutex_);
    values_[{app, key}] = value;
    for (auto& watcher : watchers_) {
      if (watcher.first == app) tell(watcher.second, key, value);
    }
    return "null";
  }

  // Answers with what is there, then with each change, until nobody listens any more.
  void watch(buslane::Request request) {
    const std::string app = request.payload().as<json>()["app"];
    std::cout << "watch " << app << ": begins" << std::endl;
    const std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [place, value] : values_) {
      if (place.first == app) tell(request, place.second, value);
    }
    const auto watcher = watchers_.insert(watchers_.end(), {app, request});
    request.on_cancel([this, watcher, app] {
      std::cout << "watch " << app << ": ends" << std::endl;
      std::list<std::pair<std::string, buslane::Request>> ended;
      const std::lock_guard<std::mutex> ending(mutex_);
      ended.splice(ended.end(), watchers_, watcher);
    });
  }

 private:
  static std::pair<std::string, std::string> read(const buslane::Request& request) {
    const json input = request.payload().as<json>();
    return {input["app"], input["key"]};
  }

  static void tell(buslane::Request& watcher, const std::string& key, const std::string& value) {
    try {
      watcher.chunk(json{{"key", key}, {"value", value}});
    } catch (const buslane::Error&) {
      // It went away, which `on_cancel` tells.
    }
  }

  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::string> values_;
  std::list<std::pair<std::string, buslane::Request>> watchers_;
};

}  // namespace

int main() {
  const Ending ending;
  Attic attic;
  try {
    auto bus = buslane::Client::connect();  // BUSLANE_URL, else 127.0.0.1:5959
    auto registered = bus.register_service(
        buslane::Service("attic", "1.0.0")
            .method("get", schema_of({"app", "key"}), [&](const buslane::Request& request) { return attic.get(request); })
            .output_schema("get", schema_of({"value"}))
            .method("set", schema_of({"app", "key", "value"}),
                    [&](const buslane::Request& request) { return attic.set(request); })
            .deferred_method("watch", schema_of({"app"}), [&](buslane::Request request) { attic.watch(request); })
            .output_schema("watch", schema_of({"key", "value"})));
    std::cout << "attic is registered" << std::endl;
    ending.wait();
  } catch (const buslane::Error& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
  std::cout << "attic has left" << std::endl;
}
