// The vectors of schemas/vectors: what a broker says reaches the program as it is, what none says is refused with its code,
// what a program may not say is refused where it says it, and brokers of other versions are met as they say.
#include "actor.hpp"
#include "broker.hpp"
#include "stage.hpp"

#include <algorithm>
#include <future>
#include <optional>

using namespace buslane;
using nlohmann::json;

namespace {

// What a broker says by this vector, over one road.
struct Line {
  json vector;
  json said;
  bool binary;
};

// Plays each vector of a file that is wanted over both roads, and tells how many there were.
template <class Play>
int each(const std::string& file, const std::string& type, Play&& play) {
  int played = 0;
  for (const json& vector : vectors(file)) {
    const json said = vector["json"].is_null() ? json() : json::parse(vector["json"].get<std::string>(), nullptr, false);
    if (vector["side"] != "broker" || (!type.empty() && (!said.is_object() || said.value("type", "") != type))) continue;
    for (const bool binary : {false, true}) {
      if (vector[binary ? "binary" : "json"].is_null()) continue;
      SCOPED_TRACE((binary ? "binary: " : "lines: ") + vector["name"].get<std::string>());
      play(Line{vector, said, binary});
      ++played;
    }
  }
  return played;
}

// A client that has joined a stage. The stage ends first, so that the client has nothing to wait for.
struct Meeting {
  std::optional<Client> joined;
  Stage stage;
  Client& bus;

  explicit Meeting(bool binary, const std::function<void(Options&)>& say = {}) : stage(binary), bus(join(say)) {}

 private:
  Client& join(const std::function<void(Options&)>& say) {
    Options options = stage.options();
    if (say) say(options);
    auto joining = std::async(std::launch::async, [&] { return Client::connect(options); });
    stage.welcome();
    return joined.emplace(joining.get());
  }
};

// Does what waits for the stage, while the stage answers what it hears.
template <class Work>
auto meanwhile(Stage& stage, const char* type, const json& more, Work&& work) {
  auto working = std::async(std::launch::async, std::forward<Work>(work));
  const json heard = stage.hear();
  json answer{{"type", type}, {"id", heard["id"]}};
  for (const char* member : {"filter", "shared", "name"}) {
    if (heard.contains(member)) answer[member] = heard[member];
  }
  answer.update(more);
  stage.say(answer);
  return working.get();
}

// Compares what came with what was said, as the actor of the scenarios shows it.
void expect_carried(const json& item, const json& said) {
  EXPECT_EQ(item["from"], said["from"]);
  if (said.value("encoding", "") == "base64") {
    EXPECT_EQ(item.value("payload_base64", ""), said["payload"]);
  } else if (said.contains("payload")) {
    EXPECT_EQ(json::parse(item.value("payload_text", "")), said["payload"]);
  } else {
    EXPECT_FALSE(item.contains("payload_text")) << item;
  }
  EXPECT_EQ(item["headers"], said.value("headers", json::object()));
  for (const char* member : {"reply_to", "sent_at", "schema", "signature", "encryption", "attempts", "status"}) {
    EXPECT_EQ(item["content"].value(member, json()), said.value(member, json())) << member;
  }
  const bool bytes = said.contains("encoding");
  EXPECT_EQ(item["content_type"], said.value("content_type", bytes ? "application/octet-stream" : "application/json"));
}

// The filter and the shared name of the subscription that a delivery is for.
std::pair<std::string, std::string> subscribed(const json& said) {
  const std::string shared = said.value("shared", "");
  if (shared.empty()) return {said.value("filter", said["topic"].get<std::string>()), ""};
  const std::size_t slash = shared.find('/');
  return {shared.substr(slash + 1), shared.substr(0, slash)};
}

}  // namespace

TEST(Vectors, whatever_a_broker_may_say_leaves_the_client_there) {
  for (const char* file : {"valid/broker.json", "valid/liberties.json"}) {
    EXPECT_GT(each(file, "", [](const Line& line) {
      // A client that has nothing under way leaves a broker that is about to end.
      if (line.said["type"] == "draining") return;
      Meeting meeting(line.binary);
      Stage& stage = meeting.stage;
      Client& bus = meeting.bus;
      stage.say_vector(line.vector);
      stage.sees_it_alive();
      EXPECT_TRUE(bus.is_connected());
    }), 5);
  }
}

