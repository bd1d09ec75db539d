/// @file
/// What a message carries, as it is sent and as it is read. Knows no JSON: it is text here.
#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include <buslane/export.hpp>

namespace buslane {

/// What a message carries, lent by the message: valid as long as the message or a copy of it lives. A view that any number
/// of threads may read.
class BUSLANE_API Payload {
 public:
  /// Makes a payload without bytes.
  Payload() = default;
  /// Makes a view of bytes.
  Payload(std::string_view bytes, std::string_view content_type, bool json)
      : bytes_(bytes), content_type_(content_type), json_(json) {}

  /// Returns the bytes: JSON text, unless the content type says otherwise.
  std::string_view text() const noexcept { return bytes_; }
  /// Returns the content type.
  std::string_view content_type() const noexcept { return content_type_; }
  /// Tells whether it is JSON text.
  bool is_json() const noexcept { return json_; }
  /// Tells whether there is none.
  bool empty() const noexcept { return bytes_.empty(); }
  /// Converts to the text.
  operator std::string_view() const noexcept { return bytes_; }  // NOLINT: as good as the text

  /// Reads it by a JSON library's type that has `parse`, such as `nlohmann::json`. Throws what that throws.
  template <class Json>
  Json as() const {
    return Json::parse(bytes_.empty() ? std::string_view("null") : bytes_);
  }

 private:
  std::string_view bytes_;
  std::string_view content_type_ = "application/json";
  bool json_ = true;
};

/// Writes the text.
BUSLANE_API std::ostream& operator<<(std::ostream& stream, const Payload& payload);

/// What is sent: JSON text, or any bytes with a content type. Text that is moved in is kept, other text is only
/// referred to and has to live until the call returns, or, of what a handler returns, after the handler. A value for one
/// thread at a time.
class Body {
 public:
  /// Sends no payload.
  Body() = default;
  /// Sends JSON text.
  Body(const char* text) : lent_(text) {}  // NOLINT: text is a body
  /// Sends JSON text.
  Body(std::string_view text) : lent_(text) {}  // NOLINT
  /// Sends JSON text.
  Body(const std::string& text) : lent_(text) {}  // NOLINT
  /// Sends JSON text, and keeps it.
  Body(std::string&& text) : kept_(std::move(text)), keeps_(true) {}  // NOLINT
  /// Sends what came, as what it came.
  Body(const Payload& payload)  // NOLINT
      : lent_(payload.text()), content_type_(payload.content_type()), json_(payload.is_json()) {}

  /// Sends a value of a JSON library that has `dump`, such as `nlohmann::json`.
  template <class Json, class = std::enable_if_t<std::is_same_v<decltype(std::declval<const Json&>().dump()), std::string>>>
  Body(const Json& value) : kept_(value.dump()), keeps_(true) {}  // NOLINT

  /// Sends bytes, and says what they are.
  static Body bytes(std::string content_type, std::string_view bytes) {
    Body body(bytes);
    body.content_type_ = std::move(content_type);
    body.json_ = false;
    return body;
  }

  /// Returns the bytes.
  std::string_view text() const noexcept { return keeps_ ? std::string_view(kept_) : lent_; }
  /// Returns what they are, unless they are JSON text.
  const std::string& content_type() const noexcept { return content_type_; }
  /// Tells whether they are JSON text.
  bool is_json() const noexcept { return json_; }

 private:
  std::string kept_;
  std::string_view lent_;
  std::string content_type_;
  bool keeps_ = false;
  bool json_ = true;
};

}  // namespace buslane
