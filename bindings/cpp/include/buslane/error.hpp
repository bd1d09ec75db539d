/// @file
/// What is thrown, and what is told where nothing can be thrown.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include <buslane/error_code.hpp>
#include <buslane/export.hpp>

namespace buslane {

/// Who reports an error.
enum class Origin {
  broker,   ///< The broker.
  service,  ///< The service that was called; the error's word is then its own.
  client,   ///< This library.
};

/// Whether doing the same again can help.
enum class Retry {
  never,              ///< It is refused again.
  later,              ///< Nothing took effect; it may succeed later.
  if_harmless_twice,  ///< It may have taken effect: again only if doing it twice is harmless.
};

/// An error as it travelled. Texts that were not there are empty.
struct Problem {
  ErrorCode code = ErrorCode::service;  ///< The code of the table; `service` for a service's own word.
  std::string word;                     ///< The code as it travels: of the table, or the service's own word.
  std::string title;                    ///< One sentence, the same for each error of the code.
  std::string detail;                   ///< What was wrong this time.
  std::string address;                  ///< The address or topic that it is about.
  std::optional<std::string> pointer;   ///< JSON Pointer to the offending value; "" is the whole payload.
  std::string keyword;                  ///< The JSON Schema keyword that failed.
  std::string expected;                 ///< What the keyword expects, as JSON text.
  std::string data;                     ///< What a service added, as JSON text.
  Origin origin = Origin::client;       ///< Who reports it.
  Retry retry = Retry::never;           ///< Whether doing it again can help.
  unsigned status = 0;                  ///< The HTTP status that goes with it.
};

/// Every error of this library. Copies share what they carry; safe to read from any thread.
class BUSLANE_API Error : public std::runtime_error {
 public:
  /// Makes the error of a problem.
  explicit Error(Problem problem);
  /// Makes an error of this library's own.
  Error(ErrorCode code, const std::string& detail);
  ~Error() override;
  Error(const Error&) noexcept;  ///< Copies.
  Error& operator=(const Error&) noexcept;  ///< Copies.

  /// Returns the stable code; `ErrorCode::service` for a service's own word.
  ErrorCode code() const noexcept;
  /// Returns the code as it travels, the same in every language.
  const std::string& word() const noexcept;
  /// Returns everything that is known.
  const Problem& problem() const noexcept;
  /// Tells whether doing it again can help.
  Retry retry() const noexcept;

 private:
  std::shared_ptr<const Problem> problem_;
};

/// What a handler throws to answer with the service's own error. Move and copy it as any exception.
class BUSLANE_API ServiceError : public std::runtime_error {
 public:
  /// Makes an error. The code is the service's word, 1 to 64 of `a-z 0-9 _`, and other characters become `_`; `data` is
  /// JSON text, or empty.
  ServiceError(std::string code, const std::string& title, std::string data = {});
  ~ServiceError() override;
  ServiceError(const ServiceError&);  ///< Copies.
  ServiceError& operator=(const ServiceError&);  ///< Copies.

  /// Returns the service's word.
  const std::string& code() const noexcept { return code_; }
  /// Returns anything else worth knowing, as JSON text.
  const std::string& data() const noexcept { return data_; }

 private:
  std::string code_;
  std::string data_;
};

}  // namespace buslane