TEST(Vectors, a_delivery_reaches_the_program_as_it_is) {
  for (const char* file : {"valid/broker.json", "valid/liberties.json"}) {
    EXPECT_GT(each(file, "delivery", [](const Line& line) {
      Meeting meeting(line.binary);
      Stage& stage = meeting.stage;
      Client& bus = meeting.bus;
      Watched<std::vector<json>> came;
      const auto [filter, shared] = subscribed(line.said);
      SubscribeOptions options;
      options.shared = shared;
      Subscription subscription = meanwhile(stage, "subscribed", json::object(), [&, filter = filter] {
        return bus.subscribe(filter, [&](const Message& message) {
          json item = of_message(message);
          item["id"] = std::string(message.id());
          came.change([&](auto& all) { all.push_back(item); });
        }, options);
      });
      stage.say_vector(line.vector);
      const json item = came.wait([](const auto& all) { return !all.empty(); }).at(0);
      expect_carried(item, line.said);
      EXPECT_EQ(item["topic"], line.said["topic"]);
      EXPECT_EQ(item["id"], line.said.value("id", ""));
      EXPECT_EQ(item.value("shared", ""), line.said.value("shared", ""));
      EXPECT_EQ(item["retained"], line.said.value("retained", false));
      EXPECT_EQ(item["snapshot"], line.said.value("snapshot", false));
    }), 3);
  }
}

TEST(Vectors, a_request_reaches_its_handler_as_it_is) {
  EXPECT_GT(each("valid/broker.json", "request", [](const Line& line) {
    Meeting meeting(line.binary);
    Stage& stage = meeting.stage;
    Client& bus = meeting.bus;
    Watched<std::vector<json>> came;
    Service service("attic", "1.0.0");
    service.instance("one").group("storage").deferred_method("get", [&](const Request& request) {
      json item = of_call(request);
      item["address"] = std::string(request.address());
      item["stream"] = request.wants_stream();
      came.change([&](auto& all) { all.push_back(item); });
    });
    const json more{{"instance", "one"}, {"resume", "again"}, {"heartbeat_ms", 0}};
    Registration registration = meanwhile(stage, "registered", more, [&] { return bus.register_service(service); });
    stage.say_vector(line.vector);
    const json item = came.wait([](const auto& all) { return !all.empty(); }).at(0);
    expect_carried(item, line.said);
    EXPECT_EQ(item["address"], line.said["to"]);
    EXPECT_EQ(item["attempt"], line.said["attempt"]);
    EXPECT_EQ(item["stream"], line.said.value("stream", false));
    EXPECT_EQ(item["expires_in_ms"].is_null(), line.said["expires_in_ms"].is_null());
  }), 3);
}

TEST(Vectors, a_reply_and_an_error_reach_their_caller_as_they_are) {
  for (const char* type : {"reply", "error"}) {
    EXPECT_GT(each("valid/broker.json", type, [](const Line& line) {
      // The id of a request is the client's choice, and stands in the text; an error of one instance is of a gathered one.
      if (line.binary || line.said.contains("delivery")) return;
      Meeting meeting(false);
      Stage& stage = meeting.stage;
      Client& bus = meeting.bus;
      Pending<Reply> pending = bus.request("attic:get");
      json said = line.said;
      said["id"] = stage.hear()["id"];
      stage.say(said.dump() + "\n");
      if (said["type"] == "reply") return expect_carried(of_reply("reply", pending.get()), said);
      const json item = of_error(error_of([&] { pending.get(); }));
      for (const auto& [member, value] : said["error"].items()) {
        if (member != "type") {
          EXPECT_EQ(item[member], value) << member;
        }
      }
    }), 0);
  }
}

TEST(Vectors, what_no_broker_says_is_refused_with_its_code) {
  EXPECT_GT(each("invalid/broker.json", "", [](const Line& line) {
    Watched<std::string> told;
    const auto tell = [&](const Error& error) {
      told.change([&](std::string& word) { word = word.empty() ? error.word() : word; });
    };
    Meeting meeting(line.binary, [&](Options& options) {
      options.on_report = [&](const Report& report) { tell(report.error); };
      options.on_state = [&](const ConnectionState& state) {
        if (state.error) tell(*state.error);
      };
    });
    Stage& stage = meeting.stage;
    stage.say_vector(line.vector);
    EXPECT_EQ(told.wait([](const std::string& word) { return !word.empty(); }), line.vector["error"]);
    // A later broker may say more than this version knows; nothing else may be passed over.
    if (line.vector["error"] == "unknown_type") {
      stage.sees_it_alive();
    } else {
      EXPECT_TRUE(stage.hears_the_end());
    }
  }), 20);
}

