// A broker that says what a test has it say, to one client: over JSON lines or binary frames, on a free port.
#pragma once

#include <buslane/buslane.hpp>
#include <nlohmann/json.hpp>

#include <string>

class Stage {
 public:
  explicit Stage(bool binary);
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // Returns options for the client that is to come.
  buslane::Options options() const;
  // Takes the client in, and answers its preamble; says nothing else.
  void accept(const std::string& preamble);
  // Takes the client in, as a broker of this version does.
  void welcome();

  // Reads the next message: its members, of a frequent message in a frame only `type`, `id` and `rest`. Throws at the end.
  nlohmann::json hear();
  // Tells whether the client has left, once it has.
  bool hears_the_end();
  void say(const std::string& bytes);
  // Says a message that is rare, so that it is JSON text on both roads.
  void say(const nlohmann::json& message);
  // Says what a vector of the schemas has a broker say.
  void say_vector(const nlohmann::json& vector);
  // Sees the client answer a ping, which it does after everything that was said before.
  void sees_it_alive();

  bool is_binary() const { return binary_; }

 private:
  std::string read(std::size_t count);

  const bool binary_;
  int listener_ = -1, client_ = -1;
  unsigned short port_ = 0;
};

std::string from_hex(const std::string& text);
// Reads a file of schemas/vectors.
nlohmann::json vectors(const std::string& file);
