// The codes of errors against the shared table, and bad input.
#include "broker.hpp"

#include <nlohmann/json.hpp>

#include <fstream>

using namespace buslane;

TEST(Errors, every_code_of_the_shared_table_has_its_number_and_advice) {
  std::ifstream file(std::string(BUSLANE_SCHEMAS) + "/errors.json");
  const auto rows = nlohmann::json::parse(file)["errors"];
  const std::vector<std::string> advice{"never", "later", "if_harmless_twice"};
  for (const auto& row : rows) {
    const Error error(static_cast<ErrorCode>(row["number"].get<int>()), "detail");
    EXPECT_EQ(error.word(), row["code"]);
    EXPECT_EQ(error.problem().status, row["status"]);
    EXPECT_EQ(advice[static_cast<int>(error.retry())], row["retry"]);
    EXPECT_EQ(error.what(), row["title"].get<std::string>() + ": detail");
  }
  EXPECT_EQ(static_cast<int>(ErrorCode::schema_violation), 16);
}

TEST(Errors, bad_input_is_refused_where_it_is_given) {
  Broker broker;
  Client bus = broker.client();
  EXPECT_EQ(error_of([&] { bus.publish("t", "{no json"); }).code(), ErrorCode::invalid_payload);
  EXPECT_EQ(error_of([&] { bus.publish("t", "\"\xff\""); }).code(), ErrorCode::invalid_payload);
  EXPECT_EQ(error_of([&] { bus.publish("a//b", "1"); }).code(), ErrorCode::invalid_topic);
  EXPECT_EQ(error_of([&] { bus.publish("\xff", "1"); }).code(), ErrorCode::invalid_topic);
  EXPECT_EQ(error_of([&] { bus.request("no method", "1").get(); }).code(), ErrorCode::invalid_address);
  EXPECT_EQ(error_of([&] { bus.request("s:m", "{no json").get(); }).code(), ErrorCode::invalid_payload);
  EXPECT_EQ(error_of([&] { bus.request("@group:m", "1").get(); }).code(), ErrorCode::invalid_address);
  EXPECT_EQ(error_of([&] { (void)bus.subscribe("a/#/b", [](const Message&) {}); }).code(), ErrorCode::invalid_filter);
  EXPECT_EQ(error_of([&] { bus.publish("t", std::string(2 << 20, '1')); }).code(), ErrorCode::payload_too_large);
}