namespace {

// With which codes what a program says may be refused before it is sent.
const std::vector<std::string> kPlayed{"invalid_name", "invalid_address", "invalid_topic", "invalid_filter"};

// Says by the API what a message of the vectors says. Returns the code with which it is refused; nothing if the API cannot
// say such a thing.
std::optional<std::string> refusal(Client& bus, const Broker& broker, const json& said) {
  const auto word = [&](const char* member) { return said.value(member, std::string()); };
  const auto refused = [](auto&& work) { return error_of(work).word(); };
  const std::string type = said.value("type", "connect");
  if (type == "connect") return refused([&] { broker.client(word("name")); });
  if (type == "publish" && !said.contains("encoding")) return refused([&] { bus.publish(word("topic"), "1"); });
  if (type == "subscribe") {
    SubscribeOptions options;
    options.shared = word("shared");
    return refused([&] { (void)bus.subscribe(word("filter"), [](const Message&) {}, options); });
  }
  if (type == "request" && said["to"].is_string()) return refused([&] { bus.gather(word("to")).collect(); });
  if (type == "request") return refused([&] { bus.gather(said["to"].get<std::vector<std::string>>()).collect(); });
  if (type != "register" || word("name").empty()) return std::nullopt;
  Service service(word("name"), word("version"));
  service.instance(word("instance"));
  for (const json& group : said.value("groups", json::array())) service.group(group);
  const json methods = said.value("methods", json::object()), topics = said.value("topics", json::object());
  for (const auto& [key, value] : methods.items()) {
    service.method(methods.is_array() ? value.get<std::string>() : key, [](const Request&) { return "1"; });
  }
  for (const auto& [topic, contract] : topics.items()) service.topic({topic, "", false, false, ""});
  return refused([&] { (void)bus.register_service(service); });
}

}  // namespace

TEST(Vectors, names_addresses_topics_and_filters_are_refused_where_a_program_says_them) {
  Broker broker;
  Client bus = broker.client();
  std::map<std::string, int> played;
  for (const json& vector : vectors("invalid/client-json.json")) {
    const std::string code = vector["error"];
    if (std::find(kPlayed.begin(), kPlayed.end(), code) == kPlayed.end()) continue;
    const json said = json::parse(vector["json"].get<std::string>());
    if (said.value("type", "") == "message" || said.value("type", "") == "unsubscribe") continue;
    SCOPED_TRACE(vector["name"].get<std::string>());
    const std::optional<std::string> refused = refusal(bus, broker, said);
    if (!refused) continue;
    EXPECT_EQ(*refused, code);
    ++played[code];
  }
  for (const std::string& code : kPlayed) EXPECT_GT(played[code], 2) << code;
}

TEST(Vectors, brokers_of_other_versions_are_met_as_they_say) {
  for (const json& vector : vectors("versions/client.json")) {
    const bool binary = vector["road"] == "binary";
    // A preamble that is accepted is what every other test over frames begins with.
    if (binary && vector["accepted"]) continue;
    SCOPED_TRACE(vector["name"].get<std::string>());
    std::future<Client> joining;
    std::optional<Client> joined;
    Stage stage(binary);
    joining = std::async(std::launch::async, [&] { return Client::connect(stage.options()); });
    stage.accept(binary ? vector["answer"].get<std::string>() : "");
    if (!binary) {
      json answer = vector["answer"];
      const json id = stage.hear()["id"];
      if (answer.contains("id")) answer["id"] = id;
      stage.say(answer.dump() + "\n");
    }
    if (vector["accepted"]) {
      joined.emplace(joining.get());
      EXPECT_EQ(joined->state().node, "later");
    } else {
      EXPECT_EQ(error_of([&] { joining.get(); }).code(), ErrorCode::unsupported_version);
    }
  }
}
